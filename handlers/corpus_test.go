package handlers_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// bad is one row of the corpus: a request that is wrong, and the exact answer.
type bad struct {
	name   string
	call   call
	status int
	code   string
	field  string // details.field; empty if the error names none
}

// on builds a row for a JSON body.
func on(path, name, body string, status int, code, field string) bad {
	return bad{name, call{method: http.MethodPost, path: "/api/" + path, kind: jsonKind, body: body}, status, code, field}
}

func invalid(path, name, body, field string) bad {
	return on(path, name, body, 400, "invalid_field", field)
}

func nonsense(path, name, body string) bad { return on(path, name, body, 400, "invalid_json", "") }

// in builds a row for an address.
func in(name, path string, status int, code, field string) bad {
	return bad{name, call{method: http.MethodGet, path: path}, status, code, field}
}

const (
	up   = "billing/upgrade"
	down = "billing/downgrade"
)

// documents are bodies that are no JSON object, for every call that takes one.
func documents() []bad {
	utf16le := new(bytes.Buffer)
	for _, c := range utf16.Encode([]rune(`{"plan":"scale"}`)) {
		utf16le.Write([]byte{byte(c), byte(c >> 8)})
	}
	var rows []bad
	for _, path := range []string{up, down, "billing/checkout", "billing/portal", "web-approve/cancel"} {
		for name, body := range map[string]string{
			"two documents":         `{}{}`,
			"a trailing word":       `{} x`,
			"a trailing comma":      `{},`,
			"null":                  `null`,
			"an array":              `[]`,
			"an object in a list":   `[{}]`,
			"a string":              `"scale"`,
			"a number":              `5`,
			"true":                  `true`,
			"cut":                   `{`,
			"only a space":          ` `,
			"single quotes":         `{'plan':'scale'}`,
			"a comment":             `{/*plan*/}`,
			"a bare name":           `{plan:"scale"}`,
			"NaN":                   `{"plan":NaN}`,
			"a leading zero":        `{"plan":05}`,
			"a byte order mark":     "\ufeff{}",
			"UTF-16":                utf16le.String(),
			"invalid UTF-8":         "{\"plan\":\"scale\xff\"}",
			"an overlong slash":     "{\"plan\":\"\xc0\xaf\"}",
			"a surrogate in bytes":  "{\"plan\":\"\xed\xa0\x80\"}",
			"a NUL byte":            "{\"plan\":\"sca\x00le\"}",
			"a raw newline":         "{\"plan\":\"sca\nle\"}",
			"half a pair":           `{"plan":"\ud800"}`,
			"the other half":        `{"plan":"\udc00"}`,
			"a pair reversed":       `{"plan":"\udc00\ud800"}`,
			"half a pair in a name": `{"\ud83d":"scale"}`,
			"20,000 arrays":         strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
			"20,000 objects":        strings.Repeat(`{"plan":`, 5_000) + "1" + strings.Repeat("}", 4_999),
		} {
			rows = append(rows, nonsense(path, name, body))
		}
		rows = append(rows,
			on(path, "64 KiB and a byte", "{"+strings.Repeat(" ", 64<<10-1)+"}", 413, "body_too_large", ""),
			on(path, "a million bytes", `{"plan":"`+strings.Repeat("a", 1_000_000)+`"}`, 413, "body_too_large", ""),
			on(path, "an unknown field", `{"admin":true}`, 400, "unknown_field", "admin"),
			on(path, "the org in the body", `{"org":"org_x"}`, 400, "unknown_field", "org"),
			on(path, "a prototype", `{"__proto__":{"plan":"scale"}}`, 400, "unknown_field", "__proto__"),
			on(path, "an empty name", `{"":1}`, 400, "unknown_field", ""),
			on(path, "a long name", `{"`+strings.Repeat("n", 5000)+`":1}`, 400, "unknown_field", strings.Repeat("n", 40)+"…"),
		)
		for kind, row := range map[string]string{
			"text/plain": "text", formKind: "a form", "multipart/form-data; boundary=x": "multipart", "": "nothing",
			"application/json; charset=latin1": "latin1", "application/json; a=b": "a parameter", "application/vnd.api+json": "another JSON",
			"application/json, text/plain": "two types", "json": "a word", "application/": "half a type", "*/*": "any",
		} {
			rows = append(rows, bad{"sent as " + row, call{method: "POST", path: "/api/" + path, kind: kind, body: `{"plan":"scale"}`}, 415, "unsupported_media_type", ""})
		}
		for _, encoding := range []string{"gzip", "identity", "br, gzip"} {
			r := on(path, "encoded as "+encoding, "{}", 415, "unsupported_media_type", "")
			r.call.header = map[string]string{"Content-Encoding": encoding}
			rows = append(rows, r)
		}
	}
	return rows
}

