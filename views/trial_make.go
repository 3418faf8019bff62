package views

import (
	"fmt"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// What is said of trials without a card.

const (
	trialSoon  = 7                   // days before its end at which a banner says so
	trialShown = 30 * 24 * time.Hour // how long a banner says that it has ended
)

// onTrial reports whether the org's plan is the one that it tries.
func onTrial(s *billing.Summary) bool {
	return !s.DesignPartner && !s.Subscription.Status.Live() && s.Subscription.Trial.Active(s.Now)
}

// trialOver reports whether the last thing that ended was the org's trial.
func trialOver(s *billing.Summary) bool { return s.BillingState() == "trial_expired" }

func trialCard(v *BillingValues) PlanCard {
	s := &v.Summary
	t := s.Subscription.Trial
	return PlanCard{
		Name: s.Plan.Name, Price: v.money(0, v.Catalog.Currency), Per: "during the trial", Chip: Chip{"Trial", ToneAccent},
		Dates: []Dated{{Before: "Trial until", At: v.day(t.EndsAt), After: ", " + v.daysLeft(t.DaysRemaining(s.Now)) + "."}},
		Notes: []string{fmt.Sprintf("No card needed. Nothing is charged at its end; %s is in force then.", v.Catalog.Free().Name)},
	}
}

// convertActions is the button that buys the plan that is tried.
func convertActions(v *BillingValues) []Action {
	for i := range v.Offers {
		o := &v.Offers[i]
		if o.Kind == billing.OfferCheckout && o.Plan.ID == v.Summary.Subscription.Trial.Plan {
			return v.actions(Action{Label: v.labelOf(o), Primary: true, Form: offerForm(v, o)})
		}
	}
	return nil
}

// trialBanner is nil while there is nothing pressing about the trial.
func trialBanner(v *BillingValues) *Panel {
	s := &v.Summary
	t := s.Subscription.Trial
	name := planName(v.Catalog, t.Plan)
	switch {
	case trialOver(s) && s.Now.Sub(t.EndsAt) < trialShown:
		return &Panel{
			Tone: ToneWarn, Title: fmt.Sprintf("The trial of %s has ended", name),
			Text:    v.orAsk(fmt.Sprintf("%s is on %s. What exists keeps working, and nothing was charged.", s.Org.Name, s.Plan.Name)),
			Actions: v.actions(Action{Label: copySeePlans, Href: "#plans-title"}),
		}
	case onTrial(s) && t.DaysRemaining(s.Now) <= trialSoon:
		return &Panel{
			Tone: ToneWarn, Title: fmt.Sprintf("The trial of %s ends %s", name, v.soon(t.DaysRemaining(s.Now))),
			Text:    v.orAsk(fmt.Sprintf("%s moves to %s then. Nothing is charged.", s.Org.Name, v.Catalog.Free().Name)),
			At:      Dated{Before: "It ends on", At: v.moment(t.EndsAt), After: "."},
			Actions: convertActions(v),
		}
	}
	return nil
}

// soon counts days that have begun.
func (in Locale) soon(days int) string {
	if days <= 1 {
		return "within a day"
	}
	return "in " + in.number(int64(days)) + " days"
}

func (in Locale) daysLeft(days int) string {
	if days <= 1 {
		return "less than a day left"
	}
	return in.number(int64(days)) + " days left"
}

// trialButton starts the trial of an offer's plan; nil if it cannot be tried.
func trialButton(v *BillingValues, o *billing.Offer) *Action {
	if o.TrialDays == 0 {
		return nil
	}
	return &Action{
		Label: "Start " + v.number(int64(o.TrialDays)) + "-day trial", About: o.Plan.Name,
		Form: v.form("/settings/billing/trial", "trial."+o.Plan.ID, Field{"plan", o.Plan.ID}),
	}
}

// trialKeeps says why plans have no button while another one is tried.
func trialKeeps(v *BillingValues) string {
	if !onTrial(&v.Summary) {
		return ""
	}
	for _, o := range v.Offers {
		if o.Kind == billing.OfferNone && o.Plan.Paid() {
			return copyTrialRanks
		}
	}
	return ""
}

func (in Locale) trialResult(plan string, out billing.Outcome) *Panel {
	return &Panel{
		Tone: ToneGood, Focus: true, Title: "The trial of " + plan + " has started", Text: "Nothing is charged, now or at its end.",
		At: Dated{Before: "It ends on", At: in.moment(out.EffectiveAt), After: "."},
	}
}
