// Package payments is billing.Processor over Stripe: it reads what Stripe says
// about a customer (Project), asks what a change would cost (Quote), carries out
// orders (Apply) and verifies webhooks.
//
// It owns every Stripe name and rule that the product depends on, API version
// 2023-10-16. It decides nothing about consent, keeps nothing but a cache of
// price ids, and repeats no call by itself: whether to try again is for the one
// who knows what the call was for. (net/http repeats a call when a kept
// connection turns out to be dead; all of ours carry an idempotency key.)
package payments

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stripe/stripe-go/v76"
	portal "github.com/stripe/stripe-go/v76/billingportal/session"
	checkout "github.com/stripe/stripe-go/v76/checkout/session"
	"github.com/stripe/stripe-go/v76/customer"
	"github.com/stripe/stripe-go/v76/customerbalancetransaction"
	"github.com/stripe/stripe-go/v76/event"
	"github.com/stripe/stripe-go/v76/invoice"
	"github.com/stripe/stripe-go/v76/price"
	"github.com/stripe/stripe-go/v76/product"
	"github.com/stripe/stripe-go/v76/refund"
	"github.com/stripe/stripe-go/v76/subscription"
	"github.com/stripe/stripe-go/v76/subscriptionschedule"
	"github.com/stripe/stripe-go/v76/webhookendpoint"
	"golang.org/x/time/rate"

	"github.com/countersignhq/countersign/billing"
)

// DefaultTimeout bounds one call of Stripe, from connecting to the last byte.
const DefaultTimeout = 20 * time.Second

// readTimeout bounds a call that changes nothing. It is shorter: a press on a
// page may read twice before it is answered, and the server's own answer has a
// limit, too. Whoever reads can try again; only a change is worth waiting for.
const readTimeout = 8 * time.Second

// Options are the parts of a Client.
type Options struct {
	SecretKey  string           // sk_… or rk_…
	APIBase    string           // empty: Stripe's own
	Catalog    *billing.Catalog // what the prices mean
	HTTPClient *http.Client     // nil: one of its own
	Backend    stripe.Backend   // nil: stripe-go's own, with HTTPClient
	Timeout    time.Duration    // of one call; 0: DefaultTimeout
	Log        *slog.Logger     // nil: none
	Clock      billing.Clock    // how long a found price is believed; nil: the system's
	// ReadsPerSecond is how many reads are made in a second at most; 0: any number.
	// Stripe allows an account 100, and 25 with test keys. A read waits for its turn.
	ReadsPerSecond int
	// OneByOne makes every call on the caller's own goroutine, one after the other,
	// for a caller to whom their order matters.
	OneByOne bool
}

// Client speaks to one Stripe account. It is safe for concurrent use.
type Client struct {
	catalog *billing.Catalog
	log     *slog.Logger
	clock   billing.Clock
	// oneByOne: see Options.
	oneByOne bool

	customers     customer.Client
	subscriptions subscription.Client
	schedules     subscriptionschedule.Client
	invoices      invoice.Client
	refunds       refund.Client
	balances      customerbalancetransaction.Client
	prices        price.Client
	products      product.Client
	checkouts     checkout.Client
	portals       portal.Client
	events        event.Client
	endpoints     webhookendpoint.Client

	mu         sync.Mutex
	priceCache map[string]cachedPrice // by lookup key
}

var _ billing.Processor = (*Client)(nil)

