package api

import (
	"context"
	"net/http"
	"time"
)

// The second published API, under /v1/billing: the same core in other words.

// V1Billing is the body of GET /v1/billing.
type V1Billing struct {
	Billing V1Summary `json:"billing"`
}

// V1Summary is where the org stands.
type V1Summary struct {
	Plan string `json:"plan"`
	// BillingState is null, active, past_due, canceled, unpaid, incomplete,
	// admin_override, trialing or trial_expired.
	BillingState     *string                `json:"billing_state"`
	StripeCustomerID *string                `json:"stripe_customer_id"`
	ActiveProjects   int64                  `json:"active_projects"`
	CapacityUnits    V1Units                `json:"capacity_units"`
	UsageWindow      V1Window               `json:"usage_window"`
	Allowances       map[string]V1Allowance `json:"allowances"`
	Trial            V1Trial                `json:"trial"`
	PastDue          *V1PastDue             `json:"past_due,omitempty"` // while a payment has failed
}

// V1PastDue is PastDue in this API's words.
type V1PastDue struct {
	Plan      *string    `json:"plan"`
	Amount    *int64     `json:"amount"` // minor units of Currency
	Currency  *string    `json:"currency"`
	FailedAt  *time.Time `json:"failed_at"`
	KeepUntil *time.Time `json:"keep_until"`
	LostAt    *time.Time `json:"lost_at"`
	NextTryAt *time.Time `json:"next_try_at"`
	PayURL    *string    `json:"pay_url"`
}

// V1Units are the capacity units; Total is always Included + AdditionalPurchased.
type V1Units struct {
	Total               int64        `json:"total"`
	Included            int64        `json:"included"`
	AdditionalPurchased int64        `json:"additional_purchased"`
	PendingReduction    *V1Reduction `json:"pending_reduction"`
}

// V1Reduction is what the units are from EffectiveAt on.
type V1Reduction struct {
	AdditionalPurchased int64     `json:"additional_purchased"`
	Total               int64     `json:"total"`
	EffectiveAt         time.Time `json:"effective_at"`
}

// V1Window is what the monthly allowances are counted in.
type V1Window struct {
	StartsAt time.Time `json:"starts_at"`
	EndsAt   time.Time `json:"ends_at"`
}

// V1Allowance is one resource that is sold in units.
type V1Allowance struct {
	Used  int64  `json:"used"`
	Limit *int64 `json:"limit"` // null is unlimited
}

// V1Trial is the org's one trial, and whether it can still be started.
type V1Trial struct {
	Available     bool       `json:"available"`
	Active        bool       `json:"active"`
	Plan          *string    `json:"plan"`
	StartedAt     *time.Time `json:"started_at"`
	EndsAt        *time.Time `json:"ends_at"`
	UsedAt        *time.Time `json:"used_at"`
	ConvertedAt   *time.Time `json:"converted_at"`
	ExpiredAt     *time.Time `json:"expired_at"`
	DaysRemaining int        `json:"days_remaining"` // days that have begun; 0 when it is over
}

// V1Change is the answer to a wish for more or fewer units, or for a trial: where
// it was carried out the members of V1Billing, and for an agent at first those of
// a Change that ask for consent.
type V1Change struct {
	Change
	AmountCharged *int64     `json:"amount_charged,omitempty"` // minor units of Currency
	Billing       *V1Summary `json:"billing,omitempty"`
}

// V1CheckoutRequest is the body of POST /v1/billing/checkout.
type V1CheckoutRequest struct {
	TargetPlan string `json:"target_plan" required:"true"`
}

// V1TrialRequest is the body of POST /v1/billing/trial/start. The members after
// TargetPlan are for agents, who ask for consent.
type V1TrialRequest struct {
	TargetPlan   string `json:"target_plan,omitempty"` // left out, with a ConfirmToken: the one it was given for
	ConfirmToken string `json:"confirm_token,omitempty"`
	Mode         string `json:"mode,omitempty" enum:"chat,web"` // default: chat
	Reason       string `json:"reason,omitempty"`
	ExpiresIn    int    `json:"expires_in,omitempty" min:"300" max:"604800"`
}

// V1CapacityRequest is the body of POST /v1/billing/capacity/increase and
// …/scheduled-reduction. The members after the target are for agents.
type V1CapacityRequest struct {
	// TargetUnits is how many additional units there are to be in the end. Left
	// out, with a ConfirmToken, it is the number that the token was given for.
	TargetUnits  *int64 `json:"target_additional_capacity_units,omitempty"`
	ConfirmToken string `json:"confirm_token,omitempty"`
	Mode         string `json:"mode,omitempty" enum:"chat,web"`
	Reason       string `json:"reason,omitempty"`
	ExpiresIn    int    `json:"expires_in,omitempty" min:"300" max:"604800"`
}

// V1KeepRequest is the body of DELETE /v1/billing/capacity/scheduled-reduction;
// people leave it out.
type V1KeepRequest struct {
	ConfirmToken string `json:"confirm_token,omitempty"`
	Mode         string `json:"mode,omitempty" enum:"chat,web"`
	Reason       string `json:"reason,omitempty"`
	ExpiresIn    int    `json:"expires_in,omitempty" min:"300" max:"604800"`
}

// V1Billing reads the summary of GET /v1/billing.
func (c *Client) V1Billing(ctx context.Context) (V1Billing, error) {
	return get[V1Billing](ctx, c, "/v1/billing", nil)
}

// StartTrial starts a trial without a card, or asks for it.
func (c *Client) StartTrial(ctx context.Context, in V1TrialRequest) (V1Change, error) {
	return post[V1Change](ctx, c, "/v1/billing/trial/start", in)
}

// IncreaseCapacity buys more units at once, or asks for it.
func (c *Client) IncreaseCapacity(ctx context.Context, in V1CapacityRequest) (V1Change, error) {
	return post[V1Change](ctx, c, "/v1/billing/capacity/increase", in)
}

// ReduceCapacity schedules fewer units for the next period, or asks for it.
func (c *Client) ReduceCapacity(ctx context.Context, in V1CapacityRequest) (V1Change, error) {
	return post[V1Change](ctx, c, "/v1/billing/capacity/scheduled-reduction", in)
}

// KeepCapacity takes the scheduled reduction back, or asks for it.
func (c *Client) KeepCapacity(ctx context.Context, in V1KeepRequest) (V1Change, error) {
	return send[V1Change](ctx, c, http.MethodDelete, "/v1/billing/capacity/scheduled-reduction", "", in)
}
