package views

import (
	"time"

	"github.com/countersignhq/countersign/billing"
)

// componentSamples are made-up values for every part. Long words and large
// numbers are among them: a part that holds those holds the rest.
func componentSamples() ComponentsPage {
	soon := Time{ISO: "2026-12-23T00:00:00Z", Text: "23 December 2026", Relative: "in 30 days"}
	return ComponentsPage{
		Chips: []Chip{{"Neutral", ToneNeutral}, {"Accent", ToneAccent}, {"Good", ToneGood}, {"Warn", ToneWarn}, {"Bad", ToneBad}},
		Panels: []Panel{
			{Tone: ToneNeutral, Title: "Acme moves to Free on 23 December 2026", Text: "Nothing is deleted. You can undo this until then."},
			{Tone: ToneAccent, Title: "An agent waits for your answer", Text: "deploy-bot asks to upgrade Acme to Scale.", Actions: []Action{{Label: "Review request", Href: "#panels"}}},
			{Tone: ToneGood, Title: "Acme is on Scale", Text: "$17.40 was charged to Visa ending 4242.", At: Dated{Before: "You approved this on", At: soon, After: "."}},
			{Tone: ToneWarn, Title: "The price has changed since you saw it", Text: "Nothing was charged. Look at the new price and decide again."},
			{Tone: ToneBad, Title: "Your bank declined the card", Text: "Your plan has not changed and nothing was charged.", Ref: "req_01jd8z5p6q7r8s9t0v1w2x3y4z", Actions: []Action{{Label: "Use another card", Href: "#panels", Primary: true}, {Label: "Pay later", Href: "#panels"}}},
		},
		Empty: []Empty{
			{Text: "No agent has asked for anything yet. What one asks for waits here for an answer.", Next: &Action{Label: "Agents and their keys", Href: "#empty"}},
			{Text: "There is nothing here."},
		},
		Inputs:   sampleInputs(),
		Invoices: sampleInvoices(),
		Levels:   sampleLevels(soon),
		Asked: []AskedLine{
			{Chip: Chip{"Open", ToneAccent}, What: Dated{Before: "Asked for 12 agents on", At: soon}},
			{Chip: Chip{"Granted", ToneGood}, What: Dated{Before: "12 agents"}, Until: soon, Reason: "For the launch"},
		},
		Plans: samplePlans(),
		Plan: PlanCard{
			Name: "Scale", Price: "$1,234,567.00", Per: "a month", Chip: Chip{"Active", ToneGood}, Dates: []Dated{{Before: "Renews on", At: soon}},
			Actions: []Action{{Label: "Change plan", Href: "#overview"}},
		},
		Next: NextCharge{Title: "Next charge", When: soon, Total: "$1,234,567.00", Lines: []QuoteLine{{Label: "1 × Scale (at $1,234,567.00 / month)", Amount: "$1,234,567.00"}}},
		Card: CardPanel{Brand: "Visa", Last4: "4242", Expiry: "12/2026", Warning: "This card expires soon.", Manage: &Form{URL: "/dev/components", Fields: []Field{{"form_token", "sample"}}}},
		Entries: []ApprovalRow{
			{Title: "Upgrade to Scale", Href: "#overview", Chip: Chip{"Waiting", ToneAccent}, Asker: "deploy-bot", Asked: soon, Money: "$17.40 now, then $49.00 a month", Result: "Open until", At: soon},
			{Title: "Downgrade to Free", Href: "#overview", Chip: Chip{"Withdrawn", ToneNeutral}, Asker: "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk", Asked: soon, Money: "No charge"},
		},
		Lines: []QuoteLine{
			{Label: "Remaining time on Scale", Detail: "23 November to 23 December 2026", Amount: "$28.42"},
			{Label: "Unused time on Pro", Amount: "−$11.02"},
			{Label: "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk", Amount: "$1,234,567,890.00"},
		},
		Facts:   []Fact{{Term: "Next charge", Text: "$49.00 on", At: soon}, {Term: "Card", Text: "Visa ending 4242"}, {Term: "Tax", Text: "None", Note: "Stripe Tax is off"}},
		Plot:    samplePlot(),
		Failure: ErrorPage{Code: "503", Title: "Stripe does not answer", Text: "Nothing has changed.", Next: copyErrorOutage, Ref: "req_01jd8z5p6q7r", Actions: []Action{{Label: "Try again", Href: "#errors", Primary: true}, {Label: "Go to billing", Href: "#errors"}}},
		Request: sampleRequest(soon),
	}
}

func sampleInputs() []Input {
	return []Input{
		{ID: "sample-text", Name: "text", Label: "Name", Type: "text", Value: "deploy-bot", Hint: "Shown to whoever approves."},
		{ID: "sample-wrong", Name: "wrong", Label: "Email address", Type: "email", Value: "ada@", Problem: copyBadEmail},
		{ID: "sample-number", Name: "number", Label: "New limit", Type: "number", Value: "9007199254740991"},
		{ID: "sample-date", Name: "date", Label: "Until", Type: "date"},
		{ID: "sample-select", Name: "select", Label: "What the key may do", Type: "select", Options: keyScopes()},
		{ID: "sample-area", Name: "area", Label: "Note to the agent", Type: "textarea", Max: 280},
		{ID: "sample-check", Name: "check", Label: "No limit at all", Type: "checkbox"},
	}
}

