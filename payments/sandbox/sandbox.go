// Package sandbox is a stateful stand-in for Stripe: an HTTP server that
// speaks the part of Stripe's API (version 2023-10-16) that a subscription
// business uses, with hosted Checkout, invoice and portal pages, test cards,
// signed webhooks, idempotency keys, its own clock and switches for faults.
//
// It owns pretended customers, prices, subscriptions, invoices and payments,
// and nothing else. It imports nothing of this module: to the rest of the
// house it is a stranger with an address. It must never be served in
// production; no real card number is accepted and no money moves.
//
// Simplifications against Stripe, all deliberate: invoices are finalized the
// moment they are created (Stripe waits about an hour at a renewal), there is
// no tax, no discount, no trial and no metered price, retries follow fixed pauses
// (Stripe's smart ones choose their moments), and card 4000 0000 0000 0341 pays its first Checkout and declines
// from then on. A subscription schedule is made from a subscription only and
// ends by release or cancellation; the preview of an invoice does not know of a
// phase that begins within the period; whoever cancels or resumes in the portal
// releases the schedule first, where Stripe documents nothing.
package sandbox

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// APIVersion is the only version of Stripe's API that the sandbox speaks.
const APIVersion = "2023-10-16"

// Options configures a Server. The zero value works, in memory and on the
// real clock.
type Options struct {
	// Now is the base clock; the sandbox's own clock adds the advances to it.
	// Nil means time.Now, and then due work is also done in the background.
	Now func() time.Time
	// SecretKey is the API key that requests must carry. Default "sk_test_sandbox".
	SecretKey string
	// WebhookSecret signs deliveries to the endpoint set by SetWebhook.
	WebhookSecret string
	// PublicURL is the address that hosted pages are linked under, without a
	// trailing slash. Empty: the Host of the first request is used.
	PublicURL string
	// Rand feeds ids. Nil means crypto/rand; hand in a seeded reader to
	// repeat a run exactly.
	Rand io.Reader
	// StatePath names a JSON file that keeps the state, the clock's offset
	// and undelivered events. It is replaced atomically before a mutating
	// request is answered. Empty: memory only.
	StatePath string
	// HTTPClient delivers webhooks. Nil means a client with a 10 s timeout.
	HTTPClient *http.Client
	// RetryDelay is the first pause after a failed delivery; it doubles up to
	// 30 s. Default 250 ms.
	RetryDelay time.Duration
	// RetryDays are the pauses, in days, before each further attempt to collect a
	// renewal. Nil means 3, 5 and 7; an empty list gives up at the first failure.
	RetryDays []int
	// UnpaidAfterRetries leaves a subscription "unpaid" when the last retry
	// failed; otherwise it is canceled.
	UnpaidAfterRetries bool
	// Hook is called for every API request after its idempotency key was
	// taken and before it is executed, without any lock held, so that a test
	// may stop the world there. It may be nil.
	Hook func(*http.Request)
}

// Server is one pretended Stripe account. It is safe for concurrent use.
type Server struct {
	opt Options
	mux http.Handler

	mu     sync.Mutex
	st     *state
	at     int64 // the moment being processed while the clock advances, else 0
	wake   int64 // the next moment at which something falls due, 0 if nothing
	dirty  bool  // state changed since the last snapshot
	held   bool  // nothing is written until Batch ends
	cur    *call // the request being executed, for events
	calls  []Call
	reqs   int64
	faults faults
	out    outbox

	enc     encoder
	scratch []byte // of encode
}

// New builds a server and, if Options.StatePath names an existing file,
// restores what it holds. The only error is an unreadable or foreign file.
func New(opt Options) (*Server, error) {
	background := opt.Now == nil
	if opt.Now == nil {
		opt.Now = time.Now
	}
	if opt.SecretKey == "" {
		opt.SecretKey = "sk_test_sandbox"
	}
	if opt.Rand == nil {
		opt.Rand = rand.Reader
	}
	if opt.RetryDays == nil {
		opt.RetryDays = []int{3, 5, 7}
	}
	if opt.HTTPClient == nil {
		opt.HTTPClient = &http.Client{Timeout: 10 * time.Second}
	}
	if opt.RetryDelay == 0 {
		opt.RetryDelay = 250 * time.Millisecond
	}
	opt.PublicURL = strings.TrimRight(opt.PublicURL, "/")
	s := &Server{opt: opt, st: newState(), enc: encoder{}}
	s.out.init()
	if opt.StatePath != "" {
		if err := s.st.load(opt.StatePath); err != nil {
			return nil, fmt.Errorf("sandbox: state %s: %w", opt.StatePath, err)
		}
	}
	s.wake = s.nextDue()
	s.mux = s.routes()
	if background {
		s.out.every(time.Second, s.tickNow)
	}
	if len(s.st.Queue) > 0 {
		s.out.start(s.deliverLoop)
	}
	return s, nil
}

// Handler serves the API under /v1/, the hosted pages under /pay/ and
// /portal/, and the control page at /. Give it a listener of its own.
func (s *Server) Handler() http.Handler { return s.mux }

// SetPublicURL sets Options.PublicURL once the listener's address is known.
func (s *Server) SetPublicURL(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opt.PublicURL = strings.TrimRight(url, "/")
}

// Close stops background work, waits for it and writes the snapshot.
func (s *Server) Close() error {
	s.out.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dirty = true
	return s.save()
}

const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// newID returns prefix and n random characters. A reader that repeats itself
// after a restart cannot collide with what the state already holds.
func (s *Server) newID(prefix string, n int) string {
	for {
		buf := make([]byte, n)
		if _, err := io.ReadFull(s.opt.Rand, buf); err != nil {
			panic("sandbox: no randomness: " + err.Error())
		}
		for i, b := range buf {
			buf[i] = idAlphabet[int(b)%len(idAlphabet)]
		}
		if id := prefix + string(buf); !s.st.IDs[id] {
			s.st.IDs[id] = true
			return id
		}
	}
}
