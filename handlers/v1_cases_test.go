package handlers_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// unitsCase is one call of the second API in one state, and what it answers.
type unitsCase struct {
	state, verb, body string
	want              outcome
	details           string // of an error
	billing           string // in the answer of what was done
}

var (
	increased     = outcome{200, "capacity-increased"}
	reductionSet  = outcome{200, "capacity-reduction-scheduled"}
	reductionGone = outcome{200, "capacity-reduction-canceled"}
	trialStarted  = outcome{200, "trial-started"}
	noSub         = outcome{409, "no_subscription"}
	noReduction   = outcome{409, "no_pending_reduction"}
	noTrial       = outcome{409, "trial_not_available"}
	convertFirst  = outcome{409, "trial_conversion_required"}
	outOfRange    = outcome{400, "target_out_of_range"}
	partnerHas    = outcome{409, "design_partner"}
)

var unitsCases = []unitsCase{
	{state: "free", verb: "increase", body: target(5), want: noSub},
	{state: "solo", verb: "increase", body: target(5), want: increased, billing: `{"capacity_units":{"total":8,"additional_purchased":5}}`},
	{state: "solo", verb: "increase", body: target(99), want: increased, billing: `{"capacity_units":{"total":102,"additional_purchased":99},"allowances":{"retained_bundle_cap":{"used":0,"limit":30600}}}`},
	{state: "solo", verb: "increase", body: target(0), want: outcome{409, "target_not_greater"}, details: `{"target":0,"current":0}`},
	{state: "solo 5", verb: "increase", body: target(5), want: outcome{409, "target_not_greater"}, details: `{"target":5,"current":5}`},
	{state: "solo 5", verb: "increase", body: target(3), want: outcome{409, "target_not_greater"}, details: `{"target":3,"current":5}`},
	{state: "solo 5", verb: "increase", body: target(100), want: outOfRange, details: `{"target":100,"max":99,"field":"target_additional_capacity_units"}`},
	{state: "solo 5", verb: "increase", body: target(-1), want: outOfRange},
	{state: "reducing", verb: "increase", body: target(7), want: outcome{409, "reduction_pending"}, details: `{"effectiveAt":"2026-04-02T12:00:00Z"}`},
	{state: "reducing", verb: "increase", body: target(5), want: outcome{409, "target_not_greater"}},
	{state: "ending", verb: "increase", body: target(7), want: outcome{409, "downgrade_scheduled"}, details: `{"effectiveAt":"2026-04-02T12:00:00Z"}`},
	{state: "trial", verb: "increase", body: target(5), want: convertFirst, details: `{"ends_at":"2026-04-01T12:00:00Z"}`},
	{state: "trial", verb: "increase", body: target(100), want: convertFirst},
	{state: "partner", verb: "increase", body: target(5), want: partnerHas},
	{state: "foreign", verb: "increase", body: target(7), want: outcome{409, "scheduled_at_stripe"}},

	{state: "free", verb: "reduce", body: target(0), want: noSub},
	{state: "solo", verb: "reduce", body: target(0), want: outcome{409, "target_not_lower"}, details: `{"target":0,"current":0}`},
	{state: "solo 5", verb: "reduce", body: target(5), want: outcome{409, "target_not_lower"}, details: `{"target":5,"current":5}`},
	{state: "solo 5", verb: "reduce", body: target(6), want: outcome{409, "target_not_lower"}, details: `{"target":6,"current":5}`},
	{state: "solo 5", verb: "reduce", body: target(100), want: outOfRange},
	{state: "solo 5", verb: "reduce", body: target(-1), want: outOfRange},
	{state: "solo 5", verb: "reduce", body: target(1), want: reductionSet, billing: `{"capacity_units":{"total":8,"pending_reduction":{"additional_purchased":1,"total":4,"effective_at":"2026-04-02T12:00:00Z"}}}`},
	{state: "solo 5", verb: "reduce", body: target(0), want: reductionSet, billing: `{"capacity_units":{"total":8,"pending_reduction":{"additional_purchased":0,"total":3,"effective_at":"2026-04-02T12:00:00Z"}}}`},
	{state: "reducing", verb: "reduce", body: target(2), want: reductionSet, billing: `{"capacity_units":{"total":8,"pending_reduction":{"additional_purchased":2,"total":5,"effective_at":"2026-04-02T12:00:00Z"}}}`},
	{state: "reducing", verb: "reduce", body: target(1), want: reductionSet, billing: `{"capacity_units":{"total":8,"pending_reduction":{"additional_purchased":1,"total":4,"effective_at":"2026-04-02T12:00:00Z"}}}`},
	{state: "ending", verb: "reduce", body: target(1), want: outcome{409, "downgrade_scheduled"}},
	{state: "trial", verb: "reduce", body: target(0), want: convertFirst},
	{state: "partner", verb: "reduce", body: target(0), want: partnerHas},
	{state: "foreign", verb: "reduce", body: target(1), want: outcome{409, "scheduled_at_stripe"}},

	{state: "free", verb: "keep", want: noSub},
	{state: "solo 5", verb: "keep", want: noReduction},
	{state: "reducing", verb: "keep", want: reductionGone, billing: `{"capacity_units":{"total":8,"additional_purchased":5,"pending_reduction":null}}`},
	{state: "ending", verb: "keep", want: noReduction},
	{state: "trial", verb: "keep", want: convertFirst},
	{state: "partner", verb: "keep", want: partnerHas},
	{state: "foreign", verb: "keep", want: noReduction},

	{state: "free", verb: "trial", body: `{"target_plan":"solo"}`, want: trialStarted, billing: `{"plan":"solo","billing_state":"trialing","trial":{"active":true,"days_remaining":30}}`},
	{state: "free", verb: "trial", body: `{"target_plan":"team"}`, want: trialStarted, billing: `{"plan":"team","billing_state":"trialing","capacity_units":{"total":10}}`},
	{state: "free", verb: "trial", body: `{"target_plan":"free"}`, want: noTrial},
	{state: "free", verb: "trial", body: `{"target_plan":"gold"}`, want: unknown},
	{state: "solo", verb: "trial", body: `{"target_plan":"team"}`, want: noTrial},
	{state: "trial", verb: "trial", body: `{"target_plan":"solo"}`, want: noTrial, details: `{"used_at":"2026-03-02T12:00:00Z"}`},
	{state: "partner", verb: "trial", body: `{"target_plan":"solo"}`, want: noTrial},
}

