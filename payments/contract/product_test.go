package contract_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/payments/contract"
	"github.com/countersignhq/countersign/payments/sandbox"
)

// used are the calls of Stripe that the product makes, no more and no fewer.
func used() []string {
	return []string{
		"DELETE /v1/subscriptions/{subscription_exposed_id}",
		"GET /v1/checkout/sessions",
		"GET /v1/customers",
		"GET /v1/customers/{customer}",
		"GET /v1/customers/{customer}/balance_transactions",
		"GET /v1/events",
		"GET /v1/invoices",
		"GET /v1/invoices/upcoming",
		"GET /v1/invoices/{invoice}",
		"GET /v1/prices",
		"GET /v1/products/{id}",
		"GET /v1/subscription_schedules/{schedule}",
		"GET /v1/subscriptions",
		"GET /v1/subscriptions/{subscription_exposed_id}",
		"GET /v1/webhook_endpoints",
		"POST /v1/billing_portal/sessions",
		"POST /v1/checkout/sessions",
		"POST /v1/checkout/sessions/{session}/expire",
		"POST /v1/customers",
		"POST /v1/customers/{customer}",
		"POST /v1/customers/{customer}/balance_transactions",
		"POST /v1/invoices/{invoice}/void",
		"POST /v1/prices",
		"POST /v1/products",
		"POST /v1/refunds",
		"POST /v1/subscription_schedules",
		"POST /v1/subscription_schedules/{schedule}",
		"POST /v1/subscription_schedules/{schedule}/release",
		"POST /v1/subscriptions/{subscription_exposed_id}",
	}
}

// orders are the forms that a change of a subscription takes. Of its items, the
// plan's is always replaced; units are added where there are none yet.
func orders() []string {
	return []string{
		"cancel=false behavior= off_session= items=",
		"cancel=true behavior= off_session= items=",
		"cancel=false behavior=error_if_incomplete off_session=false items=plan",
		"cancel= behavior=error_if_incomplete off_session=true items=plan",
		"cancel= behavior=pending_if_incomplete off_session= items=plan",
		"cancel=false behavior=error_if_incomplete off_session=false items=plan,units",
		"cancel= behavior=error_if_incomplete off_session=true items=plan,units",
		"cancel= behavior=pending_if_incomplete off_session= items=plan,units",
		"cancel= behavior=error_if_incomplete off_session=true items=units",
		"cancel= behavior=pending_if_incomplete off_session= items=units",
		"cancel= behavior=error_if_incomplete off_session=true items=new units",
		"cancel= behavior=pending_if_incomplete off_session= items=new units",
		"schedule",
		"schedule fewer",
		"schedule none",
		"schedule release",
		"end the second one",
		"refund",
		"credit",
	}
}

// rules are ours about what we send, beyond what Stripe asks for.
type rules struct {
	price func(id string) (lookupKey string) // of the sandbox
	until func(*http.Request)                // nil, or before a call goes on

	mu     sync.Mutex
	orders []string
}

