package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
)

func TestSessionCookie(t *testing.T) {
	for base, c := range map[string]struct {
		name   string
		secure bool
	}{"https://cs.test": {"__Host-cs_session", true}, "http://127.0.0.1:8080": {"cs_session", false}} {
		s := newSite(t, base)
		var seen string
		s.OpenForm("/in", func(r *Request) error { seen = r.SessionToken(); return r.StartSession("good-session") })
		s.OpenForm("/out", func(r *Request) error { r.EndSession(); return r.NoContent() })
		w := s.call("POST", "/in", "a=b", isForm, fromHere)
		got := w.Result().Cookies()
		if len(got) != 1 {
			t.Fatalf("%s: %d cookies", base, len(got))
		}
		in := got[0]
		if in.Name != c.name || in.Secure != c.secure || !in.HttpOnly || in.SameSite != http.SameSiteLaxMode || in.Path != "/" || in.Domain != "" || in.MaxAge != 14*24*3600 {
			t.Errorf("%s: %v", base, in)
		}
		if seen != "" {
			t.Errorf("%s: a session before the sign-in: %q", base, seen)
		}
		s.call("POST", "/in", "a=b", isForm, fromHere, "Cookie: "+in.Name+"="+in.Value)
		if seen != "good-session" {
			t.Errorf("%s: the cookie reads as %q", base, seen)
		}
		out := s.call("POST", "/out", "a=b", isForm, fromHere).Result().Cookies()[0]
		if out.Name != c.name || out.MaxAge != -1 || out.Path != "/" || out.Secure != c.secure || out.Value != "" {
			t.Errorf("%s: %v", base, out)
		}
	}
}

// A cookie that somebody made up, cut or moved from another server is none.
func TestForgedCookie(t *testing.T) {
	s := newSite(t, "http://127.0.0.1:8080")
	s.OpenPage("/x", ok)
	good := strings.TrimPrefix(s.cookie(t, "good-session"), "Cookie: cs_session=")
	foreign := newSite(t, "http://127.0.0.1:8080")
	foreign.cfg.SessionKey = []byte(strings.Repeat("z", 32))
	for name, v := range map[string]string{
		"bare token": "good-session", "empty": "", "cut": good[:len(good)-4], "changed": "A" + good[1:],
		"other key": strings.TrimPrefix(foreign.cookie(t, "good-session"), "Cookie: cs_session="), "long": strings.Repeat("x", 8000),
	} {
		if w := s.call("GET", "/x", "", "Cookie: cs_session="+v); w.Code != 200 || strings.Contains(w.Body.String(), "usr_1") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := s.call("GET", "/x", "", "Cookie: cs_session="+good); !strings.Contains(w.Body.String(), "usr_1") {
		t.Errorf("the good one does not work: %s", w.Body)
	}
	if w := s.call("GET", "/x", "", "Cookie: __Host-cs_session="+good); strings.Contains(w.Body.String(), "usr_1") {
		t.Error("works under another name")
	}
}

func TestSecurityHeaders(t *testing.T) {
	s := newSite(t, "https://cs.test")
	s.OpenPage("/page", func(r *Request) error { return r.Page(200, text("x")) })
	s.Open("/api/x", ok)
	s.Files("/static/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}))
	ids := map[string]bool{}
	for _, target := range []string{"/page", "/api/x", "/api/nope", "/nope", "/static/app.css"} {
		w := s.call("GET", target, "", "X-Request-Id: mine", "Host: evil.test")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"X-Frame-Options": "DENY", "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s: %q", target, name, got)
			}
		}
		csp := w.Header().Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self' https://checkout.stripe.com;", "script-src 'self';", "style-src 'self';"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: no %s in %q", target, part, csp)
			}
		}
		if strings.Contains(csp, "unsafe") || w.Header().Get("Permissions-Policy") == "" {
			t.Errorf("%s: %v", target, w.Header())
		}
		if cache := w.Header().Get("Cache-Control"); (cache == "no-store") == strings.HasPrefix(target, "/static/") {
			t.Errorf("%s: Cache-Control %q", target, cache)
		}
		id := w.Header().Get("X-Request-Id")
		if !strings.HasPrefix(id, "req_") || ids[id] {
			t.Errorf("%s: request id %q", target, id)
		}
		ids[id] = true
	}
	s.Host("POST", "/api/host/x", ok)
	host := s.call("POST", "/api/host/x", "", "Authorization: Bearer host").Header()
	host.Del("Date")
	if csp := host.Get("Content-Security-Policy"); len(host) > 8 || csp != "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'" ||
		host.Get("X-Content-Type-Options") != "nosniff" || host.Get("Cache-Control") != "no-store" || host.Get("Strict-Transport-Security") == "" {
		t.Errorf("to the host application: %v", host)
	}
	plain := newSite(t, "http://127.0.0.1:8080")
	if got := plain.call("GET", "/x", "").Header().Get("Strict-Transport-Security"); got != "" {
		t.Errorf("HSTS on plain HTTP: %q", got)
	}
}

func TestLogKeepsSecretsOut(t *testing.T) {
	s, cookie := newDoors(t)
	s.call("GET", "/things/secret-path?a=secret-query", "", cookie, "X-Secret: secret-header")
	s.call("POST", "/change", "form_token=ses_1:money&a=secret-body", cookie, isForm, fromHere)
	s.call("GET", "/api/read", "", "Authorization: Bearer secret-key")
	line := s.log.String()
	if strings.Contains(line, "secret") || strings.Contains(line, "good-session") || strings.Contains(line, strings.TrimPrefix(cookie, "Cookie: ")) {
		t.Errorf("log: %s", line)
	}
	for _, want := range []string{`route="GET /things/{id}"`, "status=200", "principal=usr_1", "id=req_", "method=POST", "status=401"} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
}

