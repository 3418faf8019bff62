package sandbox_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/webhook"

	"github.com/countersignhq/countersign/payments/sandbox"
)

func withNow(at time.Time) func(*sandbox.Options) {
	return func(o *sandbox.Options) { o.Now = func() time.Time { return at } }
}

func withUnpaid(on bool) func(*sandbox.Options) {
	return func(o *sandbox.Options) { o.UnpaidAfterRetries = on }
}

func join(list []string) string { return strings.Join(list, " ") }

func has(t *testing.T, text, want string) {
	t.Helper()
	if !strings.Contains(text, want) {
		t.Errorf("%q is not in:\n%s", want, text)
	}
}

// raw sends one request as a client without manners would.
func (r *rig) raw(method, path, body string, head ...string) (int, string, http.Header) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.web.URL+path, strings.NewReader(body))
	must(r.t, err)
	req.Header.Set("Authorization", "Bearer sk_test_sandbox")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i < len(head); i += 2 {
		req.Header.Set(head[i], head[i+1])
	}
	res, err := r.web.Client().Do(req)
	must(r.t, err)
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	must(r.t, err)
	return res.StatusCode, string(out), res.Header
}

func TestErrorsInStripesShape(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		method, path, body string
		head               []string
		status             int
		want               string
	}{
		{"GET", "/v1/customers", "", []string{"Authorization", ""}, 401, `"type":"invalid_request_error"`},
		{"GET", "/v1/customers", "", []string{"Authorization", "Bearer sk_live_0123456789abcdef"}, 401, `Invalid API Key provided: sk_liv********def`},
		{"GET", "/v1/customers", "", []string{"Stripe-Version", "2025-03-31.basil"}, 400, `Invalid Stripe API version`},
		{"GET", "/v1/nothing", "", nil, 404, `Unrecognized request URL (GET: /v1/nothing)`},
		{"GET", "/v1/customers/cus_x", "", nil, 404, `"code":"resource_missing"`},
		{"GET", "/v1/customers?limit=0", "", nil, 400, `Invalid limit`},
		{"GET", "/v1/customers?starting_after=cus_x", "", nil, 400, `"param":"starting_after"`},
		{"POST", "/v1/customers", "nmae=x", nil, 400, `"code":"parameter_unknown"`},
		{"POST", "/v1/customers", "invoice_settings[foo]=x", nil, 400, `"param":"invoice_settings[foo]"`},
		{"POST", "/v1/customers", "metadata[a][b]=x", nil, 400, `Invalid string`},
		{"POST", "/v1/customers", "email=nobody", nil, 400, `Invalid email address: nobody`},
		{"POST", "/v1/customers", "balance=1.5", nil, 400, `"code":"parameter_invalid_integer"`},
		{"POST", "/v1/customers", "{}", []string{"Content-Type", "application/json"}, 400, `application/x-www-form-urlencoded`},
		{"POST", "/v1/subscriptions", "", nil, 400, `"code":"parameter_missing"`},
		{"POST", "/v1/subscriptions", "customer=&items[0][price]=x", nil, 400, `"code":"parameter_invalid_empty"`},
		{"POST", "/v1/subscriptions", "customer=cus_x&items[0][price]=x", nil, 400, `No such customer: 'cus_x'`},
		{"POST", "/v1/subscriptions", "customer=cus_x&items[a][price]=x", nil, 400, `Invalid array`},
		{"POST", "/v1/payment_methods/pm_card_chargeDeclined/attach", "customer=" + r.customer(""), nil, 402, `"decline_code":"generic_decline"`},
		{"GET", "/v1/customers?expand[]=data.moon", "", nil, 400, `This property cannot be expanded (data.moon)`},
	} {
		status, body, head := r.raw(c.method, c.path, c.body, c.head...)
		equal(t, c.method+" "+c.path+" "+c.body, status, c.status)
		has(t, body, c.want)
		equal(t, "request id", strings.HasPrefix(head.Get("Request-Id"), "req_"), true)
	}
}

