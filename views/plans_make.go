package views

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func plansOf(v *BillingValues) []PlanOption {
	if v.Summary.DesignPartner {
		return nil
	}
	out, words := make([]PlanOption, len(v.Offers)), v.catalogWords(v.Catalog)
	for i := range out {
		out[i] = planOptionOf(v, &v.Offers[i], words)
	}
	return out
}

func planOptionOf(v *BillingValues, o *billing.Offer, words *catalogWords) PlanOption {
	plan, ok := words.plan(&o.Plan)
	if !ok {
		plan = v.planWords(v.Catalog, &o.Plan)
	}
	p := PlanOption{
		ID: o.Plan.ID, Name: o.Plan.Name, Price: plan.price, Per: plan.per, Points: plan.points,
		Current: o.Plan.ID == v.Summary.Plan.ID,
	}
	p.Button, p.Trial = offerButton(v, o), trialButton(v, o)
	if p.Current && o.Kind == billing.OfferDowngrade { // a paid plan that has lapsed: it can be ended below
		p.Button = nil
	}
	for _, c := range v.Summary.Scheduled {
		if c.Plan == o.Plan.ID && c.Kind != billing.ScheduledReduction {
			p.Chip = Chip{"From " + v.dayOnly(c.EffectiveAt), ToneWarn}
		}
	}
	if p.Trial != nil {
		p.Note = copyTrialNote
	}
	if o.Kind == billing.OfferSwitch {
		p.Review, p.Note = reviewURL(o.Plan.ID), v.switchNote(&o.Quote)
	}
	return p
}

func (in Locale) switchNote(q *billing.Quote) string {
	var words []string
	if q.ToUnits > 0 {
		words = append(words, fmt.Sprintf("With %s additional %s, then %s", in.number(q.ToUnits), plural(q.ToUnits, "unit"), in.price(q.Recurring, q.Currency, q.Interval)))
	}
	if q.Tax > 0 {
		words = append(words, "Tax included")
	}
	return strings.Join(words, ". ")
}

func reviewURL(plan string) string { return "/settings/billing/review?plan=" + url.QueryEscape(plan) }

// offerButton puts into words and a form what the domain offers. A downgrade is
// reviewed first: what ends with it has no room on a button.
func offerButton(v *BillingValues, o *billing.Offer) *Action {
	switch o.Kind {
	case billing.OfferSwitch, billing.OfferResume:
		return &Action{Label: v.labelOf(o), Primary: o.Quote.DueNow > 0, Form: offerForm(v, o)}
	case billing.OfferDowngrade:
		return &Action{Label: v.labelOf(o), Href: reviewURL(o.Plan.ID), Into: "review"}
	case billing.OfferCheckout:
		return &Action{Label: v.labelOf(o), Primary: true, Form: offerForm(v, o)}
	}
	return nil
}

// offerForm is the POST that takes the offer, at the quote that was shown.
func offerForm(v *BillingValues, o *billing.Offer) *Form {
	plan, quote := Field{"plan", o.Plan.ID}, Field{"quote", o.Sealed}
	switch o.Kind {
	case billing.OfferResume:
		return v.form("/settings/billing/resume", "resume", quote)
	case billing.OfferDowngrade:
		return v.form("/settings/billing/downgrade", "downgrade", quote)
	case billing.OfferCheckout:
		f := v.form("/settings/billing/checkout", "", plan)
		f.Away = true
		return f
	}
	return v.form("/settings/billing/change", o.Plan.ID, plan, quote)
}

// offerLabel carries the amount, so that one press is enough.
func (in Locale) offerLabel(c *billing.Catalog, o *billing.Offer) string {
	q := &o.Quote
	switch o.Kind {
	case billing.OfferCheckout:
		return "Subscribe, " + in.price(o.Plan.Price.Amount, c.Currency, o.Plan.Price.Interval)
	case billing.OfferDowngrade:
		return "Downgrade on " + in.dayAndMonth(q.EffectiveAt)
	case billing.OfferResume:
		return "Keep " + o.Plan.Name + ", no charge now"
	}
	from, _ := c.Plan(q.FromPlan)
	verb := "Upgrade, "
	if !o.Plan.Above(from) {
		verb = "Switch to " + o.Plan.Name + ", "
	}
	switch {
	case q.DueNow > 0:
		return verb + "pay " + in.money(q.DueNow, q.Currency) + " now"
	case q.Credit > 0:
		return verb + in.money(q.Credit, q.Currency) + " credit"
	}
	return verb + "no charge now"
}

