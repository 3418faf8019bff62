package billing

import (
	"context"
	"errors"
	"sync"
	"time"
)

// The work that no request waits for. Any number of replicas may do it: every
// step takes what it works on by a guarded write, or may be done twice.

// dirtyBatch is how many orgs one round looks at; those that wait for another
// try are among them.
const dirtyBatch = 1000

// Run does the background work until ctx ends. Its parts do not wait for each
// other: a slow Stripe delays no expiry.
func (s *Service) Run(ctx context.Context) {
	defer s.notifier.Hear(s.heard)()
	var beside sync.WaitGroup
	defer beside.Wait()
	for _, work := range []func(context.Context){s.syncAll, s.lookAfter, s.reconcileAll, s.passNightly, s.endTrials, s.deliverAll, s.mailAll, s.pruneHourly} {
		beside.Go(func() { work(ctx) })
	}
}

// syncAll looks at Stripe for every org that there may be news of.
func (s *Service) syncAll(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		s.must("sync", s.SyncDirty(ctx))
		select {
		case <-s.kick:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// lookAfter takes up what was left open and writes down what time has ended.
func (s *Service) lookAfter(ctx context.Context) {
	s.every(ctx, 5*time.Second, func() {
		s.must("expire", s.Expire(ctx))
		s.must("recover", s.RecoverAll(ctx))
	})
}

func (s *Service) endTrials(ctx context.Context) {
	s.every(ctx, 10*time.Second, func() {
		s.must("trials", s.EndTrials(ctx))
		s.must("graces", s.EndGraces(ctx))
	})
}

func (s *Service) reconcileAll(ctx context.Context) {
	s.every(ctx, time.Minute, func() { s.must("reconcile", s.Reconcile(ctx)) })
}

func (s *Service) passNightly(ctx context.Context) {
	s.every(ctx, time.Minute, func() { s.must("pass", s.LookAtAll(ctx)) })
}

// every does the work now and after each pause, until ctx ends.
func (s *Service) every(ctx context.Context, pauseFor time.Duration, work func()) {
	for {
		work()
		if !pause(ctx, pauseFor) {
			return
		}
	}
}

// retries spaces out the tries of orgs that fail: one that always does must
// neither fill the log nor keep others waiting.
type retries struct {
	mu   sync.Mutex
	orgs map[string]retry
}

type retry struct {
	failures int
	next     time.Time
}

const maxRetryPause = 5 * time.Minute

func newRetries() *retries { return &retries{orgs: map[string]retry{}} }

func (r *retries) due(id string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !now.Before(r.orgs[id].next)
}

// note counts a failure, or forgets them all. The first one is tried again at
// once.
func (r *retries) note(id string, err error, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		delete(r.orgs, id)
		return
	}
	e := r.orgs[id]
	if e.failures > 0 {
		e.next = now.Add(min(time.Second<<min(e.failures, 10), maxRetryPause))
	}
	e.failures++
	r.orgs[id] = e
}

// Expire writes down which requests time has ended, and wakes their waiters.
func (s *Service) Expire(ctx context.Context) error {
	now, err := s.store.Now(ctx)
	if err != nil {
		return err
	}
	var ended []Approval
	err = s.store.InTx(ctx, func(tx Tx) error {
		if ended, err = tx.ExpireApprovals(ctx, now, 500); err != nil {
			return err
		}
		return s.expired(ctx, tx, ended)
	})
	if err != nil {
		return err
	}
	for _, a := range ended {
		s.notifier.Notify(ctx, a.ID)
	}
	return nil
}

// wake makes the worker look now rather than at its next tick.
func (s *Service) wake() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

func (s *Service) must(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.log.Error("background work failed", "work", what, "error", err)
	}
}
