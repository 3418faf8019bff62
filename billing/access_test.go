package billing_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestKeysLookLikeThemselves: prefix, 256 random bits, checksum; and a typo is
// refused without a look at the database.
func TestKeysLookLikeThemselves(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	_, host := w.Key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
	blind := billing.New(billing.Config{Clock: billing.ClockFunc(w.Box.Now)}) // no store: a look panics

	bearer := func(k string) error { _, err := blind.Authenticate(ctx, k); return err }
	cookie := func(k string) error { _, err := blind.Session(ctx, k); return err }
	link := func(k string) error { _, _, err := blind.SignIn(ctx, k); return err }
	noError(t, w.Service.RequestSignIn(ctx, c.Owner.Email, "/"))
	for _, tc := range []struct {
		name, key, prefix string
		check             func(string) error
		want              error
	}{
		{"agent", c.AgentKey, "csa_", bearer, billing.ErrUnauthorized},
		{"member", c.OwnerToken, "csm_", bearer, billing.ErrUnauthorized},
		{"host", host, "csh_", bearer, billing.ErrUnauthorized},
		{"session", c.OwnerCookie, "css_", cookie, billing.ErrUnauthorized},
		{"sign-in link", strings.TrimPrefix(w.Mail.Links[0], w.BaseURL+"/login/"), "csl_", link, billing.ErrNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if !strings.HasPrefix(tc.key, tc.prefix) || len(tc.key) != 4+43+6 {
				t.Errorf("%d characters, not %s and 49 more", len(tc.key), tc.prefix)
			}
			for _, typo := range typos(tc.key) {
				if err := tc.check(typo); !errors.Is(err, tc.want) {
					t.Errorf("%q: error = %v, want %v", typo, err, tc.want)
				}
			}
			defer func() {
				if recover() == nil {
					t.Error("a good key was not looked up: the test proves nothing")
				}
			}()
			_ = tc.check(tc.key)
		})
	}
	for _, foreign := range []string{c.OwnerCookie, "csc" + c.AgentKey[3:]} {
		if err := bearer(foreign); !errors.Is(err, billing.ErrUnauthorized) {
			t.Errorf("a %s… as a key: %v", foreign[:4], err)
		}
	}
}

// typos are all keys with one character wrong, two changed about, one missing
// or one too many.
func typos(key string) []string {
	out := []string{"", key[:4], key + "0", key + " ", " " + key, strings.ToUpper(key), key + key}
	for i := range key {
		out = append(out, key[:i]+key[i+1:])
		for _, c := range "0Zz_é" {
			if rune(key[i]) != c {
				out = append(out, key[:i]+string(c)+key[i+1:])
			}
		}
		if i > 0 && key[i] != key[i-1] {
			out = append(out, key[:i-1]+string(key[i])+string(key[i-1])+key[i+1:])
		}
	}
	return out
}

func TestKeysOfNoKind(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	for _, kind := range []billing.PrincipalKind{"", billing.KindHuman, billing.KindSystem, "root"} {
		_, secret, err := w.Service.IssueKey(ctx, billing.NewKey{Kind: kind, Name: "x"})
		if fails(t, err, billing.ErrInvalid); secret != "" {
			t.Errorf("a key for %q", kind)
		}
	}
}

// TestWhoAKeyIs: the credential alone says who calls.
func TestWhoAKeyIs(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	read, secret := w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: c.Org.ID, PrincipalID: c.Agent.ID, Name: "deploy-bot", Scopes: []string{billing.ScopeRead}})
	if read.ID != c.Agent.ID || read.CredentialID == c.Agent.CredentialID || read.Can(billing.ScopeRequest) || !read.Can(billing.ScopeRead) {
		t.Errorf("a second key of an agent: %+v", read)
	}
	if tool := c.OwnerTool; tool.ID != c.Owner.ID || tool.Kind != billing.KindMember || tool.Role != billing.RoleOwner || tool.Email != c.Owner.Email {
		t.Errorf("a member's token: %+v", tool)
	}
	noError(t, w.Store.RevokeCredential(ctx, c.Org.ID, read.CredentialID, w.Box.Now()))
	_, err := w.Service.Authenticate(ctx, secret)
	fails(t, err, billing.ErrUnauthorized)
	if _, err = w.Service.Authenticate(ctx, c.AgentKey); err != nil {
		t.Errorf("the other key went with it: %v", err)
	}
}

