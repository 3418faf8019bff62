package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/payments/sandbox"
)

const worldKey, worldSecret = "sk_test_e2e", "whsec_e2e"

// world is `countersign serve` in a process of its own, beside a Stripe sandbox
// in the test's: so the one can be killed while the other is in the middle of
// something. In it lives Acme, with the same people as in the demo.
type world struct {
	*process
	t        *testing.T
	box      *sandbox.Server
	gate     *gate
	url      string
	address  string
	env      []string
	login    string // link that signs Ada in
	key      string // of the agent
	customer string
}

// newWorld builds and seeds a world; serve starts it. Without Stripe nothing can
// be bought in it.
func newWorld(t *testing.T, withStripe bool) *world {
	t.Helper()
	w := &world{t: t, address: freeAddress(t)}
	w.url = strings.Replace("http://"+w.address, "127.0.0.1", "localhost", 1)
	var err error
	if w.box, err = sandbox.New(sandbox.Options{SecretKey: worldKey, WebhookSecret: worldSecret}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.box.Close() })
	w.gate = &gate{next: w.box.Handler()}
	server := httptest.NewServer(w.gate)
	t.Cleanup(server.Close)
	w.box.SetPublicURL(server.URL)
	w.box.SetWebhook(w.url + "/stripe/webhook")
	database := "sqlite:" + filepath.Join(t.TempDir(), "countersign.db")
	w.env = []string{
		"COUNTERSIGN_BASE_URL=" + w.url, "COUNTERSIGN_SECRET_KEY=0123456789abcdef0123456789abcdef", "COUNTERSIGN_ADDR=" + w.address,
		"DATABASE_URL=" + database,
	}
	if withStripe {
		w.env = append(w.env, "STRIPE_SECRET_KEY="+worldKey, "STRIPE_API_BASE="+server.URL, "STRIPE_WEBHOOK_SECRET="+worldSecret)
	}
	if err = w.seed(t.Context(), database, server.URL); err != nil {
		t.Fatal(err)
	}
	return w
}

// freeAddress is an address that was free a moment ago: the base URL has to be
// known before the server starts, and to stay the same after it was killed.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// seed puts Acme on Pro, with an owner, an agent and a card that works.
func (w *world) seed(ctx context.Context, database, stripeURL string) error {
	catalog, err := billing.Builtin("flat")
	if err != nil {
		return err
	}
	store, err := db.Open(ctx, database, db.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	clock := billing.ClockFunc(time.Now)
	client, err := payments.New(payments.Options{SecretKey: worldKey, APIBase: stripeURL, Catalog: catalog})
	if err != nil {
		return err
	}
	if _, err = client.PushCatalog(ctx, catalog); err != nil {
		return err
	}
	s := billing.New(billing.Config{Store: store, Processor: client, Notifier: store, Catalog: catalog, Clock: clock, BaseURL: w.url})
	org, err := s.AddOrg(ctx, "Acme", false)
	if err != nil {
		return err
	}
	if _, err = s.AddMember(ctx, org.ID, ada, "Ada Okafor", billing.RoleOwner); err != nil {
		return err
	}
	if _, w.key, err = s.IssueKey(ctx, billing.NewKey{
		Kind: billing.KindAgent, OrgID: org.ID, Name: "deploy-bot", CreatedBy: "Ada Okafor",
		Scopes: []string{billing.ScopeRead, billing.ScopeRequest},
	}); err != nil {
		return err
	}
	if w.customer, err = client.EnsureCustomer(ctx, org, ada); err != nil {
		return err
	}
	if _, err = store.SetCustomer(ctx, org.ID, w.customer); err != nil {
		return err
	}
	if _, err = w.box.Subscribe(w.customer, "pro_month", "pm_card_visa"); err != nil {
		return err
	}
	if _, err = s.SyncOrg(ctx, org.ID); err != nil {
		return err
	}
	w.login, _, err = s.SignInURL(ctx, ada, "/settings/billing", time.Hour)
	return err
}

// serve starts the server, again if it was killed, and waits until it is ready.
func (w *world) serve() {
	w.t.Helper()
	w.process = start(w.t, w.env, "serve")
	eventually(w.t, "the server", patience, func() bool {
		if w.ended() {
			w.t.Fatalf("the server ended:\n%s", w.log)
		}
		res, err := http.Get(w.url + "/readyz")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

func (w *world) agent() *agent { return &agent{t: w.t, base: w.url, key: w.key} }

// signIn signs Ada in.
func (w *world) signIn(b *tab) {
	w.t.Helper()
	b.open(w.login)
	b.press("Sign in as")
	b.see("Current plan")
}

// paid counts Acme's successful charges.
func (w *world) paid() (n int) {
	for _, c := range w.box.Charges(w.customer) {
		if c.Status == "succeeded" {
			n++
		}
	}
	return n
}

// gate stands before the sandbox. It can hold one request back and be shut.
type gate struct {
	next http.Handler

	mu   sync.Mutex
	hold *held
	shut bool
}

// held is a request that waits for the test to decide over it.
type held struct {
	matches func(*http.Request) bool
	arrived chan struct{}
	pass    chan bool // whether it may go on to the sandbox
}

// catch holds the next request that matches.
func (g *gate) catch(matches func(*http.Request) bool) *held {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.hold = &held{matches: matches, arrived: make(chan struct{}), pass: make(chan bool, 1)}
	return g.hold
}

// close shuts the gate: Stripe is down from now on.
func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.shut = true
}

// take returns what holds the request, if anything does.
func (g *gate) take(r *http.Request) (h *held, shut bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if h = g.hold; h == nil || !h.matches(r) {
		return nil, g.shut
	}
	g.hold = nil
	return h, false
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, shut := g.take(r)
	if shut {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if h != nil {
		body, err := io.ReadAll(r.Body) // while the caller still lives
		if err != nil {
			panic(fmt.Sprintf("e2e: held request: %v", err))
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		close(h.arrived)
		if !<-h.pass {
			panic(http.ErrAbortHandler)
		}
	}
	g.next.ServeHTTP(w, r)
}
