package db

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/countersignhq/countersign/billing"
)

// TestManyEventsAtOnce: each is stored once, whoever comes at the same time, and
// one that cannot be stored is nobody else's trouble.
func TestManyEventsAtOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		const senders, events = 8, 25
		var all sync.WaitGroup
		var fresh, failed atomic.Int64
		for range senders {
			all.Go(func() {
				for i := range events {
					stored, err := s.StoreEvent(t.Context(), acme, billing.Event{ID: fmt.Sprint("evt_", i), Type: "x", CreatedAt: t0}, t0)
					if err != nil {
						t.Error(err)
					}
					if stored {
						fresh.Add(1)
					}
					if _, err = s.StoreEvent(t.Context(), "org_none", billing.Event{ID: fmt.Sprint("evt_none_", i), Type: "x", CreatedAt: t0}, t0); err != nil {
						failed.Add(1)
					}
				}
			})
		}
		all.Wait()
		if fresh.Load() != events || failed.Load() != senders*events {
			t.Errorf("%d events were fresh, want %d; %d failed, want %d", fresh.Load(), events, failed.Load(), senders*events)
		}
		if sub := ok(s.Subscription(t.Context(), acme))(t); sub.DirtySeq != events {
			t.Errorf("%d reasons to look, want %d", sub.DirtySeq, events)
		}
	})
}
