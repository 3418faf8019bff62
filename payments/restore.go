package payments

import (
	"context"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

var _ billing.Finder = (*Client)(nil)

// CustomersSince implements billing.Finder: by the mark that EnsureCustomer
// leaves on what it creates. A list of Stripe's is up to date at once; its search
// is not.
//
// Errors: billing.ErrStripeUnavailable.
func (c *Client) CustomersSince(ctx context.Context, since time.Time) ([]billing.FoundCustomer, error) {
	it := c.customers.List(&stripe.CustomerListParams{
		ListParams:   stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)},
		CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: max(since.Unix(), 1)},
	})
	var found []billing.FoundCustomer
	for it.Next() {
		if cus := it.Customer(); cus.Metadata[metaOrg] != "" {
			found = append(found, billing.FoundCustomer{CustomerID: cus.ID, OrgID: cus.Metadata[metaOrg]})
		}
	}
	if err := it.Err(); err != nil {
		return nil, readError(err)
	}
	slices.Reverse(found) // Stripe's order is newest first
	return found, nil
}

// ExpireCheckouts implements billing.Finder. A page that is paid at this very
// moment counts as ended too.
//
// Errors: billing.ErrStripeUnavailable.
func (c *Client) ExpireCheckouts(ctx context.Context) (ended int, err error) {
	it := c.checkouts.List(&stripe.CheckoutSessionListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)},
		Status:     stripe.String(string(stripe.CheckoutSessionStatusOpen)),
	})
	var open []string // the list would move on while its pages are read
	for it.Next() {
		if cs := it.CheckoutSession(); cs.Metadata[metaOrg] != "" {
			open = append(open, cs.ID)
		}
	}
	if err = it.Err(); err != nil {
		return 0, readError(err)
	}
	for _, id := range open {
		if err = c.ExpireCheckout(ctx, id); err != nil {
			return ended, err
		}
		ended++
	}
	return ended, nil
}
