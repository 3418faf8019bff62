package views

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/countersignhq/countersign/billing"
)

// ApproveValues is what the approve page is made of.
type ApproveValues struct {
	Locale
	Frame   Frame // its FormToken signs out
	Catalog *billing.Catalog
	Request billing.Request
	Email   string // of the person who looks
	Token   string // form token of the decision, bound to its digest
	// OpenedToken is the form token of the note that the page was opened.
	OpenedToken string
	// SendToken is the form token of "Send to owners"; SentNow says that it was
	// just pressed.
	SendToken string
	SentNow   bool
	Problem   error // what became of a press that did not go through
}

// NewApproveSignedOut is all that somebody sees who is not signed in.
func NewApproveSignedOut(frame Frame, signIn string) ApprovePage {
	frame.Title = copyApproveSignIn
	return ApprovePage{Frame: frame, SignIn: signIn}
}

// NewApprove makes the page for somebody who belongs to the org.
func NewApprove(v ApproveValues) ApprovePage {
	r := v.Request
	a, q := r.Approval, r.Quote
	open := a.State == billing.ApprovalPending
	p := ApprovePage{
		Frame: v.Frame, URL: approveURL(a.ID), Org: r.Org.Name, Title: v.verbOf(v.Catalog, q, r.Org.Name), Chip: approvalChip(a), Email: v.Email,
		From: v.sideOf("Now", r.From, q.Currency, r.From.Recurring()),
		To:   v.sideOf("Then", r.To, q.Currency, q.Recurring),
		Due:  v.dueOf(a, q), Reason: a.Reason, Asked: v.momentFrom(a.CreatedAt, r.Now), Asker: v.askerOf(r),
	}
	if describe(&p, v); open {
		p.Title += "?"
	}
	p.Frame.Live = liveRequest(r)
	if p.Frame.Title = p.Title; open {
		p.Code, p.Closes = billing.CheckCode(a.ID), v.momentFrom(a.ExpiresAt, r.Now)
		pending(&p, v)
	} else {
		answered(&p, v)
	}
	if r.Previous != nil {
		p.Verdict, p.Changed = priceMoved(), v.changedOf("Due today", *r.Previous, q)
	}
	return p
}

func (in Locale) sideOf(label string, p billing.Plan, currency string, amount int64) PlanSide {
	s := PlanSide{Label: label, Name: p.Name, Price: in.money(amount, currency), Per: perOf(p)}
	if p.Units != nil {
		s.Units = in.unitsWords(p.TotalUnits())
	}
	return s
}

func perOf(p billing.Plan) string {
	if !p.Paid() {
		return "a month"
	}
	return per(p.Price.Interval)
}

// describe adds what differs between the actions.
func describe(p *ApprovePage, v ApproveValues) {
	r, q := v.Request, v.Request.Quote
	switch q.Change.Action {
	case billing.ActionScheduleDowngrade:
		if r.Org.Complimentary() {
			describeEnd(p, v)
			return
		}
		p.To.Label = "From " + v.shortDay(q.EffectiveAt).Text
		p.Due.Note = "Nothing is charged and nothing is refunded."
		p.Facts = append(p.Facts, Fact{Term: r.From.Name + " stays until", At: v.day(q.EffectiveAt)})
		if q.LiftsReduction {
			p.Facts = append(p.Facts, Fact{Term: copyReductionTerm, Text: copyReductionGone})
		}
		p.Lost, p.Over = v.lossOf(v.Catalog, r, r.From, r.To), v.overThen(r.Usage, r, r.To)
		return
	case billing.ActionReduce:
		p.To.Label = "From " + v.shortDay(q.EffectiveAt).Text
		p.Due.Note = "Nothing is charged and nothing is refunded."
		p.Facts = append(p.Facts, Fact{Term: v.unitsWords(r.From.TotalUnits()) + " stay until", At: v.day(q.EffectiveAt)})
		p.Over = v.overThen(r.Usage, r, r.To)
		return
	case billing.ActionStartTrial:
		describeTrial(p, v)
		return
	case billing.ActionKeepCapacity:
		if u := r.Subscription.Units; u.Reducing() {
			p.From.Units += ", " + v.unitsWords(r.From.With(u.ReduceTo).TotalUnits()) + " from " + v.shortDay(u.ReduceAt).Text
		}
	case billing.ActionResume:
		p.From.Price, p.From.Per = "Ends "+v.shortDay(r.Subscription.PeriodEnd).Text, ""
	case billing.ActionChangePlan:
		if !r.To.Above(r.From) {
			p.Lost, p.Over = v.lossOf(v.Catalog, r, r.From, r.To), v.overThen(r.Usage, r, r.To)
		}
	}
	if !q.NextChargeAt.IsZero() {
		term := "Next charge"
		if unmade(r.Approval.State) {
			term = "Next charge on approval"
		}
		p.Facts = append(p.Facts, Fact{Term: term, Text: v.money(q.Recurring, q.Currency) + " on", At: v.day(q.NextChargeAt)})
	}
	if q.LiftsDowngrade {
		p.Facts = append(p.Facts, Fact{Term: copyDowngradeTerm, Text: copyDowngradeLifted})
	}
	if card := cardWords(r.Subscription.Card); card != "" {
		p.Facts = append(p.Facts, Fact{Term: "Card", Text: card})
	}
	if q.Tax > 0 {
		p.Facts = append(p.Facts, Fact{Term: "Tax", Text: v.money(q.Tax, q.Currency) + " included"})
	} else {
		p.Facts = append(p.Facts, Fact{Term: "Tax", Text: "None"})
	}
}

