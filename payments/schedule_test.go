package payments

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"pgregory.net/rapid"

	"github.com/countersignhq/countersign/billing"
)

// Capacity units over real HTTP. The catalogue: Solo $2.99 with 3 units and $1.00
// for one more, Team $49.00 with 10 and $4.00.

const untilRenewal = 30 * 24 * time.Hour // the subscriptions begin on 1 November

func increaseTo(n int64) billing.Change {
	return billing.Change{Action: billing.ActionIncrease, Units: n}
}

func reduceTo(n int64) billing.Change { return billing.Change{Action: billing.ActionReduce, Units: n} }

func keepUnits(sub billing.Subscription) billing.Change {
	return billing.Change{Action: billing.ActionKeepCapacity, Units: sub.Units.Additional}
}

var toFree = billing.Change{Action: billing.ActionScheduleDowngrade, Plan: "free"}

// do quotes and carries out a change, and returns the state after it.
func (r *room) do(sub billing.Subscription, ch billing.Change, interactive bool) billing.Subscription {
	r.t.Helper()
	r.mustApply(r.order(sub, r.quote(sub, ch), interactive))
	return r.state(sub.CustomerID)
}

func (r *room) wantUnits(sub billing.Subscription, plan string, additional int64) {
	r.t.Helper()
	if sub.Plan != plan || sub.Units.Additional != additional || sub.UnknownPrice != "" || sub.Units.Foreign {
		r.t.Errorf("plan %q with %+v, unknown %q; want %q with %d", sub.Plan, sub.Units, sub.UnknownPrice, plan, additional)
	}
}

func (r *room) wantReduction(sub billing.Subscription, to int64) {
	r.t.Helper()
	if u := sub.Units; !u.Reducing() || u.ReduceTo != to || !u.ReduceAt.Equal(sub.PeriodEnd) || u.ScheduleID == "" || u.Foreign {
		r.t.Errorf("units %+v, want a reduction to %d at %s", u, to, sub.PeriodEnd)
	}
}

// mutations are the calls since the given one that change something, without ids.
func (r *room) mutations(since int) []string {
	var out []string
	for _, call := range r.server.Calls()[since:] {
		if call.Method == http.MethodPost {
			out = append(out, shape(call.Path))
		}
	}
	return out
}

