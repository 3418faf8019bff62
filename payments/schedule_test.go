package payments

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// Fewer units, over real HTTP and past the renewal.

func TestReduction(t *testing.T) {
	for name, to := range map[string]int64{"to some": 2, "to none": 0} {
		t.Run(name, func(t *testing.T) {
			r := roomOf(t, capacity(t))
			sub := r.subscribeWith("team", 5, "pm_card_visa")
			r.clock.pass(halfway)
			q := r.quote(sub, reduceTo(to))
			lower := 4900 + to*400
			if q.DueNow != 0 || q.Credit != 0 || q.Recurring != lower || q.FromUnits != 5 || q.ToUnits != to || q.ToPlan != "team" ||
				!q.EffectiveAt.Equal(sub.PeriodEnd) || !q.NextChargeAt.Equal(sub.PeriodEnd) || len(q.Lines) != 0 {
				t.Fatalf("quote %+v", q)
			}
			before := len(r.server.Calls())
			if a := r.mustApply(r.order(sub, q, true)); a.Charged != 0 || !a.EffectiveAt.Equal(sub.PeriodEnd) {
				t.Errorf("applied %+v", a)
			}
			if calls := r.mutations(before); !slices.Equal(calls, []string{"subscription_schedules", "subscription_schedules/…"}) {
				t.Errorf("calls %q", calls)
			}
			var asked string // what comes next is asked of the schedule
			r.onCall(func(req *http.Request) {
				if strings.HasSuffix(req.URL.Path, "/upcoming") {
					asked = req.URL.Query().Get("schedule")
				}
			})
			after := r.state(sub.CustomerID)
			r.onCall(nil)
			r.wantUnits(after, "team", 5)
			r.wantReduction(after, to)
			if after.Next.Amount.Amount != lower || asked != after.Units.ScheduleID {
				t.Errorf("next %+v, asked of %q", after.Next, asked)
			}
			r.clock.pass(untilRenewal - halfway - time.Second)
			r.wantUnits(r.state(sub.CustomerID), "team", 5)
			r.clock.pass(time.Second)
			spent := r.state(sub.CustomerID)
			r.wantUnits(spent, "team", to)
			if spent.Units.Reducing() || spent.Units.ScheduleID == "" {
				t.Errorf("units %+v", spent.Units)
			}
			r.wantCharges(sub.CustomerID, 6900, lower)
			r.clock.pass(31 * 24 * time.Hour)
			free := r.state(sub.CustomerID)
			r.wantUnits(free, "team", to)
			if free.Units.ScheduleID != "" {
				t.Errorf("units %+v", free.Units)
			}
			r.wantCharges(sub.CustomerID, 6900, lower, lower)
		})
	}
}

// TestReductionIsReplaced: the second takes the place of the first, on the same
// schedule.
func TestReductionIsReplaced(t *testing.T) {
	r := roomOf(t, capacity(t))
	sub := r.do(r.subscribeWith("team", 5, "pm_card_visa"), reduceTo(4), true)
	r.wantReduction(sub, 4)
	r.clock.pass(halfway)
	for _, to := range []int64{1, 3} {
		before := len(r.server.Calls())
		after := r.do(sub, reduceTo(to), false)
		r.wantReduction(after, to)
		if after.Units.ScheduleID != sub.Units.ScheduleID {
			t.Errorf("schedule %s", after.Units.ScheduleID)
		}
		if calls := r.mutations(before); !slices.Equal(calls, []string{"subscription_schedules/…"}) {
			t.Errorf("calls %q", calls)
		}
		sub = after
	}
	r.clock.pass(halfway)
	r.wantUnits(r.state(sub.CustomerID), "team", 3)
	r.wantCharges(sub.CustomerID, 6900, 6100)
}

func TestReductionIsCancelled(t *testing.T) {
	r := roomOf(t, capacity(t))
	was := r.subscribeWith("team", 5, "pm_card_visa")
	sub := r.do(was, reduceTo(1), true)
	r.clock.pass(halfway)
	q := r.quote(sub, keepUnits(sub))
	if q.DueNow != 0 || q.Recurring != 6900 || q.FromUnits != 5 || q.ToUnits != 5 || !q.NextChargeAt.Equal(sub.PeriodEnd) || !q.EffectiveAt.IsZero() {
		t.Errorf("quote %+v", q)
	}
	before := len(r.server.Calls())
	o := r.order(sub, q, true)
	r.mustApply(o)
	r.mustApply(o)
	if calls := r.mutations(before); !slices.Equal(calls, []string{"subscription_schedules/…/release", "subscription_schedules/…/release"}) {
		t.Errorf("calls %q", calls)
	}
	after := r.state(sub.CustomerID)
	if after.Units != was.Units || after.Next.Amount.Amount != 6900 {
		t.Errorf("units %+v, were %+v; next %+v", after.Units, was.Units, after.Next)
	}
	r.clock.pass(untilRenewal)
	r.wantUnits(r.state(sub.CustomerID), "team", 5)
	r.wantCharges(sub.CustomerID, 6900, 6900)
}

