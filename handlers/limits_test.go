package handlers_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func TestRequestLimitIncrease(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "", ""), s.people("zebra", "", "")
	const path, list = "/api/billing/request-limit-increase", "/api/billing/limit-requests"
	id := s.post(p.agent, path, `{"kind":"agents","desiredValue":9,"reason":"nightly tests"}`).is(200, "logged").text("request")
	if again := s.post(p.member, path, `{"kind":"agents","desiredValue":12}`).is(200, "logged").text("request"); again != id {
		t.Errorf("a repeat is %s, not %s", again, id)
	}
	s.Advance(time.Minute)
	other := s.post(p.agent, path, ``).is(200, "logged").text("request")
	s.post(q.agent, path, `{"kind":"agents"}`).is(200, "logged")
	rows := s.get(p.member, list).is(200, "").object()["data"].([]any)
	if len(rows) != 2 {
		t.Fatalf("%d rows", len(rows))
	}
	newest, oldest := rows[0].(map[string]any), rows[1].(map[string]any)
	if newest["request"] != other || newest["kind"] != "other" || newest["desiredValue"] != nil || newest["status"] != "open" {
		t.Errorf("the newest is %v", newest)
	}
	if oldest["request"] != id || oldest["desiredValue"] != 12.0 || oldest["asks"] != 2.0 || oldest["reason"] != "nightly tests" || oldest["granted"] != nil || oldest["declined"] != nil {
		t.Errorf("the oldest is %v", oldest)
	}
}

// TestAskForMoreForm: the row of a limit that is nearly reached has the form, and
// shows afterwards where the request stands.
func TestAskForMoreForm(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "", "")
	s.ok(s.Service.ReportUsage(t.Context(), p.Org.ID, "agents", 3))
	s.ok(s.Service.ReportUsage(t.Context(), p.Org.ID, "rows", 20))
	page := s.get(p.member, "/settings/billing").is(200, "")
	n := 0
	for _, f := range page.forms() {
		if f.action == "/settings/billing/limit" {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d forms to ask for more, want that of agents", n)
	}
	form := page.form("/settings/billing/limit", "kind", "agents")
	for _, bad := range []string{"0", "-3", "many", "1.5", "99999999999999999999"} {
		form.Set("desired", bad)
		s.submit(p.member, "/settings/billing/limit", form).is(400, "")
	}
	form.Set("desired", "12")
	form.Set("reason", "<b>nightly</b>")
	if a := s.submit(p.member, "/settings/billing/limit", form).is(303, ""); a.header.Get("Location") != "/settings/billing?asked=agents" {
		t.Errorf("leads to %q", a.header.Get("Location"))
	}
	after := s.get(p.member, "/settings/billing?asked=agents").is(200, "")
	for _, words := range []string{"Your request is on its way", "Asked for 12"} {
		if !strings.Contains(after.body, words) {
			t.Errorf("the page does not say %q", words)
		}
	}
	if strings.Contains(s.get(p.member, "/settings/billing?asked=rows").body, "Your request is on its way") {
		t.Error("a link makes the page say what has not happened")
	}
	s.submit(p.member, "/settings/billing/limit", url.Values{"kind": {"agents"}}).is(403, "")
}