// New returns a Client. It makes no call; the error is that of CheckConfig or of
// a missing catalogue.
func New(o Options) (*Client, error) {
	if _, err := CheckConfig(o.SecretKey, o.APIBase); err != nil {
		return nil, err
	}
	if o.Catalog == nil {
		return nil, errors.New("payments: no catalogue")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	b, key := newBackend(o), o.SecretKey
	if o.Clock == nil {
		o.Clock = billing.ClockFunc(time.Now)
	}
	return &Client{
		catalog:       o.Catalog,
		log:           o.Log,
		clock:         o.Clock,
		oneByOne:      o.OneByOne,
		customers:     customer.Client{B: b, Key: key},
		subscriptions: subscription.Client{B: b, Key: key},
		schedules:     subscriptionschedule.Client{B: b, Key: key},
		invoices:      invoice.Client{B: b, Key: key},
		refunds:       refund.Client{B: b, Key: key},
		balances:      customerbalancetransaction.Client{B: b, Key: key},
		prices:        price.Client{B: b, Key: key},
		products:      product.Client{B: b, Key: key},
		checkouts:     checkout.Client{B: b, Key: key},
		portals:       portal.Client{B: b, Key: key},
		events:        event.Client{B: b, Key: key},
		endpoints:     webhookendpoint.Client{B: b, Key: key},
		priceCache:    map[string]cachedPrice{},
	}, nil
}

// newBackend configures stripe-go without touching its globals.
func newBackend(o Options) stripe.Backend {
	if o.Backend != nil {
		return o.Backend
	}
	base := o.APIBase
	if base == "" {
		base = stripe.APIURL
	}
	return stripe.GetBackendWithConfig(stripe.APIBackend, &stripe.BackendConfig{
		URL:               stripe.String(base),
		HTTPClient:        httpClient(o),
		LeveledLogger:     logger{o.Log},
		MaxNetworkRetries: stripe.Int64(0), // an intent decides whether to repeat
		EnableTelemetry:   stripe.Bool(false),
	})
}

func httpClient(o Options) *http.Client {
	c := http.Client{}
	if o.HTTPClient != nil {
		c = *o.HTTPClient
	}
	if c.Timeout = o.Timeout; c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	next := c.Transport
	if next == nil {
		own := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // documented
		own.MaxIdleConnsPerHost = own.MaxIdleConns             // all of them go to Stripe
		next = own
	}
	t := transport{next: next}
	if o.ReadsPerSecond > 0 {
		t.reads = rate.NewLimiter(rate.Limit(o.ReadsPerSecond), max(1, o.ReadsPerSecond/10))
	}
	c.Transport = t
	return &c
}

// transport says who is calling and keeps to itself where: stripe-go's own
// header carries the output of "uname -a". (stripe.SetAppInfo would be global.)
type transport struct {
	next  http.RoundTripper
	reads *rate.Limiter // nil: no limit
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.reads != nil && r.Method == http.MethodGet {
		if err := t.reads.Wait(r.Context()); err != nil {
			return nil, err
		}
	}
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", r.Header.Get("User-Agent")+" Countersign (https://github.com/countersignhq/countersign)")
	r.Header.Set("X-Stripe-Client-User-Agent", `{"lang":"go","publisher":"stripe","application":{"name":"Countersign"}}`)
	if r.Method != http.MethodGet {
		return t.next.RoundTrip(r)
	}
	ctx, cancel := context.WithTimeout(r.Context(), readTimeout)
	res, err := t.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	res.Body = bounded{res.Body, cancel}
	return res, nil
}

// bounded is a body whose time ends when it is closed.
type bounded struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b bounded) Close() error {
	defer b.cancel()
	return b.ReadCloser.Close()
}

// CheckConfig reports whether the secret key can be one and whether it moves
// real money. The error is a sentence for the operator and does not show the key.
func CheckConfig(secretKey, apiBase string) (live bool, err error) {
	switch {
	case secretKey == "":
		return false, errors.New("the Stripe secret key is empty")
	case strings.ContainsFunc(secretKey, notKeyChar):
		return false, errors.New("the Stripe secret key contains a space or another character that no key has")
	case strings.HasPrefix(secretKey, "pk_"):
		return false, errors.New("this is Stripe's publishable key (pk_…); the secret key (sk_… or rk_…) is needed")
	case strings.HasPrefix(secretKey, "whsec_"):
		return false, errors.New("this is a webhook's signing secret (whsec_…); the secret key (sk_… or rk_…) is needed")
	}
	mode, secret, ok := splitKey(secretKey)
	if !ok || secret == "" {
		return false, errors.New("the Stripe secret key has to begin with sk_test_, sk_live_, rk_test_ or rk_live_")
	}
	live = mode == "live"
	if live && apiBase != "" && strings.TrimSuffix(apiBase, "/") != stripe.APIURL {
		return true, errors.New("a live key is never sent anywhere but to Stripe itself: remove the API base, or use a test key")
	}
	return live, nil
}

// splitKey takes sk_test_abc apart.
func splitKey(key string) (mode, secret string, ok bool) {
	kind, rest, ok1 := strings.Cut(key, "_")
	mode, secret, ok2 := strings.Cut(rest, "_")
	ok = ok1 && ok2 && (kind == "sk" || kind == "rk") && (mode == "test" || mode == "live")
	return mode, secret, ok
}

func notKeyChar(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

// params are the common parameters of a call; key is the idempotency key of a
// mutating one.
func params(ctx context.Context, key string) stripe.Params {
	p := stripe.Params{Context: ctx}
	if key != "" {
		p.IdempotencyKey = stripe.String(key)
	}
	return p
}

// unix converts one of Stripe's timestamps; 0 is no time.
func unix(s int64) time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}
