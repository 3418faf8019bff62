package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// fault is something that goes wrong with one call of Stripe.
type fault string

// The faults. Those of a key are remembered by Stripe as it does.
const (
	requestLost  fault = "request lost"             // never arrives, no answer
	answerLost   fault = "answer lost"              // carried out, no answer
	busy429      fault = "429"                      // not carried out
	busy409      fault = "409"                      // not carried out
	fault500     fault = "500"                      // not carried out, remembered under the key
	faultAnyway  fault = "500 although carried out" // remembered under the key
	gatewayFault fault = "502"                      // not carried out, not remembered
)

var faults = []fault{requestLost, answerLost, busy429, busy409, fault500, faultAnyway, gatewayFault}

// armed is a fault that waits for its call.
type armed struct {
	fault
	writes bool // for a POST of a change only
}

// clientTimeout is how long payments waits for an answer.
const clientTimeout = 20 * time.Second

var errNoAnswer = errors.New("simulation: no answer")

// call is a call of Stripe that changes something, as it went over the wire.
type call struct {
	at        int // in the order of everything that changes something at Stripe
	key, path string
	intent    string // of the key
	body      string
	status    int  // 0: never arrived
	replayed  bool // Stripe had done it before
	pended    bool // the change waits for the bank
	previewed int  // when the state that it starts from was last looked at
	customer  string
	before    string // the intent's state at the call
}

// wire is the connection between the product and Stripe.
type wire struct{ run *run }

// RoundTrip implements http.RoundTripper.
func (w wire) RoundTrip(req *http.Request) (*http.Response, error) {
	r, what := w.run, req.Method+" "+req.URL.Path
	sent := r.now()
	defer r.fly(req, sent)()
	r.pass("before " + what)
	if err := w.over(req.Context(), sent); err != nil {
		return nil, err
	}
	res, err := w.deliver(req)
	r.pass("after " + what)
	if late := w.over(req.Context(), sent); late != nil {
		r.reach("answer too late")
		return nil, late
	}
	return res, err
}

// flight is a change on its way to Stripe or back.
type flight struct {
	sent time.Time
	by   *task
}

// fly notes that a call is under way; what it returns notes that it is over. Of
// one intent there is one at a time.
func (r *run) fly(req *http.Request, sent time.Time) (landed func()) {
	id, ours := intentOf(req.Header.Get("Idempotency-Key"))
	if !ours || r.turn == nil {
		return func() {}
	}
	if f, ok := r.flying[id]; ok && f.by != r.turn && slices.Contains(r.tasks, f.by) && sent.Sub(f.sent) < clientTimeout {
		r.violate("I1", "%s is carried out by %s and %s at once", id, f.by.name, r.turn.name)
	}
	r.flying[id] = flight{sent, r.turn}
	return func() { delete(r.flying, id) }
}

// over says whether nobody waits for the answer any more.
func (w wire) over(ctx context.Context, sent time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if w.run.now().Sub(sent) >= clientTimeout {
		return context.DeadlineExceeded
	}
	return nil
}

func (w wire) deliver(req *http.Request) (*http.Response, error) {
	r := w.run
	body, err := readAll(req)
	if err != nil {
		return nil, err
	}
	r.nameCall(req)
	c := r.noteCall(req, body)
	switch f := r.takeFault(req); f {
	case requestLost:
		return nil, errNoAnswer
	case answerLost:
		w.answer(req, body, c)
		return nil, errNoAnswer
	case gatewayFault:
		return reply(req, http.StatusBadGateway, nil, []byte("<html>bad gateway</html>")), nil
	case busy429, busy409, fault500:
		r.w.stripe().FailNext(map[fault]int{busy429: 429, busy409: 409, fault500: 500}[f], 1)
	case faultAnyway:
		w.answer(req, body, c)
		if key := req.Header.Get("Idempotency-Key"); key != "" {
			r.burnt[key] = true
		}
	}
	if r.burnt[req.Header.Get("Idempotency-Key")] {
		return reply(req, http.StatusInternalServerError, nil, []byte(`{"error":{"type":"api_error","message":"simulated"}}`)), nil
	}
	return w.answer(req, body, c), nil
}