// values are fields with values that they cannot have.
func values() []bad {
	rows := []bad{
		on(up, "a field twice", `{"plan":"scale","plan":"scale"}`, 400, "duplicate_field", "plan"),
		on(up, "a field twice, differing", `{"plan":"pro","plan":"scale"}`, 400, "duplicate_field", "plan"),
		on(up, "a field twice, once escaped", `{"plan":"pro","pl\u0061n":"scale"}`, 400, "duplicate_field", "plan"),
		on(down, "a field twice", `{"mode":"web","mode":"chat"}`, 400, "duplicate_field", "mode"),
		on(up, "another case", `{"Plan":"scale"}`, 400, "unknown_field", "Plan"),
		on(up, "upper case", `{"PLAN":"scale"}`, 400, "unknown_field", "PLAN"),
		on(up, "a look-alike", `{"рlan":"scale"}`, 400, "unknown_field", "рlan"),
		on(up, "the Kelvin sign", "{\"confirm_to\u212aen\":\"csc_x\"}", 400, "unknown_field", "confirm_to\u212aen"),
		on(down, "a plan to downgrade to", `{"plan":"free"}`, 400, "unknown_field", "plan"),
		on(up, "the other reference's word", `{"target_plan":"scale"}`, 400, "unknown_field", "target_plan"),
		on("web-approve/cancel", "no request", `{}`, 400, "missing_field", "request"),
		on("web-approve/cancel", "no body", ``, 400, "missing_field", "request"),
		on("web-approve/cancel", "a request that is none", `{"request":"apr_1"}`, 404, "not_found", ""),
		on("web-approve/cancel", "upper case", `{"request":"APR_`+strings.Repeat("0", 26)+`"}`, 404, "not_found", ""),
		on("web-approve/cancel", "SQL", `{"request":"' OR '1'='1"}`, 404, "not_found", ""),
		on(up, "blanks only in the plan", `{"plan":"scale "}`, 400, "unknown_plan", ""),
		on(up, "an upper-case plan", `{"plan":"SCALE"}`, 400, "unknown_plan", ""),
		on(up, "a path for a plan", `{"plan":"../scale"}`, 400, "unknown_plan", ""),
		on(up, "markup for a plan", `{"plan":"<script>alert(1)</script>"}`, 400, "unknown_plan", ""),
		on(up, "bidi in a plan", "{\"plan\":\"\u202escale\"}", 400, "unknown_plan", ""),
		on(up, "a zero-width space in a plan", "{\"plan\":\"scale\u200b\"}", 400, "unknown_plan", ""),
		on(up, "CRLF in a plan", `{"plan":"scale\r\nX: y"}`, 400, "unknown_plan", ""),
		on(up, "60,000 characters", `{"plan":"`+strings.Repeat("a", 60_000)+`"}`, 400, "unknown_plan", ""),
		on(up, "just 64 KiB", `{"plan":"gold"`+strings.Repeat(" ", 64<<10-15)+`}`, 400, "unknown_plan", ""),
		on("billing/checkout", "an unknown plan", `{"plan":"gold"}`, 400, "unknown_plan", ""),
	}
	wrong := map[string]string{"null": "null", "a list": `["scale"]`, "an object": `{"plan":"scale"}`, "a number": "5", "true": "true", "nothing": `""`, "a NUL": `"sca\u0000le"`}
	for name, v := range wrong {
		for _, field := range []string{"plan", "confirm_token", "mode", "reason"} {
			rows = append(rows, invalid(up, field+" is "+name, `{"`+field+`":`+v+`}`, field))
		}
		rows = append(rows, invalid("web-approve/cancel", "request is "+name, `{"request":`+v+`}`, "request"),
			invalid("billing/checkout", "plan is "+name, `{"plan":`+v+`}`, "plan"), invalid(down, "mode is "+name, `{"mode":`+v+`}`, "mode"))
	}
	for _, mode := range []string{"Chat", "WEB", "web ", "auto", "human"} {
		rows = append(rows, invalid(up, "mode "+mode, `{"mode":"`+mode+`"}`, "mode"))
	}
	for _, n := range []string{
		"-1", "0", "299", "604801", "9223372036854775807", "9223372036854775808", "18446744073709551616", "5.0", "300.0", "300.5", "1e3", "3E2", `"300"`,
		"null", "true", "[300]", "{}", "1e400", "-0", "99999999999999999999999999",
	} {
		rows = append(rows, invalid(up, "expires_in "+n, `{"plan":"scale","mode":"web","expires_in":`+n+`}`, "expires_in"))
	}
	return rows
}

