package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

const (
	units     = "target_additional_capacity_units"
	pathBuyV1 = "/v1/billing/checkout"
	pathOutV1 = "/v1/billing/portal"
)

// v1 builds a row for a JSON body of the second API.
func v1(method, path, name, body string, status int, code, field string) bad {
	return bad{name, call{method: method, path: path, kind: jsonKind, body: body}, status, code, field}
}

// v1Calls are the calls that take a body.
var v1Calls = []struct{ method, path string }{
	{http.MethodPost, pathBuyV1},
	{http.MethodPost, pathOutV1},
	{http.MethodPost, pathTrialAPI},
	{http.MethodPost, pathIncrease},
	{http.MethodPost, pathReduce},
	{http.MethodDelete, pathReduce},
}

// v1Documents are bodies that are no JSON object, or one with what nobody knows.
func v1Documents() []bad {
	var rows []bad
	for _, c := range v1Calls {
		for _, r := range shapes("x") { // the rows are the same wherever they are sent
			r.call.method, r.call.path = c.method, c.path
			rows = append(rows, r)
		}
		for name, r := range map[string]bad{
			"64 KiB and a byte":     v1(c.method, c.path, "", "{"+strings.Repeat(" ", 64<<10-1)+"}", 413, "body_too_large", ""),
			"an unknown field":      v1(c.method, c.path, "", `{"admin":true}`, 400, "unknown_field", "admin"),
			"the org in the body":   v1(c.method, c.path, "", `{"org":"org_x"}`, 400, "unknown_field", "org"),
			"a prototype":           v1(c.method, c.path, "", `{"__proto__":{}}`, 400, "unknown_field", "__proto__"),
			"the other API's word":  v1(c.method, c.path, "", `{"plan":"team"}`, 400, "unknown_field", "plan"),
			"how many more":         v1(c.method, c.path, "", `{"additional_capacity_units":5}`, 400, "unknown_field", "additional_capacity_units"),
			"units in another case": v1(c.method, c.path, "", `{"Target_Additional_Capacity_Units":5}`, 400, "unknown_field", "Target_Additional_Capacity_Units"),
			"a parameter":           v1(c.method, c.path+"?"+units+"=5", "", `{}`, 400, "unknown_field", units),
		} {
			r.name = name
			rows = append(rows, r)
		}
	}
	return rows
}

// v1Numbers is every way to write a number of units that is none.
func v1Numbers() []bad {
	var rows []bad
	for _, path := range []string{pathIncrease, pathReduce} {
		for _, n := range []string{
			"5.0", "5.5", `"5"`, "1e2", "1E1", "1e0", "null", "true", "false", "[]", "[5]", "{}", "-0", `""`, "0.1", "1e400", "-1e2", "5e-1",
			"9223372036854775808", "18446744073709551616", "-9223372036854775809", "99999999999999999999999999",
		} {
			rows = append(rows, v1("POST", path, "a target of "+n, `{"`+units+`":`+n+`}`, 400, "invalid_field", units))
		}
		for _, n := range []string{"-1", "100", "101", "9007199254740992", "9223372036854775807", "-9223372036854775808"} {
			rows = append(rows, v1("POST", path, "a target of "+n, `{"`+units+`":`+n+`}`, 400, "target_out_of_range", units))
		}
		for _, n := range []string{"05", "+5", "0x5", "5_0", "٥", "NaN", "Infinity", ".5", "5.", "--5", "5 5", "1e"} {
			rows = append(rows, v1("POST", path, "a target of "+n, `{"`+units+`":`+n+`}`, 400, "invalid_json", ""))
		}
		rows = append(rows,
			v1("POST", path, "no target", `{}`, 400, "missing_field", units),
			v1("POST", path, "no body", ``, 400, "missing_field", units),
			v1("POST", path, "a mode and no target", `{"mode":"web"}`, 400, "missing_field", units),
			v1("POST", path, "a target twice", `{"`+units+`":7,"`+units+`":7}`, 400, "duplicate_field", units),
			v1("POST", path, "two targets", `{"`+units+`":7,"`+units+`":1}`, 400, "duplicate_field", units),
			v1("POST", path, "a target twice, once escaped", `{"`+units+`":7,"\u0074arget_additional_capacity_units":1}`, 400, "duplicate_field", units),
			v1("POST", path, "a mode that is none", `{"`+units+`":7,"mode":"auto"}`, 400, "invalid_field", "mode"),
			v1("POST", path, "an expiry that is none", `{"`+units+`":7,"expires_in":5.0}`, 400, "invalid_field", "expires_in"),
		)
	}
	return rows
}