func shape(path string) string {
	parts := strings.Split(strings.TrimPrefix(path, "/v1/"), "/")
	for i, p := range parts {
		if strings.ContainsRune(p, '_') && i > 0 {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, "/")
}

func TestIncrease(t *testing.T) {
	for name, tc := range map[string]struct {
		units       int64
		interactive bool
		due         int64
	}{
		"the first ones, by a person": {0, true, 1600},
		"more, by a person":           {5, true, 600},
		"the first ones, by an agent": {0, false, 1600},
		"more, by an agent":           {5, false, 600},
	} {
		t.Run(name, func(t *testing.T) {
			r := roomOf(t, capacity(t))
			sub := r.subscribeWith("team", tc.units, "pm_card_visa")
			r.wantUnits(sub, "team", tc.units)
			r.clock.pass(halfway)
			q := r.quote(sub, increaseTo(8))
			if q.DueNow != tc.due || q.Recurring != 4900+8*400 || q.Interval != "month" || q.FromPlan != "team" || q.ToPlan != "team" ||
				q.FromUnits != tc.units || q.ToUnits != 8 || !q.NextChargeAt.Equal(sub.PeriodEnd) || !q.EffectiveAt.IsZero() {
				t.Fatalf("quote %+v", q)
			}
			before := len(r.server.Calls())
			if a := r.mustApply(r.order(sub, q, tc.interactive)); a.Charged != tc.due || a.InvoiceID == "" || a.Action != nil {
				t.Errorf("applied %+v", a)
			}
			if calls := r.mutations(before); !slices.Equal(calls, []string{"subscriptions/…"}) {
				t.Errorf("calls %q", calls)
			}
			after := r.state(sub.CustomerID)
			r.wantUnits(after, "team", 8)
			if after.Next.Amount.Amount != q.Recurring || after.ItemID != sub.ItemID || sub.Units.ItemID != "" && after.Units.ItemID != sub.Units.ItemID {
				t.Errorf("state %+v, next %+v", after.State, after.Next)
			}
		})
	}
}

func TestIncreaseIsNotPaid(t *testing.T) {
	for name, tc := range map[string]struct {
		card        string
		interactive bool
		want        *billing.Error
	}{
		"declined, a person":        {"pm_card_chargeCustomerFail", true, billing.ErrPaymentFailed},
		"declined, an agent":        {"pm_card_chargeCustomerFail", false, billing.ErrPaymentFailed},
		"the bank asks, and nobody": {"pm_card_authenticationRequired", false, billing.ErrPaymentAction},
	} {
		t.Run(name, func(t *testing.T) {
			r := roomOf(t, capacity(t))
			sub := r.subscribeWith("team", 2, tc.card)
			r.clock.pass(halfway)
			o := r.order(sub, r.quote(sub, increaseTo(9)), tc.interactive)
			for _, when := range []string{"at first", "repeated"} {
				if _, err := r.apply(r.ctx, o); !errors.Is(err, tc.want) {
					t.Errorf("%s: %v", when, err)
				}
				r.wantUntouched(sub)
				r.wantUnits(r.state(sub.CustomerID), "team", 2)
			}
			r.wantCharges(sub.CustomerID, 5700)
		})
	}
}

// TestBankAsksAboutUnits: nothing changes until the bank has its answer, and what
// waits is known to be a change of the present plan.
func TestBankAsksAboutUnits(t *testing.T) {
	for name, units := range map[string]int64{"the first ones": 0, "more": 2} {
		t.Run(name, func(t *testing.T) {
			r := roomOf(t, capacity(t))
			sub := r.subscribeWith("team", units, "pm_card_authenticationRequired")
			r.clock.pass(halfway)
			q := r.quote(sub, increaseTo(10))
			o := r.order(sub, q, true)
			a := r.mustApply(o)
			if a.Action == nil || a.Action.Plan != "team" || a.Action.Amount.Amount != q.DueNow || a.Charged != 0 {
				t.Fatalf("applied %+v, action %+v", a, a.Action)
			}
			waiting := r.state(sub.CustomerID)
			r.wantUnits(waiting, "team", units)
			if waiting.Action == nil || waiting.Action.Plan != "team" || waiting.Action.URL != a.Action.URL {
				t.Errorf("action %+v", waiting.Action)
			}
			r.press(a.Action.URL+"/bank", url.Values{"outcome": {"complete"}})
			r.wantUnits(r.state(sub.CustomerID), "team", 10)
			if again := r.mustApply(o); again.Action != nil || again.Charged != q.DueNow {
				t.Errorf("repeated after the payment: %+v", again)
			}
		})
	}
}

func TestPlanChangeCarriesUnits(t *testing.T) {
	for name, tc := range map[string]struct {
		from  string
		units int64
		to    string
		carry int64
		due   int64 // half a month's difference, negative for a credit
	}{
		"none":                        {"solo", 0, "team", 0, 2450 - 150},
		"all are included":            {"solo", 5, "team", 0, 2450 - 150 - 250},
		"some are included":           {"solo", 9, "team", 2, 2450 + 400 - 150 - 450},
		"what is missing is too many": {"team", 99, "solo", 99, 150 + 4950 - 2450 - 19800},
		"down":                        {"team", 2, "solo", 2, 150 + 100 - 2450 - 400},
		"down without":                {"team", 0, "solo", 0, 150 - 2450},
	} {
		for _, interactive := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				r := roomOf(t, capacity(t))
				sub := r.subscribeWith(tc.from, tc.units, "pm_card_visa")
				r.clock.pass(halfway)
				q := r.quote(sub, changeTo(tc.to))
				if q.FromUnits != tc.units || q.ToUnits != tc.carry || q.DueNow-q.Credit != tc.due {
					t.Fatalf("quote %+v, want %d", q, tc.due)
				}
				for _, l := range q.Lines {
					if l.Amount == 0 {
						t.Errorf("line %+v", l)
					}
				}
				a := r.mustApply(r.order(sub, q, interactive))
				if a.Charged != q.DueNow || a.Credited != q.Credit {
					t.Errorf("applied %+v", a)
				}
				after := r.state(sub.CustomerID)
				r.wantUnits(after, tc.to, tc.carry)
				if next := after.Next.Amount.Amount; next != max(0, q.Recurring-q.Credit) {
					t.Errorf("next %d, quoted %d and a credit of %d", next, q.Recurring, q.Credit)
				}
				// What is left of the item can be used again.
				if tc.carry < 99 {
					r.wantUnits(r.do(after, increaseTo(99), interactive), tc.to, 99)
				}
			})
		}
	}
}

