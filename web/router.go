package web

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/a-h/templ"
	"github.com/gorilla/sessions"

	"github.com/countersignhq/countersign/billing"
)

// Access tells who is behind a credential. *billing.Service does.
type Access interface {
	// Session and Authenticate answer billing.ErrUnauthorized for a token or key
	// that is not valid.
	Session(ctx context.Context, token string) (billing.Principal, error)
	Authenticate(ctx context.Context, key string) (billing.Principal, error)
	// SessionOverview and AuthenticateOverview read the org's overview as well.
	SessionOverview(ctx context.Context, token string) (billing.Principal, error)
	// SessionRecent reads what is new in the org as well.
	SessionRecent(ctx context.Context, token string, most billing.RecentLimits) (billing.Principal, error)
	// Glance is SessionRecent, and no use of the session.
	Glance(ctx context.Context, token string, most billing.RecentLimits) (billing.Principal, error)
	AuthenticateOverview(ctx context.Context, key string) (billing.Principal, error)
	// FormToken is bound to the caller's session and to a purpose.
	FormToken(p billing.Principal, purpose string) string
	CheckFormToken(p billing.Principal, purpose, token string) bool
	// OAuthAgent answers billing.ErrUnauthorized for a token that stands for nobody.
	OAuthAgent(ctx context.Context, t billing.OAuthToken) (billing.Principal, error)
}

// Config is what a Router needs. FormTargets and
// TrustedProxies may be empty.
type Config struct {
	BaseURL    *url.URL // public address of the server; the Host header is never believed
	SessionKey []byte   // signs the session cookie
	Access     Access
	Replays    Replays
	OAuth      *OAuth // nil: no access tokens are taken
	Clock      billing.Clock
	Log        *slog.Logger
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// FormTargets are origins, besides our own, that the answer to a form may
	// redirect to: Stripe's Checkout and portal.
	FormTargets []string
	// ErrorPage draws a failure for a person.
	ErrorPage func(r *Request, p Problem) templ.Component
	// Home is the page for people whose own page cannot be shown again after
	// signing in. Login is where they sign in.
	Home, Login string
	// Operators knows the operators, who sign in at AdminLogin; nil: there are none.
	Operators  OperatorAccess
	AdminLogin string
}

// Handler answers one request. An error that it returns is answered by the
// Router; a handler that has answered returns nil.
type Handler func(r *Request) error

// Route is one line of the route table.
type Route struct {
	Method, Path string
	Door         Door
}

// Door says who a route is for.
type Door string

// The doors.
const (
	DoorPage    Door = "page"    // people, signed in
	DoorOpen    Door = "open"    // people, signed in or not
	DoorAPI     Door = "api"     // every kind of principal
	DoorMachine Door = "machine" // nobody in particular: health, files, webhooks
	DoorTools   Door = "tools"   // keys and tokens, in a protocol of its own
	DoorStream  Door = "stream"  // people, signed in: the events of their pages
)

// Router dispatches requests to handlers through the door they were registered
// with. Register everything before serving.
type Router struct {
	cfg     Config
	mux     *http.ServeMux
	routes  []Route
	headers http.Header // on every answer but those to the host application
	bare    http.Header // on those
	lost    [2]entry    // where no route is found: for people and for programs
	guard   *http.CrossOriginProtection
	cookies *sessions.CookieStore
	writes  *Limiter
	costly  *Limiter                // calls that make us call Stripe
	streams *streams                // that are open
	looks   chan struct{}           // a place for each of them that reads
	counts  map[string]*routeCounts // by pattern; complete before serving
	entries map[string]*entry       // so are these
	buffers sync.Pool
}

// writesPerMinute bounds the changes of one credential or session.
const writesPerMinute = 300

// costlyPerMinute bounds those of its calls that make us call Stripe.
const costlyPerMinute = 60

