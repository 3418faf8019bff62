package db

import (
	"context"
	"sync"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// intake lets events that come at once go into the inbox in one transaction.
// SQLite has one writer, and each of its commits waits for the disk: one after the
// other, the events of a busy second would take longer than the second.
type intake struct {
	mu      sync.Mutex
	waiting []*incoming
	at      bool // somebody is storing
}

// incoming is an event whose sender waits.
type incoming struct {
	orgID      string
	event      billing.Event
	receivedAt time.Time
	fresh      bool
	err        error
	done       chan struct{}
}

// StoreEvent implements billing.SubscriptionTx. PostgreSQL joins commits itself.
func (s *Store) StoreEvent(ctx context.Context, orgID string, e billing.Event, receivedAt time.Time) (bool, error) {
	if s.engine == postgresEngine {
		return s.queries.StoreEvent(ctx, orgID, e, receivedAt)
	}
	in := &incoming{orgID: orgID, event: e, receivedAt: receivedAt, done: make(chan struct{})}
	if s.intake.add(in) {
		s.storeWaiting(context.WithoutCancel(ctx))
	}
	select {
	case <-in.done:
		return in.fresh, in.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// add reports whether the caller is the one who stores.
func (i *intake) add(in *incoming) (mine bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.waiting = append(i.waiting, in)
	mine, i.at = !i.at, true
	return mine
}

// take returns those who wait.
func (i *intake) take() []*incoming {
	i.mu.Lock()
	defer i.mu.Unlock()
	all := i.waiting
	i.waiting = nil
	return all
}

// storeWaiting stores what waits, and leaves what comes meanwhile to another
// goroutine: the caller's own answer is due.
func (s *Store) storeWaiting(ctx context.Context) {
	batch := s.intake.take()
	err := s.atomically(ctx, func(q queries) error {
		for _, in := range batch {
			if in.fresh, in.err = q.StoreEvent(ctx, in.orgID, in.event, in.receivedAt); in.err != nil {
				return in.err
			}
		}
		return nil
	})
	for _, in := range batch {
		if err != nil { // one of them, or the commit; each learns for itself
			in.fresh, in.err = s.queries.StoreEvent(ctx, in.orgID, in.event, in.receivedAt)
		}
		close(in.done)
	}
	if s.intake.more() {
		go s.storeWaiting(ctx)
	}
}

// more ends the storing if nobody waits.
func (i *intake) more() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.at = len(i.waiting) > 0
	return i.at
}
