package faults

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ledger stands before the sandbox and keeps what was carried out there, however
// many calls it took to hear of it.
type ledger struct {
	next http.Handler

	mu       sync.Mutex
	executed map[string]map[string]int // intent → call → how often it was carried out
	// around, if set, is called for every call of the product's, before and after
	// the sandbox has it.
	around func(r *http.Request, after bool)
	last   time.Time // when a call came
}

func newLedger(next http.Handler) *ledger {
	return &ledger{next: next, executed: map[string]map[string]int{}}
}

func (l *ledger) watch(f func(r *http.Request, after bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.around = f
}

// quiet is how long nobody has called.
func (l *ledger) quiet() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.last)
}

func (l *ledger) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // its caller was killed while it wrote
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	l.mu.Lock()
	around := l.around
	l.last = time.Now()
	l.mu.Unlock()
	if around != nil {
		around(r, false)
	}
	answer := &answered{ResponseWriter: w}
	l.next.ServeHTTP(answer, r)
	l.note(r, answer)
	if around != nil {
		around(r, true)
	}
}

// note keeps a changing call that was carried out, and not merely remembered.
// Every key that belongs to an intent begins with "cs:" and its id.
func (l *ledger) note(r *http.Request, a *answered) {
	key, ok := strings.CutPrefix(r.Header.Get("Idempotency-Key"), "cs:")
	if !ok || a.status != http.StatusOK || a.Header().Get("Idempotent-Replayed") != "" {
		return
	}
	intent, _, _ := strings.Cut(key, ":")
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.executed[intent] == nil {
		l.executed[intent] = map[string]int{}
	}
	l.executed[intent][r.Method+" "+shape(r.URL.Path)]++
}

// shape is a path without ids.
func shape(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if strings.ContainsAny(p, "0123456789") && p != "v1" {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, "/")
}

// counts copies how often each intent was carried out: the most that any of its
// calls was.
func (l *ledger) counts() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[string]int{}
	for intent, calls := range l.executed {
		for _, n := range calls {
			out[intent] = max(out[intent], n)
		}
	}
	return out
}

// answered remembers the status.
type answered struct {
	http.ResponseWriter
	status int
}

func (a *answered) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }
