package billing_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

var operator = billing.Actor{Kind: billing.KindOperator, ID: "opr_1", Name: "op@countersign.test"}

// queue puts events of an org into the outbox.
func queue(t testing.TB, w *worldtest.World, org string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		noError(t, w.Store.InsertEvent(ctx, billing.OutboxEvent{
			ID: id, OrgID: org, Type: billing.EventPlanChanged, Payload: "{}", CreatedAt: w.Box.Now(), State: billing.DeliveryPending,
		}))
	}
}

func newOrg(t testing.TB, w *worldtest.World, name string) string {
	t.Helper()
	org, err := w.Service.AddOrg(ctx, name, false)
	noError(t, err)
	return org.ID
}

// drained delivers all that is due and returns the ids in the order of sending.
func drained(t testing.TB, s *billing.Service, h *host) []string {
	t.Helper()
	for {
		found, err := s.DeliverNext(ctx)
		noError(t, err)
		if !found {
			return h.got()
		}
	}
}

func sent(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: sent %q, want %q", what, got, want)
	}
}

// An attempt at each of these times, and none in between; then the next event.
func TestRetrySchedule(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		queue(t, w, newOrg(t, w, "acme"), "evt_1", "evt_2")
		h.answer = func(id, _ string) billing.Receipt {
			if id == "evt_1" {
				return billing.Receipt{Status: 503, Fault: billing.FaultStatus}
			}
			return billing.Receipt{Status: 204}
		}
		sent(t, "at once", drained(t, w.Service, h), "evt_1")
		var at time.Duration
		steps := []time.Duration{
			5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour, 24 * time.Hour, 24 * time.Hour,
		}
		for _, d := range steps {
			w.Advance(d - time.Second)
			sent(t, fmt.Sprint("before ", at+d), drained(t, w.Service, h))
			w.Advance(time.Second)
			sent(t, fmt.Sprint("at ", at+d), drained(t, w.Service, h), "evt_1")
			at += d
		}
		w.Advance(72*time.Hour - at)
		sent(t, "after three days", drained(t, w.Service, h), "evt_1", "evt_2")

		d, err := w.Service.Delivery(ctx, "evt_1")
		noError(t, err)
		if d.State != billing.DeliveryFailed || d.Tries != len(steps)+2 || len(d.Attempts) != d.Tries || d.LastStatus != 503 {
			t.Errorf("given up: %+v", d)
		}
		if !strings.Contains(w.Log.String(), "given up") || strings.Count(w.Log.String(), "tried again") != d.Tries-1 {
			t.Error("the log does not say so")
		}
	})
}

// One org's trouble keeps its own order and nobody else.
func TestOrderPerOrg(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		acme, other := newOrg(t, w, "acme"), newOrg(t, w, "other")
		queue(t, w, acme, "a1", "a2", "a3")
		queue(t, w, other, "o1", "o2")
		refused := map[string]int{"a1": 2, "a3": 1} // how often
		h.answer = func(id, _ string) billing.Receipt {
			if refused[id]--; refused[id] >= 0 {
				return billing.Receipt{Fault: billing.FaultTimeout}
			}
			return billing.Receipt{Status: 200}
		}
		first := drained(t, w.Service, h)
		sent(t, "the other org", slices.DeleteFunc(slices.Clone(first), func(id string) bool { return id[0] == 'a' }), "o1", "o2")
		sent(t, "acme", slices.DeleteFunc(first, func(id string) bool { return id[0] == 'o' }), "a1")
		w.Advance(5 * time.Second)
		sent(t, "again", drained(t, w.Service, h), "a1")
		w.Advance(30 * time.Second)
		sent(t, "then all until the next trouble", drained(t, w.Service, h), "a1", "a2", "a3")
		w.Advance(5 * time.Second)
		sent(t, "at last", drained(t, w.Service, h), "a3")
	})
}

// Two replicas' workers: a host that takes everything is sent everything once,
// in order per org.
func TestTwoWorkersSendOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		const orgs, each = 6, 12
		order := map[string][]string{} // what each org's are, in order
		for i := range orgs {
			org := newOrg(t, w, fmt.Sprint("org", i))
			for n := range each {
				id := fmt.Sprintf("%d:%d", i, n)
				order[fmt.Sprint(i)] = append(order[fmt.Sprint(i)], id)
				queue(t, w, org, id)
			}
		}
		var workers sync.WaitGroup
		for i, s := range []*billing.Service{w.Service, w.Replica(), w.Service, w.Replica()} {
			workers.Go(func() {
				for found := true; found; {
					var err error
					if found, err = s.DeliverNext(ctx); err != nil {
						t.Errorf("worker %d: %v", i, err)
					}
				}
			})
		}
		workers.Wait()
		all := append(h.got(), drained(t, w.Service, h)...)
		if len(all) != orgs*each {
			t.Errorf("sent %d messages of %d", len(all), orgs*each)
		}
		for org, want := range order {
			sent(t, "org "+org, slices.DeleteFunc(slices.Clone(all), func(id string) bool { return !strings.HasPrefix(id, org+":") }), want...)
		}
	})
}

