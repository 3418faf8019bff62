package views

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/countersignhq/countersign/billing"
)

// CapacityValues is what the domain says about a number of additional units.
type CapacityValues struct {
	Units  int64         // the number on the stepper
	NotOne bool          // what was typed is no such number
	Offer  billing.Offer // for Units
	Err    error         // why there is no offer
	// More and Less say why one more and one fewer than now cannot be had; nil if
	// they can.
	More, Less error
	// Before is the quote that was pressed, when the price has changed since.
	Before *billing.Quote
}

const capacityURL = "/settings/billing/capacity"

// MostUnits is the highest number that the stepper goes to: above what can be
// bought a request can be sent.
const MostUnits = 9999

// capacityOf makes the block; nil for a plan that is not sold in units.
func capacityOf(v *BillingValues) *Capacity {
	plan, at := v.Summary.Plan, v.Capacity
	if plan.Units == nil || at == nil {
		return nil
	}
	c := &Capacity{
		Included: v.number(plan.Units.Included), Additional: v.number(plan.Additional), Total: v.unitsWords(plan.TotalUnits()),
		Each: fmt.Sprintf("An additional unit costs %s.", v.price(plan.Units.Price.Amount, v.Catalog.Currency, plan.Units.Price.Interval)),
	}
	for _, r := range v.Catalog.Resources {
		if n, ok := plan.Units.PerUnit[r.ID]; ok {
			c.PerUnit = append(c.PerUnit, v.limitOf(r, billing.Limit{Value: n}))
		}
	}
	if v.Summary.DesignPartner { // nothing is sold
		c.Each = ""
	}
	if c.Why = capacityShut(v); c.Why != "" {
		if errors.Is(at.More, billing.ErrTrialConversion) {
			c.Actions = v.actions(Action{Label: copyConvert, Href: "#plans-title"})
		}
		return c
	}
	c.Stepper = &Stepper{
		URL: capacityURL, Value: strconv.FormatInt(at.Units, 10), Less: strconv.FormatInt(max(at.Units-1, 0), 10),
		More: strconv.FormatInt(min(at.Units+1, MostUnits), 10),
	}
	c.Change = NewCapacityChange(*v)
	return c
}

// capacityShut says why the number cannot go up or down; empty if it can.
func capacityShut(v *BillingValues) string {
	at := v.Capacity
	switch {
	case v.Summary.DesignPartner:
		return fmt.Sprintf("%s is provided free of charge with these units.", v.Summary.Plan.Name)
	case !v.CanManage:
		return askOwner(v.Owners)
	case !v.Summary.StripeReady:
		return copyNoStripe
	case at.More == nil, at.Less == nil, errors.Is(at.More, billing.ErrTargetRange):
		return ""
	}
	return v.capacityRefusal(at.More)
}

// capacityRefusal says what stands in the way of another number of units.
func (v *BillingValues) capacityRefusal(err error) string {
	sub := v.Summary.Subscription
	switch {
	case errors.Is(err, billing.ErrChangeInProgress):
		return copyReviewShut
	case errors.Is(err, billing.ErrTrialConversion):
		return copyUnitsTrial
	case errors.Is(err, billing.ErrReductionPending):
		return fmt.Sprintf("A reduction is scheduled for %s. Undo it before you add units.", v.day(sub.Units.ReduceAt).Text)
	case errors.Is(err, billing.ErrEndsAnyway):
		return fmt.Sprintf("The subscription ends on %s. Keep the plan before you change its units.", v.day(sub.PeriodEnd).Text)
	case errors.Is(err, billing.ErrForeignSchedule):
		return copyUnitsForeign
	case errors.Is(err, billing.ErrPastDue):
		return copyUnitsPastDue
	case errors.Is(err, billing.ErrPaymentPending):
		return copyUnitsPending
	}
	if e, ok := errors.AsType[*billing.Error](err); ok {
		return e.Message
	}
	return ""
}