func TestPlanChangeWithUnitsIsNotPaid(t *testing.T) {
	r := roomOf(t, capacity(t))
	sub := r.subscribeWith("solo", 9, "pm_card_authenticationRequired")
	r.clock.pass(halfway)
	a := r.mustApply(r.order(sub, r.quote(sub, changeTo("team")), true))
	waiting := r.state(sub.CustomerID)
	r.wantUnits(waiting, "solo", 9)
	if a.Action == nil || a.Action.Plan != "team" || waiting.Action == nil || waiting.Action.Plan != "team" {
		t.Fatalf("applied %+v, waiting %+v", a, waiting.Action)
	}
	r.press(a.Action.URL+"/bank", url.Values{"outcome": {"complete"}})
	r.wantUnits(r.state(sub.CustomerID), "team", 2)

	r.useCard(sub.CustomerID, "pm_card_chargeCustomerFail")
	sub = r.state(sub.CustomerID)
	r.clock.pass(time.Hour)
	if _, err := r.apply(r.ctx, r.order(sub, r.quote(sub, increaseTo(50)), true)); !errors.Is(err, billing.ErrPaymentFailed) {
		t.Errorf("got %v", err)
	}
	r.wantUntouched(sub)
	r.wantUnits(r.state(sub.CustomerID), "team", 2)
}

// TestQuoteOfUnitsIsWhatIsCharged, and every state that can be reached can be
// left again.
func TestQuoteOfUnitsIsWhatIsCharged(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := roomOf(t, capacity(t))
		sub := r.subscribeWith(rapid.SampledFrom([]string{"solo", "team"}).Draw(rt, "plan"), rapid.Int64Range(0, 98).Draw(rt, "units"), "pm_card_visa")
		for range 3 {
			r.clock.pass(time.Duration(rapid.IntRange(0, 8*24*3600).Draw(rt, "before")) * time.Second)
			ch := changeTo(map[string]string{"solo": "team", "team": "solo"}[sub.Plan])
			if rapid.Bool().Draw(rt, "increase") && sub.Units.Additional < 99 {
				ch = increaseTo(rapid.Int64Range(sub.Units.Additional+1, 99).Draw(rt, "to"))
			}
			q := r.quote(sub, ch)
			a := r.mustApply(r.order(sub, q, rapid.Bool().Draw(rt, "interactive")))
			if a.Charged != q.DueNow || a.Credited != q.Credit {
				rt.Fatalf("quoted %+v, applied %+v", q, a)
			}
			if sub = r.state(sub.CustomerID); sub.Plan != q.ToPlan || sub.Units.Additional != q.ToUnits || sub.UnknownPrice != "" {
				rt.Fatalf("state %+v after %+v", sub.State, q)
			}
			plan, _ := r.catalog.Plan(sub.Plan)
			if q.Recurring != plan.With(sub.Units.Additional).Recurring() {
				rt.Fatalf("recurring %d with %+v", q.Recurring, sub.Units)
			}
		}
	})
}

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

