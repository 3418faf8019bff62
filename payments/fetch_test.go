package payments

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

func TestFetch(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	before := len(r.server.Calls())
	st, invoices, err := r.Fetch(r.ctx, sub.CustomerID)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(r.server.Calls()) - before; n != 3 {
		t.Errorf("%d calls", n)
	}
	if st.Plan != "pro" || st.Status != "active" || st.SubscriptionID == "" || st.ItemID == "" || st.CustomerID != sub.CustomerID {
		t.Errorf("state %+v", st)
	}
	if want := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC); !st.PeriodEnd.Equal(want) || st.Next == nil || !st.Next.Date.Equal(want) || st.Next.Amount.Amount != 1900 {
		t.Errorf("period %v, next %+v", st.PeriodEnd, st.Next)
	}
	if st.Card == nil || st.Card.Last4 != "4242" || st.Card.Brand != "visa" || st.Card.ExpMonth != 12 {
		t.Errorf("card %+v", st.Card)
	}
	if len(invoices) != 1 || invoices[0].Status != "paid" || invoices[0].Amount.Amount != 1900 || invoices[0].Description != "Pro" || invoices[0].HostedURL == "" || invoices[0].PDFURL == "" || invoices[0].Number == "" {
		t.Errorf("invoices %+v", invoices)
	}
}

// TestAllInvoices: more than a page of Stripe's, newest first, and every one
// once; Fetch keeps to the newest.
func TestAllInvoices(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	for range 11 {
		r.clock.pass(10 * 31 * 24 * time.Hour)
		r.state(sub.CustomerID) // what fell due happens at a call
	}
	before := len(r.server.Calls())
	all, err := r.AllInvoices(r.ctx, sub.CustomerID)
	if err != nil || len(all) < pageOfInvoices+10 {
		t.Fatalf("%d invoices, %v", len(all), err)
	}
	if n := len(r.server.Calls()) - before; n != 2 {
		t.Errorf("%d calls", n)
	}
	seen := map[string]bool{}
	for i, inv := range all {
		if seen[inv.ID] || inv.Description != "Pro" || i > 0 && inv.CreatedAt.After(all[i-1].CreatedAt) {
			t.Errorf("invoice %d: %+v", i, inv)
		}
		seen[inv.ID] = true
	}
	_, newest, err := r.Fetch(r.ctx, sub.CustomerID)
	if err != nil || !reflect.DeepEqual(newest, all[:billing.NewestInvoices]) {
		t.Errorf("Fetch: %d invoices, %v", len(newest), err)
	}
	if none, err := r.AllInvoices(r.ctx, "cus_never"); err == nil && len(none) > 0 {
		t.Errorf("of nobody: %d, %v", len(none), err)
	}
}

