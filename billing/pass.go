package billing

import (
	"context"
	"errors"
	"time"
)

// Every night each org that Stripe knows is looked at once, whether anything was
// told of it or not. One replica does it; another takes over where it stopped.

const (
	nightHour = 2 // UTC, when a pass is due
	passLease = 2 * time.Minute
	passBatch = 20
	// lookPause is between two orgs: a look is four reads of Stripe at most, so a
	// pass takes a fifth of the 100 a second that Stripe allows.
	lookPause = 200 * time.Millisecond
)

// Pass is a walk over every org that Stripe knows.
type Pass struct {
	Running    bool
	StartedAt  time.Time // zero: there never was one
	FinishedAt time.Time // of the last that came to its end
	LastOrg    string    // where it is
	Looked     int64     // orgs so far
	Drifted    int64     // of these, with drift
	LeaseUntil time.Time // of the replica that is at it
}

// PassTurn is a replica's wish to be at the pass.
type PassTurn struct {
	Due             time.Time // the newest pass began then or later
	At              time.Time // when a new one begins
	Now, LeaseUntil time.Time // by the database's clock
}

// Reconciliation is how the reconciler does.
type Reconciliation struct {
	Pass
	EventsAt time.Time // when Stripe's list of events was last read
}

// ReconcileTx: the pass and what it found.
type ReconcileTx interface {
	Reconciliation(ctx context.Context) (Reconciliation, error)
	// WantPass says that a pass is needed that begins later than this.
	WantPass(ctx context.Context) error
	// TakePass takes over a pass that nobody holds, or begins one if the last
	// began before it was due or another one is wanted. ErrNotFound if there is
	// nothing to do.
	TakePass(ctx context.Context, t PassTurn) (Pass, error)
	// AdvancePass stores how far the pass has come if it still has the lease that
	// p says, and gives it the new one; zero gives it back.
	AdvancePass(ctx context.Context, p Pass, leaseUntil time.Time) (bool, error)
	// CustomerOrgs lists orgs that have a customer at Stripe, by id after the one.
	CustomerOrgs(ctx context.Context, after string, limit int) ([]string, error)
	// Drifts lists the drift that was found last, newest first.
	Drifts(ctx context.Context, limit int) ([]DriftCase, error)
}

var reconciler = Actor{Kind: KindSystem, Name: "Reconciler"}

// LookAtAll does the nightly pass if it is due and nobody else is at it, until it
// is through, Stripe is away, or ctx ends. Where it stops it goes on later.
//
// Errors: ErrStripeUnavailable.
func (s *Service) LookAtAll(ctx context.Context) error {
	if s.processor == nil {
		return nil
	}
	now, err := s.store.Now(ctx)
	if err != nil {
		return err
	}
	p, err := s.store.TakePass(ctx, PassTurn{Due: lastNight(s.Now()), At: s.Now(), Now: now, LeaseUntil: now.Add(passLease)})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	for err == nil && p.Running && ctx.Err() == nil {
		err = s.lookAtSome(ctx, &p)
	}
	return err
}

// lookAtSome looks at a batch and stores how far the pass has come. Where nothing
// has changed, which is nearly everywhere, that is all that is written: each commit
// costs all readers what they keep of an SQLite file in memory. A batch that is
// cut off is looked at again.
func (s *Service) lookAtSome(ctx context.Context, p *Pass) error {
	orgs, err := s.store.CustomerOrgs(ctx, p.LastOrg, passBatch)
	if err != nil {
		return err
	}
	var trouble error
	var same []Subscription
	for _, id := range orgs {
		w := watch{by: reconciler, later: true}
		trouble = s.lookAt(ctx, id, p, &w)
		if w.unchanged() {
			same = append(same, *w.same)
		}
		if trouble != nil || !s.waiter.Wait(ctx, s.timing.look, nil) {
			break
		}
	}
	ctx = context.WithoutCancel(ctx)
	now, err := s.store.Now(ctx)
	if err != nil {
		return err
	}
	next := now.Add(passLease)
	if len(orgs) == 0 {
		p.Running, p.FinishedAt = false, s.Now()
		s.log.Info("every subscription was looked at", "orgs", p.Looked, "drift", p.Drifted)
	}
	if !p.Running || trouble != nil {
		next = time.Time{}
	}
	mine := false
	err = s.store.InTx(ctx, func(tx Tx) (err error) {
		for _, sub := range same {
			if err = tx.MarkRead(ctx, sub); err != nil {
				return err
			}
		}
		mine, err = tx.AdvancePass(ctx, *p, next)
		return err
	})
	if err == nil && !mine {
		p.Running = false // it took too long, and somebody else is at it
	}
	p.LeaseUntil = next
	return errors.Join(trouble, err)
}

// lookAt looks at one org. One that Stripe does not answer about is left to the
// worker, who spaces out its tries: it must not keep the pass from the rest.
func (s *Service) lookAt(ctx context.Context, orgID string, p *Pass, w *watch) error {
	_, err := s.sync(ctx, orgID, w)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.LastOrg = orgID
	p.Looked++
	if w.drift && err == nil {
		p.Drifted++
	}
	switch {
	case errors.Is(err, ErrStripeUnavailable):
		return errors.Join(err, s.store.MarkDirty(ctx, orgID))
	case errors.Is(err, ErrStripeRefused):
		s.log.Warn("an organisation could not be looked at", "org", orgID, "error", err)
		return nil
	case errors.Is(err, ErrNotFound):
		return nil
	}
	return err
}

// lastNight is when the last pass was due.
func lastNight(now time.Time) time.Time {
	due := time.Date(now.Year(), now.Month(), now.Day(), nightHour, 0, 0, 0, time.UTC)
	if due.After(now) {
		due = due.AddDate(0, 0, -1)
	}
	return due
}

// shownDrift is how many an operator sees at once.
const shownDrift = 50

// Reconciliation tells an operator how the reconciler does and what it found.
func (s *Service) Reconciliation(ctx context.Context, p Principal) (r Reconciliation, found []DriftCase, err error) {
	if err = operating(p); err != nil {
		return r, nil, err
	}
	if r, err = s.store.Reconciliation(ctx); err != nil {
		return r, nil, err
	}
	found, err = s.store.Drifts(ctx, shownDrift)
	return r, found, err
}

// Reconciled is Reconciliation's first part, for a monitor.
func (s *Service) Reconciled(ctx context.Context) (Reconciliation, error) {
	return s.store.Reconciliation(ctx)
}
