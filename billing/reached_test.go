package billing_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func reached(resource string, active, limit int64, plan string) string {
	return fmt.Sprintf(`limit.reached {"resource":%q,"active":%d,"cap":%d,"plan":%q}`, resource, active, limit, plan)
}

// usageOf reports usage of an org as its host application does.
type usageOf struct {
	t    *testing.T
	s    *billing.Service
	host billing.Principal
	org  string
	keys *atomic.Int64
}

func (u usageOf) key() billing.UsageKey {
	return billing.UsageKey{OrgID: u.org, Key: fmt.Sprint("k", u.keys.Add(1))}
}

func (u usageOf) take(resource string, n int64) error {
	_, err := u.s.Consume(ctx, u.host, u.key(), resource, n)
	return err
}

func (u usageOf) set(resource string, n int64) {
	u.t.Helper()
	_, err := u.s.SetUsage(ctx, u.host, u.org, resource, n)
	noError(u.t, err)
}

func (u usageOf) report(at time.Time, quantities ...int64) {
	u.t.Helper()
	var events []billing.UsageEvent
	for _, n := range quantities {
		events = append(events, billing.UsageEvent{UsageKey: u.key(), Resource: "webhooks", Quantity: n, At: at})
	}
	r, err := u.s.ReportEvents(ctx, u.host, events)
	if noError(u.t, err); r.Accepted != len(events) {
		u.t.Errorf("%+v", r)
	}
}

func newUsage(t *testing.T, w *worldtest.World, plan string) usageOf {
	c := w.NewCast("acme", plan, visa)
	return usageOf{t: t, s: w.Service, host: hostApp(w), org: c.Org.ID, keys: &atomic.Int64{}}
}

// TestLimitReached: once for each time that a count gets to its cap from below.
func TestLimitReached(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		u := newUsage(t, w, "")
		says(t, w, h)

		noError(t, u.take("agents", 2))
		says(t, w, h)
		noError(t, u.take("agents", 1))
		fails(t, u.take("agents", 1), billing.ErrOverLimit)
		fails(t, u.take("agents", 5), billing.ErrOverLimit)
		says(t, w, h, reached("agents", 3, 3, "free"))

		for _, n := range []int64{3, 7, 3, 2, 4, 4} { // stays, goes on, comes down, is below, is over again
			u.set("agents", n)
		}
		says(t, w, h, reached("agents", 4, 3, "free"))
		u.set("members", 6)
		u.set("members", 1)
		says(t, w, h, reached("members", 6, 6, "free"))

		u.report(w.Box.Now(), 400, 599)
		says(t, w, h)
		u.report(w.Box.Now(), 1, 1)
		u.report(w.Box.Now(), 1)
		says(t, w, h, reached("webhooks", 1001, 1000, "free"))
		u.report(w.Box.Now().AddDate(0, 0, -5), 5000) // of last month, which is over
		says(t, w, h)
		w.Advance(31 * 24 * time.Hour)
		u.report(w.Box.Now(), 5000)
		says(t, w, h, reached("webhooks", 5000, 1000, "free"))
	})
}

// TestLimitReachedOfItsOwn: an org's own limit is the one that is reached, and
// without one nothing is.
func TestLimitReachedOfItsOwn(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		u := newUsage(t, w, "")
		give := func(resource string, l billing.Limit) {
			t.Helper()
			_, err := w.Service.Override(ctx, operator, u.org, resource, l, "pilot", time.Time{})
			noError(t, err)
		}
		give("agents", cap1(5))
		give("webhooks", cap1(2000))
		give("members", billing.Limit{Unlimited: true})
		give("workspaces", cap1(0))
		noError(t, u.take("agents", 4))
		u.report(w.Box.Now(), 1999)
		u.set("members", 500)
		noError(t, u.take("members", 500))
		u.set("workspaces", 3) // is over, and was never below
		says(t, w, h)
		noError(t, u.take("agents", 1))
		u.report(w.Box.Now(), 1)
		says(t, w, h, reached("agents", 5, 5, "free"), reached("webhooks", 2000, 2000, "free"))
	})
}

// TestLimitReachedElsewhere: what this replica remembers is old, and what it
// tells is not.
func TestLimitReachedElsewhere(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		here := newUsage(t, w, "")
		there := here
		there.s = w.Replica()
		noError(t, here.take("agents", 1))
		noError(t, there.take("agents", 1))
		noError(t, here.take("agents", 1)) // remembers one
		says(t, w, h, reached("agents", 3, 3, "free"))

		_, err := there.s.Override(ctx, operator, here.org, "agents", cap1(20), "pilot", time.Time{})
		noError(t, err)
		here.set("agents", 12) // remembers a cap of 3
		says(t, w, h)
		noError(t, here.take("agents", 8))
		says(t, w, h, reached("agents", 20, 20, "free"))
	})
}

// TestLimitReachedInRaces: however many count at once, each crossing is told
// once, by the one who made it.
func TestLimitReachedInRaces(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		u := newUsage(t, w, "")
		race := func(what string, want string, f func(u usageOf, g int)) {
			t.Helper()
			var wg sync.WaitGroup
			replicas := []usageOf{u, u}
			replicas[1].s = w.Replica()
			for g := range 12 {
				wg.Go(func() { f(replicas[g%2], g) })
			}
			wg.Wait()
			if got := news(t, w, h); !slices.Equal(got, []string{want}) {
				t.Errorf("%s: told %q, want %q once", what, got, want)
			}
		}
		race("consume a gauge", reached("workspaces", 20, 20, "free"), func(u usageOf, _ int) {
			for range 3 {
				_ = u.take("workspaces", 1)
			}
		})
		race("consume a counter", reached("webhooks", 1000, 1000, "free"), func(u usageOf, _ int) {
			for range 12 {
				_ = u.take("webhooks", 8)
			}
			for range 12 {
				_ = u.take("webhooks", 1)
			}
		})
		race("set a gauge", reached("agents", 3, 3, "free"), func(u usageOf, _ int) { u.set("agents", 3) })
		w.Advance(31 * 24 * time.Hour)
		race("report events", reached("webhooks", 1000, 1000, "free"), func(u usageOf, _ int) { u.report(time.Time{}, 50, 50) })
	})
}

// TestLimitReachedKeepsItsWord: a retried key is answered as then and told once,
// and what is rolled back is not told.
func TestLimitReachedKeepsItsWord(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		u := newUsage(t, w, "")
		key := u.key()
		for _, s := range []*billing.Service{w.Service, w.Service, w.Replica()} {
			a, err := s.Consume(ctx, u.host, key, "agents", 3)
			if noError(t, err); a != (billing.Allowance{Active: 3, Cap: cap1(3)}) {
				t.Errorf("%+v", a)
			}
		}
		_, err := w.Service.Consume(ctx, u.host, key, "agents", 2)
		fails(t, err, billing.ErrKeyConflict)
		says(t, w, h, reached("agents", 3, 3, "free"))

		again := billing.UsageEvent{UsageKey: key, Resource: "webhooks", Quantity: 1}
		full := billing.UsageEvent{UsageKey: u.key(), Resource: "webhooks", Quantity: 1000}
		for range 2 {
			_, err = w.Service.ReportEvents(ctx, u.host, []billing.UsageEvent{full, again})
			noError(t, err)
		}
		says(t, w, h, reached("webhooks", 1000, 1000, "free"))
	})
}
