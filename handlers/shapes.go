package handlers

import (
	"encoding/json"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
)

// The shapes of the API, made from values of the domain.

func summaryOf(s billing.Summary, currency string) api.Summary {
	sub := s.Subscription
	out := api.Summary{
		Org:  api.Org{ID: s.Org.ID, Name: s.Org.Name},
		Plan: s.Plan.ID, PlanName: s.Plan.Name, MonthlyPriceCents: s.Plan.Price.Amount, Currency: currency,
		Status: textOrNull(s.BillingState()), CancelAtPeriodEnd: sub.CancelAtPeriodEnd, CurrentPeriodEnd: timeOrNull(sub.PeriodEnd),
		ScheduledChanges: make([]api.ScheduledChange, 0, len(s.Scheduled)),
		DesignPartner:    s.DesignPartner, Usage: make(map[string]api.Usage, len(s.Usage)), PendingApprovals: s.Pending,
	}
	for _, c := range s.Scheduled {
		out.ScheduledChanges = append(out.ScheduledChanges, api.ScheduledChange{
			Kind: string(c.Kind), Plan: c.Plan, EffectiveAt: c.EffectiveAt, AdditionalUnits: reducedTo(c),
			RequestedBy: textOrNull(actorWords(c.By)), ApprovedBy: textOrNull(c.ApprovedBy),
		})
	}
	if u := s.Plan.Units; u != nil {
		out.CapacityUnits = &api.CapacityUnits{Total: s.Plan.TotalUnits(), Included: u.Included, Additional: s.Plan.Additional}
	}
	if t := sub.Trial; t.Used() {
		out.Trial = &api.Trial{Plan: t.Plan, Active: t.Active(s.Now) && !sub.Status.Live(), StartedAt: t.StartedAt, EndsAt: t.EndsAt, ConvertedAt: timeOrNull(t.ConvertedAt)}
		if out.Trial.Active {
			out.Trial.DaysRemaining = t.DaysRemaining(s.Now)
		}
	}
	if n := sub.Next; n != nil {
		out.NextInvoice = &api.NextInvoice{Date: n.Date, AmountCents: n.Amount.Amount, Currency: n.Amount.Currency}
	}
	if c := sub.Card; c != nil {
		out.Card = &api.Card{Brand: c.Brand, Last4: c.Last4, ExpMonth: c.ExpMonth, ExpYear: c.ExpYear}
	}
	for _, u := range s.Usage {
		out.Usage[u.Resource.ID] = usageOf(u)
	}
	if s.Stale {
		out.Stale, out.SyncedAt = true, timeOrNull(sub.SyncedAt)
	}
	return out
}

// pastDueOf is null while nothing is owed. Stripe's page of the invoice is for
// people: to whoever opens it with the card at hand it is a way to pay.
func pastDueOf(s billing.Summary, p billing.Principal) *api.PastDue {
	d := s.Dunning
	if d == nil || s.DesignPartner {
		return nil
	}
	out := &api.PastDue{Plan: textOrNull(d.Plan), FailedAt: timeOrNull(d.Failed), KeepUntil: timeOrNull(d.KeepUntil), LostAt: timeOrNull(d.LostAt)}
	if a := d.Payment; a != nil {
		out.AmountCents, out.Currency, out.NextTryAt = &a.Amount.Amount, &a.Amount.Currency, timeOrNull(a.NextTry)
		if p.CanManage() && d.Plan != "" { // what was cancelled does not come back by paying
			out.PayURL = textOrNull(a.URL)
		}
	}
	return out
}

// reducedTo is what a scheduled reduction leaves; null for any other change.
func reducedTo(c billing.ScheduledChange) *int64 {
	if c.Kind != billing.ScheduledReduction {
		return nil
	}
	return &c.Units
}

func usageOf(u billing.Usage) api.Usage {
	out := api.Usage{Active: u.Active, ResetsAt: timeOrNull(u.ResetsAt)}
	if limit := u.Cap.Value; !u.Cap.Unlimited { // a pointer to u would keep all of it
		out.Cap = &limit
	}
	return out
}

