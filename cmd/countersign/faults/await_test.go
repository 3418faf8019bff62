package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

const lanes = 3 // in which processes are crashed side by side

// TestAwaitPoints kills the process right before and right after every call of
// Stripe and every commit of every flow, each in an org of its own. Afterwards
// each change is made exactly once: by what recovers it, or, where nothing had
// been written down yet, by the same wish again.
func TestAwaitPoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sharedPostgres(t))
	cells := w.cells()
	before := w.intents() // those of the preparation
	w.crashAll(cells)
	burnt := 0
	for _, c := range cells {
		if c.burnt {
			burnt++
		} else {
			t.Errorf("not reached: %s", c)
		}
	}
	r := w.replica()
	r.serve()
	began := time.Now()
	w.rest()
	took := time.Since(began)
	if took > recoverWithin {
		t.Errorf("the open changes were recovered after %s", took)
	}
	for _, c := range cells {
		c.o.at = r.address
	}
	once := w.onceEach(cells, before)
	figure(t, "await points crashed: %d of %d, executed exactly once: %d, the last recovered after %s of %s",
		burnt, len(cells), once, took.Round(100*time.Millisecond), recoverWithin)
}

// cells finds out how many points each flow has, by going through it once
// undisturbed, and prepares an org for each of them.
func (w *world) cells() (cells []*cell) {
	w.t.Helper()
	var whole []*cell
	for _, f := range flows {
		whole = append(whole, &cell{flow: f})
		if !f.checkout {
			whole = append(whole, &cell{flow: f, web: true})
		}
	}
	w.prepareAll(whole, "whole")
	l := w.lane()
	l.serve()
	// What the server looks at when it starts is not part of a flow.
	eventually(w.t, "the first look to be over", patience, func() bool { return w.ledger.quiet() > 2*time.Second })
	for _, c := range whole {
		calls, commits, _, err := l.run(c)
		if err != nil {
			w.t.Fatalf("%s: %v", c, err)
		}
		for _, after := range []bool{false, true} {
			for n := range calls {
				cells = append(cells, &cell{flow: c.flow, web: c.web, at: point{n: n + 1, after: after}})
			}
			for n := range commits {
				cells = append(cells, &cell{flow: c.flow, web: c.web, at: point{commit: true, n: n + 1, after: after}})
			}
		}
		if calls+commits == 0 {
			w.t.Errorf("%s does nothing", c)
		}
	}
	l.kill()
	w.prepareAll(cells, "cell")
	return cells
}

func (w *world) prepareAll(cells []*cell, names string) {
	w.t.Helper()
	s, store := w.service()
	defer store.Close()
	var wg sync.WaitGroup
	turn := make(chan int, len(cells))
	for i := range cells {
		turn <- i
	}
	close(turn)
	for range 4 {
		wg.Go(func() {
			for i := range turn {
				if err := w.populateCell(s, store, cells[i], fmt.Sprintf("%s-%04d", names, i)); err != nil {
					w.t.Errorf("prepare %s: %v", cells[i], err)
				}
			}
		})
	}
	wg.Wait()
	if w.t.Failed() {
		w.t.FailNow()
	}
}

// lane is a replica with a fuse in its ways.
type lane struct {
	*replica
	fuse *fuse
}

func (w *world) lane() *lane {
	w.t.Helper()
	l := &lane{fuse: &fuse{}}
	server := httptest.NewServer(l.fuse.stripeTap(w.ledger))
	w.t.Cleanup(server.Close)
	u, err := url.Parse(w.direct)
	if err != nil {
		w.t.Fatal(err)
	}
	u.Host = l.fuse.databaseTap(w.t, u.Host)
	l.replica = w.replica("DATABASE_URL="+u.String(), "STRIPE_API_BASE="+server.URL)
	return l
}

// run takes a cell through its flow, to the point where the process is killed.
func (l *lane) run(c *cell) (calls, commits int, burnt bool, err error) {
	if l.process == nil || l.ended() {
		l.serve()
	}
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	c.o.at = l.address
	if err = c.ask(ctx); err != nil {
		return 0, 0, false, err
	}
	l.fuse.arm(c.at, l.kill, c.o.id, c.o.customer)
	a, err := c.decide(ctx)
	calls, commits, burnt = l.fuse.disarm()
	c.o.at = ""
	if burnt {
		<-l.done
		return calls, commits, true, nil
	}
	if err == nil && a.code >= 400 {
		err = fmt.Errorf("%d %s", a.code, a.raw)
	}
	return calls, commits, false, err
}

