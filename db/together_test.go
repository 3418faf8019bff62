package db

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func onPostgres(t *testing.T) fixture {
	t.Helper()
	c := &clock{now: t0}
	url := newURL(t, postgresEngine)
	s := fixture{Store: openAt(t, url, Options{Clock: c.Now}), url: url, clock: c}
	s.seed(t)
	return s
}

// busy makes statements for so many that are under way, so that others wait.
func (s fixture) busy(what *shared, readers int) { s.together.queues[what] = &queue{reading: readers} }

// allAtOnce calls f so often at the same time that the last call has all read
// together.
func (s fixture) allAtOnce(what *shared, f func(i int)) {
	s.busy(what, atOnce)
	var all sync.WaitGroup
	for i := range atOnce {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// TestReadTogether: everybody gets what is theirs, or nothing.
func TestReadTogether(t *testing.T) {
	s, ctx := onPostgres(t), t.Context()
	hash := func(i int) []byte { return fmt.Append(nil, "hash-of-", i) }
	for i := range atOnce {
		org := fmt.Sprint("org_", i)
		must(t, s.InsertOrg(ctx, billing.Org{ID: org, Name: fmt.Sprint(`{"O", \`, i, `}`), CreatedAt: t0}, "free"))
		must(t, s.SetUsage(ctx, org, "projects", time.Time{}, int64(i), t0))
		kind := billing.KindAgent
		if i == 3 {
			kind = billing.KindHost // is no agent's
		}
		must(t, s.InsertCredential(ctx, billing.Credential{
			ID: fmt.Sprint("key_of_", i), Kind: kind, OrgID: org, PrincipalID: fmt.Sprint("agt_", i), Name: fmt.Sprint("Robo ", i), Hash: hash(i),
			CreatedBy: "Ann", CreatedAt: t0,
		}))
	}
	s.allAtOnce(selectAgentOverview, func(i int) {
		if i == 5 {
			_, _, err := s.AgentOverview(ctx, []byte("nobody's"))
			missing(t, "unknown key", err)
			return
		}
		p, _, err := s.AgentOverview(ctx, hash(i))
		if i == 3 {
			missing(t, "a host's key", err)
			return
		}
		var want caller
		if err == nil {
			want, err = one(ctx, s.queries, func(c *caller) []any {
				return []any{&c.Name, &c.OrgName, line(c.withOverview(keyFields(c)))}
			}, selectAgentOverview.alone, s.overviewArgs(hash(i))...)
		}
		if err != nil {
			t.Error(err)
			return
		}
		want.complete()
		want.tell()
		same(t, "principal", p, want.Principal)
		same(t, "org", p.OrgID, fmt.Sprint("org_", i))
	})
}

// TestReadTogetherWithABadOne: who asks for what can not be asked for fails alone.
func TestReadTogetherWithABadOne(t *testing.T) {
	s, ctx := onPostgres(t), t.Context()
	want := approval("apr_1")
	must(t, s.InsertApproval(ctx, want))
	s.allAtOnce(selectApproval, func(i int) {
		switch i {
		case 4:
			if _, err := s.Approval(ctx, acme, "apr\x00"); err == nil || errors.Is(err, billing.ErrNotFound) {
				t.Errorf("a text that is none: error %v", err)
			}
		case 5:
			_, err := s.Approval(ctx, other, want.ID)
			missing(t, "another org's", err)
		default:
			a, err := s.Approval(ctx, acme, want.ID)
			if err != nil {
				t.Error(err)
			}
			same(t, "request", a, want)
		}
	})
}

// TestWaitForTheStatementUnderWay: those who wait are read for by the first of
// them; who goes away meanwhile is left out.
func TestWaitForTheStatementUnderWay(t *testing.T) {
	waiting := &together{queues: map[*shared]*queue{}}
	what, another := share(`SELECT 1`, "text"), share(`SELECT 2`, "text")
	readers := make([]*asker, 4)
	for i := range readers {
		readers[i] = &asker{turn: make(chan []*asker, 1)}
	}
	same(t, "the first", waiting.join(what, readers[0]), readers[:1])
	for _, r := range readers[1:] {
		if got := waiting.join(what, r); got != nil {
			t.Errorf("reads at once for %d", len(got))
		}
	}
	same(t, "what nobody else reads", len(waiting.join(another, &asker{})), 1)
	same(t, "left", waiting.leave(what, readers[2]), true)
	same(t, "left twice", waiting.leave(what, readers[2]), false)
	waiting.done(what, 1)
	same(t, "the next", <-readers[1].turn, []*asker{readers[1], readers[3]})
	same(t, "left too late", waiting.leave(what, readers[3]), false)
	waiting.done(what, 2)
	same(t, "after all", waiting.join(what, readers[0]), readers[:1])
}

// TestEnoughWait: as many as are being read do not wait any longer, if they are
// more than a few, nor do more than a statement is for.
func TestEnoughWait(t *testing.T) {
	for reading, enough := range map[int]int{1: few, few + 1: few + 1, atOnce: atOnce, 3 * atOnce: atOnce} {
		what := share(`SELECT 1`, "text")
		waiting := &together{queues: map[*shared]*queue{what: {reading: reading}}}
		for n := 1; n < enough; n++ {
			if got := waiting.join(what, &asker{}); got != nil {
				t.Errorf("%d are read beside %d", len(got), reading)
			}
		}
		same(t, "enough", len(waiting.join(what, &asker{})), enough)
		same(t, "reading", waiting.queues[what].reading, reading+enough)
		waiting.done(what, reading)
		waiting.done(what, enough)
		same(t, "at rest", waiting.queues[what].reading, 0)
	}
}

func TestGiveUpWaiting(t *testing.T) {
	s := onPostgres(t)
	s.busy(selectKey, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := s.KeyPrincipal(ctx, []byte("hash-1")); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	s.together.done(selectKey, 1)
	p, _, err := s.KeyPrincipal(t.Context(), []byte("hash-1"))
	must(t, err)
	same(t, "org", p.OrgID, acme)
}
