package simulation

import (
	"context"
	"slices"
	"time"
)

// timed is a context that ends by the simulated clock.
type timed struct {
	context.Context
	run *run
	end time.Time
}

// Err implements context.Context.
func (t *timed) Err() error {
	if !t.run.now().Before(t.end) {
		return context.DeadlineExceeded
	}
	return t.Context.Err()
}

// waiter is billing.Waiter by the simulated clock.
type waiter struct{ run *run }

// Wait implements billing.Waiter. Outside of a task nobody else could bring news,
// so the time passes at once.
func (w waiter) Wait(ctx context.Context, d time.Duration, news <-chan struct{}) bool {
	until := w.run.now().Add(d)
	if w.run.turn == nil {
		w.run.advance(d)
	} else {
		w.run.wait(point{what: "wait", until: until, news: news})
	}
	select {
	case <-news:
	default:
	}
	return ctx.Err() == nil
}

// WithTimeout implements billing.Waiter.
func (w waiter) WithTimeout(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	inner, cancel := context.WithCancel(parent)
	t := &timed{inner, w.run, w.run.now().Add(d)}
	w.run.timers = append(w.run.timers, timer{t, cancel})
	return t, func() {
		w.run.timers = slices.DeleteFunc(w.run.timers, func(o timer) bool { return o.ctx == t })
		cancel()
	}
}

type timer struct {
	ctx    *timed
	cancel context.CancelFunc
}

// ring ends the contexts whose time has come.
func (r *run) ring() {
	now := r.now()
	r.timers = slices.DeleteFunc(r.timers, func(t timer) bool {
		over := !now.Before(t.ctx.end)
		if over {
			t.cancel()
		}
		return over
	})
}
