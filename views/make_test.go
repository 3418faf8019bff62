package views

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

var (
	now       = time.Date(2026, 11, 23, 10, 5, 0, 0, time.UTC)
	periodEnd = time.Date(2026, 12, 23, 0, 0, 0, 0, time.UTC)
)

func flat(t testing.TB) *billing.Catalog {
	t.Helper()
	c, err := billing.Builtin("flat")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func plan(t testing.TB, c *billing.Catalog, id string) billing.Plan {
	t.Helper()
	p, ok := c.Plan(id)
	if !ok {
		t.Fatalf("no plan %q", id)
	}
	return p
}

// onPro is an org on Pro with a card, and what it can do.
func onPro(t testing.TB) BillingValues {
	c := flat(t)
	v := BillingValues{
		Frame: appFrame(NavBilling), Catalog: c, CanManage: true, Token: "tok", Nonce: "n1",
		Owners: []billing.Membership{{User: billing.User{Name: "Ada Lovelace"}}},
		Summary: billing.Summary{
			Org: billing.Org{Name: "Acme", CustomerID: "cus_1"}, Plan: plan(t, c, "pro"), StripeReady: true, Now: now,
			Subscription: billing.Subscription{State: billing.State{
				CustomerID: "cus_1", Status: billing.StatusActive, Plan: "pro", PeriodEnd: periodEnd,
				Card: &billing.Card{Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2030},
				Next: &billing.NextInvoice{Date: periodEnd, Amount: billing.Money{Amount: 1900, Currency: "usd"}},
			}},
		},
	}
	v.Offers = []billing.Offer{
		{Plan: plan(t, c, "free"), Kind: billing.OfferDowngrade, Sealed: "s0", Quote: billing.Quote{Change: billing.Change{Action: billing.ActionScheduleDowngrade}, Currency: "usd", FromPlan: "pro", ToPlan: "free", EffectiveAt: periodEnd}},
		{Plan: plan(t, c, "pro"), Kind: billing.OfferCurrent},
		{Plan: plan(t, c, "scale"), Kind: billing.OfferSwitch, Sealed: "s2", Quote: upgradeQuote()},
	}
	for _, r := range c.Resources {
		v.Summary.Usage = append(v.Summary.Usage, billing.Usage{Resource: r, Cap: v.Summary.Plan.Cap(r.ID), Reported: now})
	}
	return v
}

func upgradeQuote() billing.Quote {
	return billing.Quote{
		Change: billing.Change{Action: billing.ActionChangePlan, Plan: "scale"}, Currency: "usd", FromPlan: "pro", ToPlan: "scale",
		DueNow: 1500, Recurring: 4900, Interval: "month", NextChargeAt: periodEnd,
		Lines: []billing.Line{{Description: "Unused time on Pro", Amount: -950}, {Description: "Remaining time on Scale", Amount: 2450}},
	}
}

func TestBillingOfAnActiveOrg(t *testing.T) {
	p := NewBilling(onPro(t))
	if p.Plan.Name != "Pro" || p.Plan.Price != "$19.00" || p.Plan.Per != "a month" || p.Plan.Chip.Text != "Active" {
		t.Errorf("plan %+v", p.Plan)
	}
	if p.Plan.Dates[0].Before != "Renews on" || p.Plan.Dates[0].At.ISO != "2026-12-23T00:00:00Z" {
		t.Errorf("dates %+v", p.Plan.Dates)
	}
	if p.Next.Total != "$19.00" || p.Card.Expiry != "12/2030" || p.Card.Brand != "Visa" || p.Card.Manage == nil {
		t.Errorf("next %+v, card %+v", p.Next, p.Card)
	}
	if p.Banner != nil || p.PlansNote != "" || len(p.Changes) != 0 {
		t.Errorf("banner %+v, note %q", p.Banner, p.PlansNote)
	}
	if p.Cancel == nil || p.Cancel.Href != "/settings/billing/review?plan=free" {
		t.Errorf("cancel %+v", p.Cancel)
	}
	words := text(render(t, Billing(p)).root)
	for _, want := range []string{"Upgrade, pay $15.00 now", "Downgrade on 23 December", "10,000 API calls a month", "Current plan"} {
		if !strings.Contains(words, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
}

func TestButtonsOfOffers(t *testing.T) {
	c := flat(t)
	quote := func(change func(q *billing.Quote)) billing.Quote {
		q := upgradeQuote()
		change(&q)
		return q
	}
	for _, tc := range []struct {
		name  string
		offer billing.Offer
		label string
		url   string // of the POST; empty for a link
	}{
		{"upgrade", billing.Offer{Plan: plan(t, c, "scale"), Kind: billing.OfferSwitch, Quote: upgradeQuote()}, "Upgrade, pay $15.00 now", "/settings/billing/change"},
		{"paid by credit", billing.Offer{Plan: plan(t, c, "scale"), Kind: billing.OfferSwitch, Quote: quote(func(q *billing.Quote) { q.DueNow = 0 })}, "Upgrade, no charge now", "/settings/billing/change"},
		{"down to pro", billing.Offer{Plan: plan(t, c, "pro"), Kind: billing.OfferSwitch, Quote: quote(func(q *billing.Quote) { q.FromPlan, q.ToPlan, q.DueNow, q.Credit = "scale", "pro", 0, 1230 })}, "Switch to Pro, $12.30 credit", "/settings/billing/change"},
		{"to free", billing.Offer{Plan: plan(t, c, "free"), Kind: billing.OfferDowngrade, Quote: billing.Quote{EffectiveAt: periodEnd}}, "Downgrade on 23 December", ""},
		{"resume", billing.Offer{Plan: plan(t, c, "pro"), Kind: billing.OfferResume}, "Keep Pro, no charge now", "/settings/billing/resume"},
		{"checkout", billing.Offer{Plan: plan(t, c, "pro"), Kind: billing.OfferCheckout}, "Subscribe, $19.00 a month", "/settings/billing/checkout"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.offer.Sealed = "sealed"
			v := onPro(t)
			b := offerButton(&v, &tc.offer)
			if b == nil || b.Label != tc.label {
				t.Fatalf("button %+v, want %q", b, tc.label)
			}
			if tc.url == "" {
				if b.Form != nil || b.Href != "/settings/billing/review?plan=free" || b.Into != "review" {
					t.Errorf("button %+v", b)
				}
				return
			}
			if b.Form == nil || b.Form.URL != tc.url || b.Form.Fields[0] != (Field{"form_token", "tok"}) {
				t.Errorf("form %+v, want %s", b.Form, tc.url)
			}
		})
	}
	v := onPro(t)
	for _, kind := range []billing.OfferKind{billing.OfferCurrent, billing.OfferNone} {
		if b := offerButton(&v, &billing.Offer{Plan: plan(t, c, "pro"), Kind: kind}); b != nil {
			t.Errorf("%s has a button %+v", kind, b)
		}
	}
}

func TestEachFormHasANonceOfItsOwn(t *testing.T) {
	v := onPro(t)
	v.Summary.Scheduled = []billing.ScheduledChange{{Plan: "free", EffectiveAt: periodEnd}}
	d := render(t, Billing(NewBilling(v)))
	seen := map[string]string{}
	for _, f := range d.tag("form") {
		nonce, ok := field(f, "nonce")
		if !ok {
			continue
		}
		if other, dup := seen[nonce]; dup {
			t.Errorf("%s and %s share nonce %q", other, attr(f, "action"), nonce)
		}
		seen[nonce] = attr(f, "action")
	}
	if len(seen) != 2 {
		t.Errorf("forms with a nonce: %v", seen)
	}
}

func TestUsageBeginsWithWhatRunsOut(t *testing.T) {
	v := onPro(t)
	var all []billing.Usage
	for i, active := range []int64{1, 8, 13, 2, 10} {
		u := v.Summary.Usage[0]
		u.Resource.Plural, u.Active = string(rune('a'+i)), active
		all = append(all, u)
	}
	v.Summary.Usage = all
	var order string
	for _, r := range NewBilling(v).Usage {
		order += r.Label
	}
	if order != "CEBAD" {
		t.Errorf("rows in the order %s", order)
	}
}

func TestBannerIsTheMostPressingMatter(t *testing.T) {
	waiting := []billing.Approval{{ID: "apr_1", Actor: billing.Actor{Kind: billing.KindAgent, Name: "deploy-bot"}, Quote: upgradeQuote()}}
	scheduled := []billing.ScheduledChange{{Plan: "free", EffectiveAt: periodEnd}}
	open := &billing.PaymentAction{URL: "https://pay.test/1", Amount: billing.Money{Amount: 4900, Currency: "usd"}, Failed: now.AddDate(0, 0, -11), NextTry: now.AddDate(0, 0, 2)}
	grace := time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)
	keeping := &billing.Dunning{Status: billing.StatusPastDue, Plan: "pro", Failed: open.Failed, KeepUntil: grace, Payment: open}
	lapse := func(v *BillingValues, a billing.PaymentAction) {
		v.Summary.Plan = v.Catalog.Free()
		v.Summary.Dunning = &billing.Dunning{Status: billing.StatusUnpaid, Plan: "pro", Failed: open.Failed, LostAt: grace, Payment: &a}
	}
	for _, tc := range []struct {
		name   string
		change func(v *BillingValues)
		title  string
		text   string
	}{
		{"nothing", func(*BillingValues) {}, "", ""},
		{"bank before all", func(v *BillingValues) {
			a := *open
			a.Plan = "scale"
			v.Summary.Subscription.Action, v.Waiting, v.Summary.Scheduled = &a, waiting, scheduled
		}, "Your bank wants to confirm a payment of $49.00", "The change to Scale waits for it. Nothing was charged yet."},
		{"past due before waiting", func(v *BillingValues) {
			v.Summary.Subscription.Status, v.Summary.Dunning, v.Waiting = billing.StatusPastDue, keeping, waiting
		}, "Payment of $49.00 failed on 12 Nov", "You keep Pro until 26 Nov. We try again on 25 Nov."},
		{"past due before an ended trial", func(v *BillingValues) {
			v.Summary.Dunning, v.Summary.Subscription.Trial = keeping, billing.Trial{Plan: "pro", StartedAt: now.AddDate(0, 0, -40), EndsAt: now.AddDate(0, 0, -10)}
		}, "Payment of $49.00 failed on 12 Nov", "You keep Pro until 26 Nov. We try again on 25 Nov."},
		{
			"a member of a past due org", func(v *BillingValues) { v.Summary.Dunning, v.CanManage = keeping, false },
			"Payment of $49.00 failed on 12 Nov", "You keep Pro until 26 Nov. We try again on 25 Nov. Ask an owner: Ada Lovelace.",
		},
		{"the renewal waits for the bank", func(v *BillingValues) {
			a, d := *open, *keeping
			a.NeedsBank, d.Payment = true, &a
			v.Summary.Dunning = &d
		}, "Your bank wants to confirm a payment of $49.00", "The payment of 12 Nov goes through once you confirm it. You keep Pro until 26 Nov."},
		{"the bank, when the grace is over", func(v *BillingValues) {
			a := *open
			a.NeedsBank = true
			lapse(v, a)
		}, "Your bank wants to confirm a payment of $49.00", "The payment of 12 Nov goes through once you confirm it. Acme is on Free since 26 Nov until it is paid."},
		{
			"the grace is over", func(v *BillingValues) { lapse(v, *open) },
			"Payment of $49.00 failed on 12 Nov", "Acme is on Free since 26 Nov until it is paid. We try again on 25 Nov.",
		},
		{"nobody tries any more", func(v *BillingValues) {
			a := *open
			a.NextTry = time.Time{}
			lapse(v, a)
		}, "Payment of $49.00 failed on 12 Nov", "Acme is on Free since 26 Nov until it is paid."},
		{
			"no invoice to be seen", func(v *BillingValues) { lapse(v, *open); v.Summary.Dunning.Payment = nil },
			"The last payment failed", "Acme is on Free since 26 Nov until it is paid.",
		},
		{
			"cancelled for it", func(v *BillingValues) { lapse(v, *open); v.Summary.Dunning.Plan = "" },
			"The subscription was cancelled: a payment of $49.00 failed", "Acme is on Free since 26 Nov. What exists keeps working, and nothing more is charged.",
		},
		{
			"cancelled, and the invoice is void", func(v *BillingValues) { lapse(v, *open); v.Summary.Dunning.Plan, v.Summary.Dunning.Payment = "", nil },
			"The subscription was cancelled: a payment failed", "Acme is on Free since 26 Nov. What exists keeps working, and nothing more is charged.",
		},
		{"waiting before scheduled", func(v *BillingValues) { v.Waiting, v.Summary.Scheduled = waiting, scheduled }, "An agent waits for an answer", "deploy-bot asks to upgrade Acme to Scale."},
		{"scheduled", func(v *BillingValues) { v.Summary.Scheduled = scheduled }, "Acme moves to Free on 23 December 2026", "Nothing is deleted. You can undo this until then."},
		{"at a cap", func(v *BillingValues) { v.Summary.Usage[0].Active = 10 }, "The limit of 10 agents is reached", copyNearText},
		{"over a cap", func(v *BillingValues) { v.Summary.Usage[0].Active = 12 }, "12 of 10 agents: over the limit", copyNearText},
		{"over 90 %", func(v *BillingValues) {
			v.Summary.Usage[0].Active, v.Summary.Usage[0].Cap.Value = 4620, 5000
		}, "92% of the agents are used, 380 left", copyNearText},
		{"over 90 % of two", func(v *BillingValues) {
			v.Summary.Usage[0].Active = 10
			more := v.Summary.Usage[0]
			more.Resource.Plural = "rows"
			v.Summary.Usage = append(v.Summary.Usage, more)
		}, "2 limits of Pro are reached, or nearly", "Agents and rows. " + copyNearText},
		{"exactly 90 % is not over", func(v *BillingValues) { v.Summary.Usage[0].Active = 9 }, "", ""},
		{"a member is told whom to ask", func(v *BillingValues) { v.Waiting, v.CanManage = waiting, false }, "An agent waits for an answer", "deploy-bot asks to upgrade Acme to Scale. Ask an owner: Ada Lovelace."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := onPro(t)
			tc.change(&v)
			b := NewBilling(v).Banner
			if b == nil {
				b = &Panel{}
			}
			if b.Title != tc.title || b.Text != tc.text {
				t.Errorf("banner %q, %q\n  want %q, %q", b.Title, b.Text, tc.title, tc.text)
			}
			if !v.CanManage && len(b.Actions) > 0 {
				t.Errorf("a member can press %+v", b.Actions)
			}
		})
	}
}

