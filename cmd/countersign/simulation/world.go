package simulation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/payments/sandbox"
)

// begin is when the template is built, UTC; every history starts an hour later.
var begin = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

const (
	stripeKey     = "sk_test_simulation"
	webhookSecret = "whsec_simulation"
	sealKey       = "0123456789abcdef0123456789abcdef"
	baseURL       = "http://localhost:8080"
	stripeURL     = "http://stripe.test"
)

// cast is an org with its people and agents.
type cast struct {
	org          billing.Org
	customer     string // at the start; "" for an org that never paid
	owner, admin billing.Principal
	member       billing.Principal
	keys         [2]string // secrets of two agents
	agents       [2]billing.Principal
}

// World is what the histories of one worker have in common: a database and a
// Stripe account, which are put back to the same template for each seed.
type World struct {
	dir     string
	store   *db.Store
	raw     *sql.DB // beside the product's own connections
	reset   []*sql.Stmt
	asked   map[string]*sql.Stmt
	box     *sandbox.Server // what changes something there begins with stripe()
	handler http.Handler
	answers *answers
	idle    idle
	account sandbox.Account // the template
	catalog *billing.Catalog
	source  *source
	cast    [3]cast
	run     *run // the history that goes on, nil between two
}

// source is the randomness of ids, begun anew for every seed.
type source struct{ *rand.ChaCha8 }

func (s *source) begin(seed uint64) {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	s.ChaCha8 = rand.NewChaCha8(key)
}

// NewWorld builds the template. The world is for one goroutine; Close ends it.
func NewWorld(ctx context.Context) (*World, error) {
	w := &World{source: &source{}, answers: newAnswers(), asked: map[string]*sql.Stmt{}}
	w.source.begin(0)
	err := w.build(ctx)
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

func (w *World) build(ctx context.Context) (err error) {
	if w.catalog, err = billing.LoadCatalog("capacity", os.ReadFile); err != nil {
		return err
	}
	if w.dir, err = os.MkdirTemp(memory(), "countersign-simulation-"); err != nil {
		return err
	}
	w.box, err = sandbox.New(sandbox.Options{
		Now: func() time.Time { return begin }, SecretKey: stripeKey, WebhookSecret: webhookSecret, PublicURL: stripeURL,
		Rand: w.source, HTTPClient: &http.Client{Transport: w},
	})
	if err != nil {
		return err
	}
	w.handler = w.box.Handler()
	// One connection that reads: only one task has its turn at a time.
	if err = w.openRaw(ctx); err != nil {
		return err
	}
	if w.store, err = db.Open(ctx, "sqlite:"+w.file(), db.Options{Clock: w.box.Now, MaxConns: 1, VFS: memoryVFS}); err != nil {
		return err
	}
	if err = w.people(ctx); err != nil {
		return err
	}
	return w.keep(ctx)
}

// memoryVFS is SQLite's way to a database that is nowhere else, without a lock or a
// journal in the file system.
const memoryVFS = "memdb"

func (w *World) file() string { return filepath.Join(w.dir, "db") }

// openRaw opens the database beside the product's own connections.
func (w *World) openRaw(ctx context.Context) (err error) {
	if w.raw, err = sql.Open("sqlite", "file:"+w.file()+"?vfs="+memoryVFS+"&_pragma=busy_timeout(5000)"); err != nil {
		return err
	}
	w.raw.SetMaxOpenConns(1)
	w.raw.SetConnMaxLifetime(0)
	return w.raw.PingContext(ctx)
}

// memory is a folder in memory, if there is one.
func memory() string {
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		return "/dev/shm"
	}
	return ""
}

// people makes the three orgs: two that pay and one that never did.
func (w *World) people(ctx context.Context) error {
	r := newRun(w, Plan{}, nil)
	w.run = r
	defer func() { w.run = nil }()
	s, client := r.replicas[0].service, r.replicas[0].client
	if _, err := client.PushCatalog(ctx, w.catalog); err != nil {
		return err
	}
	w.stripe().HoldEvents()
	w.stripe().SetWebhook(baseURL + "/stripe/webhook")
	for i, items := range [][]sandbox.Item{
		{{LookupKey: "solo_month", Quantity: 1}},
		{{LookupKey: "team_month", Quantity: 1}, {LookupKey: "team_unit_month", Quantity: 2}},
		nil,
	} {
		c := &w.cast[i]
		if err := w.person(ctx, s, c, fmt.Sprintf("org%d", i)); err != nil {
			return err
		}
		if items == nil {
			continue
		}
		var err error
		if c.customer, err = client.EnsureCustomer(ctx, c.org, "owner@example.test"); err != nil {
			return err
		}
		if _, err = w.store.SetCustomer(ctx, c.org.ID, c.customer); err != nil {
			return err
		}
		if _, err = w.stripe().SubscribeTo(c.customer, "pm_card_visa", items...); err != nil {
			return err
		}
		if _, err = s.SyncOrg(ctx, c.org.ID); err != nil {
			return err
		}
	}
	w.stripe().DropEvents()
	if err := s.Reconcile(ctx); err != nil {
		return err
	}
	return errors.Join(s.SyncDirty(ctx), s.LookAtAll(ctx), w.stripe().Advance(time.Hour))
}

