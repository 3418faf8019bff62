package views

import (
	"errors"
	"fmt"

	"github.com/countersignhq/countersign/billing"
)

// verdictOf says how a request ended.
func verdictOf(v ApproveValues) *Panel {
	r := v.Request
	a := r.Approval
	by := Dated{Before: person(a.DecidedBy) + " approved this on", At: v.moment(a.DecidedAt), After: "."}
	agent := a.Actor.Name
	switch a.State {
	case billing.ApprovalSucceeded:
		p := v.doneOf(v.Catalog, r.Org, cardWords(r.Subscription.Card), a)
		p.At = by
		return p
	case billing.ApprovalFailed, billing.ApprovalIndeterminate:
		p := failureOf(a)
		p.At = by
		return p
	case billing.ApprovalDenied:
		return &Panel{
			Tone: ToneNeutral, Title: "Denied. Nothing changed.", Text: "Your agent will be told.",
			At: Dated{Before: person(a.DecidedBy) + " denied this on", At: v.moment(a.DecidedAt), After: denialWords(a.Denial)},
		}
	case billing.ApprovalExpired:
		return &Panel{Tone: ToneNeutral, Title: "This request has ended", At: Dated{Before: "It ended on", At: v.moment(a.ExpiresAt), After: ". Nothing changed. Ask your agent for a new one."}}
	case billing.ApprovalCanceled:
		return &Panel{Tone: ToneNeutral, Title: "Withdrawn by " + agent, Text: "Nothing changed."}
	case billing.ApprovalSuperseded:
		p := &Panel{Tone: ToneNeutral, Title: "Replaced by another request of " + agent, Text: "Nothing changed."}
		if a.ReplacedBy != "" {
			p.Actions = []Action{{Label: "See the new request", Href: approveURL(a.ReplacedBy), Primary: true}}
		}
		return p
	}
	return &Panel{Tone: ToneNeutral, Title: "This request is void", Text: "The key that asked is not valid any more. Nothing changed."}
}

func denialWords(d *billing.Denial) string {
	if d == nil {
		return "."
	}
	words := map[string]string{
		"too_expensive": ": too expensive.", "not_now": ": not now.",
		"not_me": ": nobody here asked for this. The key is paused.",
	}[d.Reason]
	if words == "" {
		words = "."
	}
	if d.Note != "" {
		words += " “" + d.Note + "”"
	}
	return words
}

// doneOf says what an approved change did.
func (in Locale) doneOf(c *billing.Catalog, org billing.Org, card string, a billing.Approval) *Panel {
	out := billing.Outcome{Status: billing.StatusSwitched, Plan: a.Quote.ToPlan, Charged: a.Quote.DueNow, Currency: a.Quote.Currency, EffectiveAt: a.Quote.EffectiveAt}
	if a.Result != nil {
		out = *a.Result
	}
	p := in.NewResult(c, org, card, out)
	p.Text += " You can go back to your agent."
	return p
}

// failureOf says why an approved change did not happen, or not yet.
func failureOf(a billing.Approval) *Panel {
	if a.Result != nil && a.Result.Failure != nil {
		return problemOf(a.Result.Failure.Code, a.Result.Failure.Message, a.Result.Failure.ActionURL, a.IntentID)
	}
	return &Panel{Tone: ToneAccent, Title: copyUnknown, Text: copyUnknownText, Ref: a.IntentID}
}

