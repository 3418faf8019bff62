package payments

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

func TestEnsureCustomerOnce(t *testing.T) {
	r := newRoom(t)
	org := billing.Org{ID: "org_1", Name: "Acme"}
	first, err := r.EnsureCustomer(r.ctx, org, "a@acme.test")
	if err != nil {
		t.Fatal(err)
	}
	org.Name = "Acme Ltd" // another person, after a change of the name
	second, err := r.EnsureCustomer(r.ctx, org, "b@acme.test")
	if err != nil || second != first {
		t.Fatalf("%s and %s, %v", first, second, err)
	}
	cus, err := r.customers.Get(first, &stripe.CustomerParams{Params: params(r.ctx, "")})
	if err != nil || cus.Metadata[metaOrg] != "org_1" || cus.Name != "Acme Ltd" || cus.Email != "b@acme.test" {
		t.Errorf("%+v, %v", cus, err)
	}
	other, err := r.EnsureCustomer(r.ctx, billing.Org{ID: "org_2", Name: "Acme"}, "a@acme.test")
	if err != nil || other == first {
		t.Errorf("another org got %s, %v", other, err)
	}
}

func TestCheckout(t *testing.T) {
	r := newRoom(t)
	id, err := r.EnsureCustomer(r.ctx, billing.Org{ID: "org_1", Name: "Acme"}, "a@acme.test")
	if err != nil {
		t.Fatal(err)
	}
	pro, _ := r.catalog.Plan("pro")
	scale, _ := r.catalog.Plan("scale")
	open := func(plan billing.Plan, seq int64) billing.Checkout {
		t.Helper()
		r.clock.pass(time.Second) // no two calls agree on when it ends
		c, err := r.OpenCheckout(r.ctx, billing.CheckoutRequest{
			OrgID: "org_1", CustomerID: id, Plan: plan, Seq: seq,
			SuccessURL: "http://127.0.0.1/ok", CancelURL: "http://127.0.0.1/no", ExpiresAt: r.clock.Now().Add(31 * time.Minute),
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := open(pro, 1)
	if !strings.HasPrefix(first.URL, r.url) || first.Plan != "pro" || !first.ExpiresAt.Equal(r.clock.Now().Add(31*time.Minute)) {
		t.Errorf("checkout %+v", first)
	}
	if again := open(pro, 1); again != first {
		t.Errorf("a racing call opened %+v", again)
	}
	other := open(scale, 1)
	if next := open(pro, 2); next.ID == first.ID || other.ID == first.ID || next.ID == other.ID {
		t.Error("another plan or number opened the same session")
	}
	for range 2 {
		if err := r.ExpireCheckout(r.ctx, other.ID); err != nil {
			t.Errorf("expire: %v", err)
		}
	}
	if err := r.ExpireCheckout(r.ctx, "cs_test_never"); err != nil {
		t.Errorf("expire an unknown one: %v", err)
	}

	r.press(first.URL, url.Values{"number": {"4242424242424242"}, "name": {"A"}, "email": {"a@acme.test"}})
	sub := r.state(id)
	if sub.Plan != "pro" || sub.Status != "active" || sub.Card == nil {
		t.Fatalf("state %+v", sub.State)
	}
	got, err := r.subscriptions.Get(sub.SubscriptionID, &stripe.SubscriptionParams{Params: params(r.ctx, "")})
	if err != nil || got.Metadata[metaOrg] != "org_1" || got.Metadata[metaPlan] != "pro" {
		t.Errorf("metadata %v, %v", got.Metadata, err)
	}
	if err := r.ExpireCheckout(r.ctx, first.ID); err != nil {
		t.Errorf("expire a completed one: %v", err)
	}
}

// TestCheckoutForgotten: a session was opened and nobody got to know of it, since
// the process died. Once it has ended, its number must not block the next one.
func TestCheckoutForgotten(t *testing.T) {
	r := newRoom(t)
	id, err := r.EnsureCustomer(r.ctx, billing.Org{ID: "org_1", Name: "Acme"}, "a@acme.test")
	if err != nil {
		t.Fatal(err)
	}
	pro, _ := r.catalog.Plan("pro")
	seen := map[string]bool{}
	for range 3 {
		for range 2 { // and a racing call finds the new one
			r.clock.pass(time.Second)
			c, err := r.OpenCheckout(r.ctx, billing.CheckoutRequest{
				OrgID: "org_1", CustomerID: id, Plan: pro, Seq: 1,
				SuccessURL: "http://127.0.0.1/ok", CancelURL: "http://127.0.0.1/no", ExpiresAt: r.clock.Now().Add(31 * time.Minute),
			})
			if err != nil || !c.ExpiresAt.After(r.clock.Now()) {
				t.Fatalf("after %d sessions: %+v, %v", len(seen), c, err)
			}
			seen[c.ID] = true
		}
		r.clock.pass(time.Hour)
	}
	if len(seen) != 3 {
		t.Errorf("%d sessions", len(seen))
	}
}

func TestPortal(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	got, err := r.OpenPortal(r.ctx, sub.CustomerID, "http://127.0.0.1/settings/billing")
	if err != nil || !strings.HasPrefix(got, r.url) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := r.OpenPortal(r.ctx, "cus_never", "http://127.0.0.1/"); !errors.Is(err, billing.ErrStripeRefused) {
		t.Errorf("unknown customer: %v", err)
	}
}
