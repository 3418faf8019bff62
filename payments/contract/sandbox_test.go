package contract_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"github.com/countersignhq/countersign/payments/contract"
	"github.com/countersignhq/countersign/payments/sandbox"
)

var load = sync.OnceValues(contract.Load)

// supported are the calls of the sandbox; each must be answered once with 200.
func supported() []string {
	return []string{
		"DELETE /v1/customers/{customer}",
		"DELETE /v1/subscriptions/{subscription_exposed_id}",
		"DELETE /v1/webhook_endpoints/{webhook_endpoint}",
		"GET /v1/account",
		"GET /v1/balance",
		"GET /v1/charges",
		"GET /v1/charges/{charge}",
		"GET /v1/checkout/sessions",
		"GET /v1/checkout/sessions/{session}",
		"GET /v1/checkout/sessions/{session}/line_items",
		"GET /v1/customers",
		"GET /v1/customers/{customer}",
		"GET /v1/customers/{customer}/balance_transactions",
		"GET /v1/customers/{customer}/payment_methods",
		"GET /v1/events",
		"GET /v1/events/{id}",
		"GET /v1/invoices",
		"GET /v1/invoices/upcoming",
		"GET /v1/invoices/{invoice}",
		"GET /v1/invoices/{invoice}/lines",
		"GET /v1/payment_intents/{intent}",
		"GET /v1/payment_methods",
		"GET /v1/payment_methods/{payment_method}",
		"GET /v1/prices",
		"GET /v1/prices/{price}",
		"GET /v1/products",
		"GET /v1/products/{id}",
		"GET /v1/refunds",
		"GET /v1/refunds/{refund}",
		"GET /v1/subscription_schedules",
		"GET /v1/subscription_schedules/{schedule}",
		"GET /v1/subscriptions",
		"GET /v1/subscriptions/{subscription_exposed_id}",
		"GET /v1/webhook_endpoints",
		"GET /v1/webhook_endpoints/{webhook_endpoint}",
		"POST /v1/billing_portal/sessions",
		"POST /v1/checkout/sessions",
		"POST /v1/checkout/sessions/{session}/expire",
		"POST /v1/customers",
		"POST /v1/customers/{customer}",
		"POST /v1/customers/{customer}/balance_transactions",
		"POST /v1/invoices/{invoice}/pay",
		"POST /v1/invoices/{invoice}/void",
		"POST /v1/payment_methods/{payment_method}/attach",
		"POST /v1/payment_methods/{payment_method}/detach",
		"POST /v1/prices",
		"POST /v1/prices/{price}",
		"POST /v1/products",
		"POST /v1/products/{id}",
		"POST /v1/refunds",
		"POST /v1/subscription_schedules",
		"POST /v1/subscription_schedules/{schedule}",
		"POST /v1/subscription_schedules/{schedule}/cancel",
		"POST /v1/subscription_schedules/{schedule}/release",
		"POST /v1/subscriptions",
		"POST /v1/subscriptions/{subscription_exposed_id}",
		"POST /v1/webhook_endpoints",
		"POST /v1/webhook_endpoints/{webhook_endpoint}",
	}
}

// walk drives the sandbox through a story by plain HTTP.
type walk struct {
	t    *testing.T
	box  *sandbox.Server
	base string
}

func (w *walk) call(method, path string, kv ...string) map[string]any {
	w.t.Helper()
	form := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		form.Add(kv[i], kv[i+1])
	}
	addr, body := w.base+path, ""
	if method == "GET" {
		addr += "?" + form.Encode()
	} else {
		body = form.Encode()
	}
	req, err := http.NewRequest(method, addr, strings.NewReader(body))
	must(w.t, err)
	req.Header.Set("Authorization", "Bearer sk_test_sandbox")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	must(w.t, err)
	defer res.Body.Close()
	out := map[string]any{}
	data, err := io.ReadAll(res.Body)
	must(w.t, err)
	if strings.HasPrefix(path, "/v1/") {
		must(w.t, unmarshal(data, &out))
	}
	out["status_code"] = res.StatusCode
	return out
}

