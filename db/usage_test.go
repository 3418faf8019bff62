package db

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

var november = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// use is a consume of agents that the guard lets through while there are at
// most limit.
func use(key string, quantity, limit int64) billing.Consumption {
	return billing.Consumption{
		UsageKey: billing.UsageKey{OrgID: acme, Key: key}, Resource: "agents", Quantity: quantity, At: t0, Gauge: true,
		Cap: billing.Limit{Value: limit}, Basis: billing.Basis{RowVersion: 1},
	}
}

func (s fixture) used(t *testing.T, resource string) int64 {
	t.Helper()
	for _, u := range ok(s.Overview(t.Context(), acme))(t).Usage {
		if u.Resource == resource {
			return u.Value
		}
	}
	return 0
}

func TestConsumeGuard(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		try := func(what string, c billing.Consumption, want bool, active int64) {
			t.Helper()
			got, done, err := s.Consume(ctx, c)
			must(t, err)
			if done != want || got != active {
				t.Errorf("%s: %v, %d, want %v, %d", what, done, got, want, active)
			}
		}
		try("the first", use("k1", 2, 3), true, 2)
		try("one too many", use("k2", 2, 3), false, 0)
		try("the last", use("k2", 1, 3), true, 3)
		try("at the cap", use("k3", 1, 3), false, 0)
		try("a key again", use("k1", 1, 30), false, 0)
		try("more than the cap at once", func() billing.Consumption { c := use("k3", 9, 8); c.Resource = "rows"; return c }(), false, 0)
		for what, broken := range map[string]func(*billing.Consumption){
			"another version":         func(c *billing.Consumption) { c.Basis.RowVersion = 2 },
			"a design partner":        func(c *billing.Consumption) { c.Basis.DesignPartner = true },
			"an override that is not": func(c *billing.Consumption) { c.Override = "ovr_1" },
			"no such org":             func(c *billing.Consumption) { c.OrgID = "org_none" },
		} {
			c := use("k4", 1, 100)
			broken(&c)
			try(what, c, false, 0)
		}
		same(t, "used", s.used(t, "agents"), int64(3))
		c := use("k5", 5, 0)
		c.Cap = billing.Limit{Unlimited: true}
		try("without a cap", c, true, 8)
		must(t, s.PutOverride(ctx, billing.Override{ID: "ovr_1", OrgID: acme, Resource: "agents", Cap: billing.Limit{Value: 20}, Author: billing.Actor{Name: "Opal"}, CreatedAt: t0}))
		try("an override that came since", use("k6", 1, 100), false, 0)
		c = use("k6", 1, 20)
		c.Override = "ovr_1"
		try("with the override", c, true, 9)
		same(t, "another org's", ok(s.Overview(ctx, other))(t).Usage, []billing.UsageRow(nil))

		kept := ok(s.KeptUses(ctx, []billing.UsageKey{{OrgID: acme, Key: "k2"}, {OrgID: acme, Key: "k3"}, {OrgID: other, Key: "k1"}, {OrgID: acme, Key: "k5"}}))(t)
		answers := map[string]billing.Allowance{}
		for _, k := range kept {
			answers[fmt.Sprint(k.Key, k.Resource, k.Quantity)] = *k.Answered
		}
		same(t, "kept", answers, map[string]billing.Allowance{
			"k2agents1": {Active: 3, Cap: billing.Limit{Value: 3}}, "k5agents5": {Active: 8, Cap: billing.Limit{Unlimited: true}},
		})
	})
}

// TestConsumeBelow: at the cap there is no way without saying so.
func TestConsumeBelow(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		for quantity, want := range map[int64]bool{2: true, 3: false} {
			c := use(fmt.Sprint(quantity), quantity, 3)
			c.Resource, c.Below = c.Key, true
			if _, done, err := s.Consume(t.Context(), c); err != nil || done != want {
				t.Errorf("%d of 3: %v, %v", quantity, done, err)
			}
		}
	})
}

// TestRaiseGauge writes only on the way up to the limit or over it.
func TestRaiseGauge(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		for _, step := range []struct {
			value, limit int64
			raised       bool
			left         int64
		}{
			{2, 3, false, 0}, {0, 0, false, 0}, {5, 0, false, 0}, {3, 3, true, 3}, {4, 3, false, 3}, {3, 3, false, 3}, {5, 4, true, 5}, {9, 9, true, 9},
		} {
			raised := ok(s.RaiseGauge(t.Context(), acme, "agents", step.value, step.limit, t0))(t)
			if got := s.used(t, "agents"); raised != step.raised || got != step.left {
				t.Errorf("to %d of %d: %v, %d", step.value, step.limit, raised, got)
			}
		}
		day := billing.UsageDay{Resource: "agents", Day: time.Time(dayOf(t0)), Value: 9, Closing: 9}
		same(t, "day", ok(s.UsageDays(t.Context(), acme, t0))(t), []billing.UsageDay{day})
	})
}

