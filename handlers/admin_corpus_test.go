package handlers_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// operatorForms is every form of the operator's pages with what it takes.
func operatorForms(org, limit string) map[string]url.Values {
	about := "/admin/orgs/" + org
	return map[string]url.Values{
		about + "/limit":                      {"resource": {"agents"}, "cap": {"50"}, "reason": {"r"}},
		about + "/limit/end":                  {"resource": {"agents"}, "reason": {"r"}},
		about + "/partner":                    {"on": {"yes"}, "reason": {"r"}},
		about + "/plan":                       {"plan": {"pro"}, "reason": {"r"}},
		about + "/sync":                       {},
		about + "/resume":                     {"key": {"key_none"}, "reason": {"r"}},
		"/admin/limits/" + limit + "/grant":   {"cap": {"6000"}, "reason": {"r"}},
		"/admin/limits/" + limit + "/decline": {"reason": {"r"}},
		"/admin/reviews/int_none/look":        {},
		"/admin/reviews/int_none/happened":    {"reason": {"r"}},
		"/admin/reviews/int_none/failed":      {"reason": {"r"}},
		"/admin/webhooks/resume":              {"reason": {"r"}},
		"/admin/webhooks/evt_none/replay":     {"reason": {"r"}},
		"/admin/logout":                       {},
	}
}

// TestBadOperatorForms: what each form of the operator can do wrong, whatever it
// asks for, with the exact answer, at once, and nothing is written.
func TestBadOperatorForms(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	x := s.operator()
	forms, rows := operatorForms(p.Org.ID, s.wish(p)), 0
	same := s.unchanged()
	for path, good := range forms {
		token := s.Service.FormToken(x.p, "admin:"+path)
		good.Set("form_token", token)
		encoded := good.Encode()
		with := func(field, value string) string { return encoded + "&" + url.Values{field: {value}}.Encode() }
		for _, tc := range []struct {
			name, kind, body, site string
			status                 int
		}{
			{"no token", formKind, without(good, "form_token").Encode(), "same-origin", 403},
			{"another form's token", formKind, without(good, "form_token").Encode() + "&form_token=" + s.Service.FormToken(x.p, "admin:/admin"), "same-origin", 403},
			{"a token that is cut", formKind, without(good, "form_token").Encode() + "&form_token=" + token[1:], "same-origin", 403},
			{"two tokens", formKind, with("form_token", token), "same-origin", 400},
			{"from another site", formKind, encoded, "cross-site", 403},
			{"from a sister site", formKind, encoded, "same-site", 403},
			{"a NUL", formKind, with("note", "a\x00b"), "same-origin", 400},
			{"invalid UTF-8", formKind, with("note", "\xff"), "same-origin", 400},
			{"a broken escape", formKind, encoded + "&note=%zz", "same-origin", 400},
			{"a million bytes", formKind, with("note", strings.Repeat("a", 1_000_000)), "same-origin", 413},
			{"JSON", jsonKind, `{"reason":"r"}`, "same-origin", 415},
			{"text", "text/plain", encoded, "same-origin", 415},
			{"multipart", "multipart/form-data; boundary=x", "--x--", "same-origin", 415},
			{"nothing", "", encoded, "same-origin", 415},
			{"latin1", formKind + "; charset=latin1", encoded, "same-origin", 415},
		} {
			rows++
			if rows%100 == 0 {
				s.Advance(61 * time.Second) // the limit of writes
			}
			started := time.Now()
			a := s.do(call{as: x.caller, method: "POST", path: path, kind: tc.kind, body: tc.body, header: map[string]string{"Sec-Fetch-Site": tc.site}})
			if a.status != tc.status || time.Since(started) > time.Second {
				t.Errorf("%s, %s: %d after %v, want %d", path, tc.name, a.status, time.Since(started), tc.status)
			}
		}
		for field := range without(good, "form_token") {
			rows++
			if a := s.submit(x.caller, path, url.Values{field: {"a", "b"}, "form_token": {token}}); a.status != 400 {
				t.Errorf("%s, %s twice: %d, want 400", path, field, a.status)
			}
		}
	}
	same("a bad form of the operator's")
	if a := s.get(x.caller, "/admin"); a.status != 200 {
		t.Errorf("the operator is signed out: %d", a.status)
	}
	t.Logf("%d rows", rows)
}
