package web

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// shelf keeps the answers in memory.
type shelf struct {
	mu     sync.Mutex
	calls  map[string]billing.CallRow
	broken bool // nothing can be kept
}

func (s *shelf) BeginCall(_ context.Context, c billing.Call) (billing.Call, *billing.Answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, there := s.calls[c.CredentialID+" "+c.Key]
	switch {
	case !there:
		if s.calls == nil {
			s.calls = map[string]billing.CallRow{}
		}
		s.calls[c.CredentialID+" "+c.Key] = billing.CallRow{Call: c}
		return c, nil, nil
	case string(old.Request) != string(c.Request):
		return c, nil, billing.ErrIdempotencyConflict
	case old.Status == 0:
		return c, nil, billing.ErrIdempotencyInFlight.After(time.Second)
	}
	return c, &billing.Answer{Status: old.Status, Type: old.Type, Body: old.Sealed}, nil
}

func (s *shelf) FinishCall(_ context.Context, c billing.Call, a billing.Answer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errors.New("the disk is full")
	}
	s.calls[c.CredentialID+" "+c.Key] = billing.CallRow{Call: c, Status: a.Status, Type: a.Type, Sealed: append([]byte(nil), a.Body...)}
	return nil
}

func (s *shelf) DropCall(_ context.Context, c billing.Call) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, c.CredentialID+" "+c.Key)
	return nil
}

const (
	asAgent = "Authorization: Bearer agent"
	withKey = "Idempotency-Key: k1"
)

func TestReplay(t *testing.T) {
	type reply func(r *Request) error
	errBusy := billing.ErrChangeInProgress.After(time.Second)
	for name, c := range map[string]struct {
		reply  reply
		status int
		kept   bool
	}{
		"success":          {ok, 200, true},
		"accepted":         {func(r *Request) error { return r.JSON(202, "later") }, 202, true},
		"nothing to say":   {func(r *Request) error { return r.NoContent() }, 204, true},
		"refusal":          {func(*Request) error { return billing.ErrNoCustomer }, 409, true},
		"bad field":        {func(*Request) error { return BadField("a", "is bad") }, 400, true},
		"declined":         {func(*Request) error { return billing.ErrPaymentFailed }, 402, true},
		"come back":        {func(*Request) error { return errBusy }, 409, false},
		"not the last one": {func(r *Request) error { r.ComeBack(time.Second); return r.JSON(202, "pending") }, 202, false},
		"too often":        {func(*Request) error { return billing.ErrRateLimited }, 429, false},
		"unavailable":      {func(*Request) error { return billing.ErrStripeUnavailable }, 503, false},
		"fault":            {func(*Request) error { return io.ErrUnexpectedEOF }, 500, false},
		"panic":            {func(*Request) error { panic("oh") }, 500, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, runs := newSite(t, "http://127.0.0.1:8080"), 0
			s.API("POST", "/api/do", Ask, func(r *Request) error {
				runs++
				return c.reply(r)
			})
			one := s.call("POST", "/api/do", `{"a":1}`, asAgent, isJSON, withKey)
			two := s.call("POST", "/api/do", `{"a":1}`, asAgent, isJSON, withKey)
			if one.Code != c.status || two.Code != c.status || two.Body.String() != one.Body.String() {
				t.Errorf("first %d %s, then %d %s", one.Code, one.Body, two.Code, two.Body)
			}
			if a, b := one.Header().Get("Content-Type"), two.Header().Get("Content-Type"); a != b {
				t.Errorf("first %s, then %s", a, b)
			}
			if one.Header().Get("Idempotent-Replayed") != "" || (two.Header().Get("Idempotent-Replayed") == "true") != c.kept || (runs == 1) != c.kept {
				t.Errorf("%d runs; first %v, then %v", runs, one.Header(), two.Header())
			}
			if one.Header().Get("X-Request-Id") == two.Header().Get("X-Request-Id") {
				t.Error("both requests have one name")
			}
		})
	}
}