// ok is call for a call that must succeed.
func (w *walk) ok(method, path string, kv ...string) map[string]any {
	w.t.Helper()
	out := w.call(method, path, kv...)
	if out["status_code"] != 200 {
		w.t.Fatalf("%s %s: %v", method, path, out)
	}
	return out
}

func id(o map[string]any) string { s, _ := o["id"].(string); return s }

// TestSandboxAnswersAsStripeDescribes walks through every supported call and
// the states that change an object's shape.
func TestSandboxAnswersAsStripeDescribes(t *testing.T) {
	spec, err := load()
	must(t, err)
	if spec.Version() != sandbox.APIVersion {
		t.Fatalf("the description is of %s, the sandbox speaks %s", spec.Version(), sandbox.APIVersion)
	}
	box, err := sandbox.New(sandbox.Options{Now: func() time.Time { return time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC) }})
	must(t, err)
	h, log := spec.Answers(box.Handler())
	web := httptest.NewServer(h)
	t.Cleanup(func() { web.Close(); box.Close() })
	box.SetPublicURL(web.URL)
	w := &walk{t: t, box: box, base: web.URL}
	w.catalogue()
	w.money()
	w.checkout()
	w.units()
	w.schedules()
	w.failures()
	w.rest()
	for _, err := range log.Wrong() {
		t.Error(err)
	}
	seen := log.Seen()
	for _, want := range supported() {
		if !slices.Contains(seen, want) {
			t.Errorf("%s was never answered", want)
		}
	}
	for _, got := range seen {
		if !slices.Contains(supported(), got) {
			t.Errorf("%s is not in the list of supported calls", got)
		}
	}
}

func (w *walk) catalogue() {
	for _, p := range [][2]string{{"pro", "1900"}, {"scale", "4900"}, {"unit", "400"}} {
		w.ok("POST", "/v1/products", "id", p[0], "name", p[0], "metadata[a]", "b")
		w.ok("POST", "/v1/prices", "product", p[0], "currency", "usd", "unit_amount", p[1], "recurring[interval]", "month", "lookup_key", p[0]+"_month")
	}
	w.ok("GET", "/v1/products", "active", "true")
	w.ok("GET", "/v1/products/pro")
	w.ok("POST", "/v1/products/pro", "description", "The middle plan")
	list := w.ok("GET", "/v1/prices", "lookup_keys[]", "pro_month", "expand[]", "data.product")
	pro := id(list["data"].([]any)[0].(map[string]any))
	w.ok("GET", "/v1/prices/"+pro, "expand[]", "product")
	w.ok("POST", "/v1/prices/"+pro, "nickname", "Pro, monthly")
}

func (w *walk) priceOf(key string) string {
	w.t.Helper()
	return id(w.ok("GET", "/v1/prices", "lookup_keys[]", key)["data"].([]any)[0].(map[string]any))
}

func (w *walk) customer(card string) string {
	cus := id(w.ok("POST", "/v1/customers", "email", "a@b.test", "name", "A", "metadata[org]", "org_1"))
	w.card(cus, card)
	return cus
}

func (w *walk) card(cus, card string) string {
	pm := id(w.ok("POST", "/v1/payment_methods/"+card+"/attach", "customer", cus))
	w.ok("POST", "/v1/customers/"+cus, "invoice_settings[default_payment_method]", pm)
	return pm
}

func itemOf(sub map[string]any) string {
	return id(sub["items"].(map[string]any)["data"].([]any)[0].(map[string]any))
}

