package faults

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"
)

var toxics = map[string]toxic{
	"delay":      {"latency", answers, map[string]int{"latency": 150, "jitter": 50}},
	"reset":      {"reset_peer", answers, map[string]int{"timeout": 0}},
	"black hole": {"timeout", answers, map[string]int{"timeout": 0}},
	"cut":        {"limit_data", answers, map[string]int{"bytes": 200}},
}

// TestStripeOutOfReach: whatever happens between us and Stripe, what can be read
// is read as fast as before, and what cannot be done is said and uses up nothing.
func TestStripeOutOfReach(t *testing.T) {
	for name, x := range toxics {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "")
			w.populate(3, 1, "solo", 0)
			line := w.stripeWire()
			w.replica().serve()
			asks, confirms, presses := w.orgs[0], w.orgs[1], w.orgs[2]
			must(t, confirms, false)
			must(t, presses, true)
			fields := presses.opened(t)
			before := w.reading(t, 200)

			line.poison(x)
			refused := name != "delay"
			var wg sync.WaitGroup
			wg.Go(func() { asks.refuses(t, refused, asks.wish) })
			if refused { // what is shown is not worth waiting for
				wg.Go(func() { confirms.refuses(t, true, confirms.redeem) })
				wg.Go(func() { presses.refusesPress(t, fields) })
			}
			during := w.reading(t, 200)
			wg.Wait()
			line.heal()
			// Generous, since other tests run beside this one.
			if during > 10*before && during > 50*time.Millisecond {
				t.Errorf("a read took %s before and %s meanwhile", before, during)
			} else {
				figure(t, "Stripe, %s: reads %s before, %s meanwhile", name, before.Round(time.Microsecond), during.Round(time.Microsecond))
			}
			w.pressAgain(confirms, presses, fields)
			if b := w.balance(); b.executed != 2 || b.twice+b.lost+b.refused > 0 {
				t.Errorf("%+v", b)
			}
		})
	}
}

// pressAgain has both give the same consent again, which is good now.
func (w *world) pressAgain(confirms, presses *org, fields url.Values) {
	w.t.Helper()
	if a, err := confirms.redeem(); err != nil || a.Status != "capacity-increased" {
		w.t.Errorf("the same token: %d %s %v", a.code, a.raw, err)
	}
	if a, err := presses.post(w.t.Context(), presses.approve(), fields); err != nil || a.code != http.StatusSeeOther {
		w.t.Errorf("the same press: %d %v", a.code, err)
	}
	eventually(w.t, "the end", patience, func() bool {
		s, err := presses.follow(w.t.Context(), presses.under)
		return err == nil && s == ended
	})
}

// must asks, and is asked back.
func must(t *testing.T, o *org, web bool) {
	t.Helper()
	if s, err := o.ask(t.Context(), web); err != nil || s != again {
		t.Fatalf("ask: %v %v", s, err)
	}
}

func (o *org) approve() string { return "/approve/" + o.under.request }

// opened is the form of the page on which the owner sees the request.
func (o *org) opened(t *testing.T) url.Values {
	t.Helper()
	page, err := o.page(t.Context(), o.approve())
	if err != nil {
		t.Fatal(err)
	}
	fields, ok := form(page.raw, o.approve(), `value="approve"`)
	if !ok {
		t.Fatalf("no form: %d %s", page.code, page.raw)
	}
	fields.Set("decision", "approve")
	return fields
}

// wish asks for one unit more.
func (o *org) wish() (answer, error) {
	return o.agent(o.w.t.Context(), 0, http.MethodPost, increase, `{"target_additional_capacity_units":1}`)
}

// redeem brings the token back.
func (o *org) redeem() (answer, error) {
	return o.agent(o.w.t.Context(), 0, http.MethodPost, increase, `{"confirm_token":"`+o.under.token+`"}`)
}

func (o *org) refuses(t *testing.T, refused bool, call func() (answer, error)) {
	t.Helper()
	began := time.Now()
	a, err := call()
	if refused != (err == nil && a.code == http.StatusServiceUnavailable && a.Error == "stripe_unavailable") {
		t.Errorf("after %s: %d %s %v", time.Since(began), a.code, a.raw, err)
	}
}

