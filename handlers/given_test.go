package handlers_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/web"
)

// givenRule is what a route answers to those who may, for an org whose plan is
// provided free of charge: with nothing that is paid for, and with a
// subscription that is live beside it.
type givenRule struct {
	route  string // with the query, if there is one
	need   need
	body   string // of the API; forms get what every form of ours has
	plain  outcome
	paying outcome
	agent  outcome // of agents where it pays, if not the same
}

var (
	given       = outcome{409, "design_partner"}
	read        = outcome{200, ""}
	sent        = outcome{303, ""}
	refusedPage = outcome{409, ""}
)

var givenRules = []givenRule{
	{route: "GET /api/billing", need: needRead, plain: read, paying: outcome{200, "active"}},
	{route: "POST /api/billing/upgrade", need: needAsk, body: `{"plan":"pro"}`, plain: partner, paying: partner},
	{route: "POST /api/billing/upgrade", need: needAsk, body: `{"plan":"scale","mode":"web"}`, plain: partner, paying: partner},
	{route: "POST /api/billing/upgrade", need: needAsk, body: `{}`, plain: partner, paying: partner},
	{route: "POST /api/billing/checkout", need: needAsk, body: `{}`, plain: given, paying: given},
	{route: "POST /api/billing/portal", need: needAsk, body: `{}`, plain: outcome{409, "no_customer"}, paying: read},
	{route: "POST /api/billing/downgrade", need: needAsk, body: `{"mode":"web"}`, plain: given, paying: scheduled, agent: onTheWeb},
	{route: "GET /api/billing/preview?plan=pro", need: needRead, plain: given, paying: given},
	{route: "GET /api/billing/preview?plan=scale", need: needRead, plain: given, paying: given},
	{route: "GET /api/billing/preview?plan=free", need: needRead, plain: given, paying: read},
	{route: "GET /api/billing/invoices", need: needRead, plain: read, paying: read},
	{route: "GET /api/billing/limit-requests", need: needRead, plain: read, paying: read},
	{route: "POST /api/billing/request-limit-increase", need: needWish, body: `{"kind":"agents"}`, plain: outcome{200, "logged"}, paying: outcome{200, "logged"}},
	{route: "GET /settings/billing", need: needSession, plain: read, paying: read},
	{route: "GET /settings/billing/review?plan=scale", need: needManager, plain: refusedPage, paying: refusedPage},
	{route: "GET /settings/billing/review?plan=free", need: needManager, plain: refusedPage, paying: read},
	{route: "POST /settings/billing/change", need: needManager, plain: sent, paying: sent},
	{route: "POST /settings/billing/downgrade", need: needManager, plain: refusedPage, paying: sent},
	{route: "POST /settings/billing/resume", need: needManager, plain: refusedPage, paying: sent},
	{route: "POST /settings/billing/checkout", need: needManager, plain: refusedPage, paying: refusedPage},
	{route: "POST /settings/billing/portal", need: needManager, plain: refusedPage, paying: sent},
}

// givenOrgs are the ways to a plan that is provided.
var givenOrgs = []struct {
	name string
	give func(s *billing.Service, op billing.Principal, org string) error
}{
	{"partner", func(s *billing.Service, op billing.Principal, org string) error {
		return s.SetDesignPartner(context.Background(), op, org, true, "r")
	}},
	{"override", func(s *billing.Service, op billing.Principal, org string) error {
		return s.GivePlan(context.Background(), op, org, "pro", "r")
	}},
}

// TestRoleMatrixOfGivenPlans calls every billing route as everybody, in an org
// that has its plan free of charge: by each of the two ways, with and without a
// subscription beside it. Nothing is ever charged.
func TestRoleMatrixOfGivenPlans(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	op, _ := s.SignInOperator()
	cells := 0
	for _, way := range givenOrgs {
		for _, pays := range []string{"", "pro"} {
			p := s.people(way.name+pays, pays, visa)
			suspects := s.suspects(p)
			s.ok(way.give(s.Service, op, p.Org.ID))
			paid, _ := s.paid(p)
			for _, r := range givenRules {
				s.Advance(61 * time.Second) // calls a minute
				for i, x := range suspects {
					s.tryGiven(x, p, r, pays != "", i)
					cells++
				}
			}
			if now, _ := s.paid(p); now != paid {
				t.Errorf("%s %s: %d charges, were %d", way.name, pays, now, paid)
			}
		}
	}
	t.Logf("%d cells", cells)
}

