package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func TestSignIn(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	contains(t, s.get(who{}, "/login?next=/approve/x"), 200, `name="next" value="/approve/x"`, `name="email"`)
	w := s.submit(who{}, pathLogin, url.Values{"email": {" Owner@ACME.test "}, "next": {"/settings/approvals"}})
	contains(t, w, 200, "Check your email")
	if len(s.Mail.Links) != 1 || s.Mail.To[0] != "owner@acme.test" {
		t.Fatalf("mail to %v", s.Mail.To)
	}
	link := strings.TrimPrefix(s.Mail.Links[0], s.BaseURL)
	for range 3 { // scanners open links
		peek := s.get(who{}, link)
		contains(t, peek, 200, "owner@acme.test")
		if len(peek.Result().Cookies()) != 0 {
			t.Error("opening the link signs in")
		}
	}
	in := s.submit(who{}, link, nil)
	if in.Code != 303 || in.Header().Get("Location") != "/settings/approvals" {
		t.Fatalf("%d %v", in.Code, in.Header())
	}
	cookies := in.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != "cs_session" || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode {
		t.Fatalf("cookies %v", cookies)
	}
	withCookie := "Cookie: cs_session=" + cookies[0].Value
	contains(t, s.get(who{}, pathBilling, withCookie), 200, "acme")
	contains(t, s.submit(who{}, link, nil), 404, "used or has expired")
	contains(t, s.get(who{}, link), 404, "used or has expired")
	if strings.Contains(s.Log.String(), strings.TrimPrefix(link, "/login/")) {
		t.Error("the link is in the log")
	}

	// A session that was there before ends with the new one.
	s.submit(who{}, pathLogin, url.Values{"email": {"admin@acme.test"}})
	second := strings.TrimPrefix(s.Mail.Links[1], s.BaseURL)
	if again := s.submit(who{session: c.OwnerCookie}, second, nil); again.Code != 303 || again.Header().Get("Location") != pathBilling {
		t.Fatalf("%d %v", again.Code, again.Header())
	}
	if w := s.get(who{session: c.OwnerCookie}, pathBilling); w.Code != 303 {
		t.Errorf("the old session still works: %d", w.Code)
	}
}

func TestSignInTellsNothing(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	s.NewCast("acme", "", "")
	page := func(email string) string {
		w := s.submit(who{}, pathLogin, url.Values{"email": {email}})
		if w.Code != 200 {
			t.Fatalf("%s: %d", email, w.Code)
		}
		return strings.ReplaceAll(w.Body.String(), email, "EMAIL")
	}
	if page("owner@acme.test") != page("nobody@acme.test") {
		t.Error("the page tells who is known")
	}
	if len(s.Mail.Links) != 1 {
		t.Errorf("%d mails", len(s.Mail.Links))
	}
	for _, bad := range []string{"", "ada", "a@b@c", "Ada <ada@acme.test>", strings.Repeat("a", 300) + "@acme.test", "ada@acme.test\r\nBcc: x@y.test"} {
		if w := s.submit(who{}, pathLogin, url.Values{"email": {bad}}); w.Code != 400 {
			t.Errorf("%q: %d", bad, w.Code)
		}
	}
	for _, token := range []string{"x", "csl_", "csl_" + strings.Repeat("a", 49), "..%2f", strings.Repeat("t", 5000)} {
		if w := s.get(who{}, "/login/"+token); w.Code != 404 {
			t.Errorf("%s: %d", token, w.Code)
		}
	}
}

