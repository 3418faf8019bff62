package payments

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/countersignhq/countersign/billing"
)

// More units, and units on the way to another plan. The catalogue: Solo $2.99 with
// 3 units and $1.00 for one more, Team $49.00 with 10 and $4.00.

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