// NewRouter returns a Router without routes. It panics if the base URL is not
// an absolute one.
func NewRouter(cfg Config) *Router {
	guard := http.NewCrossOriginProtection()
	// Behind a proxy the Host header may be another one than the browser used.
	if err := guard.AddTrustedOrigin(cfg.BaseURL.Scheme + "://" + cfg.BaseURL.Host); err != nil {
		panic("web: base URL: " + err.Error())
	}
	rt := &Router{
		cfg:     cfg,
		mux:     http.NewServeMux(),
		headers: securityHeaders(cfg.BaseURL.Scheme == "https", cfg.FormTargets),
		bare:    bareHeaders(cfg.BaseURL.Scheme == "https"),
		guard:   guard,
		cookies: newCookies(cfg.SessionKey, cfg.BaseURL.Scheme == "https"),
		writes:  NewLimiter(writesPerMinute, time.Minute),
		costly:  NewLimiter(costlyPerMinute, time.Minute),
		streams: newStreams(maxStreams),
		looks:   make(chan struct{}, looksAtOnce),
		counts:  map[string]*routeCounts{noRoute: {}},
		entries: map[string]*entry{},
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
	}
	for i := range rt.lost {
		rt.lost[i] = rt.entry("", rt.counts[noRoute], i == 1, rt.headers, rt.unmatched)
	}
	return rt
}

// entry is what is known of a route before a request comes.
type entry struct {
	json    bool // how failures are written
	headers http.Header
	counts  *routeCounts
	log     slog.Handler // knows the route
	quiet   bool         // only failures are logged
	handler Handler
}

func (rt *Router) entry(pattern string, counts *routeCounts, json bool, headers http.Header, h Handler) entry {
	return entry{
		json: json, headers: headers, counts: counts, handler: h,
		log: rt.cfg.Log.Handler().WithAttrs([]slog.Attr{slog.String("route", pattern)}),
	}
}

// Routes returns the table of everything that was registered.
func (rt *Router) Routes() []Route { return rt.routes }

// Page registers a page for people who are signed in; others are sent to sign
// in and come back.
func (rt *Router) Page(path string, h Handler) {
	rt.add(DoorPage, http.MethodGet, path, signedIn(h))
}

// OverviewPage is Page for one that needs the org's overview: it is read in one
// statement with the session.
func (rt *Router) OverviewPage(path string, h Handler) {
	rt.add(DoorPage, http.MethodGet, path, overview(signedIn(h)))
}

// RecentPage is OverviewPage for one that also lists what is new in the org.
func (rt *Router) RecentPage(path string, most billing.RecentLimits, h Handler) {
	h = signedIn(h)
	rt.add(DoorPage, http.MethodGet, path, func(r *Request) error {
		r.recent = &most
		return h(r)
	})
}

// OpenPage registers a page that has something to show to everybody. The
// Principal is zero for those who are not signed in.
func (rt *Router) OpenPage(path string, h Handler) {
	rt.add(DoorOpen, http.MethodGet, path, visitor(h))
}

// Form registers what a form on a page posts to: for people who are signed in,
// same-origin only, and with the form token for the purpose.
func (rt *Router) Form(path string, purpose Purpose, h Handler) {
	rt.add(DoorPage, http.MethodPost, path, sameOrigin(signedIn(limited(tokened(purpose, h)))))
}

// OpenForm registers a form for people who are not signed in yet, who have no
// session that a token could be bound to. It is same-origin only.
func (rt *Router) OpenForm(path string, h Handler) {
	rt.add(DoorOpen, http.MethodPost, path, sameOrigin(visitor(parsed(h))))
}

// API registers a call for programs, and for scripts on our own pages. need
// decides who may; query names the parameters that may be in the URL.
func (rt *Router) API(method, path string, need Need, h Handler, query ...string) {
	h = only(query, h)
	if method != http.MethodGet {
		h = limited(keyed(h))
	}
	rt.add(DoorAPI, method, path, caller(need, h))
}

// Overview registers a call that reads, and needs the org's overview: it is read
// in one statement with the key.
func (rt *Router) Overview(path string, need Need, h Handler, query ...string) {
	rt.add(DoorAPI, http.MethodGet, path, overview(caller(need, only(query, h))))
}

// Host registers a call for the host application, which makes them for all its
// customers at once: the limit on one caller's changes is not for it.
func (rt *Router) Host(method, path string, h Handler, query ...string) {
	h = only(query, h)
	if method != http.MethodGet {
		h = keyed(h)
	}
	rt.register(DoorAPI, method, path, rt.bare, caller(Host, h))
}

