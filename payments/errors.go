package payments

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// StripeError is what is kept of an error of Stripe's for the log: never the
// objects inside, which carry client secrets.
type StripeError struct {
	Status      int // HTTP
	Type        string
	Code        string
	DeclineCode string
	Message     string
	RequestID   string // names the call in Stripe's own log
}

func (e *StripeError) Error() string {
	return fmt.Sprintf("stripe: %d %s %s %s: %s (request %s)", e.Status, e.Type, e.Code, e.DeclineCode, e.Message, e.RequestID)
}

// cause makes a foreign error fit for a log.
func cause(err error) error {
	if e, ok := errors.AsType[*stripe.Error](err); ok {
		return &StripeError{
			Status: e.HTTPStatusCode, Type: string(e.Type), Code: string(e.Code),
			DeclineCode: string(e.DeclineCode), Message: redact(e.Msg), RequestID: e.RequestID,
		}
	}
	return redactedError{err}
}

// redactedError prints safely and still is what it wraps, so that a caller can
// ask for context.DeadlineExceeded.
type redactedError struct{ err error }

func (e redactedError) Error() string { return "stripe: " + redact(e.err.Error()) }
func (e redactedError) Unwrap() error { return e.err }

// status is the HTTP status of Stripe's answer, 0 if there was none that could
// be read.
func status(err error) int {
	if e, ok := errors.AsType[*stripe.Error](err); ok {
		return e.HTTPStatusCode
	}
	return 0
}

func hasCode(err error, code stripe.ErrorCode) bool {
	e, ok := errors.AsType[*stripe.Error](err)
	return ok && e.Code == code
}

// keyReused reports that the idempotency key belongs to an earlier call with
// other parameters. That call may have succeeded: it is not a plain refusal. (A
// 409 of the same type means that the earlier call is still running.)
func keyReused(err error) bool {
	e, ok := errors.AsType[*stripe.Error](err)
	return ok && e.HTTPStatusCode == http.StatusBadRequest && e.Type == stripe.ErrorTypeIdempotency
}

// busy reports that Stripe wants the same call again later. Where it says so
// itself, its word counts: a conflict that it does not want to hear again has its
// answer for good, and of some faults it knows that nothing has begun.
func busy(err error) bool {
	s := status(err)
	switch headerOf(err, "Stripe-Should-Retry") {
	case "true":
		return s == http.StatusConflict || s == http.StatusTooManyRequests || s >= http.StatusInternalServerError
	case "false":
		return s == http.StatusTooManyRequests
	}
	return s == http.StatusConflict || s == http.StatusTooManyRequests
}

// headerOf is a header of Stripe's answer, "" without one.
func headerOf(err error, name string) string {
	e, ok := errors.AsType[*stripe.Error](err)
	if !ok || e.LastResponse == nil {
		return ""
	}
	return e.LastResponse.Header.Get(name)
}

// retryAfter is what Stripe asked for, a minute at most; 0 if it does not say.
func retryAfter(err error) time.Duration {
	s, convErr := strconv.ParseInt(headerOf(err, "Retry-After"), 10, 64)
	if convErr != nil || s < 1 {
		return 0
	}
	return time.Duration(min(s, 60)) * time.Second
}

// readError maps the failure of a call that changes nothing that is paid.
func readError(err error) error {
	switch s := status(err); {
	case busy(err):
		return billing.ErrStripeUnavailable.Because(cause(err)).After(max(retryAfter(err), time.Second))
	case s >= 400 && s < 500 && s != http.StatusUnauthorized && s != http.StatusForbidden:
		return billing.ErrStripeRefused.Because(cause(err))
	}
	return billing.ErrStripeUnavailable.Because(cause(err))
}

// quoteError maps the failure of a preview: a refusal of the change itself is
// told apart from Stripe being away.
func quoteError(err error) error {
	if s := status(err); s == http.StatusBadRequest || s == http.StatusNotFound || s == http.StatusPaymentRequired {
		return billing.ErrRejected.Because(cause(err))
	}
	return readError(err)
}

// applyError maps the failure of a change, which may be the repetition of a call
// whose answer was lost. Only what proves that nothing has changed is called a
// refusal: not a bad API key, which says nothing about the call before.
func applyError(err error, interactive bool) error {
	s := status(err)
	switch {
	case keyReused(err):
		return burnt(fmt.Errorf("payments: the idempotency key was used with other parameters: %w", cause(err)))
	case busy(err):
		return billing.ErrStripeBusy.After(retryAfter(err)).Because(cause(err))
	case s == http.StatusPaymentRequired:
		return declined(err, interactive)
	case s == http.StatusBadRequest || s == http.StatusNotFound:
		return billing.ErrRejected.Because(cause(err))
	case s >= 500, s == http.StatusConflict:
		return burnt(cause(err))
	}
	return fmt.Errorf("payments: outcome unknown: %w", cause(err))
}

// burnt means that the outcome is unknown and that the same key would only give
// the same answer again: somebody has to look, and then perhaps use another key.
func burnt(err error) error { return billing.ErrStripeFault.Because(err) }

// declined maps a 402 of a change that was asked for with error_if_incomplete:
// Stripe has taken it back whole, so there is nothing to confirm any more.
// A person meets it only where the change also lifts a scheduled cancellation.
func declined(err error, interactive bool) error {
	e, _ := errors.AsType[*stripe.Error](err)
	out := billing.ErrPaymentFailed
	switch {
	case needsPerson(e) && interactive:
		out = billing.ErrPaymentAction.Say("The bank wants to confirm this payment, and it cannot while a downgrade is scheduled. The plan has not changed; keep the present plan first, then change it.")
	case needsPerson(e):
		out = billing.ErrPaymentAction.Say("The bank wants a person to confirm this payment. The plan has not changed; make the change on the billing page.")
	}
	return withDecline(out, e).Because(cause(err))
}

// needsPerson reports whether the bank asked a question rather than said no.
func needsPerson(e *stripe.Error) bool {
	switch e.Code {
	case stripe.ErrorCodeAuthenticationRequired, stripe.ErrorCodeInvoicePaymentIntentRequiresAction,
		"subscription_payment_intent_requires_action":
		return true
	}
	return e.DeclineCode == "authentication_required" ||
		e.PaymentIntent != nil && e.PaymentIntent.Status == stripe.PaymentIntentStatusRequiresAction
}

// withDecline adds the issuer's reason to an error.
func withDecline(out *billing.Error, e *stripe.Error) *billing.Error {
	switch {
	case e == nil:
		return out
	case e.DeclineCode != "":
		return out.With("decline_code", string(e.DeclineCode))
	case e.Code != "":
		return out.With("decline_code", string(e.Code))
	}
	return out
}
