package handlers_test

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestCallsThatAskStripeAreBounded: reading costs a call to Stripe here, so one
// credential cannot use up what Stripe allows us.
func TestCallsThatAskStripeAreBounded(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	request := s.ask(p.agent, "scale")
	pages := []string{"/settings/billing/review?plan=scale", "/settings/billing/success", "/approve/" + request}
	for i := range 60 {
		if a := s.get(p.owner, pages[i%len(pages)]); a.status == 429 {
			t.Fatalf("page %d: %d", i+1, a.status)
		}
	}
	before := s.Box.Calls()
	for _, page := range append(pages, "/api/billing/preview?plan=scale") {
		if a := s.get(p.owner, page); a.status != 429 || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: %d, Retry-After %q", page, a.status, a.header.Get("Retry-After"))
		}
	}
	if after := s.Box.Calls(); len(after) != len(before) {
		t.Errorf("%d calls to Stripe", len(after)-len(before))
	}
	s.get(p.owner, "/api/billing").is(200, "active")
	s.get(p.agent, "/api/billing/preview?plan=scale").is(200, "")
	s.get(p.admin, pages[0]).is(200, "")
	s.Advance(time.Minute)
	s.get(p.owner, pages[0]).is(200, "")
}
