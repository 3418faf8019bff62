package billing_test

import (
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func deleteCustomer(w *worldtest.World, customer string) {
	w.CallStripe("DELETE", "/v1/customers/"+customer, nil)
}

// TestDeletedCustomer: with the customer the subscription is gone; the org is on
// the free plan and buys again as a new customer, as often as that happens.
func TestDeletedCustomer(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		c := w.NewCast("acme", "scale", visa)
		ask := propose(t, w.Service, c.Agent, downgrade(), billing.StatusConfirmationRequired, nil)
		news(t, w, h)
		seen := map[string]bool{}
		customer := c.Customer
		for range 3 {
			seen[customer] = true
			deleteCustomer(w, customer)
			sub := w.Sync(c.Org.ID)
			org := w.Org(c.Org.ID)
			if sub.CustomerID != "" || sub.Status != billing.StatusNone || sub.SubscriptionID != "" || org.CustomerID != "" || org.Checkout != nil {
				t.Fatalf("after the deletion %+v, %+v", sub.State, org)
			}
			if s := summary(t, w, c); s.Plan.ID != "free" || s.BillingState() != "" || s.Stale {
				t.Errorf("on %s, %q, stale %v", s.Plan.ID, s.BillingState(), s.Stale)
			}
			_, err := w.Service.Portal(ctx, c.Owner)
			fails(t, err, billing.ErrNoCustomer)
			if n := strings.Count(events(w, c.Org.ID), billing.EventCustomerReleased); n != len(seen) {
				t.Errorf("%d of %d releases in the log", n, len(seen))
			}
			w.Sync(c.Org.ID) // again is nothing
			_, err = w.Service.Checkout(ctx, c.Owner, "pro")
			noError(t, err)
			if customer = w.Org(c.Org.ID).CustomerID; customer == "" || seen[customer] {
				t.Fatalf("the next customer is %q", customer)
			}
		}
		if list, err := w.Store.Invoices(ctx, c.Org.ID, "", 10); err != nil || len(list) != 1 {
			t.Errorf("%d invoices are kept, %v", len(list), err)
		}
		w.Subscribe(w.Org(c.Org.ID), "pro", visa)
		if plan := w.Plan(c.Org.ID); plan != "pro" {
			t.Errorf("bought again: %s", plan)
		}
		propose(t, w.Service, c.Agent, billing.Proposal{Verb: billing.VerbDowngrade, ConfirmToken: ask.Token}, billing.StatusConfirmationRequired, nil)
	})
}

// TestPortalFindsTheCustomerDeleted: there is nothing to manage any more.
func TestPortalFindsTheCustomerDeleted(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	deleteCustomer(w, c.Customer)
	_, err := w.Service.Portal(ctx, c.Owner)
	fails(t, err, billing.ErrNoCustomer)
	if s := summary(t, w, c); s.Plan.ID != "free" {
		t.Errorf("on %s", s.Plan.ID)
	}
}

// TestCheckoutFindsTheCustomerDeleted: nobody told us, and the first to notice is
// somebody who buys.
func TestCheckoutFindsTheCustomerDeleted(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	first, err := w.Service.Checkout(ctx, c.Owner, "pro")
	noError(t, err)
	customer := w.Org(c.Org.ID).CustomerID
	deleteCustomer(w, customer)
	second, err := w.Service.Checkout(ctx, c.Owner, "scale")
	noError(t, err)
	org := w.Org(c.Org.ID)
	if second == first || org.CustomerID == customer || org.Checkout == nil || org.Checkout.URL != second || org.Checkout.Plan != "scale" {
		t.Errorf("opened %s for %s", second, org.CustomerID)
	}
	if open := w.OpenCheckouts(); len(open) != 1 {
		t.Errorf("open pages %v", open)
	}
}
