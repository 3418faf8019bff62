package views

import (
	"time"

	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/billing"
)

// inUnits is the catalogue that is sold in units.
func inUnits() *billing.Catalog {
	c, err := billing.Builtin("capacity")
	if err != nil {
		panic(err)
	}
	return c
}

// onSolo is an org on Solo with two additional units, and what it can do.
func onSolo() BillingValues {
	c := inUnits()
	solo, _ := c.Plan("solo")
	team, _ := c.Plan("team")
	v := BillingValues{
		Frame: appFrame(NavBilling), Catalog: c, CanManage: true, Token: "ft", Nonce: "n1",
		Owners: []billing.Membership{{User: billing.User{Name: "Ada Lovelace"}}},
		Summary: billing.Summary{
			Org: billing.Org{Name: "Acme", CustomerID: "cus_1"}, Plan: solo.With(2), StripeReady: true, Now: now,
			Subscription: billing.Subscription{State: billing.State{
				CustomerID: "cus_1", SubscriptionID: "sub_1", Status: billing.StatusActive, Plan: "solo", PeriodStart: periodEnd.AddDate(0, -1, 0), PeriodEnd: periodEnd,
				Card:  &billing.Card{Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2030},
				Next:  &billing.NextInvoice{Date: periodEnd, Amount: billing.Money{Amount: 499, Currency: "usd"}},
				Units: billing.BoughtUnits{Additional: 2, ItemID: "si_2"},
			}},
		},
		Capacity: &CapacityValues{Units: 2, Offer: billing.Offer{Plan: solo.With(2), Kind: billing.OfferCurrent}},
	}
	v.Offers = []billing.Offer{
		{Plan: c.Free(), Kind: billing.OfferDowngrade, Sealed: "s0", Quote: billing.Quote{Change: billing.Change{Action: billing.ActionScheduleDowngrade}, Currency: "usd", FromPlan: "solo", FromUnits: 2, ToPlan: "free", EffectiveAt: periodEnd}},
		{Plan: solo, Kind: billing.OfferCurrent},
		{Plan: team, Kind: billing.OfferSwitch, Sealed: "s2", Quote: billing.Quote{
			Change: billing.Change{Action: billing.ActionChangePlan, Plan: "team"}, Currency: "usd", FromPlan: "solo", FromUnits: 2, ToPlan: "team",
			DueNow: 4400, Recurring: 4900, Interval: "month", NextChargeAt: periodEnd,
		}},
	}
	v.use(map[string]int64{"monthly_bundle_requests": 812, "retained_bundle_cap": 1200, "active_projects": 7})
	return v
}

// use fills in the usage rows of the plan in force.
func (v *BillingValues) use(active map[string]int64) {
	v.Summary.Usage = nil
	for _, r := range v.Catalog.Resources {
		u := billing.Usage{Resource: r, Active: active[r.ID], Cap: v.Summary.Plan.Cap(r.ID), Reported: now}
		if r.Kind == billing.Counter {
			u.ResetsAt = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
		}
		v.Summary.Usage = append(v.Summary.Usage, u)
	}
}

func unitsQuote(action billing.Action, from, to int64) billing.Quote {
	q := billing.Quote{
		Change: billing.Change{Action: action, Units: to}, Currency: "usd", FromPlan: "solo", ToPlan: "solo", FromUnits: from, ToUnits: to,
		Recurring: 299 + to*100, Interval: "month", NextChargeAt: periodEnd,
	}
	switch action {
	case billing.ActionIncrease:
		q.DueNow = (to - from) * 97
		q.Lines = []billing.Line{{Description: "Unused time on 2 × additional unit of Solo", Amount: -194}, {Description: "Remaining time on 4 × additional unit of Solo", Amount: 388}}
	case billing.ActionReduce:
		q.EffectiveAt = periodEnd
	}
	return q
}

