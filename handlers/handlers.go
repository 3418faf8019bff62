package handlers

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// Config is what the handlers are built from.
type Config struct {
	Service    *billing.Service
	BaseURL    *url.URL      // public address, without a path
	SessionKey []byte        // ≥ 32 bytes; signs the session cookie
	Clock      billing.Clock // the clock on the wall, for limits and the log
	Log        *slog.Logger
	// VerifyWebhook checks the signature of a webhook and reads what happened.
	// nil: payments are not configured, and webhooks are refused.
	VerifyWebhook func(body []byte, signature string) (billing.Event, error)
	// TrustedProxies are the networks whose word about who calls is believed.
	TrustedProxies []netip.Prefix
	// OAuth checks access tokens; nil: none are taken.
	OAuth *web.OAuth
	// MetricsToken lets a monitor read /metrics; empty: nobody.
	MetricsToken string
	// FormTargets are origins that the answer to a form may lead to.
	FormTargets []string
	// Ready reports whether this replica wants requests.
	Ready func(context.Context) error
	// Mailbox is the demo's mailbox page; nil in production.
	Mailbox func(context.Context) (views.MailboxPage, error)
	// MailHTML is a mail of it as a mail program shows it.
	MailHTML func(id string) (string, bool)
	// Tools speaks the Model Context Protocol; nil: nobody does.
	Tools http.Handler
	// SandboxURL is the page of the Stripe sandbox; empty in production.
	SandboxURL string
}

// PathStripe is where Stripe sends its events.
const PathStripe = "/stripe/webhook"

// Limits of what sends mail.
const (
	sendsPerRequest = 2
	linksPerEmail   = 5
	linksPerNetwork = 20
	linksWindow     = time.Hour
)

type handlers struct {
	Config
	byEmail, byNetwork *web.Limiter
	sends              *web.Limiter // of one request to its owners
	locales            views.Locales
}

// New returns the whole server: every page and every call.
func New(c Config) http.Handler { return newRouter(c) }

func newRouter(c Config) *web.Router {
	h := &handlers{
		Config:    c,
		byEmail:   web.NewLimiter(linksPerEmail, linksWindow),
		byNetwork: web.NewLimiter(linksPerNetwork, linksWindow),
		sends:     web.NewLimiter(sendsPerRequest, linksWindow),
	}
	rt := web.NewRouter(web.Config{
		BaseURL: c.BaseURL, SessionKey: c.SessionKey, Access: c.Service, Replays: c.Service, OAuth: c.OAuth, Clock: c.Clock, Log: c.Log,
		FormTargets: c.FormTargets, TrustedProxies: c.TrustedProxies, ErrorPage: h.errorPage, Home: pathBilling, Login: pathLogin,
		Operators: c.Service, AdminLogin: pathAdminLogin,
	})
	h.routes(rt)
	return rt
}