func TestBasicAuthIsAKeyToo(t *testing.T) {
	r := newRig(t)
	req, _ := http.NewRequest("GET", r.web.URL+"/v1/account", nil)
	req.SetBasicAuth("sk_test_sandbox", "")
	res, err := http.DefaultClient.Do(req)
	must(t, err)
	res.Body.Close()
	equal(t, "status", res.StatusCode, 200)
}

func TestListsPage(t *testing.T) {
	r := newRig(t)
	var all []string
	for range 7 {
		all = append([]string{r.customer("")}, all...)
	}
	p := &stripe.CustomerListParams{}
	p.Limit = stripe.Int64(3)
	var got []string
	for it := r.api.Customers.List(p); it.Next(); {
		got = append(got, it.Customer().ID)
	}
	equal(t, "forward", join(got), join(all))
	back := &stripe.CustomerListParams{}
	back.Limit, back.EndingBefore = stripe.Int64(3), &all[6]
	got = nil
	for it := r.api.Customers.List(back); it.Next(); {
		got = append(got, it.Customer().ID)
	}
	equal(t, "backward", len(got), 6)
	l := r.api.Customers.List(&stripe.CustomerListParams{ListParams: stripe.ListParams{Limit: stripe.Int64(3), EndingBefore: &all[6], Single: true}})
	equal(t, "has more", l.Meta().HasMore, true)
	l.Next()
	equal(t, "page before", l.Customer().ID, all[5])
}

func TestPricesByLookupKey(t *testing.T) {
	r := newRig(t)
	it := r.api.Prices.List(&stripe.PriceListParams{LookupKeys: stripe.StringSlice([]string{"pro_month", "scale_month"}), Active: stripe.Bool(true)})
	n := 0
	for it.Next() {
		n++
	}
	equal(t, "found", n, 2)
	again := &stripe.PriceParams{
		Currency: stripe.String("usd"), UnitAmount: stripe.Int64(2100), LookupKey: stripe.String("pro_month"),
		ProductData: &stripe.PriceProductDataParams{Name: stripe.String("Pro")},
		Recurring:   &stripe.PriceRecurringParams{Interval: stripe.String("month")},
	}
	_, err := r.api.Prices.New(again)
	has(t, stripeError(t, err).Msg, "already uses that lookup key")
	again.TransferLookupKey = stripe.Bool(true)
	_, err = r.api.Prices.New(again)
	must(t, err)
	old, err := r.api.Prices.Get(r.pro, nil)
	must(t, err)
	equal(t, "old one lost it", old.LookupKey, "")
}

func TestIdempotency(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	path := "/v1/subscriptions/" + sub.ID
	body := "items[0][id]=" + sub.Items.Data[0].ID + "&items[0][price]=" + r.scale + "&proration_behavior=always_invoice"
	key := []string{"Idempotency-Key", "cs:int_1:1"}
	code, first, h := r.raw("POST", path, body, key...)
	equal(t, "status", code, 200)
	equal(t, "not replayed", h.Get("Idempotent-Replayed"), "")
	_, second, h := r.raw("POST", path, body, key...)
	equal(t, "same answer", second, first)
	equal(t, "replayed", h.Get("Idempotent-Replayed"), "true")
	equal(t, "charges", len(r.box.Charges("")), 2)
	equal(t, "key of the charge", r.box.Charges("")[1].IdempotencyKey, "cs:int_1:1")
	code, got, _ := r.raw("POST", path, body+"&metadata[a]=b", key...)
	equal(t, "other parameters", code, 400)
	has(t, got, `"type":"idempotency_error"`)
	_, got, _ = r.raw("POST", "/v1/customers", "", key...)
	has(t, got, "same endpoint")
	r.advance(24 * time.Hour)
	_, _, h = r.raw("POST", path, body, key...)
	equal(t, "forgotten after a day", h.Get("Idempotent-Replayed"), "")
}

