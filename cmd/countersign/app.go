package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
	"github.com/countersignhq/countersign/handlers"
	"github.com/countersignhq/countersign/mcp"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// parts is what an app is built from; serve and demo choose them differently.
type parts struct {
	baseURL   string
	secret    string // signs sessions and forms
	database  string
	catalog   *billing.Catalog
	processor billing.Processor // nil without Stripe
	verify    func(body []byte, header string) (billing.Event, error)
	mailer    billing.Mailer // nil: nobody is mailed
	host      *hook          // nil: the host application is not told
	operators []string       // who may sign in at /admin
	grace     *time.Duration // of past-due subscriptions; nil: the default
	clock     billing.Clock  // nil: the real one, and the database's own
	proxies   []netip.Prefix // whose X-Forwarded-For is believed
	oauth     *web.OAuth     // nil: no access tokens
	metrics   string         // token for /metrics
	targets   []string       // origins that forms may lead to
	mailbox   func(context.Context) (views.MailboxPage, error)
	mailHTML  func(id string) (string, bool)
	sandbox   string // address of the sandbox's page, in demo
	record    bool   // the database's statements onto tapes, in bench
	log       *slog.Logger
}

// app is the running product.
type app struct {
	store    *db.Store
	service  *billing.Service
	handler  http.Handler
	log      *slog.Logger
	draining atomic.Bool
}

// syncsAtOnce is enough to read as fast as Stripe allows, which takes a quarter of
// a second for a read, and few enough that a person's read soon has its turn.
const syncsAtOnce = 24

func build(ctx context.Context, p parts) (*app, error) {
	base, err := url.Parse(p.baseURL)
	if err != nil {
		return nil, fmt.Errorf("base URL: %w", err)
	}
	wall := billing.ClockFunc(time.Now)
	opts := db.Options{Log: p.log, Record: p.record}
	if p.clock == nil {
		p.clock = wall
	} else {
		opts.Clock = p.clock.Now
	}
	store, err := db.Open(ctx, p.database, opts)
	if err != nil {
		return nil, err
	}
	a := &app{store: store, log: p.log}
	c := billing.Config{
		Store: store, Processor: p.processor, Notifier: store, Mailer: p.mailer, Catalog: p.catalog,
		Syncs: syncsAtOnce, Clock: p.clock, Wall: wall, BaseURL: p.baseURL, Operators: p.operators, PastDueGrace: p.grace, SealKey: derive(p.secret, "quotes and forms"), Log: p.log,
	}
	if p.host != nil {
		c.Deliverer = p.host
	}
	a.service = billing.New(c)
	inside := &mcp.Local{}
	tools := mcp.New(version, func(h http.Header) *api.Client {
		return &api.Client{BaseURL: p.baseURL, Key: mcp.Bearer(h), HTTP: &http.Client{Transport: inside}}
	})
	a.handler = handlers.New(handlers.Config{
		Tools: mcp.Handler(tools, p.log), Service: a.service, BaseURL: base, SessionKey: derive(p.secret, "session cookie"), Clock: wall, Log: p.log,
		VerifyWebhook: p.verify, FormTargets: p.targets, TrustedProxies: p.proxies, MetricsToken: p.metrics, OAuth: p.oauth, Ready: a.ready, Mailbox: p.mailbox, MailHTML: p.mailHTML, SandboxURL: p.sandbox,
	})
	inside.Handler = a.handler
	return a, nil
}

// derive makes a key for one purpose from the configured secret.
func derive(secret, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "countersign/"+purpose, sha256.Size)
	if err != nil {
		panic(err) // only for lengths that SHA-256 cannot make
	}
	return key
}

var errDraining = errors.New("shutting down")

// ready reports whether this replica wants requests.
func (a *app) ready(ctx context.Context) error {
	if a.draining.Load() {
		return errDraining
	}
	return a.service.Ready(ctx)
}

// The times of the server. A decision may wait for Stripe and a poll for a
// decision; both stay below writeTimeout.
const (
	headerTimeout   = 5 * time.Second
	readTimeout     = 15 * time.Second
	writeTimeout    = 40 * time.Second
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 30 * time.Second
	maxHeaderBytes  = 16 << 10
)

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// run serves until ctx ends: then it says so on /readyz, waits for the load
// balancer to notice, and lets the requests that are under way finish.
func (a *app) run(ctx context.Context, l net.Listener, drain time.Duration) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	worker := make(chan struct{})
	go func() { defer close(worker); a.service.Run(background) }()
	defer func() { stop(); <-worker }()

	srv := newServer(a.handler, a.log)
	srv.ConnContext = web.ConnContext
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(web.Whole(l)) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	a.draining.Store(true)
	a.service.Drain()
	<-time.After(drain)
	late, cancel := context.WithTimeout(background, shutdownTimeout)
	defer cancel()
	return srv.Shutdown(late)
}
