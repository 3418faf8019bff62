package db

import (
	"fmt"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestSignInLink(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		link := billing.SignInLink{Hash: []byte("link"), Email: "ann@acme.test", Next: "/billing", CreatedAt: t0, ExpiresAt: t0.Add(time.Minute)}
		must(t, s.InsertSignInLink(ctx, link))
		late := t0.Add(time.Minute)
		_, err := s.SignInLink(ctx, link.Hash, late)
		missing(t, "expired link", err)
		_, err = s.UseSignInLink(ctx, link.Hash, late)
		missing(t, "use of an expired link", err)
		same(t, "link", ok(s.SignInLink(ctx, link.Hash, t0))(t), link)
		used := link
		used.UsedAt = t0
		same(t, "used link", ok(s.UseSignInLink(ctx, link.Hash, t0))(t), used)
		_, err = s.UseSignInLink(ctx, link.Hash, t0)
		missing(t, "second use", err)
		_, err = s.SignInLink(ctx, link.Hash, t0)
		missing(t, "look at a used link", err)
	})
}

func session(id string) billing.Session {
	return billing.Session{
		ID: id, Hash: []byte(id), UserID: owner, OrgID: acme, CreatedAt: t0, LastSeenAt: t0, ExpiresAt: t0.Add(time.Hour),
	}
}

func TestSessionPrincipal(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		want := session("ses_1")
		must(t, s.InsertSession(ctx, want))
		p, seen, err := s.SessionPrincipal(ctx, want.Hash, t0, t0)
		must(t, err)
		same(t, "last seen", seen, want.LastSeenAt)
		ann := billing.Principal{
			Actor: billing.Actor{Kind: billing.KindHuman, ID: owner, Name: "Ann", CredentialID: "ses_1"},
			OrgID: acme, OrgName: "Acme", Email: "ann@acme.test", Role: billing.RoleOwner, SignedInAt: t0, OnlyOrg: true,
		}
		same(t, "principal", p, ann)

		over := ok(s.Overview(ctx, acme))(t)
		ann.Overview = &over
		p, seen, err = s.SessionOverview(ctx, want.Hash, t0, t0)
		must(t, err)
		same(t, "last seen", seen, want.LastSeenAt)
		same(t, "principal with overview", p, ann)

		for most := range 4 {
			limits := billing.RecentLimits{Invoices: 1, Limits: 1, Waiting: most}
			over = ok(s.Overview(ctx, acme))(t)
			recent := ok(s.Recent(ctx, acme, limits))(t)
			over.Recent = &recent
			p, seen, err = s.SessionRecent(ctx, want.Hash, t0, t0, limits)
			must(t, err)
			same(t, "last seen", seen, want.LastSeenAt)
			same(t, "principal with what is new", p, ann)
			a := approval(fmt.Sprint("apr_", most))
			a.Actor.ID = a.ID
			if most == 1 {
				a.ExpiresAt = t0 // waits no more
			}
			must(t, s.InsertApproval(ctx, a))
		}

		ok(s.PutMember(ctx, other, billing.User{ID: owner, Email: "ann@acme.test", CreatedAt: t0}, billing.RoleMember))(t)
		if p, _, err = s.SessionPrincipal(ctx, want.Hash, t0, t0); err != nil || p.OnlyOrg {
			t.Errorf("in two orgs: %+v %v", p, err)
		}
	})
}

func TestSessionEnds(t *testing.T) {
	read := func(t *testing.T, s fixture, now, idleSince time.Time) error {
		_, _, err := s.SessionPrincipal(t.Context(), []byte("ses_1"), now, idleSince)
		if _, _, again := s.SessionOverview(t.Context(), []byte("ses_1"), now, idleSince); (again == nil) != (err == nil) {
			t.Errorf("%v, with the overview %v", err, again)
		}
		if _, _, again := s.SessionRecent(t.Context(), []byte("ses_1"), now, idleSince, billing.RecentLimits{}); (again == nil) != (err == nil) {
			t.Errorf("%v, with what is new %v", err, again)
		}
		return err
	}
	ends := []struct {
		name string
		end  func(t *testing.T, s fixture) error
	}{
		{"at its absolute end", func(t *testing.T, s fixture) error { return read(t, s, t0.Add(time.Hour), t0) }},
		{"idle", func(t *testing.T, s fixture) error { return read(t, s, t0, t0.Add(time.Microsecond)) }},
		{"revoked", func(t *testing.T, s fixture) error {
			must(t, s.RevokeSession(t.Context(), "ses_1", t0))
			return read(t, s, t0, t0)
		}},
		{"in an org that is not theirs", func(t *testing.T, s fixture) error {
			must(t, s.SetSessionOrg(t.Context(), "ses_1", other))
			return read(t, s, t0, t0)
		}},
		{"no longer a member", func(t *testing.T, s fixture) error {
			if _, err := s.writer.Exec(`DELETE FROM members`); err != nil {
				t.Fatal(err)
			}
			return read(t, s, t0, t0)
		}},
	}
	for _, e := range ends {
		t.Run(e.name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s fixture) {
				must(t, s.InsertSession(t.Context(), session("ses_1")))
				must(t, read(t, s, t0, t0))
				missing(t, "session", e.end(t, s))
			})
		})
	}
}

