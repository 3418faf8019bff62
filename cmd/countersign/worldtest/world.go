// Package worldtest builds the whole product inside a test, from real parts: a
// real database, the Stripe sandbox behind real HTTP, and a clock that the test
// moves. Only tests import it.
package worldtest

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
	"github.com/countersignhq/countersign/db/dbtest"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/payments/sandbox"
)

// Start is when every world begins: 2 March 2026, noon UTC.
var Start = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const (
	stripeKey = "sk_test_worldtest"
	// WebhookSecret signs the sandbox's webhooks.
	WebhookSecret = "whsec_worldtest"
	// Operator is the address of who runs the server.
	Operator = "op@countersign.test"
	// SealKey signs the quotes in forms, and sessions.
	SealKey = "0123456789abcdef0123456789abcdef"
)

// Options choose what is not the default.
type Options struct {
	Postgres bool   // else SQLite, without waiting for a disk
	OnDisk   bool   // SQLite in a file, for Dump
	Catalog  string // a built-in one or a file's path, else flat
	BaseURL  string // else http://localhost:8080
	NoStripe bool
	Unpaid   bool // Stripe gives up on a renewal by "unpaid", else it cancels
	// Wrap stands between the service and payments, to fail or to count.
	Wrap func(billing.Processor) billing.Processor
	// Configure has the last word on the service's configuration.
	Configure func(*billing.Config)
}

// World is the product in a test.
type World struct {
	T       testing.TB
	Service *billing.Service
	Store   *db.Store
	Box     *sandbox.Server
	Stripe  *payments.Client
	Mail    *Mailbox
	Log     *SafeBuffer // everything that was logged
	BaseURL string
	url     string // of the database
	config  billing.Config
}

