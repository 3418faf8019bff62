package billing_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func hostOf(w *worldtest.World) billing.Principal {
	w.T.Helper()
	p, _ := w.Key(billing.NewKey{Kind: billing.KindHost, Name: "the app"})
	return p
}

func spec(id string, members ...billing.MemberSpec) billing.OrgSpec {
	return billing.OrgSpec{ID: id, Name: "Acme", Members: members}
}

var (
	ada = billing.MemberSpec{Email: "ada@acme.test", Name: "Ada", Role: billing.RoleOwner}
	bob = billing.MemberSpec{Email: "bob@acme.test", Name: "Bob", Role: billing.RoleMember}
)

// people are the members in words.
func people(s billing.OrgState) string {
	var out []string
	for _, m := range s.Members {
		out = append(out, fmt.Sprintf("%s %s %s", m.User.Email, m.User.Name, m.Role))
	}
	return strings.Join(out, ", ")
}

// events are the org's audit log in words, oldest first.
func events(w *worldtest.World, orgID string) string {
	w.T.Helper()
	log, err := w.Store.AuditLog(ctx, orgID, 100)
	noError(w.T, err)
	var out []string
	for _, e := range slices.Backward(log) {
		out = append(out, e.Event)
	}
	return strings.Join(out, " ")
}

func TestPutOrg(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	host := hostOf(w)
	both := "ada@acme.test Ada owner, bob@acme.test Bob member"
	for _, step := range []struct {
		name    string
		spec    billing.OrgSpec
		created bool
		people  string
		log     string // what is new in the audit log
	}{
		{"created", spec("42", ada, bob), true, both, "org.created member.added member.added"},
		{"the same again", spec("42", ada, bob), false, both, ""},
		{"in another order and spelling", spec("42", bob, billing.MemberSpec{Email: " ADA@acme.test", Role: billing.RoleOwner}), false, both, ""},
		{"no list", billing.OrgSpec{ID: "42", Name: "Acme"}, false, both, ""},
		{"renamed", billing.OrgSpec{ID: "42", Name: " Acme\u202e  Ltd "}, false, both, "org.renamed"},
		{"moved", billing.OrgSpec{ID: "42", Name: "Acme Ltd", Region: billing.Region{TimeZone: "Asia/Kathmandu", Locale: "NE-np"}}, false, both, "org.moved"},
		{"where it is", billing.OrgSpec{ID: "42", Name: "Acme Ltd", Region: billing.Region{TimeZone: "Asia/Kathmandu"}}, false, both, ""},
		{"another role", spec("42", ada, billing.MemberSpec{Email: bob.Email, Role: billing.RoleBillingAdmin}), false, "ada@acme.test Ada owner, bob@acme.test Bob billing_admin", "org.renamed member.role_changed"},
		{"another name", spec("42", ada, billing.MemberSpec{Email: bob.Email, Name: "Robert", Role: billing.RoleBillingAdmin}), false, "ada@acme.test Ada owner, bob@acme.test Robert billing_admin", "member.renamed"},
		{"one left out", spec("42", ada), false, "ada@acme.test Ada owner", "member.removed"},
	} {
		before := ""
		if !step.created {
			before = events(w, "42")
		}
		got, err := w.Service.PutOrg(ctx, host, step.spec)
		noError(t, err)
		if log := strings.TrimSpace(strings.TrimPrefix(events(w, "42"), before)); got.Created != step.created || people(got) != step.people || log != step.log {
			t.Errorf("%s: created %v, %s, log %q, want %s, log %q", step.name, got.Created, people(got), log, step.people, step.log)
		}
	}
	if got := w.Org("42"); got.Name != "Acme" || got.Region != (billing.Region{TimeZone: "Asia/Kathmandu", Locale: "ne-NP"}) || w.Plan("42") != "free" {
		t.Errorf("%+v on %s", got, w.Plan("42"))
	}
	renamed, err := w.Service.PutOrg(ctx, host, billing.OrgSpec{ID: "42", Name: "A\u202ec  me\n"})
	if noError(t, err); renamed.Org.Name != "Ac me" {
		t.Errorf("named %q", renamed.Org.Name)
	}
}

