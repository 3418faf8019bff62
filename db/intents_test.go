package db

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestOneOpenIntentPerOrg(t *testing.T) {
	states := map[billing.IntentState]bool{ // does it keep others out?
		billing.IntentPending: true, billing.IntentCalling: true, billing.IntentNeedsReview: true,
		billing.IntentDone: false, billing.IntentFailed: false, billing.IntentRefused: false,
	}
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for state, open := range states {
			if _, err := s.writer.Exec(`DELETE FROM intents`); err != nil {
				t.Fatal(err)
			}
			first := intent("int_1")
			first.State = state
			ok(s.InsertIntent(ctx, first))(t)
			// Inside a transaction, which a refusal must leave usable.
			must(t, s.InTx(ctx, func(tx billing.Tx) error {
				if got := ok(tx.InsertIntent(ctx, intent("int_2")))(t); got == open {
					t.Errorf("beside a %s one: stored = %v", state, got)
				}
				_, err := tx.Org(ctx, acme)
				return err
			}))
			if got := ok(s.InsertIntent(ctx, withOrg(intent("int_3"), other)))(t); !got {
				t.Error("another org was kept out")
			}
		}
	})
}

func TestRequestKeyIsUsedOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		insert := func(id, org, key string) bool {
			i := withOrg(intent(id), org)
			i.RequestKey, i.State = key, billing.IntentDone
			return ok(s.InsertIntent(ctx, i))(t)
		}
		if !insert("int_1", acme, "k") || insert("int_2", acme, "k") {
			t.Error("a key makes one intent")
		}
		if !insert("int_3", other, "k") || !insert("int_4", acme, "") || !insert("int_5", acme, "") {
			t.Error("another org's key, or none, is in nobody's way")
		}
	})
}

func TestIntentWalk(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		i := intent("int_1")
		ok(s.InsertIntent(ctx, i))(t)
		if ok(s.ClaimIntent(ctx, other, i.ID, t0, t0))(t) {
			t.Error("another org claimed it")
		}
		lease := t0.Add(time.Minute)
		if !ok(s.ClaimIntent(ctx, acme, i.ID, t0, lease))(t) {
			t.Fatal("not claimed")
		}
		i.State, i.Attempt, i.CalledAt, i.LeaseUntil = billing.IntentCalling, 1, t0, lease
		same(t, "claimed", ok(s.Intent(ctx, acme, i.ID))(t), i)

		for attempt, want := range map[int]bool{1: false, 3: false} {
			if got := ok(s.RetryIntent(ctx, acme, i.ID, attempt, lease))(t); got != want {
				t.Errorf("retry as attempt %d: %v", attempt, got)
			}
		}
		if !ok(s.RetryIntent(ctx, acme, i.ID, 2, lease.Add(time.Minute)))(t) || ok(s.RetryIntent(ctx, acme, i.ID, 2, lease))(t) {
			t.Error("attempt 2 begins once")
		}

		end := i // of the first attempt, whose answer comes late
		end.State, end.FinishedAt, end.Result = billing.IntentDone, lease, &billing.Outcome{Status: billing.StatusSwitched, Plan: "scale"}
		if ok(s.SettleIntent(ctx, end, billing.IntentCalling))(t) {
			t.Error("settled by an older attempt")
		}
		end.Attempt = 2
		if ok(s.SettleIntent(ctx, end, billing.IntentPending))(t) {
			t.Error("settled from another state")
		}
		if !ok(s.SettleIntent(ctx, end, billing.IntentCalling))(t) || ok(s.SettleIntent(ctx, end, billing.IntentDone))(t) {
			t.Error("settled once")
		}
		end.LeaseUntil = time.Time{}
		same(t, "settled", ok(s.Intent(ctx, acme, i.ID))(t), end)
		if ok(s.RetryIntent(ctx, acme, i.ID, 3, lease))(t) {
			t.Error("retried after its end")
		}
		end.State = billing.IntentPending
		if _, err := s.SettleIntent(ctx, end, billing.IntentCalling); err == nil {
			t.Error("pending is not an end")
		}
	})
}

func TestTakeStaleIntent(t *testing.T) {
	const grace = 5 * time.Second
	cases := []struct {
		name  string
		state billing.IntentState
		lease time.Time
		now   time.Time
		stale bool
	}{
		{"pending within its grace", billing.IntentPending, time.Time{}, t0.Add(grace - 1000), false},
		{"pending after its grace", billing.IntentPending, time.Time{}, t0.Add(grace), true},
		{"pending, taken over by another worker", billing.IntentPending, t0.Add(time.Minute), t0.Add(time.Minute - 1000), false},
		{"pending, and that worker is gone, too", billing.IntentPending, t0.Add(time.Minute), t0.Add(time.Minute), true},
		{"calling under a lease", billing.IntentCalling, t0.Add(time.Minute), t0.Add(time.Minute - 1000), false},
		{"calling after its lease", billing.IntentCalling, t0.Add(time.Minute), t0.Add(time.Minute), true},
		{"done", billing.IntentDone, time.Time{}, t0.Add(time.Hour), false},
		{"for a person to look at", billing.IntentNeedsReview, time.Time{}, t0.Add(time.Hour), false},
	}
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for _, c := range cases {
			if _, err := s.writer.Exec(`DELETE FROM intents`); err != nil {
				t.Fatal(err)
			}
			i := intent("int_1")
			i.State, i.LeaseUntil = c.state, c.lease
			ok(s.InsertIntent(ctx, i))(t)
			got, err := s.TakeStaleIntent(ctx, c.now, c.now.Add(time.Minute), grace)
			if !c.stale {
				missing(t, c.name, err)
				continue
			}
			must(t, err)
			i.LeaseUntil = c.now.Add(time.Minute)
			same(t, c.name, got, i)
		}
	})
}

// A worker that holds one stale intent does not keep others from the next.
func TestTakeStaleIntentSkipsLocked(t *testing.T) {
	t.Parallel()
	s := fixture{Store: openAt(t, newURL(t, postgresEngine), Options{})}
	s.seed(t)
	ctx := t.Context()
	ok(s.InsertIntent(ctx, intent("int_1")))(t)
	second := withOrg(intent("int_2"), other)
	second.CreatedAt = t0.Add(time.Second)
	ok(s.InsertIntent(ctx, second))(t)
	now := t0.Add(time.Hour)
	must(t, s.InTx(ctx, func(tx billing.Tx) error {
		held := ok(tx.TakeStaleIntent(ctx, now, now.Add(time.Minute), 0))(t)
		next := ok(s.TakeStaleIntent(ctx, now, now.Add(time.Minute), 0))(t)
		_, err := s.TakeStaleIntent(ctx, now, now.Add(time.Minute), 0)
		missing(t, "a third", err)
		same(t, "taken", []string{held.ID, next.ID}, []string{"int_1", "int_2"})
		return nil
	}))
}
