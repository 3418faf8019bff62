package views

import (
	"fmt"

	"github.com/countersignhq/countersign/billing"
)

// NewReview makes the review of one plan's offer; of the values it needs the frame, catalogue,
// summary, token and nonce. before is the quote that was pressed when the price
// has changed since, else nil.
func NewReview(values BillingValues, o billing.Offer, before *billing.Quote) Review {
	v := &values
	r := Review{Frame: v.Frame, Back: "/settings/billing"}
	q := o.Quote
	switch o.Kind {
	case billing.OfferSwitch:
		r = reviewSwitch(v, o, r)
	case billing.OfferDowngrade:
		r = reviewDowngrade(v, o, r)
	case billing.OfferResume:
		r.Title, r.Lead = "Keep "+o.Plan.Name, "The scheduled change is taken back. Nothing is charged now."
		r.Facts = append(r.Facts, Fact{Term: "Next charge", Text: v.money(q.Recurring, q.Currency) + " on", At: v.day(q.NextChargeAt)})
	case billing.OfferCheckout:
		r.Title, r.Lead = "Subscribe to "+o.Plan.Name, "You enter a card at Stripe's checkout. Nothing is charged before."
		r.Facts = append(r.Facts, Fact{Term: "Price", Text: v.price(o.Plan.Price.Amount, v.Catalog.Currency, o.Plan.Price.Interval)})
	default:
		r.Title, r.Lead = o.Plan.Name, "There is nothing to change here now."
	}
	r.Frame.Title = r.Title
	if o.Kind != billing.OfferNone && o.Kind != billing.OfferCurrent {
		r.Button = &Action{Label: v.labelOf(&o), Primary: o.Kind != billing.OfferDowngrade, Form: offerForm(v, &o)}
	}
	if before != nil {
		r.Problem = priceMoved()
		r.Changed = v.changedOf("Charge today", *before, q)
	}
	return r
}

// Apart is the review as a page of its own: the press leads away from it, to
// Settings → Billing.
func (r Review) Apart() Review {
	if r.Button != nil {
		r.Button.Form.Away = true
	}
	return r
}

func priceMoved() *Panel {
	return &Panel{Tone: ToneWarn, Title: "The price has changed since you saw it", Text: "Nothing was charged. Look at the new price and decide again.", Focus: true}
}

// changedOf compares the first figure that differs.
func (in Locale) changedOf(what string, before, now billing.Quote) *Changed {
	switch {
	case before.DueNow != now.DueNow:
		return &Changed{What: what, Old: in.money(before.DueNow, before.Currency), New: in.money(now.DueNow, now.Currency)}
	case before.Credit != now.Credit:
		return &Changed{What: "Credit", Old: in.money(before.Credit, before.Currency), New: in.money(now.Credit, now.Currency)}
	case before.Recurring != now.Recurring:
		return &Changed{What: "Then", Old: in.price(before.Recurring, before.Currency, before.Interval), New: in.price(now.Recurring, now.Currency, now.Interval)}
	}
	return nil
}

func reviewSwitch(v *BillingValues, o billing.Offer, r Review) Review {
	q := o.Quote
	from, _ := v.Catalog.Plan(q.FromPlan)
	from = from.With(q.FromUnits)
	r.Title = "Upgrade to " + o.Plan.Name
	if !o.Plan.Above(from) {
		r.Title = "Switch to " + o.Plan.Name
	}
	r.Lead = fmt.Sprintf("From %s to %s, at once.", v.price(from.Recurring(), q.Currency, from.Price.Interval), v.price(q.Recurring, q.Currency, q.Interval))
	r.Lines = v.quoteLinesOf(q)
	r.TotalLabel, r.Total = "Charge today", v.money(q.DueNow, q.Currency)
	if q.Credit > 0 {
		r.TotalLabel, r.Total = "Credit for the next charges", v.money(q.Credit, q.Currency)
	}
	if card := cardWords(v.Summary.Subscription.Card); card != "" {
		r.Facts = append(r.Facts, Fact{Term: "Card", Text: card})
	}
	if !q.NextChargeAt.IsZero() {
		r.Facts = append(r.Facts, Fact{Term: "Then", Text: v.price(q.Recurring, q.Currency, q.Interval) + ", next on", At: v.day(q.NextChargeAt)})
	}
	to := o.Plan.With(q.ToUnits)
	if from.Units != nil || to.Units != nil {
		r.Facts = append(r.Facts, Fact{Term: copyCapacity, Text: v.number(from.TotalUnits()) + " → " + v.unitsWords(to.TotalUnits())})
	}
	if q.LiftsDowngrade {
		r.Facts = append(r.Facts, Fact{Term: copyDowngradeTerm, Text: copyDowngradeLifted})
	}
	if !o.Plan.Above(from) {
		r.Lost, r.Over = v.lossOf(v.Catalog, v.Summary, from, to), v.overThen(v.Summary.Usage, v.Summary, to)
	}
	return r
}