// TestQuietRoutes: of what is asked all the time only failures have a line, and
// all of it is counted.
func TestQuietRoutes(t *testing.T) {
	s := newSite(t, "http://127.0.0.1:8080")
	s.Open("/often", func(r *Request) error {
		switch r.Query("how") {
		case "refused":
			return billing.ErrNotFound
		case "nothing":
			return nil
		}
		return r.JSON(200, struct{}{})
	})
	s.Quiet("GET /often")
	for path, logged := range map[string]bool{"/often": false, "/often?how=refused": true, "/often?how=nothing": true} {
		s.log.Reset()
		s.call("GET", path, "")
		if got := strings.Contains(s.log.String(), "request"); got != logged {
			t.Errorf("%s: logged %v: %s", path, got, s.log)
		}
	}
	var counts strings.Builder
	s.WriteMetrics(&counts)
	if !strings.Contains(counts.String(), `{route="GET /often",status="2xx"} 1`) {
		t.Errorf("counts: %s", counts.String())
	}
}

func TestReadsOfARequest(t *testing.T) {
	s := newSite(t, "http://127.0.0.1:8080")
	s.Webhook("/body", func(r *Request) error {
		body, err := r.RawBody(10)
		if err != nil {
			return err
		}
		return r.Raw(200, "text/plain", body)
	})
	s.Webhook("/json", func(r *Request) error {
		var v struct {
			Plan string `json:"plan,omitempty"`
		}
		if err := r.Decode(&v); err != nil {
			return err
		}
		return r.JSON(200, v)
	})
	s.Open("/wait", func(r *Request) error {
		n, err := r.IntQuery("wait", 3, 0, 25)
		if err != nil {
			return err
		}
		return r.JSON(200, n)
	})
	s.Webhook("/key", func(r *Request) error {
		k, err := r.IdempotencyKey()
		if err != nil {
			return err
		}
		return r.JSON(200, k)
	})
	for name, c := range map[string]struct {
		method, target, body, head string
		status                     int
		want                       string
	}{
		"body":                      {"POST", "/body", "0123456789", "A: b", 200, "0123456789"},
		"body too large":            {"POST", "/body", "0123456789x", "A: b", 413, "body_too_large"},
		"no JSON at all":            {"POST", "/json", "", "A: b", 200, "{}"},
		"JSON":                      {"POST", "/json", `{"plan":"pro"}`, isJSON, 200, `{"plan":"pro"}`},
		"JSON in UTF-8":             {"POST", "/json", `{"plan":"pro"}`, isJSON + "; charset=UTF-8", 200, `{"plan":"pro"}`},
		"JSON in Latin-1":           {"POST", "/json", `{"plan":"pro"}`, isJSON + "; charset=iso-8859-1", 415, "unsupported_media_type"},
		"JSON with other parameter": {"POST", "/json", `{"plan":"pro"}`, isJSON + "; profile=x", 415, "unsupported_media_type"},
		"JSON of a family":          {"POST", "/json", `{"plan":"pro"}`, "Content-Type: application/vnd.api+json", 415, "unsupported_media_type"},
		"JSON without a type":       {"POST", "/json", `{"plan":"pro"}`, "A: b", 415, "unsupported_media_type"},
		"JSON as a form":            {"POST", "/json", `{"plan":"pro"}`, isForm, 415, "unsupported_media_type"},
		"JSON too large":            {"POST", "/json", `{"plan":"` + strings.Repeat("x", 64<<10) + `"}`, isJSON, 413, "body_too_large"},
		"no number":                 {"GET", "/wait", "", "A: b", 200, "3"},
		"a number":                  {"GET", "/wait?wait=25", "", "A: b", 200, "25"},
		"number too high":           {"GET", "/wait?wait=26", "", "A: b", 400, "invalid_field"},
		"number too low":            {"GET", "/wait?wait=-1", "", "A: b", 400, "invalid_field"},
		"number with sign":          {"GET", "/wait?wait=%2b5", "", "A: b", 400, "invalid_field"},
		"number with zero":          {"GET", "/wait?wait=05", "", "A: b", 400, "invalid_field"},
		"fraction":                  {"GET", "/wait?wait=5.0", "", "A: b", 400, "invalid_field"},
		"empty number":              {"GET", "/wait?wait=", "", "A: b", 400, "invalid_field"},
		"no key":                    {"POST", "/key", "", "A: b", 200, `""`},
		"key":                       {"POST", "/key", "", "Idempotency-Key: a-1", 200, `"a-1"`},
		"empty key":                 {"POST", "/key", "", "Idempotency-Key: ", 400, "invalid_idempotency_key"},
		"long key":                  {"POST", "/key", "", "Idempotency-Key: " + strings.Repeat("k", 256), 400, "invalid_idempotency_key"},
		"key with a space":          {"POST", "/key", "", "Idempotency-Key: a b", 400, "invalid_idempotency_key"},
		"key beyond ASCII":          {"POST", "/key", "", "Idempotency-Key: é", 400, "invalid_idempotency_key"},
	} {
		w := s.call(c.method, c.target, c.body, c.head)
		if w.Code != c.status || c.status == 200 && strings.TrimSpace(w.Body.String()) != c.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
		if c.status != 200 {
			if got := errorOf(t, w).Code; got != c.want {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
		}
	}
	if w := s.call("POST", "/json", `{"plan":"pro"}`, isJSON, "Content-Encoding: gzip"); w.Code != 415 {
		t.Errorf("encoded body: %d", w.Code)
	}
}
