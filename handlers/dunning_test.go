package handlers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestDunning: what both APIs, the page and the host are told of a payment that
// failed, to the second of the grace's end.
func TestDunning(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "scale", visa)
	if _, is := s.get(p.tool, "/api/billing").object()["pastDue"]; is {
		t.Error("nothing is owed, and pastDue is there")
	}
	s.ok(s.Box.GiveCard(p.Customer, declinesNext))
	s.ok(s.Box.AdvanceTo(time.Date(2026, 4, 2, 12, 0, 0, 0, time.UTC)))
	s.Sync(p.Org.ID)
	keeps := `"plan":"scale","failedAt":"2026-04-02T12:00:00Z","keepUntil":"2026-04-16T12:00:00Z","lostAt":null,"nextTryAt":"2026-04-05T12:00:00Z","amountCents":4900,"currency":"usd"`
	part(t, "in the grace", s.get(p.tool, "/api/billing").object(), `{"plan":"scale","status":"past_due","usage":{"agents":{"cap":30}},"pastDue":{`+keeps+`}}`)
	looker := s.key(billing.NewKey{Kind: billing.KindMember, OrgID: p.Org.ID, PrincipalID: p.Member.ID, Name: "looker"})
	for by, may := range map[caller]bool{p.tool: true, p.agent: false, looker: false} {
		d, _ := s.get(by, "/api/billing").object()["pastDue"].(map[string]any)
		if url, _ := d["payUrl"].(string); strings.Contains(url, "/pay/i/") != may || d["keepUntil"] == nil {
			t.Errorf("%+v reads %v", by, d)
		}
	}
	part(t, "in the other API", s.get(p.tool, pathV1).object()["billing"],
		`{"plan":"scale","billing_state":"past_due","past_due":{"plan":"scale","amount":4900,"currency":"usd","failed_at":"2026-04-02T12:00:00Z","keep_until":"2026-04-16T12:00:00Z","lost_at":null}}`)

	s.ok(s.Box.AdvanceTo(time.Date(2026, 4, 16, 11, 59, 59, 0, time.UTC)))
	s.Sync(p.Org.ID)
	part(t, "the last second", s.get(p.tool, "/api/billing").object(), `{"plan":"scale","usage":{"agents":{"cap":30}}}`)
	s.Advance(time.Second)
	part(t, "no job ran", s.get(p.tool, "/api/billing").object(),
		`{"plan":"free","status":"past_due","usage":{"agents":{"cap":3}},"pastDue":{"plan":"scale","keepUntil":null,"lostAt":"2026-04-16T12:00:00Z","nextTryAt":"2026-04-17T12:00:00Z"}}`)
	part(t, "the other API", s.get(p.tool, pathV1).object()["billing"], `{"plan":"free","billing_state":"past_due","past_due":{"keep_until":null}}`)

	s.Advance(24 * time.Hour) // the last try
	s.Sync(p.Org.ID)
	part(t, "cancelled", s.get(p.tool, "/api/billing").object(),
		`{"plan":"free","status":"canceled","pastDue":{"plan":null,"amountCents":4900,"payUrl":null,"lostAt":"2026-04-16T12:00:00Z"}}`)
}
