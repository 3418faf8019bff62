package db

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func onSQLite(t *testing.T) fixture {
	t.Helper()
	s := fixture{Store: openAt(t, newURL(t, sqliteEngine), Options{})}
	s.seed(t)
	return s
}

// queued waits until so many wait for a turn.
func (s fixture) queued(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		s.turns.mu.Lock()
		waiting := len(s.turns.waiting)
		s.turns.mu.Unlock()
		if waiting == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d wait, want %d", waiting, n)
		}
	}
}

// orgs are those of the names that are there.
func (s fixture) orgs(t *testing.T, names ...string) (there []string) {
	t.Helper()
	for _, name := range names {
		if _, err := s.Org(t.Context(), "org_"+name); err == nil {
			there = append(there, name)
		} else if !errors.Is(err, billing.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return there
}

// batched has the parts written in one batch, each making the org of its name,
// and returns what each was told.
func (s fixture) batched(t *testing.T, names []string, part func(ctx context.Context, name string, q queries) error) map[string]error {
	t.Helper()
	var mu sync.Mutex
	told := map[string]error{}
	began, write := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() {
			err := errPanicked
			defer func() {
				_ = recover()
				mu.Lock()
				defer mu.Unlock()
				told[name] = err
			}()
			err = s.atomically(t.Context(), func(q queries) error {
				if i == 0 {
					close(began)
					<-write
				}
				if err := q.InsertOrg(t.Context(), billing.Org{ID: "org_" + name, CreatedAt: t0}, "free"); err != nil {
					return err
				}
				return part(t.Context(), name, q)
			})
		})
		if i == 0 {
			<-began
		}
		s.queued(t, i)
	}
	close(write)
	all.Wait()
	return told
}

var (
	errStop     = errors.New("stop")
	errPanicked = errors.New("panicked")
)

// TestTurns: what comes while somebody writes is written in the order of coming
// and committed at once, and what one does is nobody else's trouble.
func TestTurns(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	for name, c := range map[string]struct {
		stops, panics, exits string
		there                []string
	}{
		"all":              {there: names},
		"the first fails":  {stops: "a", there: []string{"b", "c", "d"}},
		"one fails":        {stops: "b", there: []string{"a", "c", "d"}},
		"the last fails":   {stops: "d", there: []string{"a", "b", "c"}},
		"all fail":         {stops: "abcd"},
		"the first panics": {panics: "a", there: []string{"b", "c", "d"}},
		"one panics":       {panics: "c", there: []string{"a", "b", "d"}},
		"the last panics":  {panics: "d", there: []string{"a", "b", "c"}},
		"one is ended":     {exits: "c", there: []string{"a", "b", "d"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := onSQLite(t)
			var order []string
			told := s.batched(t, names, func(_ context.Context, name string, _ queries) error {
				order = append(order, name)
				switch {
				case contains(c.stops, name):
					return errStop
				case contains(c.panics, name):
					panic(name)
				case contains(c.exits, name):
					runtime.Goexit()
				}
				return nil
			})
			if !slices.Equal(order, names) {
				t.Errorf("written in the order %v", order)
			}
			if got := s.orgs(t, names...); !slices.Equal(got, c.there) {
				t.Errorf("%v are there, want %v", got, c.there)
			}
			for _, name := range names {
				want := error(nil)
				switch {
				case contains(c.stops, name):
					want = errStop
				case contains(c.panics+c.exits, name):
					want = errPanicked
				}
				if !errors.Is(told[name], want) {
					t.Errorf("%s was told %v, want %v", name, told[name], want)
				}
			}
			if s.turns.taken || s.turns.open != nil || len(s.turns.waiting) > 0 {
				t.Error("it is still somebody's turn")
			}
		})
	}
}

func contains(list, name string) bool { return slices.Contains([]byte(list), name[0]) }

// TestTurnsAreOneCommit: nobody else sees anything of a batch, and nobody in it is
// answered, before all of it is committed.
func TestTurnsAreOneCommit(t *testing.T) {
	s := onSQLite(t)
	names := []string{"a", "b", "c", "d"}
	sizes := []int{}
	told := s.batched(t, names, func(_ context.Context, _ string, _ queries) error {
		sizes = append(sizes, s.turns.open.size)
		if got := s.orgs(t, names...); len(got) > 0 {
			t.Errorf("%v are seen before the commit", got)
		}
		return nil
	})
	if !slices.Equal(sizes, []int{1, 2, 3, 4}) || len(told) != len(names) {
		t.Errorf("batches %v, told %v", sizes, told)
	}
}

// TestTurnsThatAreSpoilt: if SQLite gives up the whole transaction, everybody in
// it is told, and the next can write.
func TestTurnsThatAreSpoilt(t *testing.T) {
	s := onSQLite(t)
	names := []string{"a", "b", "c"}
	told := s.batched(t, names, func(ctx context.Context, name string, q queries) error {
		if name == "b" {
			return q.exec(ctx, "ROLLBACK")
		}
		return nil
	})
	for _, name := range []string{"a", "b"} {
		if told[name] == nil {
			t.Errorf("%s was not told", name)
		}
	}
	if got := s.orgs(t, names...); !slices.Equal(got, []string{"c"}) || told["c"] != nil {
		t.Errorf("%v are there; the next was told %v", got, told["c"])
	}
}

// TestTurnsAreBounded: the first of many does not wait for all of them.
func TestTurnsAreBounded(t *testing.T) {
	s := onSQLite(t)
	var names []string
	for i := range mostTogether + 5 {
		names = append(names, string(rune('A'+i)))
	}
	most := 0
	s.batched(t, names, func(context.Context, string, queries) error {
		most = max(most, s.turns.open.size)
		return nil
	})
	if most != mostTogether {
		t.Errorf("%d together, want %d", most, mostTogether)
	}
	if got := s.orgs(t, names...); len(got) != len(names) {
		t.Errorf("%d are there, want %d", len(got), len(names))
	}
}

// TestGivingUpATurn: one who does not wait any longer changes nothing, and leaves
// those in the batch before to be committed.
func TestGivingUpATurn(t *testing.T) {
	s := onSQLite(t)
	ctx, cancel := context.WithCancel(t.Context())
	var gone error
	var all sync.WaitGroup
	began := make(chan struct{})
	all.Go(func() {
		must(t, s.atomically(t.Context(), func(q queries) error {
			close(began)
			s.queued(t, 1)
			cancel()
			s.queued(t, 0)
			return q.InsertOrg(t.Context(), billing.Org{ID: "org_a", CreatedAt: t0}, "free")
		}))
	})
	<-began
	all.Go(func() { gone = s.InsertOrg(ctx, billing.Org{ID: "org_b", CreatedAt: t0}, "free") })
	all.Wait()
	if !errors.Is(gone, context.Canceled) {
		t.Errorf("who gave up was told %v", gone)
	}
	if got := s.orgs(t, "a", "b"); !slices.Equal(got, []string{"a"}) {
		t.Errorf("%v are there", got)
	}
	must(t, s.InsertOrg(t.Context(), billing.Org{ID: "org_c", CreatedAt: t0}, "free"))
}