// plansNoteOf says why there is nothing to press.
func plansNoteOf(v *BillingValues) string {
	s := &v.Summary
	switch {
	case s.DesignPartner:
		return ""
	case !s.StripeReady:
		return copyNoStripe
	case !v.CanManage:
		return askOwner(v.Owners)
	case s.InReview:
		return copyReviewShut
	case s.Subscription.Status == billing.StatusPastDue, s.Subscription.Status == billing.StatusUnpaid:
		return "Pay the open invoice first, then change the plan."
	case s.Subscription.Action != nil && s.Subscription.Action.Plan != "":
		return "An earlier change still waits for its payment."
	case s.Subscription.Units.Reducing() && !s.Subscription.CancelAtPeriodEnd:
		return "A reduction of the units is scheduled. Undo it first, then change the plan."
	case s.Subscription.Units.Foreign:
		return "A change of this subscription is scheduled in Stripe's dashboard. The operator has to release it first."
	}
	return trialKeeps(v)
}

func usageOf(v *BillingValues) []UsageRow {
	all, words := nearestFirst(v.Summary.Usage), v.catalogWords(v.Catalog)
	out := make([]UsageRow, len(all))
	for i, u := range all {
		row := &out[i]
		resource := words.resource(u.Resource)
		row.Label, row.Used = resource.label, v.number(u.Active)
		if !u.Cap.Unlimited {
			row.Limit, row.PerUnit = v.number(u.Cap.Value), v.perUnit(&v.Summary.Plan, u)
		}
		row.Level, row.Percent = levelOf(u)
		row.Note = v.usageNote(u, row)
		if row.Level != UsageUnknown {
			row.Since, row.Resets = v.windowOf(&v.Summary, u)
		}
		askRow(v, u, resource.askID, row)
		plotRow(v, u, resource.plotURL, row)
	}
	return out
}

// nearestFirst puts what asks for attention before the rest, which keeps the
// catalogue's order.
func nearestFirst(all []billing.Usage) []*billing.Usage {
	out := make([]*billing.Usage, len(all))
	for i := range all {
		out[i] = &all[i]
	}
	slices.SortStableFunc(out, func(a, b *billing.Usage) int { return cmp.Compare(attention(b), attention(a)) })
	return out
}

// attention is how much of it something asks for: over the limit, at it, near it
// by so many percent, or none.
func attention(u *billing.Usage) int {
	switch level, percent := levelOf(u); level {
	case UsageOver:
		return 102
	case UsageFull:
		return 101
	case UsageHigh:
		return percent
	}
	return 0
}

// windowOf is the span that a counter counts in.
func (in Locale) windowOf(s *billing.Summary, u *billing.Usage) (since, until Time) {
	if u.ResetsAt.IsZero() {
		return Time{}, Time{}
	}
	start, end := s.UsageWindow()
	switch {
	case end.Equal(u.ResetsAt):
	case u.ResetsAt.Equal(s.Subscription.PeriodEnd):
		start = s.Subscription.PeriodStart
	default:
		start = u.ResetsAt.AddDate(0, -1, 0)
	}
	return in.span(start, u.ResetsAt)
}

// perUnit says how a limit comes about, unless somebody was given another one.
func (in Locale) perUnit(p *billing.Plan, u *billing.Usage) string {
	if p.Units == nil || p.Cap(u.Resource.ID) != u.Cap {
		return ""
	}
	n, ok := p.Units.PerUnit[u.Resource.ID]
	if !ok {
		return ""
	}
	return in.number(n) + " × " + in.unitsWords(p.TotalUnits())
}

// levelOf says how near the usage is to its cap, and in per cent, at most 100.
func levelOf(u *billing.Usage) (UsageLevel, int) {
	switch {
	case u.Reported.IsZero():
		return UsageUnknown, 0
	case u.Cap.Unlimited:
		return UsageUnlimited, 0
	case u.Over() > 0:
		return UsageOver, 100
	case u.Active == u.Cap.Value:
		return UsageFull, 100
	}
	percent := int(float64(u.Active) / float64(u.Cap.Value) * 100)
	if percent >= 80 {
		return UsageHigh, percent
	}
	return UsageOK, percent
}

func (in Locale) usageNote(u *billing.Usage, row *UsageRow) string {
	switch row.Level {
	case UsageHigh:
		return in.number(int64(row.Percent)) + "% used, " + in.number(u.Cap.Value-u.Active) + " left."
	case UsageFull:
		return "At the limit. " + keepsWorking(u.Resource)
	case UsageOver:
		return "Over by " + in.number(u.Over()) + ". " + keepsWorking(u.Resource)
	}
	return ""
}

