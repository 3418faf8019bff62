package views

import (
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func requestValues(t testing.TB) ApproveValues {
	c := flat(t)
	return ApproveValues{
		Frame: plainFrame(""), Catalog: c, Email: "ada@acme.test", Token: "tok", OpenedToken: "opened",
		Request: billing.Request{
			Approval: billing.Approval{
				ID: "apr_1", State: billing.ApprovalPending, Actor: billing.Actor{Kind: billing.KindAgent, Name: "deploy-bot"},
				KeyPrefix: "csa_4fZk", KeyBy: "Ada Lovelace", Reason: "blocked", Quote: upgradeQuote(),
				CreatedAt: now.Add(-4 * time.Minute), ExpiresAt: now.Add(23*time.Hour + time.Minute),
			},
			Org: billing.Org{Name: "Acme"}, From: plan(t, c, "pro"), To: plan(t, c, "scale"), Quote: upgradeQuote(),
			Subscription: onPro(t).Summary.Subscription, Sealed: "sealed", OpDigest: "digest", CanDecide: true,
			Record: billing.AskRecord{Approved: 12, Denied: 1}, Now: now,
		},
	}
}

func TestPendingRequest(t *testing.T) {
	p := NewApprove(requestValues(t))
	if p.Title != "Upgrade Acme to Scale?" || p.Decide == nil || p.Decide.Approve != "Approve, pay $15.00 now" {
		t.Errorf("title %q, decide %+v", p.Title, p.Decide)
	}
	if p.Asker.Record != "12 approved, 1 denied" || p.Asked.Relative != "4 minutes ago" || p.Closes.Relative != "in 23 hours" {
		t.Errorf("asker %+v, asked %+v, closes %+v", p.Asker, p.Asked, p.Closes)
	}
	d := render(t, Approve(p))
	if got := billing.CheckCode("apr_1"); !strings.Contains(text(d.root), "Check that your agent shows the same code: "+got) {
		t.Errorf("the page does not show the code %s", got)
	}
	for _, f := range d.tag("form") {
		digest, _ := field(f, "op_digest")
		quote, _ := field(f, "quote")
		if attr(f, "action") == "/approve/apr_1" && (digest != "digest" || quote != "sealed") {
			t.Errorf("form carries digest %q, quote %q", digest, quote)
		}
	}
}

// Of the request's own forms there is one left: that which tells the owners.
func TestWhoCannotDecideHasNoFormAndNoBeacon(t *testing.T) {
	v := requestValues(t)
	v.Request.CanDecide, v.Request.Sealed, v.Request.OpDigest = false, "", ""
	v.Request.Deciders = []billing.Membership{{User: billing.User{Name: "Grace Hopper"}}}
	d := render(t, Approve(NewApprove(v)))
	for _, f := range d.tag("form") {
		if action := attr(f, "action"); action != "/logout" && action != "/approve/apr_1/send" {
			t.Errorf("form %s", action)
		}
	}
	if !strings.Contains(text(d.root), "These people of Acme can: Grace Hopper.") {
		t.Error("the page does not say who can decide")
	}
}

func TestWithoutAPriceOnlyDenyIsLeft(t *testing.T) {
	for name, change := range map[string]func(r *billing.Request){
		"stripe down": func(r *billing.Request) { r.StripeDown, r.Sealed = true, "" },
		"outdated":    func(r *billing.Request) { r.Outdated, r.Sealed = true, "" },
		"no quote":    func(r *billing.Request) { r.Sealed = "" },
	} {
		t.Run(name, func(t *testing.T) {
			v := requestValues(t)
			change(&v.Request)
			d := render(t, Approve(NewApprove(v)))
			var values []string
			for _, b := range d.tag("button") {
				if attr(b, "name") == "decision" {
					values = append(values, attr(b, "value"))
				}
			}
			if len(values) != 1 || values[0] != "deny" {
				t.Errorf("decisions %q", values)
			}
		})
	}
}

func TestChangedPriceShowsOldAndNew(t *testing.T) {
	v := requestValues(t)
	before := upgradeQuote()
	before.DueNow = 1440
	v.Request.Previous, v.Problem = &before, billing.ErrQuoteChanged
	p := NewApprove(v)
	if p.Changed == nil || p.Changed.Old != "$14.40" || p.Changed.New != "$15.00" || p.Decide.Approve != "Approve, pay $15.00 now" {
		t.Errorf("changed %+v, decide %+v", p.Changed, p.Decide)
	}
}

// What was charged can be proved: its invoice is one press away.
func TestInvoicesAreOfferedAfterACharge(t *testing.T) {
	for charged, want := range map[int64]int{1500: 2, 0: 1} {
		v := requestValues(t)
		v.Request.Approval.State = billing.ApprovalSucceeded
		v.Request.Approval.Result = &billing.Outcome{Status: billing.StatusSwitched, Plan: "scale", Charged: charged, Currency: "usd"}
		if p := NewApprove(v); len(p.Actions) != want || p.Actions[want-1].Href != []string{"/settings/billing", "/settings/billing/invoices"}[want-1] {
			t.Errorf("after %d: %+v", charged, p.Actions)
		}
	}
}

func TestAnsweredRequests(t *testing.T) {
	ada := billing.Actor{Kind: billing.KindHuman, Name: "Ada Lovelace"}
	result := func(change func(o *billing.Outcome)) *billing.Outcome {
		o := billing.Outcome{Status: billing.StatusSwitched, Plan: "scale", Charged: 1500, Currency: "usd"}
		change(&o)
		return &o
	}
	failure := func(code, url string) *billing.Outcome {
		return result(func(o *billing.Outcome) {
			o.Status, o.Charged = billing.StatusFailed, 0
			o.Failure = &billing.Failure{Code: code, Message: "m", ActionURL: url}
		})
	}
	for _, tc := range []struct {
		name   string
		state  billing.ApprovalState
		change func(a *billing.Approval)
		chip   string
		words  []string
	}{
		{"succeeded", billing.ApprovalSucceeded, func(a *billing.Approval) { a.Result = result(func(*billing.Outcome) {}) }, "Done", []string{"Acme is on Scale", "$15.00 was charged to Visa ending 4242. You can go back to your agent.", "Ada Lovelace approved this on 23 November 2026, 10:02 UTC"}},
		{"declined", billing.ApprovalFailed, func(a *billing.Approval) { a.Result = failure("payment_failed", "") }, "Failed", []string{"Your bank declined the card", "Your plan has not changed", "Use another card"}},
		{"needs the bank", billing.ApprovalIndeterminate, func(a *billing.Approval) { a.Result = failure("payment_action_required", "https://pay.test/3ds") }, "Needs your bank", []string{"Your bank wants to confirm this payment", "Confirm with your bank"}},
		{"indeterminate", billing.ApprovalIndeterminate, func(a *billing.Approval) { a.IntentID = "int_7" }, "Being checked", []string{"We cannot tell yet whether this change was made", "int_7"}},
		{"denied", billing.ApprovalDenied, func(a *billing.Approval) {
			a.Denial = &billing.Denial{Reason: "too_expensive", Note: "<next> quarter"}
		}, "Denied", []string{"Denied. Nothing changed.", "Your agent will be told.", "Ada Lovelace denied this on", ": too expensive. “<next> quarter”"}},
		{"expired", billing.ApprovalExpired, func(*billing.Approval) {}, "Expired", []string{"This request has ended", "24 November 2026, 09:06 UTC", "Nothing changed. Ask your agent for a new one."}},
		{"canceled", billing.ApprovalCanceled, func(*billing.Approval) {}, "Withdrawn", []string{"Withdrawn by deploy-bot"}},
		{"superseded", billing.ApprovalSuperseded, func(a *billing.Approval) { a.ReplacedBy = "apr_2" }, "Replaced", []string{"See the new request"}},
		{"invalidated", billing.ApprovalInvalidated, func(*billing.Approval) {}, "Void", []string{"This request is void"}},
		{"approved", billing.ApprovalApproved, func(*billing.Approval) {}, "In progress", []string{"Working on it", "Ada Lovelace approved this."}},
		{"executing", billing.ApprovalExecuting, func(*billing.Approval) {}, "In progress", []string{"Working on it"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := requestValues(t)
			v.Request.Approval.State, v.Request.Approval.DecidedBy = tc.state, ada
			v.Request.Approval.DecidedAt = time.Date(2026, 11, 23, 10, 2, 0, 0, time.UTC)
			tc.change(&v.Request.Approval)
			d := render(t, Approve(NewApprove(v)))
			words := text(d.root)
			for _, w := range append(tc.words, tc.chip) {
				if !strings.Contains(words, w) {
					t.Errorf("the page does not say %q:\n%s", w, words)
				}
			}
			for _, b := range d.tag("button") {
				if attr(b, "name") == "decision" || attr(b, "name") == "reason" {
					t.Errorf("there is a button %q", text(b))
				}
			}
			if strings.HasSuffix(text(d.tag("h1")[0]), "?") {
				t.Error("the heading still asks")
			}
		})
	}
}

// What was not made says no charge as if it were to come.
func TestChargesOfAnAnsweredRequest(t *testing.T) {
	for state, want := range map[billing.ApprovalState][2]string{
		billing.ApprovalPending:       {"Due today", "Next charge"},
		billing.ApprovalExecuting:     {"To be charged", "Next charge"},
		billing.ApprovalSucceeded:     {"Charged", "Next charge"},
		billing.ApprovalIndeterminate: {"Approved for", "Next charge"},
		billing.ApprovalDenied:        {"Due on approval", "Next charge on approval"},
		billing.ApprovalExpired:       {"Due on approval", "Next charge on approval"},
		billing.ApprovalFailed:        {"Due on approval", "Next charge on approval"},
	} {
		v := requestValues(t)
		v.Request.Approval.State, v.Request.Quote.NextChargeAt = state, periodEnd
		if p := NewApprove(v); p.Due.Label != want[0] || len(p.Facts) == 0 || p.Facts[0].Term != want[1] {
			t.Errorf("%s: %q, %+v, want %q", state, p.Due.Label, p.Facts, want)
		}
	}
}

func TestLateAnswerSaysWhoWasFirst(t *testing.T) {
	v := requestValues(t)
	v.Problem = billing.ErrAlreadyDecided
	a := &v.Request.Approval
	a.State, a.DecidedBy, a.DecidedAt = billing.ApprovalDenied, billing.Actor{Name: "Grace Hopper"}, now
	words := text(render(t, Approve(NewApprove(v))).root)
	if !strings.Contains(words, "Already answered. Denied.") || !strings.Contains(words, "Grace Hopper denied this on 23 November 2026, 10:05 UTC") {
		t.Error(words)
	}
}

func TestDowngradeRequestSaysWhatEnds(t *testing.T) {
	v := requestValues(t)
	q := billing.Quote{Change: billing.Change{Action: billing.ActionScheduleDowngrade}, Currency: "usd", FromPlan: "pro", ToPlan: "free", EffectiveAt: periodEnd}
	v.Request.Approval.Quote, v.Request.Quote = q, q
	v.Request.To = v.Catalog.Free()
	v.Request.Usage = onPro(t).Summary.Usage
	v.Request.Usage[0].Active = 8
	p := NewApprove(v)
	if p.Title != "Downgrade Acme to Free?" || p.To.Label != "From 23 Dec 2026" || p.Decide.Approve != "Approve, no charge now" {
		t.Errorf("title %q, to %+v, decide %+v", p.Title, p.To, p.Decide)
	}
	if len(p.Lost) == 0 || len(p.Over) != 1 {
		t.Errorf("lost %q, over %q", p.Lost, p.Over)
	}
}

func TestApprovalsRowsAndLinks(t *testing.T) {
	a := requestValues(t).Request.Approval
	p := NewApprovals(ApprovalsValues{Frame: appFrame(NavApprovals), Catalog: flat(t), List: []billing.Approval{a}, State: billing.ApprovalPending, Next: "apr_1", Now: now})
	r := p.Rows[0]
	if r.Title != "Upgrade to Scale" || r.Money != "$15.00 now, then $49.00 a month" || r.Href != "/approve/apr_1" || r.Result != "Open until" {
		t.Errorf("row %+v", r)
	}
	if p.Next != "/settings/approvals?cursor=apr_1&state=pending" {
		t.Errorf("next %q", p.Next)
	}
	current := 0
	for _, f := range p.Filters {
		if f.Current {
			current++
		}
	}
	if current != 1 {
		t.Errorf("%d current filters", current)
	}
}

func TestWords(t *testing.T) {
	for got, want := range map[string]string{
		number(0): "0", number(999): "999", number(1000): "1,000", number(1234567): "1,234,567", number(-1000): "−1,000",
		money(-950, "usd"): "−$9.50", money(1900, "usd"): "$19.00",
		relative(now, now): "just now", relative(now.Add(time.Hour), now): "in 1 hour", relative(now.Add(-49*time.Hour), now): "2 days ago",
		moment(now).Text: "23 November 2026, 10:05 UTC", moment(time.Time{}).Text: "",
		Locale{}.limitOf(billing.Resource{Singular: "agent", Plural: "agents"}, billing.Limit{Value: 1}): "1 agent",
		brand("visa"): "Visa", brand("unheard-of"): "Card", lowerFirst("Upgrade"): "upgrade", capital("rows"): "Rows",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
