package billing_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// priceAtStripe is the id of a price by its lookup key.
func priceAtStripe(w *worldtest.World, key string) string {
	w.T.Helper()
	list := w.CallStripe(http.MethodGet, "/v1/prices?"+url.Values{"lookup_keys[]": {key}}.Encode(), nil)["data"].([]any)
	return list[0].(map[string]any)["id"].(string)
}

// TestArchivedPrice: who has it keeps it, and is charged; nobody buys it any more,
// and the refusal says why, also where we remember the price from before.
func TestArchivedPrice(t *testing.T) {
	for name, wait := range map[string]time.Duration{"remembered": 0, "forgotten": time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := worldtest.New(t, worldtest.Options{})
			has, fresh, other := w.NewCast("has", "scale", visa), w.NewCast("fresh", "", ""), w.NewCast("other", "pro", visa)
			_, err := w.Service.Checkout(ctx, fresh.Owner, "scale") // now we know the price
			noError(t, err)
			w.CallStripe(http.MethodPost, "/v1/prices/"+priceAtStripe(w, "scale_month"), url.Values{"active": {"false"}})
			w.Advance(wait)

			late := w.NewCast("late", "", "")
			_, err = w.Service.Checkout(ctx, late.Owner, "scale")
			fails(t, err, billing.ErrRejected)
			if !strings.Contains(err.Error(), `no active price with lookup key "scale_month"`) {
				t.Errorf("says %v", err)
			}
			propose(t, w.Service, other.Owner, upgrade("scale"), "", billing.ErrRejected)
			propose(t, w.Service, other.Agent, upgrade("scale"), "", billing.ErrRejected)

			until(t, w, renewal)
			sub := w.Sync(has.Org.ID)
			if sub.Plan != "scale" || sub.Status != billing.StatusActive || sub.UnknownPrice != "" || charges(w, has) != 1 {
				t.Errorf("%s, %s, %q, %d renewals", sub.Plan, sub.Status, sub.UnknownPrice, charges(w, has))
			}
			propose(t, w.Service, has.Owner, downgrade(), billing.StatusDowngradeScheduled, nil)
			propose(t, w.Service, has.Owner, upgrade("scale"), billing.StatusResumed, nil)
		})
	}
}

// TestBankAsksAtARenewal: a renewal that waits for 3-D Secure is past due like any
// other that was not paid; answered late it is active, never answered it ends.
func TestBankAsksAtARenewal(t *testing.T) {
	for _, answered := range []bool{true, false} {
		w := worldtest.New(t, worldtest.Options{})
		c := w.NewCast("acme", "scale", visa)
		noError(t, w.Box.GiveCard(c.Customer, "pm_card_authenticationRequired"))
		until(t, w, renewal)
		sub := w.Sync(c.Org.ID)
		if sub.Status != billing.StatusPastDue || sub.Action == nil || sub.Action.Plan != "" || !sub.PastDueSince.Equal(renewal) {
			t.Fatalf("%s, %+v", sub.Status, sub.Action)
		}
		until(t, w, renewal.Add(billing.DefaultPastDueGrace))
		if s := summary(t, w, c); s.Plan.ID != "free" {
			t.Errorf("after the grace on %s", s.Plan.ID)
		}
		if answered {
			answerBank(t, w.Sync(c.Org.ID).Action.URL, "complete", http.StatusOK)
			w.Sync(c.Org.ID)
			if s := summary(t, w, c); s.Plan.ID != "scale" || s.BillingState() != "active" || s.Dunning != nil {
				t.Errorf("answered late: %s, %s", s.Plan.ID, s.BillingState())
			}
			continue
		}
		until(t, w, renewal.AddDate(0, 0, 15))
		w.Sync(c.Org.ID)
		if s := summary(t, w, c); s.BillingState() != "canceled" || s.Dunning == nil || s.Dunning.Plan != "" {
			t.Errorf("never answered: %s, %+v", s.BillingState(), s.Dunning)
		}
	}
}

// TestOwnPressAndTheBank: a person's own press on the page waits for the bank,
// blocks other changes meanwhile, and ends by the payment or by time.
func TestOwnPressAndTheBank(t *testing.T) {
	for _, answered := range []bool{true, false} {
		w := worldtest.New(t, worldtest.Options{})
		c := w.NewCast("acme", "pro", visa)
		noError(t, w.Box.GiveCard(c.Customer, "pm_card_authenticationRequired"))
		w.Advance(time.Hour)
		_, err := w.Service.Propose(ctx, c.Owner, upgrade("scale"))
		fails(t, err, billing.ErrPaymentAction)
		sub := w.Sync(c.Org.ID)
		if sub.Plan != "pro" || sub.Action == nil || sub.Action.Plan != "scale" || sub.Status != billing.StatusActive {
			t.Fatalf("waiting: %s, %+v", sub.Plan, sub.Action)
		}
		propose(t, w.Service, c.Owner, upgrade("scale"), "", billing.ErrPaymentPending)
		w.Advance(20 * time.Hour)
		if answered {
			answerBank(t, sub.Action.URL, "complete", http.StatusOK)
			if sub = w.Sync(c.Org.ID); sub.Plan != "scale" || sub.Action != nil || charges(w, c) != 1 {
				t.Errorf("answered: %s, %+v, %d charges", sub.Plan, sub.Action, charges(w, c))
			}
			continue
		}
		w.Advance(4 * time.Hour)
		if sub = w.Sync(c.Org.ID); sub.Plan != "pro" || sub.Action != nil || charges(w, c) != 0 {
			t.Errorf("lapsed: %s, %+v, %d charges", sub.Plan, sub.Action, charges(w, c))
		}
		noError(t, w.Box.GiveCard(c.Customer, visa))
		propose(t, w.Service, c.Owner, upgrade("scale"), billing.StatusSwitched, nil)
	}
}

// TestBankAsksAtCheckout and is never answered: the page runs out, nothing was
// bought, and the next page sells one subscription.
func TestBankAsksAtCheckout(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	page, err := w.Service.Checkout(ctx, c.Owner, "pro")
	noError(t, err)
	form := url.Values{"number": {"4000002760003184"}, "name": {"A"}, "email": {"a@acme.test"}}
	res, err := http.PostForm(page, form)
	noError(t, err)
	noError(t, res.Body.Close())
	if !strings.HasSuffix(res.Request.URL.Path, "/bank") {
		t.Fatalf("the bank is not asked: %s %s", res.Status, res.Request.URL)
	}
	w.Advance(32 * time.Minute)
	if sub := w.Sync(c.Org.ID); sub.Status != billing.StatusNone {
		t.Fatalf("bought by nobody: %s", sub.Status)
	}
	again, err := w.Service.Checkout(ctx, c.Owner, "pro")
	noError(t, err)
	if again == page {
		t.Fatal("the page that ran out is offered again")
	}
	payPage(t, w, again)
	c.Customer = w.Org(c.Org.ID).CustomerID
	if n, total := w.Paid(c.Customer); w.Plan(c.Org.ID) != "pro" || n != 1 || total != 1900 {
		t.Errorf("%s, %d payments of %d", w.Plan(c.Org.ID), n, total)
	}
}
