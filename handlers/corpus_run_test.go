package handlers_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

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
		Status  int
		Details map[string]any
	}
	v.Error = "(page)"
	if a.header.Get("Content-Type") == jsonKind {
		o := a.object()
		v.Error, _ = o["error"].(string)
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
		{"no units", "/settings/billing/capacity", formKind, change(money, "units"), 400},
		{"units that are a word", "/settings/billing/capacity", formKind, change(money, "units", "many"), 400},
		{"units twice", "/settings/billing/capacity", formKind, change(money, "units", "1", "2"), 400},
		{"units past 64 bits", "/settings/billing/capacity", formKind, change(money, "units", "9223372036854775808"), 400},
		{"units that are not sold", "/settings/billing/capacity", formKind, change(money, "units", "2"), 409},
		{"units as JSON", "/settings/billing/capacity", jsonKind, `{"units":2}`, 415},
		{"units without a token", "/settings/billing/capacity", formKind, change(money, "form_token"), 403},
		{"a reduction that is none", "/settings/billing/capacity/keep", formKind, money.Encode(), 409},
		{"a reduction without a nonce", "/settings/billing/capacity/keep", formKind, change(money, "nonce"), 400},
		{"a trial of no plan", "/settings/billing/trial", formKind, change(money, "plan"), 400},
		{"a trial of a plan that is none", "/settings/billing/trial", formKind, change(money, "plan", "gold"), 400},
		{"a trial of a plan without one", "/settings/billing/trial", formKind, money.Encode(), 409},
		{"a trial without a nonce", "/settings/billing/trial", formKind, change(money, "nonce"), 400},
		{"a trial without a token", "/settings/billing/trial", formKind, change(money, "form_token"), 403},
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
		s.post(by, "/api/web-approve/cancel", fmt.Sprintf(`{"request":%q}`, a.text("request"))).is(200, "canceled")
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
