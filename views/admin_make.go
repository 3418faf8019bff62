package views

import (
	"net/url"
	"strconv"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// NewAdminSignals makes the page of the counted requests.
func NewAdminSignals(f AdminFrame, c *billing.Catalog, list []billing.LimitSignal, now time.Time) AdminSignalsPage {
	p := AdminSignalsPage{Frame: adminTitled(f, copyAdminLimits, NavAdminLimits)}
	if f.Reviews > 0 {
		p.Notice = &Panel{Tone: ToneWarn, Title: copyReviewsHome, Text: copyReviewsLead, Actions: []Action{{Label: copyReviewsLook, Href: "/admin/stripe", Primary: true}}}
	}
	for _, s := range list {
		median := "not said"
		if s.Median > 0 {
			median = number(s.Median)
		}
		p.Rows = append(p.Rows, AdminSignal{
			Title: kindName(c, s.Kind) + " on " + planName(c, s.Plan), Orgs: number(s.Orgs), Asks: number(s.Asks), Median: median,
			Href: "/admin/limits?" + url.Values{"kind": {s.Kind}, "plan": {s.Plan}}.Encode(), Oldest: momentFrom(s.Oldest, now),
		})
	}
	return p
}

func adminTitled(f AdminFrame, title, nav string) AdminFrame {
	f.Title, f.Nav = title, nav
	return f
}

// kindName is what a request is about: "Agents".
func kindName(c *billing.Catalog, kind string) string {
	if r, ok := c.Resource(kind); ok {
		return capital(r.Plural)
	}
	return capital(kind)
}

// NewAdminLimits lists the open requests of a kind and plan.
func NewAdminLimits(f AdminFrame, c *billing.Catalog, kind, plan string, list []billing.LimitCase, next string, now time.Time) AdminListPage {
	p := AdminListPage{Title: kindName(c, kind) + " on " + planName(c, plan)}
	p.Frame = adminTitled(f, p.Title, NavAdminLimits)
	for _, l := range list {
		p.Rows = append(p.Rows, AdminRow{Title: l.OrgName, Detail: l.Reason, Figure: wishOf(l.LimitRequest), Href: "/admin/limits/" + l.ID, At: momentFrom(l.CreatedAt, now)})
	}
	if next != "" {
		p.Next = "/admin/limits?" + url.Values{"kind": {kind}, "plan": {plan}, "after": {next}}.Encode()
	}
	return p
}

func wishOf(l billing.LimitRequest) string { return "wants " + wish(l) }

func wish(l billing.LimitRequest) string {
	if l.Desired == 0 {
		return "more"
	}
	return number(l.Desired)
}

// NewAdminOrgs lists orgs.
func NewAdminOrgs(f AdminFrame, query string, list []billing.OrgLine, plan func(billing.OrgLine) billing.Plan, next string) AdminListPage {
	p := AdminListPage{Frame: adminTitled(f, copyAdminOrgs, NavAdminOrgs), Title: copyAdminOrgs, Search: true, Query: query}
	for _, l := range list {
		row := AdminRow{Title: l.Org.Name, Detail: l.Org.ID, Figure: plan(l).Name, Href: "/admin/orgs/" + l.Org.ID}
		row.Chip = chipOf(billing.Subscription{State: billing.State{Status: l.Status}})
		if l.Org.Complimentary() {
			row.Chip = Chip{"Complimentary", ToneAccent}
		}
		p.Rows = append(p.Rows, row)
	}
	if next != "" {
		p.Next = "/admin/orgs?" + url.Values{"q": {query}, "after": {next}}.Encode()
	}
	return p
}

// NewAdminLimit makes the page of one request.
func NewAdminLimit(f AdminFrame, c *billing.Catalog, l billing.LimitCase, s billing.Summary) AdminLimitPage {
	p := AdminLimitPage{
		Title: l.OrgName + ": " + lowerFirst(kindName(c, l.Kind)), Reason: l.Reason, Org: "/admin/orgs/" + l.OrgID,
		Facts: []Fact{
			{Term: "Asked by", Text: actor(l.Asker)},
			{Term: "First asked", At: momentFrom(l.CreatedAt, s.Now)},
			{Term: "Last asked", At: momentFrom(l.AskedAt, s.Now)},
			{Term: "How often", Text: number(int64(l.Asks))},
			{Term: "Wish", Text: wish(l.LimitRequest)},
			{Term: "Plan now", Text: s.Plan.Name},
		},
	}
	for _, u := range s.Usage {
		if u.Resource.ID == l.Kind {
			p.Facts = append(p.Facts, Fact{Term: "In use", Text: number(u.Active) + " of " + limitText(u.Cap)})
		}
	}
	p.Frame = adminTitled(f, p.Title, NavAdminLimits)
	line := requestLine(c, l.LimitRequest)
	p.Chip = line.Chip
	if a := l.Answer; a != nil {
		p.Facts = append(p.Facts, Fact{Term: "Answer", Text: line.Detail}, Fact{Term: "Answered by", Text: a.By.Name}, Fact{Term: "Answered", At: moment(a.At)})
		return p
	}
	grant, decline := "/admin/limits/"+l.ID+"/grant", "/admin/limits/"+l.ID+"/decline"
	fields := []Input{
		{ID: "cap", Name: "cap", Label: "New limit", Type: "number", Value: desiredText(l.Desired)},
		{ID: "unlimited", Name: "unlimited", Label: "No limit at all", Type: "checkbox"},
		{ID: "until", Name: "until", Label: copyAdminUntil, Type: "date"},
		reasonField("grant", copyAdminReasonSeen),
	}
	if _, known := c.Resource(l.Kind); !known {
		fields = append([]Input{{ID: "resource", Name: "resource", Label: "Of", Type: "select", Options: resourceOptions(c)}}, fields...)
	}
	p.Forms = []AdminForm{
		{ID: "grant", Title: "Grant", Text: "Counts at the next check.", Button: "Grant", Primary: true, Form: f.form(grant), Fields: fields},
		{ID: "decline", Title: "Decline", Text: "Nothing changes.", Button: "Decline", Form: f.form(decline), Fields: []Input{reasonField("decline", copyAdminReasonSeen)}},
	}
	return p
}

func desiredText(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

func limitText(l billing.Limit) string {
	if l.Unlimited {
		return "no limit"
	}
	return number(l.Value)
}

func reasonField(form, label string) Input {
	return Input{ID: form + "-reason", Name: "reason", Label: label, Type: "text", Required: true, Max: 500}
}

func resourceOptions(c *billing.Catalog) []Field {
	var out []Field
	for _, r := range c.Resources {
		out = append(out, Field{capital(r.Plural), r.ID})
	}
	return out
}

func (f AdminFrame) form(path string, fields ...Field) Form {
	return Form{URL: path, Fields: append([]Field{{"form_token", f.Token(path)}}, fields...)}
}

// NewAdminOrg makes the page of one org.
func NewAdminOrg(f AdminFrame, c *billing.Catalog, d billing.Dossier) AdminOrgPage {
	s := d.Summary
	p := AdminOrgPage{Frame: adminTitled(f, s.Org.Name, NavAdminOrgs), Name: s.Org.Name, ID: s.Org.ID}
	if chip := chipOf(s.Subscription); chip.Text != "" {
		p.Chips = append(p.Chips, chip)
	}
	if s.Org.GivenPlan != "" {
		p.Chips = append(p.Chips, Chip{"Plan given", ToneAccent})
	}
	if s.Org.DesignPartner {
		p.Chips = append(p.Chips, Chip{"Design partner", ToneAccent})
	}
	if s.Org.Complimentary() && s.Subscription.Status.Live() {
		p.Warning = "There is a live subscription, which Stripe goes on charging until an owner ends it on Settings → Billing."
	}
	p.Facts = orgFacts(c, d)
	for _, u := range s.Usage {
		p.Usage = append(p.Usage, AdminLine{Title: capital(u.Resource.Plural), Figure: number(u.Active) + " of " + limitText(u.Cap)})
	}
	for _, o := range d.Overrides {
		p.Overrides = append(p.Overrides, overrideLine(c, o, s.Now))
	}
	for _, l := range d.Requests {
		p.Requests = append(p.Requests, requestLine(c, l))
	}
	for _, e := range d.Log {
		p.Log = append(p.Log, AdminLine{Title: e.Event, Detail: actor(e.Actor), At: moment(e.At)})
	}
	p.Forms = orgForms(f, c, d)
	return p
}

func orgFacts(c *billing.Catalog, d billing.Dossier) []Fact {
	s := d.Summary
	state := s.BillingState()
	if state == "" {
		state = "no subscription"
	}
	facts := []Fact{{Term: "Plan in force", Text: s.Plan.Name}, {Term: "State", Text: state}}
	if s.Subscription.Status.Live() {
		facts = append(facts, Fact{Term: "Subscribed to", Text: planName(c, s.Subscription.Plan)}, Fact{Term: "Period ends", At: day(s.Subscription.PeriodEnd)})
	}
	if !s.Subscription.SyncedAt.IsZero() {
		facts = append(facts, Fact{Term: "Read from Stripe", At: momentFrom(s.Subscription.SyncedAt, s.Now)})
	}
	for _, m := range d.Members {
		if m.Role.CanManage() {
			facts = append(facts, Fact{Term: capital(lowerFirst(roleName(m.Role))), Text: m.User.Name + ", " + m.User.Email})
		}
	}
	return facts
}

func roleName(r billing.Role) string {
	if r == billing.RoleBillingAdmin {
		return "billing admin"
	}
	return string(r)
}

func overrideLine(c *billing.Catalog, o billing.Override, now time.Time) AdminLine {
	l := AdminLine{Title: kindName(c, o.Resource), Detail: o.Reason + " (" + o.Author.Name + ")", Figure: limitText(o.Cap), Chip: Chip{"In force", ToneGood}, At: day(o.CreatedAt)}
	switch {
	case !o.EndedAt.IsZero():
		l.Chip = Chip{"Ended", ToneNeutral}
	case !o.InForce(now):
		l.Chip = Chip{"Run out", ToneNeutral}
	case !o.ExpiresAt.IsZero():
		l.Chip.Text = "Until " + o.ExpiresAt.UTC().Format(formatShortDay)
	}
	return l
}

func requestLine(c *billing.Catalog, r billing.LimitRequest) AdminLine {
	l := AdminLine{Title: kindName(c, r.Kind), Detail: wishOf(r), Href: "/admin/limits/" + r.ID, Chip: Chip{"Open", ToneAccent}, At: day(r.AskedAt)}
	a := r.Answer
	switch {
	case a == nil:
	case r.State == billing.LimitGranted:
		l.Chip, l.Detail = Chip{copyAskGranted, ToneGood}, limitText(a.Cap)+": "+a.Reason
		if !a.Until.IsZero() {
			l.Detail = limitText(a.Cap) + " until " + day(a.Until).Text + ": " + a.Reason
		}
	default:
		l.Chip, l.Detail = Chip{copyAskDeclined, ToneNeutral}, a.Reason
	}
	return l
}

func orgForms(f AdminFrame, c *billing.Catalog, d billing.Dossier) []AdminForm {
	s := d.Summary
	at := "/admin/orgs/" + s.Org.ID
	forms := []AdminForm{{
		ID: "limit", Title: "Set a limit of its own", Text: "Counts at the next check, in place of an earlier one.", Button: "Set", Form: f.form(at + "/limit"),
		Fields: []Input{
			{ID: "limit-resource", Name: "resource", Label: "Of", Type: "select", Options: resourceOptions(c)},
			{ID: "limit-cap", Name: "cap", Label: "Limit", Type: "number"},
			{ID: "limit-unlimited", Name: "unlimited", Label: "No limit at all", Type: "checkbox"},
			{ID: "limit-until", Name: "until", Label: copyAdminUntil, Type: "date"},
			reasonField("limit", copyAdminReason),
		},
	}}
	var open []Field
	for _, o := range s.Overrides {
		open = append(open, Field{kindName(c, o.Resource), o.Resource})
	}
	if len(open) > 0 {
		forms = append(forms, AdminForm{
			ID: "end", Title: "End a limit of its own", Text: "The plan's limit is back at once.", Button: "End", Form: f.form(at + "/limit/end"),
			Fields: []Input{{ID: "end-resource", Name: "resource", Label: "Of", Type: "select", Options: open}, reasonField("end", copyAdminReason)},
		})
	}
	partner := AdminForm{ID: "partner", Title: "Make it a design partner", Text: "The top plan, free of charge.", Button: "Make design partner", Form: f.form(at+"/partner", Field{"on", "yes"}), Fields: []Input{reasonField("partner", copyAdminReason)}}
	if s.Org.DesignPartner {
		partner.Title, partner.Text, partner.Button, partner.Form = "End the design partnership", "The org is back on what it pays for, at once.", "End partnership", f.form(at+"/partner", Field{"on", "no"})
	}
	plans := []Field{{"None: what it pays for", ""}}
	for _, plan := range c.Plans {
		plans = append(plans, Field{plan.Name, plan.ID})
	}
	forms = append(forms, partner, AdminForm{
		ID: "plan", Title: "Give a plan free of charge", Text: "An admin override. It wins over everything else.", Button: "Save", Form: f.form(at + "/plan"),
		Fields: []Input{{ID: "plan-plan", Name: "plan", Label: "Plan", Type: "select", Value: s.Org.GivenPlan, Options: plans}, reasonField("plan", copyAdminReason)},
	})
	for _, k := range d.Paused {
		forms = append(forms, AdminForm{
			ID: k.ID, Title: "Lift the pause of " + k.Name, Text: "The key " + k.Prefix + "… may ask again.", Button: "Lift pause", About: k.Name,
			Form: f.form(at+"/resume", Field{"key", k.ID}), Fields: []Input{reasonField(k.ID, copyAdminReason)},
		})
	}
	return append(forms, AdminForm{ID: "sync", Title: "Read from Stripe", Text: "Nothing is changed at Stripe.", Button: "Sync now", Form: f.form(at + "/sync")})
}

// The results of an operator's presses.
var adminDone = map[string]string{
	"granted": "Granted. It counts at the next check.", "declined": "Declined. The asker reads your reason.", "limit": "The limit is set.",
	"end": "The plan's own limit is back.", "partner": "Saved. The plan is in force.", "plan": "Saved. The plan is in force.",
	"looked": "Read from Stripe just now.", "happened": "Settled: it happened.", "failed": "Settled: it did not happen.",
	"sync": "Read from Stripe just now.", "resume": "The key may ask again.",
	"replayed": "Queued. It is sent when its turn comes.", "resumed": "Everything that waits is due now.",
}

// NewAdminDone says what an operator's press has done; nil for a word unknown.
func NewAdminDone(word string) *Panel {
	if text := adminDone[word]; text != "" {
		return &Panel{Tone: ToneGood, Title: text, Focus: true}
	}
	return nil
}

// NewAdminProblem says why a press did nothing.
func NewAdminProblem(message string) *Panel {
	return &Panel{Tone: ToneBad, Title: "Nothing was changed", Text: message, Focus: true}
}
