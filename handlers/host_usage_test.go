package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// host is the host application.
func (s *site) host() caller {
	s.t.Helper()
	return s.key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
}

func (s *site) put(as caller, path, body string) answer {
	s.t.Helper()
	return s.do(call{as: as, method: http.MethodPut, path: path, kind: jsonKind, body: body})
}

// TestOverLimitIsTheContracts: the 402 is word for word that of the contract,
// and a wallet finds nothing in it to pay.
func TestOverLimitIsTheContracts(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, host := s.people("acme", "", ""), s.host()
	check := `{"org":"` + p.Org.ID + `","resource":"agents"}`
	s.put(host, "/api/host/usage/"+p.Org.ID+"/agents", `{"value":2}`).equals(`{"active":2,"cap":3}`)
	s.post(host, "/api/host/check", check).equals(`{"allowed":true,"active":2,"cap":3}`)
	s.put(host, "/api/host/usage/"+p.Org.ID+"/agents", `{"value":3}`).equals(`{"active":3,"cap":3}`)
	a := s.post(host, "/api/host/check", check).is(402, "over_limit")
	a.equals(`{"error":"over_limit","message":"Free allows 3 agents and 3 are in use. Upgrade to Pro for 10.",
		"details":{"plan":"free","resource":"agents","active":3,"cap":3,
			"upgrade":{"mcpTool":"upgrade_plan","api":"POST /api/billing/upgrade","plan":"pro"},
			"increase":{"mcpTool":"request_limit_increase","api":"POST /api/billing/request-limit-increase"}},
		"type":"about:blank","title":"Payment Required","status":402,
		"detail":"Free allows 3 agents and 3 are in use. Upgrade to Pro for 10.","instance":"/api/host/check"}`)
	for _, name := range []string{"WWW-Authenticate", "Payment-Required", "X-Payment"} {
		if a.header.Get(name) != "" {
			t.Errorf("%s: %s makes a wallet pay", name, a.header.Get(name))
		}
	}
	if got := s.get(p.owner, "/api/billing").object()["usage"].(map[string]any)["agents"]; fmt.Sprint(got) != "map[active:3 cap:3]" {
		t.Errorf("the summary says %v", got)
	}
}

// equals compares the body with a JSON text.
func (a answer) equals(want string) {
	a.t.Helper()
	var got, wanted any
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, a.body)
	}
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		a.t.Fatal(err)
	}
	x, _ := json.MarshalIndent(got, "", " ")
	y, _ := json.MarshalIndent(wanted, "", " ")
	if string(x) != string(y) {
		a.t.Errorf("%s: %d\n%s\nwant\n%s", a.what, a.status, x, y)
	}
}

// TestTheHostsDay: the fourth agent is refused, the owner upgrades, and the same
// call with the same key succeeds.
func TestTheHostsDay(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, host := s.people("acme", "pro", visa), s.host()
	consume := func(resource, key string, n int) answer {
		return s.post(host, "/api/host/consume", fmt.Sprintf(`{"org":%q,"resource":%q,"quantity":%d,"key":%q}`, p.Org.ID, resource, n, key))
	}
	consume("agents", "a", 9).equals(`{"allowed":true,"active":9,"cap":10}`)
	consume("agents", "b", 1).equals(`{"allowed":true,"active":10,"cap":10}`)
	refused := consume("agents", "c", 1).is(402, "over_limit")
	if !strings.Contains(refused.body, `"plan":"scale"`) {
		t.Errorf("no way up: %s", refused.body)
	}
	consume("agents", "b", 1).equals(`{"allowed":true,"active":10,"cap":10}`)
	consume("agents", "b", 2).is(422, "idempotency_conflict")
	consume("members", "b", 1).is(422, "idempotency_conflict")
	s.post(p.owner, "/api/billing/upgrade", `{"plan":"scale"}`).is(200, "switched")
	consume("agents", "c", 1).equals(`{"allowed":true,"active":11,"cap":30}`)
	consume("api_calls", "d", 1000).equals(`{"allowed":true,"active":1000,"cap":1000000}`)
	s.post(host, "/api/host/check", `{"org":"`+p.Org.ID+`","resource":"agents","quantity":20}`).is(402, "over_limit")
	top := s.post(host, "/api/host/check", `{"org":"`+p.Org.ID+`","resource":"agents","quantity":20}`)
	if !strings.Contains(top.body, `"upgrade":null`) || !strings.Contains(top.body, "Scale allows 30 agents and 11 are in use, so 20 more do not fit. Ask for a higher limit.") {
		t.Errorf("at the top: %s", top.body)
	}
}

