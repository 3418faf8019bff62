package views

import (
	"strings"

	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/billing"
)

// samples holds every page in every state that we draw, by name. The structure
// tests walk all of them, so a new state is tested by being added here.
func samples() map[string]templ.Component {
	out := map[string]templ.Component{}
	for name, p := range billingSamples() {
		out["billing-"+name] = Billing(p)
	}
	for name, p := range approveSamples() {
		out["approve-"+name] = Approve(p)
	}
	out["components"] = Components(NewComponents(plainFrame("")))
	for name, p := range unitsSamples() {
		out[name] = p
	}
	for name, p := range pageSamples() {
		out[name] = p
	}
	for name, p := range agentsSamples() {
		out[name] = p
	}
	for name, p := range adminSamples() {
		out[name] = p
	}
	for name, p := range stripeSamples() {
		out[name] = p
	}
	for name, p := range hookSamples() {
		out[name] = p
	}
	return out
}

func at(iso, text, relative string) Time { return Time{ISO: iso, Text: text, Relative: relative} }

var (
	dec23   = at("2026-12-23T00:00:00Z", "23 December 2026", "")
	asked   = at("2026-11-23T10:01:00Z", "23 November 2026, 10:01 UTC", "4 minutes ago")
	closes  = at("2026-11-24T10:01:00Z", "24 November 2026, 10:01 UTC", "in 23 hours")
	decided = at("2026-11-23T10:02:00Z", "23 November 2026, 10:02 UTC", "")
)

func appFrame(nav string) Frame {
	return Frame{
		Title: "Billing", Org: "Acme", Orgs: []OrgChoice{{ID: "org_1", Name: "Acme", Current: true}},
		Email: "ada@acme.test", Nav: nav, FormToken: "ft", Sandbox: true, SandboxURL: "http://127.0.0.1:8421/",
	}
}

func plainFrame(title string) Frame { return Frame{Title: title, Sandbox: true, FormToken: "ft"} }

func post(url string, extra ...Field) *Form {
	return &Form{URL: url, Fields: append([]Field{{"form_token", "ft"}}, extra...)}
}

func away(url string, extra ...Field) *Form {
	f := post(url, extra...)
	f.Away = true
	return f
}

func usageSample() []UsageRow {
	jan1 := at("2026-12-01T00:00:00Z", "1 December 2026", "")
	return []UsageRow{
		{PlotURL: "/settings/billing?plot=agents", Label: "Agents", Used: "8", Limit: "10", Percent: 80, Level: UsageHigh, Note: "80% used, 2 left."},
		{Label: "Members", Used: "6", Limit: "20", Percent: 30, Level: UsageOK},
		{Label: "Workspaces", Used: "200", Limit: "200", Percent: 100, Level: UsageFull, Note: "At the limit. What exists keeps working, new ones are refused."},
		{Label: "Rows", Used: "5,003", Limit: "5,000", Percent: 100, Level: UsageOver, Note: "Over by 3. What exists keeps working, new ones are refused."},
		{PlotURL: "/settings/billing?plot=api_calls", Label: "API calls", Used: "81,204", Level: UsageUnlimited, Resets: jan1},
		{Label: "Webhooks", Level: UsageUnknown},
	}
}

func planSamples() []PlanOption {
	return []PlanOption{
		{
			ID: "free", Name: "Free", Price: "$0.00", Per: "a month", Points: []string{"3 agents", "6 members", "20 workspaces", "500 rows", "10,000 API calls a month", "1,000 webhooks a month"},
			Button: &Action{Label: "Downgrade on 23 December", Href: "/settings/billing/review?plan=free", Into: "review"}, Note: "Nothing is charged.",
		},
		{
			ID: "pro", Name: "Pro", Price: "$19.00", Per: "a month", Current: true, Chip: Chip{},
			Points: []string{"10 agents", "20 members", "200 workspaces", "5,000 rows", "100,000 API calls a month", "10,000 webhooks a month"},
		},
		{
			ID: "scale", Name: "Scale", Price: "$49.00", Per: "a month", Points: []string{"30 agents", "60 members", "1,000 workspaces", "50,000 rows", "1,000,000 API calls a month", "100,000 webhooks a month"},
			Button: &Action{Label: "Upgrade, pay $15.00 now", Form: post("/settings/billing/change", Field{"plan", "scale"}, Field{"quote", "q"}, Field{"nonce", "n"}), Primary: true},
			Review: "/settings/billing/review?plan=scale", Note: "Tax included",
		},
	}
}