// TestWaitingBannerLeadsThere: one request is a press away, of several the list.
func TestWaitingBannerLeadsThere(t *testing.T) {
	for n, want := range []string{1: "/approve/apr_1", 2: "#requests-title"} {
		v := onPro(t)
		for range n {
			v.Waiting = append(v.Waiting, billing.Approval{ID: "apr_1", Quote: upgradeQuote()})
		}
		if b := NewBilling(v).Banner; n > 0 && (len(b.Actions) != 1 || b.Actions[0].Href != want) {
			t.Errorf("%d requests: %+v", n, b.Actions)
		}
	}
}

func TestMemberSeesNothingToPress(t *testing.T) {
	v := onPro(t)
	v.CanManage = false
	for i := range v.Offers {
		v.Offers[i].Kind, v.Offers[i].Sealed = billing.OfferNone, ""
	}
	v.Summary.Scheduled = []billing.ScheduledChange{{Plan: "free", EffectiveAt: periodEnd}}
	v.Invoices = []billing.Invoice{{Number: "A-1", Status: "open", HostedURL: "https://pay.test/1", Amount: billing.Money{Amount: 1900, Currency: "usd"}}}
	d := render(t, Billing(NewBilling(v)))
	for _, f := range d.tag("form") {
		if a := attr(f, "action"); a != "/logout" {
			t.Errorf("a member has the form %s", a)
		}
	}
	if !strings.Contains(text(d.root), "Ask an owner: Ada Lovelace.") {
		t.Error("the page does not say whom to ask")
	}
}