func (l *rules) check(r *http.Request, form url.Values) error {
	key := r.Header.Get("Idempotency-Key")
	switch {
	case r.Header.Get("Stripe-Version") != sandbox.APIVersion:
		return fmt.Errorf("version %q", r.Header.Get("Stripe-Version"))
	case r.Method != http.MethodGet && key == "":
		return errors.New("a call that changes something has no idempotency key")
	case strings.Contains(r.Header.Get("X-Stripe-Client-User-Agent"), "uname"):
		return errors.New("tells which machine it runs on")
	}
	if l.until != nil {
		l.until(r)
	}
	credit := strings.HasSuffix(r.URL.Path, "/balance_transactions")
	if r.Method == http.MethodGet || !credit && !strings.HasPrefix(r.URL.Path, "/v1/subscription") && r.URL.Path != "/v1/refunds" {
		return nil
	}
	if !strings.HasPrefix(key, "cs:int_") {
		return errors.New("a subscription is changed without an intent")
	}
	order, err := l.order(form)
	switch {
	case strings.HasPrefix(r.URL.Path, "/v1/subscription_schedules"):
		order, err = l.schedule(r.URL.Path, form)
	case r.Method == http.MethodDelete:
		order = "end the second one"
		if form.Get("prorate") != "false" || form.Get("invoice_now") != "false" {
			err = errors.New("what is refunded would be credited, too")
		}
	case credit:
		order = "credit"
	case r.URL.Path == "/v1/refunds":
		order = "refund"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.orders = append(l.orders, order)
	return err
}

// order describes an update of a subscription.
func (l *rules) order(form url.Values) (string, error) {
	behavior, items := form.Get("payment_behavior"), l.items(form)
	out := fmt.Sprintf("cancel=%s behavior=%s off_session=%s items=%s",
		form.Get("cancel_at_period_end"), behavior, form.Get("off_session"), strings.Join(items, ","))
	switch {
	case behavior == "allow_incomplete", behavior == "default_incomplete":
		return out, errors.New("the plan would switch before it is paid")
	case len(items) > 0 && (behavior == "" || form.Get("proration_behavior") != "always_invoice" || !form.Has("proration_date")):
		return out, errors.New("a change of items leaves open what is paid when")
	case slices.Contains(items, "new plan"):
		return out, errors.New("a plan is added instead of switched")
	}
	return out, nil
}

// items says of each item that is sent what it is.
func (l *rules) items(form url.Values) []string {
	var out []string
	for i := 0; form.Has(fmt.Sprintf("items[%d][quantity]", i)); i++ {
		kind := "plan"
		if strings.Contains(l.price(form.Get(fmt.Sprintf("items[%d][price]", i))), "unit") {
			kind = "units"
		}
		if form.Get(fmt.Sprintf("items[%d][id]", i)) == "" {
			kind = "new " + kind
		}
		out = append(out, kind)
	}
	return out
}

// schedule describes a call about a schedule.
func (l *rules) schedule(path string, form url.Values) (string, error) {
	switch {
	case strings.HasSuffix(path, "/release"):
		return "schedule release", nil
	case form.Has("from_subscription"):
		return "schedule", nil
	}
	for key, want := range map[string]string{
		"end_behavior": "release", "proration_behavior": "none", "phases[0][proration_behavior]": "none", "phases[1][proration_behavior]": "none", "phases[1][iterations]": "1",
	} {
		if form.Get(key) != want {
			return "schedule ?", fmt.Errorf("%s is %q", key, form.Get(key))
		}
	}
	switch {
	case form.Has("phases[2][iterations]"), !strings.HasPrefix(form.Get("metadata[countersign_intent]"), "int_"):
		return "schedule ?", errors.New("a schedule that nobody ordered")
	case form.Has("phases[1][items][1][quantity]"):
		return "schedule fewer", nil
	}
	return "schedule none", nil
}

// product is the whole product whose every word to Stripe is compared.
type product struct {
	*worldtest.World
	t *testing.T
}

// newProduct builds a world whose Stripe is reached through the comparison.
func newProduct(t *testing.T, catalogue string) (*product, *rules, *contract.Log) {
	t.Helper()
	spec, err := load()
	must(t, err)
	var box http.Handler // known once the world is built, before the first call
	ours := &rules{}
	h, log, err := spec.Between(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { box.ServeHTTP(w, r) }), ours.check)
	must(t, err)
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	t.Cleanup(func() {
		for _, err := range log.Wrong() {
			t.Error(err)
		}
	})
	catalog, err := billing.LoadCatalog(catalogue, os.ReadFile)
	must(t, err)
	client, err := payments.New(payments.Options{SecretKey: "sk_test_worldtest", APIBase: web.URL, Catalog: catalog})
	must(t, err)
	w := worldtest.New(t, worldtest.Options{Catalog: catalogue, Wrap: func(billing.Processor) billing.Processor { return client }})
	box, w.Stripe = w.Box.Handler(), client
	ours.price = func(id string) string { return lookupKey(t, box, id) }
	return &product{World: w, t: t}, ours, log
}

// TestProductSpeaksStripe runs everything that the product does with Stripe,
// with each request and each answer held against Stripe's description.
func TestProductSpeaksStripe(t *testing.T) {
	p, ours, log := newProduct(t, "flat")
	p.catalogue()
	org := p.checkout()
	p.people(org)
	p.agents(org)
	p.banks()
	p.lostAnswer()
	p.reads(org)
	p.end(org)
	u, alsoOurs, alsoLog := newProduct(t, "capacity")
	u.units()
	u.unitsAndPlans()
	u.unitsNotPaid()
	u.secondAttempt(alsoOurs)
	d, twiceOurs, twiceLog := newProduct(t, "flat")
	d.paidTwice()
	seen := slices.Compact(slices.Sorted(slices.Values(slices.Concat(log.Seen(), alsoLog.Seen(), twiceLog.Seen()))))
	if !slices.Equal(seen, used()) {
		t.Errorf("called %q, want %q", seen, used())
	}
	sent := slices.Compact(slices.Sorted(slices.Values(slices.Concat(ours.orders, alsoOurs.orders, twiceOurs.orders))))
	if want := slices.Sorted(slices.Values(orders())); !slices.Equal(sent, want) {
		t.Errorf("orders %q, want %q", sent, want)
	}
	for _, w := range []*product{p, u} {
		if strings.Contains(w.Log.String(), `"level":"ERROR"`) {
			t.Errorf("an error was logged: %s", w.Log)
		}
	}
}