// addresses are queries, paths and methods.
func addresses(request string) []bad {
	status := "/api/web-approve/status?request=" + request
	rows := []bad{
		in("a parameter that is not known", "/api/billing?verbose=1", 400, "unknown_field", "verbose"),
		in("the org in the query", "/api/billing?org=org_x", 400, "unknown_field", "org"),
		in("another case", "/api/billing/preview?Plan=scale", 400, "unknown_field", "Plan"),
		in("a parameter twice", "/api/billing/preview?plan=pro&plan=scale", 400, "duplicate_field", "plan"),
		in("an empty parameter", "/api/billing/preview?plan=", 400, "invalid_field", "plan"),
		in("a parameter without a value", "/api/billing/preview?plan", 400, "invalid_field", "plan"),
		in("a broken escape", "/api/billing/preview?plan=%zz", 400, "invalid_query", ""),
		in("half an escape", "/api/billing/preview?plan=%", 400, "invalid_query", ""),
		in("a semicolon", "/api/billing/preview?plan=pro;x=1", 400, "invalid_query", ""),
		in("invalid UTF-8", "/api/billing/preview?plan=%ff", 400, "invalid_field", "plan"),
		in("NUL", "/api/billing/preview?plan=scale%00", 400, "invalid_field", "plan"),
		in("CRLF", "/api/billing/preview?plan=scale%0d%0aX-Y:1", 400, "invalid_field", "plan"),
		in("units that are not offered", "/api/billing/preview?additional_capacity_units=1", 400, "unknown_field", "additional_capacity_units"),
		in("no request", "/api/web-approve/status", 400, "missing_field", "request"),
		in("an empty request", "/api/web-approve/status?request=", 400, "invalid_field", "request"),
		in("a request that is none", "/api/web-approve/status?request=apr_x", 404, "not_found", ""),
		in("a long request", "/api/web-approve/status?request=apr_"+strings.Repeat("0", 10_000), 404, "not_found", ""),
		in("a request in upper case", "/api/web-approve/status?request=APR_"+strings.Repeat("0", 26), 404, "not_found", ""),
		in("two requests", status+"&request="+request, 400, "duplicate_field", "request"),
		in("a cursor of garbage", "/api/approvals?cursor=garbage", 400, "invalid_field", "cursor"),
		in("a cursor of another list", "/api/approvals?cursor=in_123", 400, "invalid_field", "cursor"),
		in("a cursor with letters that ids lack", "/api/approvals?cursor=apr_"+strings.Repeat("o", 26), 400, "invalid_field", "cursor"),
		in("SQL in a cursor", "/api/billing/invoices?cursor=in_1'%20OR%201=1--", 400, "invalid_field", "cursor"),
		in("a long cursor", "/api/billing/invoices?cursor="+strings.Repeat("a", 101), 400, "invalid_field", "cursor"),
		in("a page size", "/api/billing/invoices?limit=1000000", 400, "unknown_field", "limit"),
		in("a state that is none", "/api/approvals?state=open", 400, "invalid_field", "state"),
		in("a state in another case", "/api/approvals?state=PENDING", 400, "invalid_field", "state"),
		in("a method in the query", "/api/billing?_method=POST", 400, "unknown_field", "_method"),
	}
	for _, wait := range []string{"-1", "26", "1.5", "1e1", "+5", "05", "0x5", "abc", "", "9223372036854775808", "٥", "%205", "5s"} {
		rows = append(rows, in("wait="+wait, status+"&wait="+strings.ReplaceAll(wait, "+", "%2B"), 400, "invalid_field", "wait"))
	}
	for _, name := range []string{"confirm_token", "token", "access_token", "key", "API_KEY", "Authorization", "password", "secret"} {
		rows = append(rows, in(name+" in the query", "/api/billing?"+name+"=csa_x", 400, "secret_in_query", name))
	}
	for _, path := range []string{
		"/api", "/api/", "/api/billing/", "/api//billing", "/api/./billing", "/api/x/../billing", "/api/billing/../billing/upgrade", "/api/Billing",
		"/api/billing%2Fupgrade", "/api/billing%00", "/api/billing%0a", "/api/billing%20", "/api/billing;a=b", "/api/billing.json", "/api/billing/upgrade/", "/api%2fbilling",
		"/api/billing/upgrade%2f", "/api/%2e%2e/api/billing", "/api/billing\\upgrade", "/api/ｂilling", "/api/billing%ff", "/v1/billing", "/v1/billing/checkout",
	} {
		rows = append(rows, in("path "+path, path, 404, "not_found", ""))
	}
	for _, path := range []string{"//api/billing", "/API/billing", "/Settings/billing", "/settings/billing/", "/settings//billing", "/login/../settings/billing"} {
		rows = append(rows, in("path "+path, path, 404, "(page)", "")) // not one that a program would call
	}
	for _, method := range []string{"PUT", "PATCH", "DELETE", "OPTIONS", "FOO", "get"} {
		r := on(up, method+" for a POST", "", 405, "method_not_allowed", "")
		r.call.method = method
		rows = append(rows, r)
	}
	rows = append(rows, bad{"POST for a GET", call{method: "POST", path: "/api/billing", kind: jsonKind, body: "{}"}, 405, "method_not_allowed", ""},
		in("GET for a POST", "/api/billing/upgrade", 405, "method_not_allowed", ""), in("GET for the webhook", "/stripe/webhook", 405, "method_not_allowed", ""))
	for _, path := range []string{up, down, "billing/checkout", "billing/portal", "web-approve/cancel"} {
		rows = append(rows, on(path+"?plan=scale", "the plan in the query", `{}`, 400, "unknown_field", "plan"))
		for name, key := range map[string]string{"of 256 characters": strings.Repeat("k", 256), "with a blank": "a b", "with a letter that is not ASCII": "clé"} {
			r := on(path, "an Idempotency-Key "+name, `{}`, 400, "invalid_idempotency_key", "")
			r.call.header = map[string]string{"Idempotency-Key": key}
			rows = append(rows, r)
		}
	}
	return rows
}

