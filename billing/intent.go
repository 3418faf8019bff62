package billing

import (
	"context"
	"errors"
	"time"
)

// IntentState is where the execution of a change stands.
type IntentState string

// The states of an intent. calling is the only one in which Stripe may be
// doing something that we do not know of yet.
const (
	IntentPending     IntentState = "pending"
	IntentCalling     IntentState = "calling"
	IntentDone        IntentState = "done"
	IntentFailed      IntentState = "failed"
	IntentRefused     IntentState = "refused"
	IntentNeedsReview IntentState = "needs_review"
)

// Intent is one change that was agreed to and is to be carried out once. It is
// written in the same transaction as the consent and it alone may reach a
// mutating call of the Processor.
type Intent struct {
	ID         string // int_…
	OrgID      string
	ApprovalID string // empty for a person's own click
	// RequestKey is the nonce of the form or the idempotency key of the call that
	// made the intent; unique per org, empty if there was none.
	RequestKey string
	Actor      Actor // who asked
	DecidedBy  Actor // who agreed
	Assurance  string
	Quote      Quote // what was agreed to
	// Duplicate is the second subscription that the intent ends; empty for a change
	// of the org's own.
	Duplicate string
	// From is the state that the quote was made from. A repeated call sends the
	// very same parameters, whatever Stripe says by then.
	From State
	// Interactive says that a person is at the screen who can answer the bank's
	// question; otherwise a payment that needs one fails cleanly.
	Interactive bool
	State       IntentState
	Attempt     int
	LeaseUntil  time.Time
	CreatedAt   time.Time
	CalledAt    time.Time
	FinishedAt  time.Time
	Result      *Outcome
	// RestoredAt is when a backup that held the intent open was restored. Nobody
	// knows what became of it in the time that was lost: it is only looked for.
	RestoredAt time.Time
}

// Became is the outcome of a change of the caller's org that was under way: what
// it ended as, or as it was if it has not.
func (s *Service) Became(ctx context.Context, p Principal, was Outcome) (Outcome, error) {
	i, err := s.store.Intent(ctx, p.OrgID, was.IntentID)
	if errors.Is(err, ErrNotFound) || err == nil && (i.Open() || i.Result == nil) {
		return was, nil
	}
	if err != nil {
		return was, err
	}
	return *i.Result, nil
}

// Open reports whether the intent still stands between a consent and its end.
func (i Intent) Open() bool {
	return i.State == IntentPending || i.State == IntentCalling || i.State == IntentNeedsReview
}
