package billing_test

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// unitsWorld runs a test on each database, with an org that holds additional
// units since an instant ago, and a seam before Stripe.
func unitsWorld(t *testing.T, plan string, units int64, f func(t *testing.T, w *worldtest.World, s *seam, c worldtest.Cast)) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		o.Catalog = "capacity"
		w, s, c := seamed(t, plan, o)
		if units > 0 {
			propose(t, w.Service, c.OwnerTool, increase(units), billing.StatusCapacityIncreased, nil)
		}
		f(t, w, s, c)
	})
}

// unitsAre asserts what Stripe says: the units, and those that a scheduled
// reduction leaves; -1 for none.
func unitsAre(t *testing.T, w *worldtest.World, c worldtest.Cast, units, reduced int64) billing.Subscription {
	t.Helper()
	sub := w.Sync(c.Org.ID)
	got := int64(-1)
	if sub.Units.Reducing() {
		got = sub.Units.ReduceTo
	}
	if sub.Units.Additional != units || got != reduced || sub.Units.Foreign || sub.UnknownPrice != "" {
		t.Fatalf("units %+v of %s, want %d, then %d", sub.Units, sub.Plan, units, reduced)
	}
	return sub
}

// toRenewal moves to the end of the period, and reads what became of it.
func toRenewal(t *testing.T, w *worldtest.World, c worldtest.Cast) billing.Subscription {
	t.Helper()
	end := w.Sync(c.Org.ID).PeriodEnd
	w.Advance(end.Sub(w.Box.Now()))
	return w.Sync(c.Org.ID)
}

// newest is the amount of the newest invoice that we mirror.
func newest(t *testing.T, w *worldtest.World, c worldtest.Cast) int64 {
	t.Helper()
	list, err := w.Service.Invoices(ctx, c.OwnerTool, "", 1)
	if err != nil || len(list) == 0 {
		t.Fatal(list, err)
	}
	return list[0].Amount.Amount
}

// capIs asserts the allowance of a gauge of 300 for each unit, as the host hears it.
func capIs(t *testing.T, w *worldtest.World, c worldtest.Cast, units int64) {
	t.Helper()
	if !allowed(w, c.Org.ID, "retained_bundle_cap", 300*units) || allowed(w, c.Org.ID, "retained_bundle_cap", 300*units+1) {
		t.Errorf("the cap is not that of %d units", units)
	}
}

func TestIncreaseNow(t *testing.T) {
	unitsWorld(t, "team", 0, func(t *testing.T, w *worldtest.World, _ *seam, c worldtest.Cast) {
		for _, row := range []struct {
			target int64
			after  time.Duration
			by     billing.Principal
		}{
			{1, time.Hour, c.OwnerTool},
			{5, 8*24*time.Hour + 3*time.Hour + 7*time.Second, c.OwnerTool},
			{99, 11*24*time.Hour + 61*time.Second, c.Agent},
		} {
			before := w.Sync(c.Org.ID).Units.Additional
			w.Advance(row.after)
			capIs(t, w, c, 10+before)
			_, paid := w.Paid(c.Customer)
			quote, err := w.Service.PreviewCapacity(ctx, row.by, row.target)
			noError(t, err)
			if left, whole := 31*24*time.Hour-w.Box.Now().Sub(worldtest.Start), 31*24*time.Hour; quote.DueNow != part(400*row.target, left, whole)-part(400*before, left, whole) {
				t.Errorf("to %d: due %d", row.target, quote.DueNow)
			}
			pr := increase(row.target)
			if row.by.Kind == billing.KindAgent {
				pr = with(asked(t, w.Service, row.by, pr).Token, billing.Proposal{Verb: billing.VerbIncrease})
			}
			out := propose(t, w.Service, row.by, pr, billing.StatusCapacityIncreased, nil)
			if _, now := w.Paid(c.Customer); out.Charged != quote.DueNow || now-paid != quote.DueNow || out.AmountDiffers || out.Units != row.target {
				t.Errorf("to %d: quoted %d, says %d, charged %d: %+v", row.target, quote.DueNow, out.Charged, now-paid, out)
			}
			capIs(t, w, c, 10+row.target) // at once
			if got := newest(t, w, c); got != quote.DueNow {
				t.Errorf("the invoice is of %d", got)
			}
			unitsAre(t, w, c, row.target, -1)
		}
		toRenewal(t, w, c)
		if got := newest(t, w, c); got != 4900+99*400 {
			t.Errorf("the renewal is of %d", got)
		}
	})
}