func TestPutOrgRefuses(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{OnDisk: true})
	host := hostOf(w)
	c := w.NewCast("acme", "", "")
	before := w.Dump()
	for name, tc := range map[string]struct {
		spec  billing.OrgSpec
		want  error
		field string
	}{
		"no id":              {spec("", ada), billing.ErrInvalid, "org"},
		"a long id":          {spec(strings.Repeat("a", 65), ada), billing.ErrInvalid, "org"},
		"a path for an id":   {spec("a/b", ada), billing.ErrInvalid, "org"},
		"an id with a blank": {spec("a b", ada), billing.ErrInvalid, "org"},
		"letters beyond":     {spec("änd", ada), billing.ErrInvalid, "org"},
		"no name":            {billing.OrgSpec{ID: "x"}, billing.ErrInvalid, "name"},
		"a name of nothing":  {billing.OrgSpec{ID: "x", Name: " \u200b\u202e "}, billing.ErrInvalid, "name"},
		"a long name":        {billing.OrgSpec{ID: "x", Name: strings.Repeat("é", 101)}, billing.ErrInvalid, "name"},
		"no such zone":       {billing.OrgSpec{ID: "x", Name: "X", Region: billing.Region{TimeZone: "Mars/Olympus"}}, billing.ErrInvalid, "timeZone"},
		"no such locale":     {billing.OrgSpec{ID: "x", Name: "X", Region: billing.Region{Locale: "de_DE"}}, billing.ErrInvalid, "locale"},
		"an empty list":      {billing.OrgSpec{ID: "x", Name: "X", Members: []billing.MemberSpec{}}, billing.ErrNeedsOwner, "members"},
		"no owner":           {spec("x", bob), billing.ErrNeedsOwner, "members"},
		"the last owner out": {billing.OrgSpec{ID: c.Org.ID, Name: "Acme", Members: []billing.MemberSpec{bob}}, billing.ErrNeedsOwner, "members"},
		"somebody twice":     {spec("x", ada, bob, billing.MemberSpec{Email: "BOB@acme.test", Role: billing.RoleOwner}), billing.ErrInvalid, "members[2].email"},
		"no address":         {spec("x", ada, billing.MemberSpec{Email: "bob", Role: billing.RoleOwner}), billing.ErrInvalid, "members[1].email"},
		"no role":            {spec("x", ada, billing.MemberSpec{Email: "b@b.test"}), billing.ErrInvalid, "members[1].role"},
		"a made-up role":     {spec("x", ada, billing.MemberSpec{Email: "b@b.test", Role: "root"}), billing.ErrInvalid, "members[1].role"},
		"a person's name":    {spec("x", ada, billing.MemberSpec{Email: "b@b.test", Name: "\u200b", Role: billing.RoleMember}), billing.ErrInvalid, "members[1].name"},
		"too many":           {spec("x", make([]billing.MemberSpec, 501)...), billing.ErrInvalid, "members"},
	} {
		_, err := w.Service.PutOrg(ctx, host, tc.spec)
		t.Run(name, func(t *testing.T) { fails(t, err, tc.want, "field", tc.field) })
	}
	for _, p := range []billing.Principal{c.Owner, c.OwnerTool, c.Agent, {}} {
		_, err := w.Service.PutOrg(ctx, p, spec(c.Org.ID, ada))
		fails(t, err, billing.ErrForbidden)
		_, _, err = w.Service.SignInFor(ctx, p, billing.SSO{OrgID: c.Org.ID, Email: c.Owner.Email})
		fails(t, err, billing.ErrForbidden)
	}
	if w.Dump() != before {
		t.Error("a refused call has written")
	}
}

// TestPutOrgTogether: the host's retries may overtake each other.
func TestPutOrgTogether(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		w := worldtest.New(t, worldtest.Options{Postgres: postgres})
		host := hostOf(w)
		services := []*billing.Service{w.Service, w.Replica()}
		var wg sync.WaitGroup
		created := make([]bool, 8)
		for i := range created {
			wg.Go(func() {
				got, err := services[i%2].PutOrg(ctx, host, spec("42", ada, bob))
				if err != nil || len(got.Members) != 2 {
					t.Errorf("%+v, %v", got, err)
				}
				created[i] = got.Created
			})
		}
		wg.Wait()
		if n := len(slices.DeleteFunc(created, func(b bool) bool { return !b })); n != 1 {
			t.Errorf("postgres %v: created %d times", postgres, n)
		}
		if got := events(w, "42"); got != "org.created member.added member.added" {
			t.Errorf("postgres %v: %s", postgres, got)
		}
	}
}

// TestRemovedMemberIsOut: with the next call, cookie and token alike; and what
// they have elsewhere stays.
func TestRemovedMemberIsOut(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	host := hostOf(w)
	c, d := w.NewCast("acme", "", ""), w.NewCast("beta", "", "")
	_, err := w.Service.AddMember(ctx, d.Org.ID, c.Owner.Email, "", billing.RoleOwner)
	noError(t, err)
	_, elsewhere := w.Key(billing.NewKey{Kind: billing.KindMember, OrgID: d.Org.ID, PrincipalID: c.Owner.ID})
	link, _, err := w.Service.SignInFor(ctx, host, billing.SSO{OrgID: c.Org.ID, Email: c.Owner.Email})
	noError(t, err)
	_, err = w.Service.PutOrg(ctx, host, spec(c.Org.ID, ada))
	noError(t, err)

	_, err = w.Service.Session(ctx, c.OwnerCookie)
	fails(t, err, billing.ErrUnauthorized)
	_, err = w.Service.Authenticate(ctx, c.OwnerToken)
	fails(t, err, billing.ErrUnauthorized)
	_, _, err = w.Service.SignIn(ctx, strings.TrimPrefix(link, w.BaseURL+"/login/"))
	fails(t, err, billing.ErrNotFound)
	if _, err = w.Service.Authenticate(ctx, elsewhere); err != nil {
		t.Errorf("the token of another org: %v", err)
	}
	if _, err = w.Service.Authenticate(ctx, c.AgentKey); err != nil {
		t.Errorf("the org's agent: %v", err)
	}
}

