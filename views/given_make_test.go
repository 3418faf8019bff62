package views

import (
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
)

// onGiven is an org that pays for Pro and has Scale free of charge.
func onGiven(t *testing.T) BillingValues {
	v := onPro(t)
	v.Summary.Org.GivenPlan, v.Summary.Plan, v.Summary.DesignPartner = "scale", plan(t, v.Catalog, "scale"), true
	v.Offers[1].Kind, v.Offers[2].Kind = billing.OfferNone, billing.OfferNone
	return v
}

func page(t *testing.T, v BillingValues) string {
	t.Helper()
	return text(render(t, Billing(NewBilling(v))).root)
}

func says(t *testing.T, words string, yes, no []string) {
	t.Helper()
	for _, want := range yes {
		if !strings.Contains(words, want) {
			t.Errorf("does not say %q: %s", want, words)
		}
	}
	for _, not := range no {
		if strings.Contains(words, not) {
			t.Errorf("says %q: %s", not, words)
		}
	}
}

// TestGivenPlanWhilePaying: what is provided, what is charged all the same, and
// the button that ends it.
func TestGivenPlanWhilePaying(t *testing.T) {
	v := onGiven(t)
	says(t, page(t, v), []string{
		"Provided free of charge.", "Your subscription to Pro is still charged, next on 23 December 2026", "You still pay for a subscription to Pro",
		"$19.00 is charged on 23 December 2026. Scale is provided free of charge", "Next charge", "Visa", "Manage in Stripe",
		"The subscription to Pro ends on 23 December 2026. Scale stays, free of charge.",
	}, []string{"No card needed", "moves to Free", "Plans"})
	p := NewBilling(v)
	if len(p.Banner.Actions) != 1 || p.Banner.Actions[0].Href != "/settings/billing/review?plan=free" || p.Cancel == nil || p.Cancel.Href != p.Banner.Actions[0].Href {
		t.Errorf("banner %+v, cancel %+v", p.Banner, p.Cancel)
	}
	v.CanManage, v.Offers[0].Kind = false, billing.OfferNone
	if p = NewBilling(v); len(p.Banner.Actions) != 0 || p.Cancel != nil || !strings.HasSuffix(p.Banner.Text, "Ask an owner: Ada Lovelace.") {
		t.Errorf("a member reads %+v and %+v", p.Banner, p.Cancel)
	}
}

func TestGivenPlanAfterTheEndIsScheduled(t *testing.T) {
	v := onGiven(t)
	v.Summary.Subscription.CancelAtPeriodEnd, v.Summary.Subscription.Next = true, nil
	v.Summary.Scheduled = []billing.ScheduledChange{{Kind: "downgrade", Plan: "scale", EffectiveAt: periodEnd}}
	v.Offers[0].Kind, v.Offers[1].Kind = billing.OfferNone, billing.OfferResume
	says(t, page(t, v), []string{"Your subscription to Pro ends on 23 December 2026", "Subscription to Pro ends on 23 December 2026", "Undo", "Final charge There is nothing left to pay."},
		[]string{"You still pay", "still charged", "Cancel subscription", "→", "Free on"})
	v.Summary.Scheduled, v.Summary.Subscription = nil, billing.Subscription{State: billing.State{CustomerID: "cus_1", Status: billing.StatusCanceled, Plan: "pro", PeriodEnd: periodEnd}}
	says(t, page(t, v), []string{"Provided free of charge. No card needed."}, []string{"subscription to", "Next charge", "Undo"})
}

func TestReviewOfTheEndBesideAGivenPlan(t *testing.T) {
	v := onGiven(t)
	r := NewReview(v, v.Offers[0], nil)
	if r.Title != "End the subscription to Pro on 23 December 2026" || r.Frame.Title != r.Title || len(r.Lost)+len(r.Over) != 0 {
		t.Errorf("review %+v", r)
	}
	if r.Button == nil || r.Button.Label != "End it on 23 December" || r.Button.Primary || r.Button.Form.URL != "/settings/billing/downgrade" {
		t.Errorf("button %+v", r.Button)
	}
	says(t, text(render(t, ReviewPage(r)).root), []string{"Scale, provided free of charge. It stays.", "Paid until 23 December 2026", "You can undo this"}, []string{"You keep Pro", "to Free"})
}

func TestResultsBesideAGivenPlan(t *testing.T) {
	c := flat(t)
	org := billing.Org{Name: "Acme", DesignPartner: true}
	for status, want := range map[billing.Status]string{
		billing.StatusDowngradeScheduled: "The subscription to Pro ends on 23 December 2026",
		billing.StatusResumed:            "The subscription to Pro goes on",
		billing.StatusDesignPartner:      "Nothing changed.",
		billing.StatusPending:            "Working on it",
	} {
		if p := (Locale{}).NewResult(c, org, "", billing.Outcome{Status: status, Plan: "pro", EffectiveAt: periodEnd}); p.Title != want {
			t.Errorf("%s: %q", status, p.Title)
		}
	}
}

// TestApproveTheEndBesideAGivenPlan: an agent may ask for it, and the page says
// that nothing is lost.
func TestApproveTheEndBesideAGivenPlan(t *testing.T) {
	v := onGiven(t)
	a := billing.Approval{ID: "apr_1", State: billing.ApprovalPending, Quote: v.Offers[0].Quote, Actor: billing.Actor{Kind: billing.KindAgent, Name: "deploy-bot"}}
	r := billing.Request{Approval: a, Org: v.Summary.Org, From: plan(t, v.Catalog, "pro"), To: v.Catalog.Free(), Quote: a.Quote, CanDecide: true, Sealed: "s", Now: now, Usage: v.Summary.Usage}
	p := NewApprove(ApproveValues{Frame: plainFrame(""), Catalog: v.Catalog, Request: r})
	if p.Title != "End the subscription of Acme to Pro?" || p.Frame.Title != p.Title || len(p.Lost)+len(p.Over) != 0 || p.To.Name != "No subscription" {
		t.Errorf("page %+v", p)
	}
	says(t, text(render(t, Approve(p)).root), []string{"Paid until", "free of charge. It stays.", "Approve, no charge now"}, []string{"Free ", "What ends then"})
	v.Waiting = []billing.Approval{a}
	if got := NewBilling(v).Requests[0].Title; got != "End the subscription of Acme to Pro" {
		t.Errorf("the card says %q", got)
	}
}