// Tools registers the address of a protocol that makes calls of this API with
// the caller's own key or token, and reads no cookie. A browser on a page of
// another site is refused, key or not. h answers by itself.
func (rt *Router) Tools(path string, h http.Handler) {
	rt.add(DoorTools, http.MethodPost, path, overview(byKey(func(r *Request) error {
		if err := r.noForeignPage(); err != nil {
			return err
		}
		r.Body = http.MaxBytesReader(r.w, r.Body, maxBody)
		h.ServeHTTP(r.w, r.forTools())
		return nil
	})))
}

// Open registers a document that everybody may read.
func (rt *Router) Open(path string, h Handler) {
	rt.add(DoorMachine, http.MethodGet, path, h)
}

// Webhook registers a POST whose body carries the proof of where it is from.
func (rt *Router) Webhook(path string, h Handler) {
	rt.add(DoorMachine, http.MethodPost, path, h)
}

// Files registers a handler for the files directly below prefix, which ends in
// a slash.
func (rt *Router) Files(prefix string, files http.Handler) {
	rt.add(DoorMachine, http.MethodGet, prefix+"{file}", func(r *Request) error {
		files.ServeHTTP(r.w, r.Request)
		return nil
	})
}

func (rt *Router) add(door Door, method, path string, h Handler) {
	rt.register(door, method, path, rt.headers, h)
}

func (rt *Router) register(door Door, method, path string, headers http.Header, h Handler) {
	pattern, counts := method+" "+path, &routeCounts{}
	rt.counts[pattern] = counts
	rt.routes = append(rt.routes, Route{Method: method, Path: path, Door: door})
	to := rt.entry(pattern, counts, door != DoorPage && door != DoorOpen && door != DoorAdmin, headers, h)
	rt.entries[pattern] = &to
	rt.mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) { rt.serve(w, req, &to) })
}

// Quiet says of routes, by their patterns, that they are asked all the time and
// change nothing: they are counted like all, and only failures have a line in the
// log. It panics if there is no such route.
func (rt *Router) Quiet(patterns ...string) {
	for _, p := range patterns {
		rt.entries[p].quiet = true
	}
}

// ServeHTTP finds the route. Paths that are not in their canonical form are
// unknown: a redirect would only make them look right. Only where there are
// values in the path is the mux asked again, to fill them in.
func (rt *Router) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.URL.Path == path.Clean(req.URL.Path) {
		h, pattern := rt.mux.Handler(req)
		if strings.Contains(pattern, "{") {
			h = rt.mux
		}
		if req.Pattern = pattern; pattern != "" {
			h.ServeHTTP(w, req)
			return
		}
	}
	to := &rt.lost[0]
	if isAPI(req.URL.Path) {
		to = &rt.lost[1]
	}
	rt.serve(w, req, to)
}

// unmatched answers 405 where the path is known for another method, else 404.
func (rt *Router) unmatched(r *Request) error {
	if r.URL.Path != path.Clean(r.URL.Path) {
		return billing.ErrNotFound
	}
	if allow := rt.allowed(r.URL); allow != "" {
		r.w.Header().Set("Allow", allow)
		return errMethod
	}
	return billing.ErrNotFound
}

// allowed lists the methods that the address has a route for.
func (rt *Router) allowed(u *url.URL) string {
	var methods []string
	for _, m := range []string{"GET", "HEAD", "POST", "PUT", "DELETE"} {
		if rt.has(m, u) {
			methods = append(methods, m)
		}
	}
	return strings.Join(methods, ", ")
}

func (rt *Router) has(method string, u *url.URL) bool {
	_, pattern := rt.mux.Handler(&http.Request{Method: method, URL: u})
	return pattern != ""
}

// isAPI reports whether an unknown path is one that a program would call.
func isAPI(p string) bool {
	for _, prefix := range []string{"/api", "/v1", "/mcp", "/stripe", "/openapi.json", "/llms.txt", "/metrics", "/.well-known"} {
		if p == prefix || strings.HasPrefix(p, prefix+"/") {
			return true
		}
	}
	return false
}
