package payments

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// What becomes of an order about a schedule that does not simply succeed.

// TestCancelledTooLate: what took effect cannot be taken back, and a schedule that
// somebody else released in time is as good as released.
func TestCancelledTooLate(t *testing.T) {
	r := roomOf(t, capacity(t))
	sub := r.do(r.subscribeWith("team", 5, "pm_card_visa"), reduceTo(1), true)
	o := r.order(sub, r.quote(sub, keepUnits(sub)), true)
	r.clock.pass(untilRenewal)
	for range 2 {
		if _, err := r.apply(r.ctx, o); !errors.Is(err, billing.ErrRejected) {
			t.Errorf("got %v", err)
		}
	}
	r.wantUnits(r.state(sub.CustomerID), "team", 1)

	sub = r.do(r.subscribeWith("team", 5, "pm_card_visa"), reduceTo(1), true)
	o = r.order(sub, r.quote(sub, keepUnits(sub)), true)
	if err := r.server.ReleaseSchedule(sub.SubscriptionID); err != nil {
		t.Fatal(err)
	}
	r.mustApply(o)
	r.wantUnits(r.state(sub.CustomerID), "team", 5)
}

// TestLostAnswersOfUnits: whichever answer is lost, repeating the order ends as if
// none had been, and nothing happens twice.
func TestLostAnswersOfUnits(t *testing.T) {
	for name, tc := range map[string]struct {
		reduced bool // before
		change  billing.Change
		calls   []string // which answer is lost
	}{
		"increase":            {false, increaseTo(8), []string{"subscriptions/…"}},
		"reduction":           {false, reduceTo(2), []string{"subscription_schedules", "subscription_schedules/…"}},
		"another reduction":   {true, reduceTo(1), []string{"subscription_schedules/…"}},
		"reduction cancelled": {true, billing.Change{Action: billing.ActionKeepCapacity, Units: 5}, []string{"subscription_schedules/…/release"}},
		"downgrade":           {true, toFree, []string{"subscription_schedules/…/release", "subscriptions/…"}},
	} {
		for _, lost := range tc.calls {
			t.Run(name+" "+lost, func(t *testing.T) {
				r := roomOf(t, capacity(t))
				sub := r.subscribeWith("team", 5, "pm_card_visa")
				if tc.reduced {
					sub = r.do(sub, reduceTo(4), true)
				}
				r.clock.pass(halfway)
				o := r.order(sub, r.quote(sub, tc.change), true)
				r.onCall(func(req *http.Request) {
					if req.Method == http.MethodPost && shape(req.URL.Path) == lost {
						r.onCall(nil)
						r.server.LoseNextAnswer()
					}
				})
				_, err := r.apply(r.ctx, o)
				if _, known := errors.AsType[*billing.Error](err); err == nil || known {
					t.Fatalf("got %v", err)
				}
				r.clock.pass(time.Hour)
				for range 2 {
					r.mustApply(o)
				}
				after := r.state(sub.CustomerID)
				switch tc.change.Action {
				case billing.ActionReduce:
					r.wantReduction(after, tc.change.Units)
				case billing.ActionScheduleDowngrade:
					if !after.CancelAtPeriodEnd || after.Units.ScheduleID != "" {
						t.Errorf("state %+v", after.State)
					}
				default:
					r.wantUnits(after, "team", tc.change.Units)
				}
				if paid := len(r.succeeded(sub.CustomerID)); paid > 2 {
					t.Errorf("%d payments", paid)
				}
			})
		}
	}
}

// TestNextAttempt: Stripe's fault in the middle burns the key; the next attempt
// has another one and has to cope with what the first has done.
func TestNextAttempt(t *testing.T) {
	for name, tc := range map[string]struct {
		reduced bool
		change  billing.Change
		failing string
	}{
		"reduction": {false, reduceTo(2), "subscription_schedules/…"},
		"downgrade": {true, toFree, "subscriptions/…"},
	} {
		t.Run(name, func(t *testing.T) {
			r := roomOf(t, capacity(t))
			sub := r.subscribeWith("team", 5, "pm_card_visa")
			if tc.reduced {
				sub = r.do(sub, reduceTo(4), true)
			}
			o := r.order(sub, r.quote(sub, tc.change), true)
			r.onCall(func(req *http.Request) {
				if req.Method == http.MethodPost && shape(req.URL.Path) == tc.failing {
					r.onCall(nil)
					r.server.FailNext(http.StatusInternalServerError, 1)
				}
			})
			for range 2 {
				if _, err := r.apply(r.ctx, o); !errors.Is(err, billing.ErrStripeFault) {
					t.Errorf("got %v", err)
				}
			}
			o.key += "2"
			r.mustApply(o)
			if after := r.state(sub.CustomerID); tc.reduced != after.CancelAtPeriodEnd || tc.reduced == after.Units.Reducing() {
				t.Errorf("state %+v", after.State)
			}
		})
	}
}