func (s *site) tryGiven(x suspect, p people, r givenRule, pays bool, n int) {
	s.t.Helper()
	want := r.plain
	if pays {
		if want = r.paying; x.class == agent || x.class == asker {
			want = either(r.agent, want)
		}
	}
	if r.route == "GET /api/billing" && want.status == 200 && strings.HasPrefix(p.Org.Name, "override") {
		want.word = "admin_override" // wins over the subscription's status
	}
	refusal, refused := denied[r.need][x.class]
	method, path, _ := strings.Cut(r.route, " ")
	c := call{as: x.caller, method: method, path: path}
	if method == http.MethodPost {
		c.kind, c.body = jsonKind, r.body
		if strings.HasPrefix(path, "/settings/") {
			at := cell{s: s, route: web.Route{Method: method, Path: path}, p: x.p, org: p, n: n}
			c.kind, c.body = formKind, fields(func(cell) url.Values { return url.Values{"plan": {"scale"}} })(at)
		}
	}
	a := s.do(c)
	if refused {
		if a.status != refusal {
			s.t.Errorf("%s (%s): %d, want %d: %.200s", a.what, x.class, a.status, refusal, a.body)
		}
		return
	}
	if got := (outcome{a.status, word(a)}); got != want {
		s.t.Errorf("%s (%s) of %s, pays %v: %v, want %v: %.300s", r.route, x.class, p.Org.Name, pays, got, want, a.body)
	}
	if sub := s.Sync(p.Org.ID); sub.CancelAtPeriodEnd {
		s.ok(s.Box.CancelAtPeriodEnd(sub.SubscriptionID, false)) // the next caller finds it as it was
		s.Sync(p.Org.ID)
	}
}

func either(a, b outcome) outcome {
	if a == (outcome{}) {
		return b
	}
	return a
}

// word is the status, or the error, of an answer in JSON.
func word(a answer) string {
	if !strings.HasPrefix(a.header.Get("Content-Type"), jsonKind) {
		return ""
	}
	v := a.object()
	if code, failed := v["error"].(string); failed {
		return code
	}
	got, _ := v["status"].(string)
	return got
}

// TestGivenPlanSummary: the given plan counts, and what is paid for beside it
// is told.
func TestGivenPlanSummary(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	op, _ := s.SignInOperator()
	free, pays := s.people("free", "", ""), s.people("pays", "pro", visa)
	for _, p := range []people{free, pays} {
		s.ok(s.Service.GivePlan(t.Context(), op, p.Org.ID, "scale", "r"))
	}
	s.post(pays.tool, "/api/billing/downgrade", "").is(200, "downgrade-scheduled")
	for _, by := range []caller{free.owner, free.member, free.tool, free.agent} {
		v := s.get(by, "/api/billing").object()
		if v["plan"] != "scale" || v["designPartner"] != true || v["status"] != "admin_override" || v["nextInvoice"] != nil || v["cancelAtPeriodEnd"] != false {
			t.Errorf("%s: %v", by.name, v)
		}
	}
	v := s.get(pays.agent, "/api/billing").object()
	changes, ok := v["scheduledChanges"].([]any)
	if !ok || len(changes) != 1 || v["plan"] != "scale" || v["status"] != "admin_override" || v["cancelAtPeriodEnd"] != true {
		t.Fatalf("%v", v)
	}
	if c, ok := changes[0].(map[string]any); !ok || c["kind"] != "downgrade" || c["plan"] != "scale" {
		t.Errorf("what follows: %v", changes[0])
	}
	if used, ok := v["usage"].(map[string]any)["agents"].(map[string]any); !ok || used["cap"] != float64(30) {
		t.Errorf("agents: %v", v["usage"])
	}
}

// TestStopPayingWithAGivenPlan is the owner's way on the pages: what is charged,
// the review, the press, and Undo.
func TestStopPayingWithAGivenPlan(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	op, _ := s.SignInOperator()
	s.ok(s.Service.SetDesignPartner(t.Context(), op, p.Org.ID, true, "r"))
	says := func(path string, yes, no string) answer {
		t.Helper()
		a := s.get(p.owner, path)
		if a.status != 200 || !strings.Contains(a.body, yes) || strings.Contains(a.body, no) {
			t.Fatalf("%s: %d says %q or not %q: %s", path, a.status, no, yes, a.body)
		}
		return a
	}
	a := says("/settings/billing", "You still pay for a subscription to Pro", "No card needed")
	if !strings.Contains(a.body, "Provided free of charge.") || !strings.Contains(a.body, "$19.00 is charged on 2 April 2026.") {
		t.Errorf("%s", a.body)
	}
	review := says("/settings/billing/review?plan=free", "End it on 2 April", "You keep Pro")
	done := s.submit(p.owner, "/settings/billing/downgrade", review.formsTo("/settings/billing/downgrade")[0])
	if done.status != 303 || !s.Sync(p.Org.ID).CancelAtPeriodEnd {
		t.Fatalf("%d %s", done.status, done.body)
	}
	ended := says(done.header.Get("Location"), "The subscription to Pro ends on 2 April 2026", "moves to Free")
	undone := s.submit(p.owner, "/settings/billing/resume", ended.formsTo("/settings/billing/resume")[0])
	if undone.status != 303 || s.Sync(p.Org.ID).CancelAtPeriodEnd {
		t.Fatalf("%d %s", undone.status, undone.body)
	}
	says(undone.header.Get("Location"), "The subscription to Pro goes on", "Subscription to Pro ends")
}