// TestAllInvoicesIsBounded: a thousand are read, and it is said that there are
// more.
func TestAllInvoicesIsBounded(t *testing.T) {
	asked := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		q := r.URL.Query()
		if q.Get("limit") != "100" || asked > 1 && q.Get("starting_after") != fmt.Sprintf("in_%d", (asked-1)*100-1) {
			t.Errorf("call %d: %s", asked, r.URL.RawQuery)
		}
		var list []string
		for i := range 100 {
			list = append(list, fmt.Sprintf(`{"id":"in_%d","object":"invoice","created":%d,"currency":"usd"}`, (asked-1)*100+i, 1e9-asked*100-i))
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"object":"list","url":"/v1/invoices","has_more":true,"data":[%s]}`, strings.Join(list, ","))
	}))
	defer srv.Close()
	var log bytes.Buffer
	c, err := New(Options{SecretKey: "sk_test_1", APIBase: srv.URL, Catalog: flat(t), Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.AllInvoices(t.Context(), "cus_1")
	if err != nil || len(all) != 1000 || asked != 10 || !strings.Contains(log.String(), "older invoices stay at Stripe") {
		t.Errorf("%d invoices in %d calls, %v, log %s", len(all), asked, err, log.String())
	}
}

func TestFetchWithoutSubscription(t *testing.T) {
	r := newRoom(t)
	id, err := r.EnsureCustomer(r.ctx, billing.Org{ID: "org_1", Name: "Acme"}, "owner@acme.test")
	if err != nil {
		t.Fatal(err)
	}
	st, invoices, err := r.Fetch(r.ctx, id)
	if err != nil || st.Plan != "free" || st.Status != billing.StatusNone || st.CustomerID != id || len(invoices) != 0 {
		t.Errorf("%+v, %v, %v", st, invoices, err)
	}
}

func TestFetchDeletedAndUnknownCustomer(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	if _, err := r.customers.Del(sub.CustomerID, &stripe.CustomerParams{Params: params(r.ctx, "")}); err != nil {
		t.Fatal(err)
	}
	st, _, err := r.Fetch(r.ctx, sub.CustomerID)
	if err != nil || st.CustomerID != "" || st.Plan != "free" || st.Status.Live() {
		t.Errorf("deleted: %+v, %v", st, err)
	}
	if _, _, err := r.Fetch(r.ctx, "cus_never"); !errors.Is(err, billing.ErrStripeRefused) {
		t.Errorf("unknown: %v", err)
	}
}

func TestFetchPastDue(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	r.server.FailNextPayment(sub.CustomerID)
	r.clock.pass(30*24*time.Hour + time.Minute)
	st := r.state(sub.CustomerID)
	if st.Status != billing.StatusPastDue || st.Plan != "pro" || st.Action == nil {
		t.Fatalf("state %+v", st.State)
	}
	if a := st.Action; a.Plan != "" || a.URL == "" || a.Amount.Amount != 1900 || !a.Failed.Equal(sub.PeriodEnd) || !a.NextTry.Equal(sub.PeriodEnd.Add(3*24*time.Hour)) {
		t.Errorf("action %+v", a)
	}
	r.press(st.Action.URL, nil)
	if st := r.state(sub.CustomerID); st.Status != billing.StatusActive || st.Action != nil {
		t.Errorf("after paying: %+v", st.State)
	}
}

// TestFetchRenewalForTheBank: a renewal that the bank wants confirmed is told from
// one that was declined.
func TestFetchRenewalForTheBank(t *testing.T) {
	for card, bank := range map[string]bool{"pm_card_chargeCustomerFail": false, "pm_card_authenticationRequired": true} {
		r := newRoom(t)
		sub := r.subscribe("pro", "pm_card_visa")
		r.useCard(sub.CustomerID, card)
		r.clock.pass(30*24*time.Hour + time.Minute)
		if st := r.state(sub.CustomerID); st.Status != billing.StatusPastDue || st.Action == nil || st.Action.NeedsBank != bank {
			t.Errorf("%s: %s, %+v", card, st.Status, st.Action)
		}
	}
}

func TestForeignPrice(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	p, err := r.prices.New(&stripe.PriceParams{
		Params: params(r.ctx, ""), Currency: stripe.String("usd"), UnitAmount: stripe.Int64(700),
		Recurring: &stripe.PriceRecurringParams{Interval: stripe.String("month")}, ProductData: &stripe.PriceProductDataParams{Name: stripe.String("Special")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.subscriptions.Update(sub.SubscriptionID, &stripe.SubscriptionParams{
		Params: params(r.ctx, ""), Items: []*stripe.SubscriptionItemsParams{{ID: stripe.String(sub.ItemID), Price: stripe.String(p.ID)}},
	}); err != nil {
		t.Fatal(err)
	}
	st := r.state(sub.CustomerID)
	if st.UnknownPrice != p.ID || st.Plan != "" {
		t.Errorf("state %+v", st.State)
	}
	if _, err := r.Quote(r.ctx, st, changeTo("scale"), r.clock.Now()); !errors.Is(err, billing.ErrRejected) {
		t.Errorf("quote: %v", err)
	}
}

func TestEvents(t *testing.T) {
	r := newRoom(t)
	since := r.clock.Now().Add(time.Second)
	r.clock.pass(time.Minute)
	var customers []string
	for range 22 { // some five events each: more than one page
		customers = append(customers, r.subscribe("pro", "pm_card_visa").CustomerID)
		r.clock.pass(time.Second)
	}
	events, err := r.Events(r.ctx, since)
	if err != nil || len(events) <= 100 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	seen := map[string]bool{}
	for i, e := range events {
		if i > 0 && e.CreatedAt.Before(events[i-1].CreatedAt) {
			t.Fatalf("event %d is older than the one before", i)
		}
		if !slices.Contains(EventTypes(), e.Type) || e.ID == "" || e.CustomerID == "" || seen[e.ID] {
			t.Errorf("event %+v", e)
		}
		seen[e.ID] = true
	}
	for _, id := range customers {
		if !slices.ContainsFunc(events, func(e billing.Event) bool { return e.CustomerID == id }) {
			t.Errorf("no event of %s", id)
		}
	}
	later, err := r.Events(r.ctx, r.clock.Now().Add(time.Hour))
	if err != nil || len(later) != 0 {
		t.Errorf("%d events of the future, %v", len(later), err)
	}
}

func TestWebhooksOfTheSandboxVerify(t *testing.T) {
	r := newRoom(t)
	var mu sync.Mutex
	got := map[string]string{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		e, err := VerifyWebhook(body, req.Header.Get("Stripe-Signature"), []string{"whsec_room"}, r.clock.Now(), false)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			t.Errorf("%v", err)
		}
		got[e.Type] = e.CustomerID
		w.WriteHeader(http.StatusOK)
	}))
	defer srv.Close()
	r.server.SetWebhook(srv.URL)
	sub := r.subscribe("pro", "pm_card_visa")
	ctx, cancel := context.WithTimeout(r.ctx, 10*time.Second)
	defer cancel()
	if err := r.server.WaitDelivered(ctx); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, typ := range []string{"customer.subscription.created", "invoice.paid", "payment_method.attached"} {
		if got[typ] != sub.CustomerID {
			t.Errorf("%s came for %q", typ, got[typ])
		}
	}
}

// TestEventTypes: Stripe takes at most 20 types in a list of events.
func TestEventTypes(t *testing.T) {
	types := slices.Compact(slices.Sorted(slices.Values(EventTypes())))
	if len(types) != len(EventTypes()) || len(types) > 20 {
		t.Errorf("%d types, %d different ones", len(EventTypes()), len(types))
	}
}