func TestQuoteOfUnitsRefuses(t *testing.T) {
	r := roomOf(t, capacity(t))
	sub := r.subscribeWith("team", 5, "pm_card_visa")
	reducing, ending, unclear, free := sub, sub, sub, sub
	reducing.Units.ReduceAt = sub.PeriodEnd
	ending.CancelAtPeriodEnd = true
	unclear.UnknownPrice, unclear.Plan = "price_x", "team" // the row keeps the plan
	free.Plan = "free"
	for name, tc := range map[string]struct {
		from   billing.Subscription
		change billing.Change
		want   error
	}{
		"increase to the same":     {sub, increaseTo(5), billing.ErrTargetNotGreater},
		"increase to fewer":        {sub, increaseTo(4), billing.ErrTargetNotGreater},
		"increase past the most":   {sub, increaseTo(100), billing.ErrTargetRange},
		"increase while reducing":  {reducing, increaseTo(6), billing.ErrReductionPending},
		"increase before the end":  {ending, increaseTo(6), billing.ErrEndsAnyway},
		"increase of unclear ones": {unclear, increaseTo(6), billing.ErrRejected},
		"increase without units":   {free, increaseTo(6), billing.ErrCapacityNotOffered},
		"reduce to the same":       {sub, reduceTo(5), billing.ErrTargetNotLower},
		"reduce to more":           {sub, reduceTo(6), billing.ErrTargetNotLower},
		"reduce below nothing":     {sub, reduceTo(-1), billing.ErrTargetRange},
		"reduce before the end":    {ending, reduceTo(1), billing.ErrEndsAnyway},
		"reduce unclear ones":      {unclear, reduceTo(1), billing.ErrRejected},
		"reduce without units":     {free, reduceTo(1), billing.ErrCapacityNotOffered},
		"switch while reducing":    {reducing, changeTo("solo"), billing.ErrReductionPending},
		"keep what stays":          {sub, keepUnits(sub), billing.ErrNoReduction},
	} {
		if q, err := r.Quote(r.ctx, tc.from, tc.change, r.clock.Now()); !errors.Is(err, tc.want) || q.ToPlan != "" {
			t.Errorf("%s: %+v, %v", name, q, err)
		}
	}
	other := *r.catalog
	other.Plans = slices.Clone(other.Plans)
	for i := range other.Plans {
		if u := other.Plans[i].Units; u != nil {
			yearly := *u
			yearly.Price.Interval = "year"
			other.Plans[i].Units = &yearly
		}
	}
	r.catalog = &other
	for _, ch := range []billing.Change{increaseTo(6), reduceTo(1), changeTo("solo")} {
		if q, err := r.Quote(r.ctx, sub, ch, r.clock.Now()); !errors.Is(err, billing.ErrRejected) {
			t.Errorf("%s in another rhythm: %+v, %v", ch.Action, q, err)
		}
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

// TestCheckoutHasNoUnits: only the plan is bought there, once.
func TestCheckoutHasNoUnits(t *testing.T) {
	r := roomOf(t, capacity(t))
	cus, err := r.EnsureCustomer(r.ctx, billing.Org{ID: "org_1", Name: "Acme"}, "owner@acme.test")
	if err != nil {
		t.Fatal(err)
	}
	team, _ := r.catalog.Plan("team")
	s, err := r.OpenCheckout(r.ctx, billing.CheckoutRequest{
		OrgID: "org_1", CustomerID: cus, Plan: team.With(7), Seq: 1, SuccessURL: "http://app.test/ok", CancelURL: "http://app.test/no", ExpiresAt: r.clock.Now().Add(time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	r.press(s.URL, url.Values{"number": {"4242424242424242"}, "name": {"A"}, "email": {"a@acme.test"}})
	sub := r.state(cus)
	r.wantUnits(sub, "team", 0)
	if sub.Units != (billing.BoughtUnits{}) {
		t.Errorf("units %+v", sub.Units)
	}
	r.wantCharges(cus, 4900)
}
