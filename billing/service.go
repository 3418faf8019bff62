package billing

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Service is built from.
type Config struct {
	Store     Store
	Processor Processor // nil: payments are not configured
	Notifier  Notifier
	Mailer    Mailer // nil: no mail server is configured
	// Deliverer tells the host application; nil: nobody is told and nothing is kept.
	Deliverer Deliverer
	Catalog   *Catalog
	// PastDueGrace is for how long a past-due subscription entitles, counted from
	// its unpaid invoice; nil: DefaultPastDueGrace.
	PastDueGrace *time.Duration
	Clock        Clock
	// Wall is the clock on the wall, for sign-in links and sessions. It differs
	// from Clock only in demo mode, where billing time can be moved on.
	Wall Clock
	// Waiter lets time pass; nil: the system's time.
	Waiter Waiter
	Rand   io.Reader // nil: crypto/rand
	// BaseURL is where people reach this server, without a trailing slash. URLs
	// are made from it and never from a request's Host header.
	BaseURL string
	// Operators are the addresses of those who run this server, as OperatorEmails
	// returns them.
	Operators []string
	SealKey   []byte // ≥ 32 bytes; signs the quotes that forms carry
	// Background runs what an answer does not wait for; nil: a goroutine each.
	Background func(work func())
	// Syncs is how many orgs the worker reads at Stripe at once; 0: one.
	Syncs int
	Log   *slog.Logger
}

// Service is the domain's front door: the edge calls its methods and nothing
// else. It is safe for concurrent use.
type Service struct {
	store     Store
	processor Processor
	notifier  Notifier
	mailer    Mailer
	deliverer Deliverer
	catalog   *Catalog
	clock     Clock
	wall      Clock
	waiter    Waiter
	rand      io.Reader
	baseURL   string
	operators []string
	sealer    sealer
	log       *slog.Logger
	pace      *pacer
	retries   *retries
	syncs     int        // orgs that are read at once
	saving    sync.Mutex // see inTurn
	// background runs what an answer does not wait for.
	background func(work func())
	kick       chan struct{} // wakes the worker
	// life ends the waits of polls and streams; Drain ends it.
	life  context.Context
	drain context.CancelFunc
	// stripeDown is set while the last call to Stripe had no answer.
	stripeDown atomic.Bool
	// stripeErrors counts calls to Stripe without a usable answer.
	stripeErrors atomic.Int64
	mails        mailCounter
	drift        driftCounts
	timing       timing
	pastDueGrace time.Duration
	snapshots    *cache[string, *snapshot]
	hostKeys     *cache[[sha256.Size]byte, hostKey]
	// alerted are the second subscriptions that this process has told operators of.
	alerted    sync.Map
	duplicates atomic.Int64
}

// timing holds the durations of the mechanism, fixed in production.
type timing struct {
	lease   time.Duration // how long a call to Stripe may take before another worker takes over
	grace   time.Duration // how long a pending intent may wait for its own request
	backoff []time.Duration
	look    time.Duration // between two orgs of a pass
}

