package billing_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// newsHeard tells when somebody waits for news.
type newsHeard struct {
	billing.Notifier
	waits chan string
}

func (n newsHeard) Subscribe(topic string) (<-chan struct{}, func()) {
	c, stop := n.Notifier.Subscribe(topic)
	n.waits <- topic
	return c, stop
}

// TestLongPoll wakes within a second of what happened, here and on another
// replica.
func TestLongPoll(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(w *worldtest.World, c worldtest.Cast, id string) error
		want billing.ApprovalState
	}{
		{"deny", func(w *worldtest.World, c worldtest.Cast, id string) error {
			_, err := w.Service.Decide(ctx, c.Owner, id, billing.Verdict{})
			return err
		}, billing.ApprovalDenied},
		{"cancel", func(w *worldtest.World, c worldtest.Cast, id string) error {
			_, err := w.Service.CancelApproval(ctx, c.Agent, id)
			return err
		}, billing.ApprovalCanceled},
		{"supersede", func(w *worldtest.World, c worldtest.Cast, _ string) error {
			_, err := w.Service.Propose(ctx, c.Agent, onWeb(upgrade("giant")))
			return err
		}, billing.ApprovalSuperseded},
		{"expire", func(w *worldtest.World, _ worldtest.Cast, _ string) error {
			return errors.Join(w.Box.Advance(24*time.Hour), w.Service.Expire(ctx))
		}, billing.ApprovalExpired},
	} {
		for _, postgres := range []bool{false, true} {
			t.Run(tc.name+map[bool]string{true: "/from another replica", false: ""}[postgres], func(t *testing.T) {
				heard := make(chan string, 1)
				w, _, c := seamed(t, "pro", worldtest.Options{Postgres: postgres, Catalog: threePlans(t), Configure: func(cfg *billing.Config) {
					cfg.Notifier = newsHeard{cfg.Notifier, heard}
				}})
				here := w.Service
				if postgres {
					w.Service = w.Replica()
				}
				id := asked(t, here, c.Agent, onWeb(upgrade("scale"))).Approval.ID
				got := make(chan billing.Approval, 1)
				var wg sync.WaitGroup
				defer wg.Wait()
				wg.Go(func() {
					a, err := here.Status(ctx, c.Agent, id, 20*time.Second)
					if err != nil {
						t.Error(err)
					}
					got <- a
				})
				<-heard
				noError(t, tc.do(w, c, id))
				select {
				case a := <-got:
					if a.State != tc.want {
						t.Errorf("woke to %s, want %s", a.State, tc.want)
					}
				case <-time.After(time.Second):
					t.Error("slept on for more than a second")
				}
			})
		}
	}
}

// TestLongPollEnds: without news it answers at its time, or when the caller goes.
func TestLongPollEnds(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	id := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval.ID
	a, err := w.Service.Status(ctx, c.Agent, id, time.Millisecond)
	if err != nil || a.State != billing.ApprovalPending {
		t.Errorf("%s, %v", a.State, err)
	}
	w.Advance(time.Minute)
	gone, hangUp := context.WithCancel(ctx)
	hangUp()
	if _, err = w.Service.Status(gone, c.Agent, id, 20*time.Second); err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestSlowDown: who polls too fast is told so and waits longer each time.
func TestSlowDown(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	poll := func() error {
		_, err := w.Service.Status(ctx, c.Agent, out.Approval.ID, 0)
		return err
	}
	noError(t, poll())
	w.Advance(5 * time.Second)
	noError(t, poll())
	for _, want := range []int{10, 15, 20, 25, 30, 30} {
		err := poll()
		fails(t, err, billing.ErrSlowDown, "interval", want)
		e, _ := errors.AsType[*billing.Error](err)
		if d := time.Duration(want) * time.Second; e.RetryAfter != d || w.Service.Interval(out.Approval.ID) != d {
			t.Errorf("retry after %s, interval %s", e.RetryAfter, w.Service.Interval(out.Approval.ID))
		}
	}
	w.Advance(20 * time.Second)
	fails(t, poll(), billing.ErrSlowDown)
	w.Advance(10 * time.Second)
	noError(t, poll())
	other := asked(t, w.Service, c.OtherAgent, onWeb(upgrade("scale")))
	if _, err := w.Service.Status(ctx, c.OtherAgent, other.Approval.ID, 0); err != nil || w.Service.Interval(other.Approval.ID) != 5*time.Second {
		t.Errorf("another request is slowed down as well: %v", err)
	}
	_, err := w.Service.Decide(ctx, c.Owner, out.Approval.ID, billing.Verdict{})
	noError(t, err)
	for range 3 {
		noError(t, poll()) // an answer is never held back
	}
}

// TestWhosePoll: only the agent that asked, by any of its keys.
func TestWhosePoll(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	id := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval.ID
	key := func(id string, scopes ...string) billing.Principal {
		p, _ := w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: c.Org.ID, PrincipalID: id, Name: "deploy-bot", Scopes: scopes})
		return p
	}
	for _, tc := range []struct {
		name string
		p    billing.Principal
		id   string
		want error
	}{
		{"itself", c.Agent, id, nil},
		{"its other key", key(c.Agent.ID, billing.ScopeRead), id, nil},
		{"a key that may not read", key(c.Agent.ID, billing.ScopeRequest), id, billing.ErrScope},
		{"another agent", c.OtherAgent, id, billing.ErrNotFound},
		{"an owner", c.Owner, id, billing.ErrNotFound},
		{"another org's agent", w.NewCast("evil", "", "").Agent, id, billing.ErrNotFound},
		{"unknown", c.Agent, "apr_00000000000000000000000000", billing.ErrNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.Advance(time.Minute)
			if _, err := w.Service.Status(ctx, tc.p, tc.id, 0); !errors.Is(err, tc.want) {
				t.Errorf("error = %v, want %v", err, tc.want)
			}
		})
	}
}
