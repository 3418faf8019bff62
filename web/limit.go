package web

import (
	"sync"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// Limiter allows each key so many events in a window that begins with the
// key's first event. It remembers two generations of keys, which bounds its
// memory whatever keys come.
type Limiter struct {
	limit  int
	window time.Duration
	max    int // keys in a generation

	mu        sync.Mutex
	now, past map[string]count
	turned    time.Time // when now began
}

type count struct {
	since time.Time
	n     int
}

// maxKeys bounds a generation. When more keys than that come within one window,
// the oldest are forgotten, and their counts with them.
const maxKeys = 50_000

// NewLimiter returns a Limiter for limit events in each window.
func NewLimiter(limit int, window time.Duration) *Limiter {
	return &Limiter{limit: limit, window: window, max: maxKeys, now: map[string]count{}}
}

// Allow counts an event at the time. Over the limit it answers
// billing.ErrRateLimited with the time until the window ends.
func (l *Limiter) Allow(key string, at time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at.Sub(l.turned) >= l.window || len(l.now) >= l.max {
		l.past, l.now, l.turned = l.now, map[string]count{}, at
	}
	c, ok := l.now[key]
	if !ok {
		c = l.past[key]
	}
	if age := at.Sub(c.since); age >= l.window || age < 0 {
		c = count{since: at}
	}
	if c.n >= l.limit {
		return billing.ErrRateLimited.After(c.since.Add(l.window).Sub(at))
	}
	c.n++
	l.now[key] = c
	return nil
}