// choose puts the stepper to a number, with what the domain offers for it.
func (v BillingValues) choose(units int64) BillingValues {
	at := *v.Capacity
	at.Units, at.Offer = units, billing.Offer{Kind: billing.OfferIncrease, Sealed: "sealed", Quote: unitsQuote(billing.ActionIncrease, 2, units)}
	if units < 2 {
		at.Offer.Kind, at.Offer.Quote = billing.OfferReduce, unitsQuote(billing.ActionReduce, 2, units)
	}
	if units > 99 {
		at.Offer, at.Err = billing.Offer{}, billing.ErrTargetRange
	}
	v.Capacity = &at
	return v
}

// refused is an org that can have no other number of units, for this reason.
func (v BillingValues) refused(err error) BillingValues {
	v.Capacity = &CapacityValues{Units: v.Summary.Plan.Additional, Err: err, More: err, Less: err}
	return v
}

// reducing is onSolo with a reduction that an agent asked for.
func reducing() BillingValues {
	v := onSolo()
	v.Summary.Subscription.Units.ReduceTo, v.Summary.Subscription.Units.ReduceAt = 0, periodEnd
	v.Summary.Scheduled = []billing.ScheduledChange{{
		Kind: billing.ScheduledReduction, Plan: "solo", Units: 0, EffectiveAt: periodEnd,
		By: billing.Actor{Kind: billing.KindAgent, Name: "deploy-bot"}, ApprovedBy: "Ada Lovelace",
	}}
	v.Offers[2] = billing.Offer{Plan: v.Offers[2].Plan, Kind: billing.OfferNone}
	v.Capacity.More = billing.ErrReductionPending
	return v
}

// onTrialOf is an org that tries a plan for so many days more; none: it did.
func onTrialOf(plan string, days int) BillingValues {
	v := onSolo()
	p, _ := v.Catalog.Plan(plan)
	s := &v.Summary
	s.Org.CustomerID = ""
	s.Subscription = billing.Subscription{State: billing.State{Plan: "free"}}
	ends := now.Add(time.Duration(days)*24*time.Hour - time.Hour)
	s.Subscription.Trial = billing.Trial{Plan: plan, StartedAt: ends.AddDate(0, 0, -30), EndsAt: ends}
	s.Plan, v.Capacity = v.Catalog.Free(), nil
	for i := range v.Offers {
		v.Offers[i] = billing.Offer{Plan: v.Offers[i].Plan, Kind: billing.OfferCheckout}
	}
	v.Offers[0].Kind = billing.OfferCurrent
	if days > 0 {
		s.Plan, s.Scheduled = p, []billing.ScheduledChange{{Kind: billing.ScheduledTrialEnd, Plan: "free", EffectiveAt: ends}}
		v.Offers[0].Kind = billing.OfferNone
		if plan == "team" {
			v.Offers[1].Kind = billing.OfferNone
		}
		v = v.refused(billing.ErrTrialConversion)
	}
	v.use(map[string]int64{"monthly_bundle_requests": 200})
	return v
}

// mayTry is an org on Free that had no trial yet.
func mayTry() BillingValues {
	v := onTrialOf("solo", 0)
	v.Summary.Subscription.Trial, v.Summary.TrialAvailable = billing.Trial{}, true
	v.Offers[1].TrialDays, v.Offers[2].TrialDays = 30, 30
	return v
}

func endingWithUnits() BillingValues {
	v := onSolo()
	v.Summary.Subscription.CancelAtPeriodEnd = true
	v.Summary.Scheduled = []billing.ScheduledChange{{Kind: billing.ScheduledDowngrade, Plan: "free", EffectiveAt: periodEnd}}
	return v.refused(billing.ErrEndsAnyway)
}

func pastDueWithUnits() BillingValues {
	v := onSolo()
	v.Summary.Subscription.Status = billing.StatusPastDue
	v.Summary.Dunning = &billing.Dunning{Status: billing.StatusPastDue, Plan: "solo", Failed: now.AddDate(0, 0, -2), KeepUntil: now.AddDate(0, 0, 12)}
	v.Capacity.More = billing.ErrPastDue
	return v
}