// quoteLinesOf are the lines of a quote with what is not on Stripe's: tax, and
// credit from before.
func (in Locale) quoteLinesOf(q billing.Quote) []QuoteLine {
	lines := in.linesOf(q.Lines, q.Currency)
	if q.Tax > 0 {
		lines = append(lines, QuoteLine{Label: "Tax", Amount: in.money(q.Tax, q.Currency)})
	}
	if q.BalanceUsed > 0 {
		lines = append(lines, QuoteLine{Label: "Earlier credit", Amount: in.money(-q.BalanceUsed, q.Currency)})
	}
	return lines
}

func reviewDowngrade(v *BillingValues, o billing.Offer, r Review) Review {
	if v.Summary.DesignPartner {
		return endOfSubscription(v, o, r)
	}
	q := o.Quote
	from, _ := v.Catalog.Plan(q.FromPlan)
	from = from.With(q.FromUnits)
	until := v.day(q.EffectiveAt)
	r.Title = fmt.Sprintf("Downgrade to %s on %s", o.Plan.Name, until.Text)
	r.Lead = "Nothing is charged, and nothing is refunded."
	r.Lost, r.Over = v.lossOf(v.Catalog, v.Summary, from, o.Plan), v.overThen(v.Summary.Usage, v.Summary, o.Plan)
	r.Facts = append(r.Facts, Fact{Term: "You keep " + from.Name + " until", At: until})
	if q.LiftsReduction {
		r.Facts = append(r.Facts, Fact{Term: copyReductionTerm, Text: copyReductionGone})
	}
	r.Reassure = fmt.Sprintf("Nothing is deleted. You can undo this until %s.", until.Text)
	return r
}

// caps tells what an org may have on a plan, with its own limits.
type caps interface {
	CapOn(plan billing.Plan, resource string) billing.Limit
}

// lossOf lists the caps that a plan lowers: "10 agents become 3".
func (in Locale) lossOf(c *billing.Catalog, org caps, from, to billing.Plan) []string {
	var out []string
	for _, r := range c.Resources {
		before, then := org.CapOn(from, r.ID), org.CapOn(to, r.ID)
		if then.Unlimited || !before.Unlimited && before.Value <= then.Value {
			continue
		}
		verb := " become "
		if !before.Unlimited && before.Value == 1 {
			verb = " becomes "
		}
		out = append(out, in.limitOf(r, before)+verb+in.number(then.Value))
	}
	return out
}

// overThen lists what is over the caps of a plan, by today's usage. A counter
// starts again from nothing, so only gauges can be.
func (in Locale) overThen(usage []billing.Usage, org caps, to billing.Plan) []string {
	var out []string
	for _, u := range usage {
		u.Cap = org.CapOn(to, u.Resource.ID)
		if u.Resource.Kind != billing.Gauge || u.Over() == 0 {
			continue
		}
		out = append(out, fmt.Sprintf("%s: %s in use, %s allowed, over by %s",
			capital(u.Resource.Plural), in.number(u.Active), in.number(u.Cap.Value), in.number(u.Over())))
	}
	return out
}
