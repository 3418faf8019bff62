package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/param"
	"github.com/stripe/stripe-mock/param/coercer"
	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"
)

// checker compares requests with the description.
type checker struct {
	*Spec
	stub *server.StubServer
}

func (s *Spec) newChecker() (*checker, error) {
	fixtures, err := server.LoadFixtures(embedded.OpenAPIFixtures, "")
	if err != nil {
		return nil, err
	}
	stub, err := server.NewStubServer(fixtures, s.spec, true, false)
	return &checker{Spec: s, stub: stub}, err
}

// check returns what stripe-mock answers to a request with this body, and what
// does not agree with the description. It uses up r.Body.
func (c *checker) check(r *http.Request, body []byte) (*httptest.ResponseRecorder, error) {
	rec := httptest.NewRecorder()
	err := c.nested(r, body)
	if err != nil {
		refuse(rec, err)
	} else {
		r.Body = io.NopCloser(bytes.NewReader(body))
		c.stub.HandleRequest(rec, r)
		err = complaint(rec)
	}
	// stripe-mock compares the header only if there is one.
	if err == nil && r.Header.Get("Stripe-Version") == "" {
		err = errors.New("no Stripe-Version header")
	}
	if err != nil {
		err = fmt.Errorf("%s %s %s: %w", r.Method, r.URL.RequestURI(), body, err)
	}
	return rec, err
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
	_ = json.NewEncoder(w).Encode(e)
}

// nested looks for unknown parameters within hashes; stripe-mock itself
// compares the names of the first level only.
func (c *checker) nested(r *http.Request, body []byte) error {
	op, _ := c.Operation(r.Method, r.URL.Path)
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
	return c.closed(schema, data, "")
}
