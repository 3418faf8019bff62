package billing_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// twoPages opens two pages of Checkout for one org, which takes a race that the
// product does not lose: the second one is opened past it.
func twoPages(t testing.TB, w *worldtest.World, c *worldtest.Cast, plans ...string) []string {
	t.Helper()
	first, err := w.Service.Checkout(ctx, c.Owner, plans[0])
	noError(t, err)
	c.Customer = w.Org(c.Org.ID).CustomerID
	pages := []string{first}
	for i, id := range plans[1:] {
		plan, _ := w.Service.Catalog().Plan(id)
		page, err := w.Stripe.OpenCheckout(ctx, billing.CheckoutRequest{
			OrgID: c.Org.ID, CustomerID: c.Customer, Plan: plan, Seq: int64(99 + i),
			SuccessURL: "http://app.test/ok", CancelURL: "http://app.test/no", ExpiresAt: w.Box.Now().Add(time.Hour),
		})
		noError(t, err)
		pages = append(pages, page.URL)
	}
	return pages
}

// paidTwice pays two pages, a minute apart.
func paidTwice(t testing.TB, w *worldtest.World, name string, plans ...string) worldtest.Cast {
	t.Helper()
	c := w.NewCast(name, "", "")
	for _, page := range twoPages(t, w, &c, plans...) {
		payPage(t, w, page)
		w.Advance(time.Minute)
	}
	return c
}

// kept is what a customer has paid and not got back, and how often money moved.
func kept(w *worldtest.World, customer string) (total int64, paid, refunds int) {
	for _, ch := range w.Box.Charges(customer) {
		if ch.Status == "succeeded" {
			total, paid = total+ch.Amount-ch.Refunded, paid+1
		}
		if ch.Refunded > 0 {
			refunds++
		}
	}
	return total, paid, refunds
}

// liveAtStripe are the customer's subscriptions that are not canceled.
func liveAtStripe(w *worldtest.World, customer string) int {
	list := w.CallStripe(http.MethodGet, "/v1/subscriptions?customer="+customer, nil)
	return len(list["data"].([]any))
}

// TestPaidTwice (I13): of subscriptions that were paid on several pages of ours
// the newer ones are ended and refunded, once, whoever looks how often.
func TestPaidTwice(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		c := paidTwice(t, w, "acme", "pro", "scale", "pro")
		a := &arena{w: w, replicas: [2]*billing.Service{w.Service, w.Replica()}}
		a.together(6, func(_ int, s *billing.Service) {
			if sub, err := s.SyncOrg(ctx, c.Org.ID); err != nil || sub.Plan != "pro" {
				t.Errorf("on %s, %v", sub.Plan, err)
			}
			for found := true; found; {
				var err error
				found, err = s.Recover(ctx)
				noError(t, err)
			}
		})
		recoverAll(t, w, w.Service)
		onceOnly(t, w, c, 2)
		told := news(t, w, h)
		slices.Sort(told)
		want := []string{
			`billing.plan_changed {"from":"free","to":"pro","status":"active","actor":{"kind":"system","name":"Stripe"}}`,
			`billing.state_changed {"from":"none","to":"active","plan":"pro"}`,
			`duplicate.canceled {"plan":"pro","refunded":1900,"currency":"usd"}`,
			`duplicate.canceled {"plan":"scale","refunded":4900,"currency":"usd"}`,
		}
		if !slices.Equal(told, want) {
			t.Errorf("told %q", told)
		}
		if got := w.Service.Duplicates() + a.replicas[1].Duplicates(); got < 2 || !strings.Contains(w.Log.String(), `"level":"ERROR","msg":"a second live subscription","what":"it is ended`) {
			t.Errorf("operators were told of %d", got)
		}
	})
}

