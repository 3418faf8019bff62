package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/param"
	"github.com/stripe/stripe-mock/param/coercer"
	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"
)

// Log collects what a handler saw. It is safe for concurrent use.
type Log struct {
	mu    sync.Mutex
	seen  []string
	wrong []error
}

// Seen lists the calls, as in "GET /v1/customers/{customer}", each once, sorted.
func (l *Log) Seen() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := slices.Clone(l.seen)
	slices.Sort(out)
	return slices.Compact(out)
}

// Wrong lists what did not agree with Stripe's description.
func (l *Log) Wrong() []error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.wrong)
}

func (l *Log) add(seen string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seen != "" {
		l.seen = append(l.seen, seen)
	}
	if err != nil {
		l.wrong = append(l.wrong, err)
	}
}

// Answers wraps a stand-in for Stripe: every answer under /v1/ is compared
// with the description. Successful calls are logged as seen.
func (s *Spec) Answers(next http.Handler) (http.Handler, *Log) {
	log := &Log{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/v1/") {
			next.ServeHTTP(w, r)
			return
		}
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		_, name := s.Operation(r.Method, r.URL.Path)
		if rec.Code != http.StatusOK {
			name = ""
		}
		log.add(name, s.Response(r.Method, r.URL.Path, rec.Code, rec.Body.Bytes()))
		for key, vals := range rec.Header() {
			w.Header()[key] = vals
		}
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes())
	}), log
}

// Requests is a stand-in for Stripe for the other direction: every request is
// validated against the description (path, parameters, their types, unknown
// ones) and answered with stripe-mock's stateless fixtures, or with 400. The
// version header must be the description's.
func (s *Spec) Requests() (http.Handler, *Log, error) {
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, nil, err
	}
	stub, err := server.NewStubServer(fixtures, s.spec, true, false)
	if err != nil {
		return nil, nil, err
	}
	log := &Log{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			log.add("", err)
		}
		if r.Header.Get("Stripe-Version") == "" {
			log.add("", fmt.Errorf("%s %s: no Stripe-Version header", r.Method, r.URL.Path))
		}
		rec := httptest.NewRecorder()
		_, name := s.Operation(r.Method, r.URL.Path)
		err = s.nested(r, body)
		if err == nil {
			r.Body = io.NopCloser(bytes.NewReader(body))
			stub.HandleRequest(rec, r)
			err = complaint(rec)
		} else {
			refuse(rec, err)
		}
		if err != nil {
			err = fmt.Errorf("%s %s %s: %w", r.Method, r.URL.RequestURI(), body, err)
		}
		log.add(name, err)
		for key, vals := range rec.Header() {
			w.Header()[key] = vals
		}
		w.WriteHeader(rec.Code)
		w.Write(rec.Body.Bytes())
	}), log, nil
}

// complaint turns the stub's refusal into an error.
func complaint(rec *httptest.ResponseRecorder) error {
	if rec.Code < 400 {
		return nil
	}
	var e server.ResponseError
	if err := json.Unmarshal(rec.Body.Bytes(), &e); err != nil {
		e.ErrorInfo.Message = rec.Body.String()
	}
	return errors.New(e.ErrorInfo.Message)
}

func refuse(w http.ResponseWriter, err error) {
	var e server.ResponseError
	e.ErrorInfo.Type, e.ErrorInfo.Message = "invalid_request_error", err.Error()
	w.WriteHeader(http.StatusBadRequest)
	json.NewEncoder(w).Encode(e)
}

// nested looks for unknown parameters within hashes; stripe-mock itself
// compares the names of the first level only.
func (s *Spec) nested(r *http.Request, body []byte) error {
	op, _ := s.Operation(r.Method, r.URL.Path)
	if op == nil {
		return errors.New("no such call at Stripe")
	}
	schema := spec.BuildQuerySchema(op)
	if r.Method != http.MethodGet && op.RequestBody != nil {
		for _, media := range op.RequestBody.Content {
			schema = media.Schema
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	data, err := param.ParseParams(r)
	if err != nil {
		return err
	}
	if err := coercer.CoerceParams(schema, data); err != nil {
		return err
	}
	return s.closed(schema, data, "")
}
