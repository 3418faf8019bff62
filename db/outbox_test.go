package db

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

const target = "0123abcd"

func event(id, org string) billing.OutboxEvent {
	return billing.OutboxEvent{
		ID: id, OrgID: org, Type: billing.EventPlanChanged, Payload: `{"id":"` + id + `"}`, CreatedAt: t0, State: billing.DeliveryPending,
	}
}

// settled is e after an attempt with that end.
func settled(e billing.OutboxEvent, st billing.DeliveryState, at time.Time) billing.OutboxEvent {
	e.State, e.Tries, e.FirstAt = st, e.Tries+1, t0
	if st != billing.DeliveryPending {
		e.FinishedAt = at
	}
	return e
}

func take(t *testing.T, s fixture) billing.OutboxEvent {
	t.Helper()
	return ok(s.TakeEvent(t.Context(), target, s.clock.Now(), s.clock.Now().Add(time.Minute)))(t)
}

func none(t *testing.T, what string, s fixture) {
	t.Helper()
	e, err := s.TakeEvent(t.Context(), target, s.clock.Now(), s.clock.Now().Add(time.Minute))
	missing(t, fmt.Sprintf("%s: took %q", what, e.ID), err)
}

func TestEventsComeBackAsTheyWere(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		e := event("evt_1", acme)
		must(t, s.InsertEvent(ctx, e))
		e.Seq, e.Lease = 1, 1
		same(t, "taken", take(t, s), e)

		at := t0.Add(5 * time.Second)
		e = settled(e, billing.DeliveryPending, at)
		a := billing.Attempt{At: at, Took: 1234 * time.Microsecond, Status: 500, Fault: billing.FaultStatus}
		if !ok(s.SettleEvent(ctx, e, a, t0.Add(time.Hour)))(t) {
			t.Fatal("not settled")
		}
		e.LastAt, e.LastStatus, e.LastFault, e.Lease = at, 500, billing.FaultStatus, 0
		want := billing.Delivery{OutboxEvent: e, OrgName: "Acme", NextAt: t0.Add(time.Hour), Attempts: []billing.Attempt{a}}
		same(t, "delivery", ok(s.Delivery(ctx, e.ID))(t), want)
		want.Attempts = nil
		same(t, "list", ok(s.Deliveries(ctx, billing.DeliveryFilter{Limit: 9}))(t), []billing.Delivery{want})
		_, err := s.Delivery(ctx, "evt_2")
		missing(t, "another", err)
	})
}

// One org's events go one after the other; another org does not wait for them.
func TestTakeEventInOrder(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for _, e := range []billing.OutboxEvent{event("evt_1", acme), event("evt_2", acme), event("evt_3", other)} {
			must(t, s.InsertEvent(ctx, e))
		}
		taken := map[string]billing.OutboxEvent{}
		for range 2 {
			e := take(t, s)
			taken[e.ID] = e
		}
		first, foreign := taken["evt_1"], taken["evt_3"]
		if first.Lease == 0 || foreign.Lease == 0 {
			t.Fatalf("taken: %v", taken)
		}
		none(t, "both orgs are under way", s)

		due := t0.Add(time.Hour)
		ok(s.SettleEvent(ctx, settled(first, billing.DeliveryPending, t0), billing.Attempt{At: t0, Status: 500}, due))(t)
		ok(s.SettleEvent(ctx, settled(foreign, billing.DeliveryDelivered, t0), billing.Attempt{At: t0, Status: 200}, t0))(t)
		must(t, s.InsertEvent(ctx, event("evt_4", acme)))
		none(t, "the first waits for its next try, and the others behind it", s)

		s.clock.advance(time.Hour)
		for _, id := range []string{"evt_1", "evt_2", "evt_4"} {
			e := take(t, s)
			if e.ID != id {
				t.Fatalf("took %s, want %s", e.ID, id)
			}
			end := billing.DeliveryDelivered
			if id == "evt_2" {
				end = billing.DeliveryFailed // given up: the next goes on
			}
			ok(s.SettleEvent(ctx, settled(e, end, due), billing.Attempt{At: due}, due))(t)
		}
		none(t, "all are done", s)
	})
}