// onceOnly asserts that only the first subscription is left and paid for, and the
// records of that many that were ended.
func onceOnly(t testing.TB, w *worldtest.World, c worldtest.Cast, ended int) {
	t.Helper()
	total, paid, refunds := kept(w, c.Customer)
	if live := liveAtStripe(w, c.Customer); total != 1900 || paid != ended+1 || refunds != ended || live != 1 {
		t.Errorf("%d kept of %d payments, %d refunds, %d live", total, paid, refunds, live)
	}
	if sub := w.Sync(c.Org.ID); sub.Plan != "pro" || sub.Credit != 0 {
		t.Errorf("on %s with a credit of %d", sub.Plan, sub.Credit)
	}
	log, err := w.Store.AuditLog(ctx, c.Org.ID, 100)
	noError(t, err)
	n := map[string]int{}
	for _, e := range log {
		if e.Actor.Kind == billing.KindSystem && e.Facts["subscription"] != nil {
			n[e.Event]++
		}
	}
	if n["change.requested"] != ended || n["change.done"] != ended || len(n) != 2 {
		t.Errorf("records %v", n)
	}
}

// TestSecondSubscriptionEndsOnce: whatever happens to the line or to the process
// at whichever of its calls, a second subscription is ended once and refunded
// once.
func TestSecondSubscriptionEndsOnce(t *testing.T) {
	d := &death{}
	for _, tc := range []struct {
		name  string
		fault fault
	}{
		{"no fault", nil},
		{"never sent", neverSent},
		{"the answer is lost", answerLost},
		{"409", answers(http.StatusConflict)},
		{"429", answers(http.StatusTooManyRequests)},
		{"500, not done", fiveHundred(false)},
		{"500, done", fiveHundred(true)},
		{"503", answers(http.StatusServiceUnavailable)},
		{"the process dies before", processDies(d, false)},
		{"the process dies after", processDies(d, true)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, line := wired(t, worldtest.Options{})
			w.Service.DontWait()
			for at := 1; at <= 2; at++ { // the end, the refund
				c := paidTwice(t, w, fmt.Sprint("acme", at), "pro", "scale")
				w.Sync(c.Org.ID)
				if line.breakAt(0, nil); tc.fault != nil {
					line.breakAt(at, tc.fault)
				}
				d.dies(0, func() { _, _ = w.Service.Recover(ctx) })
				recoverAll(t, w, w.Replica())
				onceOnly(t, w, c, 1)
				if calls := line.calls(); len(calls) < 2 || len(calls) > 4 {
					t.Errorf("call %d: %v", at, calls)
				}
			}
		})
	}
}

// TestLeftToTheOperator: where somebody may have wanted the newer subscription,
// nothing is ended, and the operator is told once.
func TestLeftToTheOperator(t *testing.T) {
	for _, tc := range []struct {
		name string
		make func(w *worldtest.World, c *worldtest.Cast)
	}{
		{"the newer one is not of our Checkout", func(w *worldtest.World, c *worldtest.Cast) {
			payPage(t, w, twoPages(t, w, c, "pro")[0])
			w.Advance(time.Minute)
			_, err := w.Box.Subscribe(c.Customer, "scale_month", visa)
			noError(t, err)
		}},
		{"the older one is not of our Checkout", func(w *worldtest.World, c *worldtest.Cast) {
			page := twoPages(t, w, c, "scale")[0]
			_, err := w.Box.Subscribe(c.Customer, "pro_month", visa)
			noError(t, err)
			w.Advance(time.Minute)
			payPage(t, w, page)
		}},
		{"the older one ends with its period", func(w *worldtest.World, c *worldtest.Cast) {
			pages := twoPages(t, w, c, "pro", "scale")
			payPage(t, w, pages[0])
			noError(t, w.Box.CancelAtPeriodEnd(w.Sync(c.Org.ID).SubscriptionID, true))
			w.Advance(time.Minute)
			payPage(t, w, pages[1])
		}},
		{"the newer one has been renewed", func(w *worldtest.World, c *worldtest.Cast) {
			for _, page := range twoPages(t, w, c, "pro", "scale") {
				payPage(t, w, page)
			}
			w.Advance(32 * 24 * time.Hour)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := worldtest.New(t, worldtest.Options{})
			c := w.NewCast("acme", "", "")
			tc.make(w, &c)
			before, _, _ := kept(w, c.Customer)
			for range 3 {
				w.Sync(c.Org.ID)
				recoverAll(t, w, w.Service)
			}
			total, _, refunds := kept(w, c.Customer)
			if live := liveAtStripe(w, c.Customer); total != before || refunds != 0 || live != 2 {
				t.Errorf("%d kept of %d, %d refunds, %d live", total, before, refunds, live)
			}
			if n := strings.Count(w.Log.String(), "somebody has to decide at Stripe"); n != 1 || w.Service.Duplicates() != 1 {
				t.Errorf("told %d times", n)
			}
		})
	}
}