func (w *walk) money() {
	w.ok("GET", "/v1/account")
	pro, scale := w.priceOf("pro_month"), w.priceOf("scale_month")
	cus := w.customer("pm_card_visa")
	w.ok("GET", "/v1/customers/"+cus, "expand[]", "subscriptions", "expand[]", "invoice_settings.default_payment_method")
	w.ok("GET", "/v1/customers", "email", "a@b.test")
	sub := w.ok("POST", "/v1/subscriptions", "customer", cus, "items[0][price]", pro, "metadata[a]", "b", "expand[]", "latest_invoice.payment_intent.latest_charge")
	must(w.t, w.box.Advance(10*24*time.Hour))
	change := []string{"subscription_items[0][id]", itemOf(sub), "subscription_items[0][price]", scale, "subscription", id(sub)}
	for _, behaviour := range []string{"always_invoice", "create_prorations", "none"} {
		w.ok("GET", "/v1/invoices/upcoming", append(change, "subscription_proration_behavior", behaviour)...)
	}
	w.ok("GET", "/v1/invoices/upcoming", "customer", cus)
	update := []string{"items[0][id]", itemOf(sub), "proration_behavior", "always_invoice", "payment_behavior", "error_if_incomplete"}
	w.ok("POST", "/v1/subscriptions/"+id(sub), append(update, "items[0][price]", scale, "expand[]", "latest_invoice")...)
	w.ok("POST", "/v1/subscriptions/"+id(sub), append(update, "items[0][price]", pro, "expand[]", "latest_invoice")...)
	w.ok("POST", "/v1/subscriptions/"+id(sub), "cancel_at_period_end", "true")
	w.ok("GET", "/v1/subscriptions/"+id(sub), "expand[]", "customer.invoice_settings.default_payment_method", "expand[]", "latest_invoice.payment_intent", "expand[]", "items.data.price.product")
	w.ok("POST", "/v1/subscriptions/"+id(sub), "cancel_at_period_end", "false", "items[0][id]", itemOf(sub), "items[0][price]", scale)
	must(w.t, w.box.Advance(25*24*time.Hour))
	w.ok("GET", "/v1/subscriptions", "customer", cus, "status", "all", "expand[]", "data.latest_invoice")
	w.ok("GET", "/v1/invoices", "customer", cus, "limit", "100", "expand[]", "data.charge", "expand[]", "data.subscription")
	w.ok("GET", "/v1/charges", "customer", cus)
	w.ok("DELETE", "/v1/subscriptions/"+id(sub), "prorate", "true", "invoice_now", "true", "cancellation_details[comment]", "bye")
	w.ok("GET", "/v1/balance")
	w.ok("POST", "/v1/customers/"+cus+"/balance_transactions", "amount", "-700", "currency", "usd", "description", "by hand", "metadata[a]", "b")
	w.ok("GET", "/v1/customers/"+cus+"/balance_transactions", "expand[]", "data.customer")
}

func (w *walk) checkout() {
	pro := w.priceOf("pro_month")
	open := []string{"mode", "subscription", "success_url", "http://app.test/{CHECKOUT_SESSION_ID}", "cancel_url", "http://app.test", "line_items[0][price]", pro, "line_items[0][quantity]", "1"}
	cs := w.ok("POST", "/v1/checkout/sessions", open...)
	w.call("POST", strings.TrimPrefix(cs["url"].(string), w.base), "number", "4242424242424242", "email", "x@y.test")
	got := w.ok("GET", "/v1/checkout/sessions/"+id(cs), "expand[]", "line_items", "expand[]", "subscription", "expand[]", "invoice", "expand[]", "customer")
	if got["status"] != "complete" {
		w.t.Fatalf("checkout did not complete: %v", got)
	}
	w.ok("GET", "/v1/checkout/sessions/"+id(cs)+"/line_items")
	other := w.ok("POST", "/v1/checkout/sessions", append(open, "customer", w.customer("pm_card_visa"), "client_reference_id", "org_1", "subscription_data[metadata][a]", "b")...)
	w.ok("POST", "/v1/checkout/sessions/"+id(other)+"/expire")
	w.ok("GET", "/v1/checkout/sessions", "status", "expired")
	w.ok("POST", "/v1/billing_portal/sessions", "customer", id(got["customer"].(map[string]any)), "return_url", "http://app.test")
}

