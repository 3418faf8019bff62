package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
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
		if r.Method != http.MethodPost || r.Door == web.DoorMachine {
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
	if purpose == "" {
		purpose = "billing"
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
			for _, want := range []string{"frame-ancestors 'none'", "default-src 'none'", "base-uri 'none'", "script-src 'self'", "form-action 'self'"} {
				if !strings.Contains(csp, want) {
					t.Errorf("%s: %s is not in %q", a.what, want, csp)
				}
			}
			if strings.Contains(csp, "unsafe") || h.Get("X-Frame-Options") != "DENY" || h.Get("X-Content-Type-Options") != "nosniff" ||
				h.Get("Referrer-Policy") != "no-referrer" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" {
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

// TestW16: nobody learns which ids, addresses, keys or links there are.
func TestW16(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	ask := func(email string) string {
		a := s.submit(nobody, "/login", url.Values{"email": {email}}).is(200, "")
		return strings.ReplaceAll(a.same(), email, "EMAIL")
	}
	if a, b := ask("owner@acme.test"), ask("nowhe@acme.test"); a != b {
		t.Errorf("a known and an unknown address differ:\n%s\n%s", a, b)
	}
	if len(s.Mail.Links) != 1 {
		t.Errorf("%d mails", len(s.Mail.Links))
	}
	revoked := s.key(billing.NewKey{Kind: billing.KindAgent, OrgID: p.Org.ID, Name: "revoked"})
	gone, err := s.Service.Authenticate(t.Context(), revoked.key)
	s.ok(err)
	s.ok(s.Store.RevokeCredential(t.Context(), p.Org.ID, gone.CredentialID, s.Box.Now()))
	var answers []string
	for _, key := range []string{revoked.key, p.AgentKey[:len(p.AgentKey)-1], "csa_x", "x", p.OwnerCookie, strings.Replace(p.AgentKey, "csa_", "csm_", 1)} {
		answers = append(answers, s.get(caller{"x", key, ""}, "/api/billing").is(401, "unauthorized").same())
	}
	used, _, err := s.Service.SignInURL(t.Context(), p.Owner.Email, "", time.Hour)
	s.ok(err)
	late, _, err := s.Service.SignInURL(t.Context(), p.Owner.Email, "", time.Minute)
	s.ok(err)
	s.submit(nobody, strings.TrimPrefix(used, s.BaseURL), nil).is(303, "")
	s.Advance(2 * time.Minute)
	var links []string
	for _, l := range []string{used, late, used[:len(used)-1], s.BaseURL + "/login/x"} {
		s.secrets.add(strings.TrimPrefix(l, s.BaseURL+"/login/"))
		links = append(links, s.get(nobody, strings.TrimPrefix(l, s.BaseURL)).is(404, "").same(),
			s.submit(nobody, strings.TrimPrefix(l, s.BaseURL), nil).is(404, "").same())
	}
	if n := len(slices.Compact(answers)); n != 1 {
		t.Errorf("keys get %d different answers", n)
	}
	if n := len(slices.Compact(links)); n != 1 {
		t.Errorf("links get %d different answers", n)
	}
}

// elsewhere are ways to say another site.
var elsewhere = []string{
	"//evil.example", "///evil.example", "////evil.example/", `/\evil.example`, `\\evil.example`, `\evil.example`, "https:evil.example",
	"https://evil.example", "https:/evil.example", "HTTPS://evil.example/settings/billing", "/%2fevil.example", "/%2Fevil.example/..", "%2f%2fevil.example",
	"/%5cevil.example", "/%5C%5Cevil.example", "/\t/evil.example", "/\n/evil.example", "/%09/evil.example", "/%0d%0aLocation:%20https://evil.example",
	"javascript:alert(1)", "data:text/html,x", "//evil.example\\@localhost", "http://localhost:8080@evil.example", "//localhost:8080.evil.example",
	"evil.example", "@evil.example", ".evil.example", "/settings\\..\\..//evil.example", "/" + strings.Repeat("a", 400), "?next=//evil.example", "#//evil.example", "",
	"/\x00/evil.example",
}

// TestW17: whatever next says, one ends on a page of ours.
func TestW17(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	ours := func(what string, a answer) {
		t.Helper()
		// As a browser reads it: tabs and newlines go, a backslash is a slash.
		location := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/").Replace(a.header.Get("Location"))
		target, err := parsed(t, s.BaseURL).Parse(location)
		if err != nil || a.status != 303 || target.Host != "localhost:8080" || target.Scheme != "http" || strings.HasPrefix(location, "//") {
			t.Errorf("%s: %d to %q", what, a.status, a.header.Get("Location"))
		}
	}
	for _, next := range elsewhere {
		query := url.Values{"next": {next}}.Encode()
		if a := s.get(p.owner, "/login?"+query); a.status != 400 { // control characters are refused whole
			ours("signed in, next="+next, a)
		}
		if a := s.get(nobody, "/login?"+query); strings.Contains(a.body, "evil") {
			t.Errorf("next=%q is on the page", next)
		}
		link, _, err := s.Service.SignInURL(t.Context(), p.Owner.Email, next, time.Hour)
		s.ok(err)
		ours("signing in, next="+next, s.submit(nobody, strings.TrimPrefix(link, s.BaseURL), nil))
	}
	for i, next := range elsewhere {
		if i%15 == 0 {
			s.Advance(61 * time.Minute) // the limits of asking for links
		}
		email := fmt.Sprintf("person%d@acme.test", i)
		_, err := s.Service.AddMember(t.Context(), p.Org.ID, email, "P", billing.RoleMember)
		s.ok(err)
		sent := len(s.Mail.Links)
		if a := s.submit(nobody, "/login", url.Values{"email": {email}, "next": {next}}); a.status == 400 {
			continue
		}
		ours("asking for a link, next="+next, s.submit(nobody, strings.TrimPrefix(s.Mail.Links[sent], s.BaseURL), nil))
	}
	for _, path := range []string{"//evil.example/settings/billing", "/settings/billing//evil.example", "/settings//evil.example", "/%2f%2fevil.example", "/approve/..%2f..%2f%2fevil.example"} {
		if a := s.get(nobody, path); a.header.Get("Location") != "" && a.status != 404 {
			ours(path, a)
		}
	}
	// A page of ours is where one comes back to, with its address whole.
	a := s.get(nobody, "/settings/approvals")
	if a.header.Get("Location") != "/login?next=%2Fsettings%2Fapprovals" {
		t.Errorf("%s", a.header.Get("Location"))
	}
}

// TestW21: the Host header, and what a proxy may add, change no address.
func TestW21(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	evil := map[string]string{
		"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example", "X-Original-Url": "/admin",
		"X-Rewrite-Url": "/admin", "X-Forwarded-For": "10.0.0.1",
	}
	send := func(c call) {
		t.Helper()
		c.header = evil
		req := s.request(c)
		req.Host = "evil.example"
		res, err := client.Do(req)
		s.ok(err)
		defer func() { _ = res.Body.Close() }()
		var body strings.Builder
		s.ok(res.Write(&body))
		if res.StatusCode >= 400 || strings.Contains(body.String(), "evil.example") {
			t.Errorf("%s %s: %d\n%s", c.method, c.path, res.StatusCode, body.String())
		}
	}
	for _, r := range s.routes {
		if r.Method == http.MethodGet && !strings.ContainsAny(r.Path, "{") && r.Path != "/api/web-approve/status" && r.Path != "/settings/billing/review" {
			send(call{as: p.owner, method: r.Method, path: r.Path})
			if r.Door != web.DoorAPI {
				send(call{as: nobody, method: r.Method, path: r.Path})
			}
		}
	}
	send(call{as: p.agent, method: "POST", path: "/api/billing/upgrade", kind: jsonKind, body: `{"plan":"scale","mode":"web"}`})
	send(call{as: p.agent, method: "POST", path: "/api/billing/portal", kind: jsonKind})
	send(call{as: nobody, method: "POST", path: "/login", kind: formKind, body: "email=owner%40acme.test"})
	if len(s.Mail.Links) != 1 || !strings.HasPrefix(s.Mail.Links[0], s.BaseURL+"/login/") {
		t.Errorf("the mailed link is %v", s.Mail.Links)
	}
}

// TestW23: a session that was there before signing in is none afterwards; a
// cookie that was copied dies with the session.
func TestW23(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "pro", visa), s.people("evil", "pro", visa)
	signIn := func(as caller) answer {
		t.Helper()
		link, _, err := s.Service.SignInURL(t.Context(), p.Owner.Email, "", time.Hour)
		s.ok(err)
		return s.submit(as, strings.TrimPrefix(link, s.BaseURL), nil).is(303, "")
	}
	cookieOf := func(a answer) *http.Cookie {
		t.Helper()
		cookies := (&http.Response{Header: a.header}).Cookies()
		if len(cookies) != 1 {
			t.Fatalf("%d cookies", len(cookies))
		}
		return cookies[0]
	}
	with := func(c *http.Cookie, method, path, body string) answer {
		h := map[string]string{"Cookie": c.Name + "=" + c.Value, "Sec-Fetch-Site": "same-origin"}
		return s.do(call{as: caller{name: "a cookie"}, method: method, path: path, kind: formKind, body: body, header: h})
	}
	// The attacker's own session is in the victim's browser.
	fresh := cookieOf(signIn(q.owner))
	if !fresh.HttpOnly || fresh.SameSite != http.SameSiteLaxMode || fresh.Path != "/" || fresh.Domain != "" || fresh.Name != "cs_session" {
		t.Errorf("%+v", fresh)
	}
	s.get(q.owner, "/settings/billing").is(303, "") // the attacker's session is over
	if a := with(fresh, "GET", "/settings/billing", ""); a.status != 200 || !strings.Contains(a.body, p.Owner.Email) {
		t.Errorf("the new session: %d", a.status)
	}
	// One that never was, or was signed with another key, counts as none.
	planted := &http.Cookie{Name: "cs_session", Value: "planted"}
	signIn(nobody)
	if again := cookieOf(with(planted, "POST", strings.TrimPrefix(must(s.Service.SignInURL(t.Context(), p.Owner.Email, "", time.Hour)), s.BaseURL), "")); again.Value == "planted" || again.Value == fresh.Value {
		t.Error("the session does not rotate")
	}
	with(planted, "GET", "/settings/billing", "").is(303, "")
	// Signing out ends the session, not just the cookie of that browser.
	page := with(fresh, "GET", "/settings/billing", "")
	token := page.form("/logout", "form_token", page.formsTo("/logout")[0].Get("form_token"))
	bye := with(fresh, "POST", "/logout", token.Encode()).is(303, "")
	if c := cookieOf(bye); c.MaxAge >= 0 || c.Value != "" {
		t.Errorf("%+v", c)
	}
	with(fresh, "GET", "/settings/billing", "").is(303, "")
	if a := with(fresh, "GET", "/api/billing", ""); a.status != 401 {
		t.Errorf("a copied cookie after signing out: %d", a.status)
	}
	// A session ends by itself: unused for 12 hours, and after 14 days in any case.
	s.Advance(12*time.Hour + time.Second)
	s.get(p.admin, "/settings/billing").is(303, "")
}

func must(url string, _ time.Time, err error) string {
	if err != nil {
		panic(err)
	}
	return url
}

// TestSessionCookieUnderTLS has the prefix that keeps other hosts from setting it.
func TestSessionCookieUnderTLS(t *testing.T) {
	s := newSite(t, worldtest.Options{BaseURL: "https://billing.example.com"})
	p := s.people("acme", "", "")
	link := must(s.Service.SignInURL(t.Context(), p.Owner.Email, "", time.Hour))
	a := s.submit(nobody, strings.TrimPrefix(link, s.BaseURL), nil).is(303, "")
	c := (&http.Response{Header: a.header}).Cookies()[0]
	if c.Name != "__Host-cs_session" || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" {
		t.Errorf("%+v", c)
	}
	if a.header.Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS")
	}
}