func (w *World) person(ctx context.Context, s *billing.Service, c *cast, name string) (err error) {
	if c.org, err = s.AddOrg(ctx, name, false); err != nil {
		return err
	}
	for role, p := range map[billing.Role]*billing.Principal{billing.RoleOwner: &c.owner, billing.RoleBillingAdmin: &c.admin, billing.RoleMember: &c.member} {
		email := string(role) + "@" + name + ".test"
		u, err := s.AddMember(ctx, c.org.ID, email, email, role)
		if err != nil {
			return err
		}
		*p = billing.Principal{
			Actor: billing.Actor{Kind: billing.KindHuman, ID: u.ID, Name: u.Name, CredentialID: "ses_" + u.ID},
			OrgID: c.org.ID, OrgName: c.org.Name, Email: email, Role: role, SignedInAt: begin,
		}
	}
	for i := range c.keys {
		_, secret, err := s.IssueKey(ctx, billing.NewKey{
			Kind: billing.KindAgent, OrgID: c.org.ID, Name: fmt.Sprintf("bot%d", i), CreatedBy: "simulation",
			Scopes: []string{billing.ScopeRead, billing.ScopeRequest},
		})
		if err != nil {
			return err
		}
		c.keys[i] = secret
		if c.agents[i], err = s.Authenticate(ctx, secret); err != nil {
			return err
		}
	}
	return nil
}

// keep makes the template of what is there now.
func (w *World) keep(ctx context.Context) (err error) {
	w.account = w.box.Snapshot()
	// Attached first, since such a database lives as long as somebody has it open.
	template := "file:" + filepath.Join(w.dir, "template") + "?vfs=" + memoryVFS
	if _, err = w.raw.ExecContext(ctx, `ATTACH '`+template+`' AS template`); err != nil {
		return err
	}
	if _, err = w.raw.ExecContext(ctx, `VACUUM main INTO ?`, template); err != nil {
		return err
	}
	tables, err := w.tables(ctx)
	if err != nil {
		return err
	}
	statements := []string{"BEGIN"}
	for _, t := range tables {
		statements = append(statements, "DELETE FROM main."+t, fmt.Sprintf("INSERT INTO main.%[1]s SELECT * FROM template.%[1]s", t))
	}
	for _, text := range append(statements, "COMMIT") {
		statement, err := w.raw.PrepareContext(ctx, text) //nolint:sqlclosecheck // ends with the database
		if err != nil {
			return err
		}
		w.reset = append(w.reset, statement)
	}
	return nil
}

// query reads the database past the product, by a statement that is compiled once.
func (w *World) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	statement := w.asked[text]
	if statement == nil {
		var err error
		if statement, err = w.raw.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
		w.asked[text] = statement
	}
	return statement.QueryContext(ctx, args...)
}

// tables are those that a history may change.
func (w *World) tables(ctx context.Context) (names []string, err error) {
	rows, err := w.raw.QueryContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose%' ORDER BY 1`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var name string
		if err = rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// restore puts the database and the account back to the template.
func (w *World) restore(ctx context.Context, seed uint64) error {
	for _, statement := range w.reset {
		if _, err := statement.ExecContext(ctx); err != nil {
			return err
		}
	}
	w.source.begin(seed)
	return w.stripe().Restore(w.account)
}

// stripe is the account for whoever changes something there: what was read
// before is not to be trusted any more.
func (w *World) stripe() *sandbox.Server {
	clear(w.answers.latest)
	return w.box
}

// ask lets the sandbox answer; to a GET once for as long as nothing changes there.
func (w *World) ask(req *http.Request) *recorder {
	address := req.URL.RequestURI()
	if kept := w.answers.latest[address]; kept != nil && req.Method == http.MethodGet {
		return kept
	}
	if req.Method != http.MethodGet {
		w.stripe()
	}
	rec := &recorder{head: http.Header{}}
	w.handler.ServeHTTP(rec, req)
	w.box.FailNext(0, 0) // a repeated answer takes no fault
	if req.Method == http.MethodGet && rec.status == http.StatusOK {
		w.answers.latest[address] = rec
	}
	return rec
}

// Close removes what the world left behind.
func (w *World) Close() (err error) {
	w.idle.stop()
	if w.raw != nil {
		err = w.raw.Close()
	}
	if w.store != nil {
		err = errors.Join(err, w.store.Close())
	}
	if w.box != nil {
		err = errors.Join(err, w.box.Close())
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// RoundTrip implements http.RoundTripper for the sandbox's webhooks: they reach
// the product without a network.
func (w *World) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := readAll(req)
	if err != nil {
		return nil, err
	}
	return w.run.webhook(req, body)
}

// replica is one process of the product.
type replica struct {
	name    string
	service *billing.Service
	client  *payments.Client
	handler http.Handler // of door
}

func (r *run) newReplica(name string) *replica {
	w := r.w
	client, err := payments.New(payments.Options{
		SecretKey: stripeKey, APIBase: stripeURL, Catalog: w.catalog, Backend: newBackend(wire{r}, w.answers),
		Clock: billing.ClockFunc(w.box.Now), OneByOne: true,
	})
	if err != nil {
		panic(err) // the configuration is a constant
	}
	return &replica{name: name, client: client, service: billing.New(billing.Config{
		Store: store{w.store, r}, Processor: r.mutant.wrapProcessor(r, client), Notifier: w.store, Mailer: mailer{}, Catalog: w.catalog,
		Clock: billing.ClockFunc(w.box.Now), Wall: billing.ClockFunc(w.box.Now), Waiter: waiter{r}, Rand: w.source, BaseURL: baseURL,
		SealKey: []byte(sealKey), Background: func(work func()) { work() }, Log: r.log,
	})}
}

// mailer sends nothing.
type mailer struct{}

// Send implements billing.Mailer.
func (mailer) Send(context.Context, billing.Mail) error { return nil }
