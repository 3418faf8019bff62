package views

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// BillingValues is what Settings → Billing is made of.
type BillingValues struct {
	Locale
	Frame    Frame
	Catalog  *billing.Catalog
	Summary  billing.Summary
	Offers   []billing.Offer    // of all plans, decided by the domain
	Waiting  []billing.Approval // requests that wait for an answer
	Invoices []billing.Invoice
	// MoreInvoices is the URL of the page with all of them; empty if these are all.
	MoreInvoices string
	Limits       []billing.LimitRequest // newest first
	Capacity     *CapacityValues        // nil where the plan has no units
	Plot         string                 // id of the resource whose plot is open, if one is
	History      []billing.UsageHistory // of the last PlotDays; read for an open plot only
	SpendOpen    bool                   // whether the plot of what was paid is open
	Spend        []billing.Spend        // of the last SpendMonths; read for the open plot only
	Owners       []billing.Membership   // whom to ask, for those who may not
	CanManage    bool
	Token        string // form token of all forms on the page
	// Nonce makes three presses of one button one execution; each form adds the
	// name of what it does.
	Nonce string
	// Finalizing is the URL to look again at, after Checkout and until the truth
	// is known.
	Finalizing string
	Result     *Panel
	Review     *Review
}

// NewBilling makes the page.
func NewBilling(values BillingValues) BillingPage {
	v := &values
	p := BillingPage{
		Frame: v.Frame, Result: v.Result, Review: v.Review,
		Plan: planCardOf(v), Banner: bannerOf(v), Changes: changesOf(v), Requests: requestsOf(v),
		Plans: plansOf(v), PlansNote: plansNoteOf(v), Usage: usageOf(v), Capacity: capacityOf(v), Asked: otherAsks(v), Next: nextOf(v), Card: cardOf(v),
		Invoices: v.invoicesOf(v.Invoices, v.CanManage), MoreInvoices: v.MoreInvoices, Cancel: cancelOf(v),
	}
	if len(p.Plan.Actions) == 0 && slices.ContainsFunc(p.Plans, PlanOption.open) {
		p.Plan.Actions = v.actions(Action{Label: copyChangePlan, Href: "#plans-title"})
	}
	if v.Review != nil { // what somebody compares stays
		p.Frame.Live = nil
	}
	if v.SpendOpen {
		p.Spend = v.newSpendPlot(v.Spend)
	}
	if v.Finalizing != "" {
		p.Plan.Actions, p.Plan.Notes = nil, nil
		if p.Card.None != "" {
			p.Card = CardPanel{None: copyFinalizingCard}
		}
		p.Finalizing = true
		p.Frame.Refresh, p.Frame.RefreshSeconds = v.Finalizing, 3
		p.Plans, p.PlansNote, p.Cancel, p.Banner, p.Next, p.Capacity = nil, "", nil, nil, nil, nil
	}
	return p
}

// form is a POST of this page with what makes it ours and once.
func (v *BillingValues) form(url, once string, fields ...Field) *Form {
	f := &Form{URL: url, Fields: make([]Field, 0, len(fields)+2)}
	f.Fields = append(append(f.Fields, Field{"form_token", v.Token}), fields...)
	if once != "" {
		f.Fields = append(f.Fields, Field{"nonce", v.Nonce + "." + once})
	}
	return f
}

func (v *BillingValues) portal() *Form {
	f := v.form("/settings/billing/portal", "")
	f.Away = true
	return f
}