// part is amount × left ÷ whole, to the nearest cent.
func part(amount int64, left, whole time.Duration) int64 {
	l, w := int64(left/time.Second), int64(whole/time.Second)
	return (2*amount*l + w) / (2 * w)
}

// TestReductionAtTheBoundary: until then everything stays; the next invoice has
// the lower quantity.
func TestReductionAtTheBoundary(t *testing.T) {
	unitsWorld(t, "team", 5, func(t *testing.T, w *worldtest.World, _ *seam, c worldtest.Cast) {
		n, _ := w.Paid(c.Customer)
		out := propose(t, w.Service, c.Owner, reduce(1), billing.StatusReductionScheduled, nil)
		sub := unitsAre(t, w, c, 5, 1)
		if !out.EffectiveAt.Equal(sub.PeriodEnd) || sub.Next == nil || sub.Next.Amount.Amount != 4900+400 {
			t.Errorf("%+v, next %+v", out, sub.Next)
		}
		if s := summary(t, w, c); len(s.Scheduled) != 1 || s.Scheduled[0].Kind != billing.ScheduledReduction || s.Scheduled[0].By.ID != c.Owner.ID || s.Scheduled[0].Units != 1 {
			t.Errorf("scheduled %+v", s.Scheduled)
		}
		w.Advance(sub.PeriodEnd.Sub(w.Box.Now()) - time.Second)
		unitsAre(t, w, c, 5, 1)
		capIs(t, w, c, 15)
		if now, _ := w.Paid(c.Customer); now != n {
			t.Errorf("%d charges for less", now-n)
		}
		toRenewal(t, w, c)
		unitsAre(t, w, c, 1, -1)
		capIs(t, w, c, 11)
		if got := newest(t, w, c); got != 4900+400 {
			t.Errorf("the renewal is of %d", got)
		}
		if s := summary(t, w, c); len(s.Scheduled) != 0 {
			t.Errorf("still scheduled: %+v", s.Scheduled)
		}
		// What the schedule left behind is in nobody's way.
		propose(t, w.Service, c.OwnerTool, increase(3), billing.StatusCapacityIncreased, nil)
		propose(t, w.Service, c.OwnerTool, reduce(0), billing.StatusReductionScheduled, nil)
		toRenewal(t, w, c)
		unitsAre(t, w, c, 0, -1)
		if got := newest(t, w, c); got != 4900 {
			t.Errorf("the second renewal is of %d", got)
		}
	})
}

// TestReductionTakenBack leaves everything as it was; a second one takes the
// place of the first.
func TestReductionTakenBack(t *testing.T) {
	unitsWorld(t, "team", 5, func(t *testing.T, w *worldtest.World, _ *seam, c worldtest.Cast) {
		before := asText(w.Sync(c.Org.ID).Units)
		propose(t, w.Service, c.OwnerTool, reduce(3), billing.StatusReductionScheduled, nil)
		first := unitsAre(t, w, c, 5, 3).Units.ScheduleID
		propose(t, w.Service, c.OwnerTool, reduce(1), billing.StatusReductionScheduled, nil)
		if got := unitsAre(t, w, c, 5, 1).Units.ScheduleID; got != first {
			t.Errorf("a second schedule %s beside %s", got, first)
		}
		propose(t, w.Service, c.OwnerTool, keep(), billing.StatusReductionCanceled, nil)
		if got := asText(unitsAre(t, w, c, 5, -1).Units); got != before {
			t.Errorf("units %s, before %s", got, before)
		}
		propose(t, w.Service, c.OwnerTool, keep(), "", billing.ErrNoReduction)
		toRenewal(t, w, c)
		unitsAre(t, w, c, 5, -1)
		if got := newest(t, w, c); got != 4900+5*400 {
			t.Errorf("the renewal is of %d", got)
		}
		propose(t, w.Service, c.OwnerTool, reduce(4), billing.StatusReductionScheduled, nil)
		propose(t, w.Service, c.OwnerTool, reduce(2), billing.StatusReductionScheduled, nil)
		toRenewal(t, w, c)
		unitsAre(t, w, c, 2, -1)
	})
}

