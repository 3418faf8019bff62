package views

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/countersignhq/countersign/billing"
)

const (
	pathHooks = "/admin/webhooks"
	pathInbox = "/admin/webhooks/inbox"
)

func hookTabs(inbox bool) []FilterLink {
	return []FilterLink{{copyHooksOut, pathHooks, !inbox}, {copyHooksIn, pathInbox, inbox}}
}

// HooksValues is what the page of outgoing webhooks is made from.
type HooksValues struct {
	Frame  AdminFrame
	Health billing.WebhookHealth
	Held   []billing.Queue
	Filter billing.DeliveryFilter
	List   []billing.Delivery
	Next   string // id of the last one, if there are more
	Now    time.Time
}

// NewAdminHooks makes the page of outgoing webhooks.
func NewAdminHooks(v HooksValues) AdminHooksPage {
	p := AdminHooksPage{
		Frame: adminTitled(v.Frame, copyHooks, NavAdminHooks), Tabs: hookTabs(false), Notice: hookNotice(v), Figures: hookFigures(v),
		Filter: hookFilter(v.Filter), Empty: Empty{Text: copyHooksNone},
	}
	if v.Filter.OrgID != "" || v.Filter.State != "" || v.Filter.Type != "" || v.Filter.Before != "" {
		p.Empty = Empty{Text: copyHooksNoMatch, Next: &Action{Label: copyHooksShowAll, Href: "/admin/webhooks"}}
	}
	if len(v.Held) > 0 && v.Health.Sending() {
		p.Hurry = &Action{Label: copyHooksHurry, Form: resumeForm(v.Frame)}
		for _, g := range v.Held {
			p.Queues = append(p.Queues, hookQueue(v, g))
		}
	}
	for _, d := range v.List {
		p.Rows = append(p.Rows, hookRow(d, v.Health.Sending(), v.Now))
	}
	if v.Next != "" {
		p.Next = pathHooks + "?" + hookQuery(v.Filter, v.Next)
	}
	return p
}

func resumeForm(f AdminFrame) *Form {
	form := f.form(pathHooks + "/resume")
	return &form
}

// hookNotice says why nothing is sent; nil if something is.
func hookNotice(v HooksValues) *Panel {
	switch {
	case !v.Health.Configured:
		return &Panel{Tone: ToneNeutral, Title: copyHooksOff, Text: copyHooksOffText}
	case !v.Health.GoneAt.IsZero():
		return &Panel{
			Tone: ToneBad, Title: copyHooksGone, At: Dated{copyHooksGoneAt, moment(v.Health.GoneAt), copyHooksGoneText},
			Actions: []Action{{Label: copyHooksResume, Form: resumeForm(v.Frame), Primary: true}},
		}
	}
	return nil
}

func hookFigures(v HooksValues) []Fact {
	oldest := Fact{Term: copyHooksOldest, Text: copyHooksNobody}
	if !v.Health.Oldest.IsZero() {
		oldest = Fact{Term: copyHooksOldest, Text: since(v.Health.Oldest, v.Now)}
	}
	return []Fact{{Term: copyHooksWaiting, Text: number(int64(v.Health.Pending))}, oldest, {Term: copyHooksGivenUp, Text: number(int64(v.Health.Failed))}}
}

// since is how long ago, without the word.
func since(t, now time.Time) string {
	if d := distance(now.Sub(t).Abs()); d != "" {
		return d
	}
	return "less than a minute"
}

func hookQueue(v HooksValues, g billing.Queue) AdminQueue {
	at := pathHooks + "/" + g.Head.ID
	form := v.Frame.form(at + "/replay")
	return AdminQueue{
		Org: g.Head.OrgName, Href: at, Detail: string(g.Head.Type) + ": " + outcome(g.Head.LastStatus, g.Head.LastFault) + ", " + tried(g.Head.Tries),
		Waiting: number(int64(g.Waiting)) + " waiting", Next: nextTry(g.Head.NextAt, v.Now),
		Try: Action{Label: copyHooksTryNow, Form: &form, About: g.Head.OrgName},
	}
}

