package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/handlers"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/payments/sandbox"
)

// backdate is how many days in the past the sandbox's clock starts, so that the
// demo's subscriptions have a history when it opens; an older data directory keeps
// the one that it was made with.
const backdate, formerBackdate = 75, 45

// The files of a data directory, besides demo.json and demo.env.
const (
	databaseFile = "countersign.db"
	stripeFile   = "stripe.json"
)

type demoFlags struct {
	addr, sandboxAddr, data, catalog string
	verbose                          bool
	retries                          []int // days
	unpaid                           bool
	grace                            int // days
}

func newDemo() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use: "demo", Short: "Try everything: no database server, no Stripe account, no network", Args: exactly(0),
		Long: `Run the whole product on this machine with SQLite and a built-in stand-in for
Stripe. What it prints can be clicked or sourced; nothing here costs money.
Started again on the same data directory it goes on where it was.

With --catalog capacity plans are sold in units, and can be tried without a card.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return demo(cmd.Context(), f, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&f.addr, "addr", "127.0.0.1:8080", "address of the product")
	cmd.Flags().StringVar(&f.sandboxAddr, "sandbox-addr", "127.0.0.1:8081", "address of the Stripe sandbox")
	cmd.Flags().StringVar(&f.data, "data", "countersign-data", "directory that keeps the state")
	cmd.Flags().StringVar(&f.catalog, "catalog", "flat", "flat, capacity or a file")
	cmd.Flags().IntVar(&f.grace, "past-due-grace", 14, "days for which a subscription with an unpaid renewal keeps its plan")
	cmd.Flags().IntSliceVar(&f.retries, "sandbox-retries", []int{3, 5, 7, 7, 7}, "days before each further try to collect a renewal that failed")
	cmd.Flags().BoolVar(&f.unpaid, "sandbox-unpaid", false, "after the last try a subscription is left unpaid instead of cancelled")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "log every request")
	return cmd
}

// demoState is what the demo keeps beside the database: the secrets that the
// database holds only hashes of.
type demoState struct {
	Secret        string `json:"secret"`
	StripeKey     string `json:"stripe_key"`
	WebhookSecret string `json:"webhook_secret"`
	AgentKey      string `json:"agent_key"`
	MemberToken   string `json:"member_token"`
	HostKey       string `json:"host_key"`
	Seats         []seat `json:"seats"` // who can sign in where
	// Catalog is what the data directory was seeded with.
	Catalog string `json:"catalog"`
	Seeded  bool   `json:"seeded"`
	// Backdate is how many days in the past the sandbox's clock started.
	Backdate int `json:"backdate,omitempty"`
}

// seat is a line on the mailbox page.
type seat struct {
	Org, State, Email string
}

func demo(ctx context.Context, f demoFlags, out, logs io.Writer) error {
	level := slog.LevelWarn
	if f.verbose {
		level = slog.LevelInfo
	}
	log := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: level}))
	catalog, err := billing.LoadCatalog(f.catalog, os.ReadFile)
	if err != nil {
		return err
	}
	if err = os.MkdirAll(f.data, 0o700); err != nil {
		return err
	}
	state, err := loadDemoState(filepath.Join(f.data, "demo.json"), f.catalog)
	if err != nil {
		return err
	}
	stripeListener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.sandboxAddr)
	if err != nil {
		return fmt.Errorf("the sandbox's address is taken; choose another with --sandbox-addr: %w", err)
	}
	appListener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", f.addr)
	if err != nil {
		return fmt.Errorf("the address is taken; choose another with --addr: %w", err)
	}
	baseURL, stripeURL := localURL("localhost", appListener), localURL("127.0.0.1", stripeListener)
	box, stop, err := startSandbox(state, f, filepath.Join(f.data, stripeFile), stripeURL, stripeListener, log)
	if err != nil {
		return err
	}
	defer stop()
	clock := billing.ClockFunc(box.Now)
	client, err := payments.New(payments.Options{SecretKey: state.StripeKey, APIBase: stripeURL, Catalog: catalog, Log: log, Clock: clock})
	if err != nil {
		return err
	}
	host, err := hookFrom(demoEnv)
	if err != nil {
		return err
	}
	grace, err := graceFrom(func(string) string { return strconv.Itoa(f.grace) })
	if err != nil {
		return err
	}
	post := &mailbox{catalog: catalog}
	d := &demonstration{state: state, box: box, stripe: client, stripeURL: stripeURL, baseURL: baseURL, post: post}
	a, err := build(ctx, parts{
		baseURL: baseURL, secret: state.Secret, database: "sqlite:" + filepath.Join(f.data, databaseFile), catalog: catalog,
		processor: client, verify: verifier([]string{state.WebhookSecret}, box.Now, false), mailer: post, host: host, operators: []string{operatorEmail}, clock: clock, grace: &grace,
		targets: []string{stripeURL}, mailbox: d.mailboxPage, mailHTML: post.html, sandbox: stripeURL, log: log,
	})
	if err != nil {
		return err
	}
	defer a.store.Close()
	d.app = a
	served := make(chan error, 1)
	go func() { served <- a.run(ctx, appListener, 0) }()
	if err = d.open(ctx, f.data, out); err != nil {
		return err
	}
	return <-served
}

// demoEnv is the environment of somebody whose host application most likely
// runs on this machine, too.
func demoEnv(name string) string {
	text := os.Getenv(name)
	if text == "" && name == "COUNTERSIGN_WEBHOOK_ALLOW_PRIVATE" {
		return "true"
	}
	return text
}

// startSandbox serves the stand-in for Stripe, with a past for the seed to fill.
func startSandbox(state *demoState, flags demoFlags, path, url string, l net.Listener, log *slog.Logger) (box *sandbox.Server, stop func(), err error) {
	switch {
	case state.Backdate == 0 && state.Seeded:
		state.Backdate = formerBackdate
	case state.Backdate == 0:
		state.Backdate = backdate
	}
	back := time.Duration(state.Backdate) * 24 * time.Hour
	box, err = sandbox.New(sandbox.Options{
		Now:       func() time.Time { return time.Now().Add(-back) },
		RetryDays: flags.retries, UnpaidAfterRetries: flags.unpaid,
		SecretKey: state.StripeKey, WebhookSecret: state.WebhookSecret, PublicURL: url, StatePath: path,
	})
	if err != nil {
		return nil, nil, err
	}
	srv := newServer(box.Handler(), log)
	go func() { _ = srv.Serve(l) }()
	return box, func() {
		_ = srv.Close()
		if err := box.Close(); err != nil {
			log.Error("the sandbox's state is not saved", "error", err)
		}
	}, nil
}

// open seeds an empty data directory, writes demo.env and says what to do.
func (d *demonstration) open(ctx context.Context, data string, out io.Writer) error {
	if !d.state.Seeded {
		d.state.Seats = nil
		if err := d.state.save(filepath.Join(data, "demo.json")); err != nil {
			return err
		}
		if err := d.box.Batch(func() error { return d.seed(ctx) }); err != nil {
			return fmt.Errorf("demo data: %w", err)
		}
		d.state.Seeded = true
		if err := d.state.save(filepath.Join(data, "demo.json")); err != nil {
			return err
		}
	}
	// The past that seed makes is read directly; webhooks begin with the present.
	d.box.SetWebhook(d.baseURL + handlers.PathStripe)
	login, _, err := d.app.service.SignInURL(ctx, ownerEmail, "/settings/billing", 24*time.Hour)
	if err != nil {
		return err
	}
	env := [][2]string{
		{"COUNTERSIGN_URL", d.baseURL},
		{"COUNTERSIGN_OWNER_LOGIN_URL", login},
		{"COUNTERSIGN_AGENT_KEY", d.state.AgentKey},
		{"COUNTERSIGN_MEMBER_TOKEN", d.state.MemberToken},
		{"COUNTERSIGN_HOST_KEY", d.state.HostKey},
		{"STRIPE_API_BASE", d.stripeURL},
		{"STRIPE_SECRET_KEY", d.state.StripeKey},
		{"STRIPE_WEBHOOK_SECRET", d.state.WebhookSecret},
	}
	var file strings.Builder
	for _, kv := range env {
		fmt.Fprintf(&file, "export %s='%s'\n", kv[0], kv[1])
	}
	path := filepath.Join(data, "demo.env")
	if err = writeFile(path, []byte(file.String())); err != nil {
		return err
	}
	d.banner(out, path, login)
	return nil
}

func (d *demonstration) banner(out io.Writer, env, login string) {
	path, wish := "/api/billing/upgrade", fmt.Sprintf(`"plan":%q`, d.topPlan().ID)
	if d.app.service.Catalog().Capacity != nil {
		path, wish = "/v1/billing/capacity/increase", `"target_additional_capacity_units":4`
	}
	fmt.Fprintf(out, `
  Countersign demo: a sandbox, no real money.

  Sign in as the owner of Acme     %s
  Every organisation and mailbox   %s/dev/mailbox
  The Stripe sandbox, its clock    %s
  MCP, with the agent's key below  %s/mcp

  Be the agent, in another shell:

    source %s
    curl -s $COUNTERSIGN_URL%s -H "Authorization: Bearer $COUNTERSIGN_AGENT_KEY" \
      -H 'Content-Type: application/json' -d '{%s,"mode":"web","reason":"The nightly import needs more room."}'

  Open the approval_url that it answers, approve, and poll the polling_url with the same key.

  Cards: 4242 4242 4242 4242 works · 4000 0000 0000 0341 declines when charged · 4000 0027 6000 3184 asks for 3-D Secure
  Stop with Ctrl-C; started again it goes on where it was.