// credentials are callers who are not whom they say.
func (s *site) credentials(p people) []bad {
	row := func(name string, status int, code string, header map[string]string) bad {
		if _, ok := header["Authorization"]; !ok {
			header["Authorization"] = ""
		}
		return bad{name, call{method: "POST", path: "/api/" + up, kind: jsonKind, body: `{"plan":"scale"}`, header: header}, status, code, ""}
	}
	cookie := s.request(call{as: p.owner, method: "GET", path: "/"}).Header.Get("Cookie")
	flipped := func(key string, at int) string {
		b := []byte(key)
		b[at] = map[bool]byte{true: 'A', false: 'B'}[b[at] != 'A']
		return string(b)
	}
	own := map[string]string{"Sec-Fetch-Site": "same-origin"}
	with := func(name, value string) map[string]string {
		h := map[string]string{name: value}
		for k, v := range own {
			h[k] = v
		}
		return h
	}
	rows := []bad{
		row("no credential", 401, "unauthorized", map[string]string{}),
		row("cookie and bearer", 400, "ambiguous_credentials", map[string]string{"Authorization": "Bearer " + p.OwnerToken, "Cookie": cookie}),
		row("bearer and an empty cookie", 400, "ambiguous_credentials", map[string]string{"Authorization": "Bearer " + p.OwnerToken, "Cookie": "cs_session="}),
		row("basic", 401, "unauthorized", map[string]string{"Authorization": "Basic b3duZXI6cGFzcw=="}),
		row("a bare key", 401, "unauthorized", map[string]string{"Authorization": p.OwnerToken}),
		row("no key", 401, "unauthorized", map[string]string{"Authorization": "Bearer"}),
		row("two keys in one", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + p.OwnerToken + "," + p.OwnerToken}),
		row("a key that is cut", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + p.OwnerToken[:len(p.OwnerToken)-1]}),
		row("a key that is longer", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + p.OwnerToken + "0"}),
		row("a typo in the key", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + flipped(p.OwnerToken, 10)}),
		row("a typo in the checksum", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + flipped(p.OwnerToken, len(p.OwnerToken)-1)}),
		row("an agent's key as a member's", 401, "unauthorized", map[string]string{"Authorization": "Bearer csm_" + p.AgentKey[4:]}),
		row("a session as a key", 401, "unauthorized", map[string]string{"Authorization": "Bearer " + p.OwnerCookie}),
		row("a key as a cookie", 401, "unauthorized", with("Cookie", "cs_session="+p.OwnerToken)),
		row("a bare session as a cookie", 401, "unauthorized", with("Cookie", "cs_session="+p.OwnerCookie)),
		row("a cookie that is cut", 401, "unauthorized", with("Cookie", cookie[:len(cookie)-3])),
		row("a planted cookie before the real one", 401, "unauthorized", with("Cookie", "cs_session=x; "+cookie)),
		row("the cookie's name under TLS", 401, "unauthorized", with("Cookie", strings.Replace(cookie, "cs_session", "__Host-cs_session", 1))),
		row("a million bytes of key", 401, "unauthorized", map[string]string{"Authorization": "Bearer csm_" + strings.Repeat("a", 500_000)}),
	}
	return rows
}

