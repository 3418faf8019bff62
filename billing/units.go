package billing

import "time"

// Capacity units: a plan that is sold in units includes some, and more can be
// bought on top. What may be had of a resource is what one unit allows times all
// units.

// BoughtUnits is what a subscription holds on top of its plan's own units.
type BoughtUnits struct {
	Additional int64  `json:"additional,omitempty"`
	ItemID     string `json:"item_id,omitempty"` // Stripe's, of the units; empty while there are none
	// ReduceTo is how many additional ones remain from ReduceAt on. ReduceAt is
	// zero when nothing of the kind is scheduled.
	ReduceTo int64     `json:"reduce_to,omitempty"`
	ReduceAt time.Time `json:"reduce_at,omitzero"`
	// ScheduleID is Stripe's schedule that the subscription follows, if any.
	ScheduleID string `json:"schedule_id,omitempty"`
	// Foreign says that the schedule is to do something else than to reduce units;
	// it was made in Stripe's dashboard and is left alone.
	Foreign bool `json:"foreign,omitempty"`
}

// Reducing reports whether a reduction is scheduled.
func (u BoughtUnits) Reducing() bool { return !u.ReduceAt.IsZero() }

// same reports whether two states of the units agree on what a consent was
// given for.
func (u BoughtUnits) same(o BoughtUnits) bool {
	return u.Additional == o.Additional && u.ReduceTo == o.ReduceTo && u.ReduceAt.Equal(o.ReduceAt) && u.Foreign == o.Foreign
}

// Recurring is what the plan costs an interval, with its additional units, in
// minor units.
func (p Plan) Recurring() int64 {
	if p.Units == nil {
		return p.Price.Amount
	}
	return p.Price.Amount + max(p.Additional, 0)*p.Units.Price.Amount
}

// Carry is how many of the additional units of plan from come along to p: as
// many as p does not include already. Nobody pays for units that the new plan
// gives anyway, and nobody is sold more than they had.
func (p Plan) Carry(from Plan) int64 {
	if p.Units == nil || from.Units == nil {
		return 0
	}
	missing := from.TotalUnits() - p.Units.Included
	return max(0, min(from.Additional, missing, p.Units.MaxAdditional))
}

// Toward is the wish to have so many additional units in the end: more than now,
// or fewer.
func (s Subscription) Toward(units int64) Proposal {
	if units < s.Units.Additional {
		return Proposal{Verb: VerbReduce, Units: &units}
	}
	return Proposal{Verb: VerbIncrease, Units: &units}
}

// resolveCapacity turns a wish for more or fewer units into a change. Targets
// are absolute, so a repeated wish is the same wish.
//
// Errors: ErrTrialConversion, ErrDesignPartner, ErrNoSubscription,
// ErrCapacityNotOffered, ErrTargetRange, ErrTargetNotGreater, ErrTargetNotLower,
// ErrReductionPending, ErrNoReduction, ErrEndsAnyway, ErrForeignSchedule,
// ErrPastDue, ErrPaymentPending.
func (s *Service) resolveCapacity(pr Proposal, org Org, sub Subscription) (Change, error) {
	plan, err := s.capacityPlan(org, sub)
	if err != nil {
		return Change{}, err
	}
	if pr.Verb == VerbKeepCapacity {
		if !sub.Units.Reducing() {
			return Change{}, ErrNoReduction
		}
		return Change{Action: ActionKeepCapacity, Units: sub.Units.Additional}, nil
	}
	if pr.Units == nil {
		return Change{}, ErrTargetRange.With("field", "target_additional_capacity_units").With("max", plan.Units.MaxAdditional)
	}
	target := *pr.Units
	if target < 0 || target > plan.Units.MaxAdditional {
		return Change{}, ErrTargetRange.
			Say("The number of additional units is a whole number from 0 to %d.", plan.Units.MaxAdditional).
			With("field", "target_additional_capacity_units").With("target", target).With("max", plan.Units.MaxAdditional)
	}
	if pr.Verb == VerbIncrease {
		return Change{Action: ActionIncrease, Units: target}, s.mayIncrease(sub, target)
	}
	return Change{Action: ActionReduce, Units: target}, s.mayReduce(sub, target)
}