// TestOnePendingChange: a downgrade takes the place of a reduction, and nothing
// else goes beside one.
func TestOnePendingChange(t *testing.T) {
	unitsWorld(t, "team", 5, func(t *testing.T, w *worldtest.World, _ *seam, c worldtest.Cast) {
		propose(t, w.Service, c.OwnerTool, reduce(1), billing.StatusReductionScheduled, nil)
		for _, p := range []billing.Principal{c.Owner, c.OwnerTool, c.Agent} {
			propose(t, w.Service, p, increase(7), "", billing.ErrReductionPending)
			propose(t, w.Service, p, upgrade("solo"), "", billing.ErrReductionPending)
		}
		unitsAre(t, w, c, 5, 1)
		quote, err := w.Service.Preview(ctx, c.Owner, "free")
		if err != nil || !quote.LiftsReduction {
			t.Fatalf("%+v, %v", quote, err)
		}
		propose(t, w.Service, c.Owner, downgrade(), billing.StatusDowngradeScheduled, nil)
		sub := unitsAre(t, w, c, 5, -1)
		if !sub.CancelAtPeriodEnd || sub.Units.ScheduleID != "" {
			t.Errorf("%+v", sub.State)
		}
		if s := summary(t, w, c); len(s.Scheduled) != 1 || s.Scheduled[0].Kind != billing.ScheduledDowngrade {
			t.Errorf("scheduled %+v", s.Scheduled)
		}
		propose(t, w.Service, c.Owner, increase(7), "", billing.ErrEndsAnyway)
		propose(t, w.Service, c.Owner, reduce(1), "", billing.ErrEndsAnyway)
		propose(t, w.Service, c.Owner, keep(), "", billing.ErrNoReduction)
		// Undone, the units go on, and the reduction does not come back.
		propose(t, w.Service, c.Owner, upgrade("team"), billing.StatusResumed, nil)
		toRenewal(t, w, c)
		unitsAre(t, w, c, 5, -1)
		propose(t, w.Service, c.Owner, downgrade(), billing.StatusDowngradeScheduled, nil)
		if sub = toRenewal(t, w, c); sub.Status.Live() || sub.Units.Additional != 0 {
			t.Errorf("after the end: %+v", sub.State)
		}
		propose(t, w.Service, c.Owner, increase(7), "", billing.ErrNoSubscription)
	})
}

// TestUnitsComeAlong with a switch of the plan, as far as the new one does not
// include them.
func TestUnitsComeAlong(t *testing.T) {
	for _, row := range []struct {
		from   string
		units  int64
		to     string
		want   int64
		renews int64
	}{
		{"solo", 5, "team", 0, 4900},
		{"solo", 9, "team", 2, 4900 + 2*400},
		{"team", 5, "solo", 5, 299 + 5*100},
		{"team", 0, "solo", 0, 299},
	} {
		unitsWorld(t, row.from, row.units, func(t *testing.T, w *worldtest.World, _ *seam, c worldtest.Cast) {
			w.Advance(9*24*time.Hour + 5*time.Second)
			quote, err := w.Service.Preview(ctx, c.Owner, row.to)
			noError(t, err)
			if quote.FromUnits != row.units || quote.ToUnits != row.want || quote.Recurring != row.renews {
				t.Errorf("%+v: quote %+v", row, quote)
			}
			_, paid := w.Paid(c.Customer)
			out := propose(t, w.Service, c.Owner, upgrade(row.to), billing.StatusSwitched, nil)
			if _, now := w.Paid(c.Customer); now-paid != quote.DueNow || out.Charged != quote.DueNow || out.Credited != quote.Credit || out.Units != row.want {
				t.Errorf("%+v: quoted %d and %d, outcome %+v, charged %d", row, quote.DueNow, quote.Credit, out, now-paid)
			}
			if sub := unitsAre(t, w, c, row.want, -1); sub.Plan != row.to {
				t.Errorf("plan %s", sub.Plan)
			}
			capIs(t, w, c, map[string]int64{"solo": 3, "team": 10}[row.to]+row.want)
			toRenewal(t, w, c)
			if got := newest(t, w, c) + summaryCredit(w, c); row.to == "team" && got != row.renews {
				t.Errorf("%+v: the renewal is of %d", row, got)
			}
		})
	}
}

// summaryCredit is what Stripe still owes.
func summaryCredit(w *worldtest.World, c worldtest.Cast) int64 { return w.Sync(c.Org.ID).Credit }

