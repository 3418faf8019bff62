package handlers

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func TestSummary(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	if err := s.Service.ReportUsage(t.Context(), c.Org.ID, "agents", 2); err != nil {
		t.Fatal(err)
	}
	w := s.get(who{key: c.AgentKey}, "/api/billing")
	sum := read[api.Summary](t, w, 200)
	if sum.Org.Name != "acme" || sum.Plan != "pro" || sum.PlanName != "Pro" || sum.MonthlyPriceCents != 1900 || sum.Currency != "usd" || *sum.Status != "active" ||
		sum.Card.Last4 != "4242" || sum.NextInvoice.AmountCents != 1900 || !sum.CurrentPeriodEnd.Equal(time.Date(2026, 4, 2, 12, 0, 0, 0, time.UTC)) {
		t.Errorf("%s", w.Body)
	}
	if u := sum.Usage["agents"]; u.Active != 2 || *u.Cap != 10 || u.ResetsAt != nil {
		t.Errorf("agents %+v", u)
	}
	if u := sum.Usage["api_calls"]; u.Active != 0 || *u.Cap != 100_000 || u.ResetsAt == nil {
		t.Errorf("api_calls %+v", u)
	}
	for _, want := range []string{`"trial":null`, `"scheduledChanges":[]`, `"designPartner":false`, `"cancelAtPeriodEnd":false`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
	if strings.Contains(w.Body.String(), "stale") {
		t.Errorf("stale: %s", w.Body)
	}
	read[api.Change](t, s.post(who{key: c.OwnerToken}, "/api/billing/downgrade", ""), 200)
	sum = read[api.Summary](t, s.get(who{session: c.MemberCookie}, "/api/billing"), 200)
	if len(sum.ScheduledChanges) != 1 || sum.ScheduledChanges[0].Plan != "free" || sum.ScheduledChanges[0].RequestedBy == nil || !sum.CancelAtPeriodEnd {
		t.Errorf("%+v", sum)
	}
}

func TestSummaryWithoutASubscription(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "", "")
	w := s.get(who{key: c.AgentKey}, "/api/billing")
	for _, want := range []string{`"plan":"free"`, `"status":null`, `"card":null`, `"nextInvoice":null`, `"currentPeriodEnd":null`, `"monthlyPriceCents":0`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in %s", want, w.Body)
		}
	}
}

func TestStripeDown(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	s.Box.FailNext(http.StatusInternalServerError, 100)
	w := s.get(who{key: c.AgentKey}, "/api/billing/preview?plan=scale")
	if e := read[api.Error](t, w, 503); e.Code != "stripe_unavailable" || w.Header().Get("Retry-After") == "" {
		t.Errorf("%+v %v", e, w.Header())
	}
	sum := read[api.Summary](t, s.get(who{key: c.AgentKey}, "/api/billing"), 200)
	if !sum.Stale || sum.SyncedAt == nil || sum.Plan != "pro" {
		t.Errorf("%+v", sum)
	}
	page := s.get(who{session: c.OwnerCookie}, pathBilling)
	contains(t, page, 200, "Stripe is not answering")
	form := forms(page, pathChange, "plan", "scale")
	contains(t, s.submit(who{session: c.OwnerCookie}, pathChange, form), 503, "Stripe does not answer", `id="main"`)
}

func TestPreview(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	agent := who{key: c.AgentKey}
	q := read[api.Quote](t, s.get(agent, "/api/billing/preview?plan=scale"), 200)
	if q.Plan != "scale" || q.FromPlan != "pro" || q.AmountDueNowCents != 3000 || q.RecurringCents != 4900 || q.Interval != "month" || len(q.Lines) != 2 || q.EffectiveAt != nil || q.ProrationDate == nil {
		t.Errorf("%+v", q)
	}
	if q = read[api.Quote](t, s.get(agent, "/api/billing/preview?plan=free"), 200); q.AmountDueNowCents != 0 || q.EffectiveAt == nil || q.Lines == nil {
		t.Errorf("%+v", q)
	}
	if e := read[api.Error](t, s.get(agent, "/api/billing/preview?plan=gold"), 400); e.Code != "unknown_plan" {
		t.Errorf("%+v", e)
	}
	if s.Plan(c.Org.ID) != "pro" {
		t.Error("a preview has changed the plan")
	}
}