func TestTouchSessionMovesForward(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.InsertSession(ctx, session("ses_1")))
		for _, at := range []time.Time{t0.Add(time.Minute), t0.Add(time.Second)} {
			must(t, s.TouchSession(ctx, "ses_1", at))
		}
		_, seen, err := s.SessionPrincipal(ctx, []byte("ses_1"), t0, t0)
		must(t, err)
		same(t, "last seen", seen, t0.Add(time.Minute))
	})
}

func TestKeyPrincipal(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		insert := func(c billing.Credential) billing.Credential {
			c.Hash, c.Prefix, c.CreatedBy, c.CreatedAt = []byte(c.ID), "cs", "Ann", t0
			must(t, s.InsertCredential(ctx, c))
			return c
		}
		member := insert(billing.Credential{ID: "key_m", Kind: billing.KindMember, OrgID: acme, PrincipalID: owner, Name: "old name"})
		host := insert(billing.Credential{ID: "key_h", Kind: billing.KindHost, PrincipalID: "host", Name: "App"})
		stranger := insert(billing.Credential{ID: "key_x", Kind: billing.KindMember, OrgID: other, PrincipalID: owner, Name: "Ann"})
		must(t, s.PauseCredential(ctx, acme, key, t0))

		read := func(hash []byte) (billing.Principal, error) {
			p, used, err := s.KeyPrincipal(ctx, hash)
			with, again, err2 := s.AgentOverview(ctx, hash)
			if p.Kind != billing.KindAgent {
				missing(t, "agent", err2)
				return p, err
			}
			must(t, err2)
			same(t, "used", used, again)
			same(t, "overview", *with.Overview, ok(s.Overview(ctx, p.OrgID))(t))
			with.Overview = nil
			same(t, "principal", with, p)
			return p, err
		}
		p, err := read([]byte("hash-1"))
		must(t, err)
		same(t, "agent", p, billing.Principal{
			Actor: billing.Actor{Kind: billing.KindAgent, ID: agent, Name: "Robo", CredentialID: key},
			OrgID: acme, OrgName: "Acme", Scopes: []string{billing.ScopeRead, billing.ScopeRequest}, Paused: true,
		})
		p, err = read(member.Hash)
		must(t, err)
		same(t, "member", p, billing.Principal{
			Actor: billing.Actor{Kind: billing.KindMember, ID: owner, Name: "Ann", CredentialID: "key_m"},
			OrgID: acme, OrgName: "Acme", Email: "ann@acme.test", Role: billing.RoleOwner,
		})
		p, err = read(host.Hash)
		must(t, err)
		same(t, "host", p, billing.Principal{Actor: billing.Actor{Kind: billing.KindHost, ID: "host", Name: "App", CredentialID: "key_h"}})

		_, err = read([]byte("unknown"))
		missing(t, "unknown key", err)
		_, err = read(stranger.Hash)
		missing(t, "token of somebody who is no member there", err)
		must(t, s.RevokeCredential(ctx, acme, member.ID, t0))
		_, err = read(member.Hash)
		missing(t, "revoked key", err)
	})
}

func TestCredentialOfAnOrg(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.InsertApproval(ctx, approval("apr_1")))
		_, err := s.Credential(ctx, other, key)
		missing(t, "read by another org", err)
		missing(t, "pause by another org", s.PauseCredential(ctx, other, key, t0))
		missing(t, "revocation by another org", s.RevokeCredential(ctx, other, key, t0))
		if a := ok(s.Approval(ctx, acme, "apr_1"))(t); a.State != billing.ApprovalPending {
			t.Errorf("another org ended a request: %s", a.State)
		}

		must(t, s.PauseCredential(ctx, acme, key, t0))
		must(t, s.PauseCredential(ctx, acme, key, time.Time{}))
		for _, at := range []time.Time{t0.Add(time.Minute), t0} {
			must(t, s.TouchCredential(ctx, key, at))
		}
		must(t, s.RevokeCredential(ctx, acme, key, t0))
		must(t, s.RevokeCredential(ctx, acme, key, t0.Add(time.Hour)))
		c := ok(s.Credential(ctx, acme, key))(t)
		if !c.PausedAt.IsZero() || !c.LastUsedAt.Equal(t0.Add(time.Minute)) || !c.RevokedAt.Equal(t0) {
			t.Errorf("credential: %+v", c)
		}
		if a := ok(s.Approval(ctx, acme, "apr_1"))(t); a.State != billing.ApprovalInvalidated || !a.DecidedAt.Equal(t0) {
			t.Errorf("request of a revoked key: %+v", a)
		}
	})
}

func TestUniqueKeysAndPeople(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		twin := billing.Credential{ID: "key_2", Kind: billing.KindAgent, OrgID: acme, PrincipalID: agent, Hash: []byte("hash-1"), CreatedAt: t0}
		if err := s.InsertCredential(ctx, twin); !isUnique(err) {
			t.Errorf("two keys of one hash: %v", err)
		}
		if err := s.InsertOrg(ctx, billing.Org{ID: acme, CreatedAt: t0}, "free"); !isUnique(err) {
			t.Errorf("two orgs of one id: %v", err)
		}
		ok(s.SetCustomer(ctx, acme, "cus_1"))(t)
		if _, err := s.SetCustomer(ctx, other, "cus_1"); !isUnique(err) {
			t.Errorf("two orgs of one customer: %v", err)
		}
	})
}
