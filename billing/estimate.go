package billing

import "time"

// What a change costs, worked out here from the last reading as Stripe works it
// out. A page can show it at once; at the press it is checked against Stripe's own.

// estimateSwitch works out a plan switch as Stripe does: by the second, each
// line rounded on its own, half away from zero.
// Source: https://docs.stripe.com/billing/subscriptions/prorations
func (s *Service) estimateSwitch(sum *Summary, to Plan) Quote {
	sub := &sum.Subscription
	from, _ := s.catalog.Plan(sub.Plan)
	from = from.With(sub.Units.Additional)
	to = to.With(to.Carry(from))
	q := s.estimate(sum, Change{Action: ActionChangePlan, Plan: to.ID}, from, to)
	q.LiftsDowngrade = sub.CancelAtPeriodEnd
	e := estimator{left: sub.PeriodEnd.Sub(q.ProrationDate), whole: sub.PeriodEnd.Sub(sub.PeriodStart)}
	e.add("Unused time on ", from.Name, -from.Price.Amount)
	e.addUnits("Unused time on ", from, -from.Additional)
	e.add("Remaining time on ", to.Name, to.Price.Amount)
	e.addUnits("Remaining time on ", to, to.Additional)
	return e.into(q, *sub)
}

// estimateIncrease works out more units the same way.
func (s *Service) estimateIncrease(sum *Summary, target int64) Quote {
	sub := &sum.Subscription
	plan, _ := s.catalog.Plan(sub.Plan)
	from, to := plan.With(sub.Units.Additional), plan.With(target)
	q := s.estimate(sum, Change{Action: ActionIncrease, Units: target}, from, to)
	e := estimator{left: sub.PeriodEnd.Sub(q.ProrationDate), whole: sub.PeriodEnd.Sub(sub.PeriodStart)}
	e.addUnits("Unused time on ", from, -from.Additional)
	e.addUnits("Remaining time on ", to, to.Additional)
	return e.into(q, *sub)
}

// estimate is the frame of a quote that is worked out here.
func (s *Service) estimate(sum *Summary, c Change, from, to Plan) Quote {
	sub := &sum.Subscription
	return Quote{
		Change: c, Currency: s.catalog.Currency, FromPlan: from.ID, ToPlan: to.ID, FromUnits: from.Additional, ToUnits: to.Additional,
		Recurring: to.Recurring(), Interval: to.Price.Interval, NextChargeAt: sub.PeriodEnd, ProrationDate: sum.Now.Truncate(time.Second),
		SubscriptionVersion: sub.Version, CatalogVersion: s.catalog.Version,
	}
}

// estimator adds up the lines of a proration.
type estimator struct {
	left, whole time.Duration
	lines       []Line
	total       int64
}

func (e *estimator) add(what, name string, amount int64) {
	part := prorate(max(amount, -amount), e.left, e.whole)
	if amount < 0 {
		part = -part
	}
	e.lines = append(e.lines, Line{Description: what + name, Amount: part, Proration: true})
	e.total += part
}

// addUnits adds a line for additional units; a negative number is what is given
// back.
func (e *estimator) addUnits(what string, p Plan, units int64) {
	if units != 0 && p.Units != nil {
		name := grouped(max(units, -units)) + " × additional unit of " + p.Name
		e.add(what, name, units*p.Units.Price.Amount)
	}
}

// into puts the sum into the quote: what is left of a credit is for the next
// invoices, and earlier credit is used up first.
func (e *estimator) into(q Quote, sub Subscription) Quote {
	q.Lines = e.lines
	if e.total < 0 {
		q.Credit = -e.total
		return q
	}
	q.BalanceUsed = min(sub.Credit, e.total)
	if q.DueNow = e.total - q.BalanceUsed; q.DueNow < smallestCharge {
		q.DueNow = 0
	}
	return q
}

// smallestCharge is what Stripe charges at least, in minor units of a dollar or
// a euro; less is carried over to the next invoice.
// Source: https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
const smallestCharge = 50

// prorate is amount × left ÷ whole in whole seconds, half away from zero.
func prorate(amount int64, left, whole time.Duration) int64 {
	l, w := int64(max(left, 0)/time.Second), int64(whole/time.Second)
	if w <= 0 {
		return 0
	}
	return (2*amount*l + w) / (2 * w)
}

func (s *Service) estimateSchedule(sum *Summary, kind OfferKind, plan Plan) Quote {
	sub := &sum.Subscription
	from, _ := s.catalog.Plan(sub.Plan)
	from = from.With(sub.Units.Additional)
	if kind == OfferResume {
		return s.estimate(sum, Change{Action: ActionResume, Plan: plan.ID}, from, from)
	}
	q := s.estimate(sum, Change{Action: ActionScheduleDowngrade, Plan: plan.ID}, from, plan)
	q.EffectiveAt, q.NextChargeAt, q.LiftsReduction = sub.PeriodEnd, time.Time{}, sub.Units.Reducing()
	return q
}

// estimateReduction: nothing now; from the period's end on the units are fewer.
func (s *Service) estimateReduction(sum *Summary, target int64) Quote {
	sub := &sum.Subscription
	plan, _ := s.catalog.Plan(sub.Plan)
	q := s.estimate(sum, Change{Action: ActionReduce, Units: target}, plan.With(sub.Units.Additional), plan.With(target))
	q.EffectiveAt = sub.PeriodEnd
	return q
}