func TestIdempotencyOfFailures(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	r.useCard(sub.Customer.ID, "pm_card_chargeCustomerFail")
	path, key := "/v1/subscriptions/"+sub.ID, []string{"Idempotency-Key", "k"}
	items := "items[0][id]=" + sub.Items.Data[0].ID + "&items[0][price]=" + r.scale + "&proration_behavior=always_invoice&payment_behavior="
	code, _, _ := r.raw("POST", path, items+"wrong", key...)
	equal(t, "invalid", code, 400)
	code, _, _ = r.raw("POST", path, items+"error_if_incomplete", key...)
	equal(t, "an invalid request did not take the key", code, 402)
	r.useCard(sub.Customer.ID, "pm_card_visa")
	code, _, h := r.raw("POST", path, items+"error_if_incomplete", key...)
	equal(t, "a decline is remembered", code, 402)
	equal(t, "replayed", h.Get("Idempotent-Replayed"), "true")
	for status, kept := range map[int]string{500: "true", 503: "", 429: ""} {
		key := []string{"Idempotency-Key", fmt.Sprint("k", status)}
		r.box.FailNext(status, 1)
		code, _, _ = r.raw("POST", "/v1/customers", "name=x", key...)
		equal(t, "injected", code, status)
		_, _, h = r.raw("POST", "/v1/customers", "name=x", key...)
		equal(t, fmt.Sprint("replayed ", status), h.Get("Idempotent-Replayed"), kept)
	}
}

func TestKeyInUse(t *testing.T) {
	entered, leave := make(chan bool), make(chan bool)
	var once sync.Once
	r := newRig(t, func(o *sandbox.Options) {
		o.Hook = func(req *http.Request) {
			if req.Header.Get("Idempotency-Key") == "busy" {
				once.Do(func() { entered <- true; <-leave })
			}
		}
	})
	done := make(chan int)
	go func() {
		code, _, _ := r.raw("POST", "/v1/customers", "name=a", "Idempotency-Key", "busy")
		done <- code
	}()
	<-entered
	code, body, _ := r.raw("POST", "/v1/customers", "name=a", "Idempotency-Key", "busy")
	equal(t, "status", code, 409)
	has(t, body, "idempotency_key_in_use")
	leave <- true
	equal(t, "first", <-done, 200)
}

func TestLostAnswerIsExecuted(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	p := switchTo(sub, r.scale, "error_if_incomplete", r.box.Now())
	p.SetIdempotencyKey("cs:int_2:1")
	r.box.LoseNextAnswer()
	if _, err := r.api.Subscriptions.Update(sub.ID, p); err == nil {
		t.Fatal("the answer arrived")
	}
	equal(t, "executed", len(r.box.Charges(sub.Customer.ID)), 2)
	got, err := r.api.Subscriptions.Update(sub.ID, p)
	must(t, err)
	equal(t, "replayed", got.LastResponse.Header.Get("Idempotent-Replayed"), "true")
	equal(t, "charged once", len(r.box.Charges(sub.Customer.ID)), 2)
}

func TestWebhooksAreSignedOrderedAndRepeated(t *testing.T) {
	r := newRig(t, withNow(time.Now().UTC()))
	in := newInbox(t, 500, 503)
	r.box.SetWebhook(in.srv.URL)
	r.subscribe(r.pro)
	r.delivered()
	in.mu.Lock()
	defer in.mu.Unlock()
	var types []string
	for i, body := range in.bodies {
		ev, err := webhook.ConstructEvent(body, in.heads[i], "whsec_test")
		must(t, err)
		types = append(types, string(ev.Type))
	}
	equal(t, "repeated", types[0] == types[1] && types[1] == types[2], true)
	equal(t, "order", join(types[2:6]), "customer.created payment_method.attached invoice.created customer.updated")
	has(t, join(types), "invoice.paid")
}