// describeTrial: nothing is charged, now or at the end.
func describeTrial(p *ApprovePage, v ApproveValues) {
	q := v.Request.Quote
	p.To.Price, p.To.Per = v.money(0, q.Currency), "for "+v.number(int64(q.TrialDays))+" days"
	p.Due.Note = "Nothing is charged at the end of the trial either."
	p.Facts = append(p.Facts, Fact{Term: "Card", Text: "None needed"},
		Fact{Term: "Afterwards", Text: fmt.Sprintf("%s, unless somebody converts the trial to a paid plan", v.Catalog.Free().Name)},
		Fact{Term: "How often", Text: "Once for each organisation"})
}

// unmade reports whether a request is over and its change was not made.
func unmade(s billing.ApprovalState) bool {
	switch s {
	case billing.ApprovalPending, billing.ApprovalApproved, billing.ApprovalExecuting, billing.ApprovalSucceeded, billing.ApprovalIndeterminate:
		return false
	}
	return true
}

// dueOf is what approving charges, in the words of before or after.
func (in Locale) dueOf(a billing.Approval, q billing.Quote) *Due {
	d := &Due{Label: "Due today", Amount: in.money(q.DueNow, q.Currency), Lines: in.quoteLinesOf(q)}
	if unmade(a.State) {
		d.Label = "Due on approval"
	}
	switch a.State {
	case billing.ApprovalSucceeded:
		d.Label = "Charged"
		if a.Result != nil {
			d.Amount = in.money(a.Result.Charged, q.Currency)
		}
	case billing.ApprovalApproved, billing.ApprovalExecuting:
		d.Label = "To be charged"
	case billing.ApprovalIndeterminate:
		d.Label = "Approved for"
	}
	if q.Credit > 0 {
		d.Note = in.money(q.Credit, q.Currency) + " of unused time is credited to the next charges."
	}
	return d
}

func (in Locale) askerOf(r billing.Request) *Asker {
	a := r.Approval
	who := &Asker{Name: a.Actor.Name, Key: a.KeyPrefix + "…", CreatedBy: a.KeyBy}
	if a.State == billing.ApprovalPending {
		who.LastUsed, who.Record = in.moment(r.Key.LastUsedAt), recordWords(r.Record)
	}
	return who
}

func recordWords(r billing.AskRecord) string {
	var parts []string
	for _, n := range []struct {
		count int
		word  string
	}{{r.Approved, "approved"}, {r.Denied, "denied"}, {r.Unanswered, "unanswered"}} {
		if n.count > 0 {
			parts = append(parts, strconv.Itoa(n.count)+" "+n.word)
		}
	}
	if len(parts) == 0 {
		return "None, this is the first"
	}
	return strings.Join(parts, ", ")
}

