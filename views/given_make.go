package views

import (
	"fmt"

	"github.com/countersignhq/countersign/billing"
)

// What is said differently to an org that has its plan free of charge. It may
// still pay for a subscription from before, and then it can end that.

// paysBeside reports whether such an org goes on paying.
func paysBeside(s *billing.Summary) bool { return s.DesignPartner && s.Subscription.Status.Live() }

// paidPlanName is the plan that the org pays for.
func (v *BillingValues) paidPlanName() string {
	return planName(v.Catalog, v.Summary.Subscription.Plan)
}

func givenCard(v *BillingValues) PlanCard {
	s := &v.Summary
	c := PlanCard{Name: s.Plan.Name, Chip: Chip{"Complimentary", ToneAccent}, Notes: []string{"Provided free of charge."}}
	if !paysBeside(s) {
		c.Notes[0] += " No card needed."
		return c
	}
	sub := &s.Subscription
	paid := Dated{Before: fmt.Sprintf("Your subscription to %s is still charged, next on", v.paidPlanName()), At: v.day(sub.PeriodEnd)}
	if sub.CancelAtPeriodEnd {
		paid.Before = fmt.Sprintf("Your subscription to %s ends on", v.paidPlanName())
	}
	c.Dates = []Dated{paid}
	return c
}

// stillPaysBanner says what is charged although the plan is free of charge, and
// has the button that ends it.
func stillPaysBanner(v *BillingValues) *Panel {
	s := &v.Summary
	sub := &s.Subscription
	if !paysBeside(s) || sub.CancelAtPeriodEnd {
		return nil
	}
	p := &Panel{Tone: ToneWarn, Title: fmt.Sprintf("You still pay for a subscription to %s", v.paidPlanName())}
	words := fmt.Sprintf("%s is provided free of charge, whether you pay or not.", s.Plan.Name)
	if next := sub.Next; next != nil {
		words = fmt.Sprintf("%s is charged on %s. ", v.money(next.Amount.Amount, next.Amount.Currency), v.day(next.Date).Text) + words
	}
	p.Text = v.orAsk(words)
	if c := cancelOf(v); c != nil {
		p.Actions = v.actions(Action{Label: copyCancelButton, Href: c.Href})
	}
	return p
}

func (v *BillingValues) labelOf(o *billing.Offer) string {
	switch {
	case v.Summary.DesignPartner && o.Kind == billing.OfferDowngrade:
		return "End it on " + v.dayAndMonth(o.Quote.EffectiveAt)
	case o.Kind == billing.OfferCheckout && onTrial(&v.Summary) && o.Plan.ID == v.Summary.Plan.ID:
		return copyConvert + ", " + v.price(o.Plan.Price.Amount, v.Catalog.Currency, o.Plan.Price.Interval)
	}
	return v.offerLabel(v.Catalog, o)
}

// endOfSubscription is a review of the downgrade that only ends what is paid for.
func endOfSubscription(v *BillingValues, o billing.Offer, r Review) Review {
	until := v.day(o.Quote.EffectiveAt)
	r.Title = fmt.Sprintf("End the subscription to %s on %s", planName(v.Catalog, o.Quote.FromPlan), until.Text)
	r.Lead = "Nothing is charged, and nothing is refunded."
	r.Facts = append(r.Facts, Fact{Term: "Plan in force", Text: v.Summary.Plan.Name + ", provided free of charge. It stays."}, Fact{Term: "Paid until", At: until})
	r.Reassure = fmt.Sprintf("You can undo this until %s.", until.Text)
	return r
}

// givenResult is what became of a change to a subscription beside the plan that
// is in force; nil for what is said as everywhere.
func (in Locale) givenResult(plan string, out billing.Outcome) *Panel {
	switch out.Status {
	case billing.StatusDowngradeScheduled:
		return &Panel{Tone: ToneGood, Focus: true, Title: fmt.Sprintf("The subscription to %s ends on %s", plan, in.day(out.EffectiveAt).Text), Text: "What is provided free of charge stays. You can undo this until then."}
	case billing.StatusResumed:
		return &Panel{Tone: ToneGood, Focus: true, Title: fmt.Sprintf("The subscription to %s goes on", plan), Text: "Nothing was charged now."}
	}
	return nil
}

func endTitle(c *billing.Catalog, q billing.Quote, org string) string {
	return fmt.Sprintf("End the subscription of %s to %s", org, planName(c, q.FromPlan))
}

// describeEnd adds to an approve page that only the payments end.
func describeEnd(p *ApprovePage, v ApproveValues) {
	q := v.Request.Quote
	p.Title = endTitle(v.Catalog, q, v.Request.Org.Name)
	p.To = PlanSide{Label: "From " + v.shortDay(q.EffectiveAt).Text, Name: "No subscription", Price: v.money(0, q.Currency), Per: "a month"}
	p.Due.Note = "Nothing is charged and nothing is refunded."
	p.Facts = append(p.Facts, Fact{Term: "Paid until", At: v.day(q.EffectiveAt)}, Fact{Term: "Plan in force", Text: "The one that is provided free of charge. It stays."})
}