func invoiceSamples() []InvoiceRow {
	return []InvoiceRow{
		{Number: "ACME-0004", Date: at("2026-11-23T00:00:00Z", "23 Nov 2026", ""), Description: "Pro, 23 Nov to 23 Dec 2026", Amount: "$19.00", Chip: Chip{"Open", ToneWarn}, Hosted: "https://pay.test/4", PDF: "https://pay.test/4.pdf", Pay: &Action{Label: "Pay", Href: "https://pay.test/4", About: "invoice ACME-0004"}},
		{Number: "ACME-0003", Date: at("2026-10-23T00:00:00Z", "23 Oct 2026", ""), Description: "Pro, 23 Oct to 23 Nov 2026", Amount: "$19.00", Chip: Chip{"Paid", ToneGood}, Hosted: "https://pay.test/3", PDF: "https://pay.test/3.pdf"},
		{Number: "ACME-0002", Date: at("2026-09-30T00:00:00Z", "30 Sep 2026", ""), Description: "Unused time on Scale, remaining time on Pro", Amount: "−$12.30", Chip: Chip{"Credited", ToneNeutral}, Hosted: "https://pay.test/2"},
		{Number: "ACME-0001", Date: at("2026-09-23T00:00:00Z", "23 Sep 2026", ""), Description: "Scale, 23 Sep to 23 Oct 2026", Amount: "$49.00", Chip: Chip{"Void", ToneNeutral}},
	}
}

func billingBase() BillingPage {
	return BillingPage{
		Frame:    appFrame(NavBilling),
		Plan:     PlanCard{Name: "Pro", Price: "$19.00", Per: "a month", Chip: Chip{"Active", ToneGood}, Dates: []Dated{{Before: "Renews on", At: dec23}}},
		Plans:    planSamples(),
		Usage:    usageSample(),
		Next:     &NextCharge{Title: "Next charge", When: dec23, Total: "$19.00", Lines: []QuoteLine{{Label: "Pro, 23 Dec 2026 to 23 Jan 2027", Amount: "$19.00"}}},
		Card:     CardPanel{Brand: "Visa", Last4: "4242", Expiry: "12/2030", Manage: away("/settings/billing/portal")},
		Invoices: invoiceSamples()[1:],
		Cancel:   &CancelLine{Text: "Acme moves to Free on 23 December 2026. Until then nothing changes, and you can undo it.", Href: "/settings/billing/review?plan=free"},
	}
}