// pending adds what can be pressed, or why nothing can.
func pending(p *ApprovePage, v ApproveValues) {
	r := v.Request
	p.Lead = "An agent asked for this change. Nothing has changed yet."
	if !r.CanDecide {
		p.Verdict = sendToOwners(v)
		return
	}
	d := &Decide{
		Form: Form{URL: approveURL(r.Approval.ID), Fields: []Field{{"op_digest", r.OpDigest}, {"quote", r.Sealed}, {"form_token", v.Token}}},
		Deny: "Deny", Approve: v.approveLabel(r.Quote),
		Pauses: fmt.Sprintf("Denies this request and pauses the key of %s until you lift the pause.", r.Approval.Actor.Name),
	}
	p.Decide = d
	p.Opened = &Form{URL: approveURL(r.Approval.ID) + "/opened", Fields: []Field{{"form_token", v.OpenedToken}}}
	switch {
	case r.Outdated:
		d.Approve = ""
		p.Verdict = &Panel{Tone: ToneWarn, Title: "This no longer fits the subscription", Text: "The plan has changed since the agent asked. You can deny the request, or let it end by itself."}
	case r.Blocked != nil:
		d.Approve = ""
		p.Verdict = NewProblem(r.Blocked, "")
	case r.StripeDown || r.Sealed == "":
		d.Approve = ""
		p.Verdict = &Panel{Tone: ToneWarn, Title: "There is no price to be had at the moment", Text: "Stripe does not answer, so nothing can be approved now. Open this page again in a minute. You can deny at any time."}
	case v.Problem != nil:
		p.Verdict = NewProblem(v.Problem, "")
	}
}

// sendToOwners is for those who may read and not decide: who can, and a press
// that tells them.
func sendToOwners(v ApproveValues) *Panel {
	r := v.Request
	switch who := names(r.Deciders); {
	case len(r.Deciders) == 0:
		return &Panel{Tone: ToneNeutral, Title: copyReadOnly, Text: "An owner or billing admin of " + r.Org.Name + " can."}
	case v.SentNow:
		return &Panel{Tone: ToneGood, Title: "Sent to " + who, Text: "They got the address of this page and the check code.", Focus: true}
	default:
		return &Panel{
			Tone: ToneNeutral, Title: copyReadOnly, Text: fmt.Sprintf("These people of %s can: %s.", r.Org.Name, who),
			Actions: []Action{{Label: "Send to owners", Form: &Form{URL: approveURL(r.Approval.ID) + "/send", Fields: []Field{{"form_token", v.SendToken}}}}},
		}
	}
}

func (in Locale) approveLabel(q billing.Quote) string {
	if q.DueNow > 0 {
		return "Approve, pay " + in.money(q.DueNow, q.Currency) + " now"
	}
	return "Approve, no charge now"
}

// answered tells the truth about a request that nobody can decide any more.
func answered(p *ApprovePage, v ApproveValues) {
	r := v.Request
	a := r.Approval
	if a.State == billing.ApprovalApproved || a.State == billing.ApprovalExecuting {
		url := approveURL(a.ID)
		p.Working = &Working{Title: "Working on it", Text: fmt.Sprintf("%s approved this. Stripe carries it out; this page updates by itself.", person(a.DecidedBy))}
		p.Frame.Refresh, p.Frame.RefreshSeconds = url, 3
		return
	}
	if p.From.Label, p.To.Label = "When asked", "Asked for"; a.State == billing.ApprovalSucceeded {
		p.From.Label, p.To.Label = "Before", "After"
	}
	p.Due.Quiet = a.State != billing.ApprovalSucceeded
	p.Facts = append(p.Facts, Fact{Term: "Request", Text: a.ID})
	p.Verdict = verdictOf(v)
	p.Verdict.Focus = true
	p.Actions = []Action{{Label: "Go to billing", Href: "/settings/billing"}}
	if a.Result != nil && a.Result.Charged > 0 {
		p.Actions = append(p.Actions, Action{Label: copyActivityPaid, Href: pathInvoices})
	}
	if errors.Is(v.Problem, billing.ErrAlreadyDecided) && !a.DecidedAt.IsZero() {
		p.Verdict.Title = "Already answered. " + p.Verdict.Title
	}
}

// person is an actor at the beginning of a sentence.
func person(a billing.Actor) string { return capital(actor(a)) }

func approveURL(id string) string { return "/approve/" + url.PathEscape(id) }
