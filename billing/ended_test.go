package billing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestEndsAreRecorded: that a request was replaced, or that nobody answered it, is
// in the audit log once, whoever notices and however often.
func TestEndsAreRecorded(t *testing.T) {
	for _, tc := range []struct {
		name  string
		do    func(w *worldtest.World, c worldtest.Cast)
		event string
		by    billing.Actor // its kind and name
	}{
		{"replaced", func(w *worldtest.World, c worldtest.Cast) {
			asked(t, w.Service, c.Agent, onWeb(upgrade("giant")))
		}, "approval.superseded", billing.Actor{Kind: billing.KindAgent, Name: "deploy-bot"}},
		{"time ran out", func(w *worldtest.World, _ worldtest.Cast) {
			noError(t, w.Box.Advance(24*time.Hour))
			noError(t, w.Service.Expire(ctx))
		}, "approval.expired", billing.Actor{Kind: billing.KindSystem, Name: "Countersign"}},
		{"noticed by the next ask", func(w *worldtest.World, c worldtest.Cast) {
			noError(t, w.Box.Advance(24*time.Hour))
			asked(t, w.Service, c.Agent, onWeb(upgrade("giant")))
		}, "approval.expired", billing.Actor{Kind: billing.KindSystem, Name: "Countersign"}},
	} {
		for _, postgres := range []bool{false, true} {
			t.Run(tc.name+map[bool]string{true: "/PostgreSQL", false: "/SQLite"}[postgres], func(t *testing.T) {
				w, _, c := seamed(t, "pro", worldtest.Options{Postgres: postgres, Catalog: threePlans(t)})
				id := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval.ID
				tc.do(w, c)
				noError(t, w.Service.Expire(ctx))
				list, err := w.Service.Activity(ctx, c.Owner, billing.ActivityFilter{Limit: 50})
				noError(t, err)
				var events []string
				for _, e := range slices.Backward(list) {
					if e.Subject != id {
						continue
					}
					if events = append(events, e.Event); e.Event == tc.event && (e.Actor.Kind != tc.by.Kind || e.Actor.Name != tc.by.Name) {
						t.Errorf("ended by %+v", e.Actor)
					}
				}
				if want := []string{"approval.requested", tc.event}; !slices.Equal(events, want) {
					t.Errorf("recorded %q, want %q", events, want)
				}
			})
		}
	}
}
