package web

import (
	"bytes"
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

	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
)

// door knows three callers and makes form tokens that can be read.
type door struct{}

func (door) Session(_ context.Context, token string) (billing.Principal, error) {
	if token != "good-session" {
		return billing.Principal{}, billing.ErrUnauthorized
	}
	return billing.Principal{Actor: billing.Actor{Kind: billing.KindHuman, ID: "usr_1", CredentialID: "ses_1"}, OrgID: "org_1", Role: billing.RoleOwner}, nil
}

func (door) Authenticate(_ context.Context, key string) (billing.Principal, error) {
	p := billing.Principal{Actor: billing.Actor{ID: "agt_1", CredentialID: "key_" + key, Kind: billing.KindAgent}, OrgID: "org_1"}
	switch key {
	case "agent":
		p.Scopes = []string{billing.ScopeRead, billing.ScopeRequest}
	case "reader":
		p.Scopes = []string{billing.ScopeRead}
	case "asker":
		p.Scopes = []string{billing.ScopeRequest}
	case "plain":
		p.Kind, p.Role = billing.KindMember, billing.RoleMember
	case "host":
		p.Kind, p.OrgID = billing.KindHost, ""
	default:
		return billing.Principal{}, billing.ErrUnauthorized
	}
	return p, nil
}

func (d door) SessionOverview(ctx context.Context, token string) (billing.Principal, error) {
	p, err := d.Session(ctx, token)
	p.Overview = &billing.Overview{}
	return p, err
}

func (d door) Glance(ctx context.Context, token string, _ billing.RecentLimits) (billing.Principal, error) {
	return d.Session(ctx, token)
}

func (d door) SessionRecent(ctx context.Context, token string, most billing.RecentLimits) (billing.Principal, error) {
	p, err := d.SessionOverview(ctx, token)
	p.Overview.Recent = &billing.Recent{Invoices: make([]billing.Invoice, most.Invoices)}
	return p, err
}

func (d door) AuthenticateOverview(ctx context.Context, key string) (billing.Principal, error) {
	p, err := d.Authenticate(ctx, key)
	p.Overview = &billing.Overview{}
	return p, err
}

func (door) OAuthAgent(context.Context, billing.OAuthToken) (billing.Principal, error) {
	return billing.Principal{}, billing.ErrUnauthorized
}

func (door) FormToken(p billing.Principal, purpose string) string {
	return p.CredentialID + ":" + purpose
}

func (d door) CheckFormToken(p billing.Principal, purpose, token string) bool {
	return token == d.FormToken(p, purpose)
}

// site is a Router under test with its log and its clock.
type site struct {
	*Router
	log *bytes.Buffer
	now time.Time
}

func newSite(t *testing.T, base string) *site {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{log: new(bytes.Buffer), now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	s.Router = NewRouter(Config{
		BaseURL: u, SessionKey: bytes.Repeat([]byte("k"), 32), Access: door{}, Replays: &shelf{},
		Clock:       billing.ClockFunc(func() time.Time { return s.now }),
		Log:         slog.New(slog.NewTextHandler(s.log, nil)),
		FormTargets: []string{"https://checkout.stripe.com"},
		ErrorPage: func(_ *Request, p Problem) templ.Component {
			return text("error page: " + p.Message + " " + p.Reference)
		},
		Home: "/home", Login: "/login",
	})
	return s
}

func text(s string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	})
}

// call is one request to the site; heads are "Name: value".
func (s *site) call(method, target, body string, heads ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		req = httptest.NewRequest(method, target, nil)
	}
	for _, h := range heads {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, req)
	return w
}

// cookie returns the header that a browser with the session sends.
func (s *site) cookie(t *testing.T, token string) string {
	t.Helper()
	c, err := SessionCookie(s.cfg.BaseURL, s.cfg.SessionKey, token)
	if err != nil {
		t.Fatal(err)
	}
	return "Cookie: " + c.Name + "=" + c.Value
}

func errorOf(t *testing.T, w *httptest.ResponseRecorder) api.Error {
	t.Helper()
	var e api.Error
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil {
		t.Fatalf("no error body: %v: %s", err, w.Body)
	}
	return e
}

func ok(r *Request) error { return r.JSON(http.StatusOK, map[string]string{"caller": r.Principal.ID}) }

const (
	isForm   = "Content-Type: application/x-www-form-urlencoded"
	isJSON   = "Content-Type: application/json"
	fromHere = "Sec-Fetch-Site: same-origin"
)