func keepsWorking(r billing.Resource) string {
	if r.Kind == billing.Counter {
		return "More are refused until the reset."
	}
	return "Existing ones keep working, new ones are refused."
}

func nextOf(v *BillingValues) *NextCharge {
	s := &v.Summary
	sub := &s.Subscription
	if s.DesignPartner && !paysBeside(s) || sub.CustomerID == "" && sub.Status == billing.StatusNone || onTrial(s) {
		return nil
	}
	n := &NextCharge{Title: "Next charge"}
	if s.Stale {
		n.AsOf = v.moment(sub.SyncedAt)
	}
	switch {
	case sub.Status.Live() && sub.CancelAtPeriodEnd && sub.Next == nil:
		n.Title, n.None = "Final charge", fmt.Sprintf("There is nothing left to pay. %s ends on %s.", v.paidPlanName(), v.day(sub.PeriodEnd).Text)
		if s.DesignPartner {
			n.None = "There is nothing left to pay."
		}
	case sub.Next == nil:
		n.None = "Nothing will be charged."
	default:
		n.When, n.Total = v.day(sub.Next.Date), v.money(sub.Next.Amount.Amount, sub.Next.Amount.Currency)
		n.Lines = v.linesOf(sub.Next.Lines, sub.Next.Amount.Currency)
		switch {
		case sub.CancelAtPeriodEnd:
			n.Title = "Final charge"
		case sub.Status == billing.StatusTrialing:
			n.Title = "First charge after the trial"
		}
	}
	return n
}

func (in Locale) linesOf(lines []billing.Line, currency string) []QuoteLine {
	var out []QuoteLine
	for _, l := range lines {
		out = append(out, QuoteLine{Label: l.Description, Amount: in.money(l.Amount, currency)})
	}
	return out
}

func cardOf(v *BillingValues) CardPanel {
	s := &v.Summary
	c := CardPanel{}
	switch card := s.Subscription.Card; {
	case card != nil:
		c.Brand, c.Last4, c.Expiry = brand(card.Brand), card.Last4, v.digits(expiry(card))
		c.Warning = v.expiryWarning(*card, s.Now)
	case s.DesignPartner && !paysBeside(s):
		c.None = "No card needed."
		return c
	case s.Subscription.Status.Live():
		c.None = "No card on file. Add one before the next charge."
	default:
		c.None = "No card on file. You enter one at Checkout."
	}
	if s.Subscription.CustomerID == "" && s.Org.CustomerID == "" || !s.StripeReady {
		return c
	}
	if v.CanManage {
		c.Manage = v.portal()
	} else {
		c.ManageNote = askOwner(v.Owners)
	}
	return c
}

// expiry is the last month of a card: "08/2031".
func expiry(c *billing.Card) string {
	month := strconv.Itoa(c.ExpMonth)
	if c.ExpMonth < 10 {
		month = "0" + month
	}
	return month + "/" + strconv.Itoa(c.ExpYear)
}

// expiryWarning speaks up in the month before a card's last one.
func (in Locale) expiryWarning(c billing.Card, now time.Time) string {
	end := time.Date(c.ExpYear, time.Month(c.ExpMonth)+1, 1, 0, 0, 0, 0, in.place())
	switch {
	case !now.Before(end):
		return "This card has expired."
	case !now.Before(end.AddDate(0, -1, 0)):
		return "This card expires this month."
	case !now.Before(end.AddDate(0, -2, 0)):
		return "This card expires next month."
	}
	return ""
}

// cancelOf is the way out of a live subscription; it leads over the review, in
// which what ends is listed, to the downgrade.
func cancelOf(v *BillingValues) *CancelLine {
	for i := range v.Offers {
		o := &v.Offers[i]
		if o.Kind == billing.OfferDowngrade {
			until := v.day(o.Quote.EffectiveAt).Text
			text := v.Summary.Org.Name + " moves to " + o.Plan.Name + " on " + until + ". Until then nothing changes, and you can undo it."
			switch {
			case v.Summary.DesignPartner:
				text = fmt.Sprintf("The subscription to %s ends on %s. %s stays, free of charge.", v.paidPlanName(), until, v.Summary.Plan.Name)
			case o.Plan.ID == v.Summary.Plan.ID:
				text = fmt.Sprintf(copyEndsUnpaid, v.paidPlanName(), until)
			}
			return &CancelLine{Text: text, Href: reviewURL(o.Plan.ID)}
		}
	}
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