func sampleInvoices() []InvoiceRow {
	day := Time{ISO: "2026-11-23T00:00:00Z", Text: "23 Nov 2026"}
	return []InvoiceRow{
		{Number: "ACME-0004", Date: day, Description: "Pro, 23 Nov to 23 Dec 2026", Amount: "$19.00", Chip: Chip{"Open", ToneWarn}, Hosted: "#tables", PDF: "#tables", Pay: &Action{Label: "Pay", Href: "#tables", About: "invoice ACME-0004"}},
		{Number: "ACME-0003", Date: day, Description: "Pro, 23 Oct to 23 Nov 2026", Amount: "$19.00", Chip: Chip{"Paid", ToneGood}, Hosted: "#tables", PDF: "#tables"},
		{Number: "ACME-0002", Date: day, Description: "Unused time on Scale, remaining time on Pro", Amount: "−$12.30", Chip: Chip{"Credited", ToneNeutral}, Hosted: "#tables"},
		{Number: "ACME-0001", Date: day, Description: "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk", Amount: "$1,234,567,890.00", Chip: Chip{"Void", ToneNeutral}},
	}
}

func sampleLevels(soon Time) []UsageRow {
	return []UsageRow{
		{Label: "Agents", Used: "3", Limit: "10", Percent: 30, Level: UsageOK},
		{Label: "Members", Used: "17", Limit: "20", Percent: 85, Level: UsageHigh, Note: "85 % used, 3 left."},
		{Label: "Workspaces", Used: "200", Limit: "200", Percent: 100, Level: UsageFull, Note: "At the limit. What exists keeps working, new ones are refused.", Actions: []Action{{Label: "Upgrade", Href: "#meters"}}},
		{Label: "Rows", Used: "5,003", Limit: "5,000", Percent: 100, Level: UsageOver, Note: "Over by 3. What exists keeps working, new ones are refused."},
		{Label: "API calls", Used: "9,007,199,254,740,991", Level: UsageUnlimited, Since: Time{ISO: "2026-11-01T00:00:00Z", Text: "1 Nov"}, Resets: soon},
		{Label: "Webhooks", Level: UsageUnknown},
	}
}

func samplePlans() []PlanOption {
	points := []string{"10 agents", "20 members", "100,000 API calls a month"}
	return []PlanOption{
		{Name: "Free", Price: "$0.00", Per: "a month", Points: points, Button: &Action{Label: "Downgrade on 23 December", Href: "#plans"}, Note: "Nothing is charged."},
		{Name: "Pro", Price: "$19.00", Per: "a month", Points: points, Current: true, Chip: Chip{"Until 23 Dec", ToneWarn}},
		{Name: "Scale", Price: "$49.00", Per: "a month", Points: points, Button: &Action{Label: "Upgrade, pay $15.00 now", Href: "#plans", Primary: true}, Note: "Tax included"},
		{Name: "Solo", Price: "$4.99", Per: "a month", Points: points, Trial: &Action{Label: "Start 30-day trial", Href: "#plans"}, Note: "No card needed."},
	}
}

func samplePlot() *UsagePlot {
	today, before, limit := time.Date(2026, time.November, 23, 0, 0, 0, 0, time.UTC), billing.Limit{Value: 5}, billing.Limit{Value: 10}
	h := billing.UsageHistory{Resource: billing.Resource{ID: "agents", Kind: billing.Gauge, Singular: "agent", Plural: "agents"}}
	for i := range 30 {
		n, allowed := int64(2+i/5), limit
		if i < 15 {
			allowed = before
		}
		h.Days = append(h.Days, billing.UsageDay{Resource: "agents", Day: today.AddDate(0, 0, i-29), Value: n, Closing: n})
		h.Limits = append(h.Limits, allowed)
	}
	h.Changes = []billing.LimitChange{{At: today.AddDate(0, 0, -14), From: before, To: limit, FromPlan: billing.Plan{Name: "Free"}, ToPlan: billing.Plan{Name: "Pro"}}}
	return Locale{}.newUsagePlot(h, limit, today)
}

func sampleRequest(soon Time) ApprovePage {
	form := Form{URL: "/dev/components", Fields: []Field{{"form_token", "sample"}}}
	return ApprovePage{
		Frame: Frame{FormToken: "sample"}, Org: "Acme", Title: "Upgrade Acme to Scale?", Lead: "An agent asked for this change. Nothing has changed yet.", Chip: Chip{"Waiting", ToneAccent},
		From: PlanSide{Label: "Now", Name: "Pro", Price: "$19.00", Per: "a month"}, To: PlanSide{Label: "Then", Name: "Scale", Price: "$49.00", Per: "a month"},
		Due:   &Due{Label: "Due today", Amount: "$17.40", Lines: []QuoteLine{{Label: "Remaining time on Scale", Amount: "$28.42"}, {Label: "Unused time on Pro", Amount: "−$11.02"}}},
		Facts: []Fact{{Term: "Next charge", Text: "$49.00 on", At: soon}, {Term: "Card", Text: "Visa ending 4242"}, {Term: "Tax", Text: "None"}},
		Lost:  []string{"10 agents become 3"}, Over: []string{"Agents: 8 in use, 3 allowed, over by 5"},
		Asker: &Asker{Name: "deploy-bot", Key: "csa_4fZk…", CreatedBy: "Ada Lovelace", LastUsed: soon, Record: "12 approved, 1 denied"},
		Code:  "KRFT", Asked: soon, Closes: soon, Reason: "The queue has been blocked since 08:40.", Email: "ada@acme.test",
		Decide: &Decide{Form: form, Approve: "Approve, pay $17.40 now", Deny: "Deny", Pauses: "Denies this request and pauses the key of deploy-bot until you lift the pause."},
	}
}
