package billing

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// The path from an agreed intent to Stripe. Everything here can be cut off at
// any point and taken up again by another process: what was decided is in the
// store before Stripe hears of it, and a call is always repeated under the key
// that it had.

const (
	// stripeForgets is when an idempotency key may no longer be replayed. Stripe
	// keeps keys for 24 hours; we stop an hour before.
	stripeForgets = 23 * time.Hour
	maxAttempts   = 5
	executeWithin = 24 * time.Second
	settleWithin  = 10 * time.Second
	awaitWithin   = 22 * time.Second
	longestWait   = 5 * time.Second // while somebody waits for the answer; longer ones are the worker's
)

func (s *Service) newIntent(sub Subscription, actor, decider Actor, assurance string, q Quote) Intent {
	return Intent{
		ID: s.newID("int_"), OrgID: sub.OrgID, Actor: actor, DecidedBy: decider, Assurance: assurance,
		Quote: q, From: sub.State, State: IntentPending, CreatedAt: s.Now(),
	}
}

// intentKey is the idempotency key of an attempt.
func intentKey(i Intent) string { return fmt.Sprintf("cs:%s:%d", i.ID, i.Attempt) }

// execute carries out a pending intent now, or waits for whoever is at it. A
// caller who hangs up does not stop it.
func (s *Service) execute(ctx context.Context, i Intent) (Outcome, error) {
	ctx, cancel := s.waiter.WithTimeout(context.WithoutCancel(ctx), executeWithin)
	defer cancel()
	if i.Quote.Change.Action == ActionStartTrial {
		return s.startTrial(ctx, i)
	}
	if s.processor == nil {
		return s.postpone(ctx, i, ErrStripeNotSet) // agreed to before Stripe was taken away
	}
	sub, err := s.SyncOrg(ctx, i.OrgID)
	if err != nil {
		return s.postpone(ctx, i, err)
	}
	if err = s.holds(ctx, sub, i); impossible(err) {
		return s.settle(ctx, i, IntentPending, IntentRefused, failed(i, err))
	} else if err != nil {
		return s.postpone(ctx, i, err)
	}
	claimed := false
	err = s.store.InTx(ctx, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if claimed, err = tx.ClaimIntent(ctx, i.OrgID, i.ID, now, now.Add(s.timing.lease)); err != nil || !claimed {
			return err
		}
		if i.ApprovalID != "" {
			_, err = tx.MoveApproval(ctx, i.OrgID, i.ApprovalID, ApprovalExecuting, nil, now)
		}
		return err
	})
	if err != nil {
		return Outcome{}, err
	}
	if !claimed {
		return s.await(ctx, i)
	}
	i.State, i.Attempt = IntentCalling, 1
	return s.call(ctx, i)
}

// impossible reports whether a quote was refused for good: another price, or a
// change that cannot be made any more. Waiting would not help, and an intent
// that waits keeps the org from every other change.
func impossible(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Kind == KindConflict || e.Kind == KindInvalid)
}

// call asks Stripe, and asks again in the same words while it is only busy.
func (s *Service) call(ctx context.Context, i Intent) (Outcome, error) {
	for n := 0; ; n++ {
		applied, err := s.processor.Apply(ctx, Order{intent: i})
		switch {
		case err == nil:
			return s.settle(ctx, i, IntentCalling, IntentDone, done(i, applied))
		case definite(err):
			return s.settle(ctx, i, IntentCalling, IntentFailed, failed(i, err))
		case !errors.Is(err, ErrStripeBusy) || n >= len(s.timing.backoff):
			return s.later(i, err), nil
		}
		wait := max(s.timing.backoff[n], waitFor(err))
		if wait > longestWait || !s.waiter.Wait(ctx, wait, nil) {
			return s.later(i, err), nil
		}
	}
}