// TestW25: the portal link that an agent passes on opens nothing by itself.
func TestW25(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "pro", visa), s.people("other", "pro", visa)
	link := strings.TrimPrefix(s.post(p.agent, "/api/billing/portal", "").is(200, "").text("url"), s.BaseURL)
	opened := func() int {
		n := 0
		for _, c := range s.Box.Calls() {
			if strings.HasPrefix(c.Path, "/v1/billing_portal/sessions") {
				n++
			}
		}
		return n
	}
	for _, by := range []caller{nobody, p.agent, p.tool, p.owner, p.member, q.owner} {
		a := s.get(by, link).is(303, "")
		if to := a.header.Get("Location"); to != "/login?next=%2Fsettings%2Fbilling%2Fportal" && !strings.HasPrefix(to, "/settings/billing#") {
			t.Errorf("%s: %s", by.name, to)
		}
	}
	s.submit(p.agent, link, nil).is(303, "")
	s.submit(p.member, link, s.formFor(p.Member, web.Route{}, "")).is(403, "")
	s.submit(p.owner, link, nil).is(403, "") // without the form's token
	if n := opened(); n != 0 {
		t.Errorf("%d portal sessions were opened", n)
	}
	a := s.submit(p.owner, link, s.formFor(p.Owner, web.Route{}, "")).is(303, "")
	if to := a.header.Get("Location"); strings.HasPrefix(to, "/") || opened() != 1 {
		t.Errorf("the owner's press leads to %q, %d sessions", to, opened())
	}
}