// v1Plans are plans that are none.
func v1Plans() []bad {
	var rows []bad
	for _, path := range []string{pathBuyV1, pathTrialAPI} {
		for _, v := range []string{"null", `["solo"]`, `{"id":"solo"}`, "5", "true", `""`, `"so\u0000lo"`} {
			rows = append(rows, v1("POST", path, "a plan of "+v, `{"target_plan":`+v+`}`, 400, "invalid_field", "target_plan"))
		}
		for _, v := range []string{"SOLO", "solo ", "../solo", "gold", "<script>", "\u202esolo", strings.Repeat("a", 60_000)} {
			rows = append(rows, v1("POST", path, "a plan of "+v, `{"target_plan":`+jsonOf(v)+`}`, 400, "unknown_plan", ""))
		}
		rows = append(rows,
			v1("POST", path, "no plan", `{}`, 400, "missing_field", "target_plan"),
			v1("POST", path, "no body", ``, 400, "missing_field", "target_plan"),
			v1("POST", path, "a plan twice", `{"target_plan":"solo","target_plan":"team"}`, 400, "duplicate_field", "target_plan"),
			v1("POST", path, "another case", `{"Target_plan":"solo"}`, 400, "unknown_field", "Target_plan"),
		)
	}
	return rows
}

// v1Addresses are queries, paths and methods.
func v1Addresses() []bad {
	rows := []bad{
		in("a parameter that is not known", "/v1/billing?verbose=1", 400, "unknown_field", "verbose"),
		in("a key in the query", "/v1/billing?key=csm_x", 400, "secret_in_query", "key"),
		in("a preview of a fraction", "/api/billing/preview?additional_capacity_units=5.0", 400, "invalid_field", "additional_capacity_units"),
		in("a preview of an exponent", "/api/billing/preview?additional_capacity_units=1e1", 400, "invalid_field", "additional_capacity_units"),
		in("a preview with a sign", "/api/billing/preview?additional_capacity_units=%2B7", 400, "invalid_field", "additional_capacity_units"),
		in("a preview with a zero", "/api/billing/preview?additional_capacity_units=07", 400, "invalid_field", "additional_capacity_units"),
		in("a preview past 64 bits", "/api/billing/preview?additional_capacity_units=9223372036854775808", 400, "invalid_field", "additional_capacity_units"),
		in("a preview of less than nothing", "/api/billing/preview?additional_capacity_units=-1", 400, "target_out_of_range", "additional_capacity_units"),
		in("a preview of too many", "/api/billing/preview?additional_capacity_units=100", 400, "target_out_of_range", "additional_capacity_units"),
		in("GET of what is changed", pathIncrease, 405, "method_not_allowed", ""),
		in("GET of the reduction", pathReduce, 405, "method_not_allowed", ""),
		in("a slash", "/v1/billing/", 404, "not_found", ""),
		in("another version", "/v2/billing", 404, "(page)", ""),
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS"} {
		r := v1(method, pathIncrease, method+" for a POST", `{}`, 405, "method_not_allowed", "")
		rows = append(rows, r)
	}
	for _, c := range v1Calls {
		r := v1(c.method, c.path, "an Idempotency-Key with a blank", `{}`, 400, "invalid_idempotency_key", "")
		r.call.header = map[string]string{"Idempotency-Key": "a b"}
		rows = append(rows, r)
	}
	return rows
}

