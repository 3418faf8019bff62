package web

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/countersignhq/countersign/billing"
)

const (
	paceGood   = time.Minute
	paceFailed = 5 * time.Second
)

var errPaced = errors.New("asked a moment ago")

// paced asks each address once a minute at most, and sooner again only if there
// was no good answer. Anybody can send a token that names a key which nobody
// has, and each of them would have us ask its issuer.
type paced struct {
	next  http.RoundTripper
	clock billing.Clock
	mu    sync.Mutex
	free  map[string]time.Time // when an address may be asked again
}

// pace is the client with its transport held back.
func pace(c *http.Client, clock billing.Clock) *http.Client {
	out := *c
	p := &paced{next: c.Transport, clock: clock, free: map[string]time.Time{}}
	if p.next == nil {
		p.next = http.DefaultTransport
	}
	out.Transport = p
	return &out
}

// RoundTrip implements http.RoundTripper.
func (p *paced) RoundTrip(r *http.Request) (*http.Response, error) {
	address := r.URL.String()
	if !p.take(address) {
		return nil, errPaced
	}
	res, err := p.next.RoundTrip(r)
	if err != nil || res.StatusCode != http.StatusOK {
		p.mu.Lock()
		p.free[address] = p.clock.Now().Add(paceFailed)
		p.mu.Unlock()
	}
	return res, err
}

func (p *paced) take(address string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.clock.Now()
	if now.Before(p.free[address]) {
		return false
	}
	p.free[address] = now.Add(paceGood)
	return true
}
