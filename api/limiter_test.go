package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const overLimit = `{"error":"over_limit","message":"Full.","details":{"cap":3,"odd":[1.50]}}` + "\n"

// billing is a fake server whose answer to check the test chooses.
type fakeBilling struct {
	*httptest.Server
	asked  atomic.Int64
	mu     sync.Mutex
	status int
	body   string
	last   string        // what it was asked
	held   chan struct{} // if set, answers wait until it is closed
}

func newBilling(t *testing.T) *fakeBilling {
	f := &fakeBilling{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.asked.Add(1)
		body, _ := io.ReadAll(r.Body)
		f.mu.Lock()
		f.last = r.URL.Path + " " + string(body)
		status, answer, held := f.status, f.body, f.held
		f.mu.Unlock()
		if held != nil {
			<-held
		}
		w.Header().Set("WWW-Authenticate", "Payment")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(f.Close)
	return f
}

func (f *fakeBilling) says(status int, body string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.status, f.body = status, body
}

func (f *fakeBilling) allows(active, limit int) {
	f.says(200, fmt.Sprintf(`{"allowed":true,"active":%d,"cap":%d}`, active, limit))
}

// hosted is an application behind a limiter.
type hosted struct {
	*Limiter
	t       *testing.T
	fake    *fakeBilling
	ran     int
	now     time.Time
	outcome Decision // the last one
}

func newHost(t *testing.T) *hosted {
	h := &hosted{t: t, fake: newBilling(t), now: time.Unix(1_700_000_000, 0)}
	h.Limiter = &Limiter{
		Client: &Client{BaseURL: h.fake.URL, Key: "csh_k"}, Now: func() time.Time { return h.now },
		OnDecision: func(_ context.Context, d Decision) { h.outcome = d },
	}
	return h
}

func byHeader(r *http.Request) string { return r.Header.Get("Org") }

// call makes a request of the org for n agents.
func (h *hosted) call(org string, n int64) *httptest.ResponseRecorder {
	h.t.Helper()
	run := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h.ran++
		w.WriteHeader(http.StatusCreated)
	})
	rec := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(h.t.Context(), http.MethodPost, "/", http.NoBody)
	req.Header.Set("Org", org)
	h.Guard("agents", func(*http.Request) int64 { return n }, byHeader)(run).ServeHTTP(rec, req)
	return rec
}

// expect makes a request and compares its status, and how often billing was
// asked since the test began.
func (h *hosted) expect(org string, n int64, status int, asked int64) {
	h.t.Helper()
	if got := h.call(org, n).Code; got != status || h.fake.asked.Load() != asked {
		h.t.Errorf("%s wants %d: %d after %d questions, want %d after %d", org, n, got, h.fake.asked.Load(), status, asked)
	}
}

func TestGuardAsks(t *testing.T) {
	h := newHost(t)
	h.fake.allows(0, 10)
	h.expect("a", 0, 201, 0)
	h.expect("a", 4, 201, 1)
	if h.fake.last != `/api/host/check {"org":"a","resource":"agents","quantity":4}` {
		t.Errorf("asked %s", h.fake.last)
	}
	rec := httptest.NewRecorder()
	h.Guard("rows", nil, byHeader)(http.NotFoundHandler()).ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody))
	if h.fake.last != `/api/host/check {"org":"","resource":"rows","quantity":1}` || rec.Code != 404 {
		t.Errorf("asked %s: %d", h.fake.last, rec.Code)
	}
}

// TestGuardRefuses: the body comes through byte by byte, and no header does.
func TestGuardRefuses(t *testing.T) {
	h := newHost(t)
	h.fake.says(402, overLimit)
	rec := h.call("a", 1)
	if rec.Code != 402 || rec.Body.String() != overLimit || rec.Header().Get("Content-Type") != "application/json" || h.ran != 0 {
		t.Errorf("%d %v %s, the handler ran %d times", rec.Code, rec.Header(), rec.Body, h.ran)
	}
	if got := rec.Header().Values("WWW-Authenticate"); len(got) != 0 {
		t.Errorf("%v makes a wallet pay", got)
	}
	if want := (Decision{Org: "a", Resource: "agents", Quantity: 1, Outcome: OutcomeRefused}); h.outcome != want {
		t.Errorf("told %+v", h.outcome)
	}
}

