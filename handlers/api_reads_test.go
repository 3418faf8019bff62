package handlers_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// equalJSON compares an answer with a document, as documents.
func (a answer) equalJSON(want string) {
	a.t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		a.t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(a.body), &g); err != nil || a.status != 200 {
		a.t.Fatalf("%s: %d %v: %s", a.what, a.status, err, a.body)
	}
	if !reflect.DeepEqual(g, w) {
		a.t.Errorf("%s:\n%s\nwant\n%s", a.what, a.body, want)
	}
}

const freeUsage = `"agents":{"active":0,"cap":3},"members":{"active":0,"cap":6},"workspaces":{"active":0,"cap":20},"rows":{"active":0,"cap":500},
 "api_calls":{"active":0,"cap":10000,"resetsAt":"2026-04-01T00:00:00Z"},"webhooks":{"active":0,"cap":1000,"resetsAt":"2026-04-01T00:00:00Z"}`

const proUsage = `"agents":{"active":2,"cap":10},"members":{"active":0,"cap":20},"workspaces":{"active":0,"cap":200},"rows":{"active":0,"cap":5000},
 "api_calls":{"active":812,"cap":100000,"resetsAt":"2026-04-01T00:00:00Z"},"webhooks":{"active":0,"cap":10000,"resetsAt":"2026-04-01T00:00:00Z"}`

// TestSummaryGolden is the whole document for each state of an org, the same
// for everybody who may read.
func TestSummaryGolden(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	everybody := func(p people, want string) {
		t.Helper()
		want = strings.ReplaceAll(want, "ORG", p.Org.ID)
		for _, by := range []caller{p.owner, p.admin, p.member, p.tool, p.agent} {
			s.get(by, "/api/billing").equalJSON(want)
		}
	}
	everybody(s.people("free", "", ""), `{"org":{"id":"ORG","name":"free"},"plan":"free","planName":"Free","monthlyPriceCents":0,"currency":"usd",
		"status":null,"cancelAtPeriodEnd":false,"currentPeriodEnd":null,"scheduledChanges":[],"nextInvoice":null,"card":null,
		"designPartner":false,"trial":null,"usage":{`+freeUsage+`},"pendingApprovals":0}`)

	p := s.people("acme", "pro", visa)
	s.ok(s.Service.ReportUsage(t.Context(), p.Org.ID, "agents", 2))
	s.ok(s.Service.ReportUsage(t.Context(), p.Org.ID, "api_calls", 812))
	s.ask(p.agent, "scale")
	pro := `{"org":{"id":"ORG","name":"acme"},"plan":"pro","planName":"Pro","monthlyPriceCents":1900,"currency":"usd",
		"status":"active","cancelAtPeriodEnd":false,"currentPeriodEnd":"2026-04-02T12:00:00Z","scheduledChanges":[],
		"nextInvoice":{"date":"2026-04-02T12:00:00Z","amountCents":1900,"currency":"usd"},
		"card":{"brand":"visa","last4":"4242","expMonth":12,"expYear":2030},
		"designPartner":false,"trial":null,"usage":{` + proUsage + `},"pendingApprovals":1}`
	everybody(p, pro)

	// An agent asked in chat for the downgrade and its user said yes.
	token := s.post(p.agent, "/api/billing/downgrade", "").is(200, "confirmation_required").text("confirm_token")
	s.post(p.agent, "/api/billing/downgrade", `{"confirm_token":"`+token+`"}`).is(200, "downgrade-scheduled")
	ending := strings.Replace(pro, `"cancelAtPeriodEnd":false`, `"cancelAtPeriodEnd":true`, 1)
	ending = strings.Replace(ending, `"scheduledChanges":[]`,
		`"scheduledChanges":[{"kind":"downgrade","plan":"free","effectiveAt":"2026-04-02T12:00:00Z","requestedBy":"agent deploy-bot","approvedBy":null}]`, 1)
	ending = strings.Replace(ending, `"nextInvoice":{"date":"2026-04-02T12:00:00Z","amountCents":1900,"currency":"usd"}`, `"nextInvoice":null`, 1)
	everybody(p, ending)

	// Stripe down: the last known values, and as of when.
	s.Box.FailNext(503, 50)
	s.do(call{as: p.owner, method: "GET", path: "/api/billing/preview?plan=scale", mayFail: true}).is(503, "stripe_unavailable")
	stale := strings.TrimSuffix(ending, "}") + `,"stale":true,"syncedAt":"2026-03-02T12:00:00Z"}`
	everybody(p, stale)
	s.Box.FailNext(0, 0)
}

