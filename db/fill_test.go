package db

import (
	"slices"
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

// Hashes of keys that are made up are as many as the ids, in their order and over
// the whole range.
func TestHashLike(t *testing.T) {
	ids := []string{"org_00zz", "org_7zzz", "org_8000", "org_8001", "org_zzzzzzzz", "org_zzzzzzzzz"}
	var hashes []string
	for _, id := range ids {
		hashes = append(hashes, hashLike(id))
	}
	if !slices.IsSorted(hashes) || len(slices.Compact(hashes)) != len(ids) {
		t.Errorf("not in order, or some twice: %q", hashes)
	}
	if hashes[0][:2] != "00" || hashes[2][:2] != "40" || hashes[4][:4] != "ffff" || len(hashes[0]) != 64 {
		t.Errorf("not even: %q", hashes)
	}
}
