package api

import (
	"encoding/json"
	"time"
)

// List is a page of something, newest first.
type List[T any] struct {
	Data       []T     `json:"data"`
	NextCursor *string `json:"next_cursor"` // null on the last page
}

// Link is the answer of checkout and portal.
type Link struct {
	URL string `json:"url"`
}

// Org names an organisation.
type Org struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Summary is the answer of GET /api/billing.
type Summary struct {
	Org               Org               `json:"org"`
	Plan              string            `json:"plan"`
	PlanName          string            `json:"planName"`
	MonthlyPriceCents int64             `json:"monthlyPriceCents"`
	Currency          string            `json:"currency"`
	Status            *string           `json:"status"` // null without a subscription
	CancelAtPeriodEnd bool              `json:"cancelAtPeriodEnd"`
	CurrentPeriodEnd  *time.Time        `json:"currentPeriodEnd"`
	ScheduledChanges  []ScheduledChange `json:"scheduledChanges"`
	NextInvoice       *NextInvoice      `json:"nextInvoice"`
	Card              *Card             `json:"card"`
	DesignPartner     bool              `json:"designPartner"`
	Trial             *Trial            `json:"trial"`                   // null if there never was one
	CapacityUnits     *CapacityUnits    `json:"capacityUnits,omitempty"` // on a plan that is sold in units
	Usage             map[string]Usage  `json:"usage"`
	PendingApprovals  int               `json:"pendingApprovals"`
	PastDue           *PastDue          `json:"pastDue,omitempty"` // while a payment has failed
	// Stale says that the figures are from SyncedAt, because Stripe does not answer.
	Stale    bool       `json:"stale,omitempty"`
	SyncedAt *time.Time `json:"syncedAt,omitempty"`
}

// PastDue is a payment that failed, and what that means for the plan. Times that
// there are none of are null.
type PastDue struct {
	// Plan is kept until KeepUntil, or lost since LostAt until the payment; null
	// once the subscription was cancelled for it.
	Plan        *string    `json:"plan"`
	AmountCents *int64     `json:"amountCents"` // that is open; null if nothing is any more
	Currency    *string    `json:"currency"`
	FailedAt    *time.Time `json:"failedAt"`
	KeepUntil   *time.Time `json:"keepUntil"` // the end of the grace
	LostAt      *time.Time `json:"lostAt"`    // since when the free plan is in force
	NextTryAt   *time.Time `json:"nextTryAt"` // Stripe's next attempt
	PayURL      *string    `json:"payUrl"`    // Stripe's page of the invoice, for people who manage billing
}

// Trial is the org's one trial without a card.
type Trial struct {
	Plan          string     `json:"plan"`
	Active        bool       `json:"active"`
	StartedAt     time.Time  `json:"startedAt"`
	EndsAt        time.Time  `json:"endsAt"`
	ConvertedAt   *time.Time `json:"convertedAt"`   // when a subscription took its place
	DaysRemaining int        `json:"daysRemaining"` // days that have begun; 0 when it is over
}

// CapacityUnits are what the plan is sold in; Total is Included + Additional.
type CapacityUnits struct {
	Total      int64 `json:"total"`
	Included   int64 `json:"included"`
	Additional int64 `json:"additional"`
}

// ScheduledChange will happen by itself.
type ScheduledChange struct {
	Kind string `json:"kind"` // downgrade, capacity_reduction or trial_end
	Plan string `json:"plan"` // afterwards
	// AdditionalUnits are those afterwards, of a capacity_reduction.
	AdditionalUnits *int64    `json:"additionalCapacityUnits,omitempty"`
	EffectiveAt     time.Time `json:"effectiveAt"`
	RequestedBy     *string   `json:"requestedBy"` // "agent deploy-bot"; null when made in Stripe's portal
	ApprovedBy      *string   `json:"approvedBy"`  // who agreed, if somebody else
}

// NextInvoice is the charge that comes by itself.
type NextInvoice struct {
	Date        time.Time `json:"date"`
	AmountCents int64     `json:"amountCents"`
	Currency    string    `json:"currency"`
}

// Card is the payment method on file.
type Card struct {
	Brand    string `json:"brand"`
	Last4    string `json:"last4"`
	ExpMonth int    `json:"expMonth"`
	ExpYear  int    `json:"expYear"`
}

// Usage is one resource.
type Usage struct {
	Active   int64      `json:"active"`
	Cap      *int64     `json:"cap"` // null is unlimited
	ResetsAt *time.Time `json:"resetsAt,omitempty"`
}

