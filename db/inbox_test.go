package db

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestInbox(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for i, org := range []string{acme, other, "", acme} {
			e := billing.Event{ID: fmt.Sprint("evt_", i), Type: "invoice.paid", CustomerID: "cus_" + org, CreatedAt: t0.Add(-time.Minute)}
			ok(s.StoreEvent(ctx, org, e, t0.Add(time.Duration(i/2)*time.Second)))(t) // pairs at one instant
		}
		sub := ok(s.Subscription(ctx, other))(t)
		sub.SyncedSeq, sub.SyncedAt = sub.DirtySeq, t0.Add(time.Hour)
		ok(s.SaveState(ctx, sub, nil))(t)
		ids := func(f billing.InboxFilter) (ids []string) {
			t.Helper()
			f.Limit = max(f.Limit, 2)
			for _, e := range ok(s.Inbox(ctx, f))(t) {
				ids = append(ids, e.ID)
			}
			return ids
		}
		same(t, "newest first", ids(billing.InboxFilter{Limit: 9}), []string{"evt_3", "evt_2", "evt_1", "evt_0"})
		same(t, "a page", ids(billing.InboxFilter{}), []string{"evt_3", "evt_2"})
		same(t, "the next", ids(billing.InboxFilter{Before: "evt_2"}), []string{"evt_1", "evt_0"})
		same(t, "unknown cursor", ids(billing.InboxFilter{Before: "evt_9"}), []string(nil))
		same(t, "what waits, not that of strangers", ids(billing.InboxFilter{Waiting: true, Limit: 9}), []string{"evt_3", "evt_0"})
		same(t, "the next that waits", ids(billing.InboxFilter{Waiting: true, Before: "evt_3"}), []string{"evt_0"})

		all := ok(s.Inbox(ctx, billing.InboxFilter{Limit: 9}))(t)
		same(t, "done", all[2], billing.InboxEvent{
			Event: billing.Event{ID: "evt_1", Type: "invoice.paid", CustomerID: "cus_" + other, CreatedAt: t0.Add(-time.Minute)},
			OrgID: other, OrgName: ok(s.Org(ctx, other))(t).Name, ReceivedAt: t0, DoneAt: t0.Add(time.Hour),
		})
		if stranger := all[1]; stranger.OrgID != "" || stranger.OrgName != "" || !stranger.DoneAt.IsZero() {
			t.Errorf("of a customer that is not ours: %+v", stranger)
		}
	})
}

// TestHeldUp: the queues that somebody may have to look at, and no others.
func TestHeldUp(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		same(t, "nothing was ever told", ok(s.HeldUp(ctx, 9))(t), []billing.Queue(nil))
		for _, id := range []string{"a1", "a2", "a3"} {
			must(t, s.InsertEvent(ctx, event(id, acme)))
		}
		same(t, "not tried yet", ok(s.HeldUp(ctx, 9))(t), []billing.Queue(nil))
		fail := func(due time.Time) {
			t.Helper()
			e := take(t, s)
			ok(s.SettleEvent(ctx, settled(e, billing.DeliveryPending, t0), billing.Attempt{At: t0, Status: 503, Fault: billing.FaultStatus}, due))(t)
		}
		fail(t0.Add(time.Hour))
		must(t, s.InsertEvent(ctx, event("o1", other)))
		fail(t0.Add(6 * time.Hour))

		got := ok(s.HeldUp(ctx, 9))(t)
		if len(got) != 2 || got[0].Head.ID != "o1" || got[0].Waiting != 1 || got[1].Head.ID != "a1" || got[1].Waiting != 3 {
			t.Fatalf("held up: %+v", got)
		}
		if h := got[1].Head; h.LastStatus != 503 || h.LastFault != billing.FaultStatus || h.Tries != 1 || !h.NextAt.Equal(t0.Add(time.Hour)) || h.OrgName == "" || h.OrgID != acme {
			t.Errorf("its oldest event: %+v", h)
		}
		same(t, "no more than asked for", len(ok(s.HeldUp(ctx, 1))(t)), 1)

		must(t, s.HurryEvents(ctx, target, t0))
		for range 4 {
			e := take(t, s)
			ok(s.SettleEvent(ctx, settled(e, billing.DeliveryDelivered, t0), billing.Attempt{At: t0, Status: 200}, t0))(t)
		}
		same(t, "all was taken", ok(s.HeldUp(ctx, 9))(t), []billing.Queue(nil))
	})
}

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