// NewCapacityChange says what the number on the stepper means; of the values it needs the
// catalogue, summary, capacity, token and nonce.
func NewCapacityChange(values BillingValues) CapacityChange {
	v := &values
	at, most := v.Capacity, int64(0)
	if u := v.Summary.Plan.Units; u != nil {
		most = u.MaxAdditional
	}
	switch {
	case at.NotOne:
		return CapacityChange{Note: fmt.Sprintf("Enter a whole number from 0 to %s.", v.number(most))}
	case errors.Is(at.Err, billing.ErrTargetRange) && at.Units > most:
		return askForUnits(v, most)
	case at.Err != nil:
		return CapacityChange{Note: v.capacityRefusal(at.Err)}
	case at.Offer.Kind == billing.OfferCurrent && at.More != nil && !errors.Is(at.More, billing.ErrTargetRange):
		return CapacityChange{Note: v.capacityRefusal(at.More)}
	case at.Offer.Kind == billing.OfferCurrent:
		return CapacityChange{Note: copyUnitsNow}
	}
	sub := v.Summary.Subscription
	if at.Offer.Kind == billing.OfferReduce && sub.Units.Reducing() && sub.Units.ReduceTo == at.Units {
		return CapacityChange{Note: copyUnitsReducing}
	}
	q := at.Offer.Quote
	from, to := v.Summary.Plan.With(q.FromUnits), v.Summary.Plan.With(q.ToUnits)
	c := CapacityChange{
		Title:  v.number(from.TotalUnits()) + " → " + v.unitsWords(to.TotalUnits()),
		Then:   Dated{Before: "Then " + v.price(q.Recurring, q.Currency, q.Interval) + ", next on", At: v.day(q.NextChargeAt), After: "."},
		Button: &Action{Label: v.capacityLabel(q), Primary: at.Offer.Kind == billing.OfferIncrease, Form: capacityForm(v)},
	}
	if at.Offer.Kind == billing.OfferIncrease {
		c.Lines = v.quoteLinesOf(q)
	} else {
		c.Note = fmt.Sprintf("Nothing is charged and nothing is refunded: you keep %s until %s, and can undo this until then.", v.unitsWords(from.TotalUnits()), v.day(q.EffectiveAt).Text)
		c.Over = v.overThen(v.Summary.Usage, billing.Request{Overrides: v.Summary.Overrides, Now: v.Summary.Now}, to)
	}
	if at.Before != nil {
		c.Problem, c.Changed = priceMoved(), v.changedOf("Charge today", *at.Before, q)
	}
	return c
}

// NewCapacityChanged is a problem with the price of units, with the way to the
// new one: that is further down.
func NewCapacityChanged(err error) *Panel {
	p := NewProblem(err, "")
	p.Actions = append(p.Actions, Action{Label: copyNewPrice, Href: "#capacity-title"})
	return p
}

func capacityForm(v *BillingValues) *Form {
	units := strconv.FormatInt(v.Capacity.Units, 10)
	return v.form(capacityURL, "capacity."+units, Field{"units", units}, Field{"quote", v.Capacity.Offer.Sealed})
}

// capacityLabel carries the amount or the day, so that one press is enough.
func (in Locale) capacityLabel(q billing.Quote) string {
	if q.Change.Action == billing.ActionReduce {
		return fmt.Sprintf("Remove %s on %s", in.unitsWords(q.FromUnits-q.ToUnits), in.dayAndMonth(q.EffectiveAt))
	}
	label := "Add " + in.unitsWords(q.ToUnits-q.FromUnits) + ", "
	if q.DueNow > 0 {
		return label + "pay " + in.money(q.DueNow, q.Currency) + " now"
	}
	return label + "no charge now"
}

// askForUnits is for a number that cannot be bought: an operator can do more.
func askForUnits(v *BillingValues, most int64) CapacityChange {
	return CapacityChange{
		Note: fmt.Sprintf("At most %s additional units can be bought. Send a request for %s; nothing is charged for it.", v.number(most), v.number(v.Capacity.Units)),
		Button: &Action{Label: copySendAsk, Form: v.form("/settings/billing/limit", "",
			Field{"kind", "other"}, Field{"desired", strconv.FormatInt(v.Capacity.Units, 10)}, Field{"reason", "Additional capacity units"})},
	}
}

// unitsWords is "1 unit" or "5 units".
func (in Locale) unitsWords(n int64) string { return in.number(n) + " " + plural(n, "unit") }

func plural(n int64, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}

// unitsOf is how many units the plan of the id has with so many additional ones.
func (in Locale) unitsOf(c *billing.Catalog, plan string, additional int64) string {
	p, _ := c.Plan(plan)
	return in.unitsWords(p.With(additional).TotalUnits())
}