// TestBadInput: each row gets its exact answer, at once, and writes nothing.
func TestBadInput(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	request := s.ask(p.agent, "scale")
	rows := append(append(documents(), values()...), addresses(request)...)
	for i := range rows {
		rows[i].call.as = p.tool // whose word is enough: nothing else stands in the way
		if strings.HasPrefix(rows[i].call.path, "/api/web-approve/") {
			rows[i].call.as = p.agent
		}
	}
	rows = append(rows, s.credentials(p)...)
	changes := changesAtStripe(s)
	before := s.Dump()
	for i, row := range rows {
		if i%200 == 0 {
			s.Advance(61 * time.Second) // the limit of writes
			s.get(p.tool, "/api/billing")
			s.get(p.agent, "/api/billing")
			before = s.Dump()
		}
		s.badRow(row)
		if s.Dump() != before {
			t.Fatalf("%s has written:\n%s", row.name, difference(before, s.Dump()))
		}
	}
	if now := changesAtStripe(s); now != changes {
		t.Errorf("%d changes at Stripe", now-changes)
	}
	t.Logf("%d rows", len(rows))
	if len(rows) < 300 {
		t.Errorf("only %d rows", len(rows))
	}
}

func (s *site) badRow(row bad) {
	s.t.Helper()
	started := time.Now()
	a := s.do(row.call)
	if took := time.Since(started); took > time.Second {
		s.t.Errorf("%s %s: took %v", row.call.path, row.name, took)
	}
	var v struct {
		Error   string
		Message string
		Status  int
		Details map[string]any
	}
	v.Error = "(page)"
	if a.header.Get("Content-Type") == jsonKind {
		o := a.object()
		v.Error, _ = o["error"].(string)
		v.Message, _ = o["message"].(string)
		v.Details, _ = o["details"].(map[string]any)
	}
	field, _ := v.Details["field"].(string)
	if a.status != row.status || v.Error != row.code || field != row.field {
		s.t.Errorf("%s %.60s, %s: %d %s field %.60q, want %d %s %.60q: %.200s", row.call.method, row.call.path, row.name,
			a.status, v.Error, field, row.status, row.code, row.field, a.body)
	}
	if len(a.body) > 2000 && v.Error != "(page)" {
		s.t.Errorf("%s: an answer of %d bytes", row.name, len(a.body))
	}
	if a.status == 405 && a.header.Get("Allow") == "" {
		s.t.Errorf("%s: no Allow", row.name)
	}
}