func billingSamples() map[string]BillingPage {
	out := map[string]BillingPage{"active": billingBase()}
	with := func(name string, change func(p *BillingPage)) {
		p := billingBase()
		change(&p)
		out[name] = p
	}
	with("waiting", func(p *BillingPage) {
		p.Frame.Waiting = 1
		p.Frame.Orgs = append(p.Frame.Orgs, OrgChoice{ID: "org_2", Name: "Globex Corporation"})
		p.Banner = &Panel{Tone: ToneAccent, Title: "An agent waits for your answer", Text: "deploy-bot asks to upgrade Acme to Scale.", Actions: []Action{{Label: "Review request", Href: "/approve/apr_1"}}}
		p.Requests = []RequestCard{{Title: "Upgrade Acme to Scale", Href: "/approve/apr_1", By: "deploy-bot", Summary: "$17.40 now, then $49.00 a month.", Code: "KRFT", Expires: closes, Button: "Review"}}
	})
	with("plot", func(p *BillingPage) {
		p.Usage[0].Plot = Locale{}.newUsagePlot(history(plotted, now, 3, 7, 12, 8), billing.Limit{Value: 10}, now)
	})
	with("plot-none", func(p *BillingPage) {
		p.Usage[4].Plot = &UsagePlot{ID: "plot-api_calls", Label: "API calls", Note: copyPlotNone}
	})
	with("plot-bars", func(p *BillingPage) {
		p.Usage[4].Plot = Locale{}.newUsagePlot(history(counted, now, 900, 0, 1204), billing.Limit{Unlimited: true}, now)
	})
	with("scheduled", func(p *BillingPage) {
		p.Plan.Chip = Chip{"Ends 23 Dec", ToneWarn}
		p.Plan.Dates = []Dated{{Before: "Ends on", At: dec23, After: "and becomes Free"}}
		p.Banner = &Panel{Tone: ToneNeutral, Title: "Acme moves to Free on 23 December 2026", Text: "Nothing is deleted. You can undo this until then."}
		p.Changes = []ScheduledChange{{Title: "Pro → Free", When: Dated{Before: "on", At: dec23}, By: "Requested by agent deploy-bot, approved by Ada Lovelace", Undo: post("/settings/billing/resume", Field{"nonce", "n"})}}
		p.Next = &NextCharge{Title: "Final charge", None: "There is nothing left to pay. Pro ends on 23 December 2026."}
		p.Plans[0].Button, p.Plans[0].Chip = nil, Chip{"From 23 Dec", ToneWarn}
		p.Plans[1].Button = &Action{Label: "Keep Pro, no charge now", Form: post("/settings/billing/resume", Field{"nonce", "n"})}
		p.Cancel = nil
	})
	with("past-due", func(p *BillingPage) {
		p.Plan = PlanCard{Name: "Scale", Price: "$49.00", Per: "a month", Chip: Chip{"Past due", ToneBad}}
		p.Banner = &Panel{
			Tone: ToneBad, Title: "Payment of $49.00 failed on 12 Nov", Text: "You keep Scale until 26 Nov. We try again on 15 Nov.",
			Actions: []Action{{Label: "Pay now", Href: "https://pay.test/4", Primary: true}, {Label: "Update card", Form: away("/settings/billing/portal")}},
		}
		p.Plans, p.Cancel = nil, nil
		p.Invoices = invoiceSamples()
		p.Card.Warning = "This card was declined on 12 November 2026."
	})
	with("free", func(p *BillingPage) {
		p.Plan = PlanCard{Name: "Free", Price: "$0.00", Per: "a month", Chip: Chip{"Active", ToneGood}, Notes: []string{"No card needed."}}
		p.Plans[0] = PlanOption{Name: "Free", Price: "$0.00", Per: "a month", Points: p.Plans[0].Points, Current: true, Chip: Chip{}}
		p.Plans[1].Current, p.Plans[1].Chip = false, Chip{}
		p.Plans[1].Button = &Action{Label: "Subscribe, $19.00 a month", Form: away("/settings/billing/checkout", Field{"plan", "pro"}), Primary: true}
		p.Plans[2].Button = &Action{Label: "Subscribe, $49.00 a month", Form: away("/settings/billing/checkout", Field{"plan", "scale"})}
		p.Plans[2].Review, p.Plans[2].Note = "", ""
		p.Next, p.Cancel, p.Invoices = nil, nil, nil
		p.Card = CardPanel{None: "No card on file. You enter one at Checkout."}
	})
	with("finalizing", func(p *BillingPage) {
		p.Frame.Refresh, p.Frame.RefreshSeconds = "/settings/billing?checkout=cs_1", 3
		p.Finalizing = true
		p.Plan = PlanCard{Name: "Free", Price: "$0.00", Per: "a month", Chip: Chip{"Finalizing", ToneAccent}}
		p.Plans, p.Next, p.Cancel, p.Invoices = nil, nil, nil, nil
		p.Card = CardPanel{None: "No card on file yet."}
	})
	with("member", func(p *BillingPage) {
		p.Plans[0].Button, p.Plans[2].Button = nil, nil
		p.PlansNote = "Ask an owner to change the plan: Ada Lovelace."
		p.Card.Manage, p.Card.ManageNote, p.Cancel = nil, "Ask an owner: Ada Lovelace.", nil
	})
	with("design-partner", func(p *BillingPage) {
		p.Plan = PlanCard{Name: "Scale", Chip: Chip{"Complimentary", ToneAccent}, Notes: []string{"Provided free of charge. No card needed."}}
		p.Plans, p.Next, p.Cancel, p.Invoices = nil, nil, nil, nil
		p.Card = CardPanel{None: "No card needed."}
	})
	with("design-partner-pays", func(p *BillingPage) {
		p.Banner = &Panel{Tone: ToneWarn, Title: "You still pay for a subscription to Pro", Text: "$19.00 is charged on 23 December 2026. Scale is provided free of charge, whether you pay or not.", Actions: []Action{{Label: "Cancel subscription", Href: "/settings/billing/review?plan=free"}}}
		p.Plan = PlanCard{Name: "Scale", Chip: Chip{"Complimentary", ToneAccent}, Notes: []string{"Provided free of charge."}, Dates: []Dated{{Before: "Your subscription to Pro is still charged, next on", At: dec23}}}
		p.Plans = nil
	})
	with("no-stripe", func(p *BillingPage) {
		p.Plan = PlanCard{Name: "Free", Price: "$0.00", Per: "a month", Chip: Chip{"Active", ToneGood}}
		p.Banner = &Panel{Tone: ToneNeutral, Title: "Payments are not set up on this server", Text: "The operator has to add a Stripe key before a plan can be bought."}
		for i := range p.Plans {
			p.Plans[i].Button, p.Plans[i].Current, p.Plans[i].Chip = nil, i == 0, Chip{}
		}
		p.Next, p.Cancel, p.Invoices = nil, nil, nil
		p.Card = CardPanel{None: "No card on file."}
	})
	with("stale", func(p *BillingPage) {
		p.Next.AsOf = at("2026-11-23T10:41:00Z", "23 November 2026, 10:41 UTC", "")
		p.Card.Warning = "This card expires this month."
	})
	with("canceled", func(p *BillingPage) {
		p.Plan = PlanCard{Name: "Free", Price: "$0.00", Per: "a month", Chip: Chip{"Cancelled", ToneNeutral}, Dates: []Dated{{Before: "Your subscription ended on", At: decided}}}
		p.Next = &NextCharge{Title: "Next charge", None: "Nothing will be charged."}
		p.Cancel = nil
	})
	with("upgraded", func(p *BillingPage) {
		p.Result = &Panel{Tone: ToneGood, Title: "Acme is on Scale", Text: "$15.00 was charged to Visa ending 4242.", Focus: true}
	})
	with("declined", func(p *BillingPage) {
		p.Result = &Panel{Tone: ToneBad, Title: "Your bank declined the card", Text: "Your plan has not changed and nothing was charged.", Focus: true, Ref: "req_01jd8z5p", Actions: []Action{{Label: "Use another card", Form: away("/settings/billing/portal")}}}
	})
	with("review", func(p *BillingPage) { r := reviewSample(); p.Review = &r })
	with("quote-changed", func(p *BillingPage) {
		r := reviewSample()
		r.Changed = &Changed{What: "Charge today", Old: "$14.40", New: "$15.00"}
		r.Problem = &Panel{Tone: ToneWarn, Title: "The price has changed since you saw it", Text: "Nothing was charged. Look at the new price and decide again.", Focus: true}
		p.Review = &r
	})
	return out
}