// Dead between the sending and the note of it: sent again by another, under
// the same id and word for word.
func TestCrashAfterSending(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		w.NewCast("acme", "pro", visa)
		var bodies []string
		h.answer = func(id, body string) billing.Receipt {
			bodies = append(bodies, id+body)
			if len(bodies) == 1 {
				panic("killed")
			}
			return billing.Receipt{Status: 200}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("it lived on")
				}
			}()
			_, _ = w.Service.DeliverNext(ctx)
		}()
		replica := w.Replica()
		w.Advance(29 * time.Second)
		if found, err := replica.DeliverNext(ctx); found || err != nil {
			t.Fatalf("sent while somebody may be at it: %v, %v", found, err)
		}
		w.Advance(time.Second)
		drained(t, replica, h)
		if len(bodies) != 3 || bodies[0] != bodies[1] || bodies[1] == bodies[2] {
			t.Errorf("sent %q", bodies)
		}
	})
}

// A worker that was slow finds that another has taken over, and writes nothing.
func TestLateAnswer(t *testing.T) {
	w, h := told(t, worldtest.Options{})
	queue(t, w, newOrg(t, w, "acme"), "evt_1")
	replica, calls := w.Replica(), 0
	h.answer = func(string, string) billing.Receipt {
		calls++
		if calls > 1 {
			return billing.Receipt{Status: 200}
		}
		w.Advance(time.Minute)
		h.mu.Unlock()
		defer h.mu.Lock()
		if found, err := replica.DeliverNext(ctx); !found || err != nil {
			t.Errorf("nobody took over: %v, %v", found, err)
		}
		return billing.Receipt{Fault: billing.FaultTimeout}
	}
	drained(t, w.Service, h)
	if d, err := w.Service.Delivery(ctx, "evt_1"); err != nil || d.State != billing.DeliveryDelivered || d.Tries != 1 || len(d.Attempts) != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// What counts as taken, and what an attempt leaves in the log.
func TestAnswers(t *testing.T) {
	w, h := told(t, worldtest.Options{})
	for i, c := range []struct {
		answer billing.Receipt
		want   billing.DeliveryState
	}{
		{billing.Receipt{Status: 200}, billing.DeliveryDelivered},
		{billing.Receipt{Status: 299}, billing.DeliveryDelivered},
		{billing.Receipt{Status: 199}, billing.DeliveryPending},
		{billing.Receipt{Status: 302, Fault: billing.FaultRedirect}, billing.DeliveryPending},
		{billing.Receipt{Status: 404, Fault: billing.FaultStatus}, billing.DeliveryPending},
		{billing.Receipt{Fault: billing.FaultRefused}, billing.DeliveryPending},
	} {
		id := fmt.Sprint("evt_", i)
		queue(t, w, newOrg(t, w, id), id)
		h.answer = func(string, string) billing.Receipt { return c.answer }
		drained(t, w.Service, h)
		d, err := w.Service.Delivery(ctx, id)
		noError(t, err)
		want := billing.Attempt{At: w.Box.Now(), Status: c.answer.Status, Fault: c.answer.Fault}
		if d.State != c.want || len(d.Attempts) != 1 || !d.Attempts[0].At.Equal(want.At) || d.LastStatus != want.Status || d.LastFault != want.Fault {
			t.Errorf("%+v: %+v", c.answer, d)
		}
	}
}

// 410: nothing is sent any more, nothing is lost, and an operator begins again.
func TestHostIsGone(t *testing.T) {
	w, h := told(t, worldtest.Options{})
	acme, other := newOrg(t, w, "acme"), newOrg(t, w, "other")
	queue(t, w, acme, "evt_1", "evt_2")
	h.answer = func(string, string) billing.Receipt { return billing.Receipt{Status: 410, Fault: billing.FaultStatus} }
	sent(t, "once", drained(t, w.Service, h), "evt_1")
	queue(t, w, other, "evt_3")
	w.Advance(20 * 24 * time.Hour)
	sent(t, "never again", drained(t, w.Service, h))
	health, err := w.Service.WebhookHealth(ctx)
	if err != nil || !health.Configured || !health.GoneAt.Equal(worldtest.Start) || health.Pending != 3 || !strings.Contains(w.Log.String(), "410") {
		t.Errorf("health %+v, %v", health, err)
	}

	h.answer = nil
	fails(t, w.Service.ResumeWebhooks(ctx, billing.Actor{Kind: billing.KindHost}), billing.ErrForbidden)
	sent(t, "not by anybody", drained(t, w.Service, h))
	noError(t, w.Service.ResumeWebhooks(ctx, operator))
	got := drained(t, w.Service, h)
	slices.Sort(got)
	sent(t, "resumed", got, "evt_1", "evt_2", "evt_3")
}

func TestReplay(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h := told(t, o)
		acme := newOrg(t, w, "acme")
		queue(t, w, acme, "evt_1")
		sent(t, "first", drained(t, w.Service, h), "evt_1")

		for _, kind := range []billing.PrincipalKind{billing.KindHuman, billing.KindMember, billing.KindAgent, billing.KindHost, billing.KindSystem, ""} {
			fails(t, w.Service.Replay(ctx, billing.Actor{Kind: kind}, "evt_1"), billing.ErrForbidden)
		}
		fails(t, w.Service.Replay(ctx, operator, "evt_9"), billing.ErrNotFound)
		sent(t, "refused", drained(t, w.Service, h))

		noError(t, w.Service.Replay(ctx, operator, "evt_1"))
		sent(t, "again", drained(t, w.Service, h), "evt_1")
		d, err := w.Service.Delivery(ctx, "evt_1")
		if err != nil || d.State != billing.DeliveryDelivered || d.Tries != 1 || len(d.Attempts) != 2 {
			t.Errorf("replayed: %+v, %v", d, err)
		}
		log, err := w.Store.AuditLog(ctx, acme, 1)
		if err != nil || len(log) != 1 || log[0].Event != "webhook.replayed" || log[0].Actor != operator || log[0].Subject != "evt_1" {
			t.Errorf("audit log: %+v, %v", log, err)
		}
	})
}