// New builds a Service.
func New(c Config) *Service {
	s := &Service{
		store: c.Store, processor: c.Processor, notifier: c.Notifier, mailer: c.Mailer, deliverer: c.Deliverer, catalog: c.Catalog,
		clock: c.Clock, wall: c.Wall, rand: c.Rand, baseURL: strings.TrimRight(c.BaseURL, "/"),
		operators: c.Operators, sealer: newSealer(c.SealKey), log: c.Log, pace: newPacer(), retries: newRetries(), syncs: c.Syncs, background: c.Background, kick: make(chan struct{}, 1),
		snapshots: newCache[string, *snapshot](maxSnapshots), hostKeys: newCache[[sha256.Size]byte, hostKey](maxHostKeys),
		timing: timing{lease: 25 * time.Second, grace: 5 * time.Second, look: lookPause, backoff: []time.Duration{200 * time.Millisecond, 800 * time.Millisecond, 2 * time.Second}},
	}
	s.life, s.drain = context.WithCancel(context.Background())
	s.pastDueGrace = DefaultPastDueGrace
	if c.PastDueGrace != nil {
		s.pastDueGrace = *c.PastDueGrace
	}
	if s.wall == nil {
		s.wall = s.clock
	}
	if s.waiter = c.Waiter; s.waiter == nil {
		s.waiter = systemTime{}
	}
	if s.background == nil {
		s.background = func(work func()) { go work() }
	}
	if s.rand == nil {
		s.rand = rand.Reader
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	return s
}

// Catalog returns the plans that the service sells.
func (s *Service) Catalog() *Catalog { return s.catalog }

// Now is the service's time, UTC, to the microsecond.
func (s *Service) Now() time.Time { return s.clock.Now().UTC().Truncate(time.Microsecond) }

// Ready reports whether requests can be served. It asks the database and never
// Stripe: reads go on while Stripe is down.
func (s *Service) Ready(ctx context.Context) error { return s.store.Ping(ctx) }

// Drain makes every poll that waits for news answer now, and ends every stream of
// them, so that the process can end; new ones do not wait.
func (s *Service) Drain() { s.drain() }

// StripeReady reports whether payments are configured.
func (s *Service) StripeReady() bool { return s.processor != nil }

// ApprovalURL is the page where a person decides about a request.
func (s *Service) ApprovalURL(id string) string { return s.baseURL + "/approve/" + id }

// PollingURL is where the agent learns of the decision.
func (s *Service) PollingURL(id string) string {
	return s.baseURL + "/api/web-approve/status?request=" + id
}

// audit appends an event inside a transaction.
func (s *Service) audit(ctx context.Context, tx Tx, orgID string, by Actor, event, subject string, facts map[string]any) error {
	return tx.Audit(ctx, AuditEvent{
		ID: s.newID("evt_"), OrgID: orgID, At: s.Now(), Actor: by, Event: event, Subject: subject, Facts: facts,
	})
}

// stripe notes whether Stripe answers, and turns a missing answer into the one
// error that callers see.
func (s *Service) stripe(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrStripeRefused):
		s.stripeDown.Store(false)
		return err
	case errors.Is(err, context.Canceled): // the caller has gone, which says nothing about Stripe
		return ErrStripeUnavailable.Because(err)
	case errors.Is(err, ErrStripeUnavailable):
		s.stripeDown.Store(true)
		s.stripeErrors.Add(1)
		if e, ok := errors.AsType[*Error](err); ok && e.RetryAfter == 0 {
			return e.After(5 * time.Second)
		}
		return err
	case errors.Is(err, ErrStripeBusy):
		s.stripeDown.Store(true)
		s.stripeErrors.Add(1)
		return ErrStripeUnavailable.Because(err).After(5 * time.Second)
	}
	if _, ours := errors.AsType[*Error](err); ours {
		return err
	}
	s.stripeDown.Store(true)
	return ErrStripeUnavailable.Because(err).After(5 * time.Second)
}

// newID makes a random id: 26 characters of Crockford's base 32, 130 bits.
func (s *Service) newID(prefix string) string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	var b [26]byte
	s.read(b[:])
	for i := range b {
		b[i] = alphabet[b[i]&31]
	}
	return prefix + string(b[:])
}

func (s *Service) read(b []byte) {
	if _, err := io.ReadFull(s.rand, b); err != nil {
		panic(fmt.Sprintf("billing: no randomness: %v", err))
	}
}

// CheckCode is the four letters that a person compares by eye between the
// agent's message and the page. It is derived from the id and keeps no secret.
func CheckCode(id string) string {
	const alphabet = "BCDFGHJKLMNPQRSTVWXZ"
	sum := sha256.Sum256([]byte("countersign/check-code/v1\x00" + id))
	var code [4]byte
	for i := range code {
		code[i] = alphabet[int(sum[i])%len(alphabet)]
	}
	return string(code[:])
}
