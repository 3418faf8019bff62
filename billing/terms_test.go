package billing_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// limitsOf are the limits of a resource day by day, and what changed them.
func limitsOf(t *testing.T, w *worldtest.World, p billing.Principal, resource string, days int) string {
	t.Helper()
	list, err := w.Service.UsageHistory(ctx, p, days)
	noError(t, err)
	var out []string
	say := func(l billing.Limit) string {
		if l.Unlimited {
			return "none"
		}
		return fmt.Sprint(l.Value)
	}
	for _, h := range list {
		if h.Resource.ID != resource {
			continue
		}
		for i, d := range h.Days {
			out = append(out, d.Day.Format("2.1.=")+say(h.Limits[i]))
		}
		for _, c := range h.Changes {
			out = append(out, fmt.Sprintf("[%s %s+%d→%s+%d %s→%s]", c.At.Format("2.1. 15:04"), c.FromPlan.ID, c.FromPlan.Additional, c.ToPlan.ID, c.ToPlan.Additional, say(c.From), say(c.To)))
		}
	}
	return strings.Join(out, " ")
}

// TestLimitOfEachDay: the limit follows plans, limits of the org's own and their
// ends, each from the moment on at which it counted.
func TestLimitOfEachDay(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, other, host := w.NewCast("acme", "pro", visa), w.NewCast("zebra", "pro", visa), hostApp(w)
	s := w.Service
	for _, p := range []billing.Principal{c.Owner, other.Owner} {
		_, err := s.SetUsage(ctx, host, p.OrgID, "agents", 4)
		noError(t, err)
	}
	day := func() { w.Advance(24 * time.Hour) }
	day() // 3.3.
	propose(t, s, c.Owner, upgrade("scale"), billing.StatusSwitched, nil)
	day() // 4.3.
	op := billing.Actor{Kind: billing.KindOperator, Name: "op"}
	_, err := s.Override(ctx, op, c.Org.ID, "agents", billing.Limit{Value: 40}, "a fair", w.Box.Now().Add(36*time.Hour))
	noError(t, err)
	day() // 5.3.
	day() // 6.3.: it has run out at midnight
	_, err = s.Override(ctx, op, c.Org.ID, "agents", billing.Limit{Unlimited: true}, "a party", time.Time{})
	noError(t, err)
	w.Advance(time.Hour)
	noError(t, s.EndOverride(ctx, op, c.Org.ID, "agents"))
	_, err = s.Override(ctx, op, c.Org.ID, "rows", billing.Limit{Value: 1}, "another resource", time.Time{})
	noError(t, err)
	want := "2.3.=10 3.3.=30 4.3.=40 5.3.=40 6.3.=30 " +
		"[2.3. 12:00 free+0→pro+0 3→10] [3.3. 12:00 pro+0→scale+0 10→30] [4.3. 12:00 scale+0→scale+0 30→40] [6.3. 00:00 scale+0→scale+0 40→30] " +
		"[6.3. 12:00 scale+0→scale+0 30→none] [6.3. 13:00 scale+0→scale+0 none→30]"
	if got := limitsOf(t, w, c.Owner, "agents", 30); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	_, last, _ := strings.Cut(want, "[6.3. 00:00")
	if got, want := limitsOf(t, w, c.Member, "agents", 2), "5.3.=40 6.3.=30 [6.3. 00:00"+last; got != want {
		t.Errorf("of two days: got  %s\nwant %s", got, want)
	}
	if got, want := limitsOf(t, w, other.Owner, "agents", 30), "2.3.=10 3.3.=10 4.3.=10 5.3.=10 6.3.=10 [2.3. 12:00 free+0→pro+0 3→10]"; got != want {
		t.Errorf("another org has %s", got)
	}
}

// TestLimitOfUnits: so do the limits that come from units, and a plan that an
// operator gives wins over both.
func TestLimitOfUnits(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{Catalog: "capacity"})
	c := w.NewCast("acme", "solo", visa)
	s, host := w.Service, hostApp(w)
	_, err := s.SetUsage(ctx, host, c.Org.ID, "retained_bundle_cap", 4)
	noError(t, err)
	w.Advance(24 * time.Hour)
	_, err = s.Propose(ctx, c.Owner, increase(2))
	noError(t, err)
	w.Advance(24 * time.Hour)
	op := billing.Principal{Actor: billing.Actor{Kind: billing.KindOperator, Name: "op"}}
	noError(t, s.GivePlan(ctx, op, c.Org.ID, "team", "a friend"))
	want := "2.3.=900 3.3.=1500 4.3.=3000 [2.3. 12:00 free+0→solo+0 150→900] [3.3. 12:00 solo+0→solo+2 900→1500] [4.3. 12:00 solo+2→team+0 1500→3000]"
	if got := limitsOf(t, w, c.Owner, "retained_bundle_cap", 30); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestLimitOfALostPlan: of the time before a plan that the catalogue has lost, the
// present one is all that is known.
func TestLimitOfALostPlan(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, host := w.NewCast("acme", "pro", visa), hostApp(w)
	_, err := w.Service.SetUsage(ctx, host, c.Org.ID, "agents", 4)
	noError(t, err)
	w.Advance(24 * time.Hour)
	noError(t, w.Store.Audit(ctx, billing.AuditEvent{
		ID: "evt_1", OrgID: c.Org.ID, At: w.Box.Now(), Event: billing.EventPlanInForce, Facts: map[string]any{"from": "gone", "to": "pro"},
	}))
	if got, want := limitsOf(t, w, c.Owner, "agents", 30), "2.3.=10 3.3.=10"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