func reviewSample() Review {
	return Review{
		Frame: plainFrame("Upgrade to Scale"), Title: "Upgrade to Scale", Lead: "From $19.00 to $49.00 a month, at once.",
		Lines: []QuoteLine{
			{Label: "Remaining time on Scale", Detail: "23 November to 23 December 2026", Amount: "$24.50"},
			{Label: "Unused time on Pro", Amount: "−$9.50"},
			{Label: "Tax", Amount: "$0.00"},
		},
		TotalLabel: "Charge today", Total: "$15.00",
		Facts:  []Fact{{Term: "Card", Text: "Visa ending 4242"}, {Term: "Then", Text: "$49.00 a month, next on", At: dec23}},
		Button: &Action{Label: "Upgrade, pay $15.00 now", Form: post("/settings/billing/change", Field{"plan", "scale"}, Field{"quote", "q"}, Field{"nonce", "n"}), Primary: true},
		Back:   "/settings/billing",
	}
}

func downgradeSample() Review {
	return Review{
		Frame: plainFrame("Downgrade to Free"), Title: "Downgrade to Free on 23 December 2026", Lead: "Nothing is charged, and nothing is refunded.",
		Lost:     []string{"10 agents become 3", "20 members become 6", "5,000 rows become 500"},
		Over:     []string{"Agents: 8 in use, 3 allowed, over by 5"},
		Facts:    []Fact{{Term: "You keep Pro until", At: dec23}, {Term: "Final charge", Text: "None"}},
		Reassure: "Nothing is deleted. You can undo this until 23 December 2026.",
		Button:   &Action{Label: "Downgrade on 23 December", Form: post("/settings/billing/downgrade", Field{"nonce", "n"})},
		Back:     "/settings/billing",
	}
}