// waitFor is how long Stripe asks to be left alone; 0 if it does not say.
func waitFor(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// definite reports whether the error says that nothing has changed.
func definite(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && (e.Kind == KindPayment || errors.Is(err, ErrRejected))
}

// later leaves the intent to the worker: the answer is not known yet.
func (s *Service) later(i Intent, err error) Outcome {
	s.log.Warn("change left open", "intent", i.ID, "org", i.OrgID, "error", err)
	s.wake()
	return Outcome{Status: StatusPending, Plan: i.Quote.FromPlan, IntentID: i.ID}
}

// postpone is later for an intent that Stripe was never told of. It does not wait
// for ever: nobody expects it days later, and it keeps the org from every other
// change.
func (s *Service) postpone(ctx context.Context, i Intent, err error) (Outcome, error) {
	if i.Duplicate == "" && s.Now().Sub(i.CreatedAt) >= stripeForgets {
		return s.settle(ctx, i, IntentPending, IntentRefused, failed(i, err))
	}
	return s.later(i, err), nil
}

// settle writes the end of an intent and of its approval in one transaction,
// after reading what Stripe says now, and wakes those who wait.
func (s *Service) settle(ctx context.Context, i Intent, from, to IntentState, out Outcome) (Outcome, error) {
	// Stripe may have answered at the very end of the time that the call had.
	ctx, cancel := s.waiter.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	_, syncErr := s.SyncOrg(ctx, i.OrgID)
	i.Result = &out
	settled := false
	err := s.store.InTx(ctx, func(tx Tx) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		i.State, i.FinishedAt = to, now
		if settled, err = tx.SettleIntent(ctx, i, from); err != nil || !settled {
			return err
		}
		if by := scheduledBy(i, out, now); by != nil {
			if err = tx.SetSchedule(ctx, i.OrgID, by); err != nil {
				return err
			}
		}
		if syncErr != nil || out.waitsForBank() {
			if err = tx.MarkDirty(ctx, i.OrgID); err != nil {
				return err
			}
		}
		if err = s.settleApproval(ctx, tx, i, out, now); err != nil {
			return err
		}
		return s.tellOfDuplicate(ctx, tx, i, out)
	})
	switch {
	case err != nil && from == IntentCalling:
		return s.later(i, err), nil // Stripe has done it: the worker writes that down
	case err != nil:
		return Outcome{}, err
	}
	s.tell(ctx, i)
	if !settled {
		return s.await(ctx, i)
	}
	return out, nil
}

// scheduledBy says who scheduled a change; nil if the outcome is none.
func scheduledBy(i Intent, out Outcome, now time.Time) *Schedule {
	by := &Schedule{Kind: ScheduledDowngrade, By: i.Actor, At: now}
	switch out.Status {
	case StatusDowngradeScheduled:
	case StatusReductionScheduled:
		by.Kind = ScheduledReduction
	default:
		return nil
	}
	if i.DecidedBy.ID != i.Actor.ID {
		by.ApprovedBy = i.DecidedBy.Name
	}
	return by
}

// tell wakes those who wait for the end of an intent.
func (s *Service) tell(ctx context.Context, i Intent) {
	s.notifier.Notify(ctx, i.ID)
	if i.ApprovalID != "" {
		s.notifier.Notify(ctx, i.ApprovalID)
	}
}

func (s *Service) settleApproval(ctx context.Context, tx Tx, i Intent, out Outcome, now time.Time) error {
	facts := map[string]any{"status": out.Status, "charged": out.Charged, "credited": out.Credited}
	if i.Duplicate != "" {
		facts["subscription"], facts["refunded"] = i.Duplicate, out.Refunded
	}
	if out.Failure != nil {
		facts["failure"] = out.Failure.Code
	}
	if i.ApprovalID != "" {
		facts["request"] = i.ApprovalID
	}
	if out.AmountDiffers {
		facts["agreed"] = i.Quote.DueNow
		s.log.Error("charged another amount than was agreed to", "intent", i.ID, "agreed", i.Quote.DueNow, "charged", out.Charged)
	}
	if err := s.audit(ctx, tx, i.OrgID, i.DecidedBy, "change."+string(i.State), i.ID, facts); err != nil {
		return err
	}
	if i.ApprovalID == "" {
		return nil
	}
	if _, err := tx.MoveApproval(ctx, i.OrgID, i.ApprovalID, approvalEnd(i.State, out), &out, now); err != nil {
		return err
	}
	return s.mailChange(ctx, tx, i, out)
}

