package views

import (
	"fmt"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// dayOnly is a day of this year, as people say it in a sentence.
func dayOnly(t time.Time) string { return t.UTC().Format("2 Jan") }

// dunningBanner says what a failed payment means, and how to mend it. It never
// offers another plan.
func dunningBanner(v BillingValues, d *billing.Dunning) *Panel {
	if d.Plan == "" {
		return endedBanner(v, d)
	}
	s := v.Summary
	p := &Panel{Tone: ToneBad, Title: copyNoPayment}
	words := fmt.Sprintf(copyLostUntil, s.Org.Name, s.Plan.Name, dayOnly(d.LostAt))
	if !d.KeepUntil.IsZero() {
		words = fmt.Sprintf(copyKeepUntil, planName(v.Catalog, d.Plan), dayOnly(d.KeepUntil))
	}
	if a := d.Payment; a != nil {
		p.Title = fmt.Sprintf(copyPaidTitle, money(a.Amount.Amount, a.Amount.Currency), dayOnly(d.Failed))
		if !a.NextTry.IsZero() {
			words += " " + fmt.Sprintf(copyTryAgain, dayOnly(a.NextTry))
		}
		if a.URL != "" {
			p.Actions = v.actions(Action{Label: copyPayNow, Href: a.URL, Primary: true})
		}
	}
	p.Text = v.orAsk(words)
	p.Actions = append(p.Actions, v.actions(Action{Label: copyUpdateCard, Form: v.portal()})...)
	return p
}

// endedBanner is for a subscription that Stripe cancelled after the last try:
// paying now would not bring it back.
func endedBanner(v BillingValues, d *billing.Dunning) *Panel {
	p := &Panel{Tone: ToneBad, Title: copyEndedUnpaid}
	if a := d.Payment; a != nil {
		p.Title = fmt.Sprintf(copyEndedTitle, money(a.Amount.Amount, a.Amount.Currency))
	}
	p.Text = v.orAsk(fmt.Sprintf(copyEndedText, v.Summary.Org.Name, v.Summary.Plan.Name, dayOnly(d.LostAt)))
	p.Actions = v.actions(Action{Label: copySeePlans, Href: "#plans-title"})
	return p
}
