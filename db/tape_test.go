package db

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// What is played back does to an equal database what was recorded.
func TestPlay(t *testing.T) {
	for _, e := range []engine{sqliteEngine, postgresEngine} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			recorded := fixture{Store: openAt(t, newURL(t, e), Options{Record: true})}
			played := fixture{Store: openAt(t, newURL(t, e), Options{})}
			recorded.seed(t)
			played.seed(t)
			tape := &Tape{}
			ctx := Record(t.Context(), tape)
			must(t, recorded.SetUsage(ctx, acme, "rows", time.Time{}, 7, t0))
			must(t, recorded.InTx(ctx, func(tx billing.Tx) error {
				return tx.SetUsage(ctx, acme, "agents", time.Time{}, 3, t0)
			}))
			undone := errors.New("undone")
			if err := recorded.InTx(ctx, func(tx billing.Tx) error {
				must(t, tx.SetUsage(ctx, acme, "rows", time.Time{}, 9, t0))
				return undone
			}); !errors.Is(err, undone) {
				t.Fatal(err)
			}
			want := ok(recorded.Overview(ctx, acme))(t).Usage
			must(t, recorded.SetUsage(t.Context(), acme, "off the tape", time.Time{}, 1, t0))

			if all, commits := tape.Statements(); all != 4 || commits != 2 {
				t.Errorf("%d statements and %d commits on the tape", all, commits)
			}
			must(t, played.Play(context.Background(), tape))
			if got := ok(played.Overview(t.Context(), acme))(t).Usage; len(got) != 2 || !reflect.DeepEqual(got, want) {
				t.Errorf("played: %v\nrecorded: %v", got, want)
			}
		})
	}
}

func TestScratch(t *testing.T) {
	beside := newURL(t, postgresEngine)
	url, drop, err := Scratch(t.Context(), beside)
	must(t, err)
	s, err := Open(t.Context(), url, Options{})
	must(t, err)
	must(t, s.Close())
	must(t, drop(t.Context()))
	if _, err := Open(t.Context(), url, Options{}); err == nil {
		t.Error("the database is there after it was dropped")
	}
}
