package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// recoverWithin bounds how long an approved change may stay open after a crash.
const recoverWithin = 35 * time.Second

func changesSubscription(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/subscriptions/")
}

func looksAtCustomer(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/customers/")
}

// TestCrash kills the server with -9 between an approval and Stripe's answer and
// starts it again on the same data: the change is made once, and whoever asks is
// told the truth all the time.
func TestCrash(t *testing.T) {
	for name, c := range map[string]struct {
		at       func(*http.Request) bool
		executed bool // whether Stripe carried the call out that nobody waited for
	}{
		"answer lost":               {changesSubscription, true},
		"request lost":              {changesSubscription, false},
		"before Stripe hears of it": {looksAtCustomer, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, true)
			w.serve()
			before := w.paid()
			agent := w.agent()
			r := agent.upgrade("scale")
			owner := newTab(t, true)
			w.signIn(owner)
			owner.open(r.URL)
			owner.see("Upgrade Acme to Scale?")

			held := w.gate.catch(c.at)
			owner.press("Approve, pay $")
			<-held.arrived
			unfinished(t, agent.poll(r, 0))
			other := owner.sibling()
			other.open(r.URL)
			other.see("Working on it")
			if c.executed {
				other.audit("approve-working")
			}

			for _, b := range []*tab{owner, other} {
				b.watch.allow("net::ERR_")
				b.watch.allow("Failed to fetch")
			}
			w.kill()
			held.pass <- c.executed
			owner.see("The server did not answer")
			owner.shot("approve-server-lost")
			want := before
			if c.executed {
				want++
			}
			eventually(t, "Stripe to be done with the call", patience, func() bool { return w.paid() == want })

			w.serve()
			began := time.Now()
			unfinished(t, agent.poll(r, 0))
			read, last := agent.follow(r)
			took := time.Since(began)
			truthful(t, read)
			if took > recoverWithin {
				t.Errorf("recovered after %s", took)
			}
			t.Logf("recovered after %s: %v", took.Round(time.Second), read)
			if last.Result.Status != "switched" || last.Result.Plan != "scale" {
				t.Errorf("the agent read %+v", last)
			}
			other.see("Acme is on Scale") // by itself
			owner.open(w.url + "/settings/billing")
			owner.see("$49.00")
			if n := w.paid(); n != before+1 {
				t.Errorf("charged %d times", n-before)
			}
		})
	}
}

// unfinished checks that a poll tells of an approval that is under way.
func unfinished(t *testing.T, s status) {
	t.Helper()
	if !slices.Contains([]string{"approved", "executing", "indeterminate"}, s.Status) || s.Next != "poll" {
		t.Errorf("the poll says %+v", s)
	}
}
