package db

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func callRow(key, claim string) billing.CallRow {
	return billing.CallRow{Call: billing.Call{CredentialID: "key_1", Key: key, Request: []byte("hash-1"), Claim: claim}, CreatedAt: t0}
}

func TestCalls(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		claim := func(c billing.CallRow) bool {
			t.Helper()
			return ok(s.ClaimCall(ctx, c, c.CreatedAt.Add(-24*time.Hour), c.CreatedAt.Add(-time.Minute)))(t)
		}
		one := callRow("k", "a")
		same(t, "first", claim(one), true)
		same(t, "stored", ok(s.StoredCall(ctx, "key_1", "k"))(t), one)
		two := callRow("k", "b")
		same(t, "second", claim(two), false)
		_, err := s.StoredCall(ctx, "key_2", "k")
		missing(t, "another credential's", err)

		// Whoever ran it is taken for dead after a minute, by the same call only.
		two.CreatedAt = t0.Add(time.Minute)
		other := two
		other.Request = []byte("hash-2")
		same(t, "another request takes over", claim(other), false)
		same(t, "takes over", claim(two), true)
		one.Status, one.Type, one.Sealed = 200, "application/json", []byte("sealed")
		same(t, "the dead one answers", ok(s.FinishCall(ctx, one))(t), false)
		must(t, s.DropCall(ctx, one.Call))
		two.Status, two.Type, two.Sealed = 409, "application/json", []byte{0, 0xff}
		same(t, "answers", ok(s.FinishCall(ctx, two))(t), true)
		same(t, "answers twice", ok(s.FinishCall(ctx, two))(t), false)
		same(t, "answer", ok(s.StoredCall(ctx, "key_1", "k"))(t), two)
		must(t, s.DropCall(ctx, two.Call)) // only what runs is dropped
		three := callRow("k", "c")
		three.CreatedAt = two.CreatedAt.Add(24*time.Hour - time.Microsecond)
		same(t, "within a day", claim(three), false)
		three.Request, three.CreatedAt = []byte("hash-3"), two.CreatedAt.Add(24*time.Hour)
		same(t, "after a day", claim(three), true)
		same(t, "begun anew", ok(s.StoredCall(ctx, "key_1", "k"))(t), three)
		must(t, s.DropCall(ctx, three.Call))
		_, err = s.StoredCall(ctx, "key_1", "k")
		missing(t, "dropped", err)
	})
}

func TestCallsRace(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		stale := callRow("old", "")
		same(t, "old", ok(s.ClaimCall(t.Context(), stale, t0, t0))(t), true)
		for _, key := range []string{"new", "old"} { // to insert, and to take over
			var won atomic.Int32
			var wg sync.WaitGroup
			for i := range 20 {
				wg.Go(func() {
					c := callRow(key, fmt.Sprint(i))
					c.CreatedAt = t0.Add(time.Hour)
					got, err := s.ClaimCall(context.Background(), c, t0.Add(-time.Hour), t0)
					if err != nil {
						t.Error(err)
					}
					if got {
						won.Add(1)
					}
				})
			}
			wg.Wait()
			same(t, key, won.Load(), int32(1))
		}
	})
}

func TestCallsArePruned(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		for i := range 3 {
			c := callRow(fmt.Sprint(i), "a")
			c.CreatedAt = t0.Add(time.Duration(i) * time.Hour)
			ok(s.ClaimCall(t.Context(), c, t0, t0))(t)
		}
		same(t, "pruned", ok(s.Prune(t.Context(), billing.PruneCalls, t0.Add(90*time.Minute), 10))(t), int64(2))
		_, err := s.StoredCall(t.Context(), "key_1", "0")
		missing(t, "pruned", err)
		ok(s.StoredCall(t.Context(), "key_1", "2"))(t)
	})
}