func planCardOf(v *BillingValues) PlanCard {
	s := &v.Summary
	c := PlanCard{Name: s.Plan.Name, Price: v.money(s.Plan.Recurring(), v.Catalog.Currency), Per: "a month"}
	if s.Plan.Paid() {
		c.Per = per(s.Plan.Price.Interval)
	}
	switch {
	case s.DesignPartner:
		return givenCard(v)
	case onTrial(s):
		return trialCard(v)
	}
	sub := &s.Subscription
	if c.Chip = v.chipOf(*sub); trialOver(s) {
		c.Chip = Chip{}
	}
	switch {
	case trialOver(s):
		c.Dates = []Dated{{Before: fmt.Sprintf("The trial of %s ended on", planName(v.Catalog, sub.Trial.Plan)), At: v.day(sub.Trial.EndsAt)}}
	case sub.Status.Live() && sub.CancelAtPeriodEnd:
		c.Dates = []Dated{{Before: "Ends on", At: v.day(sub.PeriodEnd), After: "and becomes " + v.Catalog.Free().Name}}
	case sub.Status == billing.StatusActive:
		c.Dates = []Dated{{Before: "Renews on", At: v.day(sub.PeriodEnd)}}
	case sub.Status == billing.StatusTrialing:
		c.Dates = []Dated{{Before: "Trial until", At: v.day(sub.PeriodEnd)}}
	case sub.Status == billing.StatusCanceled && !sub.PeriodEnd.IsZero():
		c.Dates = []Dated{{Before: "The subscription ended on", At: v.day(endOf(*sub, s.Now))}}
	case sub.Status == billing.StatusNone:
		c.Notes = []string{"No card needed."}
	}
	if u := s.Plan.Units; u != nil && s.Plan.Paid() && s.Plan.TotalUnits() > u.Included {
		c.Notes = append(c.Notes, fmt.Sprintf("%s: %s included and %s additional.", capital(v.unitsWords(s.Plan.TotalUnits())), v.number(u.Included), v.number(s.Plan.TotalUnits()-u.Included)))
	}
	if sub.Credit > 0 {
		c.Notes = append(c.Notes, v.money(sub.Credit, v.Catalog.Currency)+" of credit goes towards the next charges.")
	}
	return c
}

// endOf is when a subscription that is over ended.
func endOf(sub billing.Subscription, now time.Time) time.Time {
	if !sub.EndedUnpaidAt.IsZero() {
		return sub.EndedUnpaidAt
	}
	return earlier(sub.PeriodEnd, now)
}

func (in Locale) chipOf(sub billing.Subscription) Chip {
	switch sub.Status {
	case billing.StatusPastDue:
		return Chip{"Past due", ToneBad}
	case billing.StatusUnpaid:
		return Chip{"Unpaid", ToneBad}
	case billing.StatusIncomplete:
		return Chip{"Payment not finished", ToneWarn}
	case billing.StatusCanceled, billing.StatusIncompleteExpired:
		return Chip{"Cancelled", ToneNeutral}
	case billing.StatusActive, billing.StatusTrialing:
		if sub.CancelAtPeriodEnd {
			return Chip{"Ends " + in.dayOnly(sub.PeriodEnd), ToneWarn}
		}
		if sub.Status == billing.StatusTrialing {
			return Chip{"Trial", ToneAccent}
		}
		return Chip{"Active", ToneGood}
	}
	return Chip{}
}

// bannerOf picks the most pressing matter, and only that.
func bannerOf(v *BillingValues) *Panel {
	s := &v.Summary
	sub := &s.Subscription
	switch {
	case s.DesignPartner:
		return stillPaysBanner(v)
	case sub.Action != nil && sub.Action.Plan != "":
		return bankBanner(v, *sub.Action)
	case s.Dunning != nil:
		return dunningBanner(v, s.Dunning)
	case s.InReview:
		return &Panel{Tone: ToneWarn, Title: copyReviewWaits, Text: copyReviewWaitText}
	}
	if p := trialBanner(v); p != nil {
		return p
	}
	scheduled := len(s.Scheduled) > 0 && s.Scheduled[0].Kind != billing.ScheduledTrialEnd
	switch {
	case len(v.Waiting) > 0:
		return waitingBanner(v)
	case scheduled && v.Result != nil:
		return nil // the result of the press that scheduled it says the same
	case scheduled:
		return scheduledBanner(v, s.Scheduled[0])
	}
	return capBanner(v)
}