// catalogue pushes a catalogue with prices for single units, and then new prices
// of the same products.
func (p *product) catalogue() {
	c, err := billing.LoadCatalog("capacity", os.ReadFile)
	must(p.t, err)
	for range 2 {
		created, err := p.Stripe.PushCatalog(p.t.Context(), c)
		must(p.t, err)
		for i := range c.Plans {
			plan := &c.Plans[i]
			if plan.Units == nil {
				continue
			}
			if !slices.Contains(created, plan.Price.LookupKey) || !slices.Contains(created, plan.Units.Price.LookupKey) {
				p.t.Errorf("created only %q", created)
			}
			plan.Price.LookupKey += "_new"
			plan.Units.Price.LookupKey += "_new"
		}
	}
}

// checkout subscribes an org to Pro on the hosted page.
func (p *product) checkout() worldtest.Cast {
	org := p.NewCast("acme", "", "")
	out := p.propose(org.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale"}, billing.StatusCheckoutRequired)
	again := p.propose(org.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "pro"}, billing.StatusCheckoutRequired)
	if again.CheckoutURL == out.CheckoutURL {
		p.t.Error("the page for another plan is the same")
	}
	pro, _ := p.Service.Catalog().Plan("pro")
	stored, err := p.Store.Org(p.t.Context(), org.Org.ID)
	must(p.t, err)
	r := billing.CheckoutRequest{
		OrgID: org.Org.ID, CustomerID: stored.CustomerID, Plan: pro, Seq: 77, SuccessURL: "http://app.test/ok",
		CancelURL: "http://app.test/no", ExpiresAt: p.Box.Now().Add(time.Hour),
	}
	first, err := p.Stripe.OpenCheckout(p.t.Context(), r)
	must(p.t, err)
	r.ExpiresAt = r.ExpiresAt.Add(time.Second) // two calls at once seldom agree on it
	if second, err := p.Stripe.OpenCheckout(p.t.Context(), r); err != nil || second.ID != first.ID {
		p.t.Errorf("a racing call opened %+v, %v", second, err)
	}
	must(p.t, p.Stripe.ExpireCheckout(p.t.Context(), first.ID))
	p.press(stored.Checkout.URL, url.Values{"number": {"4242424242424242"}, "name": {"A"}, "email": {"a@acme.test"}})
	if live, err := p.Service.FinishCheckout(p.t.Context(), org.Owner); err != nil || !live {
		p.t.Fatalf("no subscription after the checkout: %v", err)
	}
	org.Customer = stored.CustomerID
	return org
}

// people change the plan by a press.
func (p *product) people(org worldtest.Cast) {
	up := func(plan string) billing.Proposal { return billing.Proposal{Verb: billing.VerbUpgrade, Plan: plan} }
	p.Advance(10 * 24 * time.Hour)
	p.propose(org.Owner, up("scale"), billing.StatusSwitched)
	p.propose(org.Owner, up("pro"), billing.StatusSwitched) // into a credit
	p.propose(org.OwnerTool, up("scale"), billing.StatusSwitched)
	p.propose(org.Owner, billing.Proposal{Verb: billing.VerbDowngrade}, billing.StatusDowngradeScheduled)
	p.propose(org.Owner, up("scale"), billing.StatusResumed)
	p.propose(org.Owner, billing.Proposal{Verb: billing.VerbDowngrade}, billing.StatusDowngradeScheduled)
	p.propose(org.Owner, up("pro"), billing.StatusSwitched) // lifts the downgrade
	p.wants(org, "pro")
}

