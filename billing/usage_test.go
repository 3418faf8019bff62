package billing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// hostApp is the host application of a world.
func hostApp(w *worldtest.World) billing.Principal {
	w.T.Helper()
	p, _ := w.Key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
	return p
}

func cap1(n int64) billing.Limit { return billing.Limit{Value: n} }

// TestTheLastHundred: 16 goroutines on two replicas take the last 100 units,
// each call sent twice as after a lost answer. Exactly 100 are taken.
func TestTheLastHundred(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		t.Run(fmt.Sprintf("postgres %v", postgres), func(t *testing.T) {
			t.Parallel()
			w := worldtest.New(t, worldtest.Options{Postgres: postgres})
			c, host := w.NewCast("acme", "pro", visa), hostApp(w)
			replicas := []*billing.Service{w.Service, w.Replica()}
			for _, resource := range []string{"workspaces", "webhooks"} { // a gauge and a counter
				first := map[string]int64{"workspaces": 100, "webhooks": 9900}[resource]
				_, err := w.Service.Consume(ctx, host, billing.UsageKey{OrgID: c.Org.ID, Key: resource}, resource, first)
				noError(t, err)
				var won, lost atomic.Int64
				var wg sync.WaitGroup
				for g := range 16 {
					wg.Go(func() {
						for n := range 12 {
							key := billing.UsageKey{OrgID: c.Org.ID, Key: fmt.Sprint(resource, g, "-", n)}
							a, err := replicas[g%2].Consume(ctx, host, key, resource, 1)
							again, err2 := replicas[(g+1)%2].Consume(ctx, host, key, resource, 1)
							switch {
							case err == nil && err2 == nil && a == again:
								won.Add(1)
							case err != nil && err2 != nil:
								fails(t, err, billing.ErrOverLimit)
								fails(t, err2, billing.ErrOverLimit)
								lost.Add(1)
							default:
								t.Errorf("%v %v, then %v %v", a, err, again, err2)
							}
						}
					})
				}
				wg.Wait()
				if won.Load() != 100 || lost.Load() != 92 {
					t.Errorf("%s: %d were taken and %d refused, want 100 and 92", resource, won.Load(), lost.Load())
				}
				for i, s := range replicas {
					w.Advance(5 * time.Second)
					_, err := s.Check(ctx, host, c.Org.ID, resource, 1)
					fails(t, err, billing.ErrOverLimit, "active", first+100)
					_ = i
				}
			}
		})
	}
}

