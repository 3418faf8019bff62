package mcp_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/handlers"
	"github.com/countersignhq/countersign/mcp"
)

const (
	visa    = "pm_card_visa"
	newest  = "2026-07-28"
	session = "2025-11-25"
	oldest  = "2025-06-18"
)

// site is the whole product behind a real listener, with its tools.
type site struct {
	*worldtest.World
	t       testing.TB
	url     string
	secrets []string
	polls   atomic.Int64 // of requests' states
}

func newSite(t testing.TB, o worldtest.Options, configure ...func(*handlers.Config)) *site {
	t.Helper()
	s := &site{World: worldtest.New(t, o), t: t}
	base, err := url.Parse(s.BaseURL)
	s.ok(err)
	log := slog.New(slog.NewJSONHandler(s.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	inside := &mcp.Local{}
	server := mcp.New("test", func(h http.Header) *api.Client {
		return &api.Client{BaseURL: s.BaseURL, Key: mcp.Bearer(h), HTTP: &http.Client{Transport: inside}}
	})
	config := handlers.Config{
		Service: s.Service, BaseURL: base, SessionKey: []byte(worldtest.SealKey), Clock: billing.ClockFunc(s.Box.Now), Ready: s.Service.Ready,
		Log: log, Tools: mcp.Handler(server, log),
	}
	for _, f := range configure {
		f(&config)
	}
	product := handlers.New(config)
	inside.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/web-approve/status" {
			s.polls.Add(1)
		}
		product.ServeHTTP(w, r)
	})
	listener := httptest.NewServer(inside.Handler)
	s.url = listener.URL
	t.Cleanup(func() {
		listener.Close()
		for _, secret := range s.secrets {
			if strings.Contains(s.Log.String(), secret) {
				t.Errorf("a secret is in the log: %.8s…", secret)
			}
		}
	})
	return s
}

func (s *site) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) cast(name, plan string) worldtest.Cast {
	s.t.Helper()
	c := s.NewCast(name, plan, visa)
	s.secrets = append(s.secrets, c.AgentKey, c.OtherKey, c.OwnerToken, c.OwnerCookie)
	return c
}

// decide is a person's press.
func (s *site) decide(owner billing.Principal, request string, approve bool) {
	r, err := s.Service.OpenRequest(context.Background(), owner, request)
	if err == nil {
		v := billing.Verdict{Reason: "too_expensive", Note: "ask in March"}
		if approve {
			v = billing.Verdict{Approve: true, OpDigest: r.OpDigest, Sealed: r.Sealed}
		}
		_, err = s.Service.Decide(context.Background(), owner, request, v)
	}
	if err != nil {
		s.t.Error(err)
	}
}

// keyed sends a key with every request.
type keyed struct{ key string }

func (k keyed) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+k.key)
	return http.DefaultTransport.RoundTrip(r)
}

// user is what a client does with what it is asked.
type user struct {
	caps   *sdk.ClientCapabilities
	answer func(*sdk.ElicitParams) (string, error) // the action
	looks  func(context.Context)                   // before the answer
	asked  atomic.Int64
}

func (u *user) options() *sdk.ClientOptions {
	if u == nil {
		u = &user{}
	}
	if u.caps == nil {
		u.caps = &sdk.ClientCapabilities{}
	}
	o := &sdk.ClientOptions{Capabilities: u.caps}
	if u.answer != nil {
		o.ElicitationHandler = func(ctx context.Context, req *sdk.ElicitRequest) (*sdk.ElicitResult, error) {
			u.asked.Add(1)
			if u.looks != nil {
				u.looks(ctx)
			}
			action, err := u.answer(req.Params)
			return &sdk.ElicitResult{Action: action}, err
		}
	}
	return o
}

// client is an agent with its session.
type client struct {
	*sdk.ClientSession
	t    testing.TB
	s    *site
	key  string
	user *user
}

func (s *site) open(transport sdk.Transport, key, revision string, u *user) *client {
	s.t.Helper()
	if u == nil {
		u = &user{}
	}
	c := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, u.options())
	cs, err := c.Connect(context.Background(), transport, &sdk.ClientSessionOptions{ProtocolVersion: revision})
	s.ok(err)
	s.t.Cleanup(func() { _ = cs.Close() })
	return &client{cs, s.t, s, key, u}
}

