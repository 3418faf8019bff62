package sandbox_test

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/client"

	"github.com/countersignhq/countersign/payments/sandbox"
)

// rig is a sandbox behind a real listener, on a clock that stands still, with
// stripe-go as its client and a shop of two plans and a unit.
type rig struct {
	t                *testing.T
	box              *sandbox.Server
	web              *httptest.Server
	api              *client.API
	pro, scale, unit string
}

var start = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

type seeded struct{ *rand.ChaCha8 }

func newRig(t *testing.T, tweak ...func(*sandbox.Options)) *rig {
	t.Helper()
	opt := sandbox.Options{
		Now: func() time.Time { return start }, WebhookSecret: "whsec_test",
		Rand: seeded{rand.NewChaCha8([32]byte{1})}, RetryDelay: time.Millisecond,
	}
	for _, f := range tweak {
		f(&opt)
	}
	box, err := sandbox.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(box.Handler())
	t.Cleanup(func() { web.Close(); box.Close() })
	box.SetPublicURL(web.URL)
	r := &rig{t: t, box: box, web: web, api: newClient(web.URL, web.Client())}
	if opt.StatePath == "" {
		r.pro, r.scale, r.unit = r.price("Pro", 1900), r.price("Scale", 4900), r.price("Unit", 100)
	}
	return r
}

func newClient(url string, hc *http.Client) *client.API {
	b := stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL: stripe.String(url), HTTPClient: hc, MaxNetworkRetries: stripe.Int64(0), EnableTelemetry: stripe.Bool(false),
		LeveledLogger: &stripe.LeveledLogger{Level: stripe.LevelNull},
	})
	return client.New("sk_test_sandbox", &stripe.Backends{API: b, Connect: b, Uploads: b})
}

func (r *rig) price(name string, amount int64) string {
	r.t.Helper()
	p, err := r.api.Prices.New(&stripe.PriceParams{
		Currency: stripe.String("usd"), UnitAmount: &amount, LookupKey: stripe.String(strings.ToLower(name) + "_month"),
		ProductData: &stripe.PriceProductDataParams{Name: &name},
		Recurring:   &stripe.PriceRecurringParams{Interval: stripe.String("month")},
	})
	must(r.t, err)
	return p.ID
}

// customer makes a customer whose default card is the test token's.
func (r *rig) customer(card string) string {
	r.t.Helper()
	p := &stripe.CustomerParams{Email: stripe.String("owner@acme.test")}
	if card != "" {
		p.PaymentMethod = &card
		p.InvoiceSettings = &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: &card}
	}
	c, err := r.api.Customers.New(p)
	must(r.t, err)
	return c.ID
}

func (r *rig) useCard(customer, card string) {
	r.t.Helper()
	m, err := r.api.PaymentMethods.Attach(card, &stripe.PaymentMethodAttachParams{Customer: &customer})
	must(r.t, err)
	_, err = r.api.Customers.Update(customer, &stripe.CustomerParams{
		InvoiceSettings: &stripe.CustomerInvoiceSettingsParams{DefaultPaymentMethod: &m.ID},
	})
	must(r.t, err)
}

// subscribe starts a subscription that is paid by a good card.
func (r *rig) subscribe(price string) *stripe.Subscription {
	r.t.Helper()
	cus := r.customer("pm_card_visa")
	sub, err := r.api.Subscriptions.New(&stripe.SubscriptionParams{
		Customer: &cus, Items: []*stripe.SubscriptionItemsParams{{Price: &price}},
	})
	must(r.t, err)
	return sub
}

func (r *rig) sub(id string) *stripe.Subscription {
	r.t.Helper()
	p := &stripe.SubscriptionParams{}
	p.AddExpand("latest_invoice.payment_intent")
	p.AddExpand("customer.invoice_settings.default_payment_method")
	sub, err := r.api.Subscriptions.Get(id, p)
	must(r.t, err)
	return sub
}

// switchTo is the update that the product makes.
func switchTo(sub *stripe.Subscription, price, behaviour string, at time.Time) *stripe.SubscriptionParams {
	return &stripe.SubscriptionParams{
		Items:             []*stripe.SubscriptionItemsParams{{ID: &sub.Items.Data[0].ID, Price: &price}},
		ProrationBehavior: stripe.String("always_invoice"), ProrationDate: stripe.Int64(at.Unix()),
		PaymentBehavior: &behaviour,
	}
}

func (r *rig) advance(d time.Duration) {
	r.t.Helper()
	must(r.t, r.box.Advance(d))
}

func (r *rig) eventTypes() []string {
	r.t.Helper()
	var out []string
	p := &stripe.EventListParams{}
	p.Limit = stripe.Int64(100)
	for it := r.api.Events.List(p); it.Next(); {
		out = append(out, string(it.Event().Type))
	}
	return out
}

// browser follows redirects within the sandbox only and sends forms as a
// page of the sandbox would.
type browser struct {
	r   *rig
	end string // where the last redirect off the sandbox went
}

func (b *browser) do(method, addr string, form url.Values) (int, string) {
	b.r.t.Helper()
	for {
		req, err := http.NewRequest(method, addr, strings.NewReader(form.Encode()))
		must(b.r.t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
		res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
		must(b.r.t, err)
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		must(b.r.t, err)
		if res.StatusCode != http.StatusSeeOther {
			return res.StatusCode, string(body)
		}
		to, err := res.Location()
		must(b.r.t, err)
		if !strings.HasPrefix(to.String(), b.r.web.URL) {
			b.end = to.String()
			return res.StatusCode, ""
		}
		method, addr, form = http.MethodGet, to.String(), nil
	}
}

func (b *browser) get(addr string) (int, string) { b.r.t.Helper(); return b.do("GET", addr, nil) }

func (b *browser) post(addr string, kv ...string) (int, string) {
	b.r.t.Helper()
	form := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		form.Set(kv[i], kv[i+1])
	}
	return b.do("POST", addr, form)
}

// inbox is a webhook receiver.
type inbox struct {
	mu      sync.Mutex
	bodies  [][]byte
	heads   []string
	answers []int // statuses to give, then 200
	srv     *httptest.Server
}

func newInbox(t *testing.T, answers ...int) *inbox {
	in := &inbox{answers: answers}
	in.srv = httptest.NewServer(in)
	t.Cleanup(in.srv.Close)
	return in
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.bodies, in.heads = append(in.bodies, body), append(in.heads, r.Header.Get("Stripe-Signature"))
	if len(in.answers) > 0 {
		w.WriteHeader(in.answers[0])
		in.answers = in.answers[1:]
	}
}

func (r *rig) delivered() {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	must(r.t, r.box.WaitDelivered(ctx))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// stripeError is the error in Stripe's shape, or a failure of the test.
func stripeError(t *testing.T, err error) *stripe.Error {
	t.Helper()
	e, ok := errors.AsType[*stripe.Error](err)
	if !ok {
		t.Fatalf("got %v (%T), want a Stripe error", err, err)
	}
	return e
}
