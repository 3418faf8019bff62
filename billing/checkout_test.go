package billing_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestCheckoutIsOne (I13): at most one hosted page of an org can be paid.
func TestCheckoutIsOne(t *testing.T) {
	open := func(t *testing.T, w *worldtest.World, p billing.Principal, plan string) string {
		t.Helper()
		url, err := w.Service.Checkout(ctx, p, plan)
		noError(t, err)
		if pages := w.OpenCheckouts(); !slices.Equal(pages, []string{url}) {
			t.Fatalf("open pages %v, want %s", pages, url)
		}
		return url
	}
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	first := open(t, w, c.Owner, "pro")
	for _, p := range []billing.Principal{c.Owner, c.Admin, c.Agent, c.OwnerTool} {
		if again := open(t, w, p, "pro"); again != first {
			t.Errorf("%s got a page of their own", p.Name)
		}
	}
	if out := propose(t, w.Service, c.Agent, upgrade("pro"), billing.StatusCheckoutRequired, nil); out.CheckoutURL != first {
		t.Error("an upgrade opens another page")
	}
	other := open(t, w, c.Owner, "scale")
	if back := open(t, w, c.Owner, "pro"); other == first || back == first || back == other {
		t.Error("an ended page was given out")
	}
	w.Advance(29 * time.Minute)
	last := open(t, w, c.Owner, "pro")
	w.Advance(90 * time.Second) // too little is left to type a card number
	if open(t, w, c.Owner, "pro") == last {
		t.Error("a page about to end was given out")
	}
	_, err := w.Box.Subscribe(w.Org(c.Org.ID).CustomerID, "pro_month", visa)
	noError(t, err)
	done, err := w.Service.FinishCheckout(ctx, c.Owner)
	if err != nil || !done || w.Org(c.Org.ID).Checkout != nil {
		t.Errorf("done %v, page kept %v, %v", done, w.Org(c.Org.ID).Checkout, err)
	}
	_, err = w.Service.Checkout(ctx, c.Owner, "scale")
	fails(t, err, billing.ErrSubscriptionExists)
}

// TestRacingCheckouts: whoever opens the page at the same moment, for whatever
// plan, one page is left, and everybody who asked for its plan has its address.
func TestRacingCheckouts(t *testing.T) {
	for _, tc := range []struct {
		name  string
		plans []string
	}{
		{"one plan", []string{"pro"}},
		{"two plans", []string{"pro", "scale"}},
	} {
		for _, postgres := range []bool{false, true} {
			t.Run(tc.name+map[bool]string{true: " on PostgreSQL"}[postgres], func(t *testing.T) {
				w := worldtest.New(t, worldtest.Options{Postgres: postgres})
				a := &arena{w: w, replicas: [2]*billing.Service{w.Service, w.Replica()}}
				c := w.NewCast("acme", "", "")
				var mu sync.Mutex
				urls := map[string]bool{}
				a.together(8, func(i int, s *billing.Service) {
					url, err := s.Checkout(ctx, c.Owner, tc.plans[i%len(tc.plans)])
					mu.Lock()
					defer mu.Unlock()
					urls[url] = true
					// With two plans one may lose three times in a row; that is said.
					if err != nil && (len(tc.plans) == 1 || billing.CodeOf(err) != billing.ErrChangeInProgress.Code) {
						t.Errorf("racer %d: %v", i, err)
					}
				})
				pages := w.OpenCheckouts()
				if len(pages) != 1 || !urls[pages[0]] || w.Org(c.Org.ID).Checkout.URL != pages[0] {
					t.Errorf("open pages %v, given out %v", pages, urls)
				}
				if len(tc.plans) == 1 && len(urls) != 1 {
					t.Errorf("%d pages were given out", len(urls))
				}
			})
		}
	}
}

// TestBoughtAMomentAgo (I13): who has paid on one page, and asks for another
// before Stripe's news of it has come, does not get a second subscription.
func TestBoughtAMomentAgo(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	_, err := w.Service.Checkout(ctx, c.Owner, "pro")
	noError(t, err)
	_, err = w.Box.Subscribe(w.Org(c.Org.ID).CustomerID, "pro_month", visa) // and no webhook
	noError(t, err)
	_, err = w.Service.Checkout(ctx, c.Owner, "scale")
	fails(t, err, billing.ErrSubscriptionExists)
	if pages := w.OpenCheckouts(); len(pages) != 0 {
		t.Errorf("open pages %v", pages)
	}
	if plan := w.Plan(c.Org.ID); plan != "pro" {
		t.Errorf("the org is on %s", plan)
	}
}

// TestPageOfAnotherTime: a page that was opened before a trial started, or before
// a subscription came in another way, cannot be paid afterwards. Where Stripe
// could not be told, what is paid counts, and the trial gives way.
func TestPageOfAnotherTime(t *testing.T) {
	for _, tc := range []struct {
		name, plan string
		away       bool // Stripe, when the trial starts
		pages      int
		want       string
	}{
		{"of a lower plan", "solo", false, 0, "team"},
		{"of the trial's own plan", "team", false, 0, "team"},
		{"Stripe is away", "solo", true, 1, "solo"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, line := wired(t, worldtest.Options{Catalog: "capacity"})
			c := w.NewCast("acme", "", "")
			page, err := w.Service.Checkout(ctx, c.Owner, tc.plan)
			noError(t, err)
			if tc.away {
				line.breakFrom(1, neverSent)
			}
			propose(t, w.Service, c.Owner, try("team"), billing.StatusTrialStarted, nil)
			line.breakAt(0, nil)
			if pages := w.OpenCheckouts(); len(pages) != tc.pages || (w.Org(c.Org.ID).Checkout == nil) != (tc.pages == 0) {
				t.Fatalf("open pages %v, ours %+v", pages, w.Org(c.Org.ID).Checkout)
			}
			if tc.pages > 0 {
				payPage(t, w, page)
				w.Sync(c.Org.ID)
			}
			sum, err := w.Service.Summary(ctx, c.Owner)
			if noError(t, err); sum.Plan.ID != tc.want {
				t.Errorf("on %s, want %s", sum.Plan.ID, tc.want)
			}
			if sub := sum.Subscription; sub.Status.Live() != tc.away || sub.Trial.ConvertedAt.IsZero() == tc.away {
				t.Errorf("status %q, trial %+v", sub.Status, sub.Trial)
			}
			if tc.away {
				return
			}
			_, err = w.Service.Checkout(ctx, c.Owner, "solo") // the rule of ranks, from now on
			fails(t, err, billing.ErrTrialRank)
			if again, err := w.Service.Checkout(ctx, c.Owner, "team"); err != nil || again == page || len(w.OpenCheckouts()) != 1 {
				t.Errorf("a page to convert: %s, %v", again, err)
			}
		})
	}
}

// TestSubscribedBesideThePage: a subscription that came in another way closes the
// page that was open.
func TestSubscribedBesideThePage(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	_, err := w.Service.Checkout(ctx, c.Owner, "scale")
	noError(t, err)
	_, err = w.Box.Subscribe(w.Org(c.Org.ID).CustomerID, "pro_month", visa)
	noError(t, err)
	w.Sync(c.Org.ID)
	if pages := w.OpenCheckouts(); len(pages) != 0 || w.Org(c.Org.ID).Checkout != nil {
		t.Errorf("open pages %v", pages)
	}
}