func approveBase() ApprovePage {
	return ApprovePage{
		Frame: plainFrame("Upgrade Acme to Scale?"), Org: "Acme", Title: "Upgrade Acme to Scale?",
		Lead: "An agent asked for this change. Nothing has changed yet.", Chip: Chip{"Waiting", ToneAccent},
		From: PlanSide{Label: "Now", Name: "Pro", Price: "$19.00", Per: "a month"},
		To:   PlanSide{Label: "Then", Name: "Scale", Price: "$49.00", Per: "a month"},
		Due: &Due{Label: "Due today", Amount: "$17.40", Lines: []QuoteLine{
			{Label: "Remaining time on Scale", Detail: "23 November to 23 December 2026", Amount: "$28.42"},
			{Label: "Unused time on Pro", Amount: "−$11.02"},
		}},
		Facts:  []Fact{{Term: "Next charge", Text: "$49.00 on", At: dec23}, {Term: "Card", Text: "Visa ending 4242"}, {Term: "Tax", Text: "None"}},
		Asker:  &Asker{Name: "deploy-bot", Key: "csa_4fZk…", CreatedBy: "Ada Lovelace", LastUsed: at("2026-11-23T10:01:00Z", "23 November 2026, 10:01 UTC", ""), Record: "12 approved, 1 denied, 2 unanswered"},
		Code:   "KRFT",
		Asked:  asked,
		Closes: closes,
		Reason: "We hit the cap of 10 agents while rolling out the nightly build. <b>Scale</b> allows 30, and the queue has been blocked since 08:40.",
		Email:  "ada@acme.test",
		Decide: &Decide{
			Form:    Form{URL: "/approve/apr_1", Fields: []Field{{"op_digest", "d"}, {"quote", "q"}, {"form_token", "ft"}}},
			Approve: "Approve, pay $17.40 now", Deny: "Deny", Pauses: "Denies the request and pauses the key of deploy-bot until you lift it.",
		},
		Opened: &Form{URL: "/approve/apr_1/opened", Fields: []Field{{"form_token", "ft"}}},
	}
}

