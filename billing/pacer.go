package billing

import (
	"sync"
	"time"
)

// The pace of polling. It is kept in memory, since a GET writes nothing, and a
// poll that meets another replica is merely not slowed down.
const (
	pollInterval    = 5 * time.Second
	pollStep        = 5 * time.Second
	pollIntervalMax = 30 * time.Second
	pollForget      = 10 * time.Minute
	pollMany        = 10_000 // entries, before the old ones are dropped
)

type pacer struct {
	mu   sync.Mutex
	seen map[string]*poll
}

type poll struct {
	last     time.Time
	interval time.Duration
}

func newPacer() *pacer { return &pacer{seen: map[string]*poll{}} }

// poll notes a poll and reports whether it came no faster than the interval
// allows; if it did, the interval grows.
func (p *pacer) poll(id string, now time.Time) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := p.seen[id]
	if e == nil {
		p.forget(now)
		p.seen[id] = &poll{last: now, interval: pollInterval}
		return pollInterval, true
	}
	// A second of grace: clients that wait for exactly the interval are not late.
	if now.Sub(e.last) < e.interval-time.Second {
		e.interval = min(e.interval+pollStep, pollIntervalMax)
		return e.interval, false
	}
	e.last = now
	return e.interval, true
}

func (p *pacer) interval(id string) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if e := p.seen[id]; e != nil {
		return e.interval
	}
	return pollInterval
}

func (p *pacer) forget(now time.Time) {
	if len(p.seen) < pollMany {
		return
	}
	for id, e := range p.seen {
		if now.Sub(e.last) > pollForget {
			delete(p.seen, id)
		}
	}
}
