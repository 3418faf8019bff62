package payments

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

func TestPushCatalog(t *testing.T) {
	for name, want := range map[string]int{"flat": 2, "capacity": 4} {
		t.Run(name, func(t *testing.T) {
			c, err := billing.Builtin(name)
			if err != nil {
				t.Fatal(err)
			}
			r := bareRoom(t, c)
			created, err := r.PushCatalog(r.ctx, c)
			if err != nil || len(created) != want {
				t.Fatalf("created %v, %v", created, err)
			}
			before := len(r.server.Calls())
			again, err := r.PushCatalog(r.ctx, c)
			if err != nil || len(again) != 0 {
				t.Errorf("created again %v, %v", again, err)
			}
			for _, call := range r.server.Calls()[before:] {
				if call.Method != http.MethodGet {
					t.Errorf("the second push sent %s %s", call.Method, call.Path)
				}
			}
			for _, p := range c.Plans {
				if !p.Paid() {
					continue
				}
				found, err := r.pricesByKey(r.ctx, []string{p.Price.LookupKey})
				if got := found[p.Price.LookupKey]; err != nil || got == nil || matches(got, p.Price) != nil || got.Metadata[metaPlan] != p.ID {
					t.Errorf("%s: %+v, %v", p.ID, got, err)
				}
			}
		})
	}
}

func TestPushGoesOnWhereItStopped(t *testing.T) {
	r := bareRoom(t, flat(t))
	posts := 0
	r.onCall(func(req *http.Request) {
		if req.Method == http.MethodPost {
			if posts++; posts == 2 { // the first price, after its product
				r.server.FailNext(http.StatusInternalServerError, 1)
			}
		}
	})
	if created, err := r.PushCatalog(r.ctx, r.catalog); err == nil || len(created) != 0 {
		t.Fatalf("created %v, %v", created, err)
	}
	if created, err := r.PushCatalog(r.ctx, r.catalog); err != nil || len(created) != 2 {
		t.Errorf("created %v, %v", created, err)
	}
}

func TestPushRefusesAnotherAmount(t *testing.T) {
	r := newRoom(t)
	changed := *r.catalog
	changed.Plans = slices.Clone(changed.Plans)
	changed.Plans[1].Price.Amount++
	if created, err := r.PushCatalog(r.ctx, &changed); err == nil || len(created) != 0 {
		t.Errorf("created %v, %v", created, err)
	}
}

func TestPriceIsCached(t *testing.T) {
	r := newRoom(t)
	pro, _ := r.catalog.Plan("pro")
	asked := func() int {
		before := len(r.server.Calls())
		if _, err := r.priceID(r.ctx, pro.Price); err != nil {
			t.Fatal(err)
		}
		return len(r.server.Calls()) - before
	}
	if n := asked(); n != 1 {
		t.Errorf("%d calls at first", n)
	}
	r.clock.pass(priceLife - 1)
	if n := asked(); n != 0 {
		t.Errorf("%d calls while it is fresh", n)
	}
	r.clock.pass(1)
	if n := asked(); n != 1 {
		t.Errorf("%d calls when it is old", n)
	}
}

// TestPriceThatIsNotTheCatalogues: people would read one amount and pay another.
func TestPriceThatIsNotTheCatalogues(t *testing.T) {
	for name, change := range map[string]func(r *room, id string, p *stripe.PriceParams){
		"missing": func(r *room, id string, _ *stripe.PriceParams) {
			_, err := r.prices.Update(id, &stripe.PriceParams{Params: params(r.ctx, ""), Active: stripe.Bool(false)})
			if err != nil {
				r.t.Fatal(err)
			}
		},
		"amount": func(r *room, _ string, p *stripe.PriceParams) { p.UnitAmount = stripe.Int64(4901); r.replace(p) },
		"interval": func(r *room, _ string, p *stripe.PriceParams) {
			p.Recurring.Interval = stripe.String("year")
			r.replace(p)
		},
		"every two months": func(r *room, _ string, p *stripe.PriceParams) {
			p.Recurring.IntervalCount = stripe.Int64(2)
			r.replace(p)
		},
		"currency": func(r *room, _ string, p *stripe.PriceParams) { p.Currency = stripe.String("eur"); r.replace(p) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			scale, _ := r.catalog.Plan("scale")
			sub := r.subscribe("pro", "pm_card_visa")
			found, err := r.pricesByKey(r.ctx, []string{scale.Price.LookupKey})
			if err != nil {
				t.Fatal(err)
			}
			change(r, found[scale.Price.LookupKey].ID, &stripe.PriceParams{
				Params: params(r.ctx, ""), LookupKey: stripe.String(scale.Price.LookupKey), TransferLookupKey: stripe.Bool(true),
				Currency: stripe.String("usd"), UnitAmount: stripe.Int64(4900), Product: stripe.String("countersign_scale"),
				Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("month")},
			})
			if _, err := r.Quote(r.ctx, sub, changeTo("scale"), r.clock.Now()); !errors.Is(err, billing.ErrRejected) {
				t.Errorf("quote: %v", err)
			}
			if _, err := r.OpenCheckout(r.ctx, billing.CheckoutRequest{OrgID: "org_1", CustomerID: sub.CustomerID, Plan: scale}); !errors.Is(err, billing.ErrRejected) {
				t.Errorf("checkout: %v", err)
			}
		})
	}
}

func (r *room) replace(p *stripe.PriceParams) {
	r.t.Helper()
	if _, err := r.prices.New(p); err != nil {
		r.t.Fatal(err)
	}
}
