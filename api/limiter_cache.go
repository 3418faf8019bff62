package api

import (
	"cmp"
	"context"
	"time"
)

// question is what a Limiter asks.
type question struct {
	org, resource string
	quantity      int64
}

// verdict is an answer to it.
type verdict struct {
	outcome   Outcome
	unlimited bool
	room      int64 // what an allowed one still has room for
	body      []byte
	err       error
	until     time.Time
}

// flight is a question that is being asked. Its verdict is there once done is
// closed.
type flight struct {
	done    chan struct{}
	verdict *verdict
}

// take uses a verdict for a request; it fails if that needs more than is left.
// The caller holds the lock.
func (v *verdict) take(quantity int64) bool {
	if v.outcome != OutcomeAllowed || v.unlimited {
		return true
	}
	if v.room < quantity {
		return false
	}
	v.room -= quantity
	return true
}

// decide answers from memory, or by a question that is under way, or by a new
// one.
func (l *Limiter) decide(ctx context.Context, q question) (v *verdict, cached bool) {
	for {
		f, v, mine := l.join(q)
		switch {
		case v != nil:
			return v, true
		case mine:
			go l.fly(ctx, q, f)
		}
		select {
		case <-ctx.Done():
			return &verdict{outcome: OutcomeUnchecked, err: ctx.Err()}, false
		case <-f.done:
		}
		if mine || l.share(f.verdict, q.quantity) {
			return f.verdict, !mine
		}
	}
}

// join finds a verdict in memory, or a flight; mine says that it is new.
func (l *Limiter) join(q question) (f *flight, v *verdict, mine bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range []question{q.any(), q} {
		if v := l.answers[k]; v != nil && l.now().Before(v.until) && v.take(q.quantity) {
			return nil, v, false
		}
	}
	if f = l.flights[q]; f != nil {
		return f, nil, false
	}
	if l.flights == nil {
		l.flights, l.answers = map[question]*flight{}, map[question]*verdict{}
	}
	f = &flight{done: make(chan struct{})}
	l.flights[q] = f
	return f, nil, true
}

// fly asks and remembers. The first request's share is taken at once.
func (l *Limiter) fly(ctx context.Context, q question, f *flight) {
	asked := l.now() // an answer is as old as its question
	v := l.fetch(ctx, q)
	l.mu.Lock()
	defer l.mu.Unlock()
	v.take(q.quantity)
	f.verdict = v
	delete(l.flights, q)
	l.remember(q, v, asked)
	close(f.done)
}

// remember keeps room for any quantity, but a refusal only of the one that was
// asked for: less may fit. A full memory begins anew: it is worth seconds.
func (l *Limiter) remember(q question, v *verdict, asked time.Time) {
	keep := l.keep(v.outcome)
	if keep <= 0 {
		return
	}
	if len(l.answers) >= cmp.Or(l.MaxEntries, defaultEntries) {
		clear(l.answers)
	}
	if v.outcome == OutcomeAllowed {
		q = q.any()
	}
	v.until = asked.Add(keep)
	l.answers[q] = v
}

func (l *Limiter) share(v *verdict, quantity int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return v.take(quantity)
}

func (q question) any() question { return question{org: q.org, resource: q.resource} }

func (l *Limiter) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}
