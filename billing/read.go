package billing

import (
	"context"
	"time"
)

// staleAfter is how long Stripe's news may wait before the summary says that it
// is not up to date.
const staleAfter = 30 * time.Second

// Summary reads the org's plan and usage. Everything comes from the store, so
// it is there while Stripe is not; then it says as of when it is true.
//
// Errors: ErrScope for an agent without billing:read, ErrForbidden for a host key.
func (s *Service) Summary(ctx context.Context, p Principal) (Summary, error) {
	if p.Kind == KindHost {
		return Summary{}, ErrForbidden
	}
	if !p.Can(ScopeRead) {
		return Summary{}, ErrScope.With("scope", ScopeRead)
	}
	return s.summary(ctx, p.OrgID)
}

func (s *Service) summary(ctx context.Context, orgID string) (Summary, error) {
	over, err := s.store.Overview(ctx, orgID)
	if err != nil {
		return Summary{}, err
	}
	now, sub := s.Now(), over.Subscription
	sum := Summary{
		Org: over.Org, Subscription: sub, Plan: s.planOf(over.Org, sub), DesignPartner: over.Org.Complimentary(),
		StripeReady: s.processor != nil, Pending: over.Pending, Now: now,
		Stale: over.Org.CustomerID != "" && (s.stripeDown.Load() || sub.Dirty() && now.Sub(sub.SyncedAt) > staleAfter),
	}
	sum.Overrides = over.Overrides
	sum.Usage = s.usageAgainst(sum.Plan, over)
	if sub.Status.Live() && sub.CancelAtPeriodEnd {
		c := ScheduledChange{Kind: "downgrade", Plan: s.planOf(over.Org, Subscription{}).ID, EffectiveAt: sub.PeriodEnd}
		if sub.ScheduledBy != nil {
			c.By, c.ApprovedBy = sub.ScheduledBy.By, sub.ScheduledBy.ApprovedBy
		}
		sum.Scheduled = append(sum.Scheduled, c)
	}
	return sum, nil
}

// planOf is the plan in force: the one that an operator gave, the top one for a
// design partner, the subscription's while it entitles, else the free one.
func (s *Service) planOf(org Org, sub Subscription) Plan {
	if plan, ok := s.catalog.Plan(org.GivenPlan); ok {
		return plan
	}
	if org.DesignPartner {
		return s.catalog.Plans[len(s.catalog.Plans)-1]
	}
	if sub.Status.Entitled() {
		if plan, ok := s.catalog.Plan(sub.Plan); ok {
			return plan
		}
	}
	return s.catalog.Free()
}

// usageAgainst lists the plan's resources with what is used of them.
func (s *Service) usageAgainst(plan Plan, over Overview) []Usage {
	now := s.Now()
	out := make([]Usage, 0, len(s.catalog.Resources))
	for _, res := range s.catalog.Resources {
		u := Usage{Resource: res, Cap: capOn(plan, res.ID, openOverride(over.Overrides, res.ID), now)}
		var start time.Time
		if res.Kind == Counter {
			start, u.ResetsAt = windowAt(res, over.Subscription, now)
		}
		for _, row := range over.Usage {
			if row.Resource == res.ID && row.Start.Equal(start) {
				u.Active, u.Reported = row.Value, row.ReportedAt
			}
		}
		out = append(out, u)
	}
	return out
}

// ReportUsage stores how much of a resource an org uses now: the value of a
// gauge, or of a counter in its present window.
func (s *Service) ReportUsage(ctx context.Context, orgID, resource string, value int64) error {
	res, ok := s.catalog.Resource(resource)
	if !ok || value < 0 {
		return ErrInvalid.With("resource", resource)
	}
	var start time.Time
	if res.Kind == Counter {
		sub, err := s.store.Subscription(ctx, orgID)
		if err != nil {
			return err
		}
		start, _ = windowAt(res, sub, s.Now())
	}
	defer s.usageChanged(orgID)
	return s.store.SetUsage(ctx, orgID, resource, start, value, s.Now())
}

// Invoices lists the mirrored invoices, newest first.
func (s *Service) Invoices(ctx context.Context, p Principal, before string, limit int) ([]Invoice, error) {
	if p.Kind == KindHost {
		return nil, ErrForbidden
	}
	if !p.Can(ScopeRead) {
		return nil, ErrScope.With("scope", ScopeRead)
	}
	return s.store.Invoices(ctx, p.OrgID, before, limit)
}

// Offers says what the dashboard can offer for each plan. The amounts are
// worked out here from the last reading, so a page needs no answer from Stripe;
// at the press they are checked against Stripe's own, and a difference is shown
// instead of charged.
func (s *Service) Offers(p Principal, sum Summary) []Offer {
	out := make([]Offer, 0, len(s.catalog.Plans))
	for _, plan := range s.catalog.Plans {
		o := Offer{Plan: plan, Kind: s.offerKind(p, sum, plan)}
		switch o.Kind {
		case OfferSwitch:
			o.Quote = s.estimateSwitch(sum, plan)
		case OfferDowngrade, OfferResume:
			o.Quote = s.estimateSchedule(sum, o.Kind, plan)
		}
		if o.Quote.Change.Action != "" {
			o.Sealed = s.sealChange(p, o.Quote, sum.Now)
		}
		out = append(out, o)
	}
	return out
}

