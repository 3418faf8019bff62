package billing

import (
	"context"
	"errors"
	"time"
)

// Offers says what the dashboard can offer for each plan. The amounts are
// worked out here from the last reading, so a page needs no answer from Stripe;
// at the press they are checked against Stripe's own, and a difference is shown
// instead of charged.
func (s *Service) Offers(p Principal, sum Summary) []Offer {
	out := make([]Offer, len(s.catalog.Plans))
	for i, plan := range s.catalog.Plans {
		o := &out[i]
		*o = s.offer(&p, &sum, plan)
		switch o.Kind {
		case OfferSwitch:
			o.Quote = s.estimateSwitch(&sum, plan)
		case OfferDowngrade, OfferResume:
			o.Quote = s.estimateSchedule(&sum, o.Kind, plan)
		}
		if o.Quote.Change.Action != "" && o.Kind != OfferDowngrade { // which is pressed in its review
			o.Sealed = s.sealChange(p, o.Quote, sum.Now)
		}
	}
	return out
}

func (s *Service) offer(p *Principal, sum *Summary, plan Plan) Offer {
	o := Offer{Plan: plan, Kind: s.offerKind(p, sum, plan)}
	if p.CanManage() && !sum.InReview && triable(sum.Org, sum.Subscription, plan) {
		o.TrialDays = plan.Trial.Days
	}
	return o
}

func (s *Service) offerKind(p *Principal, sum *Summary, plan Plan) OfferKind {
	sub := &sum.Subscription
	current := plan.ID == sum.Plan.ID
	switch {
	case !p.CanManage(), !sum.StripeReady, sum.InReview, sum.DesignPartner && !sub.Status.Live():
		if current {
			return OfferCurrent
		}
		return OfferNone
	case sum.DesignPartner:
		return offerToEnd(*sub, plan)
	case !sub.Status.Live():
		trying := sub.Trial.Active(sum.Now)
		if current && !(trying && plan.Paid()) { // a trial's own plan can be bought
			return OfferCurrent
		}
		if !plan.Paid() || s.mayConvert(*sub, plan) != nil {
			return OfferNone
		}
		return OfferCheckout
	case plan.ID == sub.Plan && sub.CancelAtPeriodEnd:
		return OfferResume
	case plan.ID == sub.Plan:
		return OfferCurrent
	case !plan.Paid() && sub.CancelAtPeriodEnd:
		return OfferNone // scheduled already
	case !plan.Paid():
		return OfferDowngrade
	case maySwitch(*sub) != nil:
		return OfferNone
	}
	return OfferSwitch
}

// offerToEnd is all that there is to do about a subscription beside a plan that
// was given: to end it, and to take that back.
func offerToEnd(sub Subscription, plan Plan) OfferKind {
	switch {
	case plan.ID == sub.Plan && sub.CancelAtPeriodEnd:
		return OfferResume
	case !plan.Paid() && !sub.CancelAtPeriodEnd:
		return OfferDowngrade
	}
	return OfferNone
}

// Review is the offer for one plan with Stripe's own preview: what the panel
// shows before the press. It changes nothing.
//
// Errors: those of Preview, ErrForbidden, and ErrChangeInProgress during a review.
func (s *Service) Review(ctx context.Context, p Principal, sum Summary, planID string) (o Offer, err error) {
	plan, ok := s.catalog.Plan(planID)
	switch {
	case !p.CanManage():
		return o, ErrForbidden
	case !ok:
		return o, ErrUnknownPlan
	case sum.InReview:
		return o, errInReview
	}
	o = s.offer(&p, &sum, plan)
	if o.Quote, err = s.Preview(ctx, p, planID); err != nil {
		return Offer{}, err
	}
	if o.Kind == OfferSwitch || o.Kind == OfferDowngrade || o.Kind == OfferResume {
		o.Sealed = s.sealChange(p, o.Quote, sum.Now)
	}
	return o, nil
}

// CapacityOffer is the offer for a number of additional units, worked out here
// for a page that follows the stepper; CapacityReview asks Stripe. The present
// number is an offer of kind OfferCurrent.
//
// Errors: ErrForbidden, ErrChangeInProgress during a review, and those of
// resolveCapacity.
func (s *Service) CapacityOffer(p Principal, sum Summary, target int64) (Offer, error) {
	o, c, err := s.capacityOffer(p, sum, target)
	if err != nil || o.Kind == OfferCurrent {
		return o, err
	}
	if o.Quote = s.estimateIncrease(&sum, target); c.Action == ActionReduce {
		o.Quote = s.estimateReduction(&sum, target)
	}
	o.Sealed = s.sealChange(p, o.Quote, sum.Now)
	return o, nil
}

// CapacityReview is CapacityOffer with Stripe's own preview.
func (s *Service) CapacityReview(ctx context.Context, p Principal, sum Summary, target int64) (Offer, error) {
	o, c, err := s.capacityOffer(p, sum, target)
	if err != nil || o.Kind == OfferCurrent {
		return o, err
	}
	if o.Quote, err = s.quote(ctx, sum.Subscription, c, sum.Now); err != nil {
		return o, err
	}
	o.Sealed = s.sealChange(p, o.Quote, sum.Now)
	return o, nil
}

func (s *Service) capacityOffer(p Principal, sum Summary, target int64) (Offer, Change, error) {
	switch {
	case !p.CanManage():
		return Offer{}, Change{}, ErrForbidden
	case !sum.StripeReady:
		return Offer{}, Change{}, ErrStripeNotSet
	case sum.InReview:
		return Offer{}, Change{}, errInReview
	}
	sub := sum.Subscription
	plan, _ := s.catalog.Plan(sub.Plan)
	pr, kind := sub.Toward(target), OfferIncrease
	if pr.Verb == VerbReduce {
		kind = OfferReduce
	}
	c, err := s.resolveCapacity(pr, sum.Org, sub)
	if errors.Is(err, ErrTargetNotGreater) {
		return Offer{Plan: plan.With(target), Kind: OfferCurrent}, c, nil
	}
	return Offer{Plan: plan.With(target), Kind: kind}, c, err
}

func (s *Service) sealChange(p Principal, q Quote, now time.Time) string {
	return s.sealer.seal(&sealedQuote{Purpose: changePurpose(p.OrgID), Holder: p.CredentialID, Until: now.Add(sealedLife), Quote: q})
}
