package views

import (
	"fmt"
	"net/url"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// ApprovalsValues is what the inbox is made of.
type ApprovalsValues struct {
	Locale
	Frame   Frame
	Catalog *billing.Catalog
	List    []billing.Approval // newest first
	State   billing.ApprovalState
	Next    string // cursor of older ones; empty on the last page
	Now     time.Time
}

// NewApprovals makes the page.
func NewApprovals(v ApprovalsValues) ApprovalsPage {
	p := ApprovalsPage{Frame: v.Frame, CSV: approvalsURL(pathApprovals+".csv", v.State, ""), Empty: Empty{Text: "No agent has asked for anything yet. What one asks for waits here for an answer.", Next: &Action{Label: "Agents and their keys", Href: "/settings/agents"}}}
	if v.State != "" {
		p.Empty = Empty{Text: "No request is in this state.", Next: &Action{Label: "Show all requests", Href: approvalsURL(pathApprovals, "", "")}}
	}
	for _, f := range []struct {
		state billing.ApprovalState
		label string
	}{{"", "All"}, {billing.ApprovalPending, "Waiting"}, {billing.ApprovalSucceeded, "Done"}, {billing.ApprovalDenied, "Denied"}, {billing.ApprovalFailed, "Failed"}, {billing.ApprovalExpired, "Expired"}} {
		p.Filters = append(p.Filters, FilterLink{Label: f.label, Href: approvalsURL(pathApprovals, f.state, ""), Current: f.state == v.State})
	}
	for _, a := range v.List {
		p.Rows = append(p.Rows, approvalRowOf(v, a))
	}
	if v.Next != "" {
		p.Next = approvalsURL(pathApprovals, v.State, v.Next)
	}
	return p
}

const pathApprovals = "/settings/approvals"

func approvalsURL(path string, state billing.ApprovalState, cursor string) string {
	return listURL(path, "state", string(state), cursor)
}

// listURL is a page of a list, of those that a filter lets through. What is empty
// is left out.
func listURL(path, filter, value, cursor string) string {
	q := url.Values{}
	if value != "" {
		q.Set(filter, value)
	}
	if cursor != "" {
		q.Set("cursor", cursor)
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

func approvalRowOf(v ApprovalsValues, a billing.Approval) ApprovalRow {
	row := ApprovalRow{
		Title: v.verbOf(v.Catalog, a.Quote, ""), Href: approveURL(a.ID), Chip: approvalChip(a), Asker: a.Actor.Name,
		Asked: v.momentFrom(a.CreatedAt, v.Now), Money: v.costOf(a.Quote), Open: a.State == billing.ApprovalPending,
	}
	switch a.State {
	case billing.ApprovalPending:
		row.Result, row.At = "Open until", v.momentFrom(a.ExpiresAt, v.Now)
	case billing.ApprovalExpired:
		row.Result, row.At = "Ended", v.moment(a.ExpiresAt)
	case billing.ApprovalDenied:
		row.Result, row.At = "Denied by "+actor(a.DecidedBy)+",", v.moment(a.DecidedAt)
	case billing.ApprovalCanceled, billing.ApprovalSuperseded, billing.ApprovalInvalidated:
		row.At = v.moment(a.DecidedAt)
	default:
		row.Result, row.At = "Approved by "+actor(a.DecidedBy)+",", v.moment(a.DecidedAt)
	}
	return row
}

// RequestWords are what a request is about, what it costs, and where it stands.
func RequestWords(c *billing.Catalog, a billing.Approval) (what, cost, state string) {
	in := Locale{}
	return in.verbOf(c, a.Quote, ""), in.costOf(a.Quote), approvalChip(a).Text
}

// approvalChip is a request's state in a word.
func approvalChip(a billing.Approval) Chip {
	switch a.State {
	case billing.ApprovalPending:
		return Chip{"Waiting", ToneAccent}
	case billing.ApprovalApproved, billing.ApprovalExecuting:
		return Chip{"In progress", ToneAccent}
	case billing.ApprovalSucceeded:
		return Chip{"Done", ToneGood}
	case billing.ApprovalFailed:
		return Chip{"Failed", ToneBad}
	case billing.ApprovalIndeterminate:
		if a.Result != nil && a.Result.Failure != nil && a.Result.Failure.Code == billing.ErrPaymentAction.Code {
			return Chip{"Needs your bank", ToneWarn}
		}
		return Chip{"Being checked", ToneAccent}
	case billing.ApprovalDenied:
		return Chip{"Denied", ToneNeutral}
	case billing.ApprovalExpired:
		return Chip{"Expired", ToneNeutral}
	case billing.ApprovalCanceled:
		return Chip{"Withdrawn", ToneNeutral}
	case billing.ApprovalSuperseded:
		return Chip{"Replaced", ToneNeutral}
	}
	return Chip{"Void", ToneNeutral}
}

// verbOf is what a change does: "Upgrade Acme to Scale". Without an org it is
// "Upgrade to Scale".
func (in Locale) verbOf(c *billing.Catalog, q billing.Quote, org string) string {
	object := ""
	if org != "" {
		object = org + " "
	}
	from, _ := c.Plan(q.FromPlan)
	to, _ := c.Plan(q.ToPlan)
	target := planName(c, q.ToPlan)
	if words, ok := in.capacityVerb(c, q, org); ok {
		return words
	}
	switch {
	case q.Change.Action == billing.ActionResume && org != "":
		return fmt.Sprintf("Keep %s on %s", org, target)
	case q.Change.Action == billing.ActionResume:
		return "Keep " + target
	case q.Change.Action == billing.ActionScheduleDowngrade:
		return "Downgrade " + object + "to " + target
	case to.Above(from):
		return "Upgrade " + object + "to " + target
	}
	return "Switch " + object + "to " + target
}

// costOf is what a change costs in one line: "$17.40 now, then $49.00 a month".
func (in Locale) costOf(q billing.Quote) string {
	then := ", then " + in.price(q.Recurring, q.Currency, q.Interval)
	switch {
	case q.Change.Action == billing.ActionStartTrial:
		return "No charge, free for " + in.number(int64(q.TrialDays)) + " days"
	case q.Change.Action == billing.ActionReduce:
		return "No charge now, from " + in.day(q.EffectiveAt).Text + " " + in.price(q.Recurring, q.Currency, q.Interval)
	case q.Change.Action == billing.ActionScheduleDowngrade:
		return "No charge, from " + in.day(q.EffectiveAt).Text
	case q.DueNow > 0:
		return in.money(q.DueNow, q.Currency) + " now" + then
	case q.Credit > 0:
		return in.money(q.Credit, q.Currency) + " credit" + then
	}
	return "No charge now" + then
}

// capacityVerb is verbOf for changes of capacity and for trials.
func (in Locale) capacityVerb(c *billing.Catalog, q billing.Quote, org string) (words string, ok bool) {
	of, forOrg := "", ""
	if org != "" {
		of, forOrg = " of "+org, " for "+org
	}
	switch q.Change.Action {
	case billing.ActionIncrease:
		return "Add " + in.unitsWords(q.ToUnits-q.FromUnits) + forOrg, true
	case billing.ActionReduce:
		return "Reduce capacity" + of + " to " + in.unitsOf(c, q.ToPlan, q.ToUnits), true
	case billing.ActionKeepCapacity:
		return "Keep the " + in.unitsOf(c, q.ToPlan, q.ToUnits) + of, true
	case billing.ActionStartTrial:
		return "Start a trial of " + planName(c, q.ToPlan) + forOrg, true
	}
	return "", false
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return string(s[0]|0x20) + s[1:]
}