func TestInvoices(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	agent := who{key: c.AgentKey}
	list := read[api.List[api.Invoice]](t, s.get(agent, "/api/billing/invoices"), 200)
	if len(list.Data) != 1 || list.Data[0].Amount != 1900 || list.Data[0].Status != "paid" || list.Data[0].Number == "" || list.NextCursor != nil {
		t.Errorf("%+v", list)
	}
	if list = read[api.List[api.Invoice]](t, s.get(agent, "/api/billing/invoices?cursor="+list.Data[0].ID), 200); len(list.Data) != 0 || list.Data == nil {
		t.Errorf("%+v", list)
	}
	if e := read[api.Error](t, s.get(agent, "/api/billing/invoices?cursor=%27--"), 400); e.Code != "invalid_field" {
		t.Errorf("%+v", e)
	}
}

func TestListOf(t *testing.T) {
	same := func(s string) string { return s }
	for _, c := range []struct {
		rows []string
		want int
		next string
	}{{nil, 0, ""}, {[]string{"a"}, 1, ""}, {[]string{"a", "b"}, 2, ""}, {[]string{"a", "b", "c"}, 2, "b"}} {
		got := listOf(c.rows, 2, same, same)
		next := ""
		if got.NextCursor != nil {
			next = *got.NextCursor
		}
		if len(got.Data) != c.want || next != c.next || got.Data == nil {
			t.Errorf("%v: %+v", c.rows, got)
		}
	}
}

func TestCheckout(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "", "")
	owner := who{session: c.OwnerCookie}
	link := read[api.Link](t, s.post(who{key: c.AgentKey}, "/api/billing/checkout", ""), 200)
	form := forms(s.get(owner, pathBilling), pathCheckout, "plan", "pro")
	if w := s.submit(owner, pathCheckout, form); w.Code != 303 || w.Header().Get("Location") != link.URL {
		t.Errorf("%d %s, want %s", w.Code, w.Header().Get("Location"), link.URL)
	}
	up := read[api.Change](t, s.post(who{key: c.AgentKey}, "/api/billing/upgrade", `{"plan":"pro"}`), 200)
	if up.Status != "checkout-required" || up.CheckoutURL != link.URL || up.Plan != "free" {
		t.Errorf("%+v", up)
	}
	page := s.get(owner, pathSuccess+"?session_id=cs_x")
	contains(t, page, 200, "Finalizing")
	if forms(page, pathCheckout, "", "") != nil {
		t.Error("there is something to buy while the last purchase is looked at")
	}
	s.Subscribe(c.Org, "pro", visa)
	w := s.get(owner, pathSuccess)
	if w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	contains(t, s.get(owner, w.Header().Get("Location")), 200, "acme is on Pro", "$19.00 was charged")
	if e := read[api.Error](t, s.post(who{key: c.OwnerToken}, "/api/billing/checkout", `{"plan":"scale"}`), 409); e.Code != "subscription_exists" {
		t.Errorf("%+v", e)
	}
	contains(t, s.submit(owner, pathCheckout, form), 409, "There is a subscription already")
}

// Who paid twice reads so on coming back, and sees the refund among the invoices.
func TestPaidTwice(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "", "")
	owner := who{session: c.OwnerCookie}
	s.post(who{key: c.AgentKey}, "/api/billing/checkout", "")
	customer := s.World.Org(c.Org.ID).CustomerID
	if err := s.Box.GiveCard(customer, visa); err != nil {
		t.Fatal(err)
	}
	for _, plan := range []string{"pro_month", "scale_month"} { // as two paid pages leave it
		prices := s.CallStripe("GET", "/v1/prices?lookup_keys[]="+plan, nil)["data"].([]any)
		s.CallStripe("POST", "/v1/subscriptions", url.Values{
			"customer": {customer}, "items[0][price]": {prices[0].(map[string]any)["id"].(string)}, "metadata[countersign_org]": {c.Org.ID},
		})
		s.Advance(time.Second)
	}
	w := s.get(owner, pathSuccess)
	if w.Code != 303 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	contains(t, s.get(owner, w.Header().Get("Location")), 200, "acme has Pro already", "The second subscription is ended at once")
	if err := s.Service.RecoverAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	w = s.get(owner, pathSuccess)
	contains(t, s.get(owner, w.Header().Get("Location")), 200, "$49.00 goes back to where it came from", "Refunded")
	list := read[api.List[api.Invoice]](t, s.get(who{key: c.AgentKey}, "/api/billing/invoices"), 200)
	if len(list.Data) != 2 || list.Data[0].Status != "refunded" || list.Data[1].Status != "paid" {
		t.Errorf("%+v", list.Data)
	}
}