func givenWithUnits() BillingValues {
	v := onSolo()
	v.Summary.DesignPartner = true
	v.Summary.Plan = v.Summary.Plan.With(0)
	v.Summary.Subscription = billing.Subscription{State: billing.State{Plan: "free"}}
	return v.refused(billing.ErrDesignPartner)
}

func memberWithUnits() BillingValues {
	v := onSolo()
	v.CanManage = false
	return v.refused(billing.ErrForbidden)
}

func changedUnits() BillingValues {
	v := onSolo().choose(4)
	before := v.Capacity.Offer.Quote
	before.DueNow = 180
	v.Capacity.Before = &before
	return v
}

// unitsStates is Settings → Billing in every state that only units and trials
// have.
func unitsStates() map[string]BillingValues {
	return map[string]BillingValues{
		"units-now": onSolo(), "units-add": onSolo().choose(4), "units-remove": onSolo().choose(0), "units-too-many": onSolo().choose(120),
		"units-reducing": reducing(), "units-ending": endingWithUnits(), "units-past-due": pastDueWithUnits(), "units-given": givenWithUnits(),
		"units-member": memberWithUnits(), "units-foreign": onSolo().refused(billing.ErrForeignSchedule), "units-price-changed": changedUnits(),
		"trial-available": mayTry(), "trial-long": onTrialOf("solo", 25), "trial-ending": onTrialOf("team", 5), "trial-ended": onTrialOf("solo", 0),
	}
}

func unitsSamples() map[string]templ.Component {
	out := map[string]templ.Component{}
	for name, v := range unitsStates() {
		out["billing-"+name] = Billing(NewBilling(v))
	}
	for name, v := range unitsRequests() {
		out["approve-"+name] = Approve(NewApprove(v))
	}
	return out
}

// unitsRequests are requests of an agent for changes of units and for a trial.
func unitsRequests() map[string]ApproveValues {
	out := map[string]ApproveValues{}
	c := inUnits()
	for name, q := range map[string]billing.Quote{
		"units-add": unitsQuote(billing.ActionIncrease, 2, 4), "units-remove": unitsQuote(billing.ActionReduce, 2, 0),
		"units-keep": unitsQuote(billing.ActionKeepCapacity, 2, 2),
		"trial": {
			Change: billing.Change{Action: billing.ActionStartTrial, Plan: "solo"}, Currency: "usd", FromPlan: "free", ToPlan: "solo",
			Interval: "month", TrialDays: 30,
		},
	} {
		from, _ := c.Plan(q.FromPlan)
		to, _ := c.Plan(q.ToPlan)
		v := reducing()
		sub := v.Summary.Subscription
		if q.Change.Action != billing.ActionKeepCapacity {
			sub.Units.ReduceAt = time.Time{}
		}
		out[name] = ApproveValues{
			Frame: plainFrame(""), Catalog: c, Email: "ada@acme.test", Token: "ft", OpenedToken: "ft",
			Request: billing.Request{
				Approval: billing.Approval{
					ID: "apr_1", State: billing.ApprovalPending, Actor: billing.Actor{Kind: billing.KindAgent, Name: "deploy-bot"},
					KeyPrefix: "csa_4fZk", KeyBy: "Ada Lovelace", Quote: q, CreatedAt: now.Add(-4 * time.Minute), ExpiresAt: now.Add(23 * time.Hour),
				},
				Org: billing.Org{Name: "Acme"}, From: from.With(q.FromUnits), To: to.With(q.ToUnits), Quote: q, Subscription: sub,
				Usage: v.Summary.Usage, Sealed: "sealed", OpDigest: "digest", CanDecide: true, Now: now,
			},
		}
	}
	return out
}
