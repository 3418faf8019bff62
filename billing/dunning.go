package billing

import (
	"context"
	"time"
)

// Dunning: what holds while a renewal is unpaid. Stripe goes on trying to collect
// it; here the plan stays in force for a grace and then gives way to the free one,
// by time alone: whoever reads after its end reads the free plan's caps, whether
// or not the worker has written that down.

// DefaultPastDueGrace is for how long a past-due subscription entitles.
const DefaultPastDueGrace = 14 * aDay

// graceEnds is when a past-due subscription stops to entitle; zero for any other.
func (s *Service) graceEnds(sub Subscription) time.Time {
	if sub.Status != StatusPastDue {
		return time.Time{}
	}
	return sub.PastDueSince.Add(s.pastDueGrace)
}

// Entitles reports whether the subscription's plan is in force (I16), with that
// grace for one that is past due. A status that is not known entitles to nothing.
func (s Subscription) Entitles(grace time.Duration, now time.Time) bool {
	switch s.Status {
	case StatusActive, StatusTrialing:
		return true
	case StatusPastDue:
		return now.Before(s.PastDueSince.Add(grace))
	}
	return false
}

func (s *Service) entitled(sub Subscription, now time.Time) bool {
	return sub.Entitles(s.pastDueGrace, now)
}

// lapsedAt is since when the plan is out of force for want of payment, as it is
// written down with a reading; zero while it is in force.
func (s *Service) lapsedAt(sub Subscription, now time.Time) time.Time {
	owing := sub.Status == StatusUnpaid || sub.Status == StatusPastDue
	switch {
	case !owing || s.entitled(sub, now):
		return time.Time{}
	case !sub.LapsedAt.IsZero():
		return sub.LapsedAt
	}
	return now
}

// toldTerms is the subscription's plan with its units, as far as the host
// application was told: a grace that is over counts from when that was written
// down. A plan that the catalogue does not have is known by its id.
func (s *Service) toldTerms(sub Subscription) Plan {
	if sub.Status == StatusUnpaid || !sub.LapsedAt.IsZero() {
		return s.catalog.Free()
	}
	return s.planNamed(sub.Plan).With(sub.Units.Additional)
}

// planNamed is the plan of the catalogue, or one of which nothing but the id is
// known.
func (s *Service) planNamed(id string) Plan {
	if plan, ok := s.catalog.Plan(id); ok {
		return plan
	}
	return Plan{ID: id}
}

// keptUntil is the end of the grace that a plan is in force by, nil if it is not.
func (s *Service) keptUntil(org Org, sub Subscription) *time.Time {
	if end := s.graceEnds(sub); !org.Complimentary() && s.Now().Before(end) {
		return &end
	}
	return nil
}

// Dunning is what there is to say about a payment that failed.
type Dunning struct {
	Status SubscriptionStatus // past_due, unpaid, or canceled after the last try
	Plan   string             // that is at stake; empty once it is canceled
	Failed time.Time          // when it was first asked for
	// KeepUntil is the end of the grace while it lasts; LostAt is since when the
	// free plan is in force. One of them is zero.
	KeepUntil, LostAt time.Time
	// Payment is the open invoice; nil if there is none any more.
	Payment *PaymentAction
}

// recently is how long people are told that a subscription ended unpaid.
const recently = 30 * aDay

// dunning is nil while nothing is owed.
func (s *Service) dunning(sub Subscription, now time.Time) *Dunning {
	d := Dunning{Status: sub.Status, Plan: sub.Plan, Failed: sub.PastDueSince, Payment: sub.Action}
	var lapse time.Time
	if !sub.PastDueSince.IsZero() {
		lapse = sub.PastDueSince.Add(s.pastDueGrace)
	}
	switch {
	case s.entitled(sub, now) && sub.Status == StatusPastDue:
		d.KeepUntil = lapse
	case sub.Status == StatusPastDue:
		d.LostAt = lapse
	case sub.Status == StatusUnpaid:
		d.LostAt = earliest(lapse, sub.LapsedAt)
	case !sub.EndedUnpaidAt.IsZero() && now.Sub(sub.EndedUnpaidAt) < recently:
		d.Plan, d.LostAt = "", earliest(lapse, sub.EndedUnpaidAt)
	default:
		return nil
	}
	return &d
}

// earliest of two times that are there; a zero one counts for nothing.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// EndGraces writes down the graces that time has ended and tells of the free
// plan. Readers do not wait for it.
func (s *Service) EndGraces(ctx context.Context) error {
	return s.gently(ctx, func(ctx context.Context) (int, error) {
		var ended []Subscription
		err := s.store.InTx(ctx, func(tx Tx) (err error) {
			now := s.Now()
			if ended, err = tx.LapseGraces(ctx, now, now.Add(-s.pastDueGrace), trialBatch); err != nil || len(ended) == 0 {
				return err
			}
			return s.emitLapsed(ctx, tx, ended)
		})
		for _, sub := range ended {
			s.snapshots.drop(sub.OrgID)
		}
		return len(ended), err
	})
}

// emitLapsed tells of plans that are out of force.
func (s *Service) emitLapsed(ctx context.Context, tx Tx, ended []Subscription) error {
	orgs, err := termsInOrder(ctx, tx, ended)
	if err != nil {
		return err
	}
	for _, o := range orgs {
		if o.Org.Complimentary() {
			continue
		}
		from := s.planNamed(o.Subscription.Plan).With(o.Subscription.Units.Additional)
		if err = s.planChanged(ctx, tx, o.Org.ID, from, s.catalog.Free(), o.Subscription.Status, systemActor()); err != nil {
			return err
		}
	}
	return nil
}
