package faults

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	rollingRequests = 2000
	rollingRounds   = 2 // in each, both replicas are replaced
)

// TestRollingRestart replaces two replicas, one after the other, behind a load
// balancer that asks /readyz: no request fails.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sharedPostgres(t))
	front := &balancer{}
	w.front(front)
	w.populate(120, 2, "solo", 0)
	w.hear()
	replicas := []*replica{w.replica(), w.replica()}
	for _, r := range replicas {
		r.serve()
	}
	front.over(replicas)
	ctx, stop := context.WithCancel(t.Context())
	front.watch(ctx)
	readers := w.read(ctx)
	through := w.drive(w.orgs, 300)
	restarts := 0
	for range rollingRounds {
		for _, r := range replicas {
			r.ask()
			eventually(t, "the replica to end", time.Minute, r.ended)
			if code := r.cmd.ProcessState.ExitCode(); code != 0 {
				t.Errorf("it ended with %d:\n%s", code, r.log)
			}
			r.serve()
			eventually(t, "the load balancer to see it", patience, func() bool { return front.ready() == len(replicas) })
			restarts++
		}
	}
	if err := <-through; err != nil {
		t.Error(err)
	}
	eventually(t, "enough requests", time.Minute, func() bool { return w.sent.Load() >= rollingRequests })
	stop()
	readers.Wait()
	if n := w.failed.Load(); n > 0 {
		t.Errorf("%d requests failed: %v", n, front.said())
	}
	w.rest()
	b := w.balance()
	if b.twice+b.lost > 0 {
		t.Errorf("%+v", b)
	}
	figure(t, "rolling restart: restarts=%d requests=%d failed=%d consents=%d", restarts, w.sent.Load(), w.failed.Load(), b.executed)
}

// front puts a load balancer where people reach the product.
func (w *world) front(b *balancer) {
	w.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(w.t.Context(), "tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.address = ""
	srv := &http.Server{Handler: b, ReadHeaderTimeout: time.Minute}
	go func() { _ = srv.Serve(l) }()
	w.t.Cleanup(func() { _ = srv.Close() })
}

// read has people and agents look, and one wait for news, until ctx ends.
func (w *world) read(ctx context.Context) *sync.WaitGroup {
	var wg sync.WaitGroup
	waits := w.orgs[len(w.orgs)-1]
	w.orgs = w.orgs[:len(w.orgs)-1]
	wg.Go(func() {
		a, err := waits.agent(ctx, 0, http.MethodPost, increase, `{"target_additional_capacity_units":1,"mode":"web"}`)
		if err != nil || a.Request == "" {
			w.t.Errorf("ask: %s %v", a.raw, err)
			return
		}
		for ctx.Err() == nil {
			_, _ = waits.agent(ctx, 0, http.MethodGet, "/api/web-approve/status?wait=20&request="+a.Request, "")
			pauseFor(ctx, time.Second)
		}
	})
	for i := range 4 {
		wg.Go(func() {
			for n := i; ctx.Err() == nil; n += 4 {
				o := w.orgs[n%len(w.orgs)]
				a, err := o.agent(ctx, 0, http.MethodGet, "/api/billing", "")
				if err == nil {
					a, err = o.page(ctx, "/settings/billing")
				}
				if ctx.Err() == nil && (err != nil || a.code != http.StatusOK) {
					w.t.Errorf("%s reads: %d %v", o.name, a.code, err)
				}
				pauseFor(ctx, 10*time.Millisecond)
			}
		})
	}
	return &wg
}

func pauseFor(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// balancer is a small load balancer: by turns, to those whose /readyz says yes,
// and it never sends a change twice.
type balancer struct {
	replicas []*replica
	next     atomic.Int64
	mu       sync.Mutex
	good     []http.Handler
	words    []string
}

func (b *balancer) over(replicas []*replica) { b.replicas = replicas }

// watch asks every replica four times a second.
func (b *balancer) watch(ctx context.Context) {
	b.look()
	go func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				b.look()
			case <-ctx.Done():
				return
			}
		}
	}()
}

func (b *balancer) look() {
	var good []http.Handler
	for _, r := range b.replicas {
		res, err := probe.Get("http://" + r.address + "/readyz")
		if err != nil {
			continue
		}
		_ = res.Body.Close()
		if res.StatusCode == http.StatusOK {
			good = append(good, b.toward(r))
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.good = good
}

func (b *balancer) toward(r *replica) http.Handler {
	p := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: r.address})
	p.ErrorHandler = func(w http.ResponseWriter, q *http.Request, err error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		if q.Context().Err() == nil {
			b.words = append(b.words, fmt.Sprint(q.Method, " ", q.URL.Path, ": ", err))
		}
		w.WriteHeader(http.StatusBadGateway)
	}
	return p
}

func (b *balancer) ready() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.good)
}

func (b *balancer) said() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.words
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	good := b.good
	b.mu.Unlock()
	if len(good) == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	good[int(b.next.Add(1))%len(good)].ServeHTTP(w, r)
}
