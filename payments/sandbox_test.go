package payments

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/payments/sandbox"
)

// The tests below speak to the sandbox over real HTTP.

// fakeClock is our clock and the sandbox's.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// room is an empty Stripe account with the flat catalogue pushed to it.
type room struct {
	t      *testing.T
	ctx    context.Context
	clock  *fakeClock
	server *sandbox.Server
	url    string
	*Client

	mu   sync.Mutex
	hook func(*http.Request)
	keys int
}

func newRoom(t *testing.T) *room { return roomOf(t, flat(t)) }

// roomOf has another catalogue than the flat one pushed to it.
func roomOf(t *testing.T, c *billing.Catalog) *room {
	t.Helper()
	r := bareRoom(t, c)
	if _, err := r.PushCatalog(r.ctx, r.catalog); err != nil {
		t.Fatal(err)
	}
	return r
}

func bareRoom(t *testing.T, c *billing.Catalog) *room {
	t.Helper()
	r := &room{t: t, ctx: t.Context(), clock: &fakeClock{now: time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)}}
	var err error
	r.server, err = sandbox.New(sandbox.Options{Now: r.clock.Now, SecretKey: "sk_test_room", WebhookSecret: "whsec_room", Hook: r.runHook})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(r.server.Handler())
	t.Cleanup(srv.Close)
	t.Cleanup(func() { _ = r.server.Close() })
	r.url = srv.URL
	r.Client, err = New(Options{SecretKey: "sk_test_room", APIBase: srv.URL, Catalog: c, Clock: r.clock})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *room) runHook(req *http.Request) {
	r.mu.Lock()
	f := r.hook
	r.mu.Unlock()
	if f != nil {
		f(req)
	}
}

func (r *room) onCall(f func(*http.Request)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hook = f
}

// subscribe makes a customer with a test card and a subscription.
func (r *room) subscribe(plan, card string) billing.Subscription {
	r.t.Helper()
	return r.subscribeWith(plan, 0, card)
}

// subscribeWith also has additional units.
func (r *room) subscribeWith(plan string, units int64, card string) billing.Subscription {
	r.t.Helper()
	p, ok := r.catalog.Plan(plan)
	if !ok {
		r.t.Fatalf("no plan %q", plan)
	}
	priceID, err := r.priceID(r.ctx, p.Price)
	if err != nil {
		r.t.Fatal(err)
	}
	// The first payment is made with a good card, as a person would at Checkout.
	cus, err := r.customers.New(&stripe.CustomerParams{
		Params:          params(r.ctx, ""),
		PaymentMethod:   stripe.String("pm_card_visa"),
		InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: stripe.String("pm_card_visa")},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	items := []*stripe.SubscriptionItemsParams{{Price: stripe.String(priceID)}}
	if units > 0 {
		unitID, err := r.priceID(r.ctx, p.Units.Price)
		if err != nil {
			r.t.Fatal(err)
		}
		items = append(items, &stripe.SubscriptionItemsParams{Price: stripe.String(unitID), Quantity: stripe.Int64(units)})
	}
	if _, err = r.subscriptions.New(&stripe.SubscriptionParams{Params: params(r.ctx, ""), Customer: &cus.ID, Items: items}); err != nil {
		r.t.Fatal(err)
	}
	if card != "pm_card_visa" {
		r.useCard(cus.ID, card)
	}
	return r.state(cus.ID)
}

func (r *room) useCard(customerID, token string) {
	r.t.Helper()
	res, err := r.post("/v1/payment_methods/"+token+"/attach", url.Values{"customer": {customerID}})
	if err != nil || res.StatusCode != http.StatusOK {
		r.t.Fatalf("attach %s: %v, %v", token, res, err)
	}
	list, err := r.get("/v1/payment_methods?type=card&customer=" + customerID)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.customers.Update(customerID, &stripe.CustomerParams{
		Params: params(r.ctx, ""), InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: stripe.String(list)},
	}); err != nil {
		r.t.Fatal(err)
	}
}

// state fetches a customer as the service would.
func (r *room) state(customerID string) billing.Subscription {
	r.t.Helper()
	st, _, err := r.Fetch(r.ctx, customerID)
	if err != nil {
		r.t.Fatal(err)
	}
	return billing.Subscription{State: st, Version: 7}
}

func changeTo(plan string) billing.Change {
	return billing.Change{Action: billing.ActionChangePlan, Plan: plan}
}

func (r *room) quote(sub billing.Subscription, ch billing.Change) billing.Quote {
	r.t.Helper()
	q, err := r.Quote(r.ctx, sub, ch, r.clock.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	return q
}

// order is what Apply would read from an order; each has a key of its own.
func (r *room) order(sub billing.Subscription, q billing.Quote, interactive bool) applyParams {
	r.keys++
	id := "int_" + string(rune('a'+r.keys))
	return applyParams{key: "cs:" + id + ":1", intentID: id, interactive: interactive, quote: q, from: sub.State}
}

func (r *room) mustApply(p applyParams) billing.Applied {
	r.t.Helper()
	a, err := r.apply(r.ctx, p)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// balance of a customer, as Stripe keeps it: credit is negative.
func (r *room) balance(customerID string) int64 {
	r.t.Helper()
	cus, err := r.customers.Get(customerID, &stripe.CustomerParams{Params: params(r.ctx, "")})
	if err != nil {
		r.t.Fatal(err)
	}
	return cus.Balance
}

// succeeded are the amounts that a customer paid, oldest first.
func (r *room) succeeded(customerID string) []int64 {
	var out []int64
	for _, c := range r.server.Charges(customerID) {
		if c.Status == "succeeded" {
			out = append(out, c.Amount)
		}
	}
	return out
}

func (r *room) wantCharges(customerID string, want ...int64) {
	r.t.Helper()
	if got := r.succeeded(customerID); !slices.Equal(got, want) {
		r.t.Errorf("charges %v, want %v", got, want)
	}
}

// wantUntouched: still this plan, and nothing open that could be paid later.
func (r *room) wantUntouched(before billing.Subscription) {
	r.t.Helper()
	st, invoices, err := r.Fetch(r.ctx, before.CustomerID)
	if err != nil {
		r.t.Fatal(err)
	}
	if st.Plan != before.Plan || st.Status != before.Status || st.CancelAtPeriodEnd != before.CancelAtPeriodEnd || st.Action != nil || st.Credit != before.Credit {
		r.t.Errorf("state is %+v\nwas %+v", st, before.State)
	}
	for _, inv := range invoices {
		if inv.Status == "open" {
			r.t.Errorf("invoice %s is open", inv.ID)
		}
	}
}
