package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestForeignPrice (I16): somebody sets a price in Stripe's dashboard that no plan
// has. The plan and its caps stay, page and API go on, an operator is alerted, and
// nothing can be changed from there.
func TestForeignPrice(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	before := s.Sync(p.Org.ID)
	product := s.CallStripe(http.MethodPost, "/v1/products", url.Values{"name": {"By hand"}})["id"].(string)
	price := s.CallStripe(http.MethodPost, "/v1/prices", url.Values{
		"product": {product}, "currency": {"usd"}, "unit_amount": {"123456"}, "recurring[interval]": {"month"},
	})["id"].(string)
	s.CallStripe(http.MethodPost, "/v1/subscriptions/"+before.SubscriptionID, url.Values{
		"items[0][id]": {before.ItemID}, "items[0][price]": {price}, "proration_behavior": {"none"},
	})
	if sub := s.Sync(p.Org.ID); sub.UnknownPrice != price || sub.Plan != "pro" {
		t.Fatalf("%s, %q", sub.Plan, sub.UnknownPrice)
	}
	part(t, "the summary", s.get(p.tool, "/api/billing").object(), `{"plan":"pro","status":"active","usage":{"agents":{"cap":10}}}`)
	s.get(p.owner, "/settings/billing").reads("", "Pro", "Current plan")
	s.post(p.tool, "/api/billing/upgrade", `{"plan":"scale"}`).is(409, "change_rejected")
	s.post(p.agent, "/api/billing/upgrade", `{"plan":"scale"}`).is(409, "change_rejected")
	if log := s.Log.String(); !strings.Contains(log, price) || !strings.Contains(log, `"level":"ERROR"`) {
		t.Error("no operator is alerted")
	}
	s.CallStripe(http.MethodPost, "/v1/subscriptions/"+before.SubscriptionID, url.Values{"items[0][id]": {before.ItemID}, "items[0][price]": {priceOf(s, "scale_month")}, "proration_behavior": {"none"}})
	if sub := s.Sync(p.Org.ID); sub.UnknownPrice != "" || sub.Plan != "scale" {
		t.Errorf("put right: %s, %q", sub.Plan, sub.UnknownPrice)
	}
}

// priceOf is the id of a price at Stripe.
func priceOf(s *site, key string) string {
	list := s.CallStripe(http.MethodGet, "/v1/prices?"+url.Values{"lookup_keys[]": {key}}.Encode(), nil)["data"].([]any)
	return list[0].(map[string]any)["id"].(string)
}

// TestPastDuePage: the banner of each state, and who reads what.
func TestPastDuePage(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "scale", visa)
	s.ok(s.Box.GiveCard(p.Customer, declinesNext))
	s.ok(s.Box.AdvanceTo(worldtest.Start.AddDate(0, 1, 0)))
	s.Sync(p.Org.ID)
	owner, member := s.signIn(p.Org, "owner@acme.test", billing.RoleOwner), s.signIn(p.Org, "member@acme.test", billing.RoleMember)
	const failed, keeps = "Payment of $49.00 failed on 2 Apr", "You keep Scale until 16 Apr. We try again on 5 Apr."
	s.get(owner, "/settings/billing").reads("Upgrade", failed, keeps, "Pay now", "Update card")
	page := s.get(member, "/settings/billing").reads("Pay now", failed, keeps, "Ask an owner: ")
	page.reads("Update card")
}
