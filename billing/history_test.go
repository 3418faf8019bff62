package billing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestUsageHistory: every day has its line once there is a first; a gauge stays
// what it was, a counter that nobody used is nothing.
func TestUsageHistory(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, other, host := w.NewCast("acme", "pro", visa), w.NewCast("zebra", "", ""), hostApp(w)
	s := w.Service
	set := func(n int64) {
		t.Helper()
		_, err := s.SetUsage(ctx, host, c.Org.ID, "agents", n)
		noError(t, err)
	}
	events := func(key string, n int64, at time.Time) {
		t.Helper()
		r, err := s.ReportEvents(ctx, host, []billing.UsageEvent{{UsageKey: billing.UsageKey{OrgID: c.Org.ID, Key: key}, Resource: "api_calls", Quantity: n, At: at}})
		if noError(t, err); r.Accepted != 1 {
			t.Errorf("%+v", r)
		}
	}
	history := func(p billing.Principal, resource, days int) string {
		t.Helper()
		list, err := s.UsageHistory(ctx, p, days)
		noError(t, err)
		out := ""
		for _, d := range list[resource].Days {
			out += fmt.Sprint(d.Day.Format("2.1."), d.Value, "/", d.Closing, " ")
		}
		return out
	}
	const agents, apiCalls = 0, 4
	set(4)
	set(7)
	set(5)
	events("a", 10, time.Time{})
	events("b", 5, w.Box.Now().AddDate(0, 0, -2)) // 28 February
	w.Advance(2 * 24 * time.Hour)
	set(2)
	events("c", 1, time.Time{})
	w.Advance(24 * time.Hour)
	for _, tc := range []struct{ got, want string }{
		{history(c.Owner, agents, 7), "2.3.7/5 3.3.5/5 4.3.5/2 5.3.2/2 "},
		{history(c.Agent, agents, 2), "4.3.5/2 5.3.2/2 "},
		{history(c.Owner, agents, 1), "5.3.2/2 "},
		{history(c.Member, apiCalls, 7), "28.2.5/5 1.3.0/0 2.3.10/10 3.3.0/0 4.3.1/1 5.3.0/0 "},
		{history(other.Owner, agents, 7), ""},
	} {
		if tc.got != tc.want {
			t.Errorf("%q, want %q", tc.got, tc.want)
		}
	}
	a, err := s.Check(ctx, host, c.Org.ID, "api_calls", 1)
	if noError(t, err); a.Active != 11 {
		t.Errorf("March counts %d", a.Active)
	}
	_, err = s.UsageHistory(ctx, host, 7)
	fails(t, err, billing.ErrForbidden)
	for _, days := range []int{0, -1, 401} {
		_, err = s.UsageHistory(ctx, c.Owner, days)
		fails(t, err, billing.ErrInvalid)
	}
	asker, _ := w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: c.Org.ID, Name: "asker", Scopes: []string{billing.ScopeRequest}})
	_, err = s.UsageHistory(ctx, asker, 7)
	fails(t, err, billing.ErrScope)
}

// TestPrune deletes what has served its time, and a key no earlier than a retry
// with it would be refused for its age.
func TestPrune(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{OnDisk: true})
	c, host := w.NewCast("acme", "pro", visa), hostApp(w)
	s := w.Service
	first := billing.UsageEvent{UsageKey: billing.UsageKey{OrgID: c.Org.ID, Key: "first"}, Resource: "api_calls", Quantity: 1, At: w.Box.Now()}
	report := func() string {
		t.Helper()
		r, err := s.ReportEvents(ctx, host, []billing.UsageEvent{first})
		noError(t, err)
		return fmt.Sprint(r.Accepted, r.Duplicate, len(r.Rejected))
	}
	if got := report(); got != "1 0 0" {
		t.Fatal(got)
	}
	_, err := s.SetUsage(ctx, host, c.Org.ID, "agents", 3)
	noError(t, err)
	w.Advance(35 * 24 * time.Hour)
	noError(t, s.Prune(ctx))
	if got := report(); got != "0 1 0" {
		t.Errorf("after 35 days the retry is %s", got)
	}
	w.Advance(24*time.Hour + time.Microsecond)
	if got := report(); got != "0 0 1" {
		t.Errorf("after 36 days the retry is %s", got)
	}
	noError(t, s.Prune(ctx))
	kept, err := w.Store.KeptUses(ctx, []billing.UsageKey{first.UsageKey})
	if noError(t, err); len(kept) != 0 {
		t.Errorf("the key is still there: %+v", kept)
	}
	w.Advance(365 * 24 * time.Hour)
	noError(t, s.Prune(ctx))
	days, err := w.Store.UsageDays(ctx, c.Org.ID, worldtest.Start)
	if noError(t, err); len(days) != 0 {
		t.Errorf("lines of a year ago: %+v", days)
	}
	sum, err := s.Summary(ctx, c.Owner)
	if noError(t, err); sum.Usage[0].Active != 3 {
		t.Errorf("the gauge is %+v", sum.Usage[0])
	}
}