// actorWords names an actor as in "agent deploy-bot"; people go by their name.
func actorWords(a billing.Actor) string {
	if a.Kind == billing.KindHuman || a.Kind == billing.KindMember || a.Name == "" {
		return a.Name
	}
	return string(a.Kind) + " " + a.Name
}

func quoteOf(q billing.Quote) api.Quote {
	out := api.Quote{
		Plan: q.ToPlan, FromPlan: q.FromPlan, Currency: q.Currency, AmountDueNowCents: q.DueNow, CreditCents: q.Credit,
		TaxCents: q.Tax, RecurringCents: q.Recurring, Interval: q.Interval, EffectiveAt: timeOrNull(q.EffectiveAt),
		TrialDays: q.TrialDays, NextChargeAt: timeOrNull(q.NextChargeAt), ProrationDate: timeOrNull(q.ProrationDate), Lines: make([]api.Line, 0, len(q.Lines)),
	}
	if from, to := q.FromUnits, q.ToUnits; from+to > 0 || q.Change.Action == billing.ActionIncrease {
		out.FromUnits, out.Units = &from, &to
	}
	for _, l := range q.Lines {
		out.Lines = append(out.Lines, api.Line{Description: l.Description, AmountCents: l.Amount})
	}
	return out
}

// resultOf is the answer to a change that is over, as it is also kept with the
// request that asked for it.
func resultOf(o billing.Outcome) api.Change {
	out := api.Change{Status: string(o.Status), Plan: o.Plan, EffectiveAt: timeOrNull(o.EffectiveAt), CheckoutURL: o.CheckoutURL}
	if o.Status == billing.StatusSwitched {
		out.AmountChargedCents, out.Currency, out.AmountDiffers = &o.Charged, o.Currency, o.AmountDiffers
		if o.Credited > 0 {
			out.AmountCreditedCents = &o.Credited
		}
		out.Receipt = json.RawMessage("null")
	}
	return out
}

// changeOf is the answer to a change or to the wish for one.
func (h *handlers) changeOf(orgName string, o billing.Outcome) api.Change {
	out := resultOf(o)
	if o.Approval == nil {
		return out
	}
	a := *o.Approval
	quote := quoteOf(a.Quote)
	out.Plan = ""
	out.Request, out.CheckCode, out.Quote = a.ID, billing.CheckCode(a.ID), &quote
	out.ApprovalURL, out.PollingURL = h.Service.ApprovalURL(a.ID), h.Service.PollingURL(a.ID)
	out.Message = h.Service.Message(orgName, a)
	out.ExpiresIn, out.ExpiresAt = secondsUntil(a.ExpiresAt, h.Service.Now()), timeOrNull(a.ExpiresAt)
	if o.Changed != nil {
		changed := quoteOf(*o.Changed)
		out.Changed = &changed
	}
	if o.Status == billing.StatusConfirmationRequired {
		out.ConfirmToken, out.Instructions = o.Token, instructionsChat
		return out
	}
	out.Interval, out.Why, out.Instructions = int(h.Service.Interval(a.ID).Seconds()), "requested", instructionsWeb
	return out
}

// What an agent is told to do with the message.
const (
	instructionsChat = "Show the message word for word and call again with the confirm_token only after the account owner says yes."
	instructionsWeb  = "Show the message and the approval_url to the account owner, then poll the polling_url."
)

func (h *handlers) statusOf(a billing.Approval) api.ApprovalStatus {
	out := api.ApprovalStatus{
		Request: a.ID, Status: stateWords(a.State), Interval: int(h.Service.Interval(a.ID).Seconds()),
		Opened: !a.OpenedAt.IsZero(), Next: nextStep(a), ReplacedBy: textOrNull(a.ReplacedBy), Denied: deniedOf(a.Denial),
	}
	if a.State == billing.ApprovalPending {
		out.ExpiresIn = secondsUntil(a.ExpiresAt, h.Service.Now())
	}
	if a.Result == nil {
		return out
	}
	if f := a.Result.Failure; f != nil {
		p := h.problemOf(*f)
		out.Error, out.Result = &p, p
		return out
	}
	result := resultOf(*a.Result)
	if a.InReview() {
		result.Message = messageInReview
	}
	out.Result = result
	return out
}

