package billing

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// The host application is told when a resource is used up to its cap: once for
// each time that it gets there from below, in the transaction that counts. What
// stays below costs nothing more.

// WindowTotal is what a window holds after events were added to it.
type WindowTotal struct {
	OrgID, Resource string
	Start           time.Time
	Value           int64
	Added           int64 // of these events
}

// errNotCounted rolls back a transaction in which a guard did not hold.
var errNotCounted = errors.New("nothing was counted")

// reaches reports whether going from one value to another reaches the cap.
func (l Limit) reaches(from, to int64) bool {
	return !l.Unlimited && from < l.Value && to >= l.Value
}

// count is Store.Consume with the news. Far from the cap it is held to stay
// below it, which needs no more than one statement; what was thought to be far
// and is not comes back uncounted, to be tried again with the figures of now.
func (s *Service) count(ctx context.Context, c Consumption, snap *snapshot, i int) (active int64, ok bool, err error) {
	if s.deliverer == nil || c.Cap.Unlimited {
		return s.store.Consume(ctx, c)
	}
	if c.Below = snap.meters[i].Active+c.Quantity < c.Cap.Value; c.Below {
		return s.store.Consume(ctx, c)
	}
	err = s.store.InTx(ctx, func(tx Tx) error {
		if active, ok, err = tx.Consume(ctx, c); err != nil {
			return err
		}
		if !ok {
			return errNotCounted
		}
		return s.emitReached(ctx, tx, WindowTotal{OrgID: c.OrgID, Resource: c.Resource, Value: active, Added: c.Quantity}, c.Cap, snap.plan)
	})
	return active, ok, ignoring(err, errNotCounted)
}

// ignoring returns err unless it is the one.
func ignoring(err, one error) error {
	if errors.Is(err, one) {
		return nil
	}
	return err
}

// emitReached tells of the cap if what was added reached it.
func (s *Service) emitReached(ctx context.Context, tx Tx, t WindowTotal, limit Limit, plan Plan) error {
	if !limit.reaches(t.Value-t.Added, t.Value) {
		return nil
	}
	return s.emit(ctx, tx, t.OrgID, EventLimitReached, LimitReached{Resource: t.Resource, Active: t.Value, Cap: limit.Value, Plan: plan.ID})
}

// setGauge is Store.SetGauge with the news. The caps are read anew where they
// seem to be reached: what is told is what is so.
func (s *Service) setGauge(ctx context.Context, orgID, resource string, value int64, seems Limit) error {
	if s.deliverer == nil || seems.Unlimited || value < seems.Value {
		return s.store.SetGauge(ctx, orgID, resource, value, s.Now())
	}
	return s.store.InTx(ctx, func(tx Tx) error {
		over, err := tx.Overview(ctx, orgID)
		if err != nil {
			return err
		}
		plan, limit := s.capIn(over, resource)
		if limit.reaches(0, value) {
			crossed, err := tx.RaiseGauge(ctx, orgID, resource, value, limit.Value, s.Now())
			if err != nil {
				return err
			}
			if crossed {
				return s.emitReached(ctx, tx, WindowTotal{OrgID: orgID, Resource: resource, Value: value, Added: value}, limit, plan)
			}
		}
		return tx.SetGauge(ctx, orgID, resource, value, s.Now())
	})
}

// capIn is the plan in force and its limit for a resource.
func (s *Service) capIn(over Overview, resource string) (Plan, Limit) {
	plan := s.planOf(over.Org, over.Subscription)
	return plan, capOn(plan, resource, openOverride(over.Overrides, resource), s.Now())
}

// countBatch is Store.CountEvents with the news of the windows that are open
// now. The queues of the orgs are written in one order.
func (s *Service) countBatch(ctx context.Context, b *eventBatch) (ok bool, err error) {
	if s.deliverer == nil {
		totals, err := s.store.CountEvents(ctx, b.todo)
		return len(totals) > 0, err
	}
	err = s.store.InTx(ctx, func(tx Tx) error {
		totals, err := tx.CountEvents(ctx, b.todo)
		if ok = len(totals) > 0; err != nil {
			return err
		}
		if !ok {
			return errNotCounted
		}
		slices.SortFunc(totals, func(a, b WindowTotal) int {
			return cmp.Or(cmp.Compare(a.OrgID, b.OrgID), cmp.Compare(a.Resource, b.Resource))
		})
		for _, t := range totals {
			if err := s.emitWindow(ctx, tx, b.orgs[t.OrgID], t); err != nil {
				return err
			}
		}
		return nil
	})
	return ok, ignoring(err, errNotCounted)
}

func (s *Service) emitWindow(ctx context.Context, tx Tx, over Overview, t WindowTotal) error {
	r, _ := s.catalog.Resource(t.Resource)
	if now, _ := windowAt(r, over.Subscription, s.Now()); !now.Equal(t.Start) {
		return nil
	}
	plan, limit := s.capIn(over, t.Resource)
	return s.emitReached(ctx, tx, t, limit, plan)
}
