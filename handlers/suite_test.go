package handlers_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/handlers"
	"github.com/countersignhq/countersign/mcp"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/web"
)

const (
	visa         = "pm_card_visa"
	declinesNext = "pm_card_chargeCustomerFail"
	asksBank     = "pm_card_authenticationRequired"
	cookieKey    = "a key of at least thirty-two bytes!"
)

// site is the whole product behind a real listener. What it says is held
// against the OpenAPI description, and when the test is over, no secret that
// went through it may be in its log or its database.
type site struct {
	*worldtest.World
	t       *testing.T
	url     string // of the listener; the product believes to be at BaseURL
	routes  []web.Route
	secrets secrets
}

// lasting is a test whose context outlives it, for what is read in Cleanup.
type lasting struct{ testing.TB }

func (lasting) Context() context.Context { return context.Background() }

// behind configures the proxies in front.
func behind(proxies string) func(*handlers.Config) {
	return func(c *handlers.Config) {
		var err error
		if c.TrustedProxies, err = web.ParseNetworks(proxies); err != nil {
			panic(err)
		}
	}
}

func newSite(t *testing.T, o worldtest.Options, configure ...func(*handlers.Config)) *site {
	t.Helper()
	o.OnDisk = !o.Postgres // for dumps
	s := &site{World: worldtest.New(lasting{t}, o), t: t}
	now := billing.ClockFunc(s.Box.Now)
	config := handlers.Config{
		Service: s.Service, BaseURL: parsed(t, s.BaseURL), SessionKey: []byte(cookieKey), Clock: now, Ready: s.Service.Ready,
		Log:         slog.New(slog.NewJSONHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		FormTargets: []string{"https://checkout.stripe.com", "https://billing.stripe.com"},
	}
	if !o.NoStripe {
		config.VerifyWebhook = func(body []byte, signature string) (billing.Event, error) {
			return payments.VerifyWebhook(body, signature, []string{worldtest.WebhookSecret}, s.Box.Now(), false)
		}
	}
	inside := &mcp.Local{}
	config.Tools = mcp.Handler(mcp.New("test", func(h http.Header) *api.Client {
		return &api.Client{BaseURL: s.BaseURL, Key: mcp.Bearer(h), HTTP: &http.Client{Transport: inside}}
	}), config.Log)
	for _, f := range configure {
		f(&config)
	}
	h := handlers.New(config)
	inside.Handler = h
	s.routes = h.(interface{ Routes() []web.Route }).Routes()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(s.Log, nil), slog.LevelWarn)
	server.Start()
	s.url = server.URL
	t.Cleanup(func() {
		server.Close()
		s.keptSecrets()
	})
	return s
}

func parsed(t testing.TB, raw string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// caller is who makes a call: with a key, with a session's token, or nobody.
type caller struct{ name, key, session string }

// people are an org's callers.
type people struct {
	worldtest.Cast
	owner, admin, member, tool, agent, other caller
}

func (s *site) people(name, plan, card string) people {
	s.t.Helper()
	c := s.NewCast(name, plan, card)
	p := people{
		Cast: c, owner: caller{"owner", "", c.OwnerCookie}, admin: caller{"admin", "", c.AdminCookie}, member: caller{"member", "", c.MemberCookie},
		tool: caller{"tool", c.OwnerToken, ""}, agent: caller{"agent", c.AgentKey, ""}, other: caller{"other", c.OtherKey, ""},
	}
	s.secrets.add(c.OwnerCookie, c.AdminCookie, c.MemberCookie, c.OwnerToken, c.AgentKey, c.OtherKey)
	return p
}

// key issues a key of the org.
func (s *site) key(n billing.NewKey) caller {
	s.t.Helper()
	_, secret := s.Key(n)
	s.secrets.add(secret)
	return caller{n.Name, secret, ""}
}

// signIn gives a person a role and a new session.
func (s *site) signIn(org billing.Org, email string, role billing.Role) caller {
	s.t.Helper()
	_, session := s.Person(org, email, role)
	s.secrets.add(session)
	return caller{email, "", session}
}

var nobody = caller{name: "nobody"}

// call is one request. An empty value in header takes a header away that would
// be sent otherwise.
type call struct {
	as           caller
	method, path string
	kind, body   string
	header       map[string]string
	mayFail      bool // a 5xx is what the test is about
}

type answer struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	body   string
}