func TestSuccessWithoutCheckout(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "", "")
	if w := s.get(who{session: c.OwnerCookie}, pathSuccess); w.Code != 303 || w.Header().Get("Location") != pathBilling {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// An agent's link to the portal is a page of ours that opens nothing by itself.
func TestPortal(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	owner := who{session: c.OwnerCookie}
	link := read[api.Link](t, s.post(who{key: c.AgentKey}, "/api/billing/portal", ""), 200)
	if link.URL != s.BaseURL+pathPortal {
		t.Fatalf("%+v", link)
	}
	calls := len(s.Box.Calls())
	if w := s.get(who{}, pathPortal); w.Code != 303 || w.Header().Get("Location") != "/login?next=%2Fsettings%2Fbilling%2Fportal" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := s.get(owner, pathPortal); w.Code != 303 || w.Header().Get("Location") != pathBilling+"#card-title" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	form := forms(s.get(owner, pathBilling), pathPortal, "", "")
	if n := len(s.Box.Calls()); n != calls {
		t.Errorf("%d calls of Stripe without a press", n-calls)
	}
	w := s.submit(owner, pathPortal, form)
	if to, _ := url.Parse(w.Header().Get("Location")); w.Code != 303 || to.Host == "" || strings.HasPrefix(w.Header().Get("Location"), s.BaseURL) {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	own := read[api.Link](t, s.post(who{key: c.OwnerToken}, "/api/billing/portal", "{}"), 200)
	if strings.HasPrefix(own.URL, s.BaseURL) {
		t.Errorf("%+v", own)
	}
}

func TestPaymentsNotConfigured(t *testing.T) {
	s := newSite(t, worldtest.Options{NoStripe: true})
	c := s.NewCast("acme", "", "")
	for _, call := range []string{"checkout", "portal", "upgrade", "downgrade"} {
		if e := read[api.Error](t, s.post(who{key: c.AgentKey}, "/api/billing/"+call, ""), 400); e.Code != "stripe_not_configured" {
			t.Errorf("%s: %+v", call, e)
		}
	}
	contains(t, s.get(who{session: c.OwnerCookie}, pathBilling), 200, "Payments are not set up")
}

func TestWebhook(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	const hook = "/stripe/webhook"
	for range 2 { // Stripe delivers at least once
		contains(t, s.post(who{}, hook, c.Customer, "Stripe-Signature: good"), 200, `{"received":true}`)
	}
	sub, err := s.Store.Subscription(t.Context(), c.Org.ID)
	if err != nil || !sub.Dirty() {
		t.Errorf("nothing is remembered: %+v %v", sub, err)
	}
	if e := read[api.Error](t, s.post(who{}, hook, c.Customer), 400); e.Code != "invalid_signature" {
		t.Errorf("%+v", e)
	}
	if w := s.post(who{}, hook, strings.Repeat("x", maxWebhook+1), "Stripe-Signature: good"); w.Code != 413 {
		t.Errorf("too large: %d", w.Code)
	}
	if w := s.get(who{}, hook); w.Code != 405 || w.Header().Get("Allow") != "POST" {
		t.Errorf("GET: %d", w.Code)
	}
}

func TestHealth(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	contains(t, s.get(who{}, "/healthz"), 200, `"ok"`)
	contains(t, s.get(who{}, "/readyz"), 200, `"ready"`)
	if err := s.Store.Close(); err != nil {
		t.Fatal(err)
	}
	contains(t, s.get(who{}, "/healthz"), 200, `"ok"`)
	w := s.get(who{}, "/readyz")
	contains(t, w, 503, `"not_ready"`)
	if strings.Contains(w.Body.String(), "sql") {
		t.Errorf("tells about the database: %s", w.Body)
	}
}

func TestRoot(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.NewCast("acme", "", "")
	if w := s.get(who{session: c.OwnerCookie}, "/"); w.Code != 303 || w.Header().Get("Location") != pathBilling {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	contains(t, s.get(who{}, "/nope"), 404, "There is nothing here", `id="main"`)
	for _, demo := range []string{pathMailbox, pathParts} {
		if w := s.get(who{}, demo); w.Code != 404 {
			t.Errorf("the demo's %s is there: %d", demo, w.Code)
		}
	}
}

func TestActorWords(t *testing.T) {
	for want, a := range map[string]billing.Actor{
		"agent deploy-bot": {Kind: billing.KindAgent, Name: "deploy-bot"}, "Ada": {Kind: billing.KindHuman, Name: "Ada"}, "": {},
	} {
		if got := actorWords(a); got != want {
			t.Errorf("%+v: %q", a, got)
		}
	}
}
