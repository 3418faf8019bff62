package db

import (
	"testing"
)

func TestFill(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.SetUsage(ctx, acme, "rows", november, 7, t0))
		must(t, s.Fill(ctx, acme, []string{"org_b", "org_a"}))
		must(t, s.Settle(ctx))
		like := ok(s.Overview(ctx, acme))(t)
		for _, id := range []string{"org_a", "org_b"} {
			o := ok(s.Overview(ctx, id))(t)
			same(t, id, []any{o.Usage, o.Subscription.Plan, len(ok(s.Members(ctx, id))(t))}, []any{like.Usage, like.Subscription.Plan, 1})
		}
	})
}