// TestBadForms: what a form post can do wrong.
func TestBadForms(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	request := s.ask(p.agent, "scale")
	page := "/approve/" + request
	good := s.decision(p.owner, request, "approve")
	money := s.get(p.owner, "/settings/billing/review?plan=scale").form("/settings/billing/change", "plan", "scale")
	change := func(form url.Values, field string, values ...string) string {
		out := without(form, field)
		for _, v := range values {
			out.Add(field, v)
		}
		return out.Encode()
	}
	same := s.unchanged()
	for _, tc := range []struct {
		name, path, kind, body string
		status                 int
	}{
		{"no decision", page, formKind, change(good, "decision"), 400},
		{"an empty decision", page, formKind, change(good, "decision", ""), 400},
		{"an upper-case decision", page, formKind, change(good, "decision", "APPROVE"), 400},
		{"two decisions", page, formKind, change(good, "decision", "deny", "approve"), 400},
		{"a quote twice", page, formKind, change(good, "quote", good.Get("quote"), good.Get("quote")), 400},
		{"no quote", page, formKind, change(good, "quote"), 409},
		{"a quote that is cut", page, formKind, change(good, "quote", good.Get("quote")[1:]), 409},
		{"a quote of another form", page, formKind, change(good, "quote", money.Get("quote")), 409},
		{"a digest in upper case", page, formKind, change(good, "op_digest", strings.ToUpper(good.Get("op_digest"))), 403},
		{"a NUL", page, formKind, change(good, "note", "a\x00b"), 400},
		{"invalid UTF-8", page, formKind, change(good, "note", "\xff"), 400},
		{"a broken escape", page, formKind, "decision=%zz", 400},
		{"JSON", page, jsonKind, `{"decision":"approve"}`, 415},
		{"text", page, "text/plain", good.Encode(), 415},
		{"multipart", page, "multipart/form-data; boundary=x", "--x--", 415},
		{"nothing", page, "", good.Encode(), 415},
		{"latin1", page, formKind + "; charset=latin1", good.Encode(), 415},
		{"a million bytes", page, formKind, good.Encode() + "&note=" + strings.Repeat("a", 1_000_000), 413},
		{"an id that is none", "/approve/apr_1", formKind, good.Encode(), 403},
		{"no plan", "/settings/billing/change", formKind, change(money, "plan"), 400},
		{"a plan that is none", "/settings/billing/change", formKind, change(money, "plan", "gold"), 400},
		{"the free plan", "/settings/billing/change", formKind, change(money, "plan", "free"), 400},
		{"another plan than shown", "/settings/billing/downgrade", formKind, money.Encode(), 409},
		{"no nonce", "/settings/billing/change", formKind, change(money, "nonce"), 400},
		{"a long nonce", "/settings/billing/change", formKind, change(money, "nonce", strings.Repeat("n", 101)), 400},
		{"two nonces", "/settings/billing/change", formKind, change(money, "nonce", "a", "b"), 400},
		{"no token", "/settings/billing/change", formKind, change(money, "form_token"), 403},
		{"a foreign org to switch to", "/session/org", formKind, url.Values{"form_token": {s.Service.FormToken(p.Owner, "session")}, "org": {"org_x"}}.Encode(), 404},
	} {
		started := time.Now()
		a := s.do(call{as: p.owner, method: "POST", path: tc.path, kind: tc.kind, body: tc.body, header: map[string]string{"Sec-Fetch-Site": "same-origin"}})
		if a.status != tc.status || time.Since(started) > time.Second {
			t.Errorf("%s: %d after %v, want %d", tc.name, a.status, time.Since(started), tc.status)
		}
		same(tc.name)
	}
	s.never(p)
}

