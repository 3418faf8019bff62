package db

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestOperatorAccess(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		l := billing.SignInLink{Hash: []byte("link"), Email: "op@host.test", CreatedAt: t0, ExpiresAt: t0.Add(time.Minute)}
		must(t, s.InsertOperatorLink(ctx, l))
		same(t, "link", ok(s.OperatorLink(ctx, l.Hash, t0))(t), l)
		_, err := s.SignInLink(ctx, l.Hash, t0)
		missing(t, "the link among those of orgs", err)
		_, err = s.UseOperatorLink(ctx, l.Hash, l.ExpiresAt)
		missing(t, "a link that has expired", err)
		same(t, "used", ok(s.UseOperatorLink(ctx, l.Hash, t0))(t).Email, l.Email)
		_, err = s.UseOperatorLink(ctx, l.Hash, t0)
		missing(t, "a link that was used", err)

		ses := billing.OperatorSession{ID: "ops_1", Hash: []byte("session"), Email: l.Email, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour)}
		must(t, s.InsertOperatorSession(ctx, ses))
		same(t, "session", ok(s.OperatorSession(ctx, ses.Hash, t0))(t), ses)
		_, _, err = s.SessionPrincipal(ctx, ses.Hash, t0, t0)
		missing(t, "the session among those of orgs", err)
		_, err = s.OperatorSession(ctx, ses.Hash, ses.ExpiresAt)
		missing(t, "a session that is over", err)
		must(t, s.RevokeOperatorSession(ctx, ses.ID, t0))
		_, err = s.OperatorSession(ctx, ses.Hash, t0)
		missing(t, "a session that is revoked", err)

		later := t0.Add(40 * 24 * time.Hour)
		must(t, s.InsertOperatorSession(ctx, billing.OperatorSession{ID: "ops_2", Hash: []byte("2"), Email: "e", CreatedAt: later, ExpiresAt: later}))
		must(t, s.InsertOperatorLink(ctx, billing.SignInLink{Hash: []byte("2"), Email: "e", CreatedAt: later, ExpiresAt: later}))
		for _, table := range []string{"operator_links", "operator_sessions"} {
			if n := ok(one(ctx, s.queries, scalar[int], `SELECT count(*) FROM `+table))(t); n != 1 {
				t.Errorf("%s keeps %d rows, want the new one", table, n)
			}
		}
	})
}

func TestLimitSignals(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		if got := ok(s.LimitSignals(ctx))(t); len(got) != 0 {
			t.Errorf("of nothing: %v", got)
		}
		for i, desired := range []int64{40, 0, 10, 21, 0} {
			org := "org_" + string(rune('a'+i))
			must(t, s.InsertOrg(ctx, billing.Org{ID: org, Name: org, CreatedAt: t0}, "free"))
			r := limitRequest("lir_"+org, org, "agents")
			r.Desired, r.CreatedAt = desired, t0.Add(time.Duration(i)*time.Minute)
			ok(s.PutLimitRequest(ctx, r))(t)
			r.Desired = 0
			ok(s.PutLimitRequest(ctx, r))(t)
		}
		for i, desired := range []int64{5, 8} {
			r := limitRequest("lir_rows"+string(rune('a'+i)), "org_"+string(rune('a'+i)), "rows")
			r.Desired, r.CreatedAt = desired, t0
			ok(s.PutLimitRequest(ctx, r))(t)
		}
		r := limitRequest("lir_other", "org_a", "other")
		r.Desired, r.Plan = 0, "pro"
		ok(s.PutLimitRequest(ctx, r))(t)
		want := []billing.LimitSignal{
			{Kind: "agents", Plan: "free", Orgs: 5, Asks: 10, Median: 21, Oldest: t0},
			{Kind: "rows", Plan: "free", Orgs: 2, Asks: 2, Median: 6, Oldest: t0},
			{Kind: "other", Plan: "pro", Orgs: 1, Asks: 1, Oldest: t0},
		}
		same(t, "signals", ok(s.LimitSignals(ctx))(t), want)

		page := ok(s.OpenLimits(ctx, "agents", "free", "", 2))(t)
		if len(page) != 2 || page[0].ID != "lir_org_a" || page[0].OrgName != "org_a" || page[1].ID != "lir_org_b" {
			t.Errorf("the first page: %v", page)
		}
		if page = ok(s.OpenLimits(ctx, "agents", "free", "lir_org_b", 10))(t); len(page) != 3 || page[0].ID != "lir_org_c" {
			t.Errorf("the second page: %v", page)
		}
		a := billing.LimitAnswer{By: billing.Actor{Kind: billing.KindOperator, ID: "opr_1"}, At: t0, Reason: "yes", Resource: "agents", Cap: billing.Limit{Value: 9}, Until: t0.Add(time.Hour)}
		if ok(s.AnswerLimit(ctx, "org_b", "lir_org_a", billing.LimitGranted, a))(t) {
			t.Error("another org's request was answered")
		}
		if !ok(s.AnswerLimit(ctx, "org_a", "lir_org_a", billing.LimitGranted, a))(t) || ok(s.AnswerLimit(ctx, "org_a", "lir_org_a", billing.LimitDeclined, a))(t) {
			t.Error("a request is answered once")
		}
		got := ok(s.LimitCase(ctx, "lir_org_a"))(t)
		same(t, "answer", *got.Answer, a)
		same(t, "state", got.State, billing.LimitGranted)
		same(t, "signals without it", ok(s.LimitSignals(ctx))(t)[0].Median, int64(15))
		fresh := limitRequest("lir_new", "org_a", "agents")
		same(t, "a new one after the answer", ok(s.PutLimitRequest(ctx, fresh))(t).ID, "lir_new")
		_, err := s.LimitCase(ctx, "lir_none")
		missing(t, "no request", err)
	})
}