// A pending event that waits for a day is sent when the operator says so.
func TestReplayDoesNotWait(t *testing.T) {
	w, h := told(t, worldtest.Options{})
	queue(t, w, newOrg(t, w, "acme"), "evt_1")
	h.answer = func(string, string) billing.Receipt { return billing.Receipt{Fault: billing.FaultConnection} }
	drained(t, w.Service, h)
	h.answer = nil
	sent(t, "waiting", drained(t, w.Service, h))
	noError(t, w.Service.Replay(ctx, operator, "evt_1"))
	sent(t, "now", drained(t, w.Service, h), "evt_1")
}

func TestEventsAreKeptThirtyDays(t *testing.T) {
	w, h := told(t, worldtest.Options{})
	acme := newOrg(t, w, "acme")
	queue(t, w, acme, "evt_1")
	drained(t, w.Service, h)
	left := func() int {
		noError(t, w.Service.PruneEvents(ctx))
		list, err := w.Service.Deliveries(ctx, billing.DeliveryFilter{})
		noError(t, err)
		return len(list)
	}
	w.Advance(30 * 24 * time.Hour)
	if n := left(); n != 1 {
		t.Errorf("%d left after 30 days", n)
	}
	queue(t, w, acme, "evt_2")
	w.Advance(time.Second)
	if n := left(); n != 1 {
		t.Errorf("%d left a second later", n)
	}
	w.Advance(31 * 24 * time.Hour)
	if n := left(); n != 1 || !strings.Contains(w.Log.String(), "waited for 30 days") {
		t.Errorf("%d left: what was never sent is given up first, and the log says so", n)
	}
	sent(t, "given up", drained(t, w.Service, h))
}

// The worker sends by itself, and at the end waits for what is under way.
func TestRunDelivers(t *testing.T) {
	h := &host{}
	w := worldtest.New(t, worldtest.Options{NoStripe: true, Configure: func(c *billing.Config) { c.Deliverer = h }})
	under, finish := make(chan struct{}), make(chan struct{})
	h.answer = func(id, _ string) billing.Receipt {
		if id == "last" {
			close(under)
			<-finish
		}
		return billing.Receipt{Status: 200}
	}
	queue(t, w, newOrg(t, w, "acme"), "evt_1", "evt_2", "last")
	run, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); w.Service.Run(run) }()
	<-under
	stop()
	select {
	case <-ended:
		t.Error("ended while a message was under way")
	case <-time.After(20 * time.Millisecond):
	}
	close(finish)
	<-ended
	if d, err := w.Service.Delivery(ctx, "last"); err != nil || d.State != billing.DeliveryDelivered {
		t.Errorf("%+v, %v", d, err)
	}
	sent(t, "in order", h.got(), "evt_1", "evt_2", "last")
}
