package handlers_test

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/static"
	"github.com/countersignhq/countersign/web"
)

// The browser's threats, by their id in the design.

// visits are headers of what opens links without a person.
var visits = []map[string]string{
	{"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
	{"User-Agent": "Mozilla/5.0 (compatible; Microsoft SafeLinks)"},
	{"User-Agent": "facebookexternalhit/1.1"},
	{"Purpose": "prefetch", "Sec-Purpose": "prefetch"},
	{"Sec-Purpose": "prefetch;prerender", "Sec-Fetch-Dest": "document"},
	{"X-Moz": "prefetch"},
	{"X-Purpose": "preview"},
	{"HX-Request": "true", "HX-Boosted": "true"},
	{"X-HTTP-Method-Override": "POST"},
	{"X-Method-Override": "POST", "Content-Type": formKind},
}

// address fills in a route's path.
func address(r web.Route, request, link string) string {
	return strings.NewReplacer("{request}", request, "{token}", link, "{file}", path.Base(static.Path("app.css")), "{$}", "").Replace(r.Path)
}

// TestW1: a hundred visits of each address, by bots without a session and by a
// browser with one that prefetches, change nothing.
func TestW1(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	request := s.ask(p.agent, "scale")
	url, _, err := s.Service.SignInURL(t.Context(), "owner@acme.test", "/settings/billing", time.Hour)
	s.ok(err)
	link := strings.TrimPrefix(url, s.BaseURL+"/login/")
	s.secrets.add(link)
	s.get(p.owner, "/settings/billing")
	same, changes := s.unchanged(), changesAtStripe(s)
	for _, r := range s.routes {
		if r.Method != http.MethodGet || r.Path == "/settings/billing/success" {
			continue // that page looks at Stripe and refreshes the mirror: TestSuccessIsNoChange
		}
		path := address(r, request, link)
		for i := range 100 {
			c := call{as: []caller{nobody, p.owner}[i/50], method: []string{"GET", "HEAD"}[i%2], path: path, header: visits[i%len(visits)]}
			if r.Door == web.DoorAPI && strings.Contains(path, "status") {
				c.path += "?request=" + request
			}
			s.do(c)
		}
		same(r.Path)
	}
	for _, query := range []string{"?decision=approve", "?decision=deny&reason=not_me", "?confirm=1&_method=POST"} {
		s.get(p.owner, "/approve/"+request+query)
	}
	same("a decision in the address")
	if now := changesAtStripe(s); now != changes {
		t.Errorf("%d changes at Stripe", now-changes)
	}
	s.submit(nobody, "/login/"+link, nil).is(303, "") // the link is not used up
	s.Advance(time.Minute)                            // the visits have used up what may ask Stripe
	s.submit(p.owner, "/approve/"+request, s.decision(p.owner, request, "approve")).is(303, "")
	s.once(p)
}

// TestSuccessIsNoChange: the page after a checkout refreshes what we know of
// Stripe. It changes nothing there, no plan and no request.
func TestSuccessIsNoChange(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	s.ask(p.agent, "scale")
	before, changes := s.get(p.agent, "/api/billing").body, changesAtStripe(s)
	same := s.unchanged()
	s.get(nobody, "/settings/billing/success?session_id=cs_test_1").is(303, "")
	same("a visit by nobody")
	for range 10 {
		s.get(p.owner, "/settings/billing/success?session_id=cs_test_1").is(303, "")
	}
	if after := s.get(p.agent, "/api/billing").body; after != before || changesAtStripe(s) != changes {
		t.Errorf("before %s after %s", before, after)
	}
}

// foreign are the headers of posts that no page of ours makes.
var foreign = map[string]map[string]string{
	"cross-site":          {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
	"sibling":             {"Sec-Fetch-Site": "same-site", "Origin": "http://other.localhost:8080"},
	"foreign origin":      {"Sec-Fetch-Site": "", "Origin": "https://evil.example"},
	"null origin":         {"Sec-Fetch-Site": "", "Origin": "null"},
	"null and cross-site": {"Sec-Fetch-Site": "cross-site", "Origin": "null"},
	"no header at all":    {"Sec-Fetch-Site": ""},
	"another port":        {"Sec-Fetch-Site": "", "Origin": "http://localhost:9090"},
	"another scheme":      {"Sec-Fetch-Site": "cross-site", "Origin": "https://localhost:8080"},
	"junk":                {"Sec-Fetch-Site": "same-origin, cross-site"},
	"old browser":         {"Sec-Fetch-Site": "", "Referer": "http://localhost:8080/settings/billing"},
}

// TestW3: every route that takes a cookie refuses every post that is not ours,
// though it carries the session and the right form token.
func TestW3(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	request := s.ask(p.agent, "scale")
	same, tried := s.unchanged(), 0
	for _, r := range s.routes {
		if r.Method != http.MethodPost || r.Door == web.DoorMachine || r.Door == web.DoorTools { // they read no cookie
			continue
		}
		for name, headers := range foreign {
			path := address(r, request, "csl_x")
			c := call{as: p.owner, method: r.Method, path: path, kind: formKind, body: s.formFor(p.Owner, r, request).Encode(), header: headers}
			if r.Door == web.DoorAPI {
				c.kind, c.body = jsonKind, `{"request":"`+request+`"}`
			}
			tried++
			if a := s.do(c); a.status != 403 || !strings.Contains(a.body, "another site") {
				t.Errorf("%s from %s: %d %.200s", r.Path, name, a.status, a.body)
			}
		}
		// What a foreign page could send without asking the browser first.
		if r.Door == web.DoorAPI {
			for _, kind := range []string{formKind, "text/plain", "multipart/form-data; boundary=x", ""} {
				if a := s.do(call{as: p.owner, method: r.Method, path: r.Path, kind: kind, body: `{"plan":"scale"}`}); a.status != 415 {
					t.Errorf("%s as %q: %d", r.Path, kind, a.status)
				}
			}
		}
	}
	same("a foreign post")
	if tried < 15*len(foreign) {
		t.Errorf("only %d posts tried", tried)
	}
}

// formFor is a form that would be taken, filled in for a route.
func (s *site) formFor(p billing.Principal, r web.Route, request string) url.Values {
	digest := strings.Repeat("0", 64)
	purpose := map[string]string{
		"/logout": "session", "/session/org": "session",
		"/approve/{request}": "approve:" + request + ":" + digest, "/approve/{request}/opened": "opened:" + request, "/approve/{request}/send": "send:" + request,
	}[r.Path]
	switch {
	case strings.HasPrefix(r.Path, "/settings/agents"):
		purpose = "agents:" + p.OrgID
	case purpose == "":
		purpose = "billing:" + p.OrgID
	}
	return url.Values{
		"form_token": {s.Service.FormToken(p, purpose)}, "nonce": {s.Service.NewNonce()}, "plan": {"pro"}, "org": {p.OrgID},
		"decision": {"approve"}, "op_digest": {digest}, "quote": {"x.y"}, "email": {p.Email},
	}
}

// TestFormTokens: a money form is good for its session, its purpose and its
// request, and for nothing else.
func TestFormTokens(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	request, other := s.ask(p.agent, "scale"), s.ask(p.other, "scale")
	again := s.signIn(p.Org, p.Owner.Email, billing.RoleOwner)
	good := s.decision(p.owner, request, "approve")
	same := s.unchanged()
	bad := map[string]func() answer{
		"another session": func() answer { return s.submit(again, "/approve/"+request, good) },
		"another person":  func() answer { return s.submit(p.admin, "/approve/"+request, good) },
		"another request": func() answer { return s.submit(p.owner, "/approve/"+other, good) },
		"no token":        func() answer { return s.submit(p.owner, "/approve/"+request, without(good, "form_token")) },
		"another digest":  func() answer { return s.submit(p.owner, "/approve/"+request, without(good, "op_digest")) },
		"a billing token": func() answer { return s.submit(p.owner, "/approve/"+request, s.formFor(p.Owner, web.Route{}, request)) },
		"a token that is cut": func() answer {
			form := without(good, "")
			form.Set("form_token", good.Get("form_token")[1:])
			return s.submit(p.owner, "/approve/"+request, form)
		},
		"the approval's token at the money form": func() answer { return s.submit(p.owner, "/settings/billing/downgrade", good) },
	}
	for name, press := range bad {
		if a := press(); a.status != 403 {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	same("a form that is not good")
	s.submit(p.owner, "/approve/"+request, good).is(303, "")
}

func without(form url.Values, field string) url.Values {
	out := url.Values{}
	for k, v := range form {
		if k != field {
			out[k] = v
		}
	}
	return out
}

// TestW4: nothing that a browser can show may be shown in a frame, or run, or
// load, what is not ours.
func TestW4(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	request := s.ask(p.agent, "scale")
	for _, r := range s.routes {
		for _, by := range []caller{nobody, p.owner, p.member} {
			a := s.do(call{as: by, method: r.Method, path: address(r, request, "csl_x"), kind: formKind})
			h := a.header
			csp := h.Get("Content-Security-Policy")
			host := strings.HasPrefix(r.Path, "/api/host/") // which no browser calls
			wanted := []string{"frame-ancestors 'none'", "default-src 'none'", "base-uri 'none'", "script-src 'self'", "form-action 'self'"}
			if host {
				wanted = []string{"frame-ancestors 'none'", "default-src 'none'", "base-uri 'none'", "form-action 'none'"}
			}
			for _, want := range wanted {
				if !strings.Contains(csp, want) {
					t.Errorf("%s: %s is not in %q", a.what, want, csp)
				}
			}
			if strings.Contains(csp, "unsafe") || h.Get("X-Frame-Options") != "DENY" || h.Get("X-Content-Type-Options") != "nosniff" ||
				!host && (h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cross-Origin-Opener-Policy") != "same-origin") {
				t.Errorf("%s: headers %v", a.what, h)
			}
			if cache := h.Get("Cache-Control"); cache != "no-store" && !strings.HasPrefix(r.Path, "/static/") {
				t.Errorf("%s: Cache-Control %q", a.what, cache)
			}
			if strings.Contains(a.body, "<script>") || strings.Contains(a.body, "style=\"") || strings.Contains(a.body, "onclick") {
				t.Errorf("%s has code inside", a.what)
			}
		}
	}
	for _, path := range []string{"/none", "/api/none", "/approve/", "/settings"} {
		if h := s.get(p.owner, path).header; h.Get("X-Frame-Options") != "DENY" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, h)
		}
	}
}

// TestW5 is the wrong account: signed in, but in none of the request's orgs, or
// there without the right.
func TestW5(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "pro", visa), s.people("other", "pro", visa)
	request := s.ask(p.agent, "scale")
	same := s.unchanged()
	a := s.get(q.owner, "/approve/"+request).is(404, "")
	for _, secret := range []string{"acme", "Scale", "$", "deploy-bot"} {
		if strings.Contains(a.body, secret) {
			t.Errorf("%q is shown to a foreigner", secret)
		}
	}
	signedOut := s.get(nobody, "/approve/"+request).is(200, "")
	for _, secret := range []string{"acme", "Scale", "$", "deploy-bot", billing.CheckCode(request)} {
		if strings.Contains(signedOut.body, secret) {
			t.Errorf("%q is shown to everybody", secret)
		}
	}
	page := s.get(p.member, "/approve/"+request).is(200, "")
	if len(page.formsTo("/approve/"+request)) > 0 || !strings.Contains(page.body, p.Owner.Name) {
		t.Errorf("a member has a form, or is not told whom to ask:\n%.2000s", page.body)
	}
	forged := s.formFor(p.Member, web.Route{Path: "/approve/{request}"}, request)
	s.submit(p.member, "/approve/"+request, forged).is(403, "")
	forged.Set("decision", "deny")
	s.submit(p.member, "/approve/"+request, forged).is(403, "")
	for _, decision := range []string{"approve", "deny"} {
		forged = s.formFor(q.Owner, web.Route{Path: "/approve/{request}"}, request)
		forged.Set("decision", decision)
		s.submit(q.owner, "/approve/"+request, forged).is(404, "")
	}
	same("the wrong account")
	if !strings.Contains(page.body, p.Member.Email) {
		t.Error("the page does not say who is signed in")
	}
}

// TestW6: another org's request and one that nobody has are the same, to the byte.
func TestW6(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "pro", visa), s.people("other", "pro", visa)
	foreign, nobodys := s.ask(p.agent, "scale"), "apr_"+strings.Repeat("7", 26)
	for _, by := range []caller{nobody, q.owner, q.member} {
		a, b := s.get(by, "/approve/"+foreign), s.get(by, "/approve/"+nobodys)
		if x, y := a.same(), strings.ReplaceAll(b.same(), nobodys, foreign); x != y {
			t.Errorf("%s\n%s\n%s", by.name, x, y)
		}
	}
	for _, by := range []caller{q.agent, q.owner, q.tool, p.other} {
		for _, f := range []func(id string) answer{
			func(id string) answer { return s.get(by, "/api/web-approve/status?request="+id) },
			func(id string) answer { return s.get(by, "/api/web-approve/status?wait=25&request="+id) },
			func(id string) answer { return s.post(by, "/api/web-approve/cancel", `{"request":"`+id+`"}`) },
		} {
			if a, b := f(foreign).is(404, "not_found"), f(nobodys); a.same() != b.same() {
				t.Errorf("%s\n%s\n%s", by.name, a.same(), b.same())
			}
		}
	}
	for _, r := range []web.Route{{Path: "/approve/{request}"}, {Path: "/approve/{request}/opened"}, {Path: "/approve/{request}/send"}} {
		a := s.submit(q.owner, address(r, foreign, ""), s.formFor(q.Owner, r, foreign)).is(404, "")
		if b := s.submit(q.owner, address(r, nobodys, ""), s.formFor(q.Owner, r, nobodys)); a.same() != b.same() {
			t.Errorf("%s\n%s", a.same(), b.same())
		}
	}
}
