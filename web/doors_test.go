package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func newDoors(t *testing.T) (s *site, cookie string) {
	t.Helper()
	s = newSite(t, "http://127.0.0.1:8080")
	s.Page("/home", ok)
	s.OpenPage("/open", ok)
	s.OpenPage("/login", ok)
	s.Form("/change", For("money"), ok)
	s.Form("/things/{id}", func(r *Request) string { return "thing:" + r.PathValue("id") }, ok)
	s.Page("/things/{id}", ok)
	s.OpenForm("/login", ok)
	s.API("GET", "/api/read", Read, ok, "plan")
	s.API("POST", "/api/ask", Ask, ok)
	s.API("GET", "/api/follow", Follow, ok)
	s.Open("/healthz", ok)
	s.Webhook("/stripe/webhook", ok)
	return s, s.cookie(t, "good-session")
}

func TestDoors(t *testing.T) {
	s, cookie := newDoors(t)
	old := s.cookie(t, "revoked")
	agent, reader, asker, plain, host := "Authorization: Bearer agent", "Authorization: Bearer reader", "Authorization: Bearer asker", "Authorization: Bearer plain", "Authorization: Bearer host"
	form := "form_token=ses_1:money"
	for name, c := range map[string]struct {
		method, target, body string
		heads                []string
		status               int
		code                 string // of a JSON error, or the Location of a redirect
	}{
		"page":                            {"GET", "/home", "", []string{cookie}, 200, ""},
		"page, signed out":                {"GET", "/home", "", nil, 303, "/login?next=%2Fhome"},
		"page with id, signed out":        {"GET", "/things/a%2Fb", "", nil, 303, "/login?next=%2Fthings%2Fa%252Fb"},
		"page, query is not kept":         {"GET", "/home?next=//evil.test", "", nil, 303, "/login?next=%2Fhome"},
		"page, revoked session":           {"GET", "/home", "", []string{old}, 303, "/login?next=%2Fhome"},
		"page, forged cookie":             {"GET", "/home", "", []string{"Cookie: cs_session=good-session"}, 303, "/login?next=%2Fhome"},
		"page does not read keys":         {"GET", "/home", "", []string{agent}, 303, "/login?next=%2Fhome"},
		"page, both credentials":          {"GET", "/home", "", []string{cookie, agent}, 400, ""},
		"page, HEAD":                      {"HEAD", "/home", "", []string{cookie}, 200, ""},
		"open page, signed out":           {"GET", "/open", "", nil, 200, ""},
		"open page, both credentials":     {"GET", "/open", "", []string{cookie, agent}, 400, ""},
		"form":                            {"POST", "/change", form, []string{cookie, isForm, fromHere}, 200, ""},
		"form, old browser":               {"POST", "/change", form, []string{cookie, isForm, "Origin: http://127.0.0.1:8080"}, 200, ""},
		"form, signed out":                {"POST", "/change", form, []string{isForm, fromHere}, 303, "/login?next=%2Fhome"},
		"form of a page, signed out":      {"POST", "/things/x", form, []string{isForm, fromHere}, 303, "/login?next=%2Fthings%2Fx"},
		"form from elsewhere":             {"POST", "/change", form, []string{cookie, isForm, "Sec-Fetch-Site: cross-site", "Origin: https://evil.test"}, 403, ""},
		"form from a sibling":             {"POST", "/change", form, []string{cookie, isForm, "Sec-Fetch-Site: same-site"}, 403, ""},
		"form of null origin":             {"POST", "/change", form, []string{cookie, isForm, "Origin: null"}, 403, ""},
		"form of null origin, same site":  {"POST", "/change", form, []string{cookie, isForm, "Origin: null", fromHere}, 200, ""},
		"form of other origin":            {"POST", "/change", form, []string{cookie, isForm, "Origin: http://evil.test"}, 403, ""},
		"form without headers":            {"POST", "/change", form, []string{cookie, isForm}, 403, ""},
		"form, method override":           {"GET", "/home", "", []string{cookie, "X-HTTP-Method-Override: POST"}, 200, ""},
		"form without token":              {"POST", "/change", "a=b", []string{cookie, isForm, fromHere}, 403, ""},
		"form with a token for else":      {"POST", "/change", "form_token=ses_1:other", []string{cookie, isForm, fromHere}, 403, ""},
		"form with token of a neighbour":  {"POST", "/things/b", "form_token=ses_1:thing:a", []string{cookie, isForm, fromHere}, 403, ""},
		"form with its own token":         {"POST", "/things/a", "form_token=ses_1:thing:a", []string{cookie, isForm, fromHere}, 200, ""},
		"form with two tokens":            {"POST", "/change", form + "&" + form, []string{cookie, isForm, fromHere}, 400, ""},
		"form, token in the query":        {"POST", "/change?form_token=ses_1:money", "", []string{cookie, isForm, fromHere}, 403, ""},
		"form as JSON":                    {"POST", "/change", `{"form_token":"ses_1:money"}`, []string{cookie, isJSON, fromHere}, 415, ""},
		"form as multipart":               {"POST", "/change", form, []string{cookie, "Content-Type: multipart/form-data; boundary=x", fromHere}, 415, ""},
		"form that is no form":            {"POST", "/change", "%zz", []string{cookie, isForm, fromHere}, 400, ""},
		"form with NUL":                   {"POST", "/change", form + "&a=%00", []string{cookie, isForm, fromHere}, 400, ""},
		"form with broken UTF-8":          {"POST", "/change", form + "&a=%ff", []string{cookie, isForm, fromHere}, 400, ""},
		"form, too large":                 {"POST", "/change", form + "&a=" + strings.Repeat("x", 64<<10), []string{cookie, isForm, fromHere}, 413, ""},
		"open form":                       {"POST", "/login", "email=a", []string{isForm, fromHere}, 200, ""},
		"open form from elsewhere":        {"POST", "/login", "email=a", []string{isForm, "Sec-Fetch-Site: cross-site"}, 403, ""},
		"open form without headers":       {"POST", "/login", "email=a", []string{isForm}, 403, ""},
		"API, agent reads":                {"GET", "/api/read", "", []string{agent}, 200, ""},
		"API, agent asks":                 {"POST", "/api/ask", "", []string{agent}, 200, ""},
		"API, agent follows":              {"GET", "/api/follow", "", []string{agent}, 200, ""},
		"API, reader reads":               {"GET", "/api/read", "", []string{reader}, 200, ""},
		"API, reader asks":                {"POST", "/api/ask", "", []string{reader}, 403, "insufficient_scope"},
		"API, asker reads":                {"GET", "/api/read", "", []string{asker}, 403, "insufficient_scope"},
		"API, asker follows":              {"GET", "/api/follow", "", []string{asker}, 200, ""},
		"API, plain member reads":         {"GET", "/api/read", "", []string{plain}, 200, ""},
		"API, plain member asks":          {"POST", "/api/ask", "", []string{plain}, 403, "forbidden"},
		"API, host reads":                 {"GET", "/api/read", "", []string{host}, 403, "forbidden"},
		"API, host asks":                  {"POST", "/api/ask", "", []string{host}, 403, "forbidden"},
		"API, host follows":               {"GET", "/api/follow", "", []string{host}, 404, "not_found"},
		"API, nobody":                     {"GET", "/api/read", "", nil, 401, "unauthorized"},
		"API, wrong key":                  {"GET", "/api/read", "", []string{"Authorization: Bearer nope"}, 401, "unauthorized"},
		"API, lower-case scheme":          {"GET", "/api/read", "", []string{"Authorization: bearer agent"}, 200, ""},
		"API, basic":                      {"GET", "/api/read", "", []string{"Authorization: Basic agent"}, 401, "unauthorized"},
		"API, no scheme":                  {"GET", "/api/read", "", []string{"Authorization: agent"}, 401, "unauthorized"},
		"API, two keys":                   {"GET", "/api/read", "", []string{agent, reader}, 400, "ambiguous_credentials"},
		"API, key and cookie":             {"GET", "/api/read", "", []string{agent, cookie}, 400, "ambiguous_credentials"},
		"API, key and dead cookie":        {"POST", "/api/ask", "", []string{agent, "Cookie: cs_session=x"}, 400, "ambiguous_credentials"},
		"API, key and other cookie":       {"GET", "/api/read", "", []string{agent, "Cookie: theme=dark"}, 200, ""},
		"API, key in query":               {"GET", "/api/read?key=agent", "", nil, 400, "secret_in_query"},
		"API, token in query":             {"POST", "/api/ask?Confirm_Token=csc_x", "", []string{agent}, 400, "secret_in_query"},
		"API, parameter":                  {"GET", "/api/read?plan=pro", "", []string{agent}, 200, ""},
		"API, unknown parameter":          {"GET", "/api/read?plam=pro", "", []string{agent}, 400, "unknown_field"},
		"API, parameter twice":            {"GET", "/api/read?plan=a&plan=b", "", []string{agent}, 400, "duplicate_field"},
		"API, empty parameter":            {"GET", "/api/read?plan=", "", []string{agent}, 400, "invalid_field"},
		"API, NUL in parameter":           {"GET", "/api/read?plan=%00", "", []string{agent}, 400, "invalid_field"},
		"API, broken query":               {"GET", "/api/read?plan=%zz", "", []string{agent}, 400, "invalid_query"},
		"API, parameter on POST":          {"POST", "/api/ask?plan=scale", "", []string{agent}, 400, "unknown_field"},
		"API, person reads":               {"GET", "/api/read", "", []string{cookie}, 200, ""},
		"API, person asks":                {"POST", "/api/ask", "", []string{cookie, isJSON, fromHere}, 200, ""},
		"API, person, no content type":    {"POST", "/api/ask", "", []string{cookie, fromHere}, 415, "unsupported_media_type"},
		"API, person, form content type":  {"POST", "/api/ask", "{}", []string{cookie, fromHere, "Content-Type: text/plain"}, 415, "unsupported_media_type"},
		"API, person without headers":     {"POST", "/api/ask", "", []string{cookie, isJSON}, 403, "cross_origin"},
		"API, person from elsewhere":      {"POST", "/api/ask", "", []string{cookie, isJSON, "Origin: https://evil.test"}, 403, "cross_origin"},
		"API, dead session":               {"GET", "/api/read", "", []string{old}, 401, "unauthorized"},
		"API, method override":            {"GET", "/api/ask", "", []string{agent, "X-HTTP-Method-Override: POST"}, 405, "method_not_allowed"},
		"API, wrong method":               {"DELETE", "/api/ask", "", []string{agent}, 405, "method_not_allowed"},
		"API, preflight":                  {"OPTIONS", "/api/ask", "", []string{"Origin: https://evil.test"}, 405, "method_not_allowed"},
		"API, unknown":                    {"GET", "/api/nope", "", []string{agent}, 404, "not_found"},
		"API, trailing slash":             {"GET", "/api/read/", "", []string{agent}, 404, "not_found"},
		"API, double slash":               {"GET", "/api//read", "", []string{agent}, 404, "not_found"},
		"API, dots":                       {"GET", "/api/x/../read", "", []string{agent}, 404, "not_found"},
		"API, escaped dots":               {"GET", "/api/%2e%2e/api/read", "", []string{agent}, 404, "not_found"},
		"API, other case":                 {"GET", "/API/read", "", []string{agent}, 404, ""},
		"API, NUL in path":                {"GET", "/api/read%00", "", []string{agent}, 404, "not_found"},
		"page with control character":     {"GET", "/things/%0d%0a", "", []string{cookie}, 404, ""},
		"unknown page":                    {"GET", "/nope", "", nil, 404, ""},
		"machine":                         {"GET", "/healthz", "", []string{agent, cookie}, 200, ""},
		"webhook asks for no credentials": {"POST", "/stripe/webhook", "{}", nil, 200, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.call(c.method, c.target, c.body, c.heads...)
			if w.Code != c.status {
				t.Fatalf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			switch {
			case c.status == http.StatusSeeOther:
				if got := w.Header().Get("Location"); got != c.code {
					t.Errorf("leads to %q, want %q", got, c.code)
				}
			case c.code != "":
				if e := errorOf(t, w); e.Code != c.code || e.Status != c.status {
					t.Errorf("error %s %d, want %s", e.Code, e.Status, c.code)
				}
			case c.status >= 400 && !strings.HasPrefix(w.Body.String(), "error page: "):
				t.Errorf("no error page: %s", w.Body)
			}
		})
	}
}