func TestLeaseOfALane(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.InsertEvent(ctx, event("evt_1", acme)))
		died := take(t, s)
		s.clock.advance(time.Minute - time.Microsecond)
		none(t, "leased", s)
		s.clock.advance(time.Microsecond)
		again := take(t, s)
		if again.ID != died.ID || again.Lease == died.Lease {
			t.Errorf("taken over: %+v after %+v", again, died)
		}
		late := settled(died, billing.DeliveryFailed, t0)
		if ok(s.SettleEvent(ctx, late, billing.Attempt{At: t0}, t0))(t) {
			t.Error("settled by one whose lease had run out")
		}
		if d := ok(s.Delivery(ctx, died.ID))(t); d.State != billing.DeliveryPending || len(d.Attempts) != 0 {
			t.Errorf("the late one wrote: %+v", d)
		}
		if !ok(s.SettleEvent(ctx, settled(again, billing.DeliveryDelivered, t0), billing.Attempt{At: t0}, t0))(t) {
			t.Error("not settled by the present holder")
		}
	})
}

// Rolled back is never sent, and its number does not keep others waiting.
func TestEventsShareTheirFactsFate(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		undone := fmt.Errorf("undone")
		if err := s.InTx(ctx, func(tx billing.Tx) error {
			must(t, tx.InsertEvent(ctx, event("evt_1", acme)))
			return undone
		}); err == nil {
			t.Fatal("no error")
		}
		none(t, "rolled back", s)
		must(t, s.InsertEvent(ctx, event("evt_2", acme)))
		if e := take(t, s); e.ID != "evt_2" {
			t.Errorf("took %q", e.ID)
		}
	})
}

// The numbers are in the order of the commits, whoever began first.
func TestEventsAreNumberedAsTheyCommit(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		var writers sync.WaitGroup
		const each = 10
		for w := range 4 {
			writers.Go(func() {
				for i := range each {
					if err := s.InTx(t.Context(), func(tx billing.Tx) error {
						return tx.InsertEvent(t.Context(), event(fmt.Sprintf("evt_%d_%d", w, i), acme))
					}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		// Meanwhile all are taken: none may appear behind one that was sent.
		for sent := int64(0); sent < 4*each; {
			e, err := s.TakeEvent(t.Context(), target, t0, t0)
			if err != nil {
				continue // none yet
			}
			if e.Seq != sent+1 {
				t.Fatalf("number %d was sent after %d", e.Seq, sent)
			}
			sent++
			ok(s.SettleEvent(t.Context(), settled(e, billing.DeliveryDelivered, t0), billing.Attempt{At: t0}, t0))(t)
		}
		writers.Wait()
	})
}

func TestTargetGone(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.InsertEvent(ctx, event("evt_1", acme)))
		for range 2 { // twice is no error
			must(t, s.TargetGone(ctx, target, t0))
		}
		none(t, "gone", s)
		same(t, "health", ok(s.WebhookHealth(ctx, target))(t), billing.WebhookHealth{Pending: 1, Oldest: t0, GoneAt: t0})
		same(t, "health of another", ok(s.WebhookHealth(ctx, "else"))(t), billing.WebhookHealth{Pending: 1, Oldest: t0})
		e := ok(s.TakeEvent(ctx, "else", t0, t0))(t)
		ok(s.SettleEvent(ctx, settled(e, billing.DeliveryPending, t0), billing.Attempt{At: t0}, t0.Add(24*time.Hour)))(t)
		must(t, s.HurryEvents(ctx, target, t0))
		if e := take(t, s); e.ID != "evt_1" {
			t.Errorf("took %q", e.ID)
		}
	})
}

func TestReplayEvent(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		_, err := s.ReplayEvent(ctx, "evt_1", t0)
		missing(t, "unknown", err)
		for _, id := range []string{"evt_1", "evt_2"} {
			must(t, s.InsertEvent(ctx, event(id, acme)))
			e := take(t, s)
			ok(s.SettleEvent(ctx, settled(e, billing.DeliveryFailed, t0), billing.Attempt{At: t0}, t0))(t)
		}
		must(t, s.InsertEvent(ctx, event("evt_3", acme)))
		e := take(t, s)
		ok(s.SettleEvent(ctx, settled(e, billing.DeliveryPending, t0), billing.Attempt{At: t0}, t0.Add(24*time.Hour)))(t)
		none(t, "waiting", s)

		got := ok(s.ReplayEvent(ctx, "evt_1", t0))(t)
		if got.State != billing.DeliveryPending || got.Tries != 0 || !got.FirstAt.IsZero() || !got.FinishedAt.IsZero() || got.OrgID != acme {
			t.Errorf("replayed: %+v", got)
		}
		for _, id := range []string{"evt_1", "evt_3"} { // its place is before the newer one
			e := take(t, s)
			if e.ID != id {
				t.Fatalf("took %s, want %s", e.ID, id)
			}
			ok(s.SettleEvent(ctx, settled(e, billing.DeliveryDelivered, t0), billing.Attempt{At: t0}, t0))(t)
		}
	})
}

