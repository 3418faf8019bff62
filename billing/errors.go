package billing

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure an Error is. It is what the edge maps to a
// status; the Code says which failure of that sort.
type Kind int

// The kinds of failure.
const (
	KindInvalid     Kind = iota + 1 // the request itself is wrong
	KindUnauthed                    // nobody is signed in, or the credential is not valid
	KindForbidden                   // the caller is known and may not do this
	KindNotFound                    // no such thing, or not the caller's
	KindConflict                    // the state of the org does not allow it now
	KindPayment                     // the payment did not go through
	KindRateLimited                 // too often; RetryAfter says when to come back
	KindUnavailable                 // a part we depend on did not answer; nothing was consumed
	KindInternal                    // our fault
)

// Error is the one error type that reaches the edge. Message is one sentence a
// person can act on; Details are facts for machines. Neither ever carries a
// foreign error's text or a secret.
type Error struct {
	Kind       Kind
	Code       string
	Message    string
	Details    map[string]any
	RetryAfter time.Duration
	Err        error // the cause, for the log only
}

func (e *Error) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%s: %v", e.Code, e.Err)
	}
	return e.Code + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// Is makes errors.Is(err, billing.ErrX) compare by code, so that a copy with
// details of its own still is the error it was made from.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// With returns a copy of e with one more detail.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Details = make(map[string]any, len(e.Details)+1)
	for k, v := range e.Details {
		c.Details[k] = v
	}
	c.Details[key] = value
	return &c
}

// Say returns a copy of e with another message.
func (e *Error) Say(format string, args ...any) *Error {
	c := *e
	c.Message = fmt.Sprintf(format, args...)
	return &c
}

// Because returns a copy of e that remembers its cause for the log.
func (e *Error) Because(err error) *Error {
	c := *e
	c.Err = err
	return &c
}

// After returns a copy of e that says when to try again.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// CodeOf returns the code of err, or "internal" if it is not one of ours.
func CodeOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return "internal"
}

// The errors of the domain. Compare with errors.Is.
var (
	ErrInvalid            = &Error{Kind: KindInvalid, Code: "invalid_request", Message: "The request is not valid."}
	ErrUnauthorized       = &Error{Kind: KindUnauthed, Code: "unauthorized", Message: "Sign in, or send a valid API key as a bearer token."}
	ErrForbidden          = &Error{Kind: KindForbidden, Code: "forbidden", Message: "Your role does not allow this. Ask an owner of the organisation."}
	ErrScope              = &Error{Kind: KindForbidden, Code: "insufficient_scope", Message: "This key does not have the scope that the call needs."}
	ErrKeyPaused          = &Error{Kind: KindForbidden, Code: "key_paused", Message: "This key is paused until an owner of the organisation lifts the pause."}
	ErrNotFound           = &Error{Kind: KindNotFound, Code: "not_found", Message: "There is nothing here."}
	ErrStripeNotSet       = &Error{Kind: KindInvalid, Code: "stripe_not_configured", Message: "Payments are not set up on this server. The operator has to add a Stripe key."}
	ErrUnknownPlan        = &Error{Kind: KindInvalid, Code: "unknown_plan", Message: "There is no such plan."}
	ErrUseDowngrade       = &Error{Kind: KindInvalid, Code: "use_downgrade", Message: "To go back to the free plan, use the downgrade call."}
	ErrDesignPartner      = &Error{Kind: KindConflict, Code: "design_partner", Message: "This organisation's plan is provided free of charge; there is nothing to pay."}
	ErrSubscriptionExists = &Error{Kind: KindConflict, Code: "subscription_exists", Message: "There is a subscription already. Change its plan instead."}
	ErrNoCustomer         = &Error{Kind: KindConflict, Code: "no_customer", Message: "There is nothing at Stripe yet. Start with a checkout."}
	ErrPastDue            = &Error{Kind: KindConflict, Code: "payment_past_due", Message: "An invoice is unpaid. Pay it first, then change the plan."}
	ErrPaymentPending     = &Error{Kind: KindConflict, Code: "payment_pending", Message: "An earlier change still waits for its payment. Finish it at the bank, or wait a day: it lapses by itself."}
	ErrTokenInvalid       = &Error{Kind: KindInvalid, Code: "consent_token_invalid", Message: "This confirm_token is not valid. Ask again without a token."}
	ErrTokenMismatch      = &Error{Kind: KindInvalid, Code: "consent_token_mismatch", Message: "This confirm_token was given for another change and is used up now. Ask again without a token."}
	ErrTokenExpired       = &Error{Kind: KindInvalid, Code: "consent_token_expired", Message: "This confirm_token has expired. Ask again without a token."}
	ErrConsentLocked      = &Error{Kind: KindRateLimited, Code: "consent_locked", Message: "Too many wrong tokens. Wait before trying again."}
	ErrCooldown           = &Error{Kind: KindRateLimited, Code: "approval_cooldown", Message: "This change was denied a moment ago. Wait before asking again."}
	ErrTooManyAsks        = &Error{Kind: KindRateLimited, Code: "approval_limit", Message: "Too many requests for approval. Wait before asking again."}
	ErrTooManyPending     = &Error{Kind: KindRateLimited, Code: "approvals_pending", Message: "Too many requests are waiting for an answer. Wait for a decision, or cancel one."}
	ErrSlowDown           = &Error{Kind: KindRateLimited, Code: "slow_down", Message: "You are polling too fast."}
	ErrRateLimited        = &Error{Kind: KindRateLimited, Code: "rate_limited", Message: "Too many requests. Wait a moment."}
	ErrChangeInProgress   = &Error{Kind: KindConflict, Code: "another_change_in_progress", Message: "Another change of this organisation is being carried out. Try again in a moment."}
	ErrQuoteChanged       = &Error{Kind: KindConflict, Code: "quote_changed", Message: "The price has changed since you saw it. Nothing was charged; look at the new price and decide again."}
	ErrOutdated           = &Error{Kind: KindConflict, Code: "request_outdated", Message: "The subscription has changed since this was asked, so there is nothing left to approve. Ask again."}
	ErrAlreadyDecided     = &Error{Kind: KindConflict, Code: "already_decided", Message: "This request was answered already."}
	ErrPaymentFailed      = &Error{Kind: KindPayment, Code: "payment_failed", Message: "The payment was declined. The plan has not changed."}
	ErrPaymentAction      = &Error{Kind: KindPayment, Code: "payment_action_required", Message: "The bank wants to confirm this payment. The plan changes once that is done."}
	ErrStripeUnavailable  = &Error{Kind: KindUnavailable, Code: "stripe_unavailable", Message: "Stripe does not answer at the moment. Nothing was changed; try again shortly."}
	// ErrDatabaseAway: what was asked for may have happened all the same, if the way
	// back was lost.
	ErrDatabaseAway = &Error{Kind: KindUnavailable, Code: "database_unavailable", RetryAfter: 2 * time.Second, Message: "This service cannot reach its database at the moment. Wait a few seconds and try again."}
	ErrRejected     = &Error{Kind: KindConflict, Code: "change_rejected", Message: "Stripe refused this change. The plan has not changed."}
)

// ErrStripeRefused means that Stripe answered a read of one org, and not with
// what was asked for, as for a customer that another account has. Stripe is
// there; nobody else is concerned.
var ErrStripeRefused = &Error{Kind: KindUnavailable, Code: "stripe_refused", Message: "Stripe does not know this organisation. Nothing was changed; the operator has to look."}
