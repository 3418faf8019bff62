package billing

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// snapshotLife is how old an answer from memory may be. What this replica
	// changes counts at once; the life bounds what another one has changed.
	snapshotLife = 5 * time.Second
	// maxSnapshots bounds their memory, about 1 kB each.
	maxSnapshots = 20_000
)

// snapshot is what an org may and uses, as it was read at one moment.
type snapshot struct {
	plan  Plan // in force
	basis Basis
	// complimentary: no upgrade is for sale here.
	complimentary bool
	meters        []meter // one for each resource of the catalogue, in its order
	read          time.Time
	// owing: an invoice is unpaid, and nothing can be upgraded before it is paid.
	owing bool
	// until is when something in it ends by itself: a window, an override, a trial,
	// the grace of a past-due subscription.
	until time.Time
	// spent is set when something was used since: the caps are still right.
	spent atomic.Bool
}

// meter is one resource of a snapshot.
type meter struct {
	Allowance
	start    time.Time // of the window; zero for a gauge
	override *Override // the open one, in force or run out; nil if there is none
}

// snapshot returns the org's snapshot from memory, or reads it.
func (s *Service) snapshot(ctx context.Context, orgID string) (*snapshot, error) {
	if snap := s.remembered(orgID); snap != nil && !snap.spent.Load() {
		return snap, nil
	}
	return s.readSnapshot(ctx, orgID)
}

// caps is snapshot for one who needs only the caps, and not what is used.
func (s *Service) caps(ctx context.Context, orgID string) (*snapshot, error) {
	if snap := s.remembered(orgID); snap != nil {
		return snap, nil
	}
	return s.readSnapshot(ctx, orgID)
}

// guardedCaps is caps for a write that happens only if they are still right,
// and so may start from what was read long ago.
func (s *Service) guardedCaps(ctx context.Context, orgID string) (*snapshot, error) {
	if snap, ok := s.snapshots.get(orgID); ok && s.Now().Before(snap.until) {
		return snap, nil
	}
	return s.readSnapshot(ctx, orgID)
}

func (s *Service) remembered(orgID string) *snapshot {
	snap, ok := s.snapshots.get(orgID)
	if !ok {
		return nil
	}
	if age := s.wallNow().Sub(snap.read); age < 0 || age >= snapshotLife || !s.Now().Before(snap.until) {
		return nil
	}
	return snap
}

func (s *Service) readSnapshot(ctx context.Context, orgID string) (*snapshot, error) {
	now, wall := s.Now(), s.wallNow()
	mark := s.snapshots.begin(orgID)
	over, err := s.store.Overview(ctx, orgID)
	if err != nil {
		return nil, orgNotFound(err)
	}
	snap := s.snapshotOf(over, now)
	snap.read = wall
	s.snapshots.put(orgID, snap, mark)
	return snap, nil
}

func (s *Service) snapshotOf(over Overview, now time.Time) *snapshot {
	plan := s.planOf(over.Org, over.Subscription)
	snap := &snapshot{
		plan: plan, basis: Basis{RowVersion: over.Subscription.RowVersion, DesignPartner: over.Org.DesignPartner}, complimentary: over.Org.Complimentary(),
		owing:  over.Subscription.Status == StatusPastDue || over.Subscription.Status == StatusUnpaid,
		meters: make([]meter, len(s.catalog.Resources)), until: now.AddDate(0, 0, 1),
	}
	for i, u := range s.usageAgainst(plan, over, now) {
		m := meter{Allowance: Allowance{Active: u.Active, Cap: u.Cap}}
		if u.Resource.Kind == Counter {
			m.start, _ = windowAt(u.Resource, over.Subscription, now)
			snap.until = earlier(snap.until, u.ResetsAt)
		}
		if m.override = openOverride(over.Overrides, u.Resource.ID); m.override != nil && m.override.InForce(now) {
			snap.until = earlier(snap.until, m.override.ExpiresAt)
		}
		snap.meters[i] = m
	}
	if end := s.graceEnds(over.Subscription); now.Before(end) {
		snap.until = earlier(snap.until, end)
	}
	if over.Subscription.Trial.Active(now) {
		snap.until = earlier(snap.until, over.Subscription.Trial.EndsAt)
	}
	return snap
}

// earlier returns the earlier of two times; the zero time is never.
func earlier(a, b time.Time) time.Time {
	if b.IsZero() || a.Before(b) {
		return a
	}
	return b
}

// usageChanged makes the next check of this replica read the org anew.
func (s *Service) usageChanged(orgID string) {
	if snap, ok := s.snapshots.outdate(orgID); ok {
		snap.spent.Store(true)
	}
}

// capsChanged is called after a write that may change what an org may have: its
// plan, its status, an override. Here it counts at once, elsewhere in a moment.
func (s *Service) capsChanged(ctx context.Context, orgID string) {
	s.snapshots.drop(orgID)
	s.notifier.Notify(ctx, orgID)
}

// heard forgets what there is news of, and only that: where there are many orgs,
// there is always news of some.
func (s *Service) heard(topic string) {
	if topic == "" {
		s.snapshots.clear()
	} else {
		s.snapshots.drop(topic)
	}
}
