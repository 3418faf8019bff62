package payments

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"pgregory.net/rapid"

	"github.com/countersignhq/countersign/billing"
)

// goods are the prices of the catalogue with units.
type goods struct {
	c                              *billing.Catalog
	solo, soloUnit, team, teamUnit *stripe.Price
}

func someGoods(t testing.TB) goods {
	t.Helper()
	c := capacity(t)
	solo, _ := c.Plan("solo")
	team, _ := c.Plan("team")
	return goods{
		c, priced("p_solo", solo.Price.LookupKey), priced("p_solo_unit", solo.Units.Price.LookupKey),
		priced("p_team", team.Price.LookupKey), priced("p_team_unit", team.Units.Price.LookupKey),
	}
}

func some(id string, p *stripe.Price, n int64) *stripe.SubscriptionItem {
	return &stripe.SubscriptionItem{ID: id, Price: p, Quantity: n}
}

func (g goods) project(s *stripe.Subscription) Projection {
	return Project(g.c, Snapshot{Customer: someCustomer(), Subscriptions: []*stripe.Subscription{s}})
}

func TestProjectUnits(t *testing.T) {
	g := someGoods(t)
	team := some("i1", g.team, 1)
	old := &stripe.Price{ID: "p_old", Metadata: map[string]string{metaPlan: "team", metaUnit: "1"}}
	tests := map[string]struct {
		items   []*stripe.SubscriptionItem
		want    billing.BoughtUnits
		unclear string
	}{
		"none":                         {[]*stripe.SubscriptionItem{team}, billing.BoughtUnits{}, ""},
		"some":                         {[]*stripe.SubscriptionItem{some("i2", g.teamUnit, 5), team}, billing.BoughtUnits{Additional: 5, ItemID: "i2"}, ""},
		"more than can be bought here": {[]*stripe.SubscriptionItem{team, some("i2", g.teamUnit, 150)}, billing.BoughtUnits{Additional: 150, ItemID: "i2"}, ""},
		"at a price that lost its key": {[]*stripe.SubscriptionItem{team, some("i2", old, 5)}, billing.BoughtUnits{Additional: 5, ItemID: "i2"}, ""},
		"an item of none":              {[]*stripe.SubscriptionItem{team, some("i2", g.teamUnit, 0)}, billing.BoughtUnits{ItemID: "i2"}, ""},
		"of another plan, none":        {[]*stripe.SubscriptionItem{team, some("i2", g.soloUnit, 0)}, billing.BoughtUnits{ItemID: "i2"}, ""},
		"both without any":             {[]*stripe.SubscriptionItem{some("i2", g.soloUnit, 0), team, some("i3", g.teamUnit, 0)}, billing.BoughtUnits{ItemID: "i3"}, ""},
		"some and a remnant":           {[]*stripe.SubscriptionItem{some("i2", g.soloUnit, 0), team, some("i3", g.teamUnit, 4)}, billing.BoughtUnits{Additional: 4, ItemID: "i3"}, ""},
		"of another plan":              {[]*stripe.SubscriptionItem{team, some("i2", g.soloUnit, 5)}, billing.BoughtUnits{}, "p_solo_unit"},
		"of both plans":                {[]*stripe.SubscriptionItem{team, some("i2", g.soloUnit, 5), some("i3", g.teamUnit, 5)}, billing.BoughtUnits{}, "p_solo_unit"},
		"twice":                        {[]*stripe.SubscriptionItem{team, some("i2", old, 5), some("i3", g.teamUnit, 5)}, billing.BoughtUnits{}, "p_old"},
		"without a plan":               {[]*stripe.SubscriptionItem{some("i2", g.teamUnit, 5)}, billing.BoughtUnits{}, "none"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := g.project(sub("s1", "active", 1, tc.items...))
			plan := "team"
			if tc.unclear != "" {
				plan = ""
			}
			if p.State.Units != tc.want || p.State.UnknownPrice != tc.unclear || p.State.Plan != plan {
				t.Errorf("got %+v of %q, unknown %q", p.State.Units, p.State.Plan, p.State.UnknownPrice)
			}
			warned := slices.ContainsFunc(p.Warnings, func(w Warning) bool { return w.Code == WarnUnclearUnits })
			if want := tc.unclear != "" && tc.unclear != "none"; warned != want {
				t.Errorf("warnings %v", p.Warnings)
			}
		})
	}
	if p := g.project(sub("s1", "canceled", 1, team, some("i2", g.teamUnit, 5))); p.State.Units != (billing.BoughtUnits{}) {
		t.Errorf("of a cancelled subscription: %+v", p.State.Units)
	}
}