func (o *org) refusesPress(t *testing.T, fields url.Values) {
	t.Helper()
	a, err := o.post(t.Context(), o.approve(), fields)
	if err != nil || a.code != http.StatusServiceUnavailable {
		t.Errorf("press: %d %s %v", a.code, a.raw, err)
	}
	if s, err := o.follow(t.Context(), o.under); err != nil || s != again {
		t.Errorf("the request does not wait any more: %v %v", s, err)
	}
}

// reading is the median time of n reads of the summary and of pages.
func (w *world) reading(t *testing.T, n int) time.Duration {
	t.Helper()
	var took []time.Duration
	for i := range n {
		o := w.orgs[i%len(w.orgs)]
		began := time.Now()
		var a answer
		var err error
		switch i % 4 {
		case 0:
			a, err = o.agent(t.Context(), 0, http.MethodGet, "/api/billing", "")
		case 1:
			a, err = o.agent(t.Context(), 0, http.MethodGet, "/v1/billing", "")
		case 2:
			a, err = o.page(t.Context(), "/settings/approvals")
		default:
			a, err = o.page(t.Context(), "/settings/billing")
		}
		took = append(took, time.Since(began))
		if err != nil || a.code != http.StatusOK {
			t.Errorf("read: %d %s %v", a.code, a.raw, err)
		}
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// soon is how long a request may take at most while the database is out of reach.
const soon = 15 * time.Second

// databaseAway: 503 in JSON or on a page, with the words for it and when to come back.
func (a answer) databaseAway() bool {
	return a.code == http.StatusServiceUnavailable && a.retryAfter != "" && bytes.Contains(a.raw, []byte("cannot reach its database"))
}

// TestPostgresOutOfReach: while the database does not answer, requests fail
// soon and in the contract's words, and afterwards everything goes on by itself.
func TestPostgresOutOfReach(t *testing.T) {
	for name, x := range toxics {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sharedPostgres(t))
			w.populate(20, 1, "solo", 0)
			line := w.databaseWire()
			r := w.replica()
			r.serve()
			token, press := w.orgs[0], w.orgs[1]
			must(t, token, false)
			must(t, press, true)
			fields := press.opened(t)

			through := w.drive(w.orgs[2:], 40)
			line.poison(x)
			var slowest time.Duration
			if name != "delay" {
				var mu sync.Mutex
				var wg sync.WaitGroup
				for i := range 40 {
					wg.Go(func() {
						began := time.Now()
						a, err := w.orgs[i%20].agent(t.Context(), 0, http.MethodGet, "/api/billing", "")
						took := time.Since(began)
						mu.Lock()
						defer mu.Unlock()
						slowest = max(slowest, took)
						if err != nil || !a.databaseAway() || a.Error != "database_unavailable" || took > soon {
							t.Errorf("read after %s: %d %s %v", took, a.code, a.raw, err)
						}
					})
				}
				wg.Wait()
				for what, call := range map[string]func() (answer, error){
					"token": token.redeem,
					"press": func() (answer, error) { return press.post(t.Context(), press.approve(), fields) },
					"page":  func() (answer, error) { return press.page(t.Context(), "/settings/billing") },
				} {
					began := time.Now()
					if a, err := call(); err != nil || !a.databaseAway() || time.Since(began) > soon {
						t.Errorf("%s after %s: %d %s %v", what, time.Since(began), a.code, a.raw, err)
					}
				}
			}
			line.heal()
			began := time.Now()
			eventually(t, "the server to find the database again", soon, r.ready)
			back := time.Since(began)
			w.pressAgain(token, press, fields)
			if err := <-through; err != nil {
				t.Error(err)
			}
			w.rest()
			b := w.balance()
			if b.executed < 42 || b.twice+b.lost > 0 {
				t.Errorf("%+v", b)
			}
			figure(t, "PostgreSQL, %s: slowest answer %s, back after %s, consents=%d twice=%d lost=%d",
				name, slowest.Round(time.Millisecond), back.Round(time.Millisecond), b.executed, b.twice, b.lost)
		})
	}
}