// units has one subscription with an item that comes, changes and goes.
func (w *walk) units() {
	pro, scale, unit := w.priceOf("pro_month"), w.priceOf("scale_month"), w.priceOf("unit_month")
	cus := w.customer("pm_card_visa")
	cs := w.ok("POST", "/v1/checkout/sessions", "customer", cus, "mode", "subscription", "success_url", "http://app.test",
		"line_items[0][price]", pro, "line_items[0][quantity]", "1", "line_items[1][price]", unit, "line_items[1][quantity]", "3")
	w.call("POST", strings.TrimPrefix(cs["url"].(string), w.base), "number", "4242424242424242")
	list := w.ok("GET", "/v1/subscriptions", "customer", cus)
	sub := list["data"].([]any)[0].(map[string]any)
	path := "/v1/subscriptions/" + id(sub)
	must(w.t, w.box.Advance(5*24*time.Hour))
	base, units := itemOf(sub), id(sub["items"].(map[string]any)["data"].([]any)[1].(map[string]any))
	w.ok("GET", "/v1/invoices/upcoming", "subscription", id(sub), "subscription_items[0][id]", units, "subscription_items[0][quantity]", "7",
		"subscription_proration_behavior", "always_invoice")
	w.ok("POST", path, "items[0][id]", units, "items[0][quantity]", "7", "proration_behavior", "always_invoice", "payment_behavior", "pending_if_incomplete")
	w.ok("POST", path, "items[0][id]", base, "items[0][price]", scale, "items[0][quantity]", "1", "items[1][id]", units, "items[1][deleted]", "true")
	w.ok("POST", path, "items[0][price]", unit, "items[0][quantity]", "0", "proration_behavior", "none")
	must(w.t, w.box.Advance(30*24*time.Hour))
	w.ok("GET", path, "expand[]", "latest_invoice")
}

// scheduled is a subscription with units whose next period will have fewer.
func (w *walk) scheduled() (sub, schedule string) {
	pro, unit := w.priceOf("pro_month"), w.priceOf("unit_month")
	sub = id(w.ok("POST", "/v1/subscriptions", "customer", w.customer("pm_card_visa"), "items[0][price]", pro, "items[1][price]", unit, "items[1][quantity]", "5"))
	sc := w.ok("POST", "/v1/subscription_schedules", "from_subscription", sub, "expand[]", "subscription")
	now := sc["current_phase"].(map[string]any)
	at := func(key string) string { return strconv.FormatInt(int64(now[key].(float64)), 10) }
	w.ok("POST", "/v1/subscription_schedules/"+id(sc), "end_behavior", "release", "proration_behavior", "none", "metadata[a]", "b",
		"phases[0][start_date]", at("start_date"), "phases[0][end_date]", at("end_date"),
		"phases[0][items][0][price]", pro, "phases[0][items][1][price]", unit, "phases[0][items][1][quantity]", "5",
		"phases[1][items][0][price]", pro, "phases[1][items][1][price]", unit, "phases[1][items][1][quantity]", "2",
		"phases[1][iterations]", "1", "phases[1][proration_behavior]", "none", "phases[1][metadata][a]", "b")
	return sub, id(sc)
}

// schedules brings a schedule to each of its ends.
func (w *walk) schedules() {
	done, first := w.scheduled()
	w.ok("GET", "/v1/subscriptions/"+done, "expand[]", "schedule", "expand[]", "schedule.phases.items.price")
	w.ok("GET", "/v1/invoices/upcoming", "schedule", first)
	w.ok("POST", "/v1/subscriptions/"+done, "items[0][price]", w.priceOf("scale_month"))
	w.call("POST", "/v1/subscriptions/"+done, "cancel_at_period_end", "true")
	released, second := w.scheduled()
	w.ok("POST", "/v1/subscription_schedules/"+second+"/release")
	w.call("POST", "/v1/subscription_schedules/"+second+"/release")
	_, third := w.scheduled()
	w.ok("POST", "/v1/subscription_schedules/"+third+"/cancel", "invoice_now", "true", "prorate", "false")
	_, fourth := w.scheduled()
	w.ok("POST", "/v1/subscription_schedules/"+fourth, "end_behavior", "cancel")
	late, _ := w.scheduled()
	w.card(w.ok("GET", "/v1/subscriptions/"+late)["customer"].(string), "pm_card_chargeCustomerFail")
	must(w.t, w.box.Advance(70*24*time.Hour))
	for _, want := range [][2]string{{first, "released"}, {second, "released"}, {third, "canceled"}, {fourth, "completed"}} {
		if got := w.ok("GET", "/v1/subscription_schedules/"+want[0], "expand[]", "customer"); got["status"] != want[1] {
			w.t.Errorf("schedule: %v, want %s", got, want[1])
		}
	}
	w.ok("GET", "/v1/subscription_schedules", "limit", "100", "expand[]", "data.subscription")
	w.ok("GET", "/v1/subscriptions/"+released, "expand[]", "latest_invoice")
}