// unitsState makes an org of the capacity catalogue where a case begins.
func (s *site) unitsState(name, org string) people {
	s.t.Helper()
	switch name {
	case "free":
		return s.people(org, "", "")
	case "partner":
		return s.state("partner", org)
	case "solo":
		return s.people(org, "solo", visa)
	case "trial":
		p := s.people(org, "", "")
		s.post(p.tool, pathTrialAPI, `{"target_plan":"solo"}`).is(200, "trial-started")
		return p
	}
	p := s.holding(org, "solo", 5)
	switch name {
	case "reducing":
		s.post(p.tool, pathReduce, target(1)).is(200, "capacity-reduction-scheduled")
	case "ending":
		s.post(p.tool, "/api/billing/downgrade", "").is(200, "downgrade-scheduled")
	case "foreign":
		s.ScheduleAtStripe(s.Sync(p.Org.ID).SubscriptionID)
		s.Sync(p.Org.ID)
	}
	return p
}

// call makes the case's call, with what an agent says besides.
func (c unitsCase) call(as caller, more string) call {
	body := c.body
	switch {
	case more != "" && body == "":
		body = "{" + more + "}"
	case more != "":
		body = strings.TrimSuffix(body, "}") + "," + more + "}"
	}
	out := call{as: as, method: "POST", path: map[string]string{"increase": pathIncrease, "reduce": pathReduce, "trial": pathTrialAPI, "keep": pathReduce}[c.verb], kind: jsonKind, body: body}
	if c.verb == "keep" {
		out.method = "DELETE"
		if body == "" && as.session == "" {
			out.kind = ""
		}
	}
	return out
}

// TestUnitsByCase: each case of the contract for everybody who may ask, and at
// the end of an agent's way the same answer as by a direct call.
func TestUnitsByCase(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	for i, c := range unitsCases {
		t.Run(strings.ReplaceAll(c.state+" "+c.verb+" "+c.body, "/", "-"), func(t *testing.T) {
			direct := ""
			for _, kind := range []string{"human", "admin", "member", "agent chat", "agent web"} {
				p := s.unitsState(c.state, strings.ReplaceAll(kind, " ", "")+string(rune('a'+i%26))+string(rune('a'+i/26)))
				a := s.byCase(c, kind, p)
				if a.status != 200 {
					continue
				}
				if n := normal(a.object(), p); direct == "" {
					direct = n
				} else if n != direct {
					t.Errorf("%s is answered\n%s\nand others\n%s", kind, n, direct)
				}
			}
		})
	}
}

