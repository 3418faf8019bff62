package views

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/billing"
)

func unclearSample(action billing.Action, sight billing.Sight, state billing.IntentState) billing.ReviewCase {
	at := now.Add(-25 * time.Hour)
	q := billing.Quote{Change: billing.Change{Action: action}, FromPlan: "pro", ToPlan: "scale", FromUnits: 1, ToUnits: 3, DueNow: 2996, Currency: "usd"}
	return billing.ReviewCase{
		Review: billing.Review{OrgName: "Acme", Intent: billing.Intent{
			ID: "int_1", OrgID: "org_1", Quote: q, Actor: billing.Actor{Kind: billing.KindAgent, Name: "deploy-bot"}, DecidedBy: opAda, State: state, Attempt: 2,
			From: billing.State{Plan: "pro", Status: billing.StatusActive}, CreatedAt: at, CalledAt: at.Add(2 * time.Second), FinishedAt: now,
		}},
		Subscription: billing.Subscription{State: billing.State{Plan: "pro", Status: billing.StatusPastDue, CancelAtPeriodEnd: true}, SyncedAt: now},
		Sight:        sight, Now: now, Invoices: []billing.Invoice{{Number: "ACME-0004", Description: "Scale", Amount: billing.Money{Amount: 2996, Currency: "usd"}, Status: "paid", CreatedAt: at}},
		Log: []billing.AuditEvent{
			{Event: "approval.requested", Actor: billing.Actor{Kind: billing.KindAgent, Name: "deploy-bot"}, At: at, Facts: map[string]any{"reason": "the agent's own words"}},
			{Event: "approval.approved", Actor: opAda, At: at.Add(time.Second)},
			{Event: "change.needs_review", Actor: opAda, At: now},
			{Event: "some.other", Actor: opGrace, At: now, Facts: map[string]any{"reason": "it was so"}},
		},
	}
}

func stripeSamples() map[string]templ.Component {
	c, err := billing.Builtin("flat")
	if err != nil {
		panic(err) // it is built in
	}
	f := adminFrameSample()
	f.Reviews = 1
	found := []billing.Difference{{Kind: billing.DriftPlan, Had: "pro", Has: "scale"}, {Kind: billing.DriftUnits, Had: "1", Has: "2"}}
	drift := billing.DriftCase{OrgName: "Acme", AuditEvent: billing.AuditEvent{OrgID: "org_1", At: now, Event: billing.EventDrift, Facts: map[string]any{"differences": found}}}
	full := StripeValues{Frame: f, Catalog: c, Now: now, Drift: []billing.DriftCase{drift}, Reviews: []billing.Review{unclearSample(billing.ActionChangePlan, "", billing.IntentNeedsReview).Review}}
	full.State = billing.Reconciliation{EventsAt: now.Add(-time.Minute), Pass: billing.Pass{Running: true, FinishedAt: now.Add(-24 * time.Hour), Looked: 1200, Drifted: 1}}
	page := func(a billing.Action, s billing.Sight, st billing.IntentState) templ.Component {
		return AdminReview(NewAdminReview(f, c, unclearSample(a, s, st)))
	}
	synced := func(found []billing.Difference) templ.Component {
		f := f
		f.Result = NewAdminSynced(c, []billing.AuditEvent{{Event: billing.EventSynced, Facts: map[string]any{"differences": found}}})
		return AdminOrg(NewAdminOrg(f, c, dossierSample(c)))
	}
	return map[string]templ.Component{
		"stripe": AdminStripe(NewAdminStripe(full)), "stripe-none": AdminStripe(NewAdminStripe(StripeValues{Frame: f, Catalog: c, Now: now})), "admin-home-review": AdminSignals(NewAdminSignals(f, c, nil, now)),
		"review-before": page(billing.ActionChangePlan, billing.SightBefore, billing.IntentNeedsReview), "review-done": page(billing.ActionIncrease, billing.SightDone, billing.IntentNeedsReview),
		"review-other": page(billing.ActionScheduleDowngrade, billing.SightOther, billing.IntentNeedsReview), "review-settled": page(billing.ActionReduce, billing.SightDone, billing.IntentDone),
		"review-failed": page(billing.ActionResume, billing.SightBefore, billing.IntentFailed), "synced": synced(nil), "synced-other": synced(found),
	}
}

// TestReviewOffersWhatIsSafe: what Stripe contradicts is no button, and what it
// does not show needs a reason.
func TestReviewOffersWhatIsSafe(t *testing.T) {
	c, err := billing.Builtin("flat")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		sight   billing.Sight
		state   billing.IntentState
		buttons string // with ! where a reason has to be given
	}{
		{billing.SightBefore, billing.IntentNeedsReview, "Look again, It happened!, It did not happen!"},
		{billing.SightDone, billing.IntentNeedsReview, "Look again, It happened"},
		{billing.SightOther, billing.IntentNeedsReview, "Look again, It happened!"},
		{billing.SightBefore, billing.IntentFailed, ""},
	} {
		var got []string
		p := NewAdminReview(adminFrameSample(), c, unclearSample(billing.ActionChangePlan, tc.sight, tc.state))
		for _, f := range p.Forms {
			word := f.Button
			for _, field := range f.Fields {
				if field.Required {
					word += "!"
				}
			}
			got = append(got, word)
		}
		if strings.Join(got, ", ") != tc.buttons || (p.Sight != nil) != (tc.buttons != "") {
			t.Errorf("%s, %s: %v, want %s", tc.sight, tc.state, got, tc.buttons)
		}
	}
}

func TestStripeWords(t *testing.T) {
	says := func(name string, want ...string) {
		t.Helper()
		words := text(render(t, stripeSamples()[name]).root)
		for _, w := range want {
			if !strings.Contains(words, w) {
				t.Errorf("%s does not say %q: %s", name, w, words)
			}
		}
	}
	says("stripe", "Acme: switch to Scale", "$29.96", "1,200 so far", "Stripe says Scale, we had Pro. Stripe says 2 additional units, we had 1 additional units.")
	says("stripe-none", "No change waits for you.", "No difference was found.", "not yet")
	says("synced", "No difference")
	says("synced-other", "Taken over from Stripe", "Stripe says Scale, we had Pro.")
	says("review-before", "Asked for", "Agreed to", "Sent to Stripe", "No answer in time", "some.other", "it was so", "Stripe shows nothing of it")
	says("review-other", "neither what was wanted")
	says("review-done", "3 additional units")
	says("review-settled", "It happened")
	if words := text(render(t, stripeSamples()["review-before"]).root); strings.Contains(words, "agent's own words") {
		t.Error("an agent's words stand where an operator's reason does")
	}
}
