package payments

import (
	"cmp"
	"slices"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// What Project reads of the units that are bought on top of a plan, and of the
// schedule that may be about to reduce them.

// units finds the additional units: one item at the price of the plan's own unit.
// Where that is not so, how many units of which plan there are would be a guess,
// and the whole is treated like an unknown price. An item of which there are none
// stays from an earlier plan and means nothing, but can be used again.
func (p *projector) units(items []*stripe.SubscriptionItem, plan billing.Plan) {
	st := &p.out.State
	own := func(it *stripe.SubscriptionItem) bool {
		of, _, _ := planOf(p.catalog, it.Price)
		return of.ID == plan.ID
	}
	had := slices.DeleteFunc(slices.Clone(items), func(it *stripe.SubscriptionItem) bool { return it.Quantity == 0 })
	switch {
	case len(had) == 1 && own(had[0]):
		st.Units = billing.BoughtUnits{Additional: had[0].Quantity, ItemID: had[0].ID}
	case len(had) > 0:
		p.warn(WarnUnclearUnits, priceIDs(had)...)
		st.Plan, st.UnknownPrice = "", slices.Min(priceIDs(had))
	case len(items) > 0:
		st.Units.ItemID = slices.MinFunc(items, func(a, b *stripe.SubscriptionItem) int {
			return cmp.Or(cmp.Compare(rank(own(a)), rank(own(b))), cmp.Compare(a.ID, b.ID))
		}).ID
	}
}

// rank puts what is true first.
func rank(first bool) int {
	if first {
		return 0
	}
	return 1
}

// schedule reads what a schedule is going to do to a live subscription: nothing
// any more, a reduction of units with the next period, or something that was not
// ordered here.
func (p *projector) schedule(sub *stripe.Subscription) {
	sc := sub.Schedule
	if sc == nil || over(sc) {
		return
	}
	u := &p.out.State.Units
	u.ScheduleID = sc.ID
	now, next, ok := phases(sc)
	switch {
	case !ok || p.out.State.UnknownPrice != "" && len(next) > 0:
		u.Foreign = true
	case len(next) == 0:
	case len(next) > 1, next[0].StartDate != sub.CurrentPeriodEnd, !sameTerms(now, next[0]):
		u.Foreign = true
	default:
		p.reduction(sub, next[0])
	}
}

// reduction reads the units of the next phase, whose other items have to be as
// they are now. Both sides are summed by price, so that no order of the items
// matters. A phase that changes nothing is no reduction and does no harm.
func (p *projector) reduction(sub *stripe.Subscription, next *stripe.SubscriptionSchedulePhase) {
	u := &p.out.State.Units
	left := map[string]int64{} // what the phase holds beyond the other items, by price
	for _, it := range next.Items {
		left[priceID(it.Price)] += it.Quantity
	}
	unit, found := "", false
	for _, it := range itemsOf(sub) {
		if it.ID == u.ItemID {
			unit, found = priceID(it.Price), true
		} else {
			left[priceID(it.Price)] -= it.Quantity
		}
	}
	var remain int64
	if found {
		remain = left[unit]
		delete(left, unit)
	}
	for _, n := range left {
		if n != 0 {
			u.Foreign = true
			return
		}
	}
	switch {
	case remain < 0, remain > u.Additional:
		u.Foreign = true
	case remain < u.Additional:
		u.ReduceTo, u.ReduceAt = remain, unix(next.StartDate)
	}
}

// over reports whether a schedule has nothing to do with its subscription any more.
func over(sc *stripe.SubscriptionSchedule) bool {
	switch sc.Status {
	case stripe.SubscriptionScheduleStatusReleased, stripe.SubscriptionScheduleStatusCompleted, stripe.SubscriptionScheduleStatusCanceled:
		return true
	}
	return false
}

// phases finds the phase that runs and those that follow, of a schedule that
// leaves its subscription alone in the end. Of any other one ok is false.
func phases(sc *stripe.SubscriptionSchedule) (now *stripe.SubscriptionSchedulePhase, next []*stripe.SubscriptionSchedulePhase, ok bool) {
	if sc.Status != stripe.SubscriptionScheduleStatusActive || sc.CurrentPhase == nil || sc.EndBehavior != stripe.SubscriptionScheduleEndBehaviorRelease {
		return nil, nil, false
	}
	at := slices.IndexFunc(sc.Phases, func(ph *stripe.SubscriptionSchedulePhase) bool { return ph.StartDate == sc.CurrentPhase.StartDate })
	if at < 0 {
		return nil, nil, false
	}
	return sc.Phases[at], sc.Phases[at+1:], true
}

// changes reports whether a schedule has something before it.
func changes(sc *stripe.SubscriptionSchedule) bool {
	if sc == nil {
		return false
	}
	_, next, ok := phases(sc)
	return ok && len(next) > 0
}

// sameTerms reports whether a phase goes on as the one before it in all but its
// items.
func sameTerms(now, next *stripe.SubscriptionSchedulePhase) bool {
	return len(next.AddInvoiceItems) == 0 && next.TrialEnd <= next.StartDate &&
		next.BillingCycleAnchor != stripe.SubscriptionSchedulePhaseBillingCycleAnchorPhaseStart &&
		method(now) == method(next) && coupon(now) == coupon(next) && slices.Equal(taxRates(now.DefaultTaxRates), taxRates(next.DefaultTaxRates))
}

func method(ph *stripe.SubscriptionSchedulePhase) stripe.SubscriptionCollectionMethod {
	if ph.CollectionMethod == nil {
		return stripe.SubscriptionCollectionMethodChargeAutomatically
	}
	return *ph.CollectionMethod
}

// coupon is the discount of a phase; this version of Stripe's knows one at most.
func coupon(ph *stripe.SubscriptionSchedulePhase) string {
	if ph.Coupon == nil {
		return ""
	}
	return ph.Coupon.ID
}

func taxRates(rates []*stripe.TaxRate) []string {
	var out []string
	for _, r := range rates {
		out = append(out, r.ID)
	}
	return out
}