// messageInReview is what an agent can tell its user of a change that nobody knows
// the end of.
const messageInReview = "It cannot be told yet whether this change was made: Stripe did not answer in time. Nothing more will be charged. The operator of this service looks at it; ask again later."

func (h *handlers) problemOf(f billing.Failure) api.Problem {
	p := api.Problem{Code: f.Code, Message: f.Message}
	if f.ActionURL == "" && f.Code == billing.ErrPaymentAction.Code {
		f.ActionURL = h.billingURL()
	}
	if f.ActionURL != "" {
		p.Details = map[string]any{"actionUrl": f.ActionURL}
	}
	return p
}

// stateWords is the public name of a state.
func stateWords(s billing.ApprovalState) string {
	if s == billing.ApprovalSucceeded {
		return "completed"
	}
	return string(s)
}

// stateOf is stateWords the other way round.
func stateOf(word string) (billing.ApprovalState, bool) {
	switch s := billing.ApprovalState(word); s {
	case "completed":
		return billing.ApprovalSucceeded, true
	case "", billing.ApprovalPending, billing.ApprovalApproved, billing.ApprovalExecuting, billing.ApprovalSucceeded, billing.ApprovalFailed,
		billing.ApprovalIndeterminate, billing.ApprovalDenied, billing.ApprovalExpired, billing.ApprovalCanceled,
		billing.ApprovalSuperseded, billing.ApprovalInvalidated:
		return s, true
	}
	return "", false
}

// nextStep tells a simple agent what to do.
func nextStep(a billing.Approval) string {
	switch a.State {
	case billing.ApprovalPending, billing.ApprovalApproved, billing.ApprovalExecuting, billing.ApprovalIndeterminate:
		if a.InReview() { // that takes a person's time
			return "show_user"
		}
		return "poll"
	case billing.ApprovalFailed:
		return "show_user"
	}
	return "stop"
}

func deniedOf(d *billing.Denial) *api.Denied {
	if d == nil {
		return nil
	}
	return &api.Denied{Reason: d.Reason, Note: d.Note}
}

func approvalOf(a billing.Approval) api.Approval {
	return api.Approval{
		Request: a.ID, Status: stateWords(a.State), Action: string(a.Change().Action), Plan: a.Quote.ToPlan, Mode: string(a.Mode),
		Agent:  api.Agent{ID: a.Actor.ID, Name: a.Actor.Name, KeyPrefix: a.KeyPrefix},
		Reason: a.Reason, CheckCode: billing.CheckCode(a.ID), Quote: quoteOf(a.Quote), CreatedAt: a.CreatedAt, ExpiresAt: a.ExpiresAt,
		DecidedAt: timeOrNull(a.DecidedAt), DecidedBy: textOrNull(a.DecidedBy.Name), Denied: deniedOf(a.Denial), ReplacedBy: textOrNull(a.ReplacedBy),
	}
}

func invoiceOf(i billing.Invoice) api.Invoice {
	return api.Invoice{
		ID: i.ID, Number: i.Number, Date: i.CreatedAt, Description: i.Description, Amount: i.Amount.Amount,
		Currency: i.Amount.Currency, Status: i.Status, HostedURL: textOrNull(i.HostedURL), PDFURL: textOrNull(i.PDFURL),
	}
}

// listOf makes a page of at most size entries from rows, of which one more was
// asked for to know whether there are more.
func listOf[R, T any](rows []R, size int, shape func(R) T, id func(R) string) api.List[T] {
	var next *string
	if len(rows) > size {
		rows = rows[:size]
		last := id(rows[size-1])
		next = &last
	}
	out := api.List[T]{Data: make([]T, 0, len(rows)), NextCursor: next}
	for _, r := range rows {
		out.Data = append(out.Data, shape(r))
	}
	return out
}

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// secondsUntil rounds up, so that what was granted a moment ago is what is told.
func secondsUntil(t, now time.Time) int { return max(0, int((t.Sub(now)+time.Second-1)/time.Second)) }
