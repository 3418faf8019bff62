package billing

import (
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/gowebpki/jcs"
)

// Action is a change that somebody can agree to.
type Action string

// The actions.
const (
	ActionChangePlan        Action = "subscription.change_plan"
	ActionResume            Action = "subscription.resume"
	ActionScheduleDowngrade Action = "subscription.schedule_downgrade"
	ActionIncrease          Action = "capacity.increase"
	ActionReduce            Action = "capacity.schedule_reduction"
	ActionKeepCapacity      Action = "capacity.cancel_reduction"
	ActionStartTrial        Action = "trial.start"
	// ActionCancelDuplicate is nobody's wish: two Checkout pages were paid.
	ActionCancelDuplicate Action = "subscription.cancel_duplicate"
)

// charges reports whether the action takes or gives back money at once.
func (a Action) charges() bool { return a == ActionChangePlan || a == ActionIncrease }

// capacity reports whether the action is about capacity units.
func (a Action) capacity() bool {
	return a == ActionIncrease || a == ActionReduce || a == ActionKeepCapacity
}

// Change is what is to be done: an action with its parameters.
type Change struct {
	Action Action `json:"action"`
	Plan   string `json:"plan,omitempty"` // the target of a plan change, or the plan to try
	// Units is the target of a change of capacity: how many additional units there
	// are to be in the end, never how many more.
	Units int64 `json:"additional_capacity_units,omitempty"`
}

// Line is one line of an invoice or a preview.
type Line struct {
	Description string `json:"description"`
	Amount      int64  `json:"amount"` // minor units; negative for unused time
	Proration   bool   `json:"proration,omitempty"`
}

// Quote is what a change costs and when, as Stripe's preview says it for one
// proration date. The same ProrationDate always gives the same figures unless
// price, plan, tax or subscription changed; so a quote is checked by asking for
// it again, never by "now".
type Quote struct {
	Change   Change `json:"change"`
	Currency string `json:"currency"`
	// FromPlan and ToPlan are catalogue ids.
	FromPlan string `json:"from_plan"`
	ToPlan   string `json:"to_plan"`
	// FromUnits and ToUnits are additional capacity units, before and after.
	FromUnits int64 `json:"from_units,omitempty"`
	ToUnits   int64 `json:"to_units,omitempty"`
	// DueNow is charged at once, in minor units, ≥ 0, tax included.
	DueNow int64 `json:"due_now"`
	// Credit is given back as balance for the next invoices, in minor units, ≥ 0.
	Credit int64 `json:"credit,omitempty"`
	// BalanceUsed is the part of the price that earlier credit pays.
	BalanceUsed int64 `json:"balance_used,omitempty"`
	Tax         int64 `json:"tax,omitempty"`
	// LiftsDowngrade: a scheduled downgrade ends with the change, since who buys
	// another plan stays.
	LiftsDowngrade bool `json:"lifts_downgrade,omitempty"`
	// LiftsReduction: a scheduled reduction of capacity ends with the change, since
	// the whole subscription ends.
	LiftsReduction bool `json:"lifts_reduction,omitempty"`
	// TrialDays is how long a trial runs; nothing is charged at its end.
	TrialDays int    `json:"trial_days,omitempty"`
	Lines     []Line `json:"lines,omitempty"`
	// Recurring is the price from then on, for each Interval.
	Recurring int64  `json:"recurring"`
	Interval  string `json:"interval"`
	// EffectiveAt is when the change takes effect; zero for at once.
	EffectiveAt time.Time `json:"effective_at,omitzero"`
	// NextChargeAt is when Recurring is charged next; zero if never again.
	NextChargeAt  time.Time `json:"next_charge_at,omitzero"`
	ProrationDate time.Time `json:"proration_date,omitzero"`
	// What the quote was made from.
	SubscriptionVersion int64  `json:"subscription_version"`
	CatalogVersion      string `json:"catalog_version"`
}

// SamePrice reports whether two quotes ask for the same money at the same times
// from the same starting point.
func (q Quote) SamePrice(o Quote) bool {
	return q.Change == o.Change && q.Currency == o.Currency && q.FromPlan == o.FromPlan && q.ToPlan == o.ToPlan &&
		q.DueNow == o.DueNow && q.Credit == o.Credit && q.Tax == o.Tax && q.Recurring == o.Recurring && q.LiftsDowngrade == o.LiftsDowngrade &&
		q.FromUnits == o.FromUnits && q.ToUnits == o.ToUnits && q.LiftsReduction == o.LiftsReduction && q.TrialDays == o.TrialDays &&
		q.Interval == o.Interval && q.EffectiveAt.Equal(o.EffectiveAt) && q.NextChargeAt.Equal(o.NextChargeAt)
}

// digest is SHA-256 over a domain tag and the canonical JSON (RFC 8785) of v.
func digest(domain string, v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic("billing: digest of an unmarshalable value: " + err.Error())
	}
	canonical, err := jcs.Transform(raw)
	if err != nil {
		panic("billing: digest of a value without canonical form: " + err.Error())
	}
	h := sha256.New()
	h.Write([]byte(domain))
	h.Write([]byte{0})
	h.Write(canonical)
	return h.Sum(nil)
}
