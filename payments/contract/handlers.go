package contract

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
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
		next.ServeHTTP(breakable{rec, w}, r)
		_, name := s.Operation(r.Method, r.URL.Path)
		if rec.Code != http.StatusOK {
			name = ""
		}
		log.add(name, s.Response(r.Method, r.URL.Path, rec.Code, rec.Body.Bytes()))
		copyAnswer(w, rec)
	}), log
}

// breakable is a recorder whose connection the stand-in may break off.
type breakable struct {
	*httptest.ResponseRecorder
	to http.ResponseWriter
}

// Hijack implements http.Hijacker.
func (b breakable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(b.to).Hijack()
}

// Requests is a stand-in for Stripe for the other direction: every request is
// compared with the description (path, parameters, their types, unknown ones)
// and answered with stripe-mock's stateless fixtures, or with 400. The version
// header must be the description's.
func (s *Spec) Requests() (http.Handler, *Log, error) {
	c, err := s.newChecker()
	if err != nil {
		return nil, nil, err
	}
	log := &Log{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			log.add("", err)
		}
		_, name := s.Operation(r.Method, r.URL.Path)
		rec, err := c.check(r, body)
		log.add(name, err)
		copyAnswer(w, rec)
	}), log, nil
}

// Between stands between the product and a stand-in for Stripe: every request
// is compared as Requests does and by rule, which sees the parameters; every
// answer is compared as Answers does. Nothing is changed or refused.
func (s *Spec) Between(next http.Handler, rule func(*http.Request, url.Values) error) (http.Handler, *Log, error) {
	c, err := s.newChecker()
	if err != nil {
		return nil, nil, err
	}
	answers, log := s.Answers(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			log.add("", err)
		}
		_, err = c.check(r, body)
		log.add("", err)
		form, err := url.ParseQuery(r.URL.RawQuery + "&" + string(body))
		if err == nil {
			err = rule(r, form)
		}
		if err != nil {
			err = fmt.Errorf("%s %s %s: %w", r.Method, r.URL.RequestURI(), body, err)
		}
		log.add("", err)
		r.Body = io.NopCloser(bytes.NewReader(body))
		answers.ServeHTTP(w, r)
	}), log, nil
}

func copyAnswer(w http.ResponseWriter, rec *httptest.ResponseRecorder) {
	for key, vals := range rec.Header() {
		w.Header()[key] = vals
	}
	w.WriteHeader(rec.Code)
	_, _ = rec.Body.WriteTo(w) // who hangs up has had enough
}