func TestSignInNext(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "", "")
	for i, next := range []string{"//evil.test", "https://evil.test", "/\\evil.test", "javascript:alert(1)", "/\t/evil.test", "%2f%2fevil.test"} {
		if w := s.get(who{session: c.OwnerCookie}, "/login?next="+url.QueryEscape(next)); w.Code == 303 && w.Header().Get("Location") != pathBilling {
			t.Errorf("%q leads to %q", next, w.Header().Get("Location"))
		}
		s.Advance(time.Hour)
		s.submit(who{}, pathLogin, url.Values{"email": {"admin@acme.test"}, "next": {next}})
		w := s.submit(who{}, strings.TrimPrefix(s.Mail.Links[i], s.BaseURL), nil)
		if w.Code != 303 || w.Header().Get("Location") != pathBilling {
			t.Errorf("%q: %d, leads to %q", next, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestSignInLimits(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	s.NewCast("acme", "", "")
	ask := func(email string) int {
		return s.submit(who{}, pathLogin, url.Values{"email": {email}}).Code
	}
	for i := range 5 {
		if got := ask("owner@acme.test"); got != 200 {
			t.Fatalf("link %d: %d", i+1, got)
		}
	}
	if w := s.submit(who{}, pathLogin, url.Values{"email": {"OWNER@acme.test"}}); w.Code != 429 || w.Header().Get("Retry-After") != "3600" {
		t.Errorf("link 6: %d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
	for range 14 {
		ask("nobody@acme.test")
	}
	if got := ask("somebody@acme.test"); got != 429 {
		t.Errorf("from one network: %d", got)
	}
	s.Advance(time.Hour)
	if got := ask("owner@acme.test"); got != 200 || len(s.Mail.Links) != 6 {
		t.Errorf("an hour later: %d, %d mails", got, len(s.Mail.Links))
	}
}

func TestSignOut(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "", "")
	owner := who{session: c.OwnerCookie}
	form := forms(s.get(owner, pathBilling), pathLogout, "", "")
	if w := s.submit(owner, pathLogout, url.Values{"form_token": {"x"}}); w.Code != 403 {
		t.Errorf("without the token: %d", w.Code)
	}
	w := s.submit(owner, pathLogout, form)
	if w.Code != 303 || w.Header().Get("Location") != pathLogin || w.Result().Cookies()[0].MaxAge != -1 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	// The cookie that a thief has copied is worth nothing now.
	if got := s.get(owner, pathBilling).Code; got != 303 {
		t.Errorf("the session still works: %d", got)
	}
	if got := s.get(owner, "/api/billing").Code; got != 401 {
		t.Errorf("the session still works at the API: %d", got)
	}
}

func TestSwitchOrg(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c, other := s.NewCast("acme", "", ""), s.NewCast("globex", "", "")
	owner := who{session: c.OwnerCookie}
	if _, err := s.Service.AddMember(t.Context(), other.Org.ID, "owner@acme.test", "owner", billing.RoleMember); err != nil {
		t.Fatal(err)
	}
	form := forms(s.get(owner, pathBilling), "/session/org", "", "")
	form.Set("org", other.Org.ID)
	if w := s.submit(owner, "/session/org", form); w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	contains(t, s.get(owner, "/api/billing"), 200, `"name":"globex"`)
	stranger := s.NewCast("initech", "", "")
	form.Set("org", stranger.Org.ID)
	if w := s.submit(owner, "/session/org", form); w.Code != 404 {
		t.Errorf("a foreign org: %d", w.Code)
	}
}

// TestSwitchOrgInAnotherTab: a page left open shows another org than the session
// is at by now. What is pressed on it does nothing, instead of something to the
// wrong org.
func TestSwitchOrgInAnotherTab(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c, other := s.NewCast("acme", "pro", visa), s.NewCast("globex", "scale", visa)
	owner := who{session: c.OwnerCookie}
	if _, err := s.Service.AddMember(t.Context(), other.Org.ID, "owner@acme.test", "owner", billing.RoleOwner); err != nil {
		t.Fatal(err)
	}
	for _, org := range []worldtest.Cast{c, other} {
		if err := s.Box.CancelAtPeriodEnd(s.Sync(org.Org.ID).SubscriptionID, true); err != nil {
			t.Fatal(err)
		}
		s.Sync(org.Org.ID)
	}
	page := s.get(owner, pathBilling)
	change := forms(page, "/session/org", "", "")
	change.Set("org", other.Org.ID)
	if w := s.submit(owner, "/session/org", change); w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for _, target := range []string{pathResume, pathPortal} {
		if w := s.submit(owner, target, forms(page, target, "", "")); w.Code != 403 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
	if !s.Sync(other.Org.ID).CancelAtPeriodEnd {
		t.Error("globex was changed by a page of acme")
	}
}
