package db

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lib/pq"
)

// tellWithin is how long other replicas are tried to be told.
const tellWithin = 5 * time.Second

// teller tells other replicas of the orgs in which something has changed. Nobody
// waits for it, so what happens meanwhile goes out together.
type teller struct {
	mu      sync.Mutex
	waiting []string
	kick    chan struct{}
}

func newTeller() *teller { return &teller{kick: make(chan struct{}, 1)} }

func (t *teller) add(orgs []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range orgs {
		if !slices.Contains(t.waiting, id) {
			t.waiting = append(t.waiting, id)
		}
	}
	select {
	case t.kick <- struct{}{}:
	default: // it is awake already
	}
}

func (t *teller) take() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	orgs := t.waiting
	t.waiting = nil
	return orgs
}

// changed notes that what people see of an org is another now. Those who wait
// for news of it are woken once that is committed: the topic is the org's id.
func (q queries) changed(orgID string) {
	switch {
	case orgID == "":
	case q.tx == nil:
		q.s.tellOf([]string{orgID})
	case !slices.Contains(*q.news, orgID):
		*q.news = append(*q.news, orgID)
	}
}

// tellOf wakes those who wait for news of the orgs: here at once, elsewhere in a
// moment.
func (s *Store) tellOf(orgs []string) {
	if len(orgs) == 0 {
		return
	}
	for _, id := range orgs {
		s.wake(id)
	}
	if s.teller != nil {
		s.teller.add(orgs)
	}
}

// tellOthers starts to tell other replicas, until the store is closed.
func (s *Store) tellOthers() {
	s.teller = newTeller()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	s.onClose(func() error { cancel(); <-done; return nil })
	go func() {
		defer close(done)
		for {
			select {
			case <-ctx.Done():
				return
			case <-s.teller.kick:
				s.tellNow(ctx, s.teller.take())
			}
		}
	}()
}

func (s *Store) tellNow(ctx context.Context, orgs []string) {
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()
	if err := s.exec(ctx, `SELECT pg_notify($1, org) FROM unnest($2::text[]) AS org`, channel, pq.Array(orgs)); err != nil && ctx.Err() == nil {
		s.log.WarnContext(ctx, "notify", "error", err)
	}
}