func TestSignInFor(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	host := hostOf(w)
	c, d := w.NewCast("acme", "", ""), w.NewCast("beta", "", "")
	_, err := w.Service.AddMember(ctx, d.Org.ID, c.Owner.Email, "", billing.RoleMember)
	noError(t, err)
	enter := func(t *testing.T, o billing.SSO) (billing.Principal, string, error) {
		t.Helper()
		url, expires, err := w.Service.SignInFor(ctx, host, o)
		noError(t, err)
		if !expires.Equal(w.Box.Now().Add(time.Minute)) {
			t.Errorf("expires %v", expires)
		}
		session, next, err := w.Service.SignIn(ctx, strings.TrimPrefix(url, w.BaseURL+"/login/"))
		if err != nil {
			return billing.Principal{}, "", err
		}
		p, err := w.Service.Session(ctx, session)
		return p, next, err
	}
	t.Run("to exactly that org", func(t *testing.T) {
		for _, org := range []billing.Org{d.Org, c.Org} {
			p, next, err := enter(t, billing.SSO{OrgID: org.ID, Email: " Owner@ACME.test", Next: "/settings/agents"})
			if noError(t, err); p.OrgID != org.ID || p.ID != c.Owner.ID || next != "/settings/agents" {
				t.Errorf("%+v, next %q", p, next)
			}
		}
	})
	t.Run("adds whom it names a role for", func(t *testing.T) {
		p, _, err := enter(t, billing.SSO{OrgID: c.Org.ID, Email: "new@acme.test", Name: "Newton", Role: billing.RoleBillingAdmin})
		if noError(t, err); p.Role != billing.RoleBillingAdmin || p.Name != "Newton" {
			t.Errorf("%+v", p)
		}
		p, _, err = enter(t, billing.SSO{OrgID: c.Org.ID, Email: "new@acme.test"})
		if noError(t, err); p.Role != billing.RoleBillingAdmin || p.Name != "Newton" {
			t.Errorf("without a role: %+v", p)
		}
		p, _, err = enter(t, billing.SSO{OrgID: c.Org.ID, Email: "new@acme.test", Role: billing.RoleMember})
		if noError(t, err); p.Role != billing.RoleMember {
			t.Errorf("with another role: %+v", p)
		}
	})
	t.Run("works once, for a minute", func(t *testing.T) {
		url, _, err := w.Service.SignInFor(ctx, host, billing.SSO{OrgID: c.Org.ID, Email: c.Owner.Email})
		noError(t, err)
		token := strings.TrimPrefix(url, w.BaseURL+"/login/")
		if email, err := w.Service.PeekSignIn(ctx, token); err != nil || email != c.Owner.Email {
			t.Errorf("peek: %q, %v", email, err)
		}
		w.Advance(time.Minute)
		_, _, err = w.Service.SignIn(ctx, token)
		fails(t, err, billing.ErrNotFound)
	})
	for name, tc := range map[string]struct {
		sso  billing.SSO
		want error
	}{
		"an unknown org":         {billing.SSO{OrgID: "nowhere", Email: c.Owner.Email}, billing.ErrNotFound},
		"a stranger":             {billing.SSO{OrgID: c.Org.ID, Email: d.Owner.Email}, billing.ErrUnknownMember},
		"nobody":                 {billing.SSO{OrgID: c.Org.ID, Email: "no@body.test"}, billing.ErrUnknownMember},
		"no address":             {billing.SSO{OrgID: c.Org.ID, Email: "nobody"}, billing.ErrInvalid},
		"a made-up role":         {billing.SSO{OrgID: c.Org.ID, Email: c.Owner.Email, Role: "root"}, billing.ErrInvalid},
		"the last owner demoted": {billing.SSO{OrgID: c.Org.ID, Email: c.Owner.Email, Role: billing.RoleMember}, billing.ErrLastOwner},
	} {
		t.Run(name, func(t *testing.T) {
			url, _, err := w.Service.SignInFor(ctx, host, tc.sso)
			if fails(t, err, tc.want); url != "" && !errors.Is(err, tc.want) {
				t.Errorf("a link %s", url)
			}
		})
	}
	if p, err := w.Service.Session(ctx, c.OwnerCookie); err != nil || p.Role != billing.RoleOwner {
		t.Errorf("the last owner is %s, %v", p.Role, err)
	}
}