// TestUnitsChangedAtStripe: what somebody does in the dashboard or the portal
// while a wish waits makes the wish void, and costs nothing by us.
func TestUnitsChangedAtStripe(t *testing.T) {
	unitsWorld(t, "team", 5, func(t *testing.T, w *worldtest.World, s *seam, c worldtest.Cast) {
		id := w.Sync(c.Org.ID).SubscriptionID
		n, _ := w.Paid(c.Customer)
		out := asked(t, w.Service, c.Agent, onWeb(increase(7)))
		form := formOf(opened(t, w.Service, c.Owner, out.Approval.ID))
		noError(t, w.Box.SetQuantity(id, "team_unit_month", 6))
		unitsAre(t, w, c, 6, -1)
		if _, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, form); err == nil {
			t.Error("approved at a price that was for 5 units")
		}
		noError(t, w.Box.SetQuantity(id, "team_unit_month", 9))
		unitsAre(t, w, c, 9, -1)
		if _, err := pressed(t, w.Service, c.Owner, out.Approval.ID); err == nil {
			t.Error("approved an increase to fewer units")
		}
		unitsAre(t, w, c, 9, -1)

		// Not known to us yet: the reading before the call sees it.
		noError(t, w.Box.SetQuantity(id, "team_unit_month", 12))
		if _, err := w.Service.Propose(ctx, c.OwnerTool, increase(11)); err == nil {
			t.Error("11 units bought where 12 were")
		}
		unitsAre(t, w, c, 12, -1)
		if now, _ := w.Paid(c.Customer); now != n {
			t.Errorf("%d charges", now-n)
		}

		// A schedule that somebody drops is no reduction any more.
		propose(t, w.Service, c.OwnerTool, reduce(1), billing.StatusReductionScheduled, nil)
		noError(t, w.Box.ReleaseSchedule(id))
		propose(t, w.Service, c.OwnerTool, keep(), "", billing.ErrNoReduction) // seen by the reading before the call
		propose(t, w.Service, c.OwnerTool, reduce(1), billing.StatusReductionScheduled, nil)
		s.apply = func(_ billing.Order, do func() (billing.Applied, error)) (billing.Applied, error) {
			noError(t, w.Box.ReleaseSchedule(id)) // and a moment later than that
			return do()
		}
		propose(t, w.Service, c.OwnerTool, keep(), billing.StatusReductionCanceled, nil)
		s.apply = nil
		unitsAre(t, w, c, 12, -1)

		// One that does something else is left alone, by everything but its release.
		w.ScheduleAtStripe(id)
		if sub := w.Sync(c.Org.ID); !sub.Units.Foreign {
			t.Fatalf("%+v", sub.Units)
		}
		for _, pr := range []billing.Proposal{increase(20), reduce(1), upgrade("solo"), downgrade()} {
			propose(t, w.Service, c.OwnerTool, pr, "", billing.ErrForeignSchedule)
		}
		propose(t, w.Service, c.OwnerTool, keep(), "", billing.ErrNoReduction)
		noError(t, w.Box.ReleaseSchedule(id))
		unitsAre(t, w, c, 12, -1)
		propose(t, w.Service, c.OwnerTool, reduce(1), billing.StatusReductionScheduled, nil)

		// The portal's cancellation drops the schedule, and its return brings none.
		noError(t, w.Box.CancelAtPeriodEnd(id, true))
		if sub := unitsAre(t, w, c, 12, -1); !sub.CancelAtPeriodEnd {
			t.Errorf("%+v", sub.State)
		}
		noError(t, w.Box.CancelAtPeriodEnd(id, false))
		unitsAre(t, w, c, 12, -1)
	})
}

// TestUnitsUnpaid: nothing is bought while money is outstanding, and buying does
// not pay for it; fewer can be scheduled.
func TestUnitsUnpaid(t *testing.T) {
	unitsWorld(t, "team", 5, func(t *testing.T, w *worldtest.World, _ *seam, c worldtest.Cast) {
		noError(t, w.Box.GiveCard(c.Customer, "pm_card_chargeCustomerFail"))
		if sub := toRenewal(t, w, c); sub.Status != billing.StatusPastDue {
			w.Advance(2 * time.Hour) // the invoice is a draft for an hour
		}
		if sub := w.Sync(c.Org.ID); sub.Status != billing.StatusPastDue {
			t.Fatalf("status %s", sub.Status)
		}
		n, _ := w.Paid(c.Customer)
		for _, pr := range []billing.Proposal{increase(7), upgrade("solo")} {
			propose(t, w.Service, c.OwnerTool, pr, "", billing.ErrPastDue)
			propose(t, w.Service, c.Agent, pr, "", billing.ErrPastDue)
		}
		capIs(t, w, c, 15)
		propose(t, w.Service, c.OwnerTool, reduce(1), billing.StatusReductionScheduled, nil)
		unitsAre(t, w, c, 5, 1)
		propose(t, w.Service, c.OwnerTool, keep(), billing.StatusReductionCanceled, nil)
		propose(t, w.Service, c.OwnerTool, downgrade(), billing.StatusDowngradeScheduled, nil)
		if now, _ := w.Paid(c.Customer); now != n {
			t.Errorf("%d charges", now-n)
		}
	})
}