// approvalEnd is where a settled intent leaves its approval. A payment that
// waits for the bank is neither a success nor a failure yet.
func approvalEnd(state IntentState, out Outcome) ApprovalState {
	switch {
	case state == IntentNeedsReview, state == IntentDone && out.Failure != nil:
		return ApprovalIndeterminate
	case state == IntentDone:
		return ApprovalSucceeded
	}
	return ApprovalFailed
}

// done is the outcome of an order that Stripe carried out.
func done(i Intent, a Applied) Outcome {
	q := i.Quote
	out := Outcome{
		Plan: q.ToPlan, Charged: a.Charged, Credited: a.Credited, Currency: q.Currency, InvoiceID: a.InvoiceID,
		EffectiveAt: a.EffectiveAt, Units: q.ToUnits, IntentID: i.ID,
	}
	switch q.Change.Action {
	case ActionChangePlan:
		out.Status = StatusSwitched
	case ActionResume:
		out.Status = StatusResumed
	case ActionScheduleDowngrade:
		// Until the period ends the plan stays what it is.
		out.Status, out.Plan, out.EffectiveAt = StatusDowngradeScheduled, q.FromPlan, q.EffectiveAt
	case ActionIncrease:
		out.Status = StatusCapacityIncreased
	case ActionReduce:
		out.Status, out.EffectiveAt = StatusReductionScheduled, q.EffectiveAt
	case ActionKeepCapacity:
		out.Status = StatusReductionCanceled
	case ActionCancelDuplicate:
		out.Status, out.Refunded = StatusDuplicateCanceled, a.Refunded
	}
	if a.Action != nil {
		out.Status, out.Plan, out.Units, out.Charged = StatusFailed, q.FromPlan, q.FromUnits, 0
		out.Failure = &Failure{Code: ErrPaymentAction.Code, Message: ErrPaymentAction.Message, ActionURL: a.Action.URL}
		return out
	}
	out.AmountDiffers = q.Change.Action.charges() && a.Charged != q.DueNow
	return out
}

// waitsForBank reports whether the outcome is not final: somebody has to answer
// the bank first.
func (o Outcome) waitsForBank() bool {
	return o.Failure != nil && o.Failure.Code == ErrPaymentAction.Code
}

// failed is the outcome of an order that changed nothing.
func failed(i Intent, err error) Outcome {
	f := &Failure{Code: ErrRejected.Code, Message: ErrRejected.Message}
	if e, ok := errors.AsType[*Error](err); ok {
		f.Code, f.Message = e.Code, e.Message
		f.ActionURL, _ = e.Details["actionUrl"].(string)
	}
	return Outcome{Status: StatusFailed, Plan: i.Quote.FromPlan, Failure: f, IntentID: i.ID}
}

// await waits for the end of an intent that somebody else carries out.
func (s *Service) await(ctx context.Context, i Intent) (Outcome, error) {
	news, stop := s.notifier.Subscribe(i.ID)
	defer stop()
	ctx, cancel := s.waiter.WithTimeout(ctx, awaitWithin)
	defer cancel()
	for {
		now, err := s.store.Intent(ctx, i.OrgID, i.ID)
		if err != nil && ctx.Err() == nil {
			return Outcome{}, err
		}
		if err == nil && !now.Open() && now.Result != nil {
			return *now.Result, nil
		}
		if !s.waiter.Wait(ctx, time.Second, news) { // no longer: a wake-up may be lost
			return Outcome{Status: StatusPending, Plan: i.Quote.FromPlan, IntentID: i.ID}, nil
		}
	}
}

// RecoverAll takes up every intent that was left open. One that fails keeps its
// lease, so the others get their turn; the first error is returned.
func (s *Service) RecoverAll(ctx context.Context) error {
	var first error
	for ctx.Err() == nil {
		found, err := s.Recover(ctx)
		if err != nil && first == nil {
			first = err
		}
		if !found {
			return first
		}
	}
	return first
}