func TestFindOrgs(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for id, name := range map[string]string{"org_1": "Beta", "org_2": "alpha", "org_3": "ALPHA two", "org_4": "100%", "org_5": "alpha"} {
			must(t, s.InsertOrg(ctx, billing.Org{ID: id, Name: name, CreatedAt: t0}, "free"))
		}
		find := func(text string, after *billing.Org, limit int) string {
			var ids []string
			for _, l := range ok(s.FindOrgs(ctx, text, after, limit))(t) {
				ids = append(ids, l.Org.ID)
			}
			return strings.Join(ids, " ")
		}
		same(t, "a name", find("Alpha", nil, 10), "org_2 org_5 org_3")
		same(t, "the first page", find("alpha", nil, 2), "org_2 org_5")
		after := ok(s.Org(ctx, "org_5"))(t)
		same(t, "the second page", find("alpha", &after, 2), "org_3")
		same(t, "an id", find("org_1", nil, 10), "org_1")
		same(t, "no pattern", find("%", nil, 10), "")
		same(t, "as it is", find("100%", nil, 10), "org_4")
		if all := find("", nil, 10); !strings.HasPrefix(all, "org_4 ") || len(strings.Fields(all)) != 7 {
			t.Errorf("all: %s", all)
		}
		// Names come first, then ids, and no org twice, however the pages fall.
		for id, name := range map[string]string{"al_1": "zoo", "al_2": "Alba", "al_3": "aardvark", "al_4": "al_1"} {
			must(t, s.InsertOrg(ctx, billing.Org{ID: id, Name: name, CreatedAt: t0}, "free"))
		}
		for text, want := range map[string]string{"al": "al_4 al_2 org_2 org_5 org_3 al_1 al_3", "al_": "al_4 al_1 al_2 al_3", "AL_": "al_4"} {
			same(t, text, find(text, nil, 10), want)
			for size := 1; size < 4; size++ {
				var pages []string
				for last := (*billing.Org)(nil); ; {
					page := ok(s.FindOrgs(ctx, text, last, size))(t)
					for _, l := range page {
						pages = append(pages, l.Org.ID)
					}
					if len(page) < size {
						break
					}
					last = &page[size-1].Org
				}
				same(t, fmt.Sprintf("%s by %d", text, size), strings.Join(pages, " "), want)
			}
		}
		if s.engine == sqliteEngine {
			for text, index := range map[string]string{findByName: "orgs_search_name (<expr>>? AND <expr><?)", findByID: "sqlite_autoindex_orgs_1 (id>? AND id<?)"} {
				plan := strings.Join(ok(many(ctx, s.queries, planFields, `EXPLAIN QUERY PLAN `+text, "al", lastRune, "", "", 10))(t), "\n")
				if !strings.Contains(plan, "INDEX "+index) || strings.Contains(plan, "SCAN") || strings.Contains(plan, "B-TREE") {
					t.Errorf("does not go along %s:\n%s", index, plan)
				}
			}
		}
		l := ok(s.FindOrgs(ctx, "beta", nil, 1))(t)[0]
		same(t, "plan", l.Plan, "free")
	})
}

// planFields are the columns of EXPLAIN QUERY PLAN, of which the last is text.
func planFields(line *string) []any { return []any{new(any), new(any), new(any), line} }

func TestSetGiven(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		before := ok(s.Subscription(ctx, acme))(t)
		must(t, s.SetGiven(ctx, acme, true, "pro"))
		org := ok(s.Org(ctx, acme))(t)
		same(t, "given", [2]any{org.DesignPartner, org.GivenPlan}, [2]any{true, "pro"})
		after := ok(s.Subscription(ctx, acme))(t)
		same(t, "versions", [2]int64{after.Version, after.RowVersion}, [2]int64{before.Version + 1, before.RowVersion + 1})
		must(t, s.SetGiven(ctx, acme, false, ""))
		if org = ok(s.Org(ctx, acme))(t); org.Complimentary() {
			t.Errorf("taken back: %+v", org)
		}
		same(t, "another org", ok(s.Org(ctx, other))(t).GivenPlan, "")
	})
}

func TestPausedKeys(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		if got := ok(s.PausedKeys(ctx, acme))(t); len(got) != 0 {
			t.Errorf("none is paused: %v", got)
		}
		must(t, s.PauseCredential(ctx, acme, key, t0))
		if got := ok(s.PausedKeys(ctx, acme))(t); len(got) != 1 || got[0].ID != key {
			t.Errorf("paused: %v", got)
		}
		if got := ok(s.PausedKeys(ctx, other))(t); len(got) != 0 {
			t.Errorf("another org: %v", got)
		}
		must(t, s.RevokeCredential(ctx, acme, key, t0))
		if got := ok(s.PausedKeys(ctx, acme))(t); len(got) != 0 {
			t.Errorf("revoked: %v", got)
		}
	})
}