func hookFilter(f billing.DeliveryFilter) []Input {
	states := []Field{{copyHooksAll, ""}}
	for _, s := range []billing.DeliveryState{billing.DeliveryPending, billing.DeliveryDelivered, billing.DeliveryFailed} {
		states = append(states, Field{deliveryChip(s, 0).Text, string(s)})
	}
	types, listed := []Field{{copyHooksAll, ""}}, f.Type == ""
	for _, t := range billing.EventTypes() {
		types, listed = append(types, Field{string(t), string(t)}), listed || t == f.Type
	}
	if !listed {
		types = append(types, Field{string(f.Type), string(f.Type)})
	}
	return []Input{
		{ID: "state", Name: "state", Label: copyHooksState, Type: "select", Value: string(f.State), Options: states},
		{ID: "type", Name: "type", Label: copyHooksType, Type: "select", Value: string(f.Type), Options: types},
		{ID: "org", Name: "org", Label: copyHooksOrg, Type: "search", Value: f.OrgID, Max: 100},
	}
}

func hookQuery(f billing.DeliveryFilter, before string) string {
	q := url.Values{"before": {before}}
	for name, value := range map[string]string{"state": string(f.State), "type": string(f.Type), "org": f.OrgID} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q.Encode()
}

func hookRow(d billing.Delivery, sending bool, now time.Time) AdminHookRow {
	row := AdminHookRow{Type: string(d.Type), Org: d.OrgName, Href: pathHooks + "/" + d.ID, Chip: deliveryChip(d.State, d.Tries), At: timeAs(d.CreatedAt, formatSecond)}
	if d.State != billing.DeliveryDelivered && d.Tries > 0 {
		row.Detail = capital(outcome(d.LastStatus, d.LastFault)) + ", " + tried(d.Tries)
	}
	if d.State == billing.DeliveryPending && d.Tries > 0 && sending {
		row.Next = nextTry(d.NextAt, now)
	}
	return row
}

func deliveryChip(s billing.DeliveryState, tries int) Chip {
	switch {
	case s == billing.DeliveryDelivered:
		return Chip{"Delivered", ToneGood}
	case s == billing.DeliveryFailed:
		return Chip{copyHooksGivenUp, ToneBad}
	case tries > 0:
		return Chip{"Trying again", ToneWarn}
	}
	return Chip{copyHooksWaiting, ToneNeutral}
}

// nextTry is when the next attempt is due; in seconds, if it is that near.
func nextTry(t, now time.Time) Time {
	out := momentFrom(t, now)
	switch left := t.Sub(now); {
	case t.IsZero() || left >= time.Minute:
	case left <= 0:
		out.Relative = "any moment"
	default:
		out.Relative = "in " + strconv.FormatInt(int64((left+time.Second-1)/time.Second), 10) + " s"
	}
	return out
}

// outcome says how an attempt went.
func outcome(status int, f billing.Fault) string {
	answered := "answered " + strconv.Itoa(status)
	switch f {
	case billing.FaultRedirect:
		return answered + ", a redirect, which is not followed"
	case billing.FaultTimeout:
		return "no answer within 15 seconds"
	case billing.FaultRefused:
		return "the name leads to an address that may not be called"
	case billing.FaultName:
		return "the name was not found"
	case billing.FaultTLS:
		return "no connection that TLS trusts"
	case billing.FaultConnection:
		return "no connection, or it broke off"
	}
	return answered
}

func tried(n int) string {
	switch n {
	case 1:
		return "tried once"
	case 2:
		return "tried twice"
	}
	return "tried " + number(int64(n)) + " times"
}