func TestAllow(t *testing.T) {
	s, _ := newDoors(t)
	for target, want := range map[string]string{"/change": "POST", "/api/read": "GET, HEAD", "/things/x": "GET, HEAD, POST"} {
		w := s.call("DELETE", target, "")
		if got := w.Header().Get("Allow"); w.Code != 405 || got != want {
			t.Errorf("%s: %d, Allow %q, want %q", target, w.Code, got, want)
		}
	}
}

func TestWriteLimit(t *testing.T) {
	s, cookie := newDoors(t)
	ask := func(heads ...string) int { return s.call("POST", "/api/ask", "", heads...).Code }
	for i := range 300 {
		if got := ask("Authorization: Bearer agent"); got != 200 {
			t.Fatalf("change %d: %d", i+1, got)
		}
	}
	s.now = s.now.Add(59500 * time.Millisecond)
	w := s.call("POST", "/api/ask", "", "Authorization: Bearer agent")
	if w.Code != 429 || errorOf(t, w).Code != "rate_limited" || w.Header().Get("Retry-After") != "1" {
		t.Errorf("change 301: %d %s, Retry-After %q", w.Code, w.Body, w.Header().Get("Retry-After"))
	}
	if got := s.call("GET", "/api/read", "", "Authorization: Bearer agent").Code; got != 200 {
		t.Errorf("reading is bound too: %d", got)
	}
	if got := ask(cookie, isJSON, fromHere); got != 200 {
		t.Errorf("another credential is bound too: %d", got)
	}
	s.now = s.now.Add(500 * time.Millisecond)
	if got := ask("Authorization: Bearer agent"); got != 200 {
		t.Errorf("after a minute: %d", got)
	}
}

