package views

import (
	"fmt"

	"github.com/countersignhq/countersign/billing"
)

// dunningBanner says what a failed payment means, and how to mend it. It never
// offers another plan.
func dunningBanner(v *BillingValues, d *billing.Dunning) *Panel {
	if d.Plan == "" {
		return endedBanner(v, d)
	}
	s := &v.Summary
	p := &Panel{Tone: ToneBad, Title: copyNoPayment}
	words := fmt.Sprintf(copyLostUntil, s.Org.Name, s.Plan.Name, v.dayOnly(d.LostAt))
	if !d.KeepUntil.IsZero() {
		words = fmt.Sprintf(copyKeepUntil, planName(v.Catalog, d.Plan), v.dayOnly(d.KeepUntil))
	}
	if a := d.Payment; a != nil && a.NeedsBank {
		p.Tone, p.Title = ToneWarn, fmt.Sprintf(copyBankTitle, v.money(a.Amount.Amount, a.Amount.Currency))
		words = fmt.Sprintf(copyBankWaits, v.dayOnly(d.Failed)) + " " + words
		p.Actions = v.actions(Action{Label: copyConfirmBank, Href: a.URL, Primary: true})
	} else if a != nil {
		p.Title = fmt.Sprintf(copyPaidTitle, v.money(a.Amount.Amount, a.Amount.Currency), v.dayOnly(d.Failed))
		if !a.NextTry.IsZero() {
			words += " " + fmt.Sprintf(copyTryAgain, v.dayOnly(a.NextTry))
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
func endedBanner(v *BillingValues, d *billing.Dunning) *Panel {
	p := &Panel{Tone: ToneBad, Title: copyEndedUnpaid}
	if a := d.Payment; a != nil {
		p.Title = fmt.Sprintf(copyEndedTitle, v.money(a.Amount.Amount, a.Amount.Currency))
	}
	p.Text = v.orAsk(fmt.Sprintf(copyEndedText, v.Summary.Org.Name, v.Summary.Plan.Name, v.dayOnly(d.LostAt)))
	p.Actions = v.actions(Action{Label: copySeePlans, Href: "#plans-title"})
	return p
}