// had is an item of a phase, whose price Stripe names by its id only.
func had(price *stripe.Price, n int64) *stripe.SubscriptionSchedulePhaseItem {
	return &stripe.SubscriptionSchedulePhaseItem{Price: &stripe.Price{ID: price.ID}, Quantity: n}
}

func phaseOf(start, end int64, items ...*stripe.SubscriptionSchedulePhaseItem) *stripe.SubscriptionSchedulePhase {
	return &stripe.SubscriptionSchedulePhase{StartDate: start, EndDate: end, Items: items}
}

// scheduleOf runs in the phase at the index.
func scheduleOf(at int, phases ...*stripe.SubscriptionSchedulePhase) *stripe.SubscriptionSchedule {
	return &stripe.SubscriptionSchedule{
		ID: "sched", Status: "active", EndBehavior: "release", Phases: phases,
		CurrentPhase: &stripe.SubscriptionScheduleCurrentPhase{StartDate: phases[at].StartDate, EndDate: phases[at].EndDate},
	}
}

func TestProjectSchedule(t *testing.T) {
	g := someGoods(t)
	const month = 31 * day
	later := periodEnd + month
	team, solo := had(g.team, 1), had(g.solo, 1)
	now := phaseOf(periodStart, periodEnd, team, had(g.teamUnit, 5))
	past := phaseOf(periodStart-month, periodStart, team, had(g.teamUnit, 9))
	next := func(items ...*stripe.SubscriptionSchedulePhaseItem) *stripe.SubscriptionSchedulePhase {
		return phaseOf(periodEnd, later, items...)
	}
	changed := func(f func(*stripe.SubscriptionSchedulePhase)) *stripe.SubscriptionSchedule {
		ph := next(team, had(g.teamUnit, 2))
		f(ph)
		return scheduleOf(0, now, ph)
	}
	but := func(f func(*stripe.SubscriptionSchedule)) *stripe.SubscriptionSchedule {
		sc := scheduleOf(0, now, next(team, had(g.teamUnit, 2)))
		f(sc)
		return sc
	}
	split := phaseOf(periodStart+day, periodEnd, team, had(g.teamUnit, 5))
	invoice := stripe.SubscriptionCollectionMethodSendInvoice
	automatic := stripe.SubscriptionCollectionMethodChargeAutomatically

	const none, spent, foreign = -3, -2, -1
	tests := map[string]struct {
		schedule *stripe.SubscriptionSchedule
		want     int64 // what remains, or one of the above
	}{
		"none":                         {nil, none},
		"a reduction":                  {scheduleOf(0, now, next(team, had(g.teamUnit, 2))), 2},
		"to none":                      {scheduleOf(0, now, next(team)), 0},
		"to a quantity of none":        {scheduleOf(0, now, next(had(g.teamUnit, 0), team)), 0},
		"after past phases":            {scheduleOf(1, past, now, next(team, had(g.teamUnit, 2))), 2},
		"after a change in the period": {scheduleOf(1, phaseOf(periodStart, periodStart+day, team, had(g.teamUnit, 1)), split, next(team, had(g.teamUnit, 2))), 2},
		"collected in the same way":    {changed(func(ph *stripe.SubscriptionSchedulePhase) { ph.CollectionMethod = &automatic }), 2},

		"just created":         {scheduleOf(0, now), spent},
		"in its last phase":    {scheduleOf(1, past, now), spent},
		"that changes nothing": {scheduleOf(0, now, next(team, had(g.teamUnit, 5))), spent},

		"released":  {but(func(sc *stripe.SubscriptionSchedule) { sc.Status, sc.CurrentPhase = "released", nil }), none},
		"completed": {but(func(sc *stripe.SubscriptionSchedule) { sc.Status, sc.CurrentPhase = "completed", nil }), none},
		"cancelled": {but(func(sc *stripe.SubscriptionSchedule) { sc.Status, sc.CurrentPhase = "canceled", nil }), none},

		"an increase":            {scheduleOf(0, now, next(team, had(g.teamUnit, 6))), foreign},
		"another plan":           {scheduleOf(0, now, next(solo)), foreign},
		"another plan's units":   {scheduleOf(0, now, next(team, had(g.soloUnit, 2))), foreign},
		"fewer and another":      {scheduleOf(0, now, next(team, had(g.teamUnit, 2), had(g.solo, 1))), foreign},
		"the plan twice":         {scheduleOf(0, now, next(had(g.team, 2), had(g.teamUnit, 2))), foreign},
		"no plan":                {scheduleOf(0, now, next(had(g.teamUnit, 2))), foreign},
		"two more phases":        {scheduleOf(0, now, next(team, had(g.teamUnit, 2)), phaseOf(later, later+month, team)), foreign},
		"at another time":        {scheduleOf(0, now, phaseOf(periodEnd+day, later, team, had(g.teamUnit, 2))), foreign},
		"before the period ends": {scheduleOf(0, now, phaseOf(periodEnd-day, later, team, had(g.teamUnit, 2))), foreign},
		"ends with a discount":   {changed(func(ph *stripe.SubscriptionSchedulePhase) { ph.Coupon = &stripe.Coupon{ID: "half"} }), foreign},
		"ends in another rhythm": {changed(func(ph *stripe.SubscriptionSchedulePhase) { ph.BillingCycleAnchor = "phase_start" }), foreign},
		"ends in a trial":        {changed(func(ph *stripe.SubscriptionSchedulePhase) { ph.TrialEnd = later }), foreign},
		"ends by invoice":        {changed(func(ph *stripe.SubscriptionSchedulePhase) { ph.CollectionMethod = &invoice }), foreign},
		"ends with a tax":        {changed(func(ph *stripe.SubscriptionSchedulePhase) { ph.DefaultTaxRates = []*stripe.TaxRate{{ID: "vat"}} }), foreign},
		"ends with something new": {changed(func(ph *stripe.SubscriptionSchedulePhase) {
			ph.AddInvoiceItems = []*stripe.SubscriptionSchedulePhaseAddInvoiceItem{{}}
		}), foreign},
		"ends the subscription": {but(func(sc *stripe.SubscriptionSchedule) { sc.EndBehavior = "cancel" }), foreign},
		"renews itself":         {but(func(sc *stripe.SubscriptionSchedule) { sc.EndBehavior = "renew" }), foreign},
		"not started":           {but(func(sc *stripe.SubscriptionSchedule) { sc.Status, sc.CurrentPhase = "not_started", nil }), foreign},
		"only its id":           {&stripe.SubscriptionSchedule{ID: "sched"}, foreign},
		"in no phase":           {but(func(sc *stripe.SubscriptionSchedule) { sc.CurrentPhase.StartDate++ }), foreign},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			s := sub("s1", "active", 1, some("i1", g.team, 1), some("i2", g.teamUnit, 5))
			s.Schedule = tc.schedule
			want := billing.BoughtUnits{Additional: 5, ItemID: "i2", ScheduleID: "sched", Foreign: tc.want == foreign}
			switch {
			case tc.want == none:
				want.ScheduleID = ""
			case tc.want >= 0:
				want.ReduceTo, want.ReduceAt = tc.want, time.Unix(periodEnd, 0).UTC()
			}
			if got := g.project(s).State.Units; got != want {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		})
	}
}