func TestHeldEvents(t *testing.T) {
	r := newRig(t)
	in := newInbox(t)
	r.box.SetWebhook(in.srv.URL)
	r.box.HoldEvents()
	a, b := r.customer(""), r.customer("")
	held := r.box.Held()
	equal(t, "held", len(held), 2)
	equal(t, "objects", held[0].Object+held[1].Object, a+b)
	must(t, r.box.DeliverHeld(held[1].ID, held[0].ID, held[1].ID))
	equal(t, "reordered and repeated", len(in.bodies), 3)
	has(t, string(in.bodies[0]), b)
	has(t, string(in.bodies[1]), a)
	r.customer("")
	equal(t, "dropped", r.box.DropEvents(), 1)
	must(t, r.box.ReleaseEvents())
	equal(t, "nothing came", len(in.bodies), 3)
	r.customer("")
	r.delivered()
	equal(t, "flows again", len(in.bodies), 4)
}

func TestEndpointsOverTheAPI(t *testing.T) {
	r := newRig(t, withNow(time.Now().UTC()))
	in := newInbox(t)
	e, err := r.api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: &in.srv.URL, APIVersion: stripe.String("2023-10-16"), EnabledEvents: stripe.StringSlice([]string{"customer.deleted"}),
	})
	must(t, err)
	id := r.customer("")
	_, err = r.api.Customers.Del(id, nil)
	must(t, err)
	r.delivered()
	equal(t, "only the wanted", len(in.bodies), 1)
	_, err = webhook.ConstructEvent(in.bodies[0], in.heads[0], e.Secret)
	must(t, err)
	_, err = r.api.WebhookEndpoints.New(&stripe.WebhookEndpointParams{
		URL: &in.srv.URL, APIVersion: stripe.String("2020-08-27"), EnabledEvents: stripe.StringSlice([]string{"*"}),
	})
	has(t, stripeError(t, err).Msg, "Invalid Stripe API version")
}

func TestUpdatedEventsSayWhatChanged(t *testing.T) {
	r := newRig(t)
	sub := r.subscribe(r.pro)
	_, err := r.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)})
	must(t, err)
	p := &stripe.EventListParams{Type: stripe.String("customer.subscription.updated")}
	it := r.api.Events.List(p)
	it.Next()
	prev := it.Event().Data.PreviousAttributes
	equal(t, "was", prev["cancel_at_period_end"], any(false))
	_, err = r.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)})
	must(t, err)
	n := 0
	for it := r.api.Events.List(p); it.Next(); {
		n++
	}
	equal(t, "no change, no event", n, 1)
}

func TestStateSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stripe.json")
	withPath := func(o *sandbox.Options) { o.StatePath = path }
	r := newRig(t, withPath)
	r.pro = r.price("Pro", 1900)
	in := newInbox(t)
	sub := r.subscribe(r.pro)
	r.advance(31 * 24 * time.Hour)
	code, first, _ := r.raw("POST", "/v1/customers", "name=x", "Idempotency-Key", "k")
	equal(t, "status", code, 200)
	// No Close: a killed process leaves what it had answered.
	r2 := newRig(t, withPath)
	equal(t, "clock", r2.box.Now(), start.Add(31*24*time.Hour))
	equal(t, "renewed", r2.sub(sub.ID).LatestInvoice.BillingReason, stripe.InvoiceBillingReasonSubscriptionCycle)
	_, second, h := r2.raw("POST", "/v1/customers", "name=x", "Idempotency-Key", "k")
	equal(t, "key", h.Get("Idempotent-Replayed"), "true")
	equal(t, "answer", second, first)
	r2.box.SetWebhook(in.srv.URL)
	r2.customer("pm_card_visa")
	r2.delivered()
	equal(t, "delivers", len(in.bodies) > 0, true)
}

// TestBatch: what a batch did is there after it, and not before.
func TestBatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stripe.json")
	r := newRig(t, func(o *sandbox.Options) { o.StatePath = path })
	cus := ""
	err := r.box.Batch(func() error {
		cus = r.customer("pm_card_visa")
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("written in the middle: %v", err)
		}
		return r.box.RemoveCards(cus)
	})
	equal(t, "error", err, nil)
	r2 := newRig(t, func(o *sandbox.Options) { o.StatePath = path })
	_, body, _ := r2.raw("GET", "/v1/customers/"+cus+"/payment_methods", "")
	has(t, body, `"data":[]`)
	has(t, r.box.Batch(func() error { return fs.ErrClosed }).Error(), fs.ErrClosed.Error())
	r.customer("")
	r3 := newRig(t, func(o *sandbox.Options) { o.StatePath = path })
	_, body, _ = r3.raw("GET", "/v1/customers", "")
	equal(t, "customers", strings.Count(body, `"object":"customer"`), 2)
}

