package faults

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/payments/sandbox"
	"github.com/countersignhq/countersign/web"
)

const (
	stripeKey, webhookSecret = "sk_test_faults", "whsec_faults"
	sessionSecret            = "0123456789abcdef0123456789abcdef"
)

// world is a Stripe sandbox, a database with orgs in it, and what a replica of
// the product needs to know of them.
type world struct {
	t         *testing.T
	box       *sandbox.Server
	ledger    *ledger
	stripe    *payments.Client
	catalog   *billing.Catalog
	stripeURL string // as the product reaches it
	database  string // as the product reaches it
	direct    string // as the test reaches it
	address   string // of the first replica
	url       string
	secret    string // of the webhooks
	client    *http.Client
	orgs      []*org

	sent, failed atomic.Int64 // requests; failed are those without an answer, and 5xx
}

// newWorld builds one with a catalogue of plans that are sold in units. An empty
// dsn is SQLite.
func newWorld(t *testing.T, dsn string) *world {
	t.Helper()
	w := &world{t: t, address: freeAddress(t), database: dsn, secret: webhookSecret}
	if dsn == "" {
		w.database = "sqlite:" + filepath.Join(tempDir(t), "countersign.db")
	}
	w.direct = w.database
	w.url = strings.Replace("http://"+w.address, "127.0.0.1", "localhost", 1)
	w.client = &http.Client{
		Timeout: 45 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(w.client.CloseIdleConnections)
	var err error
	if w.box, err = sandbox.New(sandbox.Options{SecretKey: stripeKey, WebhookSecret: webhookSecret}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.box.Close() })
	w.ledger = newLedger(w.box.Handler())
	server := httptest.NewServer(w.ledger)
	t.Cleanup(server.Close)
	w.stripeURL = server.URL
	w.box.SetPublicURL(server.URL)
	if w.catalog, err = billing.Builtin("capacity"); err != nil {
		t.Fatal(err)
	}
	if w.stripe, err = payments.New(payments.Options{SecretKey: stripeKey, APIBase: server.URL, Catalog: w.catalog}); err != nil {
		t.Fatal(err)
	}
	if _, err = w.stripe.PushCatalog(t.Context(), w.catalog); err != nil {
		t.Fatal(err)
	}
	return w
}

// hear has the sandbox tell the product of every change of a subscription.
func (w *world) hear() {
	w.t.Helper()
	form := url.Values{"url": {w.url + "/stripe/webhook"}, "enabled_events[0]": {"customer.subscription.updated"}}
	var endpoint struct{ Secret string }
	w.sandbox(http.MethodPost, "/v1/webhook_endpoints", form, &endpoint)
	w.secret = endpoint.Secret
}

func (w *world) env() []string {
	return []string{
		"COUNTERSIGN_BASE_URL=" + w.url, "COUNTERSIGN_SECRET_KEY=" + sessionSecret, "COUNTERSIGN_CATALOG=capacity", "DATABASE_URL=" + w.database,
		"STRIPE_SECRET_KEY=" + stripeKey, "STRIPE_API_BASE=" + w.stripeURL, "STRIPE_READS_PER_SECOND=100000",
		"STRIPE_WEBHOOK_SECRET=" + w.secret,
	}
}

// open connects the test to the database.
func (w *world) open() *db.Store {
	w.t.Helper()
	store, err := db.Open(context.Background(), w.direct, db.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	return store
}

// populate makes orgs with an owner and agents; each has a subscription to the
// plan ("" for none) with additional units.
func (w *world) populate(n, agents int, plan string, units int64) {
	w.t.Helper()
	s, store := w.service()
	defer store.Close()
	for range n {
		o, err := w.settle(s, store, fmt.Sprintf("org-%04d", len(w.orgs)), agents, plan, units)
		if err != nil {
			w.t.Fatal(err)
		}
		w.orgs = append(w.orgs, o)
	}
}

// service is the domain on a connection of the test's own.
func (w *world) service() (*billing.Service, *db.Store) {
	w.t.Helper()
	store := w.open()
	return billing.New(billing.Config{
		Store: store, Processor: w.stripe, Notifier: store, Catalog: w.catalog, Clock: billing.ClockFunc(time.Now), BaseURL: w.url,
	}), store
}

func (w *world) settle(s *billing.Service, store *db.Store, name string, agents int, plan string, units int64) (*org, error) {
	ctx := w.t.Context()
	added, err := s.AddOrg(ctx, name, false)
	if err != nil {
		return nil, err
	}
	o := &org{w: w, id: added.ID, name: name, units: units}
	email := "owner@" + name + ".test"
	user, err := s.AddMember(ctx, o.id, email, "Ada Okafor", billing.RoleOwner)
	if err != nil {
		return nil, err
	}
	o.owner = billing.Principal{
		Actor: billing.Actor{Kind: billing.KindHuman, ID: user.ID, Name: user.Name}, OrgID: o.id, OrgName: name, Role: billing.RoleOwner,
	}
	link, _, err := s.SignInURL(ctx, email, "", time.Hour)
	if err != nil {
		return nil, err
	}
	session, _, err := s.SignIn(ctx, strings.TrimPrefix(link, w.url+"/login/"))
	if err != nil {
		return nil, err
	}
	if o.cookie, err = w.cookie(session); err != nil {
		return nil, err
	}
	for i := range agents {
		_, key, err := s.IssueKey(ctx, billing.NewKey{
			Kind: billing.KindAgent, OrgID: o.id, Name: fmt.Sprint("bot-", i), CreatedBy: "Ada Okafor",
			Scopes: []string{billing.ScopeRead, billing.ScopeRequest},
		})
		if err != nil {
			return nil, err
		}
		o.keys = append(o.keys, key)
	}
	if plan == "" {
		return o, nil
	}
	return o, w.subscribe(s, store, added, email, plan, o)
}

// subscribe does at the sandbox what a finished Checkout does.
func (w *world) subscribe(s *billing.Service, store *db.Store, added billing.Org, email, plan string, o *org) (err error) {
	ctx := w.t.Context()
	if o.customer, err = w.stripe.EnsureCustomer(ctx, added, email); err != nil {
		return err
	}
	if _, err = store.SetCustomer(ctx, o.id, o.customer); err != nil {
		return err
	}
	p, _ := w.catalog.Plan(plan)
	items := []sandbox.Item{{LookupKey: p.Price.LookupKey, Quantity: 1}}
	if o.units > 0 {
		items = append(items, sandbox.Item{LookupKey: p.Units.Price.LookupKey, Quantity: o.units})
	}
	if _, err = w.box.SubscribeTo(o.customer, "pm_card_visa", items...); err != nil {
		return err
	}
	_, err = s.SyncOrg(ctx, o.id)
	return err
}

// cookie is what the product gives to the browser of that session.
func (w *world) cookie(session string) (*http.Cookie, error) {
	base, err := url.Parse(w.url)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Key(sha256.New, []byte(sessionSecret), nil, "countersign/session cookie", sha256.Size)
	if err != nil {
		return nil, err
	}
	return web.SessionCookie(base, key, session)
}

// sandbox calls the sandbox's API past the ledger.
func (w *world) sandbox(method, path string, form url.Values, out any) {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Authorization", "Bearer "+stripeKey)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.box.Handler().ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		w.t.Fatalf("sandbox: %s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
		w.t.Fatal(err)
	}
}