// NewResult says what became of a change that went through.
func (in Locale) NewResult(c *billing.Catalog, o billing.Org, card string, out billing.Outcome) *Panel {
	p := &Panel{Tone: ToneGood, Focus: true}
	org, plan := o.Name, planName(c, out.Plan)
	if given := in.givenResult(plan, out); o.Complimentary() && given != nil {
		return given
	}
	switch out.Status {
	case billing.StatusSwitched:
		p.Title, p.Text = org+" is on "+plan, in.chargeWords(out, card)
	case billing.StatusResumed:
		p.Title, p.Text = org+" stays on "+plan, "Nothing was charged."
	case billing.StatusDowngradeScheduled:
		p.Title = org + " moves to " + c.Free().Name + " on " + in.day(out.EffectiveAt).Text
		p.Text = "Nothing is deleted. You can undo this until then."
	case billing.StatusCapacityIncreased:
		p.Title, p.Text = org+" has "+in.unitsOf(c, out.Plan, out.Units), in.chargeWords(out, card)
	case billing.StatusReductionScheduled:
		p.Title = fmt.Sprintf("%s goes down to %s on %s", org, in.unitsOf(c, out.Plan, out.Units), in.day(out.EffectiveAt).Text)
		p.Text = "Nothing was charged and nothing is refunded. You can undo this until then."
	case billing.StatusReductionCanceled:
		p.Title, p.Text = org+" keeps its "+in.unitsOf(c, out.Plan, out.Units), "Nothing was charged."
	case billing.StatusTrialStarted:
		return in.trialResult(plan, out)
	case billing.StatusDuplicateCanceled:
		p.Tone, p.Title, p.Text = ToneWarn, fmt.Sprintf(copyPaidTwice, org, plan), copyPaidTwiceText
		if out.Refunded > 0 {
			p.Text = fmt.Sprintf(copyPaidTwiceDone, in.money(out.Refunded, out.Currency))
		}
	case billing.StatusAlreadyFree:
		p.Title, p.Text = org+" is on "+plan+" already", "Nothing changed."
	case billing.StatusPending:
		p.Tone, p.Title, p.Text = ToneAccent, "Working on it", "Stripe has not answered yet. Open this page again in a moment; nothing is charged twice."
	case billing.StatusFailed:
		if f := out.Failure; f != nil {
			return problemOf(f.Code, f.Message, f.ActionURL, out.IntentID)
		}
		p.Tone, p.Title, p.Text = ToneBad, "It did not go through", "The plan has not changed."
	default:
		p.Tone, p.Title = ToneNeutral, "Nothing changed."
	}
	return p
}

func (in Locale) chargeWords(out billing.Outcome, card string) string {
	switch {
	case out.Charged > 0 && card != "":
		return fmt.Sprintf("%s was charged to %s.", in.money(out.Charged, out.Currency), card)
	case out.Charged > 0:
		return in.money(out.Charged, out.Currency) + " was charged."
	case out.Credited > 0:
		return in.money(out.Credited, out.Currency) + " was credited to the next charges."
	}
	return "Nothing was charged."
}

// NewProblem says what stood in the way and what to do next. ref may be empty.
// An error that is not one of the domain's says nothing of itself.
func NewProblem(err error, ref string) *Panel {
	e, ok := errors.AsType[*billing.Error](err)
	if !ok {
		return problemOf("internal", "Something went wrong on our side. Try again in a moment.", "", ref)
	}
	action, _ := e.Details["actionUrl"].(string)
	return problemOf(e.Code, e.Message, action, ref)
}

func problemOf(code, message, actionURL, ref string) *Panel {
	p := &Panel{Tone: ToneBad, Title: "That did not go through", Text: message, Ref: ref, Focus: true}
	switch code {
	case billing.ErrPaymentFailed.Code:
		p.Title, p.Text = "Your bank declined the card", "Your plan has not changed and nothing was charged."
		p.Actions = []Action{{Label: "Use another card", Href: "/settings/billing#card-title"}}
	case billing.ErrPaymentAction.Code:
		p.Tone, p.Title = ToneWarn, "Your bank wants to confirm this payment"
		if actionURL != "" { // else the payment was taken back, and the message says what to do
			p.Text = "The plan changes once that is done. Nothing was charged yet."
			p.Actions = []Action{{Label: "Confirm with your bank", Href: actionURL, Primary: true}}
		}
	case billing.ErrPaymentPending.Code, billing.ErrPastDue.Code:
		p.Title = "There is something to pay first"
		if actionURL != "" {
			p.Actions = []Action{{Label: "Pay now", Href: actionURL, Primary: true}}
		}
	case billing.ErrQuoteChanged.Code:
		p.Tone, p.Title = ToneWarn, "Look at the price again"
	case billing.ErrChangeInProgress.Code:
		p.Tone, p.Title = ToneWarn, "Another change is under way"
	case billing.ErrStripeUnavailable.Code:
		p.Tone, p.Title = ToneWarn, "Stripe does not answer"
	case billing.ErrAlreadyDecided.Code:
		p.Tone, p.Title = ToneNeutral, "Already answered"
	case billing.ErrTrialNotAvailable.Code:
		p.Title = "No trial was started"
	case billing.ErrTargetNotGreater.Code, billing.ErrTargetNotLower.Code, billing.ErrTargetRange.Code, billing.ErrReductionPending.Code,
		billing.ErrNoReduction.Code, billing.ErrEndsAnyway.Code, billing.ErrForeignSchedule.Code, billing.ErrTrialConversion.Code:
		p.Title = "The units have not changed"
	case billing.ErrForbidden.Code:
		p.Title = "You may not do this"
	}
	return p
}
