package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
)

// gatekeeper knows one operator.
type gatekeeper struct{}

func (gatekeeper) Operator(_ context.Context, token string) (billing.Principal, error) {
	switch token {
	case "good-operator":
		return billing.Principal{Actor: billing.Actor{Kind: billing.KindOperator, ID: "opr_1", CredentialID: "ops_1"}}, nil
	case "no-store":
		return billing.Principal{}, errors.New("the database is gone")
	}
	return billing.Principal{}, billing.ErrUnauthorized
}

// adminSite has one route for each way that operators come in by.
func adminSite(t *testing.T, base string) *site {
	s := newSite(t, base)
	s.cfg.Operators, s.cfg.AdminLogin = gatekeeper{}, "/admin/login"
	s.AdminPage("/admin/page", ok)
	s.AdminForm("/admin/form", For("p"), ok)
	s.AdminOpenPage("/admin/way-in", ok)
	s.AdminOpenForm("/admin/press", ok)
	s.Page("/mine", ok)
	return s
}

func (s *site) operatorCookie(t *testing.T, token string) string {
	t.Helper()
	c, err := OperatorCookie(s.cfg.BaseURL, s.cfg.SessionKey, token)
	if err != nil {
		t.Fatal(err)
	}
	return "Cookie: " + c.Name + "=" + c.Value
}

// TestOperatorDoors: their own cookie opens them, and nothing else does.
func TestOperatorDoors(t *testing.T) {
	s := adminSite(t, "http://127.0.0.1:8080")
	good := s.operatorCookie(t, "good-operator")
	session := s.cookie(t, "good-session")
	value := strings.TrimPrefix(session, "Cookie: cs_session=")
	for name, c := range map[string]struct {
		heads         []string
		closed, known bool
	}{
		"operator":              {[]string{good}, false, true},
		"nobody":                {nil, true, false},
		"a person":              {[]string{session}, true, false},
		"a key":                 {[]string{"Authorization: Bearer agent"}, true, false},
		"token as a key":        {[]string{"Authorization: Bearer good-operator"}, true, false},
		"ended":                 {[]string{s.operatorCookie(t, "ended")}, true, false},
		"a session under it":    {[]string{s.operatorCookie(t, "good-session")}, true, false},
		"another cookie's seal": {[]string{"Cookie: cs_operator=" + value}, true, false},
		"bare token":            {[]string{"Cookie: cs_operator=good-operator"}, true, false},
		"person and operator":   {[]string{session + "; " + strings.TrimPrefix(good, "Cookie: ")}, false, true},
	} {
		w := s.call("GET", "/admin/page", "", c.heads...)
		if c.closed && (w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/admin/login") || !c.closed && w.Code != 200 {
			t.Errorf("%s: page %d to %q", name, w.Code, w.Header().Get("Location"))
		}
		if w = s.call("GET", "/admin/way-in", "", c.heads...); w.Code != 200 || strings.Contains(w.Body.String(), "opr_1") != c.known {
			t.Errorf("%s: way in %d %s", name, w.Code, w.Body)
		}
	}
	if w := s.call("GET", "/mine", "", good); w.Code != http.StatusSeeOther {
		t.Errorf("an operator's session at an org's page: %d", w.Code)
	}
}

// TestOperatorForms: same-origin, with the token of their purpose.
func TestOperatorForms(t *testing.T) {
	s := adminSite(t, "http://127.0.0.1:8080")
	good := s.operatorCookie(t, "good-operator")
	for name, c := range map[string]struct {
		path, body string
		heads      []string
		want       int
	}{
		"good":            {"/admin/form", "form_token=ops_1:p", []string{good, fromHere}, 200},
		"no token":        {"/admin/form", "a=b", []string{good, fromHere}, 403},
		"other purpose":   {"/admin/form", "form_token=ops_1:q", []string{good, fromHere}, 403},
		"other session":   {"/admin/form", "form_token=ses_1:p", []string{good, fromHere}, 403},
		"from elsewhere":  {"/admin/form", "form_token=ops_1:p", []string{good, "Sec-Fetch-Site: cross-site"}, 403},
		"signed out":      {"/admin/form", "form_token=ops_1:p", []string{fromHere}, 303},
		"a person":        {"/admin/form", "form_token=ses_1:p", []string{s.cookie(t, "good-session"), fromHere}, 303},
		"way in":          {"/admin/press", "a=b", []string{fromHere}, 200},
		"way in, foreign": {"/admin/press", "a=b", []string{"Sec-Fetch-Site: cross-site"}, 403},
	} {
		if w := s.call("POST", c.path, c.body, append(c.heads, isForm)...); w.Code != c.want {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, c.want, w.Body)
		}
	}
}

// TestOperatorsCannotBeAsked: a failure is no sign-in page, and a server without
// operators lets nobody in.
func TestOperatorsCannotBeAsked(t *testing.T) {
	s := adminSite(t, "http://127.0.0.1:8080")
	for _, path := range []string{"/admin/page", "/admin/way-in"} {
		if w := s.call("GET", path, "", s.operatorCookie(t, "no-store")); w.Code != 500 || strings.Contains(w.Body.String(), "database") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	good := s.operatorCookie(t, "good-operator")
	s.cfg.Operators = nil
	if w := s.call("GET", "/admin/page", "", good); w.Code != http.StatusSeeOther {
		t.Errorf("without operators: %d", w.Code)
	}
}

func TestOperatorCookie(t *testing.T) {
	for base, c := range map[string]struct {
		name   string
		secure bool
	}{"https://cs.test": {"__Host-cs_operator", true}, "http://127.0.0.1:8080": {"cs_operator", false}} {
		s := adminSite(t, base)
		s.AdminOpenForm("/in", func(r *Request) error { return errors.Join(r.StartOperatorSession("good-operator"), r.NoContent()) })
		s.AdminOpenForm("/out", func(r *Request) error { r.EndOperatorSession(); return r.NoContent() })
		in := s.call("POST", "/in", "a=b", isForm, fromHere).Result().Cookies()[0]
		if in.Name != c.name || in.Secure != c.secure || !in.HttpOnly || in.SameSite != http.SameSiteLaxMode || in.Path != "/" || in.Domain != "" || in.MaxAge != 12*3600 || !in.Expires.Equal(s.now.Add(operatorLife)) {
			t.Errorf("%s: %v", base, in)
		}
		if w := s.call("GET", "/admin/page", "", "Cookie: "+in.Name+"="+in.Value); w.Code != 200 {
			t.Errorf("%s: the cookie opens nothing: %d", base, w.Code)
		}
		other := newSite(t, base)
		other.cfg.SessionKey = bytes.Repeat([]byte("z"), 32)
		if w := s.call("GET", "/admin/page", "", other.operatorCookie(t, "good-operator")); w.Code != http.StatusSeeOther {
			t.Errorf("%s: another server's cookie: %d", base, w.Code)
		}
		out := s.call("POST", "/out", "a=b", isForm, fromHere).Result().Cookies()[0]
		if out.Name != c.name || out.MaxAge != -1 || out.Path != "/" || out.Secure != c.secure || out.Value != "" {
			t.Errorf("%s: %v", base, out)
		}
	}
}
