package faults

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// What docs/reliability.md promises.
const (
	recoverWithin  = 35 * time.Second
	convergeWithin = 90 * time.Second
)

func changes(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/subscriptions/")
}

// TestRecovery kills the server while Stripe works for several orgs, and starts
// it again at once: every change is done in time. Half of the calls were heard.
func TestRecovery(t *testing.T) {
	t.Parallel()
	const n = 8
	w := newWorld(t, "")
	w.populate(n, 1, "solo", 0)
	r := w.replica()
	r.serve()
	for _, o := range w.orgs {
		must(t, o, false)
	}
	var held sync.WaitGroup
	held.Add(n)
	var mu sync.Mutex
	arrived := 0
	dead := make(chan struct{})
	w.ledger.watch(func(r *http.Request, after bool) {
		if !changes(r) {
			return
		}
		mu.Lock()
		first := !after && arrived%2 == 0
		mine := first || after
		if !after {
			arrived++
		}
		mu.Unlock()
		if !mine {
			return
		}
		held.Done()
		<-dead
		if !after {
			panic(http.ErrAbortHandler) // never heard
		}
	})
	for _, o := range w.orgs {
		go func() { _, _ = o.redeem() }()
	}
	held.Wait()
	r.kill()
	killed := time.Now()
	w.ledger.watch(nil)
	close(dead)
	r.serve()
	w.rest()
	took := time.Since(killed)
	b := w.balance()
	if b.executed != n || b.twice+b.lost > 0 || took > recoverWithin {
		t.Errorf("%+v after %s", b, took)
	}
	figure(t, "recovery of %d open changes after kill -9: %s of %s", n, took.Round(100*time.Millisecond), recoverWithin)
}

// TestWebhooksLost changes subscriptions at Stripe, and no webhook arrives: the
// reconciler finds out.
func TestWebhooksLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "")
	w.populate(20, 1, "solo", 0)
	w.replica().serve()
	store := w.open()
	defer store.Close()
	// The server looks at everything when it starts; what follows the reconciler
	// has to find with its next look.
	eventually(t, "the first look to be over", patience, func() bool {
		cursor, err := store.EventCursor(t.Context())
		return err == nil && !cursor.IsZero() && w.ledger.quiet() > 2*time.Second
	})
	began := time.Now()
	for i, o := range w.orgs {
		if err := w.box.CancelAtPeriodEnd(w.subscription(o), i%2 == 0); err != nil {
			t.Fatal(err)
		}
		if err := w.box.SetQuantity(w.subscription(o), "solo_unit_month", int64(i+1)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "what is known here to be what Stripe says", convergeWithin, func() bool {
		for i, o := range w.orgs {
			sub, err := store.Subscription(t.Context(), o.id)
			if err != nil || sub.Units.Additional != int64(i+1) || sub.CancelAtPeriodEnd != (i%2 == 0) {
				return false
			}
		}
		return true
	})
	figure(t, "convergence of %d orgs with all webhooks lost: %s of %s", len(w.orgs), time.Since(began).Round(time.Second), convergeWithin)
}

// subscription is the id of the org's subscription at the sandbox.
func (w *world) subscription(o *org) string {
	w.t.Helper()
	var subs struct{ Data []struct{ ID string } }
	w.sandbox(http.MethodGet, "/v1/subscriptions?customer="+o.customer, nil, &subs)
	if len(subs.Data) != 1 {
		w.t.Fatalf("%s has %d subscriptions", o.name, len(subs.Data))
	}
	return subs.Data[0].ID
}
