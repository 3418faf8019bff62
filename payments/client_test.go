package payments

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestCheckConfig(t *testing.T) {
	tests := map[string]struct {
		key, base string
		live, ok  bool
	}{
		"test":                       {"sk_test_abc", "", false, true},
		"restricted test":            {"rk_test_abc", "http://127.0.0.1:9", false, true},
		"live":                       {"sk_live_abc", "", true, true},
		"live, base spelled out":     {"rk_live_abc", "https://api.stripe.com/", true, true},
		"live with a sandbox":        {"sk_live_abc", "http://127.0.0.1:9", true, false},
		"live, base that looks like": {"sk_live_abc", "https://api.stripe.com.example", true, false},
		"empty":                      {"", "", false, false},
		"publishable":                {"pk_test_abc", "", false, false},
		"webhook secret":             {"whsec_abc", "", false, false},
		"newline":                    {"sk_test_abc\n", "", false, false},
		"no secret":                  {"sk_test_", "", false, false},
		"no mode":                    {"sk_abc", "", false, false},
		"other mode":                 {"sk_prod_abc", "", false, false},
		"upper case":                 {"SK_TEST_abc", "", false, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			live, err := CheckConfig(tc.key, tc.base)
			if live != tc.live || (err == nil) != tc.ok {
				t.Errorf("live %v, error %v", live, err)
			}
			if err != nil && len(tc.key) > 8 && strings.Contains(err.Error(), tc.key) {
				t.Errorf("the error shows the key: %v", err)
			}
		})
	}
}

