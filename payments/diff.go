package payments

import (
	"context"

	"github.com/countersignhq/countersign/billing"
)

// PriceDiff is a price of the catalogue that is not so at Stripe.
type PriceDiff struct {
	LookupKey string
	Missing   bool  // Stripe has no active price of the key
	Differs   error // how the one that it has differs; nil if it is missing
}

// maxKeys is how many lookup keys Stripe takes at once.
const maxKeys = 10

// DiffCatalog compares the catalogue's prices with Stripe's, and changes nothing.
// PushCatalog creates those that are missing; of those that differ a person has
// to say which is right.
func (c *Client) DiffCatalog(ctx context.Context, catalog *billing.Catalog) (diffs []PriceDiff, err error) {
	wanted := pricesOf(catalog)
	for len(wanted) > 0 {
		n := min(len(wanted), maxKeys)
		keys := make([]string, n)
		for i, w := range wanted[:n] {
			keys[i] = w.price.LookupKey
		}
		found, err := c.pricesByKey(ctx, keys)
		if err != nil {
			return nil, readError(err)
		}
		for _, w := range wanted[:n] {
			p := found[w.price.LookupKey]
			if p == nil {
				diffs = append(diffs, PriceDiff{LookupKey: w.price.LookupKey, Missing: true})
			} else if differs := matches(p, w.price); differs != nil {
				diffs = append(diffs, PriceDiff{LookupKey: w.price.LookupKey, Differs: differs})
			}
		}
		wanted = wanted[n:]
	}
	return diffs, nil
}