func TestUsageLevels(t *testing.T) {
	agents := billing.Resource{ID: "agents", Kind: billing.Gauge, Singular: "agent", Plural: "agents"}
	calls := billing.Resource{ID: "api_calls", Kind: billing.Counter, Singular: "API call", Plural: "API calls"}
	limit := func(n int64) billing.Limit { return billing.Limit{Value: n} }
	for _, tc := range []struct {
		use     billing.Usage
		level   UsageLevel
		percent int
		note    string
	}{
		{billing.Usage{Resource: agents, Cap: limit(10)}, UsageUnknown, 0, ""},
		{billing.Usage{Resource: agents, Cap: limit(10), Reported: now}, UsageOK, 0, ""},
		{billing.Usage{Resource: agents, Cap: limit(10), Active: 7, Reported: now}, UsageOK, 70, ""},
		{billing.Usage{Resource: agents, Cap: limit(10), Active: 8, Reported: now}, UsageHigh, 80, "80% used, 2 left."},
		{billing.Usage{Resource: agents, Cap: limit(10), Active: 10, Reported: now}, UsageFull, 100, "At the limit. Existing ones keep working, new ones are refused."},
		{billing.Usage{Resource: agents, Cap: limit(10), Active: 13, Reported: now}, UsageOver, 100, "Over by 3. Existing ones keep working, new ones are refused."},
		{billing.Usage{Resource: calls, Cap: limit(1000), Active: 1000, Reported: now}, UsageFull, 100, "At the limit. More are refused until the reset."},
		{billing.Usage{Resource: agents, Cap: limit(0), Reported: now}, UsageFull, 100, "At the limit. Existing ones keep working, new ones are refused."},
		{billing.Usage{Resource: agents, Cap: billing.Limit{Unlimited: true}, Active: 5, Reported: now}, UsageUnlimited, 0, ""},
		{billing.Usage{Resource: agents, Cap: limit(1000), Active: 999, Reported: now}, UsageHigh, 99, "99% used, 1 left."},
	} {
		rows := usageOf(&BillingValues{Summary: billing.Summary{Usage: []billing.Usage{tc.use}}})
		if r := rows[0]; r.Level != tc.level || r.Percent != tc.percent || r.Note != tc.note {
			t.Errorf("%d of %d: %s %d %q, want %s %d %q", tc.use.Active, tc.use.Cap.Value, r.Level, r.Percent, r.Note, tc.level, tc.percent, tc.note)
		}
	}
}

