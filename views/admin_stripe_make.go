package views

import (
	"slices"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// StripeValues are what the operator's page of Stripe is made of.
type StripeValues struct {
	Frame   AdminFrame
	Catalog *billing.Catalog
	State   billing.Reconciliation
	Drift   []billing.DriftCase
	Reviews []billing.Review
	Now     time.Time
}

// NewAdminStripe makes the page.
func NewAdminStripe(v StripeValues) AdminStripePage {
	p := AdminStripePage{Frame: adminTitled(v.Frame, copyStripe, NavAdminStripe)}
	for _, r := range v.Reviews {
		p.Reviews = append(p.Reviews, AdminLine{
			Title: r.OrgName + ": " + intentWords(v.Catalog, r.Quote), Href: "/admin/reviews/" + r.ID, Figure: amountWords(r.Quote),
			Chip: Chip{"Outcome unknown", ToneWarn}, At: momentFrom(r.CreatedAt, v.Now),
		})
	}
	p.Figures = passFigures(v.State, v.Now)
	for _, d := range v.Drift {
		words := make([]string, 0, 2)
		for _, diff := range billing.DifferencesOf(d.AuditEvent) {
			words = append(words, differenceWords(v.Catalog, diff))
		}
		p.Drift = append(p.Drift, AdminLine{Title: d.OrgName, Href: "/admin/orgs/" + d.OrgID, Detail: strings.Join(words, " "), At: momentFrom(d.At, v.Now)})
	}
	return p
}

func passFigures(r billing.Reconciliation, now time.Time) []Fact {
	figure := func(term string, at time.Time) Fact {
		if at.IsZero() {
			return Fact{Term: term, Text: copyNever}
		}
		return Fact{Term: term, At: momentFrom(at, now)}
	}
	looked := number(r.Looked)
	if r.Running {
		looked += copyPassRunning
	}
	return []Fact{figure(copyEventsRead, r.EventsAt), figure(copyPassEnded, r.FinishedAt), {Term: copyPassNow, Text: looked}, {Term: copyPassDrift, Text: number(r.Drifted)}}
}

// differenceWords: "Stripe says Scale, we had Pro."
func differenceWords(c *billing.Catalog, d billing.Difference) string {
	had, has := d.Had, d.Has
	if d.Kind == billing.DriftPlan {
		had, has = planName(c, had), planName(c, has)
	}
	if d.Kind == billing.DriftUnits {
		had, has = had+" additional units", has+" additional units"
	}
	return "Stripe says " + has + ", we had " + had + "."
}

// NewAdminSynced says what the newest sync of an operator in the log has found.
func NewAdminSynced(c *billing.Catalog, log []billing.AuditEvent) *Panel {
	at := slices.IndexFunc(log, func(e billing.AuditEvent) bool { return e.Event == billing.EventSynced })
	if at < 0 {
		return NewAdminDone("sync")
	}
	found := billing.DifferencesOf(log[at])
	p := &Panel{Tone: ToneGood, Title: "No difference", Text: "We had it all as Stripe says it.", Focus: true}
	if len(found) > 0 {
		words := make([]string, len(found))
		for i, d := range found {
			words[i] = differenceWords(c, d)
		}
		p.Tone, p.Title, p.Text = ToneWarn, "Taken over from Stripe", strings.Join(words, " ")
	}
	return p
}

// intentWords is a change as a title.
func intentWords(c *billing.Catalog, q billing.Quote) string {
	switch q.Change.Action {
	case billing.ActionChangePlan:
		return "switch to " + planName(c, q.ToPlan)
	case billing.ActionScheduleDowngrade:
		return "downgrade to " + planName(c, q.ToPlan)
	case billing.ActionResume:
		return "keep " + planName(c, q.ToPlan)
	case billing.ActionIncrease:
		return number(q.ToUnits) + " additional units"
	case billing.ActionReduce:
		return "reduce to " + number(q.ToUnits) + " additional units"
	case billing.ActionKeepCapacity:
		return "keep " + number(q.ToUnits) + " additional units"
	}
	return string(q.Change.Action)
}

func amountWords(q billing.Quote) string {
	switch {
	case q.DueNow > 0:
		return money(q.DueNow, q.Currency)
	case q.Credit > 0:
		return "credit " + money(q.Credit, q.Currency)
	}
	return "nothing due"
}

// NewAdminReview makes the page of one change.
func NewAdminReview(f AdminFrame, c *billing.Catalog, r billing.ReviewCase) AdminReviewPage {
	p := AdminReviewPage{
		Title: r.OrgName + ": " + intentWords(c, r.Quote), ID: r.ID, Org: "/admin/orgs/" + r.OrgID, Compared: comparedOf(c, r),
		Facts: []Fact{
			{Term: "Asked by", Text: actor(r.Actor)},
			{Term: "Agreed to by", Text: actor(r.DecidedBy)},
			{Term: "Due now", Text: amountWords(r.Quote)},
			{Term: "First sent to Stripe", At: momentFrom(r.CalledAt, r.Now)},
			{Term: "Attempts", Text: number(int64(r.Attempt))},
			{Term: "Read from Stripe", At: momentFrom(r.Subscription.SyncedAt, r.Now)},
		},
	}
	p.Frame = adminTitled(f, p.Title, NavAdminStripe)
	for _, i := range r.Invoices {
		p.Invoices = append(p.Invoices, AdminLine{Title: i.Number, Detail: i.Description, Figure: money(i.Amount.Amount, i.Amount.Currency), Chip: invoiceChip(i), At: day(i.CreatedAt)})
	}
	p.Log = reviewLines(r)
	if !r.Open() {
		p.Chip = map[billing.IntentState]Chip{
			billing.IntentDone: {"It happened", ToneGood}, billing.IntentFailed: {"It did not happen", ToneNeutral},
		}[r.State]
		return p
	}
	p.Chip = Chip{"Outcome unknown", ToneWarn}
	p.Sight = sightPanel(r.Sight)
	p.Forms = reviewForms(f, r)
	return p
}

func sightPanel(s billing.Sight) *Panel {
	switch s {
	case billing.SightDone:
		return &Panel{Tone: ToneGood, Title: "Stripe shows it as it was wanted", Text: "It seems to have happened."}
	case billing.SightBefore:
		return &Panel{Tone: ToneWarn, Title: "Stripe shows nothing of it", Text: "All is as it was before. It seems not to have happened."}
	}
	return &Panel{Tone: ToneWarn, Title: "Stripe shows neither what was wanted nor what was before", Text: "Something else has changed since, or it happened in part."}
}

func comparedOf(c *billing.Catalog, r billing.ReviewCase) []Compared {
	q, from, now := r.Quote, r.From, r.Subscription.State
	to := planName(c, q.ToPlan)
	if q.Change.Action == billing.ActionScheduleDowngrade {
		to = planName(c, q.FromPlan)
	}
	list := []Compared{{"Plan", planName(c, from.Plan), to, planName(c, now.Plan)}}
	if q.FromUnits != 0 || q.ToUnits != 0 || now.Units.Additional != 0 {
		wanted := q.ToUnits
		if q.Change.Action == billing.ActionReduce {
			wanted = q.FromUnits
		}
		list = append(list, Compared{"Units", number(from.Units.Additional), number(wanted), number(now.Units.Additional)})
	}
	scheduled := scheduledWords(from)
	switch {
	case q.Change.Action == billing.ActionScheduleDowngrade:
		scheduled = "ends"
	case q.Change.Action == billing.ActionReduce:
		scheduled = number(q.ToUnits) + " units"
	case q.Change.Action == billing.ActionResume, q.Change.Action == billing.ActionKeepCapacity, q.LiftsDowngrade, q.LiftsReduction:
		scheduled = "nothing"
	}
	return append(list, Compared{"Scheduled", scheduledWords(from), scheduled, scheduledWords(now)},
		Compared{"State", statusWords(from), statusWords(from), statusWords(now)})
}

func scheduledWords(s billing.State) string {
	switch {
	case s.CancelAtPeriodEnd:
		return "ends"
	case s.Units.Reducing():
		return number(s.Units.ReduceTo) + " units"
	}
	return "nothing"
}

func statusWords(s billing.State) string {
	if s.Status == billing.StatusNone {
		return "none"
	}
	return strings.ReplaceAll(string(s.Status), "_", " ")
}

// reviewLines tell what happened, in order.
func reviewLines(r billing.ReviewCase) (lines []AdminLine) {
	words := map[string]string{
		"approval.requested": "Asked for", "approval.approved": "Agreed to", "change.requested": "Pressed", "change.needs_review": "No answer in time: given to you",
		"change.done": "Settled: it happened", "change.failed": "Settled: it did not happen", "review.looked": "Looked again",
	}
	call := AdminLine{Title: "Sent to Stripe", At: moment(r.CalledAt)}
	sent := r.CalledAt.IsZero() // never, or it has its line
	for _, e := range r.Log {
		if !sent && e.At.After(r.CalledAt) {
			lines, sent = append(lines, call), true
		}
		title := words[e.Event]
		if title == "" {
			title = e.Event
		}
		detail := actor(e.Actor)
		if reason, _ := e.Facts["reason"].(string); reason != "" && e.Actor.Kind == billing.KindOperator {
			detail += ": " + reason
		}
		lines = append(lines, AdminLine{Title: title, Detail: detail, At: moment(e.At)})
	}
	if !sent {
		lines = append(lines, call)
	}
	return lines
}

// reviewForms are the ways out. What Stripe contradicts is not offered.
func reviewForms(f AdminFrame, r billing.ReviewCase) []AdminForm {
	at := "/admin/reviews/" + r.ID
	reason := func(form string, required bool) []Input {
		field := reasonField(form, copyAdminReason)
		if field.Required = required; !required {
			field.Label += " (if there is more to say)"
		}
		return []Input{field}
	}
	forms := []AdminForm{{ID: "look", Title: "Look again", Text: "Reads Stripe now. If it is to be seen there, it is settled.", Button: "Look again", Primary: r.Sight == billing.SightOther, Form: f.form(at + "/look")}}
	happened := AdminForm{
		ID: "happened", Title: "It happened", Text: "The asker is told that it is done, at the amount that was agreed to. Nothing is sent to Stripe.",
		Button: "It happened", Primary: r.Sight == billing.SightDone, Form: f.form(at + "/happened"), Fields: reason("happened", r.Sight != billing.SightDone),
	}
	if r.Sight != billing.SightDone {
		happened.Text = "Stripe does not show it. Say how you know: for example that it was changed back since."
	}
	if forms = append(forms, happened); r.Sight == billing.SightBefore {
		forms = append(forms, AdminForm{
			ID: "not", Title: "It did not happen", Text: "Stripe is read once more. If all is still as before, the asker is told that nothing was changed or charged.",
			Button: "It did not happen", Primary: true, Form: f.form(at + "/failed"), Fields: reason("not", true),
		})
	}
	return forms
}
