package views

import (
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/countersignhq/countersign/billing"
)

func TestCapacityBlock(t *testing.T) {
	c := NewBilling(onSolo()).Capacity
	if c.Included != "3" || c.Additional != "2" || c.Total != "5 units" || c.Each != "An additional unit costs $1.00 a month." || len(c.PerUnit) != 6 {
		t.Errorf("%+v", c)
	}
	if s := c.Stepper; s.Value != "2" || s.Less != "1" || s.More != "3" || c.Change.Button != nil || c.Change.Note != copyUnitsNow {
		t.Errorf("%+v, %+v", c.Stepper, c.Change)
	}
	v := onPro(t)
	v.Capacity = &CapacityValues{}
	if c := NewBilling(v).Capacity; c != nil {
		t.Errorf("a plan without units has %+v", c)
	}
	v = onSolo()
	v.Finalizing = "/x"
	if c := NewBilling(v).Capacity; c != nil {
		t.Errorf("while a payment is being finalized there is %+v", c)
	}
}

// TestStepperEnds: it goes from nothing to more than can be bought.
func TestStepperEnds(t *testing.T) {
	for units, want := range map[int64][2]string{0: {"0", "1"}, 1: {"0", "2"}, 99: {"98", "100"}, MostUnits: {"9998", "9999"}} {
		if s := NewBilling(onSolo().choose(units)).Capacity.Stepper; s.Less != want[0] || s.More != want[1] {
			t.Errorf("%d: %+v", units, s)
		}
	}
}

// TestWhatANumberMeans: the button carries the amount or the day, its form the
// number and the quote, and no two numbers are one press.
func TestWhatANumberMeans(t *testing.T) {
	free := onSolo().choose(3)
	free.Capacity.Offer.Quote.DueNow = 0
	reduced := reducing().choose(0)
	wrong := onSolo()
	wrong.Capacity.NotOne = true
	none := onSolo().choose(1)
	none.Capacity.Offer, none.Capacity.Err = billing.Offer{}, billing.ErrPastDue
	for name, row := range map[string]struct {
		v                   BillingValues
		title, label, note  string
		url, units, primary string
	}{
		"one more":     {onSolo().choose(3), "5 → 6 units", "Add 1 unit, pay $0.97 now", "", capacityURL, "3", "yes"},
		"two more":     {onSolo().choose(4), "5 → 7 units", "Add 2 units, pay $1.94 now", "", capacityURL, "4", "yes"},
		"for credit":   {free, "5 → 6 units", "Add 1 unit, no charge now", "", capacityURL, "3", "yes"},
		"one fewer":    {onSolo().choose(1), "5 → 4 units", "Remove 1 unit on 23 December", "nothing is refunded: you keep 5 units until 23 December 2026", capacityURL, "1", ""},
		"none":         {onSolo().choose(0), "5 → 3 units", "Remove 2 units on 23 December", "can undo this until then", capacityURL, "0", ""},
		"scheduled":    {reduced, "", "", "scheduled already", "", "", ""},
		"too many":     {onSolo().choose(100), "", "Send a request", "At most 99 additional units can be bought. Send a request for 100", "/settings/billing/limit", "", ""},
		"no number":    {wrong, "", "", "Enter a whole number from 0 to 99.", "", "", ""},
		"not possible": {none, "", "", copyUnitsPastDue, "", "", ""},
	} {
		c := NewCapacityChange(row.v)
		if c.Title != row.title || !strings.Contains(c.Note, row.note) || (c.Button == nil) != (row.label == "") {
			t.Errorf("%s: %+v", name, c)
			continue
		}
		if c.Button == nil {
			continue
		}
		fields := map[string]string{}
		for _, f := range c.Button.Form.Fields {
			fields[f.Name] = f.Value
		}
		if c.Button.Label != row.label || c.Button.Form.URL != row.url || c.Button.Primary != (row.primary != "") || fields["units"] != row.units {
			t.Errorf("%s: %+v, %v", name, c.Button, fields)
		}
		if row.url == capacityURL && (fields["nonce"] != "n1.capacity."+row.units || fields["quote"] != "sealed" || fields["form_token"] != "ft") {
			t.Errorf("%s: %v", name, fields)
		}
	}
	if c := NewCapacityChange(onSolo().choose(0)); len(c.Over) != 1 || !strings.HasPrefix(c.Over[0], "Retained bundles: 1,200 in use, 900 allowed, over by 300") {
		t.Errorf("over %q", c.Over)
	}
	if c := NewCapacityChange(changedUnits()); c.Changed == nil || c.Changed.Old != "$1.80" || c.Changed.New != "$1.94" || c.Problem == nil {
		t.Errorf("changed %+v", c.Changed)
	}
}