func TestExpiryWarning(t *testing.T) {
	for _, tc := range []struct {
		month, year int
		want        string
	}{
		{10, 2026, "This card has expired."},
		{11, 2026, "This card expires this month."},
		{12, 2026, "This card expires next month."},
		{1, 2027, ""},
	} {
		if got := (Locale{}).expiryWarning(billing.Card{ExpMonth: tc.month, ExpYear: tc.year}, now); got != tc.want {
			t.Errorf("%d/%d: %q, want %q", tc.month, tc.year, got, tc.want)
		}
	}
}

func TestFinalizingOffersNothingToBuy(t *testing.T) {
	v := onPro(t)
	v.Finalizing = "/settings/billing/success?session=cs_1"
	p := NewBilling(v)
	if p.Plans != nil || p.Cancel != nil || p.Frame.Refresh != v.Finalizing || !p.Finalizing || p.Card.Last4 != "4242" {
		t.Errorf("page %+v", p)
	}
	v.Summary.Subscription.State = billing.State{}
	if p = NewBilling(v); p.Plan.Notes != nil || p.Card.None != copyFinalizingCard || p.Card.Manage != nil {
		t.Errorf("who has just paid reads of no card: %q, %+v", p.Plan.Notes, p.Card)
	}
}

func TestReviewOfADowngradeSaysWhatIsLost(t *testing.T) {
	v := onPro(t)
	v.Summary.Usage[0].Active = 8
	r := NewReview(v, v.Offers[0], nil)
	if r.Title != "Downgrade to Free on 23 December 2026" || r.Lost[0] != "10 agents become 3" {
		t.Errorf("title %q, lost %q", r.Title, r.Lost)
	}
	if len(r.Over) != 1 || r.Over[0] != "Agents: 8 in use, 3 allowed, over by 5" {
		t.Errorf("over %q", r.Over)
	}
	if r.Button.Form.URL != "/settings/billing/downgrade" || r.Total != "" {
		t.Errorf("button %+v, total %q", r.Button, r.Total)
	}
}