// TestBadEmails: what is no address gets no mail, and no header of its own.
func TestBadEmails(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	s.people("acme", "", "")
	for i, email := range []string{
		"", " ", "owner", "@acme.test", "owner@", "owner@acme.test,x@evil.example", "owner@acme.test x@evil.example", "owner@acme.test\r\nBcc: x@evil.example",
		"Owner <owner@acme.test>", "<owner@acme.test>", "owner@acme.test\x00", "owner@@acme.test", strings.Repeat("a", 250) + "@acme.test", "\"owner\"@acme.test>",
		"owner@acme.test;x@evil.example", "owner@[127.0.0.1", strings.Repeat("a", 60_000),
	} {
		if i%15 == 14 {
			s.Advance(61 * time.Minute)
		}
		if a := s.submit(nobody, "/login", url.Values{"email": {email}}); a.status != 400 {
			t.Errorf("%.40q: %d", email, a.status)
		}
	}
	if len(s.Mail.Links) != 0 {
		t.Errorf("mails to %q", s.Mail.To)
	}
}

// TestBadHTTP: what no library sends. The server has to answer, or hang up, at
// once, and to write nothing.
func TestBadHTTP(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	head := "POST /api/billing/upgrade HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + p.OwnerToken + "\r\nContent-Type: application/json\r\n"
	body := `{"plan":"scale"}`
	same := s.unchanged()
	for name, tc := range map[string]struct {
		raw    string
		status []int
	}{
		"two lengths":               {head + "Content-Length: 16\r\nContent-Length: 2\r\n\r\n" + body, []int{400}},
		"a negative length":         {head + "Content-Length: -1\r\n\r\n" + body, []int{400}},
		"a length that is a word":   {head + "Content-Length: many\r\n\r\n" + body, []int{400}},
		"more than the length":      {head + "Content-Length: 15\r\n\r\n" + body, []int{400}},
		"an unknown transfer":       {head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", []int{400, 501}},
		"a broken chunk":            {head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + body + "\r\n0\r\n\r\n", []int{400}},
		"NUL in a header":           {head + "X-A: a\x00b\r\nContent-Length: 16\r\n\r\n" + body, []int{400}},
		"a bare CR in a header":     {head + "X-A: a\rb\r\nContent-Length: 16\r\n\r\n" + body, []int{400}},
		"a blank in a name":         {head + "X A: b\r\nContent-Length: 16\r\n\r\n" + body, []int{400}},
		"no host":                   {strings.Replace(head, "Host: localhost\r\n", "", 1) + "Content-Length: 16\r\n\r\n" + body, []int{400}},
		"two hosts":                 {strings.Replace(head, "Host: localhost\r\n", "Host: a\r\nHost: b\r\n", 1) + "Content-Length: 16\r\n\r\n" + body, []int{400}},
		"two Authorization lines":   {head + "Authorization: Bearer " + p.AgentKey + "\r\nContent-Length: 16\r\n\r\n" + body, []int{400}},
		"two content types":         {head + "Content-Type: text/plain\r\nContent-Length: 16\r\n\r\n" + body, []int{415}},
		"two Idempotency-Key lines": {head + "Idempotency-Key: a\r\nIdempotency-Key: b\r\nContent-Length: 16\r\n\r\n" + body, []int{400}},
		"an empty Idempotency-Key":  {head + "Idempotency-Key: \r\nContent-Length: 16\r\n\r\n" + body, []int{400}},
		"two megabytes of headers":  {head + "X-A: " + strings.Repeat("a", 2<<20) + "\r\n\r\n", []int{431}},
		"no HTTP":                   {"upgrade please\r\n\r\n", []int{400}},
	} {
		if got := s.raw(tc.raw); !containsInt(tc.status, got) {
			t.Errorf("%s: %d, want %v", name, got, tc.status)
		}
		same(name)
	}
	s.never(p)
}

// raw sends bytes and returns the status of the answer; 0 if there was none.
func (s *site) raw(bytes string) int {
	s.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	s.ok(err)
	defer func() { _ = conn.Close() }()
	s.ok(conn.SetDeadline(time.Now().Add(5 * time.Second)))
	go func() { _, _ = io.WriteString(conn, bytes) }() // the server may stop reading
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode
}

func containsInt(list []int, n int) bool {
	for _, v := range list {
		if v == n {
			return true
		}
	}
	return false
}

// TestReasonIsText: an agent's words are shown as text whatever they hold, and
// cut where the page's room ends.
func TestReasonIsText(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	for i, tc := range []struct{ said, shown string }{
		{`<script>alert(1)</script>`, `<script>alert(1)</script>`},
		{`</textarea><img src=x onerror=alert(1)>`, `</textarea><img src=x onerror=alert(1)>`},
		{"pay \u202eeman\u202c \u200bnow\ufeff", "pay eman now"},
		{"a\u0007b\u001b[31mc", "ab[31mc"},
		{"line\nline\r\nline", "line line line"},
		{strings.Repeat("é", 500), strings.Repeat("é", 279) + "…"},
	} {
		by := []caller{p.agent, p.other}[i%2]
		a := s.post(by, "/api/billing/upgrade", fmt.Sprintf(`{"plan":"scale","mode":"web","reason":%s}`, quoted(tc.said))).is(200, "web-approve-required")
		row, _ := s.get(by, "/api/approvals?state=pending").object()["data"].([]any)[0].(map[string]any)
		if row["reason"] != tc.shown {
			t.Errorf("%q became %q", tc.said, row["reason"])
		}
		page := s.get(p.owner, "/approve/"+a.text("request")).body
		if strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") || strings.ContainsAny(page, "\u202e\u200b\ufeff\x1b") {
			t.Errorf("%q is markup on the page", tc.said)
		}
	}
}