// TestOneKeyManyCalls: however many send it, on whichever replica, a key counts
// once and all get one answer.
func TestOneKeyManyCalls(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		t.Run(fmt.Sprintf("postgres %v", postgres), func(t *testing.T) {
			t.Parallel()
			w := worldtest.New(t, worldtest.Options{Postgres: postgres})
			c, host := w.NewCast("acme", "pro", visa), hostApp(w)
			replicas := []*billing.Service{w.Service, w.Replica()}
			answers := make([]billing.Allowance, 16)
			var wg sync.WaitGroup
			for g := range answers {
				wg.Go(func() {
					var err error
					answers[g], err = replicas[g%2].Consume(ctx, host, billing.UsageKey{OrgID: c.Org.ID, Key: "once"}, "agents", 3)
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for g, a := range answers {
				if a != (billing.Allowance{Active: 3, Cap: cap1(10)}) {
					t.Errorf("call %d was answered %+v", g, a)
				}
			}
		})
	}
}

// TestRacingReports: two replicas are sent the same events at once, as a caller
// does that has lost the first answer.
func TestRacingReports(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		t.Run(fmt.Sprintf("postgres %v", postgres), func(t *testing.T) {
			t.Parallel()
			w := worldtest.New(t, worldtest.Options{Postgres: postgres})
			c, host := w.NewCast("acme", "pro", visa), hostApp(w)
			replicas := []*billing.Service{w.Service, w.Replica()}
			var accepted, duplicate atomic.Int64
			var wg sync.WaitGroup
			for g := range 8 {
				wg.Go(func() {
					var events []billing.UsageEvent
					for n := range 60 { // each pair of goroutines has one list, and shares some with the next
						events = append(events, billing.UsageEvent{UsageKey: billing.UsageKey{OrgID: c.Org.ID, Key: fmt.Sprint(30*(g/2) + n)}, Resource: "api_calls", Quantity: 1})
					}
					r, err := replicas[g%2].ReportEvents(ctx, host, events)
					if err != nil || len(r.Rejected) > 0 {
						t.Error(r, err)
					}
					accepted.Add(int64(r.Accepted))
					duplicate.Add(int64(r.Duplicate))
				})
			}
			wg.Wait()
			if accepted.Load() != 150 || duplicate.Load() != 330 {
				t.Errorf("%d accepted, %d duplicate", accepted.Load(), duplicate.Load())
			}
			a, err := w.Service.Check(ctx, host, c.Org.ID, "api_calls", 1)
			if noError(t, err); a.Active != 150 {
				t.Errorf("counted %d", a.Active)
			}
		})
	}
}

// TestCapsFollowThePlan: at once here, within five seconds elsewhere, up and
// down; what exists above a cap stays and nothing new is allowed.
func TestCapsFollowThePlan(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, host, other := w.NewCast("acme", "scale", visa), hostApp(w), w.Replica()
	check := func(s *billing.Service, n int64) error {
		_, err := s.Check(ctx, host, c.Org.ID, "agents", n)
		return err
	}
	_, err := w.Service.SetUsage(ctx, host, c.Org.ID, "agents", 25)
	noError(t, err)
	noError(t, check(w.Service, 5))
	noError(t, check(other, 5))
	fails(t, check(w.Service, 6), billing.ErrOverLimit, "cap", int64(30), "upgrade", nil)

	_, err = w.Service.Propose(ctx, c.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "pro"})
	noError(t, err)
	fails(t, check(w.Service, 1), billing.ErrOverLimit, "plan", "pro", "active", int64(25), "cap", int64(10))
	noError(t, check(other, 5)) // still remembers
	_, err = other.Consume(ctx, host, billing.UsageKey{OrgID: c.Org.ID, Key: "k"}, "agents", 1)
	fails(t, err, billing.ErrOverLimit, "plan", "pro") // but counts by what is so
	w.Advance(5 * time.Second)
	fails(t, check(other, 1), billing.ErrOverLimit, "plan", "pro")

	_, err = w.Service.SetUsage(ctx, host, c.Org.ID, "agents", 24) // also above the cap it is a report
	noError(t, err)
	_, err = w.Service.Propose(ctx, c.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale"})
	noError(t, err)
	a, err := w.Service.Consume(ctx, host, billing.UsageKey{OrgID: c.Org.ID, Key: "k"}, "agents", 1)
	if noError(t, err); a != (billing.Allowance{Active: 25, Cap: cap1(30)}) {
		t.Errorf("%+v", a)
	}
}

// TestCapWords: the refusal says what is so and what can be done.
func TestCapWords(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, host := w.NewCast("acme", "", ""), hostApp(w)
	op := billing.Actor{Kind: billing.KindHuman, ID: "op", Name: "Opal"}
	override := func(resource string, l billing.Limit) {
		_, err := w.Service.Override(ctx, op, c.Org.ID, resource, l, "test", time.Time{})
		noError(t, err)
	}
	for _, tc := range []struct {
		resource       string
		used, quantity int64
		before         func()
		want           string
		plan           any
	}{
		{"agents", 3, 1, nil, "Free allows 3 agents and 3 are in use. Upgrade to Pro for 10.", "pro"},
		{"agents", 5, 1, nil, "Free allows 3 agents and 5 are in use. Upgrade to Pro for 10.", "pro"},
		{"agents", 1, 3, nil, "Free allows 3 agents and 1 is in use, so 3 more do not fit. Upgrade to Pro for 10.", "pro"},
		{"agents", 3, 9, nil, "Free allows 3 agents and 3 are in use. Upgrade to Scale for 30.", "scale"},
		{"agents", 3, 99, nil, "Free allows 3 agents and 3 are in use. Upgrade to Scale for 30.", "scale"},
		{"rows", 500, 1, nil, "Free allows 500 rows and 500 are in use. Upgrade to Pro for 5,000.", "pro"},
		{"api_calls", 10_000, 1, nil, "Free allows 10,000 API calls a month and 10,000 are used. Upgrade to Pro for 100,000.", "pro"},
		{"agents", 12, 1, func() { override("agents", cap1(12)) }, "The limit here is 12 agents and 12 are in use. Upgrade to Scale for 30.", "scale"},
		{"agents", 40, 1, func() { override("agents", cap1(40)) }, "The limit here is 40 agents and 40 are in use. Ask for a higher limit.", nil},
		{"agents", 1, 1, func() { override("agents", cap1(1)) }, "The limit here is 1 agent and 1 is in use. Ask for a higher limit.", nil},
		{"members", 0, 1, func() { override("members", cap1(0)) }, "The limit here is 0 members and 0 are in use. Ask for a higher limit.", nil},
	} {
		noError(t, w.Service.ReportUsage(ctx, c.Org.ID, tc.resource, tc.used))
		if tc.before != nil {
			tc.before()
		}
		_, err := w.Service.Check(ctx, host, c.Org.ID, tc.resource, tc.quantity)
		fails(t, err, billing.ErrOverLimit)
		e, _ := errors.AsType[*billing.Error](err)
		var plan any
		if up, ok := e.Details["upgrade"].(map[string]any); ok {
			plan = up["plan"]
		}
		if e.Message != tc.want || plan != tc.plan {
			t.Errorf("%s: %q, to %v; want %q, to %v", tc.resource, e.Message, plan, tc.want, tc.plan)
		}
	}
}

// TestHostErrors: who may not, what is not there, what is out of bounds; none of
// it counts.
func TestHostErrors(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, host := w.NewCast("acme", "", ""), hostApp(w)
	s, org := w.Service, c.Org.ID
	consume := func(p billing.Principal, org, key, resource string, n int64) error {
		_, err := s.Consume(ctx, p, billing.UsageKey{OrgID: org, Key: key}, resource, n)
		return err
	}
	check := func(p billing.Principal, org, resource string, n int64) error {
		_, err := s.Check(ctx, p, org, resource, n)
		return err
	}
	set := func(p billing.Principal, org, resource string, n int64) error {
		_, err := s.SetUsage(ctx, p, org, resource, n)
		return err
	}
	for _, p := range []billing.Principal{c.Owner, c.OwnerTool, c.Agent, {}} {
		fails(t, consume(p, org, "k", "agents", 1), billing.ErrHostOnly)
		fails(t, check(p, org, "agents", 1), billing.ErrHostOnly)
		fails(t, set(p, org, "agents", 1), billing.ErrHostOnly)
		_, err := s.ReportEvents(ctx, p, nil)
		fails(t, err, billing.ErrHostOnly)
	}
	for _, id := range []string{"", "org_none", strings.ToUpper(org), "' OR 1=1 --"} {
		fails(t, consume(host, id, "k", "agents", 1), billing.ErrNotFound)
		fails(t, check(host, id, "agents", 1), billing.ErrNotFound)
		fails(t, set(host, id, "agents", 1), billing.ErrNotFound)
	}
	for _, id := range []string{"", "Agents", "seats", strings.Repeat("x", 5000)} {
		fails(t, consume(host, org, "k", id, 1), billing.ErrUnknownResource)
		fails(t, check(host, org, id, 1), billing.ErrUnknownResource)
		fails(t, set(host, org, id, 1), billing.ErrUnknownResource)
	}
	for _, n := range []int64{0, -1, 1_000_000_001, -1 << 63, 1<<63 - 1} {
		fails(t, consume(host, org, "k", "agents", n), billing.ErrInvalid, "field", "quantity")
		fails(t, check(host, org, "agents", n), billing.ErrInvalid, "field", "quantity")
	}
	for _, key := range []string{"", "a b", "é", "\x00", strings.Repeat("k", 256)} {
		fails(t, consume(host, org, key, "agents", 1), billing.ErrUsageKey)
	}
	fails(t, set(host, org, "api_calls", 1), billing.ErrWrongKind)
	for _, n := range []int64{-1, 1 << 53} {
		fails(t, set(host, org, "agents", n), billing.ErrInvalid, "field", "value")
	}
	sum, err := s.Summary(ctx, c.Owner)
	noError(t, err)
	for _, u := range sum.Usage {
		if u.Active != 0 || !u.Reported.IsZero() {
			t.Errorf("%s was counted: %+v", u.Resource.ID, u)
		}
	}
}

// TestCountersStartAnew with their window, also for one who remembers the last.
func TestCountersStartAnew(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, host := w.NewCast("acme", "", ""), hostApp(w)
	use := func(key string) error {
		_, err := w.Service.Consume(ctx, host, billing.UsageKey{OrgID: c.Org.ID, Key: key}, "webhooks", 1000)
		return err
	}
	april := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	w.Advance(april.Add(-time.Second).Sub(w.Box.Now()))
	noError(t, use("march"))
	fails(t, use("more"), billing.ErrOverLimit, "active", int64(1000))
	_, err := w.Service.Check(ctx, host, c.Org.ID, "webhooks", 1)
	fails(t, err, billing.ErrOverLimit)
	w.Advance(time.Second)
	a, err := w.Service.Check(ctx, host, c.Org.ID, "webhooks", 1)
	if noError(t, err); a.Active != 0 {
		t.Errorf("April begins at %d", a.Active)
	}
	late := billing.UsageEvent{UsageKey: billing.UsageKey{OrgID: c.Org.ID, Key: "late"}, Resource: "webhooks", Quantity: 5, At: april.Add(-time.Minute)}
	_, err = w.Service.ReportEvents(ctx, host, []billing.UsageEvent{late})
	noError(t, err)
	noError(t, use("april"))
}

// brokenStore fails at every read of an org.
type brokenStore struct {
	billing.Store
	down *atomic.Bool
}

func (b brokenStore) Overview(ctx context.Context, orgID string) (billing.Overview, error) {
	if b.down.Load() {
		return billing.Overview{}, fmt.Errorf("the database is away")
	}
	return b.Store.Overview(ctx, orgID)
}

// TestChecksAreAnsweredFromMemory for five seconds, and not longer.
func TestChecksAreAnsweredFromMemory(t *testing.T) {
	var down atomic.Bool
	w := worldtest.New(t, worldtest.Options{Configure: func(c *billing.Config) { c.Store = brokenStore{c.Store, &down} }})
	c, host := w.NewCast("acme", "", ""), hostApp(w)
	check := func() error {
		_, err := w.Service.Check(ctx, host, c.Org.ID, "agents", 1)
		return err
	}
	noError(t, check())
	down.Store(true)
	w.Advance(5*time.Second - time.Millisecond)
	noError(t, check())
	w.Advance(time.Millisecond)
	if check() == nil {
		t.Error("an answer of five seconds ago")
	}
}

// hearing tells when somebody hears all news.
type hearing struct {
	billing.Notifier
	begun chan struct{}
}

func (n hearing) Hear(f func(topic string)) (stop func()) {
	defer close(n.begun)
	return n.Notifier.Hear(f)
}

// TestNewsIsOfOneOrg: what is remembered of others stays, since among many orgs
// there is always news of some.
func TestNewsIsOfOneOrg(t *testing.T) {
	var down atomic.Bool
	begun := make(chan struct{})
	w := worldtest.New(t, worldtest.Options{Configure: func(c *billing.Config) {
		c.Store, c.Notifier = brokenStore{c.Store, &down}, hearing{c.Notifier, begun}
	}})
	acme, zebra, host := w.NewCast("acme", "", ""), w.NewCast("zebra", "", ""), hostApp(w)
	check := func(c worldtest.Cast) error {
		_, err := w.Service.Check(ctx, host, c.Org.ID, "agents", 1)
		return err
	}
	running, stop := context.WithCancel(ctx)
	var over sync.WaitGroup
	over.Go(func() { w.Service.Run(running) })
	defer over.Wait()
	defer stop()
	<-begun
	noError(t, check(acme))
	noError(t, check(zebra))
	down.Store(true)
	w.Store.Notify(ctx, zebra.Org.ID) // as another replica's does
	noError(t, check(acme))
	if check(zebra) == nil {
		t.Error("the news was not heard")
	}
}

// TestConsumeByCapsOfLongAgo: a consume may start from caps that were read an
// hour ago, and still goes by those that are in force now.
func TestConsumeByCapsOfLongAgo(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, host, other := w.NewCast("acme", "pro", visa), hostApp(w), w.Replica()
	consume := func(key string) (billing.Allowance, error) {
		w.Advance(time.Hour)
		return other.Consume(ctx, host, billing.UsageKey{OrgID: c.Org.ID, Key: key}, "agents", 1)
	}
	first, err := consume("1")
	noError(t, err)
	_, err = w.Service.Override(ctx, billing.Actor{Name: "Opal"}, c.Org.ID, "agents", cap1(first.Active+1), "a pilot", time.Time{})
	noError(t, err)
	again, err := consume("2")
	noError(t, err)
	if want := (billing.Allowance{Active: first.Active + 1, Cap: cap1(first.Active + 1)}); again != want {
		t.Errorf("%+v, want %+v", again, want)
	}
	_, err = consume("3")
	fails(t, err, billing.ErrOverLimit, "active", first.Active+1)
	noError(t, w.Service.EndOverride(ctx, billing.Actor{Name: "Opal"}, c.Org.ID, "agents"))
	if last, err := consume("3"); err != nil || last.Cap != first.Cap || last.Active != first.Active+2 {
		t.Errorf("%+v, %v", last, err)
	}
}