// TestReductionRepeatedTooLate: once the reduction has taken effect, the order
// may not be repeatable in the same words. That is no refusal: somebody has to look.
func TestReductionRepeatedTooLate(t *testing.T) {
	for name, there := range map[string]bool{"a schedule of its own": false, "one that was there": true} {
		t.Run(name, func(t *testing.T) {
			r := roomOf(t, capacity(t))
			sub := r.subscribeWith("team", 5, "pm_card_visa")
			if there {
				sub = r.do(sub, reduceTo(3), true)
			}
			r.clock.pass(untilRenewal - time.Hour)
			o := r.order(sub, r.quote(sub, reduceTo(2)), true)
			r.mustApply(o)
			r.clock.pass(2 * time.Hour)
			_, err := r.apply(r.ctx, o)
			if there && !errors.Is(err, billing.ErrStripeFault) || !there && err != nil {
				t.Errorf("got %v", err)
			}
			r.wantUnits(r.state(sub.CustomerID), "team", 2)
		})
	}
}

// TestReductionKeepsTheSubscription: the running phase is repeated with all that
// it says, or Stripe would take it away.
func TestReductionKeepsTheSubscription(t *testing.T) {
	r := roomOf(t, capacity(t))
	sub := r.subscribeWith("team", 5, "pm_card_visa")
	if _, err := r.subscriptions.Update(sub.SubscriptionID, &stripe.SubscriptionParams{
		Params: params(r.ctx, ""), Description: stripe.String("as agreed"), Metadata: map[string]string{"theirs": "1"},
	}); err != nil {
		t.Fatal(err)
	}
	o := r.order(sub, r.quote(sub, reduceTo(2)), true)
	r.mustApply(o)
	got, err := r.subscriptions.Get(sub.SubscriptionID, &stripe.SubscriptionParams{Params: params(r.ctx, ""), Expand: stripe.StringSlice([]string{"schedule"})})
	if err != nil || got.Description != "as agreed" || got.Metadata["theirs"] != "1" || got.Schedule.Metadata[metaIntent] != o.intentID {
		t.Errorf("%+v, schedule %+v, %v", got.Metadata, got.Schedule, err)
	}
	if !slices.Equal(r.succeeded(sub.CustomerID), []int64{6900}) || r.balance(sub.CustomerID) != 0 {
		t.Errorf("charges %v, balance %d", r.succeeded(sub.CustomerID), r.balance(sub.CustomerID))
	}
}

// TestForeignSchedule: what somebody arranged in the dashboard is not ours to undo.
func TestForeignSchedule(t *testing.T) {
	r := roomOf(t, capacity(t))
	sub := r.subscribeWith("team", 5, "pm_card_visa")
	sc, err := r.schedules.New(&stripe.SubscriptionScheduleParams{Params: params(r.ctx, ""), FromSubscription: &sub.SubscriptionID})
	if err != nil {
		t.Fatal(err)
	}
	now, next := phaseParams(sc.Phases[0]), phaseParams(sc.Phases[0])
	for _, it := range sc.Phases[0].Items {
		now.Items = append(now.Items, phaseItem(it, it.Quantity))
		next.Items = append(next.Items, phaseItem(it, it.Quantity+1))
	}
	now.StartDate, now.EndDate = &sc.Phases[0].StartDate, &sc.Phases[0].EndDate
	if _, err = r.schedules.Update(sc.ID, &stripe.SubscriptionScheduleParams{Params: params(r.ctx, ""), Phases: []*stripe.SubscriptionSchedulePhaseParams{now, next}}); err != nil {
		t.Fatal(err)
	}
	known := sub
	sub = r.state(sub.CustomerID)
	if !sub.Units.Foreign || sub.Units.ScheduleID != sc.ID || sub.Units.Reducing() || sub.Units.Additional != 5 {
		t.Fatalf("units %+v", sub.Units)
	}
	for _, ch := range []billing.Change{increaseTo(9), reduceTo(1), changeTo("solo"), toFree} {
		if q, err := r.Quote(r.ctx, sub, ch, r.clock.Now()); !errors.Is(err, billing.ErrForeignSchedule) {
			t.Errorf("%s: %+v, %v", ch.Action, q, err)
		}
	}
	// Who did not know of it yet is refused by Stripe, and leaves it alone.
	for _, ch := range []billing.Change{reduceTo(1), toFree} {
		if _, err := r.apply(r.ctx, r.order(known, r.quote(known, ch), true)); !errors.Is(err, billing.ErrRejected) {
			t.Errorf("%s: %v", ch.Action, err)
		}
	}
	if after := r.state(sub.CustomerID); after.Units != sub.Units || after.CancelAtPeriodEnd {
		t.Errorf("units %+v", after.Units)
	}
}

// TestApplyBesideAReduction: an order that was made before a reduction was known
// does not undo it on the way.
func TestApplyBesideAReduction(t *testing.T) {
	r := roomOf(t, capacity(t))
	sub := r.subscribeWith("team", 5, "pm_card_visa")
	o := r.order(sub, r.quote(sub, increaseTo(9)), true)
	o.from = r.do(sub, reduceTo(1), true).State
	if _, err := r.apply(r.ctx, o); !errors.Is(err, billing.ErrRejected) {
		t.Errorf("got %v", err)
	}
	r.wantReduction(r.state(sub.CustomerID), 1)
}
