package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/web"
)

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
	notSet := map[string]bool{"/metrics": true, "/.well-known/oauth-protected-resource": true} // 404 here
	for _, r := range s.routes {
		if r.Door == web.DoorStream {
			continue // its answer does not end, and has no address in it
		}
		if r.Method == http.MethodGet && !notSet[r.Path] && !strings.ContainsAny(r.Path, "{") && r.Path != "/api/web-approve/status" && r.Path != "/settings/billing/review" && r.Path != "/settings/billing/usage.csv" {
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