// normal is an answer without what names the org.
func normal(v map[string]any, p people) string {
	if b, ok := v["billing"].(map[string]any); ok {
		if id, _ := b["stripe_customer_id"].(string); id == p.Customer && id != "" {
			b["stripe_customer_id"] = "its own"
		}
	}
	return jsonOf(v)
}

// byCase makes a case's call and returns the answer that says what was done, or
// why it was not.
func (s *site) byCase(c unitsCase, kind string, p people) answer {
	s.t.Helper()
	by := map[string]caller{"human": p.owner, "admin": p.admin, "member": p.tool, "agent chat": p.agent, "agent web": p.agent}[kind]
	if kind == "admin" && p.AdminCookie == "" {
		by = p.owner
	}
	same := func(string) {}
	if c.want.status != 200 && kind == "member" { // an agent's calls are noted in its key's row
		same = s.unchanged()
	}
	more := map[string]string{"agent web": `"mode":"web","reason":"The import needs room."`}[kind]
	a := s.do(c.call(by, more))
	switch {
	case c.want.status != 200:
		a.is(c.want.status, c.want.word)
		if c.details != "" {
			part(s.t, a.what, a.object()["details"], c.details)
		}
		same(a.what)
		return a
	case kind == "agent chat":
		token := s.asksFor(a, "confirmation_required").text("confirm_token")
		a = s.do(unitsCase{verb: c.verb, body: `{"confirm_token":"` + token + `"}`}.call(by, ""))
	case kind == "agent web":
		return s.onTheWeb(c, s.asksFor(a, "web-approve-required").text("request"), p)
	}
	a.is(c.want.status, c.want.word)
	part(s.t, a.what, a.object()["billing"], c.billing)
	return a
}

// asksFor: asking has changed nothing, and the message says what it is about.
func (s *site) asksFor(a answer, word string) answer {
	s.t.Helper()
	a.is(200, word)
	if got := a.keys(); got != fieldsOf[word] {
		s.t.Errorf("%s: fields\n%s, want\n%s", a.what, got, fieldsOf[word])
	}
	if a.object()["billing"] != nil {
		s.t.Errorf("%s: %s", a.what, a.body)
	}
	return a
}

// onTheWeb approves a request on its page, and returns the poll's result as an
// answer of its own.
func (s *site) onTheWeb(c unitsCase, id string, p people) answer {
	s.t.Helper()
	s.submit(p.owner, "/approve/"+id, s.decision(p.owner, id, "approve"))
	poll := s.get(p.agent, statusPath(id)).is(200, "completed")
	result, ok := poll.object()["result"].(map[string]any)
	if !ok {
		s.t.Fatalf("%s: no result in %s", poll.what, poll.body)
	}
	a := answer{t: s.t, what: poll.what, status: 200, header: poll.header, body: jsonOf(result)}
	a.is(c.want.status, c.want.word)
	part(s.t, a.what, a.object()["billing"], c.billing)
	return a
}

func statusPath(id string) string { return "/api/web-approve/status?request=" + id }