// TestProjectScheduleOfUnclearUnits: what cannot be read cannot be said to shrink.
func TestProjectScheduleOfUnclearUnits(t *testing.T) {
	g := someGoods(t)
	now := phaseOf(periodStart, periodEnd, had(g.team, 1), had(g.soloUnit, 5))
	for name, tc := range map[string]struct {
		schedule *stripe.SubscriptionSchedule
		foreign  bool
	}{
		"spent":     {scheduleOf(0, now), false},
		"reduction": {scheduleOf(0, now, phaseOf(periodEnd, periodEnd+day, had(g.team, 1))), true},
	} {
		s := sub("s1", "active", 1, some("i1", g.team, 1), some("i2", g.soloUnit, 5))
		s.Schedule = tc.schedule
		if u := g.project(s).State.Units; u.Foreign != tc.foreign || u.Reducing() || u.ScheduleID == "" {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

// TestProjectScheduleOfTwins: two items at one price, which Stripe does not make
// but a state can hold, are compared as their sum.
func TestProjectScheduleOfTwins(t *testing.T) {
	g := someGoods(t)
	phase := phaseOf(periodEnd, periodEnd+day, had(g.solo, 1), had(g.solo, 0))
	for name, items := range map[string][]*stripe.SubscriptionItem{
		"empty last":  {some("i1", g.solo, 1), some("i2", g.solo, 0)},
		"empty first": {some("i2", g.solo, 0), some("i1", g.solo, 1)},
	} {
		s := sub("s1", "active", 1, items...)
		s.Schedule = scheduleOf(0, phaseOf(periodStart, periodEnd), phase)
		if u := g.project(s).State.Units; u.Foreign || u.Reducing() {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

// TestProjectPendingUnits: a change that waits for the bank names a plan, even if
// it is the present one.
func TestProjectPendingUnits(t *testing.T) {
	g := someGoods(t)
	bare := func(p *stripe.Price) *stripe.Price { return &stripe.Price{ID: p.ID} }
	lined := func(p *stripe.Price) *stripe.Invoice {
		inv := openInvoice("in_1", "s1", 30, 900)
		inv.Lines = &stripe.InvoiceLineItemList{Data: []*stripe.InvoiceLineItem{{Amount: -100, Price: g.team}, {Amount: 1000, Price: p}}}
		return inv
	}
	for name, tc := range map[string]struct {
		pending []*stripe.SubscriptionItem
		invoice *stripe.Invoice
		want    string
	}{
		"the units":                      {[]*stripe.SubscriptionItem{some("i2", g.teamUnit, 9)}, openInvoice("in_1", "s1", 30, 900), "team"},
		"all items":                      {[]*stripe.SubscriptionItem{some("i1", g.team, 1), some("i2", g.teamUnit, 9)}, openInvoice("in_1", "s1", 30, 900), "team"},
		"the units, by id":               {[]*stripe.SubscriptionItem{some("i2", bare(g.teamUnit), 9)}, lined(g.teamUnit), "team"},
		"another plan and its units":     {[]*stripe.SubscriptionItem{some("i2", g.soloUnit, 9), some("i1", g.solo, 1)}, openInvoice("in_1", "s1", 30, 900), "solo"},
		"another plan and its units, id": {[]*stripe.SubscriptionItem{some("i2", bare(g.soloUnit), 9), some("i1", bare(g.solo), 1)}, lined(g.solo), "solo"},
	} {
		s := sub("s1", "active", 1, some("i1", g.team, 1), some("i2", g.teamUnit, 5))
		s.PendingUpdate = &stripe.SubscriptionPendingUpdate{SubscriptionItems: tc.pending}
		got := Project(g.c, Snapshot{Customer: someCustomer(), Subscriptions: []*stripe.Subscription{s}, Invoices: []*stripe.Invoice{tc.invoice}}).State
		if got.Action == nil || got.Action.Plan != tc.want || got.Units.Additional != 5 {
			t.Errorf("%s: %+v", name, got.Action)
		}
	}
}

// TestProjectUnitsOrder: no order of the items, and no combination of them with a
// schedule, makes a difference or an impossible state.
func TestProjectUnitsOrder(t *testing.T) {
	g := someGoods(t)
	prices := rapid.SampledFrom([]*stripe.Price{g.solo, g.soloUnit, g.team, g.teamUnit, priced("p9", "elsewhere"), nil})
	rapid.Check(t, func(t *rapid.T) {
		var items []*stripe.SubscriptionItem
		var held []*stripe.SubscriptionSchedulePhaseItem
		for i := range rapid.IntRange(0, 4).Draw(t, "items") {
			it := some(fmt.Sprintf("i%d", i), prices.Draw(t, "price"), rapid.Int64Range(0, 3).Draw(t, "quantity"))
			items = append(items, it)
			held = append(held, &stripe.SubscriptionSchedulePhaseItem{Price: it.Price, Quantity: it.Quantity - rapid.Int64Range(0, it.Quantity).Draw(t, "fewer")})
		}
		s := sub("s1", "active", 1, items...)
		if rapid.Bool().Draw(t, "scheduled") {
			s.Schedule = scheduleOf(0, phaseOf(periodStart, periodEnd), phaseOf(periodEnd, periodEnd+day, held...))
		}
		first := g.project(s)
		s.Items.Data = rapid.Permutation(items).Draw(t, "order")
		if s.Schedule != nil {
			s.Schedule.Phases[1].Items = rapid.Permutation(held).Draw(t, "order in the phase")
		}
		if second := g.project(s); !reflect.DeepEqual(first, second) {
			t.Fatalf("order matters:\n%+v\n%+v", first, second)
		}
		u := first.State.Units
		if u.Additional < 0 || u.Reducing() && (u.ReduceTo >= u.Additional || u.ReduceTo < 0 || u.Foreign || first.State.UnknownPrice != "") ||
			u.Foreign && u.ScheduleID == "" || (first.State.Plan == "") != (first.State.UnknownPrice != "") {
			t.Fatalf("impossible state %+v", first.State)
		}
	})
}

// TestInvoiceLinesOfNothing: an item of which there are none is not shown.
func TestInvoiceLinesOfNothing(t *testing.T) {
	got := lines(&stripe.Invoice{Lines: &stripe.InvoiceLineItemList{Data: []*stripe.InvoiceLineItem{
		{Description: "1 × Team", Amount: 4900, Quantity: 1}, {Description: "0 × unit"}, {Description: "free", Quantity: 1}, {Description: "credit", Amount: -5},
	}}})
	if len(got) != 3 || got[1].Description != "free" || got[2].Description != "credit" {
		t.Errorf("lines %+v", got)
	}
}

// TestInvoicesOfUnits: an invoice that is only about units says how many are had
// since.
func TestInvoicesOfUnits(t *testing.T) {
	c, err := billing.Builtin("capacity")
	if err != nil {
		t.Fatal(err)
	}
	solo, _ := c.Plan("solo")
	unit, plan := priced("p_unit", solo.Units.Price.LookupKey), priced("p_solo", solo.Price.LookupKey)
	line := func(amount, quantity int64, p *stripe.Price) *stripe.InvoiceLineItem {
		return &stripe.InvoiceLineItem{Amount: amount, Quantity: quantity, Price: p}
	}
	for want, lines := range map[string][]*stripe.InvoiceLineItem{
		"1 additional unit":  {line(60, 1, unit)},
		"5 additional units": {line(-120, 2, unit), line(300, 5, unit)},
		"Change to Solo":     {line(179, 1, plan), line(300, 5, unit)},
		"Invoice":            {line(-120, 2, unit)},
	} {
		inv := &stripe.Invoice{ID: "in", BillingReason: "subscription_update", Lines: &stripe.InvoiceLineItemList{Data: lines}}
		if got := Project(c, Snapshot{Customer: someCustomer(), Invoices: []*stripe.Invoice{inv}}).Invoices[0].Description; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