// New builds a world that ends with the test.
func New(t testing.TB, o Options) *World {
	t.Helper()
	if o.BaseURL == "" {
		o.BaseURL = "http://localhost:8080"
	}
	if o.Catalog == "" {
		o.Catalog = "flat"
	}
	w := &World{T: t, Mail: &Mailbox{}, Log: &SafeBuffer{}, BaseURL: o.BaseURL}
	catalog, err := billing.LoadCatalog(o.Catalog, os.ReadFile)
	w.ok(err)
	w.startStripe(catalog, o)
	w.url = w.newDatabase(o)
	w.Store = w.open()
	w.config = billing.Config{
		Store: w.Store, Notifier: w.Store, Mailer: w.Mail, Catalog: catalog, Clock: billing.ClockFunc(w.Box.Now),
		Wall: billing.ClockFunc(w.Box.Now), BaseURL: o.BaseURL, SealKey: []byte(SealKey), Operators: []string{Operator}, Background: func(work func()) { work() }, Log: slog.New(slog.NewJSONHandler(w.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if !o.NoStripe {
		w.config.Processor = w.Stripe
		if o.Wrap != nil {
			w.config.Processor = o.Wrap(w.Stripe)
		}
	}
	if o.Configure != nil {
		o.Configure(&w.config)
	}
	w.Service = billing.New(w.config)
	return w
}

// Replica is a second service on the same database and Stripe account, on
// PostgreSQL with connections of its own. SQLite is for one process, so there
// it shares the store.
func (w *World) Replica() *billing.Service {
	c := w.config
	if strings.HasPrefix(w.url, "postgres") {
		store := w.open()
		c.Store, c.Notifier = store, store
	}
	return billing.New(c)
}

// Reconfigure starts the service anew, with another configuration.
func (w *World) Reconfigure(f func(*billing.Config)) {
	f(&w.config)
	w.Service = billing.New(w.config)
}

func (w *World) startStripe(catalog *billing.Catalog, o Options) {
	var err error
	w.Box, err = sandbox.New(sandbox.Options{Now: func() time.Time { return Start }, SecretKey: stripeKey, WebhookSecret: WebhookSecret, UnpaidAfterRetries: o.Unpaid})
	w.ok(err)
	w.T.Cleanup(func() { _ = w.Box.Close() })
	server := httptest.NewServer(w.Box.Handler())
	w.T.Cleanup(server.Close)
	w.Box.SetPublicURL(server.URL)
	w.Stripe, err = payments.New(payments.Options{SecretKey: stripeKey, APIBase: server.URL, Catalog: catalog, Clock: billing.ClockFunc(w.Box.Now)})
	w.ok(err)
	_, err = w.Stripe.PushCatalog(context.Background(), catalog)
	w.ok(err)
}

// newDatabase makes an empty database that ends with the test.
func (w *World) newDatabase(o Options) (url string) {
	w.T.Helper()
	switch {
	case o.OnDisk:
		return "sqlite:" + filepath.Join(w.T.TempDir(), "world.db")
	case !o.Postgres:
		return "sqlite::memory:"
	}
	return dbtest.PostgresDSN(w.T, func(dsn string) error {
		s, err := db.Open(context.Background(), dsn, db.Options{})
		if err != nil {
			return err
		}
		return s.Close()
	})
}

// open connects to the database, on the sandbox's clock.
func (w *World) open() *db.Store {
	w.T.Helper()
	store, err := db.Open(context.Background(), w.url, db.Options{Clock: w.Box.Now})
	w.ok(err)
	w.T.Cleanup(func() { _ = store.Close() })
	return store
}

func (w *World) ok(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Advance moves every clock forward; what falls due at Stripe happens.
func (w *World) Advance(d time.Duration) {
	w.T.Helper()
	w.ok(w.Box.Advance(d))
}

// Cast is an org with a person of each role and two agents.
type Cast struct {
	Org                   billing.Org
	Owner, Admin, Member  billing.Principal // signed in
	OwnerTool             billing.Principal // the owner's member token
	Agent, OtherAgent     billing.Principal
	AgentKey, OwnerCookie string // the secrets behind Agent and Owner
	AdminCookie           string
	MemberCookie          string
	OwnerToken            string // behind OwnerTool
	OtherKey              string // behind OtherAgent
	Customer              string
}

// NewCast makes an org. With a plan it is subscribed to it with the test card.
func (w *World) NewCast(name, plan, card string) Cast {
	w.T.Helper()
	ctx := context.Background()
	org, err := w.Service.AddOrg(ctx, name, false)
	w.ok(err)
	c := Cast{Org: org}
	c.Owner, c.OwnerCookie = w.Person(org, "owner@"+name+".test", billing.RoleOwner)
	c.Admin, c.AdminCookie = w.Person(org, "admin@"+name+".test", billing.RoleBillingAdmin)
	c.Member, c.MemberCookie = w.Person(org, "member@"+name+".test", billing.RoleMember)
	c.Agent, c.AgentKey = w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: org.ID, Name: "deploy-bot"})
	c.OtherAgent, c.OtherKey = w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: org.ID, Name: "other-bot"})
	c.OwnerTool, c.OwnerToken = w.Key(billing.NewKey{Kind: billing.KindMember, OrgID: org.ID, PrincipalID: c.Owner.ID, Name: "owner"})
	if plan != "" {
		c.Customer = w.Subscribe(org, plan, card)
	}
	return c
}

// SignInOperator signs the operator in.
func (w *World) SignInOperator() (billing.Principal, string) {
	w.T.Helper()
	ctx := context.Background()
	link, _, err := w.Service.OperatorSignInURL(ctx, Operator, time.Hour)
	w.ok(err)
	session, err := w.Service.OperatorSignIn(ctx, link[len(w.BaseURL+"/admin/login/"):])
	w.ok(err)
	p, err := w.Service.Operator(ctx, session)
	w.ok(err)
	return p, session
}

// Person adds a member and signs them in.
func (w *World) Person(org billing.Org, email string, role billing.Role) (billing.Principal, string) {
	w.T.Helper()
	ctx := context.Background()
	_, err := w.Service.AddMember(ctx, org.ID, email, email, role)
	w.ok(err)
	link, _, err := w.Service.SignInURL(ctx, email, "/settings/billing", time.Hour)
	w.ok(err)
	cookie, _, err := w.Service.SignIn(ctx, link[len(w.BaseURL+"/login/"):])
	w.ok(err)
	p, err := w.Service.Session(ctx, cookie)
	w.ok(err)
	return p, cookie
}