func TestReplayIsOfTheSameCall(t *testing.T) {
	s, runs := newSite(t, "http://127.0.0.1:8080"), 0
	do := func(r *Request) error {
		runs++
		var in struct {
			A int `json:"a,omitempty"`
		}
		if err := r.Decode(&in); err != nil {
			return err
		}
		return r.JSON(200, in.A)
	}
	s.API("POST", "/api/do", Ask, do, "q")
	s.API("POST", "/api/other", Ask, do)
	s.API("PUT", "/api/do", Ask, do)
	s.API("DELETE", "/api/things/{id}", Ask, do)
	send := func(method, target, body string, heads ...string) (int, string) {
		w := s.call(method, target, body, append(heads, isJSON)...)
		return w.Code, strings.TrimSpace(w.Body.String()) + w.Header().Get("Idempotent-Replayed")
	}
	for i, c := range []struct {
		method, target, body string
		heads                []string
		status               int
		want                 string
		runs                 int
	}{
		{"POST", "/api/do", `{"a":1}`, []string{asAgent, withKey}, 200, "1", 1},
		{"POST", "/api/do", `{"a":1}`, []string{asAgent, withKey}, 200, "1true", 1},
		{"POST", "/api/do", `{"a":2}`, []string{asAgent, withKey}, 422, "", 1},
		{"POST", "/api/do?q=1", `{"a":1}`, []string{asAgent, withKey}, 422, "", 1},
		{"POST", "/api/other", `{"a":1}`, []string{asAgent, withKey}, 422, "", 1},
		{"PUT", "/api/do", `{"a":1}`, []string{asAgent, withKey}, 422, "", 1},
		{"POST", "/api/do", `{"a":1}`, []string{"Authorization: Bearer asker", withKey}, 200, "1", 2},
		{"POST", "/api/do", `{"a":1}`, []string{asAgent, "Idempotency-Key: k2"}, 200, "1", 3},
		{"POST", "/api/do", `{"a":1}`, []string{asAgent}, 200, "1", 4},
		{"DELETE", "/api/things/1", ``, []string{asAgent, "Idempotency-Key: k3"}, 200, "0", 5},
		{"DELETE", "/api/things/1", ``, []string{asAgent, "Idempotency-Key: k3"}, 200, "0true", 5},
		{"DELETE", "/api/things/2", ``, []string{asAgent, "Idempotency-Key: k3"}, 422, "", 5},
		{"POST", "/api/do", strings.Repeat("x", maxKeyedBody+1), []string{asAgent, "Idempotency-Key: k4"}, 413, "", 5},
		{"POST", "/api/do", strings.Repeat("x", maxBody+1), []string{asAgent, "Idempotency-Key: k5"}, 413, "", 6},
		// Who may not call learns nothing of an answer.
		{"POST", "/api/do", `{"a":1}`, []string{"Authorization: Bearer reader", withKey}, 403, "", 6},
	} {
		status, got := send(c.method, c.target, c.body, c.heads...)
		if status != c.status || c.want != "" && got != c.want || runs != c.runs {
			t.Errorf("call %d: %d %s after %d runs, want %d %s after %d", i+1, status, got, runs, c.status, c.want, c.runs)
		}
	}
}

func TestReplayInFlight(t *testing.T) {
	s := newSite(t, "http://127.0.0.1:8080")
	runs, begun, end := 0, make(chan struct{}), make(chan struct{})
	s.API("POST", "/api/do", Ask, func(r *Request) error {
		runs++
		close(begun)
		<-end
		return ok(r)
	})
	done := make(chan int)
	go func() { done <- s.call("POST", "/api/do", "", asAgent, withKey).Code }()
	<-begun
	w := s.call("POST", "/api/do", "", asAgent, withKey)
	if w.Code != http.StatusConflict || errorOf(t, w).Code != "idempotency_in_flight" || w.Header().Get("Retry-After") != "1" {
		t.Errorf("%d %s %v", w.Code, w.Body, w.Header())
	}
	close(end)
	if got := <-done; got != 200 || runs != 1 {
		t.Errorf("the first: %d after %d runs", got, runs)
	}
	if w := s.call("POST", "/api/do", "", asAgent, withKey); w.Code != 200 || runs != 1 {
		t.Errorf("afterwards: %d after %d runs", w.Code, runs)
	}
}

// A call whose answer cannot be kept was made all the same.
func TestReplayIsNotKept(t *testing.T) {
	s := newSite(t, "http://127.0.0.1:8080")
	s.cfg.Replays = &shelf{broken: true}
	s.API("POST", "/api/do", Ask, ok)
	if w := s.call("POST", "/api/do", "", asAgent, withKey); w.Code != 200 || !strings.Contains(s.log.String(), "the disk is full") {
		t.Errorf("%d %s\n%s", w.Code, w.Body, s.log)
	}
}