// TestBadInputOfUnits: each row gets its exact answer, at once, and writes nothing.
func TestBadInputOfUnits(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	p := s.holding("acme", "solo", 5)
	rows := append(append(append(v1Documents(), v1Numbers()...), v1Plans()...), v1Addresses()...)
	changes, before := changesAtStripe(s), s.Dump()
	for i, row := range rows {
		if i%200 == 0 {
			s.Advance(61 * time.Second) // the limit of writes
			s.get(p.tool, pathV1)
			p.owner = s.signIn(p.Org, "owner@acme.test", "owner")
			s.get(p.owner, pathV1)
			before = s.Dump()
		}
		row.call.as = p.tool
		if row.call.path == pathBuyV1 || strings.HasPrefix(row.call.path, pathOutV1) || strings.HasPrefix(row.call.path, pathBuyV1) {
			row.call.as = p.owner // at a browser
		}
		s.badRow(row)
		if s.Dump() != before {
			t.Fatalf("%s %s has written:\n%s", row.call.path, row.name, difference(before, s.Dump()))
		}
	}
	if now := changesAtStripe(s); now != changes {
		t.Errorf("%d changes at Stripe", now-changes)
	}
	if t.Logf("%d rows", len(rows)); len(rows) < 300 {
		t.Errorf("only %d rows", len(rows))
	}
}

// TestTokensOfUnits: a token is for one action with one number, once, and for
// nobody else.
func TestTokensOfUnits(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	p, other := s.holding("acme", "team", 5), s.holding("zebra", "team", 5)
	token := func(by caller, path, body string) string {
		return s.post(by, path, body).is(200, "confirmation_required").text("confirm_token")
	}
	with := func(token, more string) string { return `{"confirm_token":"` + token + `"` + more + `}` }
	const mismatch = "consent_token_mismatch"
	for name, use := range map[string]func(token string) answer{
		"another number":           func(k string) answer { return s.post(p.agent, pathIncrease, with(k, `,"`+units+`":8`)) },
		"fewer":                    func(k string) answer { return s.post(p.agent, pathIncrease, with(k, `,"`+units+`":6`)) },
		"a reduction":              func(k string) answer { return s.post(p.agent, pathReduce, with(k, "")) },
		"a reduction of as many":   func(k string) answer { return s.post(p.agent, pathReduce, with(k, `,"`+units+`":7`)) },
		"the end of a reduction":   func(k string) answer { return s.unschedule(p.agent, with(k, "")) },
		"a trial":                  func(k string) answer { return s.post(p.agent, pathTrialAPI, with(k, "")) },
		"another plan":             func(k string) answer { return s.post(p.agent, "/api/billing/upgrade", with(k, `,"plan":"solo"`)) },
		"whatever it was for":      func(k string) answer { return s.post(p.agent, "/api/billing/upgrade", with(k, "")) },
		"the end of the plan":      func(k string) answer { return s.post(p.agent, "/api/billing/downgrade", with(k, "")) },
		"the number as an upgrade": func(k string) answer { return s.post(p.agent, "/api/billing/upgrade", with(k, `,"plan":"team"`)) },
	} {
		k := token(p.agent, pathIncrease, target(7))
		if a := use(k); a.status != 400 || a.object()["error"] != mismatch {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		// It is dead from then on, also for what it was given for.
		s.post(p.agent, pathIncrease, with(k, "")).is(400, "consent_token_invalid")
	}
	k := token(p.agent, pathIncrease, target(7))
	for _, by := range []caller{p.other, other.agent} {
		s.post(by, pathIncrease, with(k, "")).is(400, "consent_token_invalid")
	}
	k = token(p.agent, pathReduce, target(1))
	s.post(p.agent, pathIncrease, with(k, `,"`+units+`":1`)).is(400, mismatch)
	k = token(p.agent, "/api/billing/upgrade", `{"plan":"solo"}`)
	s.post(p.agent, pathIncrease, with(k, "")).is(400, mismatch)
	if sub := s.Sync(p.Org.ID); sub.Units.Additional != 5 || sub.Units.Reducing() || sub.Plan != "team" {
		t.Fatalf("changed: %+v", sub.State)
	}
	k = token(p.agent, pathIncrease, target(7))
	s.post(p.agent, pathIncrease, with(k, `,"`+units+`":7`)).is(200, "capacity-increased")
	s.post(p.agent, pathIncrease, with(k, "")).is(400, "consent_token_invalid")
	k = token(p.agent, pathReduce, target(1))
	s.Advance(61 * time.Second)
	s.post(p.agent, pathReduce, with(k, "")).is(400, "consent_token_expired")
}
