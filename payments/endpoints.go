package payments

import (
	"context"
	"slices"

	"github.com/stripe/stripe-go/v76"
)

// APIVersion is the version of Stripe's API that is spoken here.
const APIVersion = stripe.APIVersion

// Endpoint is one of the account's webhook endpoints.
type Endpoint struct {
	URL     string
	Version string // of Stripe's API; empty: the account's default
	Enabled bool
	Missing []string // of EventTypes: what is not sent there
}

// Endpoints lists them, for whoever checks the configuration.
//
// Errors: billing.ErrStripeUnavailable, billing.ErrStripeRefused (a key that may
// not list them).
func (c *Client) Endpoints(ctx context.Context) ([]Endpoint, error) {
	it := c.endpoints.List(&stripe.WebhookEndpointListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)},
	})
	var all []Endpoint
	for it.Next() {
		e := it.WebhookEndpoint()
		all = append(all, Endpoint{
			URL: e.URL, Version: e.APIVersion, Enabled: e.Status == "enabled",
			Missing: slices.DeleteFunc(EventTypes(), func(event string) bool {
				return slices.Contains(e.EnabledEvents, "*") || slices.Contains(e.EnabledEvents, event)
			}),
		})
	}
	if err := it.Err(); err != nil {
		return nil, readError(err)
	}
	return all, nil
}