func TestRoutesSayTheirDoor(t *testing.T) {
	s, _ := newDoors(t)
	s.Files("/static/", http.NotFoundHandler())
	for _, r := range s.Routes() {
		if r.Method != "GET" && r.Method != "POST" || r.Door == "" || r.Path == "" {
			t.Errorf("incomplete: %+v", r)
		}
	}
	if got := len(s.Routes()); got != 13 {
		t.Errorf("%d routes", got)
	}
}

// TestOverviewIsReadWithTheCaller where the route says so, and nowhere else.
func TestOverviewIsReadWithTheCaller(t *testing.T) {
	s := newSite(t, "https://billing.test")
	tell := func(r *Request) error { return r.JSON(http.StatusOK, r.Principal.Overview != nil) }
	s.Overview("/api/with", Read, tell)
	s.API(http.MethodGet, "/api/without", Read, tell)
	s.OverviewPage("/with", tell)
	s.Page("/without", tell)
	s.RecentPage("/recent", billing.RecentLimits{Invoices: 3}, func(r *Request) error {
		return r.JSON(http.StatusOK, len(r.Principal.Overview.Recent.Invoices))
	})
	cookie, key := s.cookie(t, "good-session"), "Authorization: Bearer agent"
	for _, tc := range []struct{ path, head, want string }{
		{"/api/with", key, "true\n"},
		{"/api/with", cookie, "true\n"},
		{"/api/without", key, "false\n"},
		{"/api/without", cookie, "false\n"},
		{"/with", cookie, "true\n"},
		{"/without", cookie, "false\n"},
		{"/recent", cookie, "3\n"},
	} {
		if got := s.call("GET", tc.path, "", tc.head).Body.String(); got != tc.want {
			t.Errorf("%s: %s", tc.path, got)
		}
	}
	if w := s.call("GET", "/api/with", "", "Authorization: Bearer nobody"); w.Code != http.StatusUnauthorized {
		t.Errorf("an unknown key: %d", w.Code)
	}
	if w := s.call("GET", "/api/with?x=1", "", key); w.Code != http.StatusBadRequest {
		t.Errorf("an unknown parameter: %d", w.Code)
	}
}
