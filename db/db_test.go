package db

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db/dbtest"
)

// t0 has microseconds, to see that they survive, and no more.
var t0 = time.Date(2026, 11, 23, 9, 30, 0, 123456000, time.UTC)

// clock is a hand-moved clock.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// fixture is a store with an org, its people and an agent's key.
type fixture struct {
	*Store
	url   string
	clock *clock
}

// eachEngine runs f on SQLite and on PostgreSQL, each with a database of its own.
func eachEngine(t *testing.T, f func(t *testing.T, s fixture)) {
	t.Helper()
	for _, e := range []engine{sqliteEngine, postgresEngine} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			url := newURL(t, e)
			c := &clock{now: t0}
			s := fixture{Store: openAt(t, url, Options{Clock: c.Now}), url: url, clock: c}
			s.seed(t)
			f(t, s)
		})
	}
}

func newURL(t testing.TB, e engine) string {
	t.Helper()
	if e == sqliteEngine {
		return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
	}
	return dbtest.PostgresDSN(t, func(dsn string) error {
		s, err := Open(context.Background(), dsn, Options{})
		if err != nil {
			return err
		}
		return s.Close()
	})
}

func openAt(t testing.TB, url string, o Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

const (
	acme  = "org_acme"
	other = "org_other"
	owner = "usr_ann"
	key   = "key_1"
	agent = "agt_1"
)

func (s fixture) seed(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	for id, name := range map[string]string{acme: "Acme", other: "Other"} {
		must(t, s.InsertOrg(ctx, billing.Org{ID: id, Name: name, CreatedAt: t0}, "free"))
	}
	ann := billing.User{ID: owner, Email: "ann@acme.test", Name: "Ann", CreatedAt: t0}
	ok(s.PutMember(ctx, acme, ann, billing.RoleOwner))(t)
	must(t, s.InsertCredential(ctx, billing.Credential{
		ID: key, Kind: billing.KindAgent, OrgID: acme, PrincipalID: agent, Name: "Robo", Hash: []byte("hash-1"),
		Prefix: "csa_4fZk", Scopes: []string{billing.ScopeRead, billing.ScopeRequest}, CreatedBy: "Ann", CreatedAt: t0,
	}))
}

// approval is a pending request of the seeded agent.
func approval(id string) billing.Approval {
	return billing.Approval{
		ID: id, OrgID: acme, State: billing.ApprovalPending, Mode: billing.ModeWeb,
		Actor:     billing.Actor{Kind: billing.KindAgent, ID: agent, Name: "Robo", CredentialID: key},
		KeyPrefix: "csa_4fZk", KeyBy: "Ann", Reason: "more projects", Quote: quote("scale"), Nonce: "n-" + id,
		BaseDigest: "base-" + id, OpDigest: "op-" + id, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour),
	}
}

func quote(plan string) billing.Quote {
	return billing.Quote{
		Change:   billing.Change{Action: billing.ActionChangePlan, Plan: plan},
		Currency: "usd", FromPlan: "pro", ToPlan: plan, DueNow: 1740, Recurring: 4900, Interval: "month",
		Lines:        []billing.Line{{Description: "Unused time", Amount: -960, Proration: true}},
		NextChargeAt: t0.AddDate(0, 1, 0), ProrationDate: t0, SubscriptionVersion: 1, CatalogVersion: "c1",
	}
}

// decision is one that every clause of the guard lets through.
func decision(a billing.Approval) billing.Decision {
	return billing.Decision{
		OrgID: a.OrgID, ApprovalID: a.ID, At: t0.Add(time.Minute),
		By:        billing.Actor{Kind: billing.KindHuman, ID: owner, Name: "Ann", CredentialID: "ses_1"},
		Assurance: "human_session", Quote: a.Quote, OpDigest: "op-decided", BaseDigest: a.BaseDigest,
		SubscriptionVersion: 1, DeciderUserID: owner, IntentID: "int_1",
	}
}

func intent(id string) billing.Intent {
	return billing.Intent{
		ID: id, OrgID: acme, Actor: billing.Actor{Kind: billing.KindHuman, ID: owner, Name: "Ann"},
		DecidedBy: billing.Actor{Kind: billing.KindHuman, ID: owner, Name: "Ann"}, Assurance: "human_session",
		Quote: quote("scale"), From: billing.State{Plan: "pro", Status: billing.StatusActive},
		Interactive: true, State: billing.IntentPending, CreatedAt: t0,
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ok unwraps a result that must not be an error: ok(f())(t).
func ok[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// same compares what was stored with what came back.
func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// missing asserts the error for what is not there.
func missing(t testing.TB, what string, err error) {
	t.Helper()
	if !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("%s: error %v, want not found", what, err)
	}
}

func emptyPostgres(t testing.TB) string {
	t.Helper()
	return dbtest.PostgresDSN(t, nil)
}
