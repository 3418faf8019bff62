package db

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func limitRequest(id, org, kind string) billing.LimitRequest {
	return billing.LimitRequest{
		ID: id, OrgID: org, Kind: kind, Plan: "free", Desired: 20, Reason: "more tests", Asker: billing.Actor{Kind: billing.KindAgent, ID: "agt_1", Name: "bot"},
		Asks: 1, State: billing.LimitOpen, CreatedAt: t0, AskedAt: t0,
	}
}

func TestLimitRequestJoins(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		first := limitRequest("lir_1", acme, "agents")
		same(t, "stored", ok(s.PutLimitRequest(ctx, first))(t), first)
		again := limitRequest("lir_2", acme, "agents")
		again.Desired, again.Reason, again.Plan, again.AskedAt = 0, "", "pro", t0.Add(time.Hour)
		again.Asker = billing.Actor{Kind: billing.KindHuman, ID: "usr_1", Name: "Ada"}
		joined := first
		joined.Asks, joined.Plan, joined.AskedAt, joined.Asker = 2, "pro", again.AskedAt, again.Asker
		same(t, "joined, what is not said stays", ok(s.PutLimitRequest(ctx, again))(t), joined)
		again.Desired, again.Reason = 50, "newer"
		joined.Asks, joined.Desired, joined.Reason = 3, 50, "newer"
		same(t, "joined, newer words", ok(s.PutLimitRequest(ctx, again))(t), joined)
		same(t, "another kind", ok(s.PutLimitRequest(ctx, limitRequest("lir_3", acme, "rows")))(t).ID, "lir_3")
		same(t, "another org", ok(s.PutLimitRequest(ctx, limitRequest("lir_4", other, "agents")))(t).ID, "lir_4")
		list := ok(s.LimitRequests(ctx, acme, "", 10))(t)
		if len(list) != 2 || list[0].ID != "lir_3" || list[1].ID != "lir_1" {
			t.Errorf("acme's requests: %+v", list)
		}
		if page := ok(s.LimitRequests(ctx, acme, "lir_3", 10))(t); len(page) != 1 || page[0].ID != "lir_1" {
			t.Errorf("the second page: %+v", page)
		}
		if foreign := ok(s.LimitRequests(ctx, acme, "lir_4", 10))(t); len(foreign) != 0 {
			t.Errorf("before another org's: %+v", foreign)
		}
	})
}
