package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Limiter asks Countersign before a handler of the host application creates
// something. Its fields must not change once it is in use; its methods may be
// called by many goroutines.
type Limiter struct {
	Client *Client // with the host's key

	// AllowedFor is how long an answer may be used again, for no more than it
	// left room for: 0 means 2 s, more than 5 s means 5 s, less than 0 not at all.
	AllowedFor time.Duration
	// RefusedFor is the same for a refusal. 0 and more than 1 s mean 1 s, so that
	// an upgrade works at once.
	RefusedFor time.Duration
	// Timeout is how long to wait for an answer: 0 means 2 s.
	Timeout time.Duration
	// FailClosed answers 503 if Countersign gives no answer. Otherwise the handler
	// runs: what is sold goes on while billing is away.
	FailClosed bool
	// MaxEntries bounds the answers that are remembered: 0 means 10,000.
	MaxEntries int
	// OnDecision, if set, is told of every request, for logs and metrics.
	OnDecision func(context.Context, Decision)
	// Now tells the time; nil is the system's clock.
	Now func() time.Time

	mu      sync.Mutex
	answers map[question]*verdict
	flights map[question]*flight
}

// Outcome is what a Limiter decided.
type Outcome string

// The outcomes.
const (
	OutcomeAllowed   Outcome = "allowed"
	OutcomeRefused   Outcome = "refused"   // 402
	OutcomeUnchecked Outcome = "unchecked" // no answer: the handler ran, or 503 if FailClosed
	OutcomeMistaken  Outcome = "mistaken"  // the question was wrong, such as a revoked key: 500
)

// Decision is one request that came to a Limiter.
type Decision struct {
	Org, Resource string
	Quantity      int64
	Outcome       Outcome
	Cached        bool  // by an answer to an earlier request, or to another at the same time
	Err           error // of an unchecked or mistaken one
}

// The bounds of what is remembered.
const (
	maxAllowedFor  = 5 * time.Second
	maxRefusedFor  = time.Second
	defaultAllowed = 2 * time.Second
	defaultTimeout = 2 * time.Second
	defaultEntries = 10_000
)

// Guard makes a middleware that lets a request through if its org may have
// quantity more of the resource; a nil quantity means 1, and less than 1 asks
// nothing. A refusal is answered with the 402 as it came. The org has to be the
// one that the host's own sign-in established, never the client's word.
//
// Of requests that come at once for the last place more than one may pass. Where
// that must not happen, call Client.Consume in the handler.
func (l *Limiter) Guard(resource string, quantity func(*http.Request) int64, org func(*http.Request) string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			q := question{org: org(r), resource: resource, quantity: 1}
			if quantity != nil {
				q.quantity = quantity(r)
			}
			if q.quantity < 1 || l.pass(w, r, q) {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// pass answers the request unless the handler may run.
func (l *Limiter) pass(w http.ResponseWriter, r *http.Request, q question) bool {
	v, cached := l.decide(r.Context(), q)
	if r.Context().Err() != nil { // nobody is there to be answered
		return false
	}
	if l.OnDecision != nil {
		l.OnDecision(r.Context(), Decision{
			Org: q.org, Resource: q.resource, Quantity: q.quantity, Outcome: v.outcome, Cached: cached, Err: v.err,
		})
	}
	switch {
	case v.outcome == OutcomeAllowed, v.outcome == OutcomeUnchecked && !l.FailClosed:
		return true
	case v.outcome == OutcomeRefused:
		answer(w, http.StatusPaymentRequired, v.body)
	case v.outcome == OutcomeUnchecked:
		w.Header().Set("Retry-After", "1")
		answer(w, http.StatusServiceUnavailable, []byte(`{"error":"limit_unknown","message":"The plan's limit could not be checked. Try again."}`))
	default:
		answer(w, http.StatusInternalServerError, []byte(`{"error":"limit_unknown","message":"The plan's limit could not be checked."}`))
	}
	return false
}

// answer writes no header of Countersign's: none may make a wallet pay.
func answer(w http.ResponseWriter, status int, body []byte) {
	w.Header().Del("WWW-Authenticate")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// fetch asks Countersign. It outlives the request that began it: others wait.
func (l *Limiter) fetch(ctx context.Context, q question) *verdict {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cmp.Or(l.Timeout, defaultTimeout))
	defer cancel()
	got, err := l.Client.Check(ctx, CheckRequest{Org: q.org, Resource: q.resource, Quantity: q.quantity})
	if err == nil && !got.Allowed {
		err = &CallError{Status: http.StatusOK} // some other server
	}
	if err != nil {
		return failed(err)
	}
	v := &verdict{outcome: OutcomeAllowed, unlimited: got.Cap == nil}
	if got.Cap != nil {
		v.room = *got.Cap - got.Active
	}
	return v
}

func failed(err error) *verdict {
	e, told := errors.AsType[*CallError](err)
	switch {
	case !told, e.Status >= http.StatusInternalServerError, e.Status == http.StatusTooManyRequests:
		return &verdict{outcome: OutcomeUnchecked, err: err}
	case e.Status == http.StatusPaymentRequired && e.Body.Code == "over_limit":
		return &verdict{outcome: OutcomeRefused, body: e.Raw}
	}
	return &verdict{outcome: OutcomeMistaken, err: fmt.Errorf("check: %w", err)}
}

// keep says how long a verdict may be used again.
func (l *Limiter) keep(o Outcome) time.Duration {
	switch o {
	case OutcomeAllowed:
		return min(cmp.Or(l.AllowedFor, defaultAllowed), maxAllowedFor)
	case OutcomeRefused:
		return min(cmp.Or(l.RefusedFor, maxRefusedFor), maxRefusedFor)
	}
	return 0
}