// TestWhyNoUnits: a sentence for each state, and nothing to press there but the
// way out of it.
func TestWhyNoUnits(t *testing.T) {
	noStripe := onSolo().refused(billing.ErrStripeNotSet)
	noStripe.Summary.StripeReady = false
	for name, row := range map[string]struct {
		v    BillingValues
		want string
	}{
		"member":    {memberWithUnits(), "Ask an owner: Ada Lovelace."},
		"no stripe": {noStripe, copyNoStripe},
		"given":     {givenWithUnits(), "Solo is provided free of charge with these units."},
		"ending":    {endingWithUnits(), "The subscription ends on 23 December 2026. Keep the plan before you change its units."},
		"foreign":   {onSolo().refused(billing.ErrForeignSchedule), copyUnitsForeign},
		"pending":   {onSolo().refused(billing.ErrPaymentPending), copyUnitsPending},
		"past due":  {onSolo().refused(billing.ErrPastDue), copyUnitsPastDue},
		"trial":     {onTrialOf("solo", 25), copyUnitsTrial},
		"rejected":  {onSolo().refused(billing.ErrRejected.Say("Ask the operator.")), "Ask the operator."},
	} {
		c := NewBilling(row.v).Capacity
		if c == nil || c.Why != row.want || c.Stepper != nil || c.Change.Button != nil || (len(c.Actions) > 0) != (name == "trial") {
			t.Errorf("%s: %+v", name, c)
		}
	}
	for note, v := range map[string]BillingValues{ // fewer can be had
		copyUnitsPastDue: pastDueWithUnits(), "A reduction is scheduled for 23 December 2026. Undo it before you add units.": reducing(),
	} {
		if c := NewBilling(v).Capacity; c.Why != "" || c.Stepper == nil || c.Change.Note != note {
			t.Errorf("%+v", c)
		}
	}
	if c := NewBilling(givenWithUnits()).Capacity; c.Each != "" {
		t.Errorf("what is given costs %q", c.Each)
	}
	most := onSolo()
	most.Capacity.More = billing.ErrTargetRange
	most.Capacity.Less = billing.ErrTargetRange
	if c := NewBilling(most).Capacity; c.Stepper == nil {
		t.Error("at the maximum no request can be sent")
	}
}

func TestScheduledReduction(t *testing.T) {
	v := reducing()
	p := NewBilling(v)
	c := p.Changes[0]
	if c.Title != "5 → 3 units" || c.When.At.Text != "23 December 2026" || c.By != "Requested by agent deploy-bot, approved by Ada Lovelace" || c.Undo.URL != capacityURL+"/keep" {
		t.Errorf("%+v", c)
	}
	if p.Banner == nil || p.Banner.Title != "Acme goes down to 3 units on 23 December 2026" {
		t.Errorf("banner %+v", p.Banner)
	}
	if !strings.HasPrefix(p.PlansNote, "A reduction of the units is scheduled.") {
		t.Errorf("note %q", p.PlansNote)
	}
	for _, o := range p.Plans {
		if o.Chip.Text != "" {
			t.Errorf("%s has the chip %q", o.Name, o.Chip.Text)
		}
	}
	v.CanManage = false
	if c := NewBilling(v).Changes[0]; c.Undo != nil {
		t.Error("a member can undo it")
	}
}

