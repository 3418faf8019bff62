package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// obj is a JSON object on its way out.
type obj = map[string]any

// call is one API request.
type call struct {
	r      *http.Request
	id     string // Request-Id
	key    string // Idempotency-Key
	p      params
	err    *apiError
	expand []string
	begun  bool // parameters were accepted and execution began
}

// Call is one line of the log of API requests.
type Call struct {
	At             time.Time
	Method, Path   string
	Status         int
	RequestID      string
	IdempotencyKey string
	Replayed       bool
}

const keepCalls = 1000

// Calls returns the API requests served since the start, oldest first, at
// most the last 1000.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// ready ends the reading of parameters: it reports the first mistake or an
// unknown parameter, and otherwise marks that execution begins.
func (c *call) ready() *apiError {
	c.expand = c.p.strs("expand")
	if c.err != nil {
		return c.err
	}
	if name := c.p.n.unknown(""); name != "" {
		return invalid("parameter_unknown", name, "Received unknown parameter: %s", name)
	}
	c.begun = true
	return nil
}

type handler func(*call) (obj, *apiError)

// api wraps a handler with everything that Stripe does around an endpoint.
func (s *Server) api(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{r: r, key: r.Header.Get("Idempotency-Key")}
		c.p.err = &c.err
		if r.Method != http.MethodPost {
			c.key = ""
		}
		stored, fail := s.admit(c)
		var status int
		var body []byte
		switch {
		case stored != nil:
			w.Header().Set("Idempotent-Replayed", "true")
			w.Header().Set("Original-Request", stored.Request)
			status, body = stored.Status, stored.Body
		case fail != nil:
			status, body = encodeError(fail)
		default:
			status, body = s.run(c, h)
		}
		lost := s.log(c, status, stored != nil)
		if lost {
			breakOff(w)
		}
		head := w.Header()
		head.Set("Content-Type", "application/json")
		head.Set("Request-Id", c.id)
		head.Set("Stripe-Version", APIVersion)
		if c.key != "" {
			head.Set("Idempotency-Key", c.key)
		}
		w.WriteHeader(status)
		w.Write(body)
	}
}

// breakOff ends the connection within the answer. Without a first byte Go's
// transport would quietly send a request with an Idempotency-Key again.
func breakOff(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n{")
			_ = conn.Close()
		}
	}
	panic(http.ErrAbortHandler)
}

// admit authenticates, reads the parameters and takes the idempotency key.
func (s *Server) admit(c *call) (*replay, *apiError) {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, 1<<20))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reqs++
	c.id = s.newRequestID()
	s.learnURL(c.r)
	if err != nil {
		return nil, invalid("", "", "The request body could not be read.")
	}
	if fail := s.authorize(c.r); fail != nil {
		return nil, fail
	}
	form, fail := readForm(c.r, body)
	if fail != nil {
		return nil, fail
	}
	c.p.n = parseForm(form)
	if c.key == "" {
		return nil, nil
	}
	return s.take(c.key, c.r.URL.Path, form.Encode())
}

func (s *Server) newRequestID() string {
	return fmt.Sprintf("req_%014d", s.reqs)
}

func (s *Server) authorize(r *http.Request) *apiError {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		key, _, _ = r.BasicAuth()
	}
	if key == "" || key != s.opt.SecretKey {
		return unauthorized(key)
	}
	if v := r.Header.Get("Stripe-Version"); v != "" && v != APIVersion {
		return invalid("", "", "Invalid Stripe API version: %s. This sandbox speaks %s only.", v, APIVersion)
	}
	return nil
}

func readForm(r *http.Request, body []byte) (url.Values, *apiError) {
	form, err := url.ParseQuery(r.URL.RawQuery)
	if err == nil && len(body) > 0 {
		if ct := r.Header.Get("Content-Type"); !strings.HasPrefix(ct, "application/x-www-form-urlencoded") {
			return nil, invalid("", "", "Invalid request (check that your POST content type is application/x-www-form-urlencoded). If you have questions, we can help at https://support.stripe.com/.")
		}
		var more url.Values
		more, err = url.ParseQuery(string(body))
		for k, v := range more {
			form[k] = append(form[k], v...)
		}
	}
	if err != nil {
		return nil, invalid("", "", "Invalid request: the parameters could not be parsed.")
	}
	return form, nil
}

// run executes a request under the lock and settles its key.
func (s *Server) run(c *call, h handler) (int, []byte) {
	if s.opt.Hook != nil {
		s.opt.Hook(c.r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if status := s.faults.status(); status != 0 {
		return s.finish(c, status == http.StatusInternalServerError, injected(status))
	}
	s.tick()
	s.cur = c
	defer func() { s.cur = nil }()
	answer, fail := h(c)
	if fail == nil {
		fail = s.expandAll(answer, c.expand)
	}
	if c.r.Method != http.MethodGet && c.begun {
		s.touched()
	}
	if fail != nil {
		return s.finish(c, c.begun, fail)
	}
	return s.store(c, true, http.StatusOK, s.encode(answer))
}

func (s *Server) finish(c *call, keep bool, fail *apiError) (int, []byte) {
	status, body := encodeError(fail)
	return s.store(c, keep, status, body)
}

// store keeps the answer and the state before the client hears of it.
func (s *Server) store(c *call, keep bool, status int, body []byte) (int, []byte) {
	if c.key != "" {
		s.settle(c.key, keep, status, c.id, body)
	}
	if err := s.save(); err != nil {
		return encodeError(&apiError{status: 500, kind: "api_error", msg: "The sandbox could not write its state: " + err.Error()})
	}
	return status, body
}

func injected(status int) *apiError {
	e := &apiError{status: status, kind: "api_error", msg: "An unknown error occurred (injected by the sandbox)."}
	if status == http.StatusTooManyRequests {
		e.kind, e.code, e.msg = "invalid_request_error", "rate_limit", "Too many requests (injected by the sandbox)."
	}
	return e
}

func encodeError(fail *apiError) (int, []byte) {
	return fail.status, encoder{}.encode(nil, fail.body())
}

// encode writes an answer or an event into memory that is used again, and returns
// a copy. The lock is held.
func (s *Server) encode(o obj) []byte {
	s.scratch = s.enc.encode(s.scratch[:0], o)
	return bytes.Clone(s.scratch)
}

func (e encoder) encode(b []byte, o obj) []byte {
	b, err := e.append(b, o)
	if err != nil {
		panic(errors.Join(errors.New("sandbox: encode"), err))
	}
	return b
}

// log records the call and reports whether its answer shall be lost.
func (s *Server) log(c *call, status int, replayed bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, Call{
		At: time.Unix(s.now(), 0).UTC(), Method: c.r.Method, Path: c.r.URL.Path,
		Status: status, RequestID: c.id, IdempotencyKey: c.key, Replayed: replayed,
	})
	if len(s.calls) > keepCalls {
		s.calls = s.calls[len(s.calls)-keepCalls:]
	}
	if c.r.Method == http.MethodGet {
		return false
	}
	return s.faults.lose()
}

func (s *Server) learnURL(r *http.Request) {
	if s.opt.PublicURL == "" && r.Host != "" { // a shortcut's request has none
		s.opt.PublicURL = "http://" + r.Host
	}
}