func TestDeliveriesFilterAndPage(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for i, org := range []string{acme, other, acme, acme, other} {
			e := event(fmt.Sprint("evt_", i), org)
			e.CreatedAt = t0.Add(time.Duration(i/2) * time.Second) // pairs at one instant
			if i == 2 {
				e.Type, e.State = billing.EventLimitReached, billing.DeliveryDelivered
			}
			must(t, s.InsertEvent(ctx, e))
		}
		for _, c := range []struct {
			name string
			f    billing.DeliveryFilter
			want []string
		}{
			{"all, newest first", billing.DeliveryFilter{}, []string{"evt_4", "evt_3", "evt_2", "evt_1", "evt_0"}},
			{"a page", billing.DeliveryFilter{Limit: 2}, []string{"evt_4", "evt_3"}},
			{"the next", billing.DeliveryFilter{Limit: 2, Before: "evt_3"}, []string{"evt_2", "evt_1"}},
			{"an org", billing.DeliveryFilter{OrgID: other}, []string{"evt_4", "evt_1"}},
			{"a state", billing.DeliveryFilter{State: billing.DeliveryDelivered}, []string{"evt_2"}},
			{"a type", billing.DeliveryFilter{Type: billing.EventPlanChanged, OrgID: acme}, []string{"evt_3", "evt_0"}},
			{"unknown cursor", billing.DeliveryFilter{Before: "evt_9"}, nil},
		} {
			if c.f.Limit == 0 {
				c.f.Limit = 100
			}
			var ids []string
			for _, d := range ok(s.Deliveries(ctx, c.f))(t) {
				ids = append(ids, d.ID)
			}
			same(t, c.name, ids, c.want)
		}
	})
}

func TestPruneEvents(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		month := 30 * 24 * time.Hour
		for _, e := range []struct {
			id, org string
			state   billing.DeliveryState
		}{
			{"evt_done", acme, billing.DeliveryDelivered},
			{"evt_failed", acme, billing.DeliveryFailed},
			{"evt_retried", acme, billing.DeliveryPending},
			{"evt_forgotten", other, ""},
		} {
			must(t, s.InsertEvent(ctx, event(e.id, e.org)))
			if e.state == "" {
				continue
			}
			taken := take(t, s)
			at := t0
			if e.state == billing.DeliveryPending {
				at = t0.Add(time.Hour)
			}
			ok(s.SettleEvent(ctx, settled(taken, e.state, at), billing.Attempt{At: at}, at))(t)
		}
		left := func() (ids []string) {
			for _, d := range ok(s.Deliveries(ctx, billing.DeliveryFilter{Limit: 9}))(t) {
				ids = append(ids, fmt.Sprint(d.ID[4:], " ", d.State))
			}
			return ids
		}
		prune := func(now time.Time) int { return ok(s.PruneEvents(ctx, now.Add(-month), now, 100))(t) }
		if n := prune(t0.Add(month)); n != 0 || len(left()) != 4 {
			t.Errorf("to the day: %d given up, left %v", n, left())
		}
		if n := prune(t0.Add(month + time.Second)); n != 1 {
			t.Errorf("%d were given up", n)
		}
		same(t, "left", left(), []string{"retried pending", "forgotten failed"})
		if d := ok(s.Delivery(ctx, "evt_retried"))(t); len(d.Attempts) != 1 {
			t.Errorf("its attempt is younger: %+v", d)
		}
		prune(t0.Add(month + 2*time.Hour))
		prune(t0.Add(2*month + 3*time.Hour))
		same(t, "in the end", left(), []string(nil))
		s.clock.advance(3 * month)
		none(t, "what was given up is not sent", s)
	})
}

// Both engines' lanes, taken by many at once: each event once.
func TestTakeEventByMany(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		const events = 30
		for i := range events {
			must(t, s.InsertEvent(t.Context(), event(fmt.Sprint("evt_", i), []string{acme, other}[i%2])))
		}
		var mu sync.Mutex
		seen := map[string]int{}
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(func() {
				for done := false; !done; {
					e, err := s.TakeEvent(t.Context(), target, t0, t0.Add(time.Minute))
					if err == nil {
						_, err = s.SettleEvent(t.Context(), settled(e, billing.DeliveryDelivered, t0), billing.Attempt{At: t0}, t0)
					}
					mu.Lock()
					if err == nil {
						seen[e.ID]++
					}
					done = len(seen) == events
					mu.Unlock()
				}
			})
		}
		workers.Wait()
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s was taken %d times", id, n)
			}
		}
	})
}