// client neither follows redirects nor keeps cookies: tests say both.
func newClient() *http.Client {
	return &http.Client{
		Timeout:       40 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var client = newClient()

const (
	jsonKind = "application/json"
	formKind = "application/x-www-form-urlencoded"

	eventKind = "text/event-stream"
)

func (s *site) request(c call) *http.Request {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), c.method, s.url+c.path, strings.NewReader(c.body))
	if err != nil {
		s.t.Fatal(err)
	}
	if c.kind != "" {
		req.Header.Set("Content-Type", c.kind)
	}
	if c.as.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.as.key)
	}
	if c.as.session != "" {
		cookieOf := web.SessionCookie
		if strings.HasPrefix(c.as.session, "cos_") {
			cookieOf = web.OperatorCookie
		}
		cookie, err := cookieOf(parsed(s.t, s.BaseURL), []byte(cookieKey), c.as.session)
		if err != nil {
			s.t.Fatal(err)
		}
		s.secrets.add(c.as.session, cookie.Value)
		req.AddCookie(cookie)
	}
	if c.method != http.MethodGet && (c.as.session != "" || c.kind == formKind) {
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, value := range c.header {
		if value == "" {
			req.Header.Del(name)
			continue
		}
		req.Header.Set(name, value)
	}
	return req
}

func (s *site) do(c call) answer {
	s.t.Helper()
	res, err := client.Do(s.request(c))
	if err != nil {
		s.t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	defer func() { _ = res.Body.Close() }()
	all := io.Reader(res.Body)
	if res.Header.Get("Content-Type") == eventKind { // it does not end
		all = io.LimitReader(all, int64(len("retry: ")))
	}
	body, err := io.ReadAll(all)
	if err != nil {
		s.t.Fatalf("%s %s: %v", c.method, c.path, err)
	}
	what, _, _ := strings.Cut(c.path, "?")
	a := answer{s.t, c.method + " " + what + " by " + c.as.name, res.StatusCode, res.Header, string(body)}
	s.seen(a)
	if a.status >= 500 && !c.mayFail {
		s.t.Errorf("%s: %d %s", a.what, a.status, a.body)
	}
	contract().check(s.t, c, a)
	return a
}

// seen remembers the secrets that an answer handed out.
func (s *site) seen(a answer) {
	for _, c := range (&http.Response{Header: a.header}).Cookies() {
		s.secrets.add(c.Value)
	}
	if strings.HasPrefix(a.header.Get("Content-Type"), jsonKind) {
		var chat struct {
			Token string `json:"confirm_token"`
		}
		if json.Unmarshal([]byte(a.body), &chat) == nil {
			s.secrets.add(chat.Token)
		}
	}
	if a.header.Get("X-Request-Id") == "" {
		s.t.Errorf("%s: no X-Request-Id", a.what)
	}
}

func (s *site) get(as caller, path string) answer {
	s.t.Helper()
	return s.do(call{as: as, method: http.MethodGet, path: path})
}

func (s *site) post(as caller, path, body string) answer {
	s.t.Helper()
	return s.do(call{as: as, method: http.MethodPost, path: path, kind: jsonKind, body: body})
}

func (s *site) submit(as caller, path string, fields url.Values) answer {
	s.t.Helper()
	return s.do(call{as: as, method: http.MethodPost, path: path, kind: formKind, body: fields.Encode()})
}

// ask is an agent's first call on the web; it returns the request's id.
func (s *site) ask(as caller, plan string) string {
	s.t.Helper()
	return s.post(as, "/api/billing/upgrade", `{"plan":"`+plan+`","mode":"web"}`).is(200, "web-approve-required").text("request")
}

// token is an agent's first call in chat; it returns the confirm_token.
func (s *site) token(as caller, plan string) string {
	s.t.Helper()
	return s.post(as, "/api/billing/upgrade", `{"plan":"`+plan+`"}`).is(200, "confirmation_required").text("confirm_token")
}

// confirm is an agent's second call in chat.
func (s *site) confirm(as caller, token string) answer {
	s.t.Helper()
	return s.post(as, "/api/billing/upgrade", `{"confirm_token":"`+token+`"}`)
}

// unchanged returns a check that nothing was written since.
func (s *site) unchanged() func(what string) {
	s.t.Helper()
	before := s.Dump()
	return func(what string) {
		s.t.Helper()
		if after := s.Dump(); after != before {
			s.t.Errorf("%s has written:\n%s", what, difference(before, after))
		}
	}
}

func difference(before, after string) string {
	old := map[string]bool{}
	for l := range strings.Lines(before) {
		old[l] = true
	}
	var out strings.Builder
	for l := range strings.Lines(after) {
		if !old[l] {
			out.WriteString("+ " + l)
		}
	}
	return out.String()
}

// paid counts what the org was charged in full; the plan is Stripe's.
func (s *site) paid(p people) (n int, total int64) { return s.Paid(p.Customer) }
