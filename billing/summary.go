package billing

import "time"

// Summary is what an org's people and agents read: the plan, what it costs,
// what changes soon, and how much of it is used.
type Summary struct {
	Org           Org
	Subscription  Subscription
	Plan          Plan // in force now
	DesignPartner bool // or given by an operator: there is nothing to pay
	StripeReady   bool
	Scheduled     []ScheduledChange
	Usage         []Usage    // in the catalogue's order
	Overrides     []Override // open ones, that may have run out
	Pending       int        // approvals waiting
	Stale         bool       // the last sync is old or failed; the figures are from SyncedAt
	Now           time.Time
}

// stateAdminOverride is the state of an org whose plan an operator gives.
const stateAdminOverride = "admin_override"

// BillingState is the subscription's status, unless an operator's word is above
// it; empty without either.
func (s Summary) BillingState() string {
	if s.Org.GivenPlan != "" {
		return stateAdminOverride
	}
	return string(s.Subscription.Status)
}

// ScheduledChange is something that will happen by itself and can be undone.
type ScheduledChange struct {
	Kind        string // "downgrade"
	Plan        string // afterwards
	EffectiveAt time.Time
	By          Actor  // who asked; Kind empty when it was made in Stripe's portal
	ApprovedBy  string // who agreed, if somebody else
}

// Usage is one resource of the plan.
type Usage struct {
	Resource Resource
	Active   int64
	Cap      Limit
	// Reported is when the host application last said so; zero if never.
	Reported time.Time
	ResetsAt time.Time // of a counter; zero for a gauge
}

// Over is how far the usage is past the cap; 0 if it is not.
func (u Usage) Over() int64 {
	if u.Cap.Unlimited || u.Active <= u.Cap.Value {
		return 0
	}
	return u.Active - u.Cap.Value
}

// Offer is what the dashboard can offer for one plan, decided here and not by a
// page.
type Offer struct {
	Plan Plan
	Kind OfferKind
	// Quote is what it would cost now; zero for current, checkout and none.
	Quote Quote
	// Sealed is the quote for the form; empty when there is nothing to press.
	Sealed string
}

// OfferKind says what a plan's button does.
type OfferKind string

// The kinds of offer.
const (
	OfferCurrent   OfferKind = "current"
	OfferSwitch    OfferKind = "switch"    // to another paid plan, at once
	OfferDowngrade OfferKind = "downgrade" // to the free plan, at the period's end
	OfferResume    OfferKind = "resume"    // keep the present plan after all
	OfferCheckout  OfferKind = "checkout"  // enter a card
	OfferNone      OfferKind = "none"      // nothing can be done now
)
