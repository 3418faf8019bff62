package handlers_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestAdminFormProblems: a form that cannot be carried out brings its page back
// with what is wrong, changes nothing, and can be sent again from there.
func TestAdminFormProblems(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	op := s.operator().caller
	org, limit := "/admin/orgs/"+p.Org.ID, "/admin/limits/"+s.wish(p)
	give := url.Values{"resource": {"agents"}, "cap": {"50"}, "reason": {"a friend"}}
	grant := url.Values{"cap": {"6000"}, "reason": {"a friend"}}
	for name, c := range map[string]struct {
		page, action string
		good         url.Values
		field, value string // that is wrong
		status       int
		says         string
	}{
		"cap is a word":      {org, "/limit", give, "cap", "many", 400, "must be a whole number"},
		"cap is a fraction":  {org, "/limit", give, "cap", "1.5", 400, "must be a whole number"},
		"cap is negative":    {org, "/limit", give, "cap", "-1", 400, "limit"},
		"cap is too large":   {org, "/limit", give, "cap", "9223372036854775808", 400, "must be a whole number"},
		"no cap":             {org, "/limit", give, "cap", "", 400, "needs a number"},
		"no reason":          {org, "/limit", give, "reason", " \t", 400, "Say why"},
		"reason is too long": {org, "/limit", give, "reason", strings.Repeat("é", 501), 400, "at most 500"},
		"past expiry":        {org, "/limit", give, "until", "2026-03-02", 400, "future"},
		"no day":             {org, "/limit", give, "until", "2026-02-30", 400, "2026-12-31"},
		"no such thing":      {org, "/limit", give, "resource", "rockets", 400, ""},
		"partner, perhaps":   {org, "/partner", url.Values{"on": {"yes"}, "reason": {"r"}}, "on", "perhaps", 400, "yes or no"},
		"partner, no reason": {org, "/partner", url.Values{"on": {"yes"}, "reason": {"r"}}, "reason", "", 400, "Say why"},
		"no such plan":       {org, "/plan", url.Values{"plan": {"pro"}, "reason": {"r"}}, "plan", "gold", 400, ""},
		"plan, no reason":    {org, "/plan", url.Values{"plan": {"pro"}, "reason": {"r"}}, "reason", "", 400, "Say why"},
		"grant of no more":   {limit, "/grant", grant, "cap", "5000", 400, "not lower than that"},
		"grant, a word":      {limit, "/grant", grant, "cap", "lots", 400, "must be a whole number"},
		"grant, no reason":   {limit, "/grant", grant, "reason", "", 400, "Say why"},
		"grant, past expiry": {limit, "/grant", grant, "until", "2020-01-01", 400, "future"},
		"decline, no reason": {limit, "/decline", url.Values{"reason": {"r"}}, "reason", "", 400, "Say why"},
		"decline, too long":  {limit, "/decline", url.Values{"reason": {"r"}}, "reason", strings.Repeat("x", 501), 400, "at most 500"},
		"grant of rockets":   {limit, "/grant", grant, "resource", "rockets", 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			form := s.get(op, c.page).formsTo(c.page + c.action)[0]
			for k, v := range c.good {
				form[k] = v
			}
			form.Set(c.field, c.value)
			same := s.unchanged()
			a := s.submit(op, c.page+c.action, form)
			same(name)
			if a.status != c.status || !strings.Contains(a.body, "Nothing was changed") || !strings.Contains(a.body, c.says) || !strings.Contains(a.body, `role="alert"`) {
				t.Fatalf("%d, want %d and %q: %.9000s", a.status, c.status, c.says, a.body)
			}
			again := a.formsTo(c.page + c.action)
			if len(again) != 1 || again[0].Get("form_token") != form.Get("form_token") {
				t.Errorf("%d forms to try again with, token %q", len(again), again[0].Get("form_token"))
			}
		})
	}
	form := s.get(op, limit).formsTo(limit + "/grant")[0]
	form.Set("cap", "6000")
	form.Set("reason", "a friend")
	if a := s.submit(op, limit+"/grant", form); a.status != 303 {
		t.Errorf("the good one: %d %s", a.status, a.body)
	}
	same := s.unchanged()
	if a := s.submit(op, limit+"/grant", form); a.status != 409 || !strings.Contains(a.body, "was answered already") {
		t.Errorf("granted twice: %d %.300s", a.status, a.body)
	}
	same("a second grant")
}

// TestAdminOfNothing: what is not there is a page that says so, and nothing of
// an operator's press is lost in it.
func TestAdminOfNothing(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	x := s.operator()
	for _, path := range []string{"/admin/orgs/org_none", "/admin/limits/lir_none"} {
		if a := s.get(x.caller, path); a.status != 404 || !strings.Contains(a.body, "<h1") {
			t.Errorf("%s: %d %.200s", path, a.status, a.body)
		}
	}
	same := s.unchanged()
	for path, form := range map[string]url.Values{
		"/admin/orgs/org_none/limit":     {"resource": {"agents"}, "cap": {"5"}, "reason": {"r"}},
		"/admin/orgs/org_none/partner":   {"on": {"yes"}, "reason": {"r"}},
		"/admin/orgs/org_none/plan":      {"plan": {"pro"}, "reason": {"r"}},
		"/admin/orgs/org_none/sync":      {},
		"/admin/limits/lir_none/grant":   {"cap": {"5"}, "reason": {"r"}},
		"/admin/limits/lir_none/decline": {"reason": {"r"}},
		"/admin/orgs/org_none/limit/end": {"resource": {"agents"}, "reason": {"r"}},
		"/admin/orgs/org_none/resume":    {"key": {"key_none"}, "reason": {"r"}},
	} {
		form.Set("form_token", s.Service.FormToken(x.p, "admin:"+path))
		if a := s.submit(x.caller, path, form); a.status != 404 {
			t.Errorf("%s: %d %.200s", path, a.status, a.body)
		}
	}
	same("presses about nothing")
}