func TestClockMovesForwardOnly(t *testing.T) {
	r := newRig(t)
	if r.box.AdvanceTo(start.Add(-time.Second)) == nil || r.box.Advance(-1) == nil {
		t.Fatal("the clock went back")
	}
	equal(t, "now", r.box.Now(), start)
}

func TestDueWorkHappensWhenTheBaseClockMoves(t *testing.T) {
	var mu sync.Mutex
	now := start
	r := newRig(t, func(o *sandbox.Options) {
		o.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	sub := r.subscribe(r.pro)
	mu.Lock()
	now = now.AddDate(0, 2, 1)
	mu.Unlock()
	equal(t, "end", r.sub(sub.ID).CurrentPeriodEnd, start.AddDate(0, 3, 0).Unix())
	equal(t, "charges", len(r.box.Charges("")), 3)
	equal(t, "at its own moment", r.box.Charges("")[1].Created, start.AddDate(0, 1, 0))
}

func TestShortcuts(t *testing.T) {
	r := newRig(t)
	id, err := r.box.Subscribe(r.customer(""), "pro_month", "pm_card_visa")
	must(t, err)
	must(t, r.box.CancelAtPeriodEnd(id, true))
	equal(t, "canceled", r.sub(id).CancelAtPeriodEnd, true)
	must(t, r.box.CancelAtPeriodEnd(id, false))
	equal(t, "resumed", r.sub(id).CancelAtPeriodEnd, false)
	_, err = r.box.Subscribe(r.customer(""), "moon_month", "pm_card_visa")
	has(t, err.Error(), "no price has the lookup key")
	has(t, r.box.GiveCard("cus_x", "pm_card_visa").Error(), "No such customer")
}

func TestEachEventTwice(t *testing.T) {
	r := newRig(t)
	in := newInbox(t)
	r.box.SetWebhook(in.srv.URL)
	r.box.DeliverTwice(true)
	r.customer("")
	r.delivered()
	equal(t, "twice", len(in.bodies), 2)
	equal(t, "the same", string(in.bodies[0]) == string(in.bodies[1]) || strings.Contains(string(in.bodies[0]), `"pending_webhooks": 2`), true)
	r.box.DeliverTwice(false)
	r.customer("")
	r.delivered()
	equal(t, "once again", len(in.bodies), 3)
	equal(t, "nobody", r.box.FailNextPayment("cus_x"), false)
}

func TestCallsAreLogged(t *testing.T) {
	r := newRig(t)
	r.raw("POST", "/v1/customers", "name=a", "Idempotency-Key", "k")
	r.raw("POST", "/v1/customers", "name=a", "Idempotency-Key", "k")
	calls := r.box.Calls()
	last := calls[len(calls)-1]
	equal(t, "call", last.Method+" "+last.Path, "POST /v1/customers")
	equal(t, "status", last.Status, 200)
	equal(t, "key", last.IdempotencyKey, "k")
	equal(t, "replayed", last.Replayed, true)
	equal(t, "first one", calls[len(calls)-2].Replayed, false)
}

func TestDetachedCardIsNobodysDefault(t *testing.T) {
	r := newRig(t)
	sub := r.sub(r.subscribe(r.pro).ID)
	_, err := r.api.PaymentMethods.Detach(sub.Customer.InvoiceSettings.DefaultPaymentMethod.ID, nil)
	must(t, err)
	equal(t, "default", r.sub(sub.ID).Customer.InvoiceSettings.DefaultPaymentMethod == nil, true)
	_, err = r.api.Subscriptions.Update(sub.ID, switchTo(sub, r.scale, "error_if_incomplete", r.box.Now()))
	equal(t, "no card", stripeError(t, err).Code, stripe.ErrorCodeResourceMissing)
}
