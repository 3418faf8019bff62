package payments

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// priceLife is how long a found price is believed.
const priceLife = 10 * time.Minute

type cachedPrice struct {
	id    string
	until time.Time
}

// priceID finds the active price of a lookup key. A price that does not charge
// what the catalogue says is refused: people would read one amount and pay
// another.
func (c *Client) priceID(ctx context.Context, want billing.Price) (string, error) {
	now := c.clock.Now()
	c.mu.Lock()
	hit, ok := c.priceCache[want.LookupKey]
	c.mu.Unlock()
	if ok && now.Before(hit.until) {
		return hit.id, nil
	}
	found, err := c.pricesByKey(ctx, []string{want.LookupKey})
	if err != nil {
		return "", readError(err)
	}
	p := found[want.LookupKey]
	if p == nil {
		return "", wrongPrice(fmt.Errorf("payments: Stripe has no active price with lookup key %q", want.LookupKey))
	}
	if err := matches(p, want); err != nil {
		return "", wrongPrice(err)
	}
	c.mu.Lock()
	c.priceCache[want.LookupKey] = cachedPrice{id: p.ID, until: now.Add(priceLife)}
	c.mu.Unlock()
	return p.ID, nil
}

// sells looks anew for the prices after Stripe has refused a call: one that we
// remember may have been archived meanwhile, and then the error says so.
func (c *Client) sells(ctx context.Context, prices ...billing.Price) error {
	c.mu.Lock()
	for _, p := range prices {
		delete(c.priceCache, p.LookupKey)
	}
	c.mu.Unlock()
	for _, p := range prices {
		if _, err := c.priceID(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// soldAt are the prices of a plan, its units' only where there are some.
func soldAt(p billing.Plan) []billing.Price {
	if p.Units == nil || p.Additional == 0 {
		return []billing.Price{p.Price}
	}
	return []billing.Price{p.Price, p.Units.Price}
}

func wrongPrice(err error) error {
	return billing.ErrRejected.
		Say("The plan's price is not set up at Stripe as in the catalogue, so nothing was changed. Ask the operator.").
		Because(err)
}

// pricesByKey reads the active prices of at most 10 lookup keys.
func (c *Client) pricesByKey(ctx context.Context, keys []string) (map[string]*stripe.Price, error) {
	it := c.prices.List(&stripe.PriceListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(100), Single: true},
		LookupKeys: stripe.StringSlice(keys),
		Active:     stripe.Bool(true),
	})
	if err := it.Err(); err != nil {
		return nil, err
	}
	found := map[string]*stripe.Price{}
	for _, p := range it.PriceList().Data {
		found[p.LookupKey] = p
	}
	return found, nil
}

// matches reports how a price differs from the catalogue's.
func matches(p *stripe.Price, want billing.Price) error {
	if p.UnitAmount != want.Amount || string(p.Currency) != want.Currency {
		return fmt.Errorf("payments: lookup key %q is %d %s at Stripe and %d %s in the catalogue",
			want.LookupKey, p.UnitAmount, p.Currency, want.Amount, want.Currency)
	}
	r := p.Recurring
	if r == nil || string(r.Interval) != want.Interval || r.IntervalCount != 1 || r.UsageType != stripe.PriceRecurringUsageTypeLicensed {
		return fmt.Errorf("payments: lookup key %q is not charged once a %s at Stripe", want.LookupKey, want.Interval)
	}
	return nil
}

// PushCatalog creates at Stripe the products and prices that the catalogue names
// and Stripe does not have, and returns the lookup keys of the prices that it
// created. A second call creates nothing. It changes no price that exists: one
// that differs from the catalogue is an error, and prices after it are not
// looked at.
func (c *Client) PushCatalog(ctx context.Context, catalog *billing.Catalog) ([]string, error) {
	var created []string
	for _, w := range pricesOf(catalog) {
		isNew, err := c.pushPrice(ctx, w)
		if err != nil {
			return created, err
		}
		if isNew {
			created = append(created, w.price.LookupKey)
		}
	}
	return created, nil
}

// pricesOf lists what the catalogue charges: for plans and for additional units.
func pricesOf(catalog *billing.Catalog) (all []pushedPrice) {
	for _, plan := range catalog.Plans {
		if !plan.Paid() {
			continue
		}
		all = append(all, pushedPrice{plan: plan, price: plan.Price})
		if plan.Units != nil {
			all = append(all, pushedPrice{plan: plan, price: plan.Units.Price, unit: true})
		}
	}
	return all
}

// pushedPrice is a plan's own price or that of its additional unit.
type pushedPrice struct {
	plan  billing.Plan
	price billing.Price
	unit  bool
}

func (w pushedPrice) productID() string {
	if w.unit {
		return "countersign_" + w.plan.ID + "_unit"
	}
	return "countersign_" + w.plan.ID
}

func (w pushedPrice) name() string {
	if w.unit {
		return w.plan.Name + ", additional unit"
	}
	return w.plan.Name
}

// metadata lets Project recognise the price even after its lookup key has gone
// to a newer one.
func (w pushedPrice) metadata() map[string]string {
	m := map[string]string{metaPlan: w.plan.ID}
	if w.unit {
		m[metaUnit] = "1"
	}
	return m
}

func (c *Client) pushPrice(ctx context.Context, w pushedPrice) (created bool, err error) {
	found, err := c.pricesByKey(ctx, []string{w.price.LookupKey})
	if err != nil {
		return false, readError(err)
	}
	if p := found[w.price.LookupKey]; p != nil {
		return false, matches(p, w.price)
	}
	if err := c.pushProduct(ctx, w); err != nil {
		return false, err
	}
	_, err = c.prices.New(&stripe.PriceParams{
		Params:     params(ctx, ""), // the lookup key is what makes it unique
		Product:    stripe.String(w.productID()),
		LookupKey:  stripe.String(w.price.LookupKey),
		UnitAmount: stripe.Int64(w.price.Amount),
		Currency:   stripe.String(w.price.Currency),
		Recurring:  &stripe.PriceRecurringParams{Interval: stripe.String(w.price.Interval)},
		Nickname:   stripe.String(w.name()),
		Metadata:   w.metadata(),
	})
	if err != nil {
		return false, fmt.Errorf("payments: price %q: %w", w.price.LookupKey, cause(err))
	}
	return true, nil
}

func (c *Client) pushProduct(ctx context.Context, w pushedPrice) error {
	_, err := c.products.Get(w.productID(), &stripe.ProductParams{Params: params(ctx, "")})
	if err == nil {
		return nil
	}
	if status(err) != http.StatusNotFound {
		return readError(err)
	}
	_, err = c.products.New(&stripe.ProductParams{
		Params:   params(ctx, ""),
		ID:       stripe.String(w.productID()),
		Name:     stripe.String(w.name()),
		Metadata: map[string]string{metaPlan: w.plan.ID},
	})
	if err != nil && !hasCode(err, stripe.ErrorCodeResourceAlreadyExists) {
		return fmt.Errorf("payments: product %q: %w", w.productID(), cause(err))
	}
	return nil
}
