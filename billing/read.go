package billing

import (
	"context"
	"slices"
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
	if p.Overview != nil && p.Overview.Org.ID == p.OrgID {
		return s.summarize(*p.Overview), nil
	}
	return s.summary(ctx, p.OrgID)
}

func (s *Service) summary(ctx context.Context, orgID string) (Summary, error) {
	over, err := s.store.Overview(ctx, orgID)
	if err != nil {
		return Summary{}, err
	}
	return s.summarize(over), nil
}

// summarize makes an org's summary of what was read of it.
func (s *Service) summarize(over Overview) Summary {
	now, sub := s.Now(), over.Subscription
	sum := Summary{
		Org: over.Org, Subscription: sub, Plan: s.planOf(over.Org, sub), DesignPartner: over.Org.Complimentary(),
		StripeReady: s.processor != nil, Pending: over.Pending, Now: now,
		Stale: over.Org.CustomerID != "" && (s.stripeDown.Load() || sub.Dirty() && now.Sub(sub.SyncedAt) > staleAfter),
	}
	sum.InReview = over.Recent != nil && over.Recent.InReview
	sum.Overrides = over.Overrides
	sum.Usage = s.usageAgainst(sum.Plan, over, now)
	sum.Scheduled = s.scheduled(over.Org, sub)
	sum.Dunning = s.dunning(sub, now)
	sum.TrialAvailable = s.TrialAvailable(over.Org, sub)
	return sum
}

// scheduled lists what will happen by itself: at Stripe at the end of the period,
// or at the end of a trial.
func (s *Service) scheduled(org Org, sub Subscription) []ScheduledChange {
	var c ScheduledChange
	switch {
	case sub.Status.Live() && sub.CancelAtPeriodEnd:
		c = ScheduledChange{Kind: ScheduledDowngrade, Plan: s.planOf(org, Subscription{}).ID, EffectiveAt: sub.PeriodEnd}
	case sub.Status.Live() && sub.Units.Reducing():
		c = ScheduledChange{Kind: ScheduledReduction, Plan: sub.Plan, Units: sub.Units.ReduceTo, EffectiveAt: sub.Units.ReduceAt}
	case !sub.Status.Live() && !org.Complimentary() && sub.Trial.Active(s.Now()):
		return []ScheduledChange{{Kind: ScheduledTrialEnd, Plan: s.catalog.Free().ID, EffectiveAt: sub.Trial.EndsAt}}
	default:
		return nil
	}
	if sub.ScheduledBy != nil {
		c.By, c.ApprovedBy = sub.ScheduledBy.By, sub.ScheduledBy.ApprovedBy
	}
	return []ScheduledChange{c}
}

// planOf is the plan in force: the one that an operator gave, the top one for a
// design partner, the subscription's with its units while it entitles (a past-due
// one within the grace), the
// trial's while it runs, else the free one.
func (s *Service) planOf(org Org, sub Subscription) Plan {
	if plan, ok := s.catalog.Plan(org.GivenPlan); ok {
		return plan
	}
	if org.DesignPartner {
		return s.catalog.Plans[len(s.catalog.Plans)-1]
	}
	if s.entitled(sub, s.Now()) {
		if plan, ok := s.catalog.Plan(sub.Plan); ok {
			return plan.With(sub.Units.Additional)
		}
	}
	if plan, ok := s.trialPlan(sub); ok {
		return plan
	}
	return s.catalog.Free()
}

// usageAgainst lists the plan's resources with what is used of them at the time.
func (s *Service) usageAgainst(plan Plan, over Overview, now time.Time) []Usage {
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

// Recent lists the newest of what a person sees of the org, as it was read with
// the caller if it was. What waits has not ended by itself.
//
// Errors: ErrForbidden for a host key and for an agent.
func (s *Service) Recent(ctx context.Context, p Principal, most RecentLimits) (Recent, error) {
	if p.OrgID == "" || p.Kind == KindAgent {
		return Recent{}, ErrForbidden
	}
	var r Recent
	var err error
	if p.Overview != nil && p.Overview.Recent != nil && p.Overview.Org.ID == p.OrgID {
		r = p.Overview.Recent.cut(most)
	} else {
		r, err = s.store.Recent(ctx, p.OrgID, most)
	}
	now := s.Now()
	ended := func(a Approval) bool { return a.At(now).State != ApprovalPending }
	if slices.ContainsFunc(r.Waiting, ended) { // rarely; and the list may be the caller's
		r.Waiting = slices.DeleteFunc(slices.Clone(r.Waiting), ended)
	}
	return r, err
}

// cut takes what there is more of than was asked for away.
func (r Recent) cut(most RecentLimits) Recent {
	r.Invoices = r.Invoices[:min(len(r.Invoices), most.Invoices)]
	r.Limits = r.Limits[:min(len(r.Limits), most.Limits)]
	r.Waiting = r.Waiting[:min(len(r.Waiting), most.Waiting)]
	return r
}
