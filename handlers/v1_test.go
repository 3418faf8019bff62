package handlers_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

const (
	pathV1       = "/v1/billing"
	pathTrialAPI = "/v1/billing/trial/start"
	pathIncrease = "/v1/billing/capacity/increase"
	pathReduce   = "/v1/billing/capacity/scheduled-reduction"
)

// target is the body that asks for so many additional units.
func target(n int64) string { return fmt.Sprintf(`{"target_additional_capacity_units":%d}`, n) }

// unschedule is DELETE of the scheduled reduction.
func (s *site) unschedule(as caller, body string) answer {
	s.t.Helper()
	c := call{as: as, method: http.MethodDelete, path: pathReduce, body: body}
	if body != "" || as.session != "" { // a cookie's changes are JSON, with or without a body
		c.kind = jsonKind
	}
	return s.do(c)
}

// holding makes an org with a subscription and so many additional units.
func (s *site) holding(name, plan string, units int64) people {
	s.t.Helper()
	p := s.people(name, plan, visa)
	if units > 0 {
		s.post(p.tool, pathIncrease, target(units)).is(200, "capacity-increased")
	}
	return p
}

// part reports what of want is not in got: members that are not named in want
// may be anything.
func part(t testing.TB, what string, got any, want string) {
	t.Helper()
	var w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	if missing := lacks("", got, w); missing != "" {
		t.Errorf("%s: %s", what, missing)
	}
}

func lacks(at string, got, want any) string {
	members, ok := want.(map[string]any)
	if !ok {
		if !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("%s is %v, want %v", at, got, want)
		}
		return ""
	}
	g, ok := got.(map[string]any)
	if !ok {
		return fmt.Sprintf("%s is %v, want an object", at, got)
	}
	for name, w := range members {
		if _, ok := g[name]; !ok {
			return at + "." + name + " is missing"
		}
		if out := lacks(at+"."+name, g[name], w); out != "" {
			return out
		}
	}
	return ""
}

// whole holds an answer against all of the JSON that is wanted.
func (a answer) whole(want string) {
	a.t.Helper()
	var w map[string]any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		a.t.Fatal(err)
	}
	if got := a.object(); a.status != 200 || !reflect.DeepEqual(got, w) {
		a.t.Errorf("%s: %d\n%s\nwant\n%s", a.what, a.status, a.body, want)
	}
}

// until moves the clock to a moment.
func (s *site) until(at string) {
	s.t.Helper()
	to, err := time.Parse(time.RFC3339, at)
	s.ok(err)
	s.Advance(to.Sub(s.Box.Now()))
}

// TestReference is every example of the published API, with the dates of a later
// year and units that add up.
func TestReference(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	host := s.key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
	s.until("2026-05-02T00:00:00Z")
	p := s.people("acme", "", "")
	use := func(resource string, n int) {
		body := fmt.Sprintf(`{"org":%q,"resource":%q,"quantity":%d,"key":%q}`, p.Org.ID, resource, n, resource)
		s.post(host, "/api/host/consume", body).is(200, "")
	}
	gauge := func(org, resource string, n int) {
		s.do(call{as: host, method: http.MethodPut, path: "/api/host/usage/" + org + "/" + resource, kind: jsonKind, body: fmt.Sprintf(`{"value":%d}`, n)}).is(200, "")
	}
	s.post(p.tool, pathTrialAPI, `{ "target_plan": "solo" }`).is(200, "trial-started")
	s.until("2026-05-20T00:00:00Z")
	for resource, n := range map[string]int{
		"monthly_bundle_requests": 120, "monthly_raw_ingested_events": 820, "monthly_remote_activations": 4,
		"monthly_alert_deliveries": 18, "monthly_webhook_deliveries": 40,
	} {
		use(resource, n)
	}
	gauge(p.Org.ID, "retained_bundle_cap", 40)
	gauge(p.Org.ID, "active_projects", 4)
	s.get(p.tool, pathV1).whole(`{"billing":{
		"plan":"solo", "billing_state":"trialing", "stripe_customer_id":null, "active_projects":4,
		"capacity_units":{"total":3,"included":3,"additional_purchased":0,"pending_reduction":null},
		"usage_window":{"starts_at":"2026-05-01T00:00:00Z","ends_at":"2026-06-01T00:00:00Z"},
		"allowances":{
			"monthly_bundle_requests":{"used":120,"limit":1500},
			"monthly_raw_ingested_events":{"used":820,"limit":21000},
			"retained_bundle_cap":{"used":40,"limit":900},
			"monthly_remote_activations":{"used":4,"limit":150},
			"monthly_alert_deliveries":{"used":18,"limit":450},
			"monthly_webhook_deliveries":{"used":40,"limit":1500}},
		"trial":{"available":false,"active":true,"plan":"solo","started_at":"2026-05-02T00:00:00Z","ends_at":"2026-06-01T00:00:00Z",
			"used_at":"2026-05-02T00:00:00Z","converted_at":null,"expired_at":null,"days_remaining":12}}}`)

	s.until("2026-06-01T00:00:00Z")
	q := s.people("zebra", "solo", visa)
	gauge(q.Org.ID, "active_projects", 4)
	s.Advance(24 * time.Hour)
	s.Sync(q.Org.ID)
	a := s.post(q.tool, pathIncrease, `{ "target_additional_capacity_units": 5 }`)
	part(t, a.what, a.object(), `{"billing":{"active_projects":4,"capacity_units":{"total":8,"included":3,"additional_purchased":5,"pending_reduction":null}}}`)
	pending := `{"billing":{"capacity_units":{"total":8,"included":3,"additional_purchased":5,
		"pending_reduction":{"additional_purchased":1,"total":4,"effective_at":"2026-07-01T00:00:00Z"}}}}`
	a = s.post(q.tool, pathReduce, `{ "target_additional_capacity_units": 1 }`)
	part(t, a.what, a.object(), pending)
	part(t, "the summary", s.get(q.tool, pathV1).object(), pending)
	a = s.unschedule(q.tool, "")
	part(t, a.what, a.object(), `{"billing":{"plan":"solo","billing_state":"active","capacity_units":{"total":8,"additional_purchased":5,"pending_reduction":null}}}`)

	third, payer := s.people("third", "", ""), s.people("payer", "solo", visa)
	for _, a := range []answer{
		s.post(third.owner, pathV1+"/checkout", `{ "target_plan": "solo" }`), s.post(payer.owner, pathV1+"/portal", ""),
	} {
		if a.is(200, ""); a.keys() != "url" || a.text("url")[:4] != "http" {
			t.Errorf("%s: %s", a.what, a.body)
		}
	}
	r := s.people("fifth", "", "")
	a = s.post(r.owner, pathTrialAPI, `{ "target_plan": "team" }`).is(200, "trial-started")
	part(t, a.what, a.object(), `{"billing":{"plan":"team","billing_state":"trialing","stripe_customer_id":null,"capacity_units":{"total":10,"included":10},
		"trial":{"available":false,"active":true,"plan":"team","started_at":"2026-06-02T00:00:00Z","ends_at":"2026-07-02T00:00:00Z","days_remaining":30}}}`)
	got, _ := s.get(r.owner, pathV1).object()["billing"].(map[string]any)
	if !reflect.DeepEqual(a.object()["billing"], any(got)) {
		t.Errorf("the trial's answer %v is not the summary %v", a.object()["billing"], got)
	}
}