// capacityPlan is the plan whose units can be bought, if there is one.
func (s *Service) capacityPlan(org Org, sub Subscription) (Plan, error) {
	switch {
	case org.Complimentary():
		return Plan{}, ErrDesignPartner
	case !sub.Status.Live() && sub.Trial.Active(s.Now()):
		return Plan{}, ErrTrialConversion.With("ends_at", sub.Trial.EndsAt)
	case !sub.Status.Live():
		return Plan{}, ErrNoSubscription
	}
	plan, ok := s.catalog.Plan(sub.Plan)
	switch {
	case !ok || plan.Units == nil:
		return Plan{}, ErrCapacityNotOffered.With("plan", sub.Plan)
	case sub.UnknownPrice != "":
		return Plan{}, ErrRejected.Say("The present price is not in the catalogue, so the change cannot be made here. Ask the operator.")
	}
	return plan, nil
}

// mayIncrease: more units are charged at once, so nothing else may be open.
func (s *Service) mayIncrease(sub Subscription, target int64) error {
	switch {
	case target <= sub.Units.Additional:
		return ErrTargetNotGreater.With("target", target).With("current", sub.Units.Additional)
	case sub.Units.Reducing():
		return ErrReductionPending.With("effectiveAt", sub.Units.ReduceAt)
	case sub.CancelAtPeriodEnd:
		return ErrEndsAnyway.With("effectiveAt", sub.PeriodEnd)
	case sub.Units.Foreign:
		return ErrForeignSchedule
	}
	return payable(sub)
}

// mayReduce: fewer units cost nothing now, so an unpaid renewal does not stand in
// the way; Stripe goes on trying to collect it.
func (s *Service) mayReduce(sub Subscription, target int64) error {
	switch {
	case target >= sub.Units.Additional:
		return ErrTargetNotLower.With("target", target).With("current", sub.Units.Additional)
	case sub.CancelAtPeriodEnd:
		return ErrEndsAnyway.With("effectiveAt", sub.PeriodEnd)
	case sub.Units.Foreign:
		return ErrForeignSchedule
	case sub.Status == StatusPastDue:
		return nil
	}
	return payable(sub)
}

// The errors of capacity units and trials.
var (
	ErrTargetRange        = &Error{Kind: KindInvalid, Code: "target_out_of_range", Message: "The number of additional units is not one that can be bought."}
	ErrTargetNotGreater   = &Error{Kind: KindConflict, Code: "target_not_greater", Message: "An increase needs a number of additional units above the present one."}
	ErrTargetNotLower     = &Error{Kind: KindConflict, Code: "target_not_lower", Message: "A reduction needs a number of additional units below the present one."}
	ErrNoSubscription     = &Error{Kind: KindConflict, Code: "no_subscription", Message: "There is no paid subscription. Subscribe to a plan first."}
	ErrCapacityNotOffered = &Error{Kind: KindConflict, Code: "capacity_not_offered", Message: "This plan is not sold in capacity units."}
	ErrReductionPending   = &Error{Kind: KindConflict, Code: "reduction_pending", Message: "A reduction of capacity is scheduled. Cancel it first."}
	ErrNoReduction        = &Error{Kind: KindConflict, Code: "no_pending_reduction", Message: "No reduction of capacity is scheduled."}
	ErrEndsAnyway         = &Error{Kind: KindConflict, Code: "downgrade_scheduled", Message: "The subscription ends with this period. Undo the downgrade first."}
	ErrForeignSchedule    = &Error{Kind: KindConflict, Code: "scheduled_at_stripe", Message: "A change of this subscription is scheduled in Stripe's dashboard. The operator has to release it first."}
	ErrTrialConversion    = &Error{Kind: KindConflict, Code: "trial_conversion_required", Message: "The trial has to be converted to a paid plan first."}
	ErrTrialNotAvailable  = &Error{Kind: KindConflict, Code: "trial_not_available", Message: "No trial can be started."}
	ErrTrialRank          = &Error{Kind: KindConflict, Code: "plan_below_trial", Message: "A trial can be converted to its own plan or a higher one."}
)

// capacityNews is what a reading changed in the units.
func (s *Service) capacityNews(before, after Subscription) CapacityChanged {
	plan, _ := s.catalog.Plan(after.Plan)
	news := CapacityChanged{
		Plan: after.Plan, Total: plan.With(after.Units.Additional).TotalUnits(), Additional: after.Units.Additional, From: before.Units.Additional,
	}
	if u := after.Units; u.Reducing() {
		news.Pending, news.EffectiveAt = &u.ReduceTo, &u.ReduceAt
	}
	return news
}