// TestGuardRemembers: an allowed answer for no more than it left room for.
func TestGuardRemembers(t *testing.T) {
	h := newHost(t)
	h.fake.allows(7, 10)
	h.expect("a", 1, 201, 1)
	h.expect("a", 1, 201, 1)
	if !h.outcome.Cached || h.outcome.Outcome != OutcomeAllowed {
		t.Errorf("told %+v", h.outcome)
	}
	h.expect("a", 2, 201, 2) // 1 was left of 3
	h.expect("a", 1, 201, 2)
	h.expect("b", 1, 201, 3)
	h.fake.says(402, overLimit)
	h.expect("a", 1, 402, 4) // nothing was left
	h.fake.says(200, `{"allowed":true,"active":1,"cap":null}`)
	h.expect("c", 1_000_000, 201, 5)
	h.expect("c", 1_000_000, 201, 5)
}

func TestGuardForgets(t *testing.T) {
	for name, tc := range map[string]struct {
		set              func(*Limiter)
		allowed, refused time.Duration
	}{
		"by itself":   {func(*Limiter) {}, 2 * time.Second, time.Second},
		"sooner":      {func(l *Limiter) { l.AllowedFor, l.RefusedFor = time.Second, time.Millisecond }, time.Second, time.Millisecond},
		"not later":   {func(l *Limiter) { l.AllowedFor, l.RefusedFor = time.Hour, time.Hour }, 5 * time.Second, time.Second},
		"immediately": {func(l *Limiter) { l.AllowedFor, l.RefusedFor = -1, -1 }, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			tc.set(h.Limiter)
			var asked int64
			for _, x := range []struct {
				status int
				keep   time.Duration
			}{{201, tc.allowed}, {402, tc.refused}} {
				if h.fake.allows(0, 100); x.status == 402 {
					h.fake.says(402, overLimit)
				}
				asked++
				h.expect("a", 1, x.status, asked)
				if x.keep > 0 {
					h.now = h.now.Add(x.keep - 1)
					h.expect("a", 1, x.status, asked)
					h.now = h.now.Add(1)
				}
				asked++
				h.expect("a", 1, x.status, asked)
				h.now = h.now.Add(time.Minute)
			}
		})
	}
}

// TestRefusalIsOfItsQuantity: less may fit.
func TestRefusalIsOfItsQuantity(t *testing.T) {
	h := newHost(t)
	h.fake.says(402, overLimit)
	h.expect("a", 5, 402, 1)
	h.fake.allows(9, 10)
	h.expect("a", 1, 201, 2)
	h.expect("a", 5, 402, 2)
}

func TestGuardWithoutAnswer(t *testing.T) {
	away := errors.New("away")
	for name, tc := range map[string]struct {
		status       int
		body         string
		gone         error
		open, closed int
		outcome      Outcome
	}{
		"network":              {gone: away, open: 201, closed: 503, outcome: OutcomeUnchecked},
		"500":                  {status: 500, open: 201, closed: 503, outcome: OutcomeUnchecked},
		"503":                  {status: 503, body: `{"error":"busy","message":"Wait."}`, open: 201, closed: 503, outcome: OutcomeUnchecked},
		"too many calls":       {status: 429, open: 201, closed: 503, outcome: OutcomeUnchecked},
		"not JSON":             {status: 200, body: "<html>", open: 201, closed: 503, outcome: OutcomeUnchecked},
		"another server":       {status: 200, body: `{}`, open: 500, closed: 500, outcome: OutcomeMistaken},
		"another server's 402": {status: 402, body: `{"error":"pay"}`, open: 500, closed: 500, outcome: OutcomeMistaken},
		"a revoked key":        {status: 401, body: `{"error":"unauthorized"}`, open: 500, closed: 500, outcome: OutcomeMistaken},
		"an unknown resource":  {status: 400, body: `{"error":"unknown_resource"}`, open: 500, closed: 500, outcome: OutcomeMistaken},
	} {
		t.Run(name, func(t *testing.T) {
			for _, failClosed := range []bool{false, true} {
				h := newHost(t)
				h.fake.says(tc.status, tc.body)
				if h.FailClosed = failClosed; tc.gone != nil {
					h.fake.Close()
				}
				want := tc.open
				if failClosed {
					want = tc.closed
				}
				rec := h.call("a", 1)
				if rec.Code != want || (want == 201) != (h.ran == 1) || (want == 503) != (rec.Header().Get("Retry-After") == "1") || rec.Header().Get("WWW-Authenticate") != "" {
					t.Errorf("closed %v: %d %v %s", failClosed, rec.Code, rec.Header(), rec.Body)
				}
				if want != 201 && !strings.HasPrefix(rec.Body.String(), `{"error":"limit_unknown",`) {
					t.Errorf("says %s", rec.Body)
				}
				if h.outcome.Outcome != tc.outcome || h.outcome.Err == nil || h.outcome.Cached {
					t.Errorf("told %+v", h.outcome)
				}
				if h.fake.allows(0, 3); tc.gone == nil && h.call("a", 1).Code != 201 {
					t.Error("it was remembered")
				}
			}
		})
	}
}