func (w *world) crashAll(cells []*cell) {
	w.t.Helper()
	turn := make(chan *cell, len(cells))
	for _, c := range cells {
		turn <- c
	}
	close(turn)
	var all []*lane
	for range lanes {
		all = append(all, w.lane())
	}
	var wg sync.WaitGroup
	for _, l := range all {
		wg.Go(func() {
			for c := range turn {
				var err error
				if _, _, c.burnt, err = l.run(c); err != nil {
					w.t.Errorf("%s: %v", c, err)
				}
			}
			l.kill()
		})
	}
	wg.Wait()
}

type intent struct{ id, org, state string }

// intents are all changes that the database knows, by id.
func (w *world) intents() map[string]intent {
	w.t.Helper()
	all := map[string]intent{}
	for _, i := range rows(w.t, w.sql(), func(i *intent) []any { return []any{&i.id, &i.org, &i.state} }, `SELECT id, org_id, state FROM intents`) {
		all[i.id] = i
	}
	return all
}

// onceEach takes the cells through once more whose wish was never written down,
// and counts those that are done exactly once.
func (w *world) onceEach(cells []*cell, before map[string]intent) (once int) {
	w.t.Helper()
	done := w.doneByOrg(before)
	var wg sync.WaitGroup
	free := make(chan struct{}, 4)
	for _, c := range cells {
		if done[c.o.id] > 0 {
			continue
		}
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			if err := w.finish(c); err != nil {
				w.t.Errorf("%s, again: %v", c, err)
			}
		})
	}
	wg.Wait()
	done = w.doneByOrg(before)
	s, store := w.service()
	defer store.Close()
	for _, c := range cells {
		sub, err := s.SyncOrg(w.t.Context(), c.o.id)
		want := 1
		if c.checkout {
			want = 0 // no change of ours: the card is the consent
			err = errors.Join(err, w.oneCustomer(c.o))
		}
		if err != nil || done[c.o.id] != want || !c.stands(sub) {
			w.t.Errorf("%s: done %d times, stands at %+v: %v", c, done[c.o.id], sub.State, err)
			continue
		}
		once++
	}
	return once
}

// finish does again what a person or an agent does who got no answer.
func (w *world) finish(c *cell) error {
	ctx := w.t.Context()
	c.web = false
	if err := c.ask(ctx); err != nil {
		return err
	}
	a, err := c.decide(ctx)
	if err != nil || a.code >= 400 {
		return fmt.Errorf("%d %s %w", a.code, a.raw, errors.Join(err))
	}
	if !c.checkout || c.prepare != nil {
		return nil
	}
	var link struct{ URL string }
	if err = json.Unmarshal(a.raw, &link); err != nil {
		return err
	}
	return w.pay(link.URL)
}

// doneByOrg counts what was done for each org after the preparation, and holds
// it against Stripe.
func (w *world) doneByOrg(before map[string]intent) map[string]int {
	w.t.Helper()
	ledger, done := w.ledger.counts(), map[string]int{}
	for id, i := range w.intents() {
		n := ledger[id]
		switch _, old := before[id]; {
		case old:
		case i.state == "done" && n <= 1:
			done[i.org]++
		case n > 0:
			w.t.Errorf("%s of %s is %s, and Stripe did it %d times", id, i.org, i.state, n)
		}
	}
	return done
}

// oneCustomer checks that Stripe has the org once, with one subscription.
func (w *world) oneCustomer(o *org) error {
	var list struct{ Data []struct{ ID, Name string } }
	w.sandbox(http.MethodGet, "/v1/customers?limit=100&email="+url.QueryEscape("owner@"+o.name+".test"), nil, &list)
	if len(list.Data) != 1 {
		return fmt.Errorf("%d customers", len(list.Data))
	}
	var subs struct{ Data []struct{ ID string } }
	w.sandbox(http.MethodGet, "/v1/subscriptions?customer="+list.Data[0].ID, nil, &subs)
	if len(subs.Data) != 1 {
		return fmt.Errorf("%d subscriptions", len(subs.Data))
	}
	return nil
}