func TestSignInLink(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	mailed := func(t *testing.T, address string) string {
		t.Helper()
		n := len(w.Mail.Links)
		noError(t, w.Service.RequestSignIn(ctx, address, "/approve/apr_1"))
		if len(w.Mail.Links) != n+1 || w.Mail.To[n] != c.Owner.Email {
			t.Fatalf("%d mails, the last to %v", len(w.Mail.Links)-n, w.Mail.To)
		}
		return strings.TrimPrefix(w.Mail.Links[n], w.BaseURL+"/login/")
	}
	t.Run("works once, however often it is looked at", func(t *testing.T) {
		link := mailed(t, c.Owner.Email)
		for range 3 {
			if email, err := w.Service.PeekSignIn(ctx, link); err != nil || email != c.Owner.Email {
				t.Fatalf("peek: %q, %v", email, err)
			}
		}
		session, next, err := w.Service.SignIn(ctx, link)
		if err != nil || next != "/approve/apr_1" || session == c.OwnerCookie {
			t.Fatalf("next %q, %v", next, err)
		}
		p, err := w.Service.Session(ctx, session)
		if err != nil || p.ID != c.Owner.ID || !p.SignedInAt.Equal(w.Box.Now()) {
			t.Errorf("%+v, %v", p, err)
		}
		_, _, err = w.Service.SignIn(ctx, link)
		fails(t, err, billing.ErrNotFound)
		_, err = w.Service.PeekSignIn(ctx, link)
		fails(t, err, billing.ErrNotFound)
	})
	t.Run("lives a quarter of an hour", func(t *testing.T) {
		for _, late := range []bool{false, true} {
			link := mailed(t, c.Owner.Email)
			w.Advance(15*time.Minute - time.Second)
			if late {
				w.Advance(time.Second)
			}
			_, peekErr := w.Service.PeekSignIn(ctx, link)
			_, _, err := w.Service.SignIn(ctx, link)
			if errors.Is(err, billing.ErrNotFound) != late || errors.Is(peekErr, billing.ErrNotFound) != late {
				t.Errorf("late %v: %v, %v", late, err, peekErr)
			}
		}
	})
	t.Run("goes to the address however it is written", func(t *testing.T) {
		mailed(t, "  OWNER@Acme.Test ")
	})
	t.Run("goes to nobody who is not known", func(t *testing.T) {
		n := len(w.Mail.Links)
		noError(t, w.Service.RequestSignIn(ctx, "nobody@acme.test", "/"))
		for _, bad := range []string{"", "acme", "a@b@c", "Ann <owner@acme.test>", "owner@acme.test, x@acme.test", "owner@acme.test\nBcc: x@x.test", strings.Repeat("a", 250) + "@x.test"} {
			fails(t, w.Service.RequestSignIn(ctx, bad, "/"), billing.ErrInvalid, "field", "email")
		}
		if len(w.Mail.Links) != n {
			t.Errorf("%d mails were sent", len(w.Mail.Links)-n)
		}
	})
}