func (w *walk) failures() {
	pro, scale := w.priceOf("pro_month"), w.priceOf("scale_month")
	for _, card := range []string{"pm_card_chargeCustomerFail", "pm_card_authenticationRequired"} {
		cus := w.customer("pm_card_visa")
		sub := w.ok("POST", "/v1/subscriptions", "customer", cus, "items[0][price]", pro)
		w.card(cus, card)
		update := []string{"items[0][id]", itemOf(sub), "items[0][price]", scale, "proration_behavior", "always_invoice", "payment_behavior"}
		w.call("POST", "/v1/subscriptions/"+id(sub), append(update, "error_if_incomplete")...)
		got := w.ok("POST", "/v1/subscriptions/"+id(sub), append(update, "pending_if_incomplete", "expand[]", "latest_invoice.payment_intent")...)
		in := got["latest_invoice"].(map[string]any)
		w.ok("GET", "/v1/payment_intents/"+id(in["payment_intent"].(map[string]any)), "expand[]", "latest_charge", "expand[]", "payment_method")
		w.call("POST", "/v1/invoices/"+id(in)+"/pay")
		w.ok("POST", "/v1/invoices/"+id(in)+"/void")
		w.ok("POST", "/v1/subscriptions/"+id(sub), append(update, "allow_incomplete")...)
		again := w.ok("GET", "/v1/subscriptions/"+id(sub))
		w.ok("GET", "/v1/invoices/"+again["latest_invoice"].(string), "expand[]", "charge", "expand[]", "customer")
		w.ok("GET", "/v1/invoices/"+again["latest_invoice"].(string)+"/lines")
		w.ok("POST", "/v1/invoices/"+again["latest_invoice"].(string)+"/pay", "payment_method", w.card(cus, "pm_card_visa"))
		w.card(cus, card)
		must(w.t, w.box.Advance(32*24*time.Hour)) // renewal
		behind := w.ok("GET", "/v1/customers/"+cus, "expand[]", "subscriptions.data.latest_invoice")
		w.ok("GET", "/v1/subscriptions/"+id(sub), "expand[]", "latest_invoice.payment_intent")
		w.ok("GET", "/v1/invoices", "subscription", id(sub), "status", "open")
		if behind["delinquent"] != true {
			w.t.Errorf("%s is not behind after its renewal", card)
		}
		must(w.t, w.box.Advance(18*24*time.Hour)) // retries, the end
		w.ok("GET", "/v1/subscriptions/"+id(sub))
	}
	w.call("GET", "/v1/customers/cus_x")
	w.call("POST", "/v1/customers", "unknown", "1")
	w.call("POST", "/v1/subscriptions")
}

func (w *walk) rest() {
	cus := w.customer("pm_card_visa")
	methods := w.ok("GET", "/v1/payment_methods", "customer", cus, "type", "card")
	w.ok("GET", "/v1/customers/"+cus+"/payment_methods")
	pm := id(methods["data"].([]any)[0].(map[string]any))
	w.ok("GET", "/v1/payment_methods/"+pm, "expand[]", "customer")
	w.ok("POST", "/v1/payment_methods/"+pm+"/detach")
	charges := w.ok("GET", "/v1/charges", "limit", "100")
	for _, ch := range charges["data"].([]any) {
		if ch := ch.(map[string]any); ch["status"] == "succeeded" {
			re := w.ok("POST", "/v1/refunds", "charge", id(ch), "amount", "50", "reason", "duplicate", "expand[]", "charge")
			w.ok("GET", "/v1/refunds/"+id(re), "expand[]", "payment_intent")
			w.ok("GET", "/v1/refunds", "charge", id(ch))
			break
		}
	}
	w.ok("GET", "/v1/charges/"+id(charges["data"].([]any)[0].(map[string]any)), "expand[]", "invoice", "expand[]", "payment_intent")
	e := w.ok("POST", "/v1/webhook_endpoints", "url", "http://127.0.0.1:1/", "enabled_events[]", "plan.created", "api_version", sandbox.APIVersion)
	w.ok("GET", "/v1/webhook_endpoints/"+id(e))
	w.ok("POST", "/v1/webhook_endpoints/"+id(e), "disabled", "true")
	w.ok("GET", "/v1/webhook_endpoints")
	w.ok("DELETE", "/v1/webhook_endpoints/"+id(e))
	w.ok("DELETE", "/v1/customers/"+cus)
	w.ok("GET", "/v1/customers/"+cus)
	last := ""
	for { // every event of the whole walk
		kv := []string{"limit", "100"}
		if last != "" {
			kv = append(kv, "starting_after", last)
		}
		page := w.ok("GET", "/v1/events", kv...)
		data := page["data"].([]any)
		last = id(data[len(data)-1].(map[string]any))
		if page["has_more"] == false {
			break
		}
	}
	w.ok("GET", "/v1/events/"+last)
}