// TestEventsReport: what is wrong with one event is said of that one.
func TestEventsReport(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q, host := s.people("acme", "", ""), s.people("zebra", "", ""), s.host()
	now := s.Box.Now()
	event := func(org, resource, more string) string {
		return fmt.Sprintf(`{"org":%q,"resource":%q,%s}`, org, resource, more)
	}
	list := []string{
		event(p.Org.ID, "api_calls", `"quantity":5,"key":"a"`),
		event(q.Org.ID, "api_calls", `"quantity":5,"key":"a"`),
		event(p.Org.ID, "webhooks", `"quantity":1,"key":"w","at":"`+now.Add(-time.Hour).Format(time.RFC3339)+`"`),
		event(p.Org.ID, "api_calls", `"quantity":5,"key":"a"`),
		event(p.Org.ID, "api_calls", `"quantity":6,"key":"a"`),
		event("org_none", "api_calls", `"quantity":1,"key":"b"`),
		event(p.Org.ID, "nothing", `"quantity":1,"key":"c"`),
		event(p.Org.ID, "agents", `"quantity":1,"key":"d"`),
		event(p.Org.ID, "api_calls", `"quantity":0,"key":"e"`),
		event(p.Org.ID, "api_calls", `"quantity":"5","key":"f"`),
		event(p.Org.ID, "api_calls", `"quantity":1.5,"key":"g"`),
		event(p.Org.ID, "api_calls", `"quantity":1,"key":"h i"`),
		event(p.Org.ID, "api_calls", `"quantity":1`),
		event(p.Org.ID, "api_calls", `"quantity":1,"key":"j","more":1`),
		event(p.Org.ID, "api_calls", `"quantity":1,"key":"k","at":"yesterday"`),
		event(p.Org.ID, "api_calls", `"quantity":1,"key":"l","at":"`+now.Add(6*time.Minute).Format(time.RFC3339)+`"`),
		event(p.Org.ID, "api_calls", `"quantity":1,"key":"m","at":"`+now.AddDate(0, 0, -36).Format(time.RFC3339)+`"`),
		`null`, `5`, `[]`,
		event(p.Org.ID, "api_calls", `"quantity":1,"key":"n","at":"`+now.Add(4*time.Minute).Format(time.RFC3339)+`"`),
	}
	a := s.post(host, "/api/host/usage", `{"events":[`+strings.Join(list, ",")+`]}`)
	var report struct {
		Accepted, Duplicate int
		Rejected            []struct {
			Index          int
			Error, Message string
		}
	}
	s.ok(json.Unmarshal([]byte(a.body), &report))
	if a.status != 202 || report.Accepted != 4 || report.Duplicate != 1 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	var got []string
	for _, r := range report.Rejected {
		got = append(got, fmt.Sprint(r.Index, " ", r.Error))
		if r.Message == "" {
			t.Errorf("event %d has no message", r.Index)
		}
	}
	want := []string{
		"4 idempotency_conflict", "5 not_found", "6 unknown_resource", "7 wrong_kind", "8 invalid_field", "9 invalid_field", "10 invalid_field",
		"11 invalid_field", "12 missing_field", "13 unknown_field", "14 invalid_field", "15 invalid_request", "16 invalid_request",
		"17 invalid_json", "18 invalid_json", "19 invalid_json",
	}
	if !slices.Equal(got, want) {
		t.Errorf("rejected\n%q\nwant\n%q", got, want)
	}
	usage := s.get(p.owner, "/api/billing").object()["usage"].(map[string]any)
	if n := usage["api_calls"].(map[string]any)["active"]; n != 6.0 {
		t.Errorf("counted %v", n)
	}
	again := s.post(host, "/api/host/usage", `{"events":[`+strings.Join(list[:3], ",")+`,`+event(p.Org.ID, "api_calls", `"quantity":2,"key":"z"`)+`]}`)
	again.equals(`{"accepted":1,"duplicate":3,"rejected":[]}`)
}

// TestHostCallsAreForTheHost, and a key that was revoked is nobody's within
// five seconds.
func TestHostKeyIsRememberedForSeconds(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, host := s.people("acme", "", ""), s.host()
	body := `{"org":"` + p.Org.ID + `","resource":"agents"}`
	s.post(host, "/api/host/check", body).is(200, "")
	principal, err := s.Service.Authenticate(t.Context(), host.key)
	s.ok(err)
	s.ok(s.Store.RevokeCredential(t.Context(), "", principal.CredentialID, s.Box.Now())) // as another replica does
	s.Advance(5 * time.Second)
	s.post(host, "/api/host/check", body).is(401, "unauthorized")
	for _, by := range []caller{p.owner, p.tool, p.agent} {
		s.post(by, "/api/host/check", body).is(403, "forbidden")
	}
}