// Key issues a key, with both scopes for an agent, and authenticates with it.
func (w *World) Key(n billing.NewKey) (billing.Principal, string) {
	w.T.Helper()
	if n.Kind == billing.KindAgent && n.Scopes == nil {
		n.Scopes = []string{billing.ScopeRead, billing.ScopeRequest}
	}
	n.CreatedBy = "test"
	_, secret, err := w.Service.IssueKey(context.Background(), n)
	w.ok(err)
	p, err := w.Service.Authenticate(context.Background(), secret)
	w.ok(err)
	return p, secret
}

// Subscribe gives an org a card and a plan, as a finished Checkout does.
func (w *World) Subscribe(org billing.Org, plan, card string) (customer string) {
	w.T.Helper()
	ctx := context.Background()
	customer = org.CustomerID
	if customer == "" {
		var err error
		customer, err = w.Stripe.EnsureCustomer(ctx, org, "owner@example.test")
		w.ok(err)
		_, err = w.Store.SetCustomer(ctx, org.ID, customer)
		w.ok(err)
	}
	p, _ := w.Service.Catalog().Plan(plan)
	_, err := w.Box.Subscribe(customer, p.Price.LookupKey, card)
	w.ok(err)
	w.Sync(org.ID)
	return customer
}

// Sync looks at Stripe and returns the row.
func (w *World) Sync(orgID string) billing.Subscription {
	w.T.Helper()
	sub, err := w.Service.SyncOrg(context.Background(), orgID)
	w.ok(err)
	return sub
}

// Plan is what Stripe says that the org has now.
func (w *World) Plan(orgID string) string {
	w.T.Helper()
	return w.Sync(orgID).Plan
}

// Org is the org's row.
func (w *World) Org(orgID string) billing.Org {
	w.T.Helper()
	org, err := w.Store.Org(context.Background(), orgID)
	w.ok(err)
	return org
}

// OpenCheckouts are the addresses of all hosted pages that can still be paid.
func (w *World) OpenCheckouts() []string {
	w.T.Helper()
	req := httptest.NewRequestWithContext(w.T.Context(), http.MethodGet, "/v1/checkout/sessions?status=open&limit=100", http.NoBody)
	req.Header.Set("Authorization", "Bearer "+stripeKey)
	rec := httptest.NewRecorder()
	w.Box.Handler().ServeHTTP(rec, req)
	var list struct{ Data []struct{ URL string } }
	w.ok(json.Unmarshal(rec.Body.Bytes(), &list))
	var urls []string
	for _, s := range list.Data {
		urls = append(urls, s.URL)
	}
	return urls
}

// Paid counts the succeeded charges of a customer.
func (w *World) Paid(customer string) (n int, total int64) {
	for _, c := range w.Box.Charges(customer) {
		if c.Status != "succeeded" {
			continue
		}
		n++
		total += c.Amount
	}
	return n, total
}

// Mailbox keeps what was mailed.
type Mailbox struct {
	// Answer is asked before a mail is taken; nil takes all.
	Answer func(billing.Mail) error
	mu     sync.Mutex
	Links  []string // to sign in by, and the addresses that they went to
	To     []string
	mails  []billing.Mail // all others, since they were last looked at
}

// Send implements billing.Mailer.
func (m *Mailbox) Send(_ context.Context, mail billing.Mail) error {
	if m.Answer != nil {
		if err := m.Answer(mail); err != nil {
			return err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := mail.Message.(billing.SignIn); ok {
		m.To, m.Links = append(m.To, mail.To.Email), append(m.Links, mail.URL)
		return nil
	}
	m.mails = append(m.mails, mail)
	return nil
}

// Mails sends what is due and returns the mails that came since the last time.
func (w *World) Mails() []billing.Mail {
	w.T.Helper()
	for found := true; found; {
		var err error
		found, err = w.Service.SendMail(context.Background())
		w.ok(err)
	}
	w.Mail.mu.Lock()
	defer w.Mail.mu.Unlock()
	all := w.Mail.mails
	w.Mail.mails = nil
	return all
}

// SafeBuffer is a buffer that several goroutines may write.
type SafeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (s *SafeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

// String returns what was written.
func (s *SafeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