// agents change the plan by a consent.
func (p *product) agents(org worldtest.Cast) {
	p.chat(org, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale"}, billing.StatusSwitched)
	p.chat(org, billing.Proposal{Verb: billing.VerbDowngrade}, billing.StatusDowngradeScheduled)
	p.propose(org.Agent, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale"}, billing.StatusResumed)
	if a := p.approve(org, "pro"); a.State != billing.ApprovalSucceeded {
		p.t.Errorf("the approved request is %s: %+v", a.State, a.Result)
	}
	p.wants(org, "pro")
}

// banks decline, and ask a question.
func (p *product) banks() {
	up := billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale"}
	org := p.NewCast("banks", "pro", "pm_card_visa")
	p.Advance(10 * 24 * time.Hour)
	p.card(org, "pm_card_chargeCustomerFail")
	p.refused(org.Owner, up, billing.ErrPaymentFailed)
	p.refused(org.OwnerTool, up, billing.ErrPaymentFailed)
	p.card(org, "pm_card_authenticationRequired")
	p.refused(org.OwnerTool, up, billing.ErrPaymentAction)
	p.refused(org.Owner, up, billing.ErrPaymentAction)
	p.bank(org)
	p.wants(org, "scale")
}

// lostAnswer is found again under the key that it had.
func (p *product) lostAnswer() {
	org := p.NewCast("lost", "pro", "pm_card_visa")
	p.card(org, "pm_card_authenticationRequired")
	p.Box.LoseNextAnswer()
	p.propose(org.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale"}, billing.StatusPending)
	p.Advance(time.Minute)
	if found, err := p.Service.Recover(p.t.Context()); err != nil || !found {
		p.t.Errorf("nothing was recovered: %v", err)
	}
	p.bank(org)
	p.wants(org, "scale")
}

// paidTwice pays two pages, the second one partly by credit; the second
// subscription is ended and refunded.
func (p *product) paidTwice() {
	org := p.NewCast("twice", "", "")
	p.propose(org.Owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "pro"}, billing.StatusCheckoutRequired)
	stored, err := p.Store.Org(p.t.Context(), org.Org.ID)
	must(p.t, err)
	scale, _ := p.Service.Catalog().Plan("scale")
	second, err := p.Stripe.OpenCheckout(p.t.Context(), billing.CheckoutRequest{
		OrgID: org.Org.ID, CustomerID: stored.CustomerID, Plan: scale, Seq: 77, SuccessURL: "http://app.test/ok",
		CancelURL: "http://app.test/no", ExpiresAt: p.Box.Now().Add(time.Hour),
	})
	must(p.t, err)
	card := url.Values{"number": {"4242424242424242"}, "name": {"A"}, "email": {"a@acme.test"}}
	p.press(stored.Checkout.URL, card)
	p.Advance(time.Second)
	p.CallStripe(http.MethodPost, "/v1/customers/"+stored.CustomerID, url.Values{"balance": {"-700"}})
	p.press(second.URL, card)
	p.wants(org, "pro")
	if found, err := p.Service.Recover(p.t.Context()); err != nil || !found {
		p.t.Errorf("nothing was done about it: %v", err)
	}
	if sub := p.Sync(org.Org.ID); sub.Credit != 700 || p.Box.Charges(stored.CustomerID)[1].Refunded != 4200 {
		p.t.Errorf("credit %d, charges %+v", sub.Credit, p.Box.Charges(stored.CustomerID))
	}
}

// reads and the portal.
func (p *product) reads(org worldtest.Cast) {
	p.Advance(time.Hour)
	portal, err := p.Service.Portal(p.t.Context(), org.Owner)
	if err != nil || portal == "" {
		p.t.Errorf("portal %q, %v", portal, err)
	}
	must(p.t, p.Service.Reconcile(p.t.Context()))
	must(p.t, p.Service.SyncDirty(p.t.Context()))
	// The same again, in fewer calls; and what only Stripe knows after a restore.
	before, _, err := p.Stripe.Fetch(p.t.Context(), org.Customer)
	must(p.t, err)
	for _, invoices := range []bool{false, true} {
		if again, _, err := p.Stripe.Reread(p.t.Context(), before, invoices); err != nil || fmt.Sprint(again.Plan, again.PeriodEnd, again.Next.Amount) != fmt.Sprint(before.Plan, before.PeriodEnd, before.Next.Amount) {
			p.t.Errorf("read again %+v, %v", again, err)
		}
	}
	found, err := p.Stripe.CustomersSince(p.t.Context(), worldtest.Start)
	if err != nil || !slices.Contains(found, billing.FoundCustomer{CustomerID: org.Customer, OrgID: org.Org.ID}) {
		p.t.Errorf("found %v, %v", found, err)
	}
	_, err = p.Stripe.ExpireCheckouts(p.t.Context())
	must(p.t, err)
	_, err = p.Stripe.Endpoints(p.t.Context())
	must(p.t, err)
	if _, err = p.Stripe.Trace(p.t.Context(), billing.Order{}); !errors.Is(err, billing.ErrNoTrace) {
		p.t.Errorf("the events of no change: %v", err)
	}
}

// end lets the subscription run out.
func (p *product) end(org worldtest.Cast) {
	p.propose(org.Owner, billing.Proposal{Verb: billing.VerbDowngrade}, billing.StatusDowngradeScheduled)
	p.Advance(32 * 24 * time.Hour)
	p.wants(org, "free")
}