func scheduledBanner(v *BillingValues, c billing.ScheduledChange) *Panel {
	p := &Panel{
		Tone: ToneNeutral, Title: fmt.Sprintf("%s moves to %s on %s", v.Summary.Org.Name, planName(v.Catalog, c.Plan), v.day(c.EffectiveAt).Text),
		Text: "Nothing is deleted. You can undo this until then.",
	}
	if c.Kind == billing.ScheduledReduction {
		p.Title = fmt.Sprintf("%s goes down to %s on %s", v.Summary.Org.Name, v.unitsOf(v.Catalog, c.Plan, c.Units), v.day(c.EffectiveAt).Text)
	}
	return p
}

func (v *BillingValues) actions(list ...Action) []Action {
	if !v.CanManage {
		return nil
	}
	return list
}

// orAsk ends a banner's words for somebody who cannot act on it.
func (v *BillingValues) orAsk(text string) string {
	if v.CanManage {
		return text
	}
	return text + " " + askOwner(v.Owners)
}

func bankBanner(v *BillingValues, a billing.PaymentAction) *Panel {
	what := "The change to " + planName(v.Catalog, a.Plan) + " waits"
	if a.Plan == v.Summary.Subscription.Plan {
		what = "The additional units wait"
	}
	return &Panel{
		Tone: ToneWarn, Title: "Your bank wants to confirm a payment of " + v.money(a.Amount.Amount, a.Amount.Currency),
		Text:    v.orAsk(what + " for it. Nothing was charged yet."),
		Actions: v.actions(Action{Label: "Confirm with your bank", Href: a.URL, Primary: true}),
	}
}

func waitingBanner(v *BillingValues) *Panel {
	if n := len(v.Waiting); n > 1 {
		return &Panel{Tone: ToneAccent, Title: v.number(int64(n)) + " requests wait for an answer", Text: v.orAsk("Nothing changes until they are answered."), Actions: v.actions(Action{Label: copySeeRequests, Href: "#requests-title"})}
	}
	a := v.Waiting[0]
	return &Panel{
		Tone: ToneAccent, Title: "An agent waits for an answer",
		Text:    v.orAsk(a.Actor.Name + " asks to " + lowerFirst(v.verbOf(v.Catalog, a.Quote, v.Summary.Org.Name)) + "."),
		Actions: v.actions(Action{Label: copyReview, Href: approveURL(a.ID)}),
	}
}

func capBanner(v *BillingValues) *Panel {
	var near []billing.Usage
	for _, u := range v.Summary.Usage {
		if !u.Cap.Unlimited && !u.Reported.IsZero() && u.Active*10 > u.Cap.Value*9 {
			near = append(near, u)
		}
	}
	switch len(near) {
	case 0:
		return nil
	case 1:
		return &Panel{Tone: ToneWarn, Title: v.nearTitle(near[0]), Text: copyNearText}
	}
	var which []string
	for _, u := range near {
		which = append(which, u.Resource.Plural)
	}
	return &Panel{
		Tone: ToneWarn, Title: v.number(int64(len(near))) + " limits of " + v.Summary.Plan.Name + " are reached, or nearly",
		Text: capital(listed(which)) + ". " + copyNearText,
	}
}

// nearTitle says how near one resource is to its cap.
func (in Locale) nearTitle(u billing.Usage) string {
	_, percent := levelOf(&u)
	switch left := u.Cap.Value - u.Active; {
	case left < 0:
		return fmt.Sprintf("%s of %s: over the limit", in.number(u.Active), in.limitWords(u))
	case left == 0:
		return fmt.Sprintf("The limit of %s is reached", in.limitWords(u))
	default:
		return fmt.Sprintf("%s%% of the %s are used, %s left", in.number(int64(percent)), u.Resource.Plural, in.number(left))
	}
}

// listed joins things in a sentence: "agents, rows and webhooks".
func listed(things []string) string {
	last := len(things) - 1
	return strings.Join(things[:last], ", ") + " and " + things[last]
}

func (in Locale) limitWords(u billing.Usage) string {
	return in.number(u.Cap.Value) + " " + u.Resource.Label(u.Cap.Value)
}