func TestSessionEnds(t *testing.T) {
	for _, tc := range []struct {
		name  string
		steps []time.Duration // a request after each
		want  []bool          // signed in
	}{
		{"idle just not too long", []time.Duration{12 * time.Hour}, []bool{true}},
		{"idle too long", []time.Duration{12*time.Hour + time.Second}, []bool{false}},
		{"each request counts", []time.Duration{11 * time.Hour, 11 * time.Hour, 12*time.Hour + time.Second}, []bool{true, true, false}},
		{"two weeks at most", append(slices.Repeat([]time.Duration{12 * time.Hour}, 27), 12*time.Hour-time.Second, time.Second), append(slices.Repeat([]bool{true}, 28), false)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := worldtest.New(t, worldtest.Options{})
			c := w.NewCast("acme", "", "")
			for i, step := range tc.steps {
				w.Advance(step)
				_, err := w.Service.Session(ctx, c.OwnerCookie)
				if (err == nil) != tc.want[i] || err != nil && !errors.Is(err, billing.ErrUnauthorized) {
					t.Fatalf("request %d: %v, want %v", i, err, tc.want[i])
				}
			}
		})
	}
	t.Run("signed out", func(t *testing.T) {
		w := worldtest.New(t, worldtest.Options{})
		c := w.NewCast("acme", "", "")
		_, second := w.Person(c.Org, c.Owner.Email, billing.RoleOwner)
		noError(t, w.Service.SignOut(ctx, c.Owner))
		_, err := w.Service.Session(ctx, c.OwnerCookie)
		fails(t, err, billing.ErrUnauthorized)
		if _, err = w.Service.Session(ctx, second); err != nil {
			t.Errorf("the other device went with it: %v", err)
		}
	})
}

// TestRoleActsAtOnce (I12): on the next request, by cookie and by token.
func TestRoleActsAtOnce(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	for _, role := range []billing.Role{billing.RoleMember, billing.RoleBillingAdmin, billing.RoleMember, billing.RoleOwner} {
		_, err := w.Service.AddMember(ctx, c.Org.ID, c.Owner.Email, "Ann", role)
		noError(t, err)
		human, err := w.Service.Session(ctx, c.OwnerCookie)
		noError(t, err)
		tool, err := w.Service.Authenticate(ctx, c.OwnerToken)
		noError(t, err)
		for _, p := range []billing.Principal{human, tool} {
			if p.Role != role {
				t.Errorf("%s still is %s, not %s", p.Kind, p.Role, role)
			}
			var want error
			if role == billing.RoleMember {
				want = billing.ErrForbidden
			}
			propose(t, w.Service, p, upgrade("pro"), billing.StatusResumed, want)
		}
	}
}

func TestSwitchOrg(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, second, foreign := w.NewCast("acme", "", ""), w.NewCast("second", "", ""), w.NewCast("foreign", "", "")
	_, err := w.Service.AddMember(ctx, second.Org.ID, c.Owner.Email, "Ann", billing.RoleMember)
	noError(t, err)
	for _, tc := range []struct {
		org  billing.Org
		err  error
		now  billing.Org
		role billing.Role
	}{
		{second.Org, nil, second.Org, billing.RoleMember},
		{foreign.Org, billing.ErrNotFound, second.Org, billing.RoleMember},
		{billing.Org{ID: "org_none"}, billing.ErrNotFound, second.Org, billing.RoleMember},
		{c.Org, nil, c.Org, billing.RoleOwner},
	} {
		if err := w.Service.SwitchOrg(ctx, c.Owner, tc.org.ID); !errors.Is(err, tc.err) {
			t.Errorf("to %s: %v, want %v", tc.org.ID, err, tc.err)
		}
		p, err := w.Service.Session(ctx, c.OwnerCookie)
		if err != nil || p.OrgID != tc.now.ID || p.OrgName != tc.now.Name || p.Role != tc.role {
			t.Errorf("to %s: looks at %s as %s, %v", tc.org.ID, p.OrgName, p.Role, err)
		}
	}
}

// TestFormToken: it belongs to one session and one purpose.
func TestFormToken(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	token := w.Service.FormToken(c.Owner, "change")
	for _, tc := range []struct {
		p              billing.Principal
		purpose, token string
		want           bool
	}{
		{c.Owner, "change", token, true},
		{c.Owner, "sign-out", token, false},
		{c.Admin, "change", token, false},
		{c.Owner, "change", "", false},
		{c.Owner, "change", token + "A", false},
		{c.Owner, "change", token[1:], false},
	} {
		if got := w.Service.CheckFormToken(tc.p, tc.purpose, tc.token); got != tc.want {
			t.Errorf("%s for %s with %q: %v", tc.p.Name, tc.purpose, tc.token, got)
		}
	}
}