// TestDuplicateStandsInNobodysWay: the org's own changes go on beside it, also
// one that nobody knows the end of; and the other way round.
func TestDuplicateStandsInNobodysWay(t *testing.T) {
	w, line := wired(t, worldtest.Options{})
	w.Service.DontWait()
	c := paidTwice(t, w, "acme", "pro", "scale")
	w.Sync(c.Org.ID) // the intent for the second one waits
	w.Advance(time.Second)
	line.breakAt(1, answerLost)
	propose(t, w.Service, c.Owner, downgrade(), billing.StatusPending, nil)
	if _, err := w.Store.OpenIntent(ctx, c.Org.ID); err != nil {
		t.Fatal(err)
	}
	if found, err := w.Service.Recover(ctx); !found || err != nil {
		t.Fatalf("found %v, %v", found, err)
	}
	onceOnly(t, w, c, 1) // at once, without waiting for the other one's lease
	recoverAll(t, w, w.Service)
	if sub := w.Sync(c.Org.ID); !sub.CancelAtPeriodEnd {
		t.Error("the downgrade is lost")
	}
}

// TestFirstOneEndsMeanwhile: who ends the older subscription at Stripe has chosen
// the newer one.
func TestFirstOneEndsMeanwhile(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := paidTwice(t, w, "acme", "pro", "scale")
	w.CallStripe(http.MethodDelete, "/v1/subscriptions/"+w.Sync(c.Org.ID).SubscriptionID, nil)
	recoverAll(t, w, w.Service)
	total, _, refunds := kept(w, c.Customer)
	if sub := w.Sync(c.Org.ID); total != 6800 || refunds != 0 || sub.Plan != "scale" || !sub.Status.Live() {
		t.Errorf("%d kept, %d refunds, on %s (%s)", total, refunds, sub.Plan, sub.Status)
	}
	if _, err := w.Store.OpenIntent(ctx, c.Org.ID); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("something is still open: %v", err)
	}
}

// TestCreditOfTheSecondOne: credit that paid a part of it comes back as credit,
// once, also when the answer to that is lost.
func TestCreditOfTheSecondOne(t *testing.T) {
	for at := range 5 {
		w, line := wired(t, worldtest.Options{})
		c := w.NewCast("acme", "", "")
		pages := twoPages(t, w, &c, "pro", "scale")
		payPage(t, w, pages[0])
		w.Advance(time.Minute)
		w.CallStripe(http.MethodPost, "/v1/customers/"+c.Customer, url.Values{"balance": {"-700"}})
		payPage(t, w, pages[1])
		w.Sync(c.Org.ID)
		line.breakAt(at, answerLost)
		recoverAll(t, w, w.Service)
		recoverAll(t, w, w.Service)
		total, _, _ := kept(w, c.Customer)
		if sub := w.Sync(c.Org.ID); total != 1900 || sub.Credit != 700 || liveAtStripe(w, c.Customer) != 1 {
			t.Errorf("call %d: %d kept, credit %d", at, total, sub.Credit)
		}
	}
}

// TestRefundRefused: what Stripe will not give back, a person has to; the org can
// go on meanwhile.
func TestRefundRefused(t *testing.T) {
	w, line := wired(t, worldtest.Options{})
	c := paidTwice(t, w, "acme", "pro", "scale")
	w.Sync(c.Org.ID)
	line.breakFrom(2, answers(http.StatusBadRequest))
	for range 6 {
		recoverAll(t, w, w.Service)
	}
	line.breakAt(0, nil)
	b, err := w.Service.Backlog(ctx)
	if noError(t, err); b.Intents[billing.IntentNeedsReview] != 1 || liveAtStripe(w, c.Customer) != 1 {
		t.Errorf("open: %v, %d live", b.Intents, liveAtStripe(w, c.Customer))
	}
	if !strings.Contains(w.Log.String(), "could not be ended and refunded") {
		t.Error("nobody was told")
	}
	propose(t, w.Service, c.Owner, upgrade("scale"), billing.StatusSwitched, nil)
}