// TestDowngradeReplacesReduction: the whole ends, so the part need not.
func TestDowngradeReplacesReduction(t *testing.T) {
	r := roomOf(t, capacity(t))
	sub := r.do(r.subscribeWith("team", 5, "pm_card_visa"), reduceTo(1), true)
	r.clock.pass(halfway)
	q := r.quote(sub, toFree)
	if !q.LiftsReduction || q.DueNow != 0 || q.Recurring != 0 || q.FromUnits != 5 || q.ToUnits != 0 || !q.EffectiveAt.Equal(sub.PeriodEnd) || !q.NextChargeAt.IsZero() {
		t.Errorf("quote %+v", q)
	}
	before := len(r.server.Calls())
	r.mustApply(r.order(sub, q, true))
	if calls := r.mutations(before); !slices.Equal(calls, []string{"subscription_schedules/…/release", "subscriptions/…"}) {
		t.Errorf("calls %q", calls)
	}
	ending := r.state(sub.CustomerID)
	r.wantUnits(ending, "team", 5)
	if !ending.CancelAtPeriodEnd || ending.Units.Reducing() || ending.Units.ScheduleID != "" {
		t.Errorf("state %+v", ending.State)
	}
	q = r.quote(ending, billing.Change{Action: billing.ActionResume, Plan: "team"})
	if q.FromUnits != 5 || q.ToUnits != 5 || q.Recurring != 6900 {
		t.Errorf("quote %+v", q)
	}
	r.mustApply(r.order(ending, q, true))
	r.clock.pass(untilRenewal)
	r.wantUnits(r.state(sub.CustomerID), "team", 5)
	r.wantCharges(sub.CustomerID, 6900, 6900)
}

// TestSpentSchedule: what a reduction leaves behind is in nobody's way.
func TestSpentSchedule(t *testing.T) {
	for name, ch := range map[string]billing.Change{
		"more units": increaseTo(9), "another plan": changeTo("solo"), "the end": toFree, "another reduction": reduceTo(0),
	} {
		t.Run(name, func(t *testing.T) {
			r := roomOf(t, capacity(t))
			sub := r.do(r.subscribeWith("team", 5, "pm_card_visa"), reduceTo(2), true)
			r.clock.pass(untilRenewal + time.Hour)
			sub = r.state(sub.CustomerID)
			if sub.Units.ScheduleID == "" {
				t.Fatalf("units %+v", sub.Units)
			}
			q := r.quote(sub, ch)
			r.mustApply(r.order(sub, q, true))
			after := r.state(sub.CustomerID)
			switch ch.Action {
			case billing.ActionReduce:
				r.wantReduction(after, 0)
			case billing.ActionScheduleDowngrade:
				if !after.CancelAtPeriodEnd {
					t.Errorf("state %+v", after.State)
				}
			default:
				r.wantUnits(after, q.ToPlan, q.ToUnits)
			}
			if (after.Units.ScheduleID != "") != (ch.Action == billing.ActionReduce) {
				t.Errorf("units %+v", after.Units)
			}
			r.clock.pass(31 * 24 * time.Hour)
			if last := r.state(sub.CustomerID); last.Units.Additional != q.ToUnits && ch != toFree {
				t.Errorf("units %+v, want %d", last.Units, q.ToUnits)
			}
		})
	}
}

func TestReductionWhilePastDue(t *testing.T) {
	r := roomOf(t, capacity(t))
	sub := r.subscribeWith("team", 5, "pm_card_visa")
	r.useCard(sub.CustomerID, "pm_card_chargeCustomerFail")
	r.clock.pass(untilRenewal + time.Hour)
	sub = r.state(sub.CustomerID)
	if sub.Status != billing.StatusPastDue {
		t.Fatalf("status %q", sub.Status)
	}
	after := r.do(sub, reduceTo(2), true)
	r.wantReduction(after, 2)
	if after.Status != billing.StatusPastDue || after.Action == nil || after.Action.Plan != "" || after.Action.Amount != sub.Action.Amount {
		t.Errorf("state %+v, action %+v", after.State, after.Action)
	}
}