func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		fmt.Fprintf(&b, "%s", map[bool]string{true: fmt.Sprintf(`\u%04x`, r), false: string(r)}[r < 0x10000])
	}
	b.WriteByte('"')
	return b.String()
}

// TestIdempotencyKey: the same key is the same change, for its own caller.
func TestIdempotencyKey(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	send := func(by caller, path, key, body string) answer {
		t.Helper()
		return s.do(call{as: by, method: "POST", path: "/api/billing/" + path, kind: jsonKind, body: body, header: map[string]string{"Idempotency-Key": key}})
	}
	first := send(p.tool, "upgrade", "k1", `{"plan":"scale"}`).is(200, "switched")
	again := send(p.tool, "upgrade", "k1", `{"plan":"scale"}`).is(200, "switched")
	if first.header.Get("Idempotent-Replayed") != "" || again.header.Get("Idempotent-Replayed") != "true" || again.body != first.body {
		t.Errorf("first %v %s\nagain %v %s", first.header, first.body, again.header, again.body)
	}
	s.once(p)
	send(p.tool, "upgrade", "k1", `{"plan":"pro"}`).is(422, "idempotency_conflict")
	send(p.tool, "downgrade", "k1", `{}`).is(422, "idempotency_conflict")
	s.once(p)
	// Another caller's equal key is another key.
	send(p.owner, "upgrade", "k1", `{"plan":"pro"}`).is(200, "switched")
	if other := s.signIn(p.Org, p.Admin.Email, billing.RoleBillingAdmin); send(other, "upgrade", "k1", `{"plan":"pro"}`).status != 200 {
		t.Error("an equal key of another session is refused")
	}
}