// TestSummaryUnlimited: a cap that is not there is null.
func TestSummaryUnlimited(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalog.yaml")
	s0 := `version: 1
currency: usd
default_plan: free
resources:
  jobs: {kind: gauge, label: [job, jobs]}
plans:
  free:
    name: Free
    limits: {jobs: 5}
  pro:
    name: Pro
    price: {amount: "19.00", per: month, lookup_key: pro_month}
    limits: {jobs: unlimited}
`
	if err := os.WriteFile(file, []byte(s0), 0o600); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, worldtest.Options{Catalog: file})
	p := s.people("acme", "pro", visa)
	s.ok(s.Service.ReportUsage(t.Context(), p.Org.ID, "jobs", 7))
	a := s.get(p.agent, "/api/billing")
	if !strings.Contains(a.body, `"usage":{"jobs":{"active":7,"cap":null}}`) {
		t.Errorf("%s", a.body)
	}
}

// TestDesignPartnerSummary: at the top plan and with nothing to pay.
func TestDesignPartnerSummary(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.state("partner", "partner")
	v := s.get(p.agent, "/api/billing").object()
	if v["plan"] != "scale" || v["designPartner"] != true || v["nextInvoice"] != nil || v["status"] != nil {
		t.Errorf("%v", v)
	}
}

func TestCheckoutErrors(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	pro, fresh, gift := s.people("pro", "pro", visa), s.people("fresh", "", ""), s.state("partner", "gift")
	for _, tc := range []struct {
		p          people
		body, word string
		status     int
	}{
		{pro, ``, "subscription_exists", 409},
		{pro, `{"plan":"scale"}`, "subscription_exists", 409},
		{gift, `{}`, "design_partner", 409},
		{fresh, `{"plan":"gold"}`, "unknown_plan", 400},
		{fresh, `{"plan":"free"}`, "use_downgrade", 400},
		{fresh, ``, "", 200},
		{fresh, `{"plan":"scale"}`, "", 200},
		{fresh, `{"plan":"pro"}`, "", 200},
	} {
		for _, by := range []caller{tc.p.owner, tc.p.tool, tc.p.agent} {
			a := s.post(by, "/api/billing/checkout", tc.body).is(tc.status, tc.word)
			if tc.status == 200 && (a.keys() != "url" || !strings.HasPrefix(a.text("url"), "http")) {
				t.Errorf("%s: %s", a.what, a.body)
			}
		}
	}
	if s.Plan(pro.Org.ID) != "pro" || s.Plan(fresh.Org.ID) != "free" {
		t.Error("a checkout that nobody paid has changed a plan")
	}
	// The default is the first paid plan, and one session is alive at a time.
	first := s.post(fresh.agent, "/api/billing/checkout", "{}").text("url")
	if again := s.post(fresh.owner, "/api/billing/checkout", `{"plan":"pro"}`).text("url"); again != first {
		t.Errorf("two sessions for one plan: %s and %s", first, again)
	}
}

// TestPortal: people get Stripe's page, an agent the address of ours.
func TestPortal(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, fresh := s.people("acme", "pro", visa), s.people("fresh", "", "")
	for _, by := range []caller{fresh.owner, fresh.tool, fresh.agent} {
		s.post(by, "/api/billing/portal", "").is(409, "no_customer")
	}
	for _, by := range []caller{p.owner, p.admin, p.tool} {
		if u := s.post(by, "/api/billing/portal", "{}").is(200, "").text("url"); strings.HasPrefix(u, s.BaseURL) {
			t.Errorf("%s gets %s", by.name, u)
		}
	}
	if u := s.post(p.agent, "/api/billing/portal", "").is(200, "").text("url"); u != s.BaseURL+"/settings/billing/portal" {
		t.Errorf("an agent gets %s", u)
	}
}