func changesOf(v *BillingValues) []ScheduledChange {
	var out []ScheduledChange
	for _, c := range v.Summary.Scheduled {
		change := ScheduledChange{Title: changeTitle(v, c), When: Dated{Before: "on", At: v.day(c.EffectiveAt)}, By: "Requested in Stripe's portal"}
		if c.Kind == billing.ScheduledTrialEnd {
			change.By = "Nothing is charged. A trial ends by itself, and cannot be had again."
			out = append(out, change)
			continue
		}
		if c.By.Kind != "" {
			change.By = "Requested by " + actor(c.By)
		}
		if c.ApprovedBy != "" {
			change.By += ", approved by " + c.ApprovedBy
		}
		if v.CanManage && !v.Summary.InReview {
			change.Undo = v.form("/settings/billing/resume", "undo")
			if c.Kind == billing.ScheduledReduction {
				change.Undo = v.form(capacityURL+"/keep", "keep")
			}
		}
		out = append(out, change)
	}
	return out
}

func changeTitle(v *BillingValues, c billing.ScheduledChange) string {
	s := &v.Summary
	switch {
	case c.Kind == billing.ScheduledTrialEnd:
		return fmt.Sprintf("Trial of %s → %s", planName(v.Catalog, s.Subscription.Trial.Plan), planName(v.Catalog, c.Plan))
	case c.Kind == billing.ScheduledReduction:
		before, _ := v.Catalog.Plan(s.Subscription.Plan)
		return v.number(before.With(s.Subscription.Units.Additional).TotalUnits()) + " → " + v.unitsOf(v.Catalog, c.Plan, c.Units)
	case s.DesignPartner:
		return fmt.Sprintf("Subscription to %s ends", v.paidPlanName())
	}
	return v.paidPlanName() + " → " + planName(v.Catalog, c.Plan)
}

func requestsOf(v *BillingValues) []RequestCard {
	var out []RequestCard
	for _, a := range v.Waiting {
		card := RequestCard{
			Title: v.verbOf(v.Catalog, a.Quote, v.Summary.Org.Name), Href: approveURL(a.ID), By: a.Actor.Name,
			Summary: v.costOf(a.Quote) + ".", Code: billing.CheckCode(a.ID), Expires: v.momentFrom(a.ExpiresAt, v.Summary.Now), Button: "View",
		}
		if v.Summary.DesignPartner && a.Quote.Change.Action == billing.ActionScheduleDowngrade {
			card.Title = endTitle(v.Catalog, a.Quote, v.Summary.Org.Name)
		}
		if v.CanManage {
			card.Button = copyReview
		}
		out = append(out, card)
	}
	return out
}

func (in Locale) invoicesOf(list []billing.Invoice, canManage bool) []InvoiceRow {
	out := make([]InvoiceRow, 0, len(list))
	for _, i := range list {
		row := InvoiceRow{
			Number: i.Number, Date: in.shortDay(i.CreatedAt), Description: i.Description, Amount: in.money(i.Amount.Amount, i.Amount.Currency),
			Chip: invoiceChip(i), Hosted: i.HostedURL, PDF: i.PDFURL,
		}
		if row.Number == "" {
			row.Number = "Draft"
		}
		if i.Status == "open" && i.HostedURL != "" && canManage {
			row.Pay = &Action{Label: "Pay", Href: i.HostedURL, About: "invoice " + i.Number}
		}
		out = append(out, row)
	}
	return out
}

func invoiceChip(i billing.Invoice) Chip {
	switch {
	case i.Status == "paid" && i.Amount.Amount < 0:
		return Chip{"Credited", ToneNeutral}
	case i.Status == "paid":
		return Chip{"Paid", ToneGood}
	case i.Status == "open":
		return Chip{"Open", ToneWarn}
	case i.Status == "uncollectible":
		return Chip{"Uncollectible", ToneBad}
	}
	return Chip{capital(i.Status), ToneNeutral}
}