// answer lets the sandbox carry the call out.
func (w wire) answer(req *http.Request, body []byte, c *call) *http.Response {
	in := req.Clone(req.Context())
	in.Body, in.RequestURI = io.NopCloser(bytes.NewReader(body)), req.URL.RequestURI()
	w.run.mutant.onWire(w.run, in)
	rec := w.run.w.ask(in)
	if c != nil {
		c.status, c.replayed = rec.status, rec.head.Get("Idempotent-Replayed") == "true"
		c.pended = bytes.Contains(rec.body, []byte(`"pending_update":{`))
		w.run.clockwork++
		c.at = w.run.clockwork
		if c.before != "" && c.before != "calling" && c.status == http.StatusOK && !c.replayed {
			w.run.violate("I2", "Stripe has done %s, which is %s", c.key, c.before)
		}
		w.run.trace(fmt.Sprintf("Stripe: %s %s %s: %d replayed %v", c.key, c.path, c.body, c.status, c.replayed))
	}
	return reply(req, rec.status, rec.head, rec.body)
}

// nameCall replaces the keys that stripe-go makes up, which no seed decides; Stripe
// remembers those from before the history.
func (r *run) nameCall(req *http.Request) {
	switch key := req.Header.Get("Idempotency-Key"); {
	case key == "", strings.HasPrefix(key, "cs:"), strings.HasPrefix(key, "cust:"), strings.HasPrefix(key, "checkout:"):
	default:
		req.Header.Set("Idempotency-Key", fmt.Sprintf("unnamed:%d:%d", r.plan.Seed, len(r.calls)))
	}
}

// noteCall keeps a record of what is to change something, and checks that an
// intent stands behind it.
func (r *run) noteCall(req *http.Request, body []byte) *call {
	key, path := req.Header.Get("Idempotency-Key"), req.URL.Path
	if req.Method == http.MethodGet {
		if customer, ok := strings.CutPrefix(path, "/v1/customers/"); ok {
			r.look(customer)
		}
		if q := req.URL.Query(); path == "/v1/invoices/upcoming" && strings.Contains(req.URL.RawQuery, "customer.subscriptions") {
			r.look(q.Get("customer")) // with the customer in it
		}
		return nil
	}
	c := &call{key: key, path: path, body: string(body)}
	if l := r.looked[r.turn]; l != nil {
		c.previewed, c.customer = l.at, l.customer
	}
	r.calls = append(r.calls, c)
	if rest, ours := strings.CutPrefix(key, "cs:"); ours {
		c.intent, _, _ = strings.Cut(rest, ":")
		if at, ok := r.agreed[c.intent]; ok {
			c.previewed = min(c.previewed, at)
		}
		r.checkCalling(c)
	} else if changesMoney(path) {
		r.violate("I2", "%s %s under the key %q, which is no intent's", req.Method, path, key)
	}
	return c
}

// look notes that a task has read a customer.
func (r *run) look(customer string) {
	r.looks++
	r.looked[r.turn] = &look{change{r.clockwork, customer}, r.looks, r.news[customer]}
}

// look is the reading of a customer.
type look struct {
	change
	n    int // in the order of all readings
	news int // how many events had been stored by then
}

// changesMoney reports whether a call changes what somebody pays for.
func changesMoney(path string) bool {
	return strings.HasPrefix(path, "/v1/subscriptions") || strings.HasPrefix(path, "/v1/subscription_schedules") || strings.HasPrefix(path, "/v1/invoices/")
}

func (r *run) takeFault(req *http.Request) fault {
	for i, f := range r.armed {
		if f.writes && (req.Method == http.MethodGet || !changesMoney(req.URL.Path)) {
			continue
		}
		r.armed = append(r.armed[:i:i], r.armed[i+1:]...)
		r.reach("fault: " + string(f.fault))
		r.trace(fmt.Sprintf("fault %s at %s %s", f.fault, req.Method, req.URL.Path))
		return f.fault
	}
	return ""
}

func readAll(req *http.Request) ([]byte, error) {
	if req.Body == nil {
		return nil, nil
	}
	defer func() { _ = req.Body.Close() }()
	return io.ReadAll(req.Body)
}

func reply(req *http.Request, status int, head http.Header, body []byte) *http.Response {
	if head == nil {
		head = http.Header{}
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: head,
		Body: answerBody{bytes.NewReader(body), body}, ContentLength: int64(len(body)), Request: req,
	}
}

// answerBody is an answer that can be had as a whole.
type answerBody struct {
	*bytes.Reader
	whole []byte
}

// Close implements io.Closer.
func (answerBody) Close() error { return nil }

// recorder keeps an answer.
type recorder struct {
	head   http.Header
	status int
	body   []byte
}

// Header implements http.ResponseWriter.
func (r *recorder) Header() http.Header { return r.head }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) { r.status = status }

// Write implements http.ResponseWriter.
func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	if r.body == nil && r.head.Get("Content-Type") == "application/json" {
		r.body = p // the sandbox writes answers of its API at once, and does not change them
	} else {
		r.body = append(r.body, p...)
	}
	return len(p), nil
}
