package handlers_test

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// status puts a subscription into a status that the sandbox reaches only by a
// long way.
func (s *site) status(p people, status billing.SubscriptionStatus) {
	s.t.Helper()
	sub, err := s.Store.Subscription(s.t.Context(), p.Org.ID)
	s.ok(err)
	if sub.Status = status; status == billing.StatusPastDue {
		sub.PastDueSince = s.Service.Now()
	}
	saved, err := s.Store.SaveState(s.t.Context(), sub, nil)
	if err != nil || !saved {
		s.t.Fatal(saved, err)
	}
}

// TestBillingStates: each of the nine words, whose plan is in force with it, and
// which of two wins.
func TestBillingStates(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	op, _ := s.SignInOperator()
	tries := func(p people) { s.post(p.tool, pathTrialAPI, `{"target_plan":"solo"}`).is(200, "trial-started") }
	for _, c := range []struct {
		name, plan, want string
		make             func(p people)
	}{
		{"nothing", "", `{"plan":"free","billing_state":null,"trial":{"available":true},"capacity_units":{"total":0,"included":0,"additional_purchased":0}}`, nil},
		{"active", "solo", `{"plan":"solo","billing_state":"active","trial":{"available":false,"active":false}}`, nil},
		{"pastdue", "solo", `{"plan":"solo","billing_state":"past_due"}`, func(p people) { s.status(p, billing.StatusPastDue) }},
		{"unpaid", "solo", `{"plan":"free","billing_state":"unpaid"}`, func(p people) { s.status(p, billing.StatusUnpaid) }},
		{"paused", "solo", `{"plan":"free","billing_state":"unpaid"}`, func(p people) { s.status(p, billing.StatusPaused) }},
		{"incomplete", "solo", `{"plan":"free","billing_state":"incomplete"}`, func(p people) { s.status(p, billing.StatusIncomplete) }},
		{"expired", "solo", `{"plan":"free","billing_state":"incomplete"}`, func(p people) { s.status(p, billing.StatusIncompleteExpired) }},
		{"canceled", "solo", `{"plan":"free","billing_state":"canceled","trial":{"available":true}}`, func(p people) { s.status(p, billing.StatusCanceled) }},
		{"trialing", "", `{"plan":"solo","billing_state":"trialing","trial":{"active":true,"available":false}}`, tries},
		{"given", "", `{"plan":"team","billing_state":"admin_override","capacity_units":{"total":10},"trial":{"available":false,"active":false}}`, func(p people) {
			s.ok(s.Service.GivePlan(t.Context(), op, p.Org.ID, "team", "a friend"))
		}},
		{"givenpaid", "solo", `{"plan":"team","billing_state":"admin_override"}`, func(p people) {
			s.ok(s.Service.GivePlan(t.Context(), op, p.Org.ID, "team", "a friend"))
		}},
		{"giventrial", "", `{"plan":"team","billing_state":"admin_override"}`, func(p people) {
			tries(p)
			s.ok(s.Service.GivePlan(t.Context(), op, p.Org.ID, "team", "a friend"))
		}},
		{"converted", "", `{"plan":"team","billing_state":"active","trial":{"active":false,"plan":"solo","converted_at":"2026-03-02T12:00:00Z","expired_at":null,"days_remaining":0}}`, func(p people) {
			tries(p)
			s.Subscribe(s.Org(p.Org.ID), "team", visa)
		}},
		{"canceledtrial", "solo", `{"plan":"solo","billing_state":"trialing"}`, func(p people) {
			s.status(p, billing.StatusCanceled)
			tries(p)
		}},
	} {
		p := s.people(c.name, c.plan, visa)
		if c.make != nil {
			c.make(p)
		}
		part(t, c.name, s.get(p.tool, pathV1).object()["billing"], c.want)
	}
	p := s.people("late", "", "")
	tries(p)
	s.Advance(30*24*time.Hour - time.Second)
	part(t, "the last second", s.get(p.tool, pathV1).object()["billing"], `{"plan":"solo","billing_state":"trialing","trial":{"active":true,"days_remaining":1,"expired_at":null}}`)
	s.Advance(time.Second)
	over := `{"plan":"free","billing_state":"trial_expired","trial":{"available":false,"active":false,"plan":"solo","days_remaining":0,"expired_at":"2026-04-01T12:00:00Z"}}`
	part(t, "no job ran", s.get(p.tool, pathV1).object()["billing"], over)
	s.ok(s.Service.EndTrials(t.Context()))
	part(t, "a job ran", s.get(p.tool, pathV1).object()["billing"], over)
}

// TestUsageWindow is the calendar month, whenever the subscription renews, and
// what is counted in it starts anew with it.
func TestUsageWindow(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	p := s.people("acme", "solo", visa) // renews on the 2nd
	host := s.key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
	s.until("2026-03-31T23:59:59Z")
	s.post(host, "/api/host/consume", `{"org":"`+p.Org.ID+`","resource":"monthly_alert_deliveries","quantity":450,"key":"a"}`).is(200, "")
	s.post(host, "/api/host/consume", `{"org":"`+p.Org.ID+`","resource":"monthly_alert_deliveries","quantity":1,"key":"b"}`).is(402, "over_limit")
	part(t, "March", s.get(p.tool, pathV1).object()["billing"], `{"usage_window":{"starts_at":"2026-03-01T00:00:00Z","ends_at":"2026-04-01T00:00:00Z"},"allowances":{"monthly_alert_deliveries":{"used":450,"limit":450}}}`)
	s.Advance(time.Second)
	part(t, "April", s.get(p.tool, pathV1).object()["billing"], `{"usage_window":{"starts_at":"2026-04-01T00:00:00Z","ends_at":"2026-05-01T00:00:00Z"},"allowances":{"monthly_alert_deliveries":{"used":0,"limit":450}}}`)

	// More units count at once, for calls that were refused a moment ago.
	s.post(host, "/api/host/consume", `{"org":"`+p.Org.ID+`","resource":"monthly_alert_deliveries","quantity":451,"key":"c"}`).is(402, "over_limit")
	s.post(p.tool, pathIncrease, target(1)).is(200, "capacity-increased")
	s.post(host, "/api/host/consume", `{"org":"`+p.Org.ID+`","resource":"monthly_alert_deliveries","quantity":451,"key":"c"}`).equals(`{"allowed":true,"active":451,"cap":600}`)
}