// TestRequests shows that the other direction tells right from wrong.
func TestRequests(t *testing.T) {
	spec, err := load()
	must(t, err)
	h, log, err := spec.Requests()
	must(t, err)
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	b := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{URL: &web.URL, MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{}})
	api := client.New("sk_test_x", &stripe.Backends{API: b, Connect: b, Uploads: b})
	p := &stripe.SubscriptionParams{
		Items:             []*stripe.SubscriptionItemsParams{{ID: stripe.String("si_1"), Price: stripe.String("price_1")}},
		ProrationBehavior: stripe.String("always_invoice"), ProrationDate: stripe.Int64(1), PaymentBehavior: stripe.String("error_if_incomplete"),
	}
	_, err = api.Subscriptions.Update("sub_1", p)
	must(t, err)
	if wrong := log.Wrong(); len(wrong) != 0 {
		t.Fatal(wrong)
	}
	if seen := log.Seen(); !slices.Equal(seen, []string{"POST /v1/subscriptions/{subscription_exposed_id}"}) {
		t.Fatal(seen)
	}
	lift := &stripe.SubscriptionParams{} // a date of cancellation is lifted by an empty one
	lift.AddExtra("cancel_at", "")
	_, err = api.Subscriptions.Update("sub_1", lift)
	must(t, err)
	for name, spoil := range map[string]func(*stripe.SubscriptionParams){
		"unknown parameter":        func(p *stripe.SubscriptionParams) { p.AddExtra("proration_mode", "x") },
		"unknown nested parameter": func(p *stripe.SubscriptionParams) { p.AddExtra("items[0][plans]", "x") },
		"wrong choice":             func(p *stripe.SubscriptionParams) { p.PaymentBehavior = stripe.String("hope") },
		"wrong type":               func(p *stripe.SubscriptionParams) { p.AddExtra("trial_end[a]", "x") },
	} {
		before := len(log.Wrong())
		bad := *p
		bad.Params = stripe.Params{}
		spoil(&bad)
		if _, err := api.Subscriptions.Update("sub_1", &bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if len(log.Wrong()) != before+1 {
			t.Errorf("%s: not logged", name)
		}
	}
}