// stub is a Client whose Stripe answers everything in one way.
func stub(t *testing.T, h http.HandlerFunc) (*Client, *bytes.Buffer) {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	var logged bytes.Buffer
	c, err := New(Options{
		SecretKey: "sk_test_canary", APIBase: srv.URL, Catalog: flat(t), Clock: &fakeClock{}, Timeout: 5 * time.Second,
		Log: slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c, &logged
}

func answer(status int, body string, head ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(head); i += 2 {
			w.Header().Set(head[i], head[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// downgrade needs no price, so one answer is the whole of Stripe.
func downgrade() applyParams {
	return applyParams{
		key: "cs:int_1:1", intentID: "int_1",
		quote: billing.Quote{Change: billing.Change{Action: billing.ActionScheduleDowngrade}},
		from:  billing.State{CustomerID: "cus_1", SubscriptionID: "sub_1", ItemID: "si_1", Plan: "pro", Status: "active"},
	}
}

func TestApplyErrors(t *testing.T) {
	const secret = `"payment_intent":{"id":"pi_1","client_secret":"pi_1_secret_canary","status":"requires_action"}`
	cardError := func(rest string) string { return `{"error":{"type":"card_error","message":"no",` + rest + `}}` }
	tests := map[string]struct {
		handler http.HandlerFunc
		want    error // nil: no kind of ours
		details string
		retry   time.Duration
	}{
		"declined":             {answer(402, cardError(`"code":"card_declined","decline_code":"insufficient_funds"`)), billing.ErrPaymentFailed, "insufficient_funds", 0},
		"declined, no reason":  {answer(402, cardError(`"code":"card_declined"`)), billing.ErrPaymentFailed, "card_declined", 0},
		"bank asks":            {answer(402, cardError(`"code":"subscription_payment_intent_requires_action"`)), billing.ErrPaymentAction, "subscription_payment_intent_requires_action", 0},
		"bank asks, other way": {answer(402, cardError(`"code":"card_declined","decline_code":"authentication_required"`)), billing.ErrPaymentAction, "authentication_required", 0},
		"bank asks, in intent": {answer(402, cardError(secret)), billing.ErrPaymentAction, "", 0},
		"refused":              {answer(400, `{"error":{"type":"invalid_request_error","message":"no"}}`), billing.ErrRejected, "", 0},
		"not found":            {answer(404, `{"error":{"type":"invalid_request_error","code":"resource_missing"}}`), billing.ErrRejected, "", 0},
		"in flight":            {answer(409, `{"error":{"type":"invalid_request_error","code":"idempotency_key_in_use"}}`), billing.ErrStripeBusy, "", 0},
		"in flight, for good":  {answer(409, `{"error":{"type":"invalid_request_error"}}`, "Stripe-Should-Retry", "false"), billing.ErrStripeFault, "", 0},
		"nothing has begun":    {answer(503, `{"error":{"type":"api_error"}}`, "Stripe-Should-Retry", "true"), billing.ErrStripeBusy, "", 0},
		"rate limit, its word": {answer(429, `{"error":{"type":"invalid_request_error"}}`, "Stripe-Should-Retry", "false"), billing.ErrStripeBusy, "", 0},
		"rate limit":           {answer(429, `{"error":{"type":"invalid_request_error"}}`, "Retry-After", "7"), billing.ErrStripeBusy, "", 7 * time.Second},
		"rate limit for ever":  {answer(429, `{"error":{"type":"invalid_request_error"}}`, "Retry-After", "99999999999"), billing.ErrStripeBusy, "", time.Minute},
		"rate limit for long":  {answer(429, `{"error":{"type":"invalid_request_error"}}`, "Retry-After", "86400"), billing.ErrStripeBusy, "", time.Minute},
		"key reused":           {answer(400, `{"error":{"type":"idempotency_error","message":"no"}}`), billing.ErrStripeFault, "", 0},
		"server fault":         {answer(500, `{"error":{"type":"api_error","message":"sk_test_canary"}}`), billing.ErrStripeFault, "", 0},
		// What says nothing about an earlier call under the same key is no refusal.
		"bad key":            {answer(401, `{"error":{"type":"invalid_request_error","message":"Invalid API Key provided: sk_test_canary"}}`), nil, "", 0},
		"forbidden":          {answer(403, `{"error":{"type":"invalid_request_error"}}`), nil, "", 0},
		"a proxy's page":     {answer(502, `<html>pi_1_secret_canary`), nil, "", 0},
		"a proxy's 400":      {answer(400, `<html>`), nil, "", 0},
		"cut off":            {answer(200, `{"id":"sub_1","x":"pi_1_secret_canary`), nil, "", 0},
		"connection dropped": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, nil, "", 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c, logged := stub(t, tc.handler)
			_, err := c.apply(t.Context(), downgrade())
			if err == nil {
				t.Fatal("no error")
			}
			e, ours := errors.AsType[*billing.Error](err)
			switch {
			case tc.want == nil && ours:
				t.Errorf("outcome is unknown, got %v", err)
			case tc.want != nil && !errors.Is(err, tc.want):
				t.Errorf("got %v, want %v", err, tc.want)
			case tc.details != "" && e.Details["decline_code"] != tc.details:
				t.Errorf("details %v", e.Details)
			case ours && e.RetryAfter != tc.retry:
				t.Errorf("retry after %v", e.RetryAfter)
			}
			if both := err.Error() + logged.String(); strings.Contains(both, "canary") {
				t.Errorf("a secret gets out: %s", both)
			}
		})
	}
}

func TestApplyAnswerLost(t *testing.T) {
	release := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	c, _ := stub(t, func(http.ResponseWriter, *http.Request) {
		cancel() // the request has arrived
		<-release
	})
	t.Cleanup(func() { close(release) }) // runs before the server's own clean-up
	_, err := c.apply(ctx, downgrade())
	if _, ours := errors.AsType[*billing.Error](err); err == nil || ours || !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestApplyRefusesAnOrderWithoutIntent(t *testing.T) {
	c, _ := stub(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("called %s", r.URL) })
	if _, err := c.Apply(t.Context(), billing.Order{}); err == nil {
		t.Error("accepted")
	}
}

func TestApplyOutOfDate(t *testing.T) {
	// The repetition of a call must not be answered with a refusal of our own.
	c, _ := stub(t, func(_ http.ResponseWriter, r *http.Request) { t.Errorf("called %s", r.URL) })
	p := downgrade()
	p.quote.Change = billing.Change{Action: billing.ActionChangePlan, Plan: "gone"}
	if _, err := c.apply(t.Context(), p); !errors.Is(err, billing.ErrStripeFault) {
		t.Errorf("got %v", err)
	}
}

func TestReadErrors(t *testing.T) {
	ctx := t.Context()
	for name, tc := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		// One org's trouble, and not an outage that others are told of.
		"unknown customer": {answer(404, `{"error":{"type":"invalid_request_error","code":"resource_missing"}}`), billing.ErrStripeRefused},
		"fault":            {answer(500, `{"error":{"type":"api_error"}}`), billing.ErrStripeUnavailable},
		"bad key":          {answer(401, `{"error":{"type":"invalid_request_error"}}`), billing.ErrStripeUnavailable},
		"busy":             {answer(429, `{"error":{"type":"invalid_request_error"}}`), billing.ErrStripeUnavailable},
		"nonsense":         {answer(200, `<html>`), billing.ErrStripeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := stub(t, tc.answer)
			if _, _, err := c.Fetch(ctx, "cus_1"); !errors.Is(err, tc.want) {
				t.Errorf("Fetch: %v", err)
			}
			if _, err := c.Events(ctx, time.Unix(1, 0)); !errors.Is(err, tc.want) {
				t.Errorf("Events: %v", err)
			}
			if _, err := c.OpenPortal(ctx, "cus_1", "http://x"); !errors.Is(err, tc.want) {
				t.Errorf("OpenPortal: %v", err)
			}
			if _, err := c.EnsureCustomer(ctx, billing.Org{ID: "org_1"}, ""); !errors.Is(err, tc.want) {
				t.Errorf("EnsureCustomer: %v", err)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	var got http.Header
	c, logged := stub(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header
		answer(200, `{"id":"sub_1","object":"subscription","current_period_end":1798000000}`)(w, r)
	})
	if _, err := c.apply(t.Context(), downgrade()); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Authorization": "Bearer sk_test_canary", "Stripe-Version": "2023-10-16", "Idempotency-Key": "cs:int_1:1",
		"X-Stripe-Client-Telemetry": "",
	} {
		if got.Get(name) != want {
			t.Errorf("%s: %q", name, got.Get(name))
		}
	}
	if !strings.Contains(got.Get("User-Agent"), "Countersign") || strings.Contains(got.Get("X-Stripe-Client-User-Agent"), "uname") {
		t.Errorf("says of itself %q, %q", got.Get("User-Agent"), got.Get("X-Stripe-Client-User-Agent"))
	}
	if strings.Contains(logged.String(), "canary") || !strings.Contains(logged.String(), "level=DEBUG") {
		t.Errorf("log: %s", logged)
	}
}

// TestReadsPerSecond: reads wait for their turn, and changes do not wait.
func TestReadsPerSecond(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{}`) }))
	defer srv.Close()
	c, err := New(Options{SecretKey: "sk_test_1", APIBase: srv.URL, Catalog: flat(t), ReadsPerSecond: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err = c.AllInvoices(ctx, "cus_1"); err != nil {
		t.Fatal(err)
	}
	if _, err = c.AllInvoices(ctx, "cus_1"); !errors.Is(err, billing.ErrStripeUnavailable) {
		t.Errorf("a second read at once: %v", err)
	}
	for range 3 {
		if err = c.ExpireCheckout(ctx, "cs_1"); err != nil {
			t.Errorf("a change: %v", err)
		}
	}
}
