package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestNothingIsOfferedDuringAReview: until an operator has settled the last
// change, nothing is offered, reviewed or sealed, whatever there would be
// otherwise.
func TestNothingIsOfferedDuringAReview(t *testing.T) {
	give := func(w *worldtest.World, c worldtest.Cast) error {
		return w.Service.GivePlan(ctx, operatorOf(w), c.Org.ID, "team", "a friend")
	}
	end := func(w *worldtest.World, c worldtest.Cast) error {
		_, err := w.Service.Propose(ctx, c.Owner, downgrade())
		return err
	}
	tests := []struct {
		name, plan string
		before     func(*worldtest.World, worldtest.Cast) error
		offered    string
		tried      bool
		more       error // with one more unit
	}{
		{"no subscription", "", nil, "solo:checkout team:checkout", true, billing.ErrNoSubscription},
		{"a plan", "solo", nil, "free:downgrade team:switch", false, nil},
		{"a plan that ends", "solo", end, "solo:resume team:switch", false, billing.ErrEndsAnyway},
		{"a plan given to who pays", "solo", give, "free:downgrade", false, billing.ErrDesignPartner},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			w := worldtest.New(t, worldtest.Options{Catalog: "capacity"})
			c := w.NewCast("acme", tc.plan, visa)
			if tc.before != nil {
				noError(t, tc.before(w, c))
			}
			sum := summary(t, w, c)
			if got := offered(w.Service, c.Owner, sum); got != tc.offered {
				t.Errorf("offers %q, want %q", got, tc.offered)
			}
			if tries := offerFor(t, w.Service.Offers(c.Owner, sum), "solo").TrialDays > 0; tries != tc.tried {
				t.Errorf("a trial is offered: %v", tries)
			}
			if _, err := w.Service.CapacityOffer(c.Owner, sum, 1); !errors.Is(err, tc.more) {
				t.Errorf("one more unit: %v, want %v", err, tc.more)
			}
			sum.InReview = true
			for _, o := range w.Service.Offers(c.Owner, sum) {
				current := o.Kind == billing.OfferCurrent && o.Plan.ID == sum.Plan.ID
				if !current && o.Kind != billing.OfferNone || o.Sealed != "" || o.TrialDays > 0 || o.Quote.Change.Action != "" {
					t.Errorf("in review: %+v", o)
				}
				if _, err := w.Service.Review(ctx, c.Owner, sum, o.Plan.ID); !errors.Is(err, billing.ErrChangeInProgress) {
					t.Errorf("a review of %s: %v", o.Plan.ID, err)
				}
			}
			for n := range int64(2) {
				if _, err := w.Service.CapacityOffer(c.Owner, sum, n); !errors.Is(err, billing.ErrChangeInProgress) {
					t.Errorf("%d units: %v", n, err)
				}
			}
		})
	}
}

// TestSummaryKnowsOfTheReview: from what a page reads with its session.
func TestSummaryKnowsOfTheReview(t *testing.T) {
	u := newUnclear(t, true)
	_, session := u.Person(u.Cast.Org, "second@acme.test", billing.RoleOwner)
	for _, settled := range []bool{false, true} {
		if settled {
			noError(t, u.Service.ItHappened(ctx, u.op, u.intent, "seen in Stripe"))
			u.Advance(time.Second)
		}
		p, err := u.Service.SessionRecent(ctx, session, billing.RecentLimits{})
		noError(t, err)
		sum, err := u.Service.Summary(ctx, p)
		if err != nil || sum.InReview == settled {
			t.Errorf("settled %v, in review %v, %v", settled, sum.InReview, err)
		}
		if none := offered(u.Service, p, sum) == ""; none == settled {
			t.Errorf("settled %v, nothing offered %v", settled, none)
		}
	}
}