// TestCapacityRequests holds what capacity units ask of Stripe against its
// description, in the words of stripe-go.
func TestCapacityRequests(t *testing.T) {
	spec, err := load()
	must(t, err)
	h, log, err := spec.Requests()
	must(t, err)
	web := httptest.NewServer(h)
	t.Cleanup(web.Close)
	b := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{URL: &web.URL, MaxNetworkRetries: stripe.Int64(0), LeveledLogger: &stripe.LeveledLogger{}})
	api := client.New("sk_test_x", &stripe.Backends{API: b, Connect: b, Uploads: b})
	price, n, none := stripe.String("price_1"), stripe.Int64(3), stripe.String("none")
	items := []*stripe.SubscriptionItemsParams{
		{ID: stripe.String("si_1"), Quantity: n}, {Price: price, Quantity: n}, {ID: stripe.String("si_2"), Deleted: stripe.Bool(true)},
	}
	_, err = api.Subscriptions.Update("sub_1", &stripe.SubscriptionParams{Items: items, ProrationBehavior: none})
	must(t, err)
	_, err = api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("http://app.test"),
		LineItems: []*stripe.CheckoutSessionLineItemParams{{Price: price, Quantity: stripe.Int64(1)}, {Price: price, Quantity: n}},
	})
	must(t, err)
	_, err = api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Subscription: stripe.String("sub_1"), SubscriptionItems: items, SubscriptionProrationDate: n})
	must(t, err)
	_, err = api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Schedule: stripe.String("sub_sched_1")})
	must(t, err)
	_, err = api.SubscriptionSchedules.New(&stripe.SubscriptionScheduleParams{FromSubscription: stripe.String("sub_1")})
	must(t, err)
	phase := &stripe.SubscriptionSchedulePhaseParams{
		Items:     []*stripe.SubscriptionSchedulePhaseItemParams{{Price: price, Quantity: n}},
		StartDate: n, EndDate: n, ProrationBehavior: none, Metadata: map[string]string{"a": "b"},
	}
	next := &stripe.SubscriptionSchedulePhaseParams{Items: phase.Items, Iterations: n}
	_, err = api.SubscriptionSchedules.Update("sub_sched_1", &stripe.SubscriptionScheduleParams{
		Phases: []*stripe.SubscriptionSchedulePhaseParams{phase, next}, EndBehavior: stripe.String("release"),
		ProrationBehavior: none, Metadata: map[string]string{"a": "b"},
	})
	must(t, err)
	_, err = api.SubscriptionSchedules.Release("sub_sched_1", &stripe.SubscriptionScheduleReleaseParams{PreserveCancelDate: stripe.Bool(true)})
	must(t, err)
	_, err = api.SubscriptionSchedules.Cancel("sub_sched_1", &stripe.SubscriptionScheduleCancelParams{InvoiceNow: stripe.Bool(true), Prorate: stripe.Bool(true)})
	must(t, err)
	if it := api.SubscriptionSchedules.List(&stripe.SubscriptionScheduleListParams{Customer: stripe.String("cus_1")}); it.Err() != nil {
		t.Error(it.Err())
	}
	if wrong := log.Wrong(); len(wrong) != 0 {
		t.Error(wrong)
	}
	bad := &stripe.SubscriptionScheduleParams{Phases: []*stripe.SubscriptionSchedulePhaseParams{next}}
	bad.AddExtra("phases[0][items][0][amount]", "1")
	if _, err := api.SubscriptionSchedules.Update("sub_sched_1", bad); err == nil || len(log.Wrong()) != 1 {
		t.Error("an unknown parameter of a phase was accepted")
	}
}

// TestComparisonFindsDrift guards the guard.
func TestComparisonFindsDrift(t *testing.T) {
	spec, err := load()
	must(t, err)
	good := `{"object":"balance","available":[],"pending":[],"livemode":false}`
	must(t, spec.Response("GET", "/v1/balance", 200, []byte(good)))
	for name, body := range map[string]string{
		"missing": `{"object":"balance","available":[],"livemode":false}`,
		"unknown": strings.Replace(good, "{", `{"moon":1,`, 1),
		"type":    strings.Replace(good, "false", `"no"`, 1),
		"null":    strings.Replace(good, "false", `null`, 1),
		"nested":  strings.Replace(good, `"available":[]`, `"available":[{"amount":1,"currency":"usd","colour":"red"}]`, 1),
	} {
		if spec.Response("GET", "/v1/balance", 200, []byte(body)) == nil {
			t.Errorf("%s: not found", name)
		}
	}
	if spec.Response("GET", "/v1/moons", 200, []byte(`{}`)) == nil {
		t.Error("a call that Stripe does not have was accepted")
	}
	event := `{"id":"evt_1","object":"event","created":1,"livemode":false,"pending_webhooks":0,"type":"x","data":{"object":{"object":"balance","moon":1}}}`
	if spec.Event([]byte(event)) == nil {
		t.Error("an event's object was not compared")
	}
}