// TestUnitsWho: of people only those who manage billing, reads included, and
// no host; a page of Stripe only for a person at a browser.
func TestUnitsWho(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	p, host := s.holding("acme", "solo", 5), s.key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
	memberTool := s.key(billing.NewKey{Kind: billing.KindMember, OrgID: p.Org.ID, PrincipalID: p.Member.ID, Name: "member"})
	reader := s.key(billing.NewKey{Kind: billing.KindAgent, OrgID: p.Org.ID, Name: "reader", Scopes: []string{billing.ScopeRead}})
	asker := s.key(billing.NewKey{Kind: billing.KindAgent, OrgID: p.Org.ID, Name: "asker", Scopes: []string{billing.ScopeRequest}})
	same := s.unchanged()
	for _, by := range []caller{p.member, memberTool, host} {
		s.get(by, pathV1).is(403, "forbidden")
		s.post(by, pathIncrease, target(7)).is(403, "forbidden")
		s.post(by, pathReduce, target(1)).is(403, "forbidden")
		s.post(by, pathTrialAPI, `{"target_plan":"solo"}`).is(403, "forbidden")
		s.unschedule(by, "").is(403, "forbidden")
	}
	same("who may not")
	for _, by := range []caller{p.tool, p.agent, host, memberTool} {
		s.post(by, pathV1+"/checkout", `{"target_plan":"solo"}`).is(403, "browser_session_required")
		s.post(by, pathV1+"/portal", "").is(403, "browser_session_required")
	}
	s.post(p.member, pathV1+"/checkout", `{"target_plan":"solo"}`).is(403, "forbidden")
	s.post(p.owner, pathV1+"/checkout", `{"target_plan":"team"}`).is(409, "subscription_exists")
	s.get(reader, pathV1).is(200, "")
	s.post(reader, pathIncrease, target(7)).is(403, "insufficient_scope")
	s.get(asker, pathV1).is(403, "insufficient_scope")

	// A key that may ask and not read is told that it is done, and no more.
	a := s.post(asker, pathIncrease, target(7)).is(200, "confirmation_required")
	a = s.post(asker, pathIncrease, `{"confirm_token":"`+a.text("confirm_token")+`"}`).is(200, "capacity-increased")
	if a.object()["billing"] != nil {
		t.Errorf("told more: %s", a.body)
	}

	free := s.people("free", "", "")
	s.post(free.owner, pathV1+"/checkout", `{"target_plan":"gold"}`).is(400, "unknown_plan")
	s.post(free.owner, pathV1+"/checkout", `{"target_plan":"free"}`).is(400, "use_downgrade")
	s.post(free.owner, pathV1+"/portal", "").is(409, "no_customer")
	s.post(free.owner, pathTrialAPI, `{"target_plan":"team"}`).is(200, "trial-started")
	a = s.post(free.owner, pathV1+"/checkout", `{"target_plan":"solo"}`).is(409, "plan_below_trial")
	part(t, a.what, a.object()["details"], `{"trial":"team","plan":"solo"}`)
	s.post(free.owner, pathV1+"/checkout", `{"target_plan":"team"}`).is(200, "")
}

// TestUnitsOfAFlatPlan: there are none, and the summary has the same shape.
func TestUnitsOfAFlatPlan(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	for _, by := range []caller{p.owner, p.tool, p.agent} {
		s.post(by, pathIncrease, target(5)).is(409, "capacity_not_offered")
		s.post(by, pathReduce, target(0)).is(409, "capacity_not_offered")
		s.unschedule(by, "").is(409, "capacity_not_offered")
		a := s.get(by, pathV1).is(200, "")
		part(t, a.what, a.object(), `{"billing":{"plan":"pro","billing_state":"active","active_projects":0,"allowances":{},
			"capacity_units":{"total":0,"included":0,"additional_purchased":0,"pending_reduction":null},
			"trial":{"available":false,"active":false,"plan":null,"started_at":null,"ends_at":null,"used_at":null,"converted_at":null,"expired_at":null,"days_remaining":0}}}`)
	}
	free := s.people("free", "", "")
	s.post(free.tool, pathTrialAPI, `{"target_plan":"pro"}`).is(409, "trial_not_available")
}

// TestUnitsWithoutStripe: nothing is sold, and a trial needs no Stripe.
func TestUnitsWithoutStripe(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity", NoStripe: true})
	p := s.people("acme", "", "")
	s.post(p.tool, pathIncrease, target(5)).is(400, "stripe_not_configured")
	s.unschedule(p.tool, "").is(400, "stripe_not_configured")
	s.post(p.owner, pathV1+"/checkout", `{"target_plan":"solo"}`).is(400, "stripe_not_configured")
	s.post(p.tool, pathTrialAPI, `{"target_plan":"solo"}`).is(200, "trial-started")
	s.get(p.tool, pathV1).is(200, "")
}

// TestUnitsThatCannotBePaid: nothing has changed, and everybody is told in their
// own way; a bank that asks is named.
func TestUnitsThatCannotBePaid(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	for _, tc := range []struct{ card, word string }{{declinesNext, "payment_failed"}, {asksBank, "payment_action_required"}} {
		for _, kind := range []string{"human", "member", "agent chat", "agent web"} {
			t.Run(tc.card+" "+kind, func(t *testing.T) {
				p := s.people(strings.ReplaceAll(kind, " ", "")+strings.ToLower(tc.card[8:]), "team", visa)
				s.ok(s.Box.GiveCard(p.Customer, tc.card))
				s.Advance(time.Hour)
				s.Sync(p.Org.ID)
				var failed map[string]any
				switch kind {
				case "human":
					failed = s.post(p.owner, pathIncrease, target(5)).is(402, tc.word).object()
				case "member":
					failed = s.post(p.tool, pathIncrease, target(5)).is(402, tc.word).object()
				case "agent chat":
					a := s.post(p.agent, pathIncrease, target(5)).is(200, "confirmation_required")
					failed = s.post(p.agent, pathIncrease, `{"confirm_token":"`+a.text("confirm_token")+`"}`).is(402, tc.word).object()
				case "agent web":
					id := s.post(p.agent, pathIncrease, `{"target_additional_capacity_units":5,"mode":"web"}`).is(200, "web-approve-required").text("request")
					s.submit(p.owner, "/approve/"+id, s.decision(p.owner, id, "approve"))
					failed, _ = s.get(p.agent, statusPath(id)).object()["result"].(map[string]any)
				}
				details, _ := failed["details"].(map[string]any)
				action, _ := details["actionUrl"].(string)
				if failed["error"] != tc.word || (tc.word == "payment_action_required") != strings.HasPrefix(action, "http") {
					t.Errorf("%v", failed)
				}
				if sub := s.Sync(p.Org.ID); sub.Units.Additional != 0 || sub.Status != billing.StatusActive {
					t.Errorf("afterwards %+v", sub.State)
				}
				if n, _ := s.paid(p); n != 1 {
					t.Errorf("%d charges", n)
				}
			})
		}
	}
}