// overHTTP connects to /mcp.
func (s *site) overHTTP(key, revision string, u *user) *client {
	s.t.Helper()
	return s.open(&sdk.StreamableClientTransport{
		Endpoint: s.url + "/mcp", HTTPClient: &http.Client{Transport: keyed{key}}, MaxRetries: -1, DisableStandaloneSSE: true,
	}, key, revision, u)
}

// overPipe connects to the bridge as `countersign mcp` runs it.
func (s *site) overPipe(key, revision string, u *user) *client {
	s.t.Helper()
	return s.overPipeOf(mcp.New("test", func(http.Header) *api.Client { return &api.Client{BaseURL: s.url, Key: key} }), key, revision, u)
}

// overPipeOf connects to a bridge of one's own.
func (s *site) overPipeOf(server *mcp.Server, key, revision string, u *user) *client {
	s.t.Helper()
	here, there := sdk.NewInMemoryTransports()
	running, err := server.Connect(context.Background(), there, nil)
	s.ok(err)
	s.t.Cleanup(func() { _ = running.Wait() })
	return s.open(here, key, revision, u)
}

type connector = func(s *site, key, revision string, u *user) *client

// both runs a test over both transports.
func both(t *testing.T, test func(t *testing.T, connect connector)) {
	t.Run("http", func(t *testing.T) { test(t, (*site).overHTTP) })
	t.Run("stdio", func(t *testing.T) { test(t, (*site).overPipe) })
}

// described are the tools as the client was told of them.
func (c *client) described() map[string]*sdk.Tool {
	c.t.Helper()
	list, err := c.ListTools(context.Background(), nil)
	c.s.ok(err)
	out := map[string]*sdk.Tool{}
	for _, tool := range list.Tools {
		out[tool.Name] = tool
	}
	return out
}

type args = map[string]any

// answer is a tool's result.
type answer struct {
	*sdk.CallToolResult
	t    testing.TB
	what string
}

func (c *client) call(name string, in args) answer {
	c.t.Helper()
	res, err := c.CallTool(context.Background(), &sdk.CallToolParams{Name: name, Arguments: in})
	if err != nil {
		c.t.Fatalf("%s: %v", name, err)
	}
	return answer{res, c.t, name}
}

// text is the first text of the result.
func (a answer) text() string {
	a.t.Helper()
	if len(a.Content) == 0 {
		a.t.Fatalf("%s: no content", a.what)
	}
	return a.Content[0].(*sdk.TextContent).Text
}

// all is every text of the result.
func (a answer) all() string {
	var out []string
	for _, c := range a.Content {
		out = append(out, c.(*sdk.TextContent).Text)
	}
	return strings.Join(out, "\n")
}

// is holds the result to be a success with the status, and returns its members.
func (a answer) is(status string) args {
	a.t.Helper()
	v, ok := a.StructuredContent.(args)
	if a.IsError || !ok || v["status"] != status {
		a.t.Fatalf("%s: want %s, got %s", a.what, status, a.all())
	}
	return v
}

// fails holds the result to be an error with the code.
func (a answer) fails(code string, words ...string) {
	a.t.Helper()
	var v api.Error
	if !a.IsError || a.StructuredContent != nil || json.Unmarshal([]byte(a.text()), &v) != nil || v.Code != code || v.Message == "" {
		a.t.Errorf("%s: want %s, got %s", a.what, code, a.all())
	}
	for _, w := range words {
		if !strings.Contains(a.all(), w) {
			a.t.Errorf("%s: no word of %q: %s", a.what, w, a.all())
		}
	}
}

// send makes a call of the API itself.
func (s *site) send(key, method, path, body string) (status int, answer []byte) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, s.url+path, strings.NewReader(body))
	s.ok(err)
	req.Header.Set("Authorization", "Bearer "+key)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	s.ok(err)
	defer func() { _ = res.Body.Close() }()
	answer, err = io.ReadAll(res.Body)
	s.ok(err)
	return res.StatusCode, answer
}

// rest makes a call that succeeds.
func (s *site) rest(key, method, path, body string) any {
	s.t.Helper()
	status, answer := s.send(key, method, path, body)
	if status != http.StatusOK {
		s.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return decoded(s.t, answer)
}

func decoded(t testing.TB, raw []byte) (v any) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return v
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		g, _ := json.Marshal(got)
		w, _ := json.Marshal(want)
		t.Errorf("%s:\n%s\nwant\n%s", what, g, w)
	}
}