// TestPreview: a quote for every plan, and nothing written or changed anywhere.
func TestPreview(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, fresh, gift := s.people("acme", "pro", visa), s.people("fresh", "", ""), s.state("partner", "gift")
	s.Advance(10 * 24 * time.Hour)
	s.Sync(p.Org.ID)
	owner := s.signIn(p.Org, "owner@acme.test", billing.RoleOwner)
	s.get(p.agent, "/api/billing")
	s.get(p.tool, "/api/billing")
	calls, same := changesAtStripe(s), s.unchanged()
	for _, by := range []caller{owner, p.tool, p.agent} {
		for _, tc := range []struct {
			query, plan    string
			due, recurring int64
		}{
			{"?plan=scale", "scale", 2032, 4900}, {"", "pro", 0, 1900}, {"?plan=pro", "pro", 0, 1900}, {"?plan=free", "free", 0, 0},
		} {
			a := s.get(by, "/api/billing/preview"+tc.query).is(200, "")
			if a.text("plan") != tc.plan || a.text("fromPlan") != "pro" || a.number("amountDueNowCents") != tc.due || a.number("recurringCents") != tc.recurring {
				t.Errorf("%s: %s", tc.query, a.body)
			}
		}
		s.get(by, "/api/billing/preview?plan=gold").is(400, "unknown_plan")
		s.get(by, "/api/billing/preview?plan=").is(400, "invalid_field")
	}
	same("a preview")
	if now := changesAtStripe(s); now != calls {
		t.Errorf("a preview changed something at Stripe: %d calls, before %d", now, calls)
	}
	s.get(gift.agent, "/api/billing/preview?plan=pro").is(409, "design_partner")
	if a := s.get(fresh.agent, "/api/billing/preview?plan=scale").is(200, ""); a.number("amountDueNowCents") != 4900 {
		t.Errorf("%s", a.body)
	}
}

// changesAtStripe counts the calls that change something there.
func changesAtStripe(s *site) int {
	n := 0
	for _, c := range s.Box.Calls() {
		if c.Method != "GET" {
			n++
		}
	}
	return n
}

// TestInvoices walks every page by its cursor.
func TestInvoices(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, stranger := s.people("acme", "pro", visa), s.people("stranger", "pro", visa)
	s.get(s.people("fresh", "", "").agent, "/api/billing/invoices").equalJSON(`{"data":[],"next_cursor":null}`)
	const rows = 120
	s.history(p, "acme", rows)
	s.history(stranger, "stranger", rows)
	seen, cursor, pages := map[string]bool{}, "", 0
	for last := ""; ; pages++ {
		a := s.get(p.agent, "/api/billing/invoices"+cursor).is(200, "")
		for _, row := range a.object()["data"].([]any) {
			i := row.(map[string]any)
			date, _ := i["date"].(string)
			if seen[i["id"].(string)] || last != "" && date > last || !strings.HasPrefix(i["number"].(string), "acme") {
				t.Fatalf("after %s: %v", last, i)
			}
			seen[i["id"].(string)], last = true, date
		}
		next, more := a.object()["next_cursor"].(string)
		if !more {
			break
		}
		cursor = "?cursor=" + next
	}
	if len(seen) != rows || pages != 2 {
		t.Errorf("%d invoices on %d further pages", len(seen), pages)
	}
	for by, want := range map[caller]int{p.owner: 50, p.member: 50, p.tool: 50, stranger.agent: 50} {
		if got := s.get(by, "/api/billing/invoices").object()["data"].([]any); len(got) != want {
			t.Errorf("%s sees %d", by.name, len(got))
		}
	}
	// Another org's cursor leads into nobody's list.
	foreign := s.get(stranger.agent, "/api/billing/invoices").object()["data"].([]any)[0].(map[string]any)["id"].(string)
	for _, row := range s.get(p.agent, "/api/billing/invoices?cursor="+foreign).is(200, "").object()["data"].([]any) {
		if !seen[row.(map[string]any)["id"].(string)] {
			t.Errorf("another org's invoice: %v", row)
		}
	}
	for _, bad := range []string{"in/../x", "a%20b", strings.Repeat("i", 101), "in'--"} {
		if a := s.get(p.agent, "/api/billing/invoices?cursor="+bad).is(400, "invalid_field"); a.detail("field") != "cursor" {
			t.Errorf("%s", a.body)
		}
	}
}

// history mirrors n invoices of an org.
func (s *site) history(p people, name string, n int) {
	s.t.Helper()
	sub, err := s.Store.Subscription(s.t.Context(), p.Org.ID)
	s.ok(err)
	rows := make([]billing.Invoice, n)
	for i := range rows {
		rows[i] = billing.Invoice{
			ID: fmt.Sprintf("in_%s%03d", name, i), Number: fmt.Sprintf("%s-%03d", name, i), Description: "Pro", Status: "paid",
			Amount: billing.Money{Amount: 1900, Currency: "usd"}, CreatedAt: worldtest.Start.AddDate(0, -i, 0),
		}
	}
	saved, err := s.Store.SaveState(s.t.Context(), sub, rows)
	s.ok(err)
	if !saved {
		s.t.Fatal("not saved")
	}
}