`, login, d.baseURL, d.stripeURL, d.baseURL, env, path, wish)
}

func loadDemoState(path, catalog string) (*demoState, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err = os.Stat(filepath.Join(filepath.Dir(path), databaseFile)); err == nil {
			return nil, fmt.Errorf("%s holds a database that is not the demo's; choose another --data", filepath.Dir(path))
		}
		return &demoState{Secret: rand.Text() + rand.Text(), StripeKey: "sk_test_" + rand.Text(), WebhookSecret: "whsec_" + rand.Text(), Catalog: catalog}, nil
	}
	if err != nil {
		return nil, err
	}
	s := &demoState{}
	if err = json.Unmarshal(raw, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if !s.Seeded {
		return s, startOver(filepath.Dir(path))
	}
	if s.Catalog != catalog {
		return nil, fmt.Errorf("this data directory was made with --catalog %s; use that, or another --data", s.Catalog)
	}
	return s, nil
}

// startOver removes what a demo left that was stopped while it made its data: the
// sandbox's clock only moves forward, so it cannot go on in the middle.
func startOver(dir string) error {
	for _, name := range []string{databaseFile, databaseFile + "-wal", databaseFile + "-shm", stripeFile} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (s *demoState) save(path string) error {
	raw, err := json.MarshalIndent(s, "", "  ") //nolint:gosec // the demo's own secrets, in a file for its owner
	if err != nil {
		return err
	}
	return writeFile(path, raw)
}

// writeFile replaces a file in one step, readable by its owner only.
func writeFile(path string, content []byte) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, content, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

func localURL(host string, l net.Listener) string {
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return "http://" + net.JoinHostPort(host, port)
}