func TestReviewOfAChangedPriceShowsBoth(t *testing.T) {
	v := onPro(t)
	before := upgradeQuote()
	before.DueNow = 1440
	r := NewReview(v, v.Offers[2], &before)
	if r.Changed == nil || r.Changed.Old != "$14.40" || r.Changed.New != "$15.00" || r.Problem == nil {
		t.Errorf("changed %+v, problem %+v", r.Changed, r.Problem)
	}
	if r.Total != "$15.00" || r.Button.Label != "Upgrade, pay $15.00 now" {
		t.Errorf("total %q, button %+v", r.Total, r.Button)
	}
}

func TestProblemNeverSaysWhatIsNotOurs(t *testing.T) {
	p := NewProblem(errors.New("pq: password authentication failed for user root"), "req_1")
	if strings.Contains(p.Text+p.Title, "root") || p.Ref != "req_1" || p.role() != "alert" {
		t.Errorf("panel %+v", p)
	}
	p = NewProblem(billing.ErrPaymentAction.With("actionUrl", "https://pay.test/3ds"), "")
	if len(p.Actions) != 1 || p.Actions[0].Href != "https://pay.test/3ds" {
		t.Errorf("panel %+v", p)
	}
}

// A bank's question that nobody was there to answer is over: nothing waits for
// it, and the page must not say so.
func TestUnansweredBankIsOver(t *testing.T) {
	p := NewProblem(billing.ErrPaymentAction.Say("The plan has not changed; make the change on the billing page."), "")
	if p.Text != "The plan has not changed; make the change on the billing page." || len(p.Actions) != 0 {
		t.Errorf("panel %+v", p)
	}
}

