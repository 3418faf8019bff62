package billing

import (
	"context"
	"slices"
	"time"
)

// What limits come from is a plan, its additional units, and limits of the org's
// own. That another plan or number of units is in force is written into the audit
// log, in the transaction of the fact; the audit log is kept.

// What the audit log says of changes that nobody may have asked us for: of the
// plan in force, of its units, and of the subscription's status.
const (
	EventPlanInForce  = "plan.changed"
	EventUnitsInForce = "capacity.changed"
	EventStatus       = "state.changed"
)

// LimitChange is a moment at which the limit of a resource became another one.
type LimitChange struct {
	At       time.Time
	From, To Limit
	// FromPlan and ToPlan are the plans in force, with their units. They are the
	// same where only a limit of the org's own came or went.
	FromPlan, ToPlan Plan
}

// planChanged records that another plan is in force, and tells the host.
func (s *Service) planChanged(ctx context.Context, tx Tx, orgID string, from, to Plan, status SubscriptionStatus, by Actor) error {
	if err := s.auditTerms(ctx, tx, EventPlanInForce, orgID, from, to, by); err != nil {
		return err
	}
	return s.emit(ctx, tx, orgID, EventPlanChanged, PlanChanged{From: from.ID, To: to.ID, Status: status, Actor: partyOf(by)})
}

func (s *Service) auditTerms(ctx context.Context, tx Tx, event, orgID string, from, to Plan, by Actor) error {
	return s.audit(ctx, tx, orgID, by, event, orgID, map[string]any{
		"from": from.ID, "to": to.ID, "from_units": from.Additional, "to_units": to.Additional,
	})
}

// whoScaled finds who asked for the units that a reading shows.
func (s *Service) whoScaled(ctx context.Context, tx Tx, before, after Subscription) (Actor, error) {
	by := before.ScheduledBy
	if by != nil && by.Kind == ScheduledReduction && after.Units.Additional < before.Units.Additional {
		return by.By, nil
	}
	i, err := recentIntent(ctx, tx, before)
	if i.Quote.Change.Action == ActionIncrease && i.Quote.ToUnits == after.Units.Additional {
		return i.Actor, err
	}
	return stripeActor(), err
}

// recentIntent is the org's newest change if it was carried out since the row was
// read at Stripe; else one that changes nothing.
func recentIntent(ctx context.Context, tx Tx, sub Subscription) (Intent, error) {
	i, err := tx.NewestIntent(ctx, sub.OrgID)
	if CodeOf(err) == ErrNotFound.Code {
		return Intent{}, nil
	}
	if i.State == IntentCalling || i.State == IntentDone && !i.FinishedAt.Before(sub.SyncedAt) {
		return i, err
	}
	return Intent{}, err
}

// stripeActor is who did what nobody did here.
func stripeActor() Actor { return Actor{Kind: KindSystem, Name: "Stripe"} }

// timeline knows an org's limits of the past.
type timeline struct {
	plan      Plan          // in force now
	changes   []termsChange // oldest first
	overrides []Override
}

type termsChange struct {
	at   time.Time
	from Plan // to the one of the next change, or the present one
}

// timeline reads what an org's limits came from since the time.
func (s *Service) timeline(ctx context.Context, p Principal, since time.Time) (timeline, error) {
	var over Overview
	var err error
	if p.Overview != nil && p.Overview.Org.ID == p.OrgID {
		over = *p.Overview
	} else if over, err = s.store.Overview(ctx, p.OrgID); err != nil {
		return timeline{}, err
	}
	t := timeline{plan: s.planOf(over.Org, over.Subscription)}
	if t.overrides, err = s.store.Overrides(ctx, p.OrgID); err != nil {
		return t, err
	}
	log, err := s.store.TermsLog(ctx, p.OrgID, since)
	for _, e := range log {
		id, _ := e.Facts["from"].(string)
		units, _ := e.Facts["from_units"].(float64)
		plan, ok := s.catalog.Plan(id)
		if !ok { // the catalogue no longer has it: nothing is known of the time before
			t.changes = nil
			continue
		}
		t.changes = append(t.changes, termsChange{at: e.At, from: plan.With(int64(units))})
	}
	return t, err
}

// planAt is the plan in force at the time.
func (t timeline) planAt(at time.Time) Plan {
	for _, c := range t.changes {
		if c.at.After(at) {
			return c.from
		}
	}
	return t.plan
}

// limitAt is the limit of a resource at the time.
func (t timeline) limitAt(resource string, at time.Time) Limit {
	plan := t.planAt(at).Cap(resource)
	for _, o := range t.overrides {
		if o.Resource == resource && o.covers(at) {
			return o.On(plan)
		}
	}
	return plan
}

// covers reports whether the override counted at a time that may be long ago.
func (o Override) covers(at time.Time) bool {
	return !at.Before(o.CreatedAt) && (o.EndedAt.IsZero() || at.Before(o.EndedAt)) && (o.ExpiresAt.IsZero() || at.Before(o.ExpiresAt))
}

// moments are when the limit of a resource may have become another one, after
// from and up to now, oldest first.
func (t timeline) moments(resource string, from, now time.Time) []time.Time {
	var out []time.Time
	add := func(at time.Time) {
		if at.After(from) && !at.After(now) {
			out = append(out, at)
		}
	}
	for _, c := range t.changes {
		add(c.at)
	}
	for _, o := range t.overrides {
		if o.Resource == resource {
			add(o.CreatedAt)
			add(o.EndedAt)
			add(o.ExpiresAt)
		}
	}
	slices.SortFunc(out, time.Time.Compare)
	return slices.CompactFunc(out, time.Time.Equal)
}

// limitChanges are the moments at which it did.
func (t timeline) limitChanges(resource string, from, now time.Time) []LimitChange {
	var out []LimitChange
	for _, at := range t.moments(resource, from, now) {
		before := at.Add(-time.Microsecond)
		c := LimitChange{
			At: at, From: t.limitAt(resource, before), To: t.limitAt(resource, at),
			FromPlan: t.planAt(before), ToPlan: t.planAt(at),
		}
		if c.From != c.To {
			out = append(out, c)
		}
	}
	return out
}

// limitsOf are the limits at the end of each of the days, of the present one now.
func (t timeline) limitsOf(resource string, days []UsageDay, now time.Time) []Limit {
	out := make([]Limit, len(days))
	for i, d := range days {
		out[i] = t.limitAt(resource, earliest(d.Day.Add(aDay-time.Microsecond), now))
	}
	return out
}