// Recover takes up one intent that was left open, by a crash or by an answer
// that never came. It reports whether there was one.
func (s *Service) Recover(ctx context.Context) (bool, error) {
	now, err := s.store.Now(ctx)
	if err != nil {
		return false, err
	}
	i, err := s.store.TakeStaleIntent(ctx, now, now.Add(s.timing.lease), s.timing.grace)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// Stripe has no part in a trial, and for a duplicate it is looked before each step.
	local := i.Quote.Change.Action == ActionStartTrial || i.Duplicate != ""
	if i.State == IntentPending && (i.RestoredAt.IsZero() || local) {
		_, err = s.execute(ctx, i)
		return true, err
	}
	return true, s.resumeCall(ctx, i)
}

// resumeCall finds out what became of a call whose answer was lost. Where the same
// key may still be used it asks the same question again: if Stripe had done it, it
// answers so once more. Else, or if it answers with a fault, what is to be seen at
// Stripe decides.
func (s *Service) resumeCall(ctx context.Context, i Intent) error {
	if s.processor == nil {
		return ErrStripeNotSet
	}
	sub, err := s.SyncOrg(ctx, i.OrgID)
	if err != nil {
		return err // the lease runs out and somebody tries again
	}
	// A process may have stood still for longer than Stripe remembers the key.
	now, err := s.store.Now(ctx)
	if err != nil {
		return err
	}
	faulted := repeatable(i, sub, now)
	if faulted {
		applied, err := s.processor.Apply(ctx, Order{intent: i})
		if err == nil || definite(err) {
			return s.settleAnswer(ctx, i, applied, err)
		}
		if !errors.Is(err, ErrStripeFault) {
			return err
		}
		if sub, err = s.SyncOrg(ctx, i.OrgID); err != nil {
			return err
		}
	}
	seen, err := s.examine(ctx, i, sub, now)
	if err != nil {
		return err
	}
	seen.faulted = faulted && repeatable(i, sub, now)
	return s.conclude(ctx, i, seen, now)
}

// settleAnswer ends a calling intent by a definite answer of Stripe's.
func (s *Service) settleAnswer(ctx context.Context, i Intent, applied Applied, err error) error {
	if err != nil {
		_, err = s.settle(ctx, i, i.State, IntentFailed, failed(i, err))
		return err
	}
	_, err = s.settle(ctx, i, i.State, IntentDone, done(i, applied))
	return err
}

// faultPause is how long to wait after a fault of Stripe's in the nth attempt: a
// single one is over at once, several in a row are an outage.
func faultPause(n int) time.Duration {
	if n <= 1 {
		return 0
	}
	return 10 * time.Second << (n - 2)
}

// asAgreed is what Stripe did, where only the end is to be seen and not the
// answer to the call.
func asAgreed(q Quote) Applied {
	return Applied{Charged: q.DueNow, Credited: q.Credit, EffectiveAt: q.EffectiveAt}
}

// settleReviewed ends a change that a person was to look at, once it is to be
// seen at Stripe after all.
func (s *Service) settleReviewed(ctx context.Context, sub Subscription) error {
	i, err := s.store.OpenIntent(ctx, sub.OrgID)
	if errors.Is(err, ErrNotFound) || err == nil && (i.State != IntentNeedsReview || !achieved(i, sub)) {
		return nil
	}
	if err == nil {
		_, err = s.settle(ctx, i, IntentNeedsReview, IntentDone, done(i, asAgreed(i.Quote)))
	}
	return err
}

// achieved reports whether the subscription stands as the intent wanted it.
func achieved(i Intent, sub Subscription) bool {
	switch i.Quote.Change.Action {
	case ActionChangePlan:
		return sub.Status.Live() && sub.Plan == i.Quote.ToPlan
	case ActionResume:
		return sub.Status.Live() && !sub.CancelAtPeriodEnd
	case ActionScheduleDowngrade:
		return !sub.Status.Live() || sub.CancelAtPeriodEnd
	case ActionIncrease:
		return sub.Status.Live() && sub.Units.Additional == i.Quote.ToUnits
	case ActionReduce:
		u := sub.Units
		return sub.Status.Live() && (u.Reducing() && u.ReduceTo == i.Quote.ToUnits || !u.Reducing() && u.Additional == i.Quote.ToUnits)
	case ActionKeepCapacity:
		return sub.Status.Live() && !sub.Units.Reducing() && sub.Units.Additional == i.Quote.ToUnits
	}
	return false
}
