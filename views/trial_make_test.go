package views

import (
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestTrialCanBeStarted(t *testing.T) {
	v := mayTry()
	for _, o := range NewBilling(v).Plans[1:] {
		if o.Trial == nil || o.Trial.Label != "Start 30-day trial" || o.Trial.About != o.Name || o.Note != copyTrialNote || !strings.HasPrefix(o.Button.Label, "Subscribe, ") {
			t.Errorf("%s: %+v, %q", o.Name, o.Trial, o.Note)
		}
		if f := o.Trial.Form; f.URL != "/settings/billing/trial" || f.Fields[1] != (Field{"plan", o.ID}) || f.Fields[2] != (Field{"nonce", "n1.trial." + o.ID}) {
			t.Errorf("%s: %+v", o.Name, f)
		}
	}
	if p := NewBilling(v); p.Plans[0].Trial != nil || p.Capacity != nil || p.Banner != nil {
		t.Errorf("%+v", p.Plans[0])
	}
}

func TestTrialRuns(t *testing.T) {
	for days, banner := range map[int]string{
		30: "", 8: "", 7: "The trial of Team ends in 7 days", 2: "The trial of Team ends in 2 days", 1: "The trial of Team ends within a day",
	} {
		p := NewBilling(onTrialOf("team", days))
		if got := p.Banner; (got == nil) != (banner == "") || got != nil && (got.Title != banner || got.Actions[0].Label != "Convert to paid, $49.00 a month") {
			t.Errorf("%d days: banner %+v", days, got)
		}
		if p.Plan.Chip.Text != "Trial" || p.Plan.Price != "$0.00" || p.Plan.Dates[0].Before != "Trial until" || p.Next != nil || p.Cancel != nil {
			t.Errorf("%d days: %+v", days, p.Plan)
		}
		c := p.Changes[0]
		if len(p.Changes) != 1 || c.Title != "Trial of Team → Free" || c.Undo != nil || strings.Contains(c.By, "Requested") {
			t.Errorf("%d days: %+v", days, p.Changes)
		}
		if p.Plans[0].Button != nil || p.Plans[1].Button != nil || p.Plans[2].Button.Label != "Convert to paid, $49.00 a month" || p.PlansNote != copyTrialRanks {
			t.Errorf("%d days: %q, %+v", days, p.PlansNote, p.Plans)
		}
	}
	p := NewBilling(onTrialOf("solo", 25))
	if p.Plans[1].Button.Label != "Convert to paid, $2.99 a month" || p.Plans[2].Button.Label != "Subscribe, $49.00 a month" || p.PlansNote != "" {
		t.Errorf("%q, %+v", p.PlansNote, p.Plans)
	}
	v := onTrialOf("solo", 5)
	v.CanManage = false
	if b := NewBilling(v).Banner; len(b.Actions) != 0 || !strings.HasSuffix(b.Text, "Ask an owner: Ada Lovelace.") {
		t.Errorf("a member reads %+v", b)
	}
}

// TestTrialEnded: the banner says so for a month, the card for as long as
// nothing else has happened.
func TestTrialEnded(t *testing.T) {
	v := onTrialOf("solo", 0)
	p := NewBilling(v)
	if p.Banner == nil || p.Banner.Title != "The trial of Solo has ended" || p.Banner.Actions[0].Href != "#plans-title" {
		t.Errorf("banner %+v", p.Banner)
	}
	if p.Plan.Name != "Free" || p.Plan.Chip.Text != "" || p.Plan.Dates[0].Before != "The trial of Solo ended on" || len(p.Changes) != 0 || p.Capacity != nil {
		t.Errorf("%+v", p.Plan)
	}
	if b := p.Plans[1].Button; b == nil || b.Label != "Subscribe, $2.99 a month" || p.Plans[1].Trial != nil {
		t.Errorf("%+v", p.Plans[1])
	}
	v.Summary.Now = now.Add(trialShown)
	if p = NewBilling(v); p.Banner != nil || p.Plan.Dates[0].Before != "The trial of Solo ended on" {
		t.Errorf("a month later: %+v", p.Banner)
	}
}

// TestBannersInTheirRank: a trial's end is more pressing than a request, a
// failed payment more than a trial.
func TestBannersInTheirRank(t *testing.T) {
	v := onTrialOf("solo", 5)
	v.Waiting = []billing.Approval{{Actor: billing.Actor{Kind: billing.KindAgent, Name: "deploy-bot"}, Quote: unitsQuote(billing.ActionIncrease, 2, 4)}}
	if b := NewBilling(v).Banner; !strings.HasPrefix(b.Title, "The trial of Solo ends") {
		t.Errorf("%+v", b)
	}
	far := onTrialOf("solo", 25)
	far.Waiting = v.Waiting
	if b := NewBilling(far).Banner; b.Text != "deploy-bot asks to add 2 units for Acme." {
		t.Errorf("%+v", b)
	}
	due := pastDueWithUnits()
	due.Summary.Subscription.Trial = billing.Trial{Plan: "solo", EndsAt: now}
	if b := NewBilling(due).Banner; b.Title != "The last payment failed" {
		t.Errorf("%+v", b)
	}
}

// TestApproveUnitsAndTrials: the verb and the object, now and then in units, and
// the price on the button.
func TestApproveUnitsAndTrials(t *testing.T) {
	reqs := unitsRequests()
	for name, row := range map[string]struct {
		title, list, cost, approve string
		says                       []string
	}{
		"units-add":    {"Add 2 units for Acme?", "Add 2 units", "$1.94 now, then $6.99 a month", "Approve, pay $1.94 now", []string{"Now : Solo 5 units $4.99 a month", "Then : Solo 7 units $6.99 a month", "Next charge $6.99 on", "Remaining time on 4 ×"}},
		"units-remove": {"Reduce capacity of Acme to 3 units?", "Reduce capacity to 3 units", "No charge now, from 23 December 2026 $2.99 a month", "Approve, no charge now", []string{"From 23 Dec 2026 : Solo 3 units $2.99", "5 units stay until 23 December 2026", "Nothing is charged and nothing is refunded.", "Over the limit then What exists keeps working; beyond a limit, new ones are refused. Retained bundles: 1,200 in use, 900 allowed"}},
		"units-keep":   {"Keep the 5 units of Acme?", "Keep the 5 units", "No charge now, then $4.99 a month", "Approve, no charge now", []string{"Solo 5 units, 3 units from 23 Dec 2026", "Next charge $4.99 on"}},
		"trial":        {"Start a trial of Solo for Acme?", "Start a trial of Solo", "No charge, free for 30 days", "Approve, no charge now", []string{"Solo 3 units $0.00 for 30 days", "Card None needed", "Nothing is charged at the end of the trial either."}},
	} {
		v := reqs[name]
		p := NewApprove(v)
		if p.Title != row.title || p.Decide.Approve != row.approve {
			t.Errorf("%s: %q, %q", name, p.Title, p.Decide.Approve)
		}
		says(t, text(render(t, Approve(p)).root), row.says, []string{"Visa ending 4242 None"})
		list := NewApprovals(ApprovalsValues{Frame: v.Frame, Catalog: v.Catalog, List: []billing.Approval{v.Request.Approval}, Now: now})
		if r := list.Rows[0]; r.Title != row.list || r.Money != row.cost {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestResultsOfUnitsAndTrials(t *testing.T) {
	c, org := inUnits(), billing.Org{Name: "Acme"}
	ends := time.Date(2026, 12, 23, 10, 0, 0, 0, time.UTC)
	for status, want := range map[billing.Status][2]string{
		billing.StatusCapacityIncreased:  {"Acme has 5 units", "$1.94 was charged to Visa ending 4242."},
		billing.StatusReductionScheduled: {"Acme goes down to 5 units on 23 December 2026", "Nothing was charged and nothing is refunded. You can undo this until then."},
		billing.StatusReductionCanceled:  {"Acme keeps its 5 units", "Nothing was charged."},
		billing.StatusTrialStarted:       {"The trial of Solo has started", "Nothing is charged, now or at its end."},
	} {
		out := billing.Outcome{Status: status, Plan: "solo", Units: 2, EffectiveAt: ends, Currency: "usd"}
		if status == billing.StatusCapacityIncreased {
			out.Charged = 194
		}
		if p := (Locale{}).NewResult(c, org, "Visa ending 4242", out); p.Title != want[0] || p.Text != want[1] || !p.Focus || p.Tone != ToneGood {
			t.Errorf("%s: %+v", status, p)
		}
	}
	for _, err := range []*billing.Error{billing.ErrTargetNotLower, billing.ErrReductionPending, billing.ErrEndsAnyway, billing.ErrForeignSchedule} {
		if p := NewProblem(err, ""); p.Title != "The units have not changed" || p.Text != err.Message || p.role() != "alert" {
			t.Errorf("%s: %+v", err.Code, p)
		}
	}
}

// TestPlansWithUnits: what units mean beside a change of the plan.
func TestPlansWithUnits(t *testing.T) {
	v := onSolo()
	says(t, text(render(t, ReviewPage(NewReview(v, v.Offers[2], nil))).root), []string{"From $4.99 a month to $49.00 a month", "Capacity units 5 → 10 units"}, nil)
	v.Offers[0].Quote.LiftsReduction = true
	says(t, text(render(t, ReviewPage(NewReview(v, v.Offers[0], nil))).root), []string{"Scheduled reduction Is dropped, as the subscription ends", "2,500 bundle requests a month become 250"}, nil)
	down := billing.Quote{FromPlan: "team", ToPlan: "solo", FromUnits: 5, ToUnits: 5, Recurring: 799, Currency: "usd", Interval: "month", Tax: 1}
	if got := (Locale{}).switchNote(&down); got != "With 5 additional units, then $7.99 a month. Tax included" {
		t.Errorf("%q", got)
	}
	v.Summary.Subscription.Action = &billing.PaymentAction{Plan: "solo", Amount: billing.Money{Amount: 194, Currency: "usd"}}
	if b := NewBilling(v).Banner; b.Text != "The additional units wait for it. Nothing was charged yet." {
		t.Errorf("%+v", b)
	}
}
