package billing

import "time"

// SubscriptionStatus is Stripe's word for where a subscription stands, or
// StatusNone when there has never been one.
type SubscriptionStatus string

// The statuses.
const (
	StatusNone              SubscriptionStatus = ""
	StatusActive            SubscriptionStatus = "active"
	StatusTrialing          SubscriptionStatus = "trialing"
	StatusPastDue           SubscriptionStatus = "past_due"
	StatusUnpaid            SubscriptionStatus = "unpaid"
	StatusIncomplete        SubscriptionStatus = "incomplete"
	StatusIncompleteExpired SubscriptionStatus = "incomplete_expired"
	StatusPaused            SubscriptionStatus = "paused"
	StatusCanceled          SubscriptionStatus = "canceled"
)

// Live reports whether the subscription exists at Stripe and can be changed
// rather than bought anew.
func (s SubscriptionStatus) Live() bool {
	switch s {
	case StatusActive, StatusTrialing, StatusPastDue, StatusUnpaid:
		return true
	}
	return false
}

// State is what Stripe says about one customer, projected onto our words. It is
// always read whole and replaces the previous one; nothing is copied out of an
// event's payload.
type State struct {
	CustomerID        string             `json:"customer_id,omitempty"`
	SubscriptionID    string             `json:"subscription_id,omitempty"`
	ItemID            string             `json:"item_id,omitempty"`
	Status            SubscriptionStatus `json:"status,omitempty"`
	Plan              string             `json:"plan"` // catalogue id; the free plan without a live subscription
	PeriodStart       time.Time          `json:"period_start,omitzero"`
	PeriodEnd         time.Time          `json:"period_end,omitzero"`
	CancelAtPeriodEnd bool               `json:"cancel_at_period_end,omitempty"`
	Card              *Card              `json:"card,omitempty"`
	Next              *NextInvoice       `json:"next,omitempty"`
	Action            *PaymentAction     `json:"action,omitempty"`
	// Duplicates are live subscriptions beside the one that counts. They are acted
	// upon when they are read, and not kept.
	Duplicates []Duplicate `json:"-"`
	// Credit is what Stripe owes the customer, in minor units, ≥ 0. It is used up
	// by the next invoices.
	Credit int64 `json:"credit,omitempty"`
	// Units is what is bought on top of a plan that is sold in capacity units.
	Units BoughtUnits `json:"units,omitzero"`
	// UnknownPrice is set when the subscription's price is in no catalogue plan:
	// the plan stays what it was and an operator is alerted.
	UnknownPrice string `json:"unknown_price,omitempty"`
	// PastDueSince is when the oldest unpaid invoice was first asked for, by
	// Stripe's own dates; zero while nothing is owed. The grace counts from it.
	PastDueSince time.Time `json:"past_due_since,omitzero"`
	// EndedUnpaidAt is when Stripe ended the subscription because nobody paid; zero
	// if it lives, or ended otherwise.
	EndedUnpaidAt time.Time `json:"ended_unpaid_at,omitzero"`
}

// Card is the payment method on file.
type Card struct {
	Brand    string `json:"brand"`
	Last4    string `json:"last4"`
	ExpMonth int    `json:"exp_month"`
	ExpYear  int    `json:"exp_year"`
}

// NextInvoice is the charge that comes by itself if nothing changes.
type NextInvoice struct {
	Date   time.Time `json:"date"`
	Amount Money     `json:"amount"`
	Lines  []Line    `json:"lines,omitempty"`
}

// PaymentAction is an open invoice that a person has to settle at Stripe's page.
type PaymentAction struct {
	InvoiceID string `json:"invoice_id"`
	URL       string `json:"url"`
	Amount    Money  `json:"amount"`
	// Plan is the plan that the payment would switch to, for a change that waits
	// for the bank; empty for a renewal.
	Plan string `json:"plan,omitempty"`
	// Failed is when the last try failed; NextTry when Stripe tries again.
	Failed  time.Time `json:"failed,omitzero"`
	NextTry time.Time `json:"next_try,omitzero"`
	// NeedsBank says of a renewal that the bank wants the payer's word, and that
	// the page at URL is where to give it.
	NeedsBank bool `json:"needs_bank,omitempty"`
}

// Subscription is an org's row: the projected state and the bookkeeping around it.
type Subscription struct {
	OrgID string
	State
	// Version changes when something changes that a person agreed to: plan,
	// status, price, units, period or a scheduled change. A consent is bound to it.
	Version int64
	// RowVersion changes with every write; SyncOrg compares and sets it, so an
	// older fetch never overwrites a newer one.
	RowVersion int64
	// DirtySeq counts reasons to look at Stripe, SyncedSeq how many of them the
	// last sync had seen before it began.
	DirtySeq, SyncedSeq int64
	SyncedAt            time.Time
	// ScheduledBy says who asked for the change that is scheduled, a cancellation
	// or a reduction of capacity, when it was made here rather than at Stripe.
	ScheduledBy *Schedule
	// LapsedAt is when it was written down, and told, that the plan is out of force
	// for want of payment; zero while it is in force. Readers decide by time.
	LapsedAt time.Time
	// Trial is the org's own; Stripe knows nothing of it, and a sync leaves it.
	Trial Trial
}

// Dirty reports whether Stripe may know something that we do not.
func (s Subscription) Dirty() bool { return s.DirtySeq > s.SyncedSeq }

// Schedule says who asked for a scheduled change and who agreed to it.
type Schedule struct {
	Kind       ScheduledKind `json:"kind,omitempty"` // empty: a downgrade
	By         Actor         `json:"by"`
	ApprovedBy string        `json:"approved_by,omitempty"`
	At         time.Time     `json:"at"`
}

// standsIn reports whether the state still has the change scheduled. Another one
// in its place was scheduled by somebody else.
func (s Schedule) standsIn(st State) bool {
	if s.Kind == ScheduledReduction {
		return st.Units.Reducing()
	}
	return st.CancelAtPeriodEnd
}

// sameTerms reports whether two states agree on everything that a consent was
// given for.
func sameTerms(a, b State) bool {
	return a.SubscriptionID == b.SubscriptionID && a.Status == b.Status && a.Plan == b.Plan &&
		a.CancelAtPeriodEnd == b.CancelAtPeriodEnd && a.PeriodEnd.Equal(b.PeriodEnd) && a.UnknownPrice == b.UnknownPrice &&
		a.Units.same(b.Units)
}

// Invoice is the mirror of one of Stripe's invoices.
type Invoice struct {
	ID          string
	Number      string
	CreatedAt   time.Time
	Description string
	Amount      Money
	Status      string // draft, open, paid, void, uncollectible; refunded, if it was paid and given back whole
	HostedURL   string
	PDFURL      string
	// Paid is how it was paid, with a reading that says so; it is told of and not
	// kept.
	Paid *Payment
}

// Event is what is kept of a webhook: that something happened, never what.
type Event struct {
	ID         string
	Type       string
	CustomerID string
	CreatedAt  time.Time
}