func (s *Service) offerKind(p Principal, sum Summary, plan Plan) OfferKind {
	sub := sum.Subscription
	current := plan.ID == sum.Plan.ID
	switch {
	case !p.CanManage(), !sum.StripeReady, sum.DesignPartner && !sub.Status.Live():
		if current {
			return OfferCurrent
		}
		return OfferNone
	case sum.DesignPartner:
		return offerToEnd(sub, plan)
	case !sub.Status.Live():
		if current {
			return OfferCurrent
		}
		return OfferCheckout
	case plan.ID == sub.Plan && sub.CancelAtPeriodEnd:
		return OfferResume
	case plan.ID == sub.Plan:
		return OfferCurrent
	case !plan.Paid() && sub.CancelAtPeriodEnd:
		return OfferNone // scheduled already
	case !plan.Paid():
		return OfferDowngrade
	case payable(sub) != nil:
		return OfferNone
	}
	return OfferSwitch
}

// offerToEnd is all that there is to do about a subscription beside a plan that
// was given: to end it, and to take that back.
func offerToEnd(sub Subscription, plan Plan) OfferKind {
	switch {
	case plan.ID == sub.Plan && sub.CancelAtPeriodEnd:
		return OfferResume
	case !plan.Paid() && !sub.CancelAtPeriodEnd:
		return OfferDowngrade
	}
	return OfferNone
}

// estimateSwitch works out a plan switch as Stripe does: by the second, each
// line rounded on its own, half away from zero.
// Source: https://docs.stripe.com/billing/subscriptions/prorations
func (s *Service) estimateSwitch(sum Summary, to Plan) Quote {
	sub := sum.Subscription
	from, _ := s.catalog.Plan(sub.Plan)
	at := sum.Now.Truncate(time.Second)
	unused := -prorate(from.Price.Amount, sub.PeriodEnd.Sub(at), sub.PeriodEnd.Sub(sub.PeriodStart))
	remaining := prorate(to.Price.Amount, sub.PeriodEnd.Sub(at), sub.PeriodEnd.Sub(sub.PeriodStart))
	q := Quote{
		Change: Change{Action: ActionChangePlan, Plan: to.ID}, Currency: s.catalog.Currency, FromPlan: from.ID, ToPlan: to.ID,
		Recurring: to.Price.Amount, Interval: to.Price.Interval, NextChargeAt: sub.PeriodEnd, ProrationDate: at,
		SubscriptionVersion: sub.Version, CatalogVersion: s.catalog.Version, LiftsDowngrade: sub.CancelAtPeriodEnd,
		Lines: []Line{
			{Description: "Unused time on " + from.Name, Amount: unused, Proration: true},
			{Description: "Remaining time on " + to.Name, Amount: remaining, Proration: true},
		},
	}
	if total := unused + remaining; total < 0 {
		q.Credit = -total
	} else {
		q.BalanceUsed = min(sub.Credit, total)
		q.DueNow = total - q.BalanceUsed
		if q.DueNow < smallestCharge {
			q.DueNow = 0
		}
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

func (s *Service) estimateSchedule(sum Summary, kind OfferKind, plan Plan) Quote {
	sub := sum.Subscription
	q := Quote{
		Currency: s.catalog.Currency, FromPlan: sub.Plan, ToPlan: plan.ID, Interval: plan.Price.Interval,
		Recurring: plan.Price.Amount, ProrationDate: sum.Now.Truncate(time.Second),
		SubscriptionVersion: sub.Version, CatalogVersion: s.catalog.Version,
	}
	if kind == OfferResume {
		q.Change, q.NextChargeAt = Change{Action: ActionResume, Plan: plan.ID}, sub.PeriodEnd
	} else {
		q.Change, q.EffectiveAt = Change{Action: ActionScheduleDowngrade, Plan: plan.ID}, sub.PeriodEnd
	}
	return q
}

// Review is the offer for one plan with Stripe's own preview: what the panel
// shows before the press. It changes nothing.
//
// Errors: those of Preview, and ErrForbidden.
func (s *Service) Review(ctx context.Context, p Principal, planID string) (Offer, error) {
	if !p.CanManage() {
		return Offer{}, ErrForbidden
	}
	sum, err := s.Summary(ctx, p)
	if err != nil {
		return Offer{}, err
	}
	plan, ok := s.catalog.Plan(planID)
	if !ok {
		return Offer{}, ErrUnknownPlan
	}
	o := Offer{Plan: plan, Kind: s.offerKind(p, sum, plan)}
	if o.Quote, err = s.Preview(ctx, p, planID); err != nil {
		return Offer{}, err
	}
	if o.Kind == OfferSwitch || o.Kind == OfferDowngrade || o.Kind == OfferResume {
		o.Sealed = s.sealChange(p, o.Quote, sum.Now)
	}
	return o, nil
}

func (s *Service) sealChange(p Principal, q Quote, now time.Time) string {
	return s.sealer.seal(sealedQuote{Purpose: changePurpose(p.OrgID), Holder: p.CredentialID, Until: now.Add(sealedLife), Quote: q})
}