// TestUnitsDeclined: an increase that the card refuses has changed nothing, and
// leaves nothing open that could be paid by surprise.
func TestUnitsDeclined(t *testing.T) {
	unitsWorld(t, "team", 2, func(t *testing.T, w *worldtest.World, _ *seam, c worldtest.Cast) {
		noError(t, w.Box.GiveCard(c.Customer, "pm_card_chargeCustomerFail"))
		w.Advance(time.Hour)
		before := asText(w.Sync(c.Org.ID).Units)
		n, _ := w.Paid(c.Customer)
		for _, p := range []billing.Principal{c.Owner, c.OwnerTool, c.Agent} {
			pr := increase(5)
			if p.Kind == billing.KindAgent {
				pr = with(asked(t, w.Service, p, pr).Token, pr)
			}
			propose(t, w.Service, p, pr, "", billing.ErrPaymentFailed)
			sub := unitsAre(t, w, c, 2, -1)
			if asText(sub.Units) != before || sub.Status != billing.StatusActive || sub.Action != nil {
				t.Errorf("%s: %+v", p.Kind, sub.State)
			}
			capIs(t, w, c, 12)
		}
		if now, _ := w.Paid(c.Customer); now != n {
			t.Errorf("%d charges", now-n)
		}
		list, err := w.Service.Invoices(ctx, c.OwnerTool, "", 10)
		noError(t, err)
		for _, i := range list {
			if i.Status == "open" {
				t.Errorf("invoice %s is open", i.Number)
			}
		}
		noError(t, w.Box.GiveCard(c.Customer, visa))
		propose(t, w.Service, c.OwnerTool, increase(5), billing.StatusCapacityIncreased, nil)
	})
}

// TestUnitsAndTheBank: an agent's increase that the bank wants confirmed is
// neither a success nor a failure until somebody has answered.
func TestUnitsAndTheBank(t *testing.T) {
	for _, answer := range []string{"complete", "fail", ""} {
		unitsWorld(t, "team", 2, func(t *testing.T, w *worldtest.World, _ *seam, c worldtest.Cast) {
			noError(t, w.Box.GiveCard(c.Customer, "pm_card_authenticationRequired"))
			w.Advance(time.Hour)
			w.Sync(c.Org.ID)
			n, paid := w.Paid(c.Customer)
			out := asked(t, w.Service, c.Agent, onWeb(increase(5)))
			r, err := pressed(t, w.Service, c.Owner, out.Approval.ID)
			noError(t, err)
			res := r.Approval.Result
			if r.Approval.State != billing.ApprovalIndeterminate || res == nil || res.Failure == nil || res.Failure.Code != billing.ErrPaymentAction.Code || res.Failure.ActionURL == "" {
				t.Fatalf("%s %+v", r.Approval.State, res)
			}
			unitsAre(t, w, c, 2, -1)
			capIs(t, w, c, 12)
			for _, pr := range []billing.Proposal{increase(6), reduce(1), upgrade("solo")} {
				_, err = w.Service.Propose(ctx, c.OwnerTool, pr)
				fails(t, err, billing.ErrPaymentPending, "actionUrl", res.Failure.ActionURL)
			}
			want, units, code := billing.ApprovalFailed, int64(2), 402
			if answer == "complete" {
				want, units, code = billing.ApprovalSucceeded, 5, 200
			}
			if answer != "" {
				answerBank(t, res.Failure.ActionURL, answer, code)
				w.Sync(c.Org.ID)
			}
			if answer != "complete" {
				w.Advance(24 * time.Hour)
			}
			unitsAre(t, w, c, units, -1)
			a := state(t, w, out.Approval, want)
			now, total := w.Paid(c.Customer)
			if want == billing.ApprovalSucceeded {
				if a.Result.Status != billing.StatusCapacityIncreased || a.Result.Units != 5 || a.Result.Charged != total-paid || now != n+1 {
					t.Errorf("%+v, charged %d", a.Result, total-paid)
				}
				capIs(t, w, c, 15)
			} else if a.Result.Failure == nil || now != n {
				t.Errorf("%+v, %d charges", a.Result, now-n)
			}
			propose(t, w.Service, c.OwnerTool, reduce(1), billing.StatusReductionScheduled, nil) // the way is free again
		})
	}
}