// TestUnitsPastDue: nothing is bought while money is outstanding; less is no
// reason to wait.
func TestUnitsPastDue(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	p := s.holding("acme", "solo", 5)
	s.ok(s.Box.GiveCard(p.Customer, declinesNext))
	s.Advance(31 * 24 * time.Hour)
	s.Sync(p.Org.ID)
	part(t, "past due", s.get(p.tool, pathV1).object(), `{"billing":{"billing_state":"past_due","capacity_units":{"total":8}}}`)
	for _, by := range []caller{p.tool, p.agent} {
		s.post(by, pathIncrease, target(7)).is(409, "payment_past_due")
	}
	a := s.post(p.tool, pathReduce, target(0)).is(200, "capacity-reduction-scheduled")
	part(t, a.what, a.object(), `{"billing":{"capacity_units":{"pending_reduction":{"additional_purchased":0,"total":3}}}}`)
	s.unschedule(p.tool, "").is(200, "capacity-reduction-canceled")
}

// TestUnitsKeyed: a repeat under its key is the same change, of every verb.
func TestUnitsKeyed(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	p, free := s.people("acme", "solo", visa), s.people("free", "", "")
	for _, step := range []struct {
		by                        caller
		method, path, body, other string
		word                      string
	}{
		{p.tool, "POST", pathIncrease, target(5), target(6), "capacity-increased"},
		{p.tool, "POST", pathReduce, target(1), target(2), "capacity-reduction-scheduled"},
		{p.tool, "DELETE", pathReduce, `{}`, `{"reason":"x"}`, "capacity-reduction-canceled"},
		{p.agent, "POST", pathIncrease, target(7), target(8), "confirmation_required"},
		{free.tool, "POST", pathTrialAPI, `{"target_plan":"solo"}`, `{"target_plan":"team"}`, "trial-started"},
	} {
		send := func(body string) answer {
			return s.do(call{as: step.by, method: step.method, path: step.path, kind: jsonKind, body: body, header: map[string]string{"Idempotency-Key": step.word}})
		}
		one, two := send(step.body).is(200, step.word), send(step.body).is(200, step.word)
		if one.body != two.body || replayed(one) || !replayed(two) {
			t.Errorf("%s: first %s\nthen %s", one.what, one.body, two.body)
		}
		send(step.other).is(422, "idempotency_conflict")
	}
	if n, total := s.paid(p); n != 2 || total != 299+500 {
		t.Errorf("%d charges, %d in all", n, total)
	}
	// The kept answers are gone, and the change is not made twice all the same.
	q := s.people("zebra", "solo", visa)
	one := s.keyed(q.tool, pathIncrease, "k", target(5)).is(200, "capacity-increased")
	s.Advance(24 * time.Hour)
	if _, err := s.Store.Prune(t.Context(), billing.PruneCalls, s.Box.Now(), 100); err != nil {
		t.Fatal(err)
	}
	if two := s.keyed(q.tool, pathIncrease, "k", target(5)).is(200, "capacity-increased"); !reflect.DeepEqual(one.object(), two.object()) || !replayed(two) {
		t.Errorf("first %s\nthen %s", one.body, two.body)
	}
	s.Advance(24 * time.Hour)
	if _, err := s.Store.Prune(t.Context(), billing.PruneCalls, s.Box.Now(), 100); err != nil {
		t.Fatal(err)
	}
	s.keyed(q.tool, pathIncrease, "k", target(6)).is(422, "idempotency_conflict")
}

func jsonOf(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(raw)
}