func TestGuardWaitsNoLonger(t *testing.T) {
	h := newHost(t)
	h.fake.held = make(chan struct{})
	defer close(h.fake.held)
	h.Timeout = 20 * time.Millisecond
	if got := h.call("a", 1).Code; got != 201 || !errors.Is(h.outcome.Err, context.DeadlineExceeded) {
		t.Errorf("%d %+v", got, h.outcome)
	}
}

// TestGuardAsksOnce: of 8 requests at once the first asks, and the others share
// the answer as far as it goes: 5 places are left, so 3 need a second one.
func TestGuardAsksOnce(t *testing.T) {
	h := newHost(t)
	h.OnDecision = nil
	h.fake.allows(5, 10)
	h.fake.held = make(chan struct{})
	q := question{"a", "agents", 1}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if v, _ := h.decide(t.Context(), q); v.outcome != OutcomeAllowed {
				t.Errorf("%+v", v)
			}
		})
	}
	for h.fake.asked.Load() == 0 {
		<-time.After(time.Millisecond)
	}
	close(h.fake.held)
	all.Wait()
	if n := h.fake.asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

// TestGuardOutlivesItsFirstRequest: one that goes away does not take the answer
// from those who wait for it.
func TestGuardOutlivesItsFirstRequest(t *testing.T) {
	h := newHost(t)
	h.fake.says(402, overLimit)
	h.fake.held = make(chan struct{})
	q := question{"a", "agents", 1}
	first, leave := context.WithCancel(t.Context())
	gone := make(chan *verdict)
	go func() { v, _ := h.decide(first, q); gone <- v }()
	for h.fake.asked.Load() == 0 {
		<-time.After(time.Millisecond)
	}
	leave()
	if v := <-gone; !errors.Is(v.err, context.Canceled) {
		t.Errorf("%+v", v)
	}
	close(h.fake.held)
	if v, cached := h.decide(t.Context(), q); v.outcome != OutcomeRefused || !cached || h.fake.asked.Load() != 1 {
		t.Errorf("%+v after %d questions", v, h.fake.asked.Load())
	}
}

func TestGuardAnswersNobodyWhoLeft(t *testing.T) {
	h := newHost(t)
	h.fake.allows(0, 3)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	rec := httptest.NewRecorder()
	h.Guard("agents", nil, byHeader)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { h.ran++ })).
		ServeHTTP(rec, httptest.NewRequestWithContext(ctx, http.MethodPost, "/", http.NoBody))
	if h.ran != 0 || rec.Body.Len() != 0 {
		t.Errorf("ran %d times: %s", h.ran, rec.Body)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	h := newHost(t)
	h.MaxEntries = 10
	h.fake.allows(0, 100)
	for i := range 35 {
		h.call("org"+strconv.Itoa(i), 1)
		if len(h.answers) > 10 || len(h.flights) != 0 {
			t.Fatalf("%d answers, %d flights", len(h.answers), len(h.flights))
		}
	}
	h.expect("org34", 1, 201, 35)
	h.expect("org0", 1, 201, 36)
}