func approveSamples() map[string]ApprovePage {
	out := map[string]ApprovePage{
		"signed-out": {Frame: plainFrame("Sign in"), SignIn: "/login?next=/approve/apr_1"},
		"pending":    approveBase(),
	}
	with := func(name string, change func(p *ApprovePage)) {
		p := approveBase()
		change(&p)
		out[name] = p
	}
	ended := func(name, chipText string, v Panel) {
		with(name, func(p *ApprovePage) {
			v.Focus = true
			p.Lead, p.Decide, p.Opened, p.Closes, p.Code = "", nil, nil, Time{}, ""
			p.Title = "Upgrade Acme to Scale"
			p.Chip, p.Verdict = Chip{chipText, v.Tone}, &v
		})
	}
	with("downgrade", func(p *ApprovePage) {
		p.Title = "Downgrade Acme to Free?"
		p.From = PlanSide{Label: "Now", Name: "Scale", Price: "$49.00", Per: "a month"}
		p.To = PlanSide{Label: "From 23 Dec 2026", Name: "Free", Price: "$0.00", Per: "a month"}
		p.Due = &Due{Label: "Due today", Amount: "$0.00", Note: "Nothing is charged and nothing is refunded."}
		p.Lost, p.Over = downgradeSample().Lost, downgradeSample().Over
		p.Facts = []Fact{{Term: "You keep Scale until", At: dec23}}
		p.Decide.Approve = "Approve, no charge now"
		p.Reason = ""
	})
	with("long", func(p *ApprovePage) {
		name := strings.Repeat("Donaudampfschifffahrt", 4)
		p.Org, p.Title = name, "Upgrade "+name+" to "+name+"?"
		p.From.Name, p.To.Name, p.From.Price, p.To.Price = name, name, "$1,234,567,890.00", "$90,071,992,547,409.91"
		p.Due.Amount, p.Facts[0].Text, p.Facts[1].Text = "$90,071,992,547,409.91", "$90,071,992,547,409.91 on", name
		p.Due.Lines[0].Label, p.Due.Lines[0].Amount = name, "$90,071,992,547,409.91"
		p.Asker.Name, p.Asker.CreatedBy, p.Reason, p.Email = name, name, name+name, name+"@acme.test"
		p.Over = []string{name}
		p.Decide.Approve, p.Decide.Pauses = "Approve, pay $90,071,992,547,409.91 now", "Pauses the key of "+name
	})
	with("resume", func(p *ApprovePage) {
		p.Title = "Keep Acme on Pro?"
		p.From = PlanSide{Label: "Now", Name: "Pro", Price: "Ends 23 Dec 2026"}
		p.To = PlanSide{Label: "Then", Name: "Pro", Price: "$19.00", Per: "a month"}
		p.Due = &Due{Label: "Due today", Amount: "$0.00"}
		p.Decide.Approve = "Approve, no charge now"
	})
	with("quote-changed", func(p *ApprovePage) {
		p.Verdict = &Panel{Tone: ToneWarn, Title: "The price has changed since you saw it", Text: "Nothing was charged. Look at the new price and decide again.", Focus: true}
		p.Changed = &Changed{What: "Due today", Old: "$15.00", New: "$17.40"}
	})
	with("member", func(p *ApprovePage) {
		p.Verdict = &Panel{Tone: ToneNeutral, Title: "You can read this, but not decide it", Text: "An owner or billing admin of Acme can: Ada Lovelace, Grace Hopper. Send them this page's address."}
		p.Decide, p.Opened = nil, nil
	})
	with("executing", func(p *ApprovePage) {
		p.Frame.Refresh, p.Frame.RefreshSeconds = "/approve/apr_1", 3
		p.Lead, p.Decide, p.Opened, p.Closes, p.Code = "", nil, nil, Time{}, ""
		p.Chip = Chip{"In progress", ToneAccent}
		p.Working = &Working{Title: "Working on it", Text: "Ada Lovelace approved this. Stripe is carrying it out; this page updates by itself."}
	})
	ended("succeeded", "Done", Panel{Tone: ToneGood, Title: "Acme is on Scale", Text: "$17.40 was charged to Visa ending 4242. You can go back to your agent."})
	ended("declined", "Failed", Panel{Tone: ToneBad, Title: "Your bank declined the card", Text: "Your plan has not changed.", Actions: []Action{{Label: "Use another card", Form: away("/settings/billing/portal")}}})
	ended("needs-bank", "Needs your bank", Panel{Tone: ToneWarn, Title: "Your bank wants to confirm this payment", Text: "The plan changes once that is done. Nothing was charged yet.", Actions: []Action{{Label: "Confirm with your bank", Href: "https://pay.test/3ds", Primary: true}}})
	ended("already", "Approved", Panel{Tone: ToneNeutral, Title: "Already answered", At: Dated{Before: "Grace Hopper approved this at", At: decided}})
	ended("denied", "Denied", Panel{Tone: ToneNeutral, Title: "Denied. Nothing changed.", Text: "Your agent will be told."})
	ended("expired", "Expired", Panel{Tone: ToneNeutral, Title: "This request ended", At: Dated{Before: "It ended on", At: closes, After: "Nothing changed. Ask your agent for a new one."}})
	ended("canceled", "Withdrawn", Panel{Tone: ToneNeutral, Title: "Withdrawn by deploy-bot", Text: "Nothing changed."})
	ended("superseded", "Replaced", Panel{Tone: ToneNeutral, Title: "Replaced by another request of deploy-bot", Text: "Nothing changed.", Actions: []Action{{Label: "See the new request", Href: "/approve/apr_2", Primary: true}}})
	ended("invalidated", "Void", Panel{Tone: ToneNeutral, Title: "This request is void", Text: "The key that asked was revoked. Nothing changed."})
	ended("indeterminate", "Checking", Panel{Tone: ToneWarn, Title: "We do not know yet how this ended", Text: "Stripe did not answer in time. We keep asking and never charge twice.", Ref: "int_01jd8z5p"})
	return out
}