// TestAllowances: what a limit is made of, and the window that it is for.
func TestAllowances(t *testing.T) {
	v := onSolo()
	rows := map[string]UsageRow{}
	for _, r := range NewBilling(v).Usage {
		rows[r.Label] = r
	}
	if r := rows["Bundle requests"]; r.Limit != "2,500" || r.PerUnit != "500 × 5 units" || r.Since.Text != "1 Nov" || r.Resets.Text != "1 Dec" || r.Since.ISO != "2026-11-01T00:00:00Z" {
		t.Errorf("%+v", r)
	}
	if r := rows["Retained bundles"]; r.PerUnit != "300 × 5 units" || !r.Since.IsZero() || r.Actions[0].Label != copyAddUnits || r.Actions[0].Href != "#capacity-title" {
		t.Errorf("%+v", r)
	}
	if r := rows["Active projects"]; r.Level != UsageUnlimited || r.Limit != "" || r.PerUnit != "" {
		t.Errorf("%+v", r)
	}
	words := page(t, v)
	says(t, words, []string{"Counted 1 Nov – 1 Dec , then from zero again.", "812 of 2,500 500 × 5 units", "$4.99 a month", "3 units, more at $1.00 a month each"}, nil)
	v.Summary.Usage[0].Cap = billing.Limit{Value: 4000} // an operator's word
	v.Capacity.More = billing.ErrPastDue
	for _, r := range NewBilling(v).Usage {
		if r.Label == "Bundle requests" && r.PerUnit != "" || len(r.Actions) > 0 && r.Actions[0].Label == copyAddUnits {
			t.Errorf("%+v", r)
		}
	}
}

func TestWindowOfABillingPeriod(t *testing.T) {
	v := onSolo()
	u := billing.Usage{Resource: billing.Resource{Kind: billing.Counter}, ResetsAt: periodEnd}
	if since, until := (Locale{}).windowOf(&v.Summary, &u); since.Text != "23 Nov" || until.Text != "23 Dec" {
		t.Errorf("%s – %s", since.Text, until.Text)
	}
	u.ResetsAt = periodEnd.AddDate(0, 3, 0)
	if since, _ := (Locale{}).windowOf(&v.Summary, &u); since.Text != "23 Feb" {
		t.Errorf("since %s", since.Text)
	}
}

// TestStepperWithoutScript: Enter asks for the number that was typed, so no
// button comes before it in its form, and the buttons beside it ask for theirs.
func TestStepperWithoutScript(t *testing.T) {
	d := render(t, Billing(NewBilling(onSolo())))
	field := d.id("units")
	form := field
	for form.Data != "form" {
		form = form.Parent
	}
	if attr(form, "method") != "get" || attr(form, "action") != "/settings/billing/capacity#capacity" || attr(field, "name") != "units" || attr(field, "type") != "number" {
		t.Errorf("form %v, field %v", form.Attr, field.Attr)
	}
	for _, b := range d.all(func(n *html.Node) bool { return n.Data == "button" && attr(n, "data-step") != "" }) {
		if attr(b, "form") != "units-by-one" || attr(b, "name") != "units" || attr(b, "value") != map[string]string{"-1": "1", "1": "3"}[attr(b, "data-step")] {
			t.Errorf("button %v", b.Attr)
		}
	}
	steps := d.id("units-by-one")
	if steps == nil || attr(steps, "action") != attr(form, "action") || steps.FirstChild != nil {
		t.Error("the buttons have no form of their own")
	}
	// A swap leaves the field alone, and what arrives is announced.
	offer := d.id("capacity-offer")
	if attr(field, "hx-target") != "#capacity-offer" || attr(offer.Parent, "role") != "status" {
		t.Errorf("target %q in %v", attr(field, "hx-target"), offer.Parent.Attr)
	}
}
