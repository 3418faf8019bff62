package billing

import "time"

// Summary is what an org's people and agents read: the plan, what it costs,
// what changes soon, and how much of it is used.
type Summary struct {
	Org           Org
	Subscription  Subscription
	Plan          Plan // in force now, with its additional units
	DesignPartner bool // or given by an operator: there is nothing to pay
	StripeReady   bool
	Scheduled     []ScheduledChange
	// TrialAvailable: some plan can be tried without a card now.
	TrialAvailable bool
	Usage          []Usage // in the catalogue's order
	// Dunning is set while a payment has failed.
	Dunning   *Dunning
	Overrides []Override // open ones, that may have run out
	Pending   int        // approvals waiting
	Stale     bool       // the last sync is old or failed; the figures are from SyncedAt
	// InReview: an operator looks at the last change, and no other one can be made.
	// It is known where Recent was read.
	InReview bool
	Now      time.Time
}

// stateAdminOverride is the state of an org whose plan an operator gives.
const stateAdminOverride = "admin_override"

// UsageWindow is the span that the counters count in: that of the first one of
// the catalogue, or else the calendar month.
func (s Summary) UsageWindow() (start, end time.Time) {
	first := Resource{Kind: Counter, Resets: ResetsCalendarMonth}
	for _, u := range s.Usage {
		if u.Resource.Kind == Counter {
			first = u.Resource
			break
		}
	}
	return windowAt(first, s.Subscription, s.Now)
}

// The states of an org without a live subscription that has a trial.
const (
	stateTrialing     = "trialing"
	stateTrialExpired = "trial_expired"
)

// BillingState is where the org stands: an operator's word is above everything,
// then comes a live subscription's status, then the trial, then what remains of
// an earlier subscription. Empty without any of them.
func (s Summary) BillingState() string {
	sub := s.Subscription
	switch {
	case s.Org.GivenPlan != "":
		return stateAdminOverride
	case sub.Status.Live():
		return string(sub.Status)
	case sub.Trial.Active(s.Now):
		return stateTrialing
	case sub.Trial.Expired(s.Now) && sub.PeriodEnd.Before(sub.Trial.EndsAt):
		return stateTrialExpired
	}
	return string(sub.Status)
}

// ScheduledKind says what will happen.
type ScheduledKind string

// The kinds of scheduled change. The end of a trial cannot be undone.
const (
	ScheduledDowngrade ScheduledKind = "downgrade"
	ScheduledReduction ScheduledKind = "capacity_reduction"
	ScheduledTrialEnd  ScheduledKind = "trial_end"
)

// ScheduledChange is something that will happen by itself.
type ScheduledChange struct {
	Kind        ScheduledKind
	Plan        string // afterwards
	Units       int64  // additional ones afterwards, of a reduction
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
	// TrialDays is how long the plan can be tried without a card; 0 if it cannot.
	TrialDays int
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
	OfferIncrease  OfferKind = "increase"  // more capacity units, at once
	OfferReduce    OfferKind = "reduce"    // fewer, at the period's end
	OfferNone      OfferKind = "none"      // nothing can be done now
)
