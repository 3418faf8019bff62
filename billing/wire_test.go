package billing_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/payments"
)

// wire is the line to Stripe, on which a test can make one changing call go
// wrong, and see every one of them.
type wire struct {
	mu    sync.Mutex
	at    int    // which changing call from now on, from 1; 0: none
	on    bool   // and all that follow
	fault fault  // what happens to it
	sent  []call // changing calls, in order
	five  map[string]bool
	down  bool // nothing is answered at all
}

// call is a changing call as it went over the line.
type call struct{ what, key string }

// fault is what happens to a call: do carries it out.
type fault func(w *wire, r *http.Request, do func() (*http.Response, error)) (*http.Response, error)

// breakAt makes the nth changing call from now on go wrong.
func (w *wire) breakAt(n int, f fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at, w.on, w.fault, w.sent, w.five = n, false, f, nil, map[string]bool{}
}

// breakFrom makes the nth and every later one go wrong.
func (w *wire) breakFrom(n int, f fault) {
	w.breakAt(n, f)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = true
}

// cut takes the whole line down, or puts it up again.
func (w *wire) cut(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	do := func() (*http.Response, error) { return http.DefaultTransport.RoundTrip(r) }
	w.mu.Lock()
	down := w.down
	w.mu.Unlock()
	switch {
	case down:
		return nil, errReset
	case r.Method == http.MethodGet:
		return do()
	}
	key := r.Header.Get("Idempotency-Key")
	w.mu.Lock()
	w.sent = append(w.sent, call{r.Method + " " + r.URL.Path, key})
	broken := w.at > 0 && (len(w.sent) == w.at || w.on && len(w.sent) > w.at)
	always, f := w.five[key], w.fault
	w.mu.Unlock()
	switch {
	case always:
		return answer(r, http.StatusInternalServerError, nil), nil
	case broken:
		return f(w, r, do)
	}
	return do()
}

func (w *wire) calls() []call {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]call(nil), w.sent...)
}

// answer is one that Stripe gives without carrying anything out.
func answer(r *http.Request, status int, head http.Header) *http.Response {
	body := fmt.Sprintf(`{"error":{"type":"api_error","message":"injected %d"}}`, status)
	if status == http.StatusConflict {
		body = `{"error":{"type":"idempotency_error","code":"idempotency_key_in_use","message":"injected"}}`
	}
	if head == nil {
		head = http.Header{}
	}
	head.Set("Content-Type", "application/json")
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: head, Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Body: io.NopCloser(bytes.NewReader([]byte(body))), ContentLength: int64(len(body)),
	}
}

var errReset = errors.New("read: connection reset by peer")

// The faults of a call.
func neverSent(*wire, *http.Request, func() (*http.Response, error)) (*http.Response, error) {
	return nil, errReset
}

func answerLost(_ *wire, _ *http.Request, do func() (*http.Response, error)) (*http.Response, error) {
	if res, err := do(); err == nil {
		_ = res.Body.Close()
	}
	return nil, errReset
}

func answers(status int) fault {
	return func(_ *wire, r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		return answer(r, status, nil), nil
	}
}

// fiveHundred is a fault of Stripe's that is remembered under the key; done says
// whether the call was carried out all the same.
func fiveHundred(done bool) fault {
	return func(w *wire, r *http.Request, do func() (*http.Response, error)) (*http.Response, error) {
		if done {
			if res, err := do(); err == nil {
				_ = res.Body.Close()
			}
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		w.five[r.Header.Get("Idempotency-Key")] = true
		return answer(r, http.StatusInternalServerError, nil), nil
	}
}

// processDies ends the process before or after the call.
func processDies(d *death, done bool) fault {
	return func(_ *wire, _ *http.Request, do func() (*http.Response, error)) (*http.Response, error) {
		if done {
			if res, err := do(); err == nil {
				_ = res.Body.Close()
			}
		}
		panic(d)
	}
}

// wired builds a world whose Stripe is reached by a wire.
func wired(t testing.TB, o worldtest.Options) (*worldtest.World, *wire) {
	t.Helper()
	line := &wire{}
	var box http.Handler // known once the world is built, before the first call
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { box.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	if o.Catalog == "" {
		o.Catalog = "flat"
	}
	catalog, err := billing.LoadCatalog(o.Catalog, os.ReadFile)
	noError(t, err)
	client, err := payments.New(payments.Options{SecretKey: "sk_test_worldtest", APIBase: server.URL, Catalog: catalog, HTTPClient: &http.Client{Transport: line}})
	noError(t, err)
	o.Wrap = func(billing.Processor) billing.Processor { return client }
	w := worldtest.New(t, o)
	box, w.Stripe = w.Box.Handler(), client
	return w, line
}

// payPage pays a hosted page of Checkout with a test card.
func payPage(t testing.TB, w *worldtest.World, page string) {
	t.Helper()
	at, err := url.Parse(page)
	noError(t, err)
	form := url.Values{"number": {"4242424242424242"}, "name": {"A"}, "email": {"a@acme.test"}}
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, at.Path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	rec := httptest.NewRecorder()
	w.Box.Handler().ServeHTTP(rec, req)
	if rec.Code != http.StatusSeeOther {
		t.Fatalf("paying answered %d: %s", rec.Code, rec.Body)
	}
}