func TestConsumeKeepsADaysLine(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		take := func(c billing.Consumption) {
			t.Helper()
			if _, done, err := s.Consume(ctx, c); err != nil || !done {
				t.Fatal(done, err)
			}
		}
		take(use("k1", 4, 9))
		must(t, s.SetGauge(ctx, acme, "agents", 1, t0))
		take(use("k2", 1, 9))
		calls := use("k3", 5, 90)
		calls.Resource, calls.Gauge, calls.Start = "calls", false, november
		take(calls)
		calls.Key, calls.Quantity = "k4", 7
		take(calls)
		calls.Key, calls.At = "k5", t0.Add(15*time.Hour)
		take(calls)
		today, tomorrow := time.Time(dayOf(t0)), time.Time(dayOf(t0)).AddDate(0, 0, 1)
		want := []billing.UsageDay{
			{Resource: "agents", Day: today, Value: 4, Closing: 2},
			{Resource: "calls", Day: today, Value: 12, Closing: 12},
			{Resource: "calls", Day: tomorrow, Value: 7, Closing: 7},
		}
		same(t, "days", ok(s.UsageDays(ctx, acme, t0))(t), want)
		same(t, "days from tomorrow, and the line before", ok(s.UsageDays(ctx, acme, tomorrow))(t), want)
		same(t, "another org's days", ok(s.UsageDays(ctx, other, t0))(t), []billing.UsageDay(nil))
		same(t, "counted", s.used(t, "calls"), int64(19))
		must(t, s.PutUsageDays(ctx, acme, []billing.UsageDay{{Resource: "agents", Day: t0, Value: 9, Closing: 3}}))
		same(t, "brought along", ok(s.UsageDays(ctx, acme, t0))(t)[0], billing.UsageDay{Resource: "agents", Day: today, Value: 9, Closing: 3})
	})
}

// TestConsumeRaces: at the last of the cap, and at one key, exactly one wins.
func TestConsumeRaces(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		stores := []*Store{s.Store, s.Store}
		if s.engine == postgresEngine {
			stores[1] = openAt(t, s.url, Options{Clock: s.clock.Now})
		}
		race := func(key func(i int) string, limit int64) int64 {
			var won atomic.Int64
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					for n := range 10 {
						_, done, err := stores[i%2].Consume(t.Context(), use(key(10*i+n), 1, limit))
						if err != nil {
							t.Error(err)
						}
						if done {
							won.Add(1)
						}
					}
				})
			}
			wg.Wait()
			return won.Load()
		}
		same(t, "of 160 for 100", race(func(i int) string { return fmt.Sprint("own-", i) }, 100), int64(100))
		same(t, "of 160 for 20 keys", race(func(i int) string { return fmt.Sprint("shared-", i%20) }, 1000), int64(20))
		same(t, "used", s.used(t, "agents"), int64(120))
	})
}

func happened(org, key string, quantity int64, at time.Time) billing.CountedEvent {
	return billing.CountedEvent{
		UsageKey: billing.UsageKey{OrgID: org, Key: key}, Resource: "calls", Quantity: quantity, At: at,
		Start: time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC),
	}
}

func TestCountEvents(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		october := t0.AddDate(0, -1, 0)
		batch := []billing.CountedEvent{
			happened(other, "b", 3, t0), happened(acme, "b", 5, t0), happened(acme, "a", 7, t0.Add(time.Hour)), happened(acme, `"\,{}é`, 11, october),
		}
		total := func(org string, value, added int64, at time.Time) billing.WindowTotal {
			return billing.WindowTotal{OrgID: org, Resource: "calls", Start: happened(org, "", 0, at).Start, Value: value, Added: added}
		}
		totals := ok(s.CountEvents(ctx, batch))(t)
		slices.SortFunc(totals, func(a, b billing.WindowTotal) int { return cmp.Compare(a.Added, b.Added) })
		same(t, "totals", totals, []billing.WindowTotal{total(other, 3, 3, t0), total(acme, 11, 11, october), total(acme, 12, 12, t0)})
		same(t, "counted", s.used(t, "calls"), int64(12))
		days := ok(s.UsageDays(ctx, acme, october))(t)
		same(t, "days", days, []billing.UsageDay{
			{Resource: "calls", Day: time.Time(dayOf(october)), Value: 11, Closing: 11}, {Resource: "calls", Day: time.Time(dayOf(t0)), Value: 12, Closing: 12},
		})
		again := []billing.CountedEvent{happened(acme, "new", 1, t0), happened(acme, "a", 7, t0)}
		if ok(s.CountEvents(ctx, again))(t) != nil {
			t.Error("a key counted twice")
		}
		same(t, "after a refusal", s.used(t, "calls"), int64(12))
		kept := ok(s.KeptUses(ctx, []billing.UsageKey{{OrgID: acme, Key: `"\,{}é`}, {OrgID: acme, Key: "new"}}))(t)
		same(t, "kept", kept, []billing.KeptUse{{UsageKey: billing.UsageKey{OrgID: acme, Key: `"\,{}é`}, Resource: "calls", Quantity: 11}})
		same(t, "the rest", ok(s.CountEvents(ctx, again[:1]))(t), []billing.WindowTotal{total(acme, 13, 1, t0)})
		same(t, "with the rest", s.used(t, "calls"), int64(13))
	})
}