// NewAdminHook makes the page of one event.
func NewAdminHook(f AdminFrame, d billing.Delivery, sending bool, now time.Time) AdminHookPage {
	p := AdminHookPage{
		Frame: adminTitled(f, string(d.Type), NavAdminHooks), Type: string(d.Type), ID: d.ID, Chip: deliveryChip(d.State, d.Tries),
		Org: "/admin/orgs/" + d.OrgID, OrgHooks: pathHooks + "?" + url.Values{"org": {d.OrgID}}.Encode(), Payload: indented(d.Payload),
		Facts: []Fact{{Term: "Organisation", Text: d.OrgName}, {Term: "Happened", At: momentFrom(d.CreatedAt, now)}},
		Form:  AdminForm{ID: "replay", Title: copyHooksAgain, Text: copyHooksAgainText, Button: copyHooksReplay, Form: f.form(pathHooks + "/" + d.ID + "/replay")},
	}
	next := Fact{Term: copyHooksNext, At: nextTry(d.NextAt, now)}
	if !sending {
		next = Fact{Term: copyHooksNext, Text: copyHooksStopped}
	}
	if d.State == billing.DeliveryPending {
		p.Form.Title, p.Form.Text, p.Form.Button = copyHooksTryNow, copyHooksTryText, copyHooksTryNow
		p.Facts = append(p.Facts, next)
	} else {
		p.Facts = append(p.Facts, Fact{Term: p.Chip.Text, At: momentFrom(d.FinishedAt, now)})
	}
	for _, a := range d.Attempts {
		p.Attempts = append(p.Attempts, attemptLine(a))
	}
	return p
}

func attemptLine(a billing.Attempt) AdminLine {
	l := AdminLine{Title: capital(outcome(a.Status, a.Fault)), Detail: took(a.Took), At: timeAs(a.At, formatSecond), Chip: Chip{"Not taken", ToneWarn}}
	if a.Fault == billing.FaultNone && a.Status >= 200 && a.Status <= 299 {
		l.Chip = Chip{"Taken", ToneGood}
	}
	return l
}

// formatSecond is for what happens several times a minute.
const formatSecond = "2 Jan 2006, 15:04:05 UTC"

func took(d time.Duration) string {
	if d < time.Second {
		return number(d.Milliseconds()) + " ms"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
}

// indented writes JSON for reading.
func indented(payload string) string {
	var out bytes.Buffer
	if json.Indent(&out, []byte(payload), "", "  ") != nil {
		return payload
	}
	return out.String()
}

// NewAdminInbox makes the page of what came from Stripe.
func NewAdminInbox(f AdminFrame, waiting bool, list []billing.InboxEvent, next string) AdminInboxPage {
	p := AdminInboxPage{
		Frame: adminTitled(f, copyHooks, NavAdminHooks), Tabs: hookTabs(true), Empty: Empty{Text: copyInboxNone},
		Filters: []FilterLink{{copyHooksAll, pathInbox, !waiting}, {copyInboxWaiting, pathInbox + "?state=waiting", waiting}},
	}
	q := url.Values{"before": {next}}
	if waiting {
		p.Empty = Empty{Text: copyInboxDone}
		q.Set("state", "waiting")
	}
	if next != "" {
		p.Next = pathInbox + "?" + q.Encode()
	}
	for _, e := range list {
		p.Rows = append(p.Rows, inboxRow(e))
	}
	return p
}

func inboxRow(e billing.InboxEvent) AdminHookRow {
	row := AdminHookRow{Type: e.Type, Org: e.OrgName, Detail: e.ID, Chip: Chip{copyInboxWaiting, ToneWarn}, At: timeAs(e.ReceivedAt, formatSecond)}
	switch {
	case e.OrgID == "":
		row.Org, row.Chip = copyInboxStranger, Chip{"Left out", ToneNeutral}
	case !e.DoneAt.IsZero():
		row.Chip = Chip{"Done", ToneGood}
	}
	if e.OrgID != "" {
		row.Href = "/admin/orgs/" + e.OrgID
	}
	return row
}
