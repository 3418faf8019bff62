package billing

import (
	"context"
	"errors"
	"time"
)

// What became of a call that nobody heard the answer of. Stripe's events say which
// calls were carried out: each carries the idempotency key of the call that caused
// it. Where they do not say it (any more), how the subscription stands decides, or
// a person.

// eventsLate is how long Stripe may take to list an event.
const eventsLate = time.Minute

// trace is what the events say of a call.
type trace int

const (
	traceUnclear trace = iota // too old, or two calls were carried out
	traceEarly                // none yet, and one may still come
	traceNone                 // it was not carried out
	traceFound                // it was
)

// evidence is all that is to be seen of a change.
type evidence struct {
	trace   trace
	applied Applied // traceFound: what it did
	failure error   // traceFound: it was not paid
	sight   Sight   // how the subscription stands
	waits   bool    // for a payment
	halved  bool    // its first step has taken a reduction away
	alone   bool    // halved: and nothing else has happened
	faulted bool    // Stripe has just answered with a fault of its own, and not for the last time
	action  *PaymentAction
}

// verdict is what follows.
type verdict int

const (
	verdictReview  verdict = iota // nobody knows: an operator
	verdictLater                  // look again after the lease
	verdictAgain                  // the same call under another key
	verdictTraced                 // it ends as the events say
	verdictDone                   // it ends as it was agreed
	verdictWaits                  // it waits for the bank
	verdictNotDone                // nothing happened, and it will not any more
)

// verdictOf is the table in docs/reliability.md, row by row.
func verdictOf(i Intent, e evidence) verdict {
	as, free := e.sight, !i.Quote.Change.Action.charges()
	again := e.faulted && (as == SightBefore || e.alone) && i.Attempt < maxAttempts
	switch {
	case i.Duplicate != "" && e.faulted && i.Attempt < maxAttempts:
		return verdictAgain // it is looked before each of its steps
	case i.Duplicate != "":
		return verdictReview
	case e.trace == traceFound:
		return verdictTraced
	case again && e.trace != traceUnclear:
		return verdictAgain
	case e.trace == traceEarly:
		return verdictLater
	case e.trace == traceNone && as == SightDone && free:
		return verdictDone // whoever did it
	case e.trace == traceNone && e.halved:
		return verdictReview
	case e.trace == traceNone:
		return verdictNotDone
	case as == SightDone:
		return verdictDone
	case e.waits:
		return verdictWaits
	}
	return verdictReview
}

// examine looks for everything that tells of a change.
func (s *Service) examine(ctx context.Context, i Intent, sub Subscription, now time.Time) (e evidence, err error) {
	since, err := s.invoicesSince(ctx, i)
	if err != nil {
		return e, err
	}
	e.sight, e.waits, e.action = sightOf(i, sub, since), waits(i, sub), sub.Action
	if e.halved = lifted(i, sub); e.halved {
		half := i
		half.From = afterLift(i, sub)
		e.alone = sightOf(half, sub, since) == SightBefore
	}
	if i.Duplicate != "" || now.Sub(i.CreatedAt) > eventsKept {
		return e, nil
	}
	e.applied, err = s.processor.Trace(ctx, Order{intent: i})
	switch {
	case err == nil:
		e.trace = traceFound
	case definite(err):
		e.trace, e.failure = traceFound, err
	case errors.Is(err, ErrTraceUnclear):
		e.trace = traceUnclear
	case !errors.Is(err, ErrNoTrace):
		return e, err
	case now.Sub(i.CalledAt) < eventsLate:
		e.trace = traceEarly
	default:
		e.trace = traceNone
	}
	return e, nil
}

// conclude does what follows from what was seen.
func (s *Service) conclude(ctx context.Context, i Intent, e evidence, now time.Time) (err error) {
	to := IntentFailed
	if i.State == IntentPending {
		to = IntentRefused
	}
	v := verdictOf(i, e)
	if i.State == IntentNeedsReview && (v == verdictReview || v == verdictWaits || e.applied.Action != nil) {
		return nil // it stays there; a payment that is open is made or lapses
	}
	switch v {
	case verdictTraced:
		return s.settleAnswer(ctx, i, e.applied, e.failure)
	case verdictDone:
		return s.settleAnswer(ctx, i, asAgreed(i.Quote), nil)
	case verdictWaits:
		return s.settleAnswer(ctx, i, Applied{InvoiceID: e.action.InvoiceID, Action: e.action}, nil)
	case verdictAgain:
		_, err = s.store.RetryIntent(ctx, i.OrgID, i.ID, i.Attempt+1, now.Add(faultPause(i.Attempt)))
	case verdictNotDone:
		_, err = s.settle(ctx, i, i.State, to, failed(i, errNotDone))
	case verdictReview:
		s.log.Error("a change needs an operator's eye", "intent", i.ID, "org", i.OrgID)
		_, err = s.settle(ctx, i, i.State, IntentNeedsReview, Outcome{Status: StatusPending, Plan: i.Quote.FromPlan, IntentID: i.ID})
	case verdictLater: // the lease runs out
	}
	return err
}

// errNotDone: Stripe was asked and did not do it, and to ask now would be for
// another price or another subscription than was agreed to.
var errNotDone = ErrQuoteChanged.Say("Stripe did not carry out this change, and nothing was charged for it. Ask for it again if it is still wanted.")

// repeatable reports whether the same call may be made under the same key: Stripe
// still knows the key, no backup hides what came after it, and the subscription
// stands as it was agreed from or as it was to become. Else a call that never
// arrived would cost another amount now. A duplicate is looked at before each step
// instead.
func repeatable(i Intent, sub Subscription, now time.Time) bool {
	if i.Duplicate != "" {
		return true
	}
	known := i.RestoredAt.IsZero() && now.Sub(i.CalledAt) <= stripeForgets
	return known && (achieved(i, sub) || sameTerms(afterLift(i, sub), sub.State))
}

// lifted reports whether the intent's first step, which takes a reduction away, is
// done.
func lifted(i Intent, sub Subscription) bool {
	return i.Quote.LiftsReduction && i.From.Units.Reducing() && !sub.Units.Reducing()
}

// afterLift is the state that an intent starts from, or the one after its own first
// step, if that is done.
func afterLift(i Intent, sub Subscription) State {
	from := i.From
	if lifted(i, sub) {
		from.Units.ReduceTo, from.Units.ReduceAt = 0, time.Time{}
	}
	return from
}

// waits reports whether Stripe has taken the change in and its payment is open:
// it happens once somebody pays, or lapses.
func waits(i Intent, sub Subscription) bool {
	return i.Interactive && i.Quote.Change.Action.charges() && sub.Action != nil && sub.Action.Plan == i.Quote.ToPlan
}