func TestTerms(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		sub := ok(s.Subscription(t.Context(), acme))(t)
		sub.State = billing.State{Status: billing.StatusActive, Plan: "pro", PeriodStart: t0, PeriodEnd: t0.AddDate(0, 1, 0)}
		ok(s.SaveState(t.Context(), sub, nil))(t)
		must(t, s.SetGiven(t.Context(), other, true, "scale"))
		must(t, s.PutOverride(t.Context(), billing.Override{ID: "ovr_1", OrgID: acme, Resource: "agents", Cap: billing.Limit{Value: 12}, Raises: true, Author: billing.Actor{Name: "Opal"}, CreatedAt: t0}))
		got := map[string]billing.Overview{}
		for _, o := range ok(s.Terms(t.Context(), []string{acme, "org_none", other, `a"b`}))(t) {
			got[o.Org.ID] = o
		}
		same(t, "terms", got, map[string]billing.Overview{
			acme: {
				Org: billing.Org{ID: acme}, Subscription: billing.Subscription{State: sub.State},
				Overrides: []billing.Override{{ID: "ovr_1", Resource: "agents", Cap: billing.Limit{Value: 12}, Raises: true}},
			},
			other: {Org: billing.Org{ID: other, DesignPartner: true, GivenPlan: "scale"}, Subscription: billing.Subscription{State: billing.State{Plan: "free"}}},
		})
	})
}

// TestOverviewWindows: whatever window is the present one, its row is read.
func TestOverviewWindows(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		sub := ok(s.Subscription(ctx, acme))(t)
		sub.State = billing.State{Status: billing.StatusActive, Plan: "pro", PeriodStart: t0.AddDate(0, 0, -9), PeriodEnd: t0.AddDate(0, 0, 21)}
		ok(s.SaveState(ctx, sub, nil))(t)
		for i, start := range []time.Time{november, sub.PeriodStart, sub.PeriodEnd, november.AddDate(0, -1, 0), t0.AddDate(0, 0, -40)} {
			must(t, s.SetUsage(ctx, acme, "calls", start, int64(i), t0))
		}
		var got []int64
		for _, u := range ok(s.Overview(ctx, acme))(t).Usage {
			got = append(got, u.Value)
		}
		same(t, "windows", got, []int64{0, 1, 2})
	})
}

func TestOverrides(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		by := billing.Actor{Kind: billing.KindHuman, ID: "op_1", Name: "Opal"}
		first := billing.Override{ID: "ovr_1", OrgID: acme, Resource: "agents", Cap: billing.Limit{Value: 12}, Raises: true, Reason: "pilot", Author: by, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour)}
		second := billing.Override{ID: "ovr_2", OrgID: acme, Resource: "agents", Cap: billing.Limit{Unlimited: true}, Reason: "more", Author: by, CreatedAt: t0.Add(time.Minute)}
		rows := billing.Override{ID: "ovr_3", OrgID: acme, Resource: "rows", Reason: "none", Author: by, CreatedAt: t0.Add(2 * time.Minute)}
		open := func() []billing.Override { return ok(s.Overview(ctx, acme))(t).Overrides }
		must(t, s.PutOverride(ctx, first))
		same(t, "open", open(), []billing.Override{{ID: "ovr_1", Resource: "agents", Cap: billing.Limit{Value: 12}, Raises: true, ExpiresAt: t0.Add(time.Hour)}})
		must(t, s.PutOverride(ctx, second))
		must(t, s.PutOverride(ctx, rows))
		same(t, "open ones", len(open()), 2)
		first.EndedAt = second.CreatedAt
		same(t, "all", ok(s.Overrides(ctx, acme))(t), []billing.Override{rows, second, first})
		if ok(s.EndOverride(ctx, other, "rows", t0))(t) || !ok(s.EndOverride(ctx, acme, "rows", t0))(t) || ok(s.EndOverride(ctx, acme, "rows", t0))(t) {
			t.Error("an open override of the org ends once")
		}
		same(t, "left", open(), []billing.Override{{ID: "ovr_2", Resource: "agents", Cap: billing.Limit{Unlimited: true}}})
		same(t, "another org's", ok(s.Overrides(ctx, other))(t), []billing.Override{})
	})
}
