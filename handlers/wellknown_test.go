package handlers_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/handlers"
)

// TestLLMsIsTheContract: what agents are told is there, and nothing that they
// can call is left out.
func TestLLMsIsTheContract(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	a := s.get(nobody, "/llms.txt").is(200, "")
	if got := a.header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("content type %s", got)
	}
	told := map[string]bool{}
	for _, m := range regexp.MustCompile("`(GET|POST|PUT|DELETE) (/[a-z0-9/-]+)").FindAllStringSubmatch(a.body, -1) {
		told[m[1]+" "+m[2]] = true
		if _, ok := contract().doc.Paths[m[2]][strings.ToLower(m[1])]; !ok {
			t.Errorf("%s %s is told and not described", m[1], m[2])
		}
	}
	for _, call := range []string{
		"GET /api/billing", "GET /api/billing/preview", "GET /api/billing/invoices", "POST /api/billing/upgrade", "POST /api/billing/downgrade",
		"POST /api/billing/checkout", "POST /api/billing/portal", "GET /api/approvals", "GET /api/web-approve/status", "POST /api/web-approve/cancel",
	} {
		if !told[call] {
			t.Errorf("%s is not told", call)
		}
	}
	for _, status := range []billing.Status{
		billing.StatusConfirmationRequired, billing.StatusWebApproveRequired, billing.StatusCheckoutRequired, billing.StatusSwitched,
		billing.StatusResumed, billing.StatusDowngradeScheduled, billing.StatusPending,
	} {
		if !strings.Contains(a.body, "`"+string(status)+"`") {
			t.Errorf("%s is not told", status)
		}
	}
}

func withMetrics(c *handlers.Config) { c.MetricsToken = "a token for the monitor" }

func TestMetrics(t *testing.T) {
	s := newSite(t, worldtest.Options{}, withMetrics)
	s.secrets.add("a token for the monitor")
	p := s.people("acme", "pro", visa)
	monitor := caller{name: "monitor", key: "a token for the monitor"}
	s.get(nobody, "/metrics").is(401, "unauthorized")
	s.get(p.agent, "/metrics").is(401, "unauthorized")
	s.get(p.owner, "/metrics").is(401, "unauthorized")
	if err := s.Store.MarkDirty(t.Context(), p.Org.ID); err != nil {
		t.Fatal(err)
	}
	s.Box.FailNext(500, 100)
	s.do(call{as: p.agent, method: http.MethodGet, path: "/api/billing/preview?plan=scale", mayFail: true})
	a := s.get(monitor, "/metrics").is(200, "")
	for _, line := range []string{
		`countersign_http_requests_total{route="GET /metrics",status="4xx"} 3`,
		`countersign_http_requests_total{route="GET /api/billing/preview",status="5xx"} 1`,
		`countersign_intents{state="needs_review"} 0`, `countersign_intents{state="pending"} 0`, `countersign_dirty_orgs 1`,
		`countersign_webhook_inbox 0`, `countersign_mails_waiting 2`, `countersign_mails_total{result="dropped"} 0`, `countersign_sync_lag_seconds 0`, `countersign_stripe_errors_total 1`,
		`countersign_drift_total{kind="plan"} 0`, `countersign_drift_total{kind="invoices"} 0`, `countersign_events_read_timestamp_seconds 0`, `countersign_pass_finished_timestamp_seconds 0`,
	} {
		if !strings.Contains(a.body, line+"\n") {
			t.Errorf("there is no line %s", line)
		}
	}
	if strings.Contains(a.body, p.Org.ID) || strings.Contains(a.body, "acme") {
		t.Error("a tenant is named")
	}
	if t.Failed() {
		t.Log(a.body)
	}
}

func TestMetricsNeedAToken(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	s.get(nobody, "/metrics").is(404, "not_found")
	s.get(caller{name: "guess", key: "x"}, "/metrics").is(404, "not_found")
}