func pageSamples() map[string]templ.Component {
	inbox := ApprovalsPage{
		Frame:   appFrame(NavApprovals),
		Filters: []FilterLink{{"All", "/settings/approvals", true}, {"Waiting", "/settings/approvals?state=pending", false}, {"Approved", "/settings/approvals?state=succeeded", false}, {"Denied", "/settings/approvals?state=denied", false}},
		Rows: []ApprovalRow{
			{Title: "Upgrade to Scale", Href: "/approve/apr_1", Chip: Chip{"Waiting", ToneAccent}, Asker: "deploy-bot", Asked: asked, Money: "$17.40 now, then $49.00 a month", Open: true, Result: "Open until", At: closes},
			{Title: "Downgrade to Free", Href: "/approve/apr_2", Chip: Chip{"Denied", ToneNeutral}, Asker: "cost-watcher", Asked: asked, Money: "No charge, from 23 December 2026", Result: "Denied by Ada Lovelace,", At: decided},
			{Title: "Switch to Pro", Href: "/approve/apr_3", Chip: Chip{"Done", ToneGood}, Asker: "deploy-bot", Asked: asked, Money: "$12.30 credit, then $19.00 a month", Result: "Approved by Grace Hopper,", At: decided},
			{Title: "Upgrade to Scale", Href: "/approve/apr_4", Chip: Chip{"Failed", ToneBad}, Asker: "deploy-bot", Asked: asked, Money: "$17.40 now, then $49.00 a month", Result: "The card was declined,", At: decided},
		},
		Next: "/settings/approvals?cursor=apr_4",
	}
	inbox.Frame.Waiting = 1
	inbox.Frame.Title = "Approvals"
	empty := ApprovalsPage{Frame: appFrame(NavApprovals), Filters: inbox.Filters, Empty: Empty{Text: "No agent has asked for anything yet."}}
	return map[string]templ.Component{
		"approvals":       Approvals(inbox),
		"approvals-empty": Approvals(empty),
		"invoices":        InvoicesList(InvoicesPage{Frame: appFrame(NavBilling), Rows: sampleInvoices(), Next: "/settings/billing/invoices?cursor=4"}),
		"invoices-none":   InvoicesList(InvoicesPage{Frame: appFrame(NavBilling)}),
		"review":          ReviewPage(reviewSample()),
		"review-down":     ReviewPage(downgradeSample()),
		"login":           Login(NewLogin(plainFrame(""), "/approve/apr_1", "", LoginPlain)),
		"login-invalid":   Login(NewLogin(plainFrame(""), "", "ada@", LoginBadEmail)),
		"login-expired":   Login(NewLogin(plainFrame(""), "", "", LoginBadLink)),
		"login-sent":      LoginSent(LoginSentPage{Frame: plainFrame("Check your email"), Email: "ada@acme.test", Minutes: 15, Mailbox: "/dev/mailbox"}),
		"login-confirm":   LoginConfirm(LoginConfirmPage{Frame: plainFrame("Sign in"), Email: "ada@acme.test", Form: *post("/login/tok")}),
		"error-404":       Error(NewError(plainFrame(""), 404, "The address is wrong, or it belongs to another account than the one you are signed in with.", "", "ada@example.com")),
		"error-403":       Error(NewError(plainFrame(""), 403, "Only an owner or a billing admin can do this.", "", "mia@acme.test")),
		"error-500":       Error(NewError(plainFrame(""), 500, "Something went wrong on our side.", "req_01jd8z5p", "")),
		"mailbox": Mailbox(MailboxPage{
			Frame: plainFrame("Demo mailbox"),
			Orgs:  []MailboxOrg{{"Acme", "On Pro with card 4242: the next upgrade meets the consent", "ada@acme.test", "/login/a"}, {"Initech", "Past due: the last payment failed", "bill@initech.test", "/login/b"}},
			Mails: []MailboxMail{{To: "ada@acme.test", Subject: "Sign in to Countersign", At: asked, Text: "Open this link to sign in.\nIt works once, for 15 minutes.", Link: "/login/tok"}},
		}),
		"mailbox-empty": Mailbox(MailboxPage{Frame: plainFrame("")}),
	}
}