// hostRows are what the host's own calls refuse.
func hostRows(org string) []bad {
	const check, consume, usage = "host/check", "host/consume", "host/usage"
	gauge := "host/usage/" + org + "/agents"
	head := `{"org":"` + org + `","resource":"agents"`
	var rows []bad
	for _, path := range []string{check, consume, usage, gauge} {
		rows = append(rows, shapes(path)...)
		rows = append(rows, on(path, "an unknown field", `{"admin":true}`, 400, "unknown_field", "admin"),
			on(path+"?org=x", "a query", `{}`, 400, "unknown_field", "org"))
	}
	for _, path := range []string{check, consume} {
		for _, n := range []string{"0", "-1", "1000000001", "9223372036854775808", "5.0", "1e3", `"5"`, "null", "true", "[1]", "{}", "-0"} {
			rows = append(rows, invalid(path, "quantity "+n, head+`,"key":"k","quantity":`+n+`}`, "quantity"))
		}
		for _, v := range []string{"null", "5", "true", `""`, `["x"]`, `{}`, `"a\u0000"`} {
			rows = append(rows, invalid(path, "org "+v, `{"resource":"agents","quantity":1,"key":"k","org":`+v+`}`, "org"),
				invalid(path, "resource "+v, `{"org":"o","quantity":1,"key":"k","resource":`+v+`}`, "resource"))
		}
		rows = append(rows,
			on(path, "no org", `{"resource":"agents","quantity":1}`, 400, "missing_field", "org"),
			on(path, "no resource", `{"org":"`+org+`","quantity":1}`, 400, "missing_field", "resource"),
			on(path, "a field twice", head+`,"org":"`+org+`"}`, 400, "duplicate_field", "org"),
			on(path, "64 KiB and a byte", "{"+strings.Repeat(" ", 64<<10-1)+"}", 413, "body_too_large", ""))
	}
	// A key is the business of consume, and refused where it would be ignored.
	for i, r := range rows {
		if r.call.path == "/api/"+check && strings.Contains(r.call.body, `"key":"k",`) {
			rows[i].call.body = strings.Replace(r.call.body, `"key":"k",`, "", 1)
		}
	}
	with := func(path, name, body string, status int, code, field string) {
		rows = append(rows, on(path, name, body, status, code, field))
	}
	with(check, "a key", head+`,"key":"k"}`, 400, "unknown_field", "key")
	with(check, "another resource", `{"org":"`+org+`","resource":"seats"}`, 400, "unknown_resource", "")
	with(check, "another case", `{"org":"`+org+`","resource":"Agents"}`, 400, "unknown_resource", "")
	with(check, "another org", `{"org":"org_none","resource":"agents"}`, 404, "not_found", "")
	with(check, "SQL", `{"org":"' OR '1'='1","resource":"agents"}`, 404, "not_found", "")
	with(check, "60,000 characters", `{"org":"`+org+`","resource":"`+strings.Repeat("a", 60_000)+`"}`, 400, "unknown_resource", "")
	with(consume, "no key", head+`,"quantity":1}`, 400, "missing_field", "key")
	with(consume, "no quantity", head+`,"key":"k"}`, 400, "missing_field", "quantity")
	for name, key := range map[string]string{"an empty key": "", "a blank": "a b", "a letter that is not ASCII": "clé", "256 characters": strings.Repeat("k", 256), "a line": `a\nb`} {
		with(consume, name, head+`,"quantity":1,"key":"`+key+`"}`, 400, "invalid_field", "key")
	}
	with(consume, "another org", `{"org":"org_none","resource":"agents","quantity":1,"key":"k"}`, 404, "not_found", "")
	with(usage, "no events", `{}`, 400, "missing_field", "events")
	with(usage, "an empty list", `{"events":[]}`, 400, "invalid_field", "events")
	with(usage, "1,001 events", `{"events":[`+strings.Repeat("1,", 1000)+`1]}`, 400, "invalid_field", "events")
	for _, v := range []string{"null", "{}", `"x"`, "5"} {
		with(usage, "events "+v, `{"events":`+v+`}`, 400, "invalid_field", "events")
	}
	with(usage, "1 MiB and a byte", "{"+strings.Repeat(" ", 1<<20-1)+"}", 413, "body_too_large", "")
	for _, n := range []string{"-1", "9007199254740992", "1.0", `"1"`, "null", "true"} {
		with(gauge, "value "+n, `{"value":`+n+`}`, 400, "invalid_field", "value")
	}
	with(gauge, "no value", `{}`, 400, "missing_field", "value")
	with("host/usage/org_none/agents", "another org", `{"value":1}`, 404, "not_found", "")
	with("host/usage/"+org+"/seats", "another resource", `{"value":1}`, 400, "unknown_resource", "")
	with("host/usage/"+org+"/api_calls", "a counter", `{"value":1}`, 400, "wrong_kind", "")
	for i, r := range rows {
		if strings.Contains(r.call.path, "/api/host/usage/") {
			rows[i].call.method = http.MethodPut
		}
	}
	return rows
}

// TestBadInputOfTheHost: each row gets its exact answer, at once, and counts
// nothing.
func TestBadInputOfTheHost(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, host := s.people("acme", "pro", visa), s.host()
	rows := append(hostRows(p.Org.ID), provisionRows()...)
	same := s.unchanged()
	for _, row := range rows {
		row.call.as = host
		s.badRow(row)
	}
	same("one of the rows")
	t.Logf("%d rows", len(rows))
}