func TestChangePlanLeadsToAPlanThatCanBeChosen(t *testing.T) {
	v := onPro(t)
	if p := NewBilling(v); len(p.Plan.Actions) != 1 || p.Plan.Actions[0].Href != "#plans-title" {
		t.Errorf("actions %+v", p.Plan.Actions)
	}
	for i := range v.Offers {
		v.Offers[i].Kind = billing.OfferCurrent
	}
	if p := NewBilling(v); len(p.Plan.Actions) != 0 {
		t.Errorf("nothing can be chosen: %+v", p.Plan.Actions)
	}
}

// While an operator looks at a change, no button leads to a refusal.
func TestNothingIsOfferedDuringAReview(t *testing.T) {
	v := onSolo()
	v.Summary.InReview = true
	for i := range v.Offers {
		v.Offers[i] = billing.Offer{Plan: v.Offers[i].Plan, Kind: billing.OfferNone}
	}
	v.Capacity.Err = billing.ErrChangeInProgress
	v.Capacity.More, v.Capacity.Less = v.Capacity.Err, v.Capacity.Err
	v.Summary.Scheduled = []billing.ScheduledChange{{Plan: "free", EffectiveAt: periodEnd}}
	for i := range v.Summary.Usage {
		v.Summary.Usage[i].Active = v.Summary.Usage[i].Cap.Value
	}
	p := NewBilling(v)
	for _, o := range p.Plans {
		if o.open() || o.Review != "" {
			t.Errorf("%s is offered: %+v", o.Name, o)
		}
	}
	for _, u := range p.Usage {
		if len(u.Actions) > 0 {
			t.Errorf("%s leads to %+v", u.Label, u.Actions)
		}
	}
	if len(p.Plan.Actions) > 0 || p.Cancel != nil || p.Changes[0].Undo != nil || p.Capacity.Stepper != nil {
		t.Errorf("actions %+v, cancel %+v, undo %+v, stepper %+v", p.Plan.Actions, p.Cancel, p.Changes[0].Undo, p.Capacity.Stepper)
	}
	if p.PlansNote != copyReviewShut || p.Capacity.Why != copyReviewShut {
		t.Errorf("notes %q, %q", p.PlansNote, p.Capacity.Why)
	}
}

func TestSpaceBeforeWhatFollowsADate(t *testing.T) {
	for after, want := range map[string]string{". Nothing changed.": ". Nothing", ", then": ", then", ": too expensive.": ": too", "and becomes Free": " and becomes"} {
		var b strings.Builder
		if err := dated(Dated{Before: "It ended on", At: dec23, After: after}).Render(t.Context(), &b); err != nil {
			t.Fatal(err)
		}
		if want = "It ended on <time datetime=\"2026-12-23T00:00:00Z\">23 December 2026</time>" + want; !strings.HasPrefix(b.String(), want) {
			t.Errorf("%q is not %q…", b.String(), want)
		}
	}
}

func TestResultOfADowngradeIsSaidOnce(t *testing.T) {
	v := onPro(t)
	v.Summary.Scheduled = []billing.ScheduledChange{{Plan: "free", EffectiveAt: periodEnd}}
	v.Result = Locale{}.NewResult(v.Catalog, billing.Org{Name: "Acme"}, "", billing.Outcome{Status: billing.StatusDowngradeScheduled, Plan: "pro", EffectiveAt: periodEnd})
	p := NewBilling(v)
	if p.Banner != nil || p.Result.Title != "Acme moves to Free on 23 December 2026" {
		t.Errorf("banner %+v, result %+v", p.Banner, p.Result)
	}
}

func TestNearestFirst(t *testing.T) {
	at := time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)
	use := func(id string, active, limit int64) billing.Usage {
		return billing.Usage{Resource: billing.Resource{ID: id}, Active: active, Cap: billing.Limit{Value: limit}, Reported: at}
	}
	all := []billing.Usage{
		use("low", 1, 10), use("near", 9, 10), use("over", 11, 10), use("nearer", 92, 100), use("full", 10, 10),
		{Resource: billing.Resource{ID: "unknown"}},
		use("lower", 0, 10), use("as near", 90, 100),
	}
	var order []string
	for _, u := range nearestFirst(all) {
		order = append(order, u.Resource.ID)
	}
	want := []string{"over", "full", "nearer", "near", "as near", "low", "unknown", "lower"}
	if !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}