// Quote is what a change costs and when.
type Quote struct {
	Plan              string `json:"plan"`
	FromPlan          string `json:"fromPlan"`
	Currency          string `json:"currency"`
	AmountDueNowCents int64  `json:"amountDueNowCents"`
	CreditCents       int64  `json:"creditCents"`
	TaxCents          int64  `json:"taxCents"`
	RecurringCents    int64  `json:"recurringCents"`
	Interval          string `json:"interval"`
	// Units and FromUnits are additional capacity units, after and before; absent
	// where there are none.
	Units         *int64     `json:"additionalCapacityUnits,omitempty"`
	FromUnits     *int64     `json:"fromAdditionalCapacityUnits,omitempty"`
	TrialDays     int        `json:"trialDays,omitempty"` // of a trial: nothing is charged at its end
	EffectiveAt   *time.Time `json:"effectiveAt"`         // null: at once
	NextChargeAt  *time.Time `json:"nextChargeAt"`        // null: none
	ProrationDate *time.Time `json:"prorationDate"`
	Lines         []Line     `json:"lines"`
}

// Line is one line of a quote; unused time is negative.
type Line struct {
	Description string `json:"description"`
	AmountCents int64  `json:"amountCents"`
}

// Change is the answer of upgrade and downgrade. Status says which of the
// other fields are there.
type Change struct {
	Status string `json:"status"`
	Plan   string `json:"plan,omitempty"` // in force now

	// switched. The amount is there even if it is 0.
	AmountChargedCents  *int64          `json:"amountChargedCents,omitempty"`
	AmountCreditedCents *int64          `json:"amountCreditedCents,omitempty"`
	Currency            string          `json:"currency,omitempty"`
	AmountDiffers       bool            `json:"amountDiffers,omitempty"` // Stripe charged something else than was agreed to
	Receipt             json.RawMessage `json:"receipt,omitempty"`

	EffectiveAt *time.Time `json:"effectiveAt,omitempty"` // downgrade-scheduled
	CheckoutURL string     `json:"checkoutUrl,omitempty"` // checkout-required

	// confirmation_required and web-approve-required.
	ConfirmToken string     `json:"confirm_token,omitempty"`
	Request      string     `json:"request,omitempty"`
	ApprovalURL  string     `json:"approval_url,omitempty"`
	PollingURL   string     `json:"polling_url,omitempty"`
	Message      string     `json:"message,omitempty"`
	CheckCode    string     `json:"check_code,omitempty"`
	Interval     int        `json:"interval,omitempty"`   // seconds between polls
	ExpiresIn    int        `json:"expires_in,omitempty"` // seconds
	ExpiresAt    *time.Time `json:"expires_at,omitempty"`
	Why          string     `json:"why,omitempty"`
	Instructions string     `json:"instructions,omitempty"`
	Quote        *Quote     `json:"quote,omitempty"`
	Changed      *Quote     `json:"changed,omitempty"` // what the user had seen, if the price is another one now
}

// ApprovalStatus is the answer of GET /api/web-approve/status.
type ApprovalStatus struct {
	Request   string `json:"request"`
	Status    string `json:"status"`
	Interval  int    `json:"interval"`   // seconds between polls
	ExpiresIn int    `json:"expires_in"` // seconds; 0 once it is over
	Opened    bool   `json:"opened"`
	Next      string `json:"next"` // poll, stop or show_user
	// Result is what a direct call would have answered: a Change, or the Problem
	// for one that failed.
	Result     any             `json:"result"`
	Receipt    json.RawMessage `json:"receipt"`
	Denied     *Denied         `json:"denied"`
	Error      *Problem        `json:"error"`
	ReplacedBy *string         `json:"replaced_by"`
}

// Denied is a person's no.
type Denied struct {
	Reason string `json:"reason"` // too_expensive, not_now, not_me or other
	Note   string `json:"note"`
}

// Approval is an entry of GET /api/approvals.
type Approval struct {
	Request    string     `json:"request"`
	Status     string     `json:"status"`
	Action     string     `json:"action"`
	Plan       string     `json:"plan"`
	Mode       string     `json:"mode"`
	Agent      Agent      `json:"agent"`
	Reason     string     `json:"reason"`
	CheckCode  string     `json:"check_code"`
	Quote      Quote      `json:"quote"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	DecidedAt  *time.Time `json:"decided_at"`
	DecidedBy  *string    `json:"decided_by"`
	Denied     *Denied    `json:"denied"`
	ReplacedBy *string    `json:"replaced_by"`
}

// Agent is who asked.
type Agent struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	KeyPrefix string `json:"key_prefix"`
}

// Invoice is an entry of GET /api/billing/invoices.
type Invoice struct {
	ID          string    `json:"id"`
	Number      string    `json:"number"`
	Date        time.Time `json:"date"`
	Description string    `json:"description"`
	Amount      int64     `json:"amount"` // minor units
	Currency    string    `json:"currency"`
	Status      string    `json:"status"`
	HostedURL   *string   `json:"hosted_url"`
	PDFURL      *string   `json:"pdf_url"`
}
