package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/billing"
)

func TestFail(t *testing.T) {
	secret := errors.New("pq: password authentication failed for user bob")
	for name, c := range map[string]struct {
		err        error
		status     int
		code       string
		retryAfter string
	}{
		"invalid":           {billing.ErrUnknownPlan, 400, "unknown_plan", ""},
		"not signed in":     {billing.ErrUnauthorized, 401, "unauthorized", ""},
		"payment":           {billing.ErrPaymentFailed, 402, "payment_failed", ""},
		"forbidden":         {billing.ErrForbidden, 403, "forbidden", ""},
		"not found":         {billing.ErrNotFound, 404, "not_found", ""},
		"conflict":          {billing.ErrQuoteChanged, 409, "quote_changed", ""},
		"rate":              {billing.ErrSlowDown.After(1500 * time.Millisecond), 429, "slow_down", "2"},
		"unavailable":       {billing.ErrStripeUnavailable.After(5 * time.Second), 503, "stripe_unavailable", "5"},
		"too large":         {errTooLarge, 413, "body_too_large", ""},
		"media type":        {errMediaType, 415, "unsupported_media_type", ""},
		"internal":          {errInternal, 500, "internal", ""},
		"foreign":           {secret, 500, "internal", ""},
		"wrapped":           {errors.Join(secret, billing.ErrNotFound), 404, "not_found", ""},
		"with a cause":      {billing.ErrRejected.Because(secret), 409, "change_rejected", ""},
		"of no kind":        {&billing.Error{Code: "odd", Message: "Odd."}, 500, "odd", ""},
		"given up by other": {context.Canceled, 500, "internal", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "https://cs.test")
			s.Open("/api/x", func(*Request) error { return c.err })
			s.OpenPage("/x", func(*Request) error { return c.err })
			w := s.call("GET", "/api/x", "")
			e := errorOf(t, w)
			if w.Code != c.status || e.Code != c.code || w.Header().Get("Retry-After") != c.retryAfter {
				t.Errorf("%d %s, Retry-After %q", w.Code, e.Code, w.Header().Get("Retry-After"))
			}
			if e.Status != c.status || e.Title != http.StatusText(c.status) || e.Detail != e.Message || e.Message == "" || e.Instance != "/api/x" || e.Type != "about:blank" {
				t.Errorf("RFC 9457 members: %+v", e)
			}
			if strings.Contains(w.Body.String(), "bob") {
				t.Errorf("tells a secret: %s", w.Body)
			}
			if (w.Header().Get("WWW-Authenticate") != "") != (c.status == 401) {
				t.Errorf("WWW-Authenticate %q", w.Header().Get("WWW-Authenticate"))
			}
			logged := strings.Count(s.log.String(), "request failed")
			if c.status >= 500 && (logged != 1 || !strings.Contains(s.log.String(), w.Header().Get("X-Request-Id"))) || c.status < 500 && logged != 0 {
				t.Errorf("log: %s", s.log)
			}
			if w := s.call("GET", "/x", ""); c.status != 401 && (w.Code != c.status || !strings.Contains(w.Body.String(), "error page: "+e.Message)) {
				t.Errorf("page: %d %s", w.Code, w.Body)
			} else if ref := strings.Contains(w.Body.String(), "req_"); ref != (c.status >= 500) {
				t.Errorf("reference on the page: %s", w.Body)
			}
		})
	}
}

func TestDetailsAreKept(t *testing.T) {
	s := newSite(t, "https://cs.test")
	s.Open("/api/x", func(*Request) error { return billing.ErrPaymentAction.With("actionUrl", "https://stripe.test/pay") })
	if got := errorOf(t, s.call("GET", "/api/x", "")).Details["actionUrl"]; got != "https://stripe.test/pay" {
		t.Errorf("details: %v", got)
	}
}

func TestPanic(t *testing.T) {
	s := newSite(t, "https://cs.test")
	s.OpenPage("/x", func(*Request) error { panic("hunter2") })
	s.OpenPage("/gone", func(*Request) error { panic(http.ErrAbortHandler) })
	w := s.call("GET", "/x", "")
	if w.Code != 500 || strings.Contains(w.Body.String(), "hunter2") || !strings.Contains(s.log.String(), "hunter2") {
		t.Errorf("%d %s, log %s", w.Code, w.Body, s.log)
	}
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Error("the server is not told to abort")
		}
	}()
	s.call("GET", "/gone", "")
}

