package billing

import "time"

// Status discriminates an Outcome. The words are those of the published API.
type Status string

// The statuses.
const (
	StatusSwitched             Status = "switched"
	StatusResumed              Status = "resumed"
	StatusDowngradeScheduled   Status = "downgrade-scheduled"
	StatusAlreadyFree          Status = "already-free"
	StatusCheckoutRequired     Status = "checkout-required"
	StatusDesignPartner        Status = "design-partner"
	StatusConfirmationRequired Status = "confirmation_required"
	StatusWebApproveRequired   Status = "web-approve-required"
	StatusCapacityIncreased    Status = "capacity-increased"
	StatusReductionScheduled   Status = "capacity-reduction-scheduled"
	StatusReductionCanceled    Status = "capacity-reduction-canceled"
	StatusTrialStarted         Status = "trial-started"
	StatusDuplicateCanceled    Status = "duplicate-canceled" // of the system's own, never an answer to a call
	// StatusPending: agreed to, and Stripe has not answered yet.
	StatusPending Status = "pending"
	// StatusFailed: agreed to, and it did not happen; Failure says why.
	StatusFailed Status = "failed"
)

// Outcome is what became of a proposal. It is also kept with an approval as the
// result of its execution, so an agent's poll reads what a direct call would
// have answered.
type Outcome struct {
	Status Status `json:"status"`
	Plan   string `json:"plan"`
	// Charged and Credited are what Stripe's invoice says, in minor units.
	Charged     int64     `json:"charged,omitempty"`
	Credited    int64     `json:"credited,omitempty"`
	Refunded    int64     `json:"refunded,omitempty"` // of a second subscription
	Currency    string    `json:"currency,omitempty"`
	InvoiceID   string    `json:"invoice_id,omitempty"`
	EffectiveAt time.Time `json:"effective_at,omitzero"` // of a trial: when it ends
	// Units is how many additional capacity units there are after the change, or
	// will be once it takes effect.
	Units       int64  `json:"units,omitempty"`
	CheckoutURL string `json:"-"`
	// AmountDiffers is set when Stripe charged something else than was agreed to.
	AmountDiffers bool `json:"amount_differs,omitempty"`
	// Failure is set with StatusFailed.
	Failure *Failure `json:"failure,omitempty"`
	// IntentID names the execution, for support.
	IntentID string `json:"intent_id,omitempty"`

	// For a request that waits for consent:
	Approval *Approval `json:"-"`
	Token    string    `json:"-"` // chat mode: shown once
	// Changed is the quote that the agent's user had seen, when the price is
	// another one now.
	Changed *Quote `json:"-"`
	// Replayed is set when the answer is that of an earlier identical request.
	Replayed bool `json:"-"`
}

// Failure is how an execution failed, in the words of an Error.
type Failure struct {
	Code      string `json:"code"`
	Message   string `json:"message"`
	ActionURL string `json:"action_url,omitempty"`
}

// Err makes the failure an error again, for callers who asked directly.
func (f *Failure) Err() error {
	base := &Error{Kind: KindConflict, Code: f.Code, Message: f.Message}
	switch f.Code {
	case ErrPaymentFailed.Code, ErrPaymentAction.Code:
		base.Kind = KindPayment
	case ErrStripeUnavailable.Code:
		base.Kind = KindUnavailable
	}
	if f.ActionURL != "" {
		return base.With("actionUrl", f.ActionURL)
	}
	return base
}