func TestPageIsWholeOrNothing(t *testing.T) {
	s := newSite(t, "https://cs.test")
	s.OpenPage("/whole", func(r *Request) error { return r.Page(http.StatusConflict, text("<p>whole</p>")) })
	s.OpenPage("/half", func(r *Request) error {
		return r.Page(http.StatusOK, templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
			_, _ = io.WriteString(w, "<p>half")
			return errors.New("out of ink")
		}))
	})
	w := s.call("GET", "/whole", "")
	if w.Code != 409 || w.Body.String() != "<p>whole</p>" || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Content-Length") != "12" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	if w := s.call("GET", "/half", ""); w.Code != 500 || strings.Contains(w.Body.String(), "half") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := s.call("GET", "/whole", ""); w.Body.String() != "<p>whole</p>" {
		t.Errorf("a used buffer shows through: %s", w.Body)
	}
}

func TestAnsweredErrorIsNotAnsweredTwice(t *testing.T) {
	s := newSite(t, "https://cs.test")
	s.Open("/api/x", func(r *Request) error {
		_ = r.JSON(http.StatusOK, 1)
		return errInternal
	})
	if w := s.call("GET", "/api/x", ""); w.Code != 200 || w.Body.String() != "1\n" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

func TestRedirect(t *testing.T) {
	s := newSite(t, "https://cs.test")
	s.OpenPage("/own", func(r *Request) error { return r.Redirect("/home", "done", "a b&c", "x", "y") })
	s.OpenPage("/away", func(r *Request) error { return r.Away("https://checkout.stripe.com/c/pay") })
	for target, want := range map[string]string{"/own": "/home?done=a+b%26c&x=y", "/away": "https://checkout.stripe.com/c/pay"} {
		w := s.call("GET", target, "")
		if w.Code != 303 || w.Header().Get("Location") != want || w.Header().Get("HX-Redirect") != "" {
			t.Errorf("%s: %d %v", target, w.Code, w.Header())
		}
		w = s.call("GET", target, "", "HX-Request: true")
		if w.Code != 200 || w.Header().Get("HX-Redirect") != want || w.Header().Get("Location") != "" {
			t.Errorf("%s with htmx: %d %v", target, w.Code, w.Header())
		}
	}
}

func TestOwnPath(t *testing.T) {
	for in, own := range map[string]bool{
		"/": true, "/settings/billing": true, "/approve/apr_1?x=y": true, "/a%20b": true,
		"": false, "settings": false, "//evil.test": false, "///evil.test": false, "/\\evil.test": false, "\\\\evil.test": false,
		"https://evil.test": false, "javascript:alert(1)": false, "/%2f/evil.test": false, "/%5cevil.test": false, "/a\r\nSet-Cookie: x": false,
		"/%0d%0aX: y": false, "/\t/evil.test": false, " /x": false, "/%zz": false, "/%2f%2fevil.test": false, "/" + strings.Repeat("x", 300): false,
	} {
		got := OwnPath(in, "/home")
		if own && got != in || !own && got != "/home" {
			t.Errorf("OwnPath(%q) = %q", in, got)
		}
	}
}

func TestLimiterForgets(t *testing.T) {
	l := NewLimiter(1, time.Hour)
	l.max = 10
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for i := range 1000 {
		if err := l.Allow(strings.Repeat("k", i), at); err != nil {
			t.Fatalf("key %d: %v", i, err)
		}
		if n := len(l.now) + len(l.past); n > 20 {
			t.Fatalf("%d keys are kept", n)
		}
	}
	if err := l.Allow(strings.Repeat("k", 999), at); !errors.Is(err, billing.ErrRateLimited) {
		t.Errorf("the newest key is forgotten: %v", err)
	}
	if err := l.Allow(strings.Repeat("k", 999), at.Add(time.Hour)); err != nil {
		t.Errorf("after the window: %v", err)
	}
}

// The window of a key begins with its first event, not with the limiter's own
// change of generations.
func TestLimiterWindow(t *testing.T) {
	l := NewLimiter(2, time.Minute)
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	step := func(second int, allowed bool) {
		t.Helper()
		if err := l.Allow("k", at.Add(time.Duration(second)*time.Second)); (err == nil) != allowed {
			t.Errorf("at %d s: %v", second, err)
		}
	}
	_ = l.Allow("other", at)
	step(50, true)
	step(65, true) // another generation
	step(70, false)
	step(109, false)
	step(110, true)
}
