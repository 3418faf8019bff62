package db

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestCreateOrg(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		org := billing.Org{ID: "host-7", Name: "Seven", CreatedAt: t0}
		var made sync.Map
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() {
				err := s.InTx(ctx, func(tx billing.Tx) error {
					created, err := tx.CreateOrg(ctx, org, "free")
					made.Store(i, created)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		n := 0
		made.Range(func(_, created any) bool {
			if created.(bool) {
				n++
			}
			return true
		})
		if n != 1 {
			t.Errorf("%d of four created the org", n)
		}
		same(t, "plan", ok(s.Subscription(ctx, org.ID))(t).Plan, "free")
		must(t, s.RenameOrg(ctx, org.ID, "Eight"))
		same(t, "name", ok(s.Org(ctx, org.ID))(t).Name, "Eight")
		same(t, "another's name", ok(s.Org(ctx, acme))(t).Name, "Acme")
	})
}

// TestRemoveMember: what a person had in the org ends; what they have elsewhere
// does not.
func TestRemoveMember(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		ann := billing.User{ID: owner, Email: "ann@acme.test", CreatedAt: t0}
		ok(s.PutMember(ctx, other, ann, billing.RoleMember))(t)
		here, there := session("ses_here"), session("ses_there")
		there.OrgID = other
		must(t, s.InsertSession(ctx, here))
		must(t, s.InsertSession(ctx, there))
		for id, org := range map[string]string{"key_here": acme, "key_there": other} {
			must(t, s.InsertCredential(ctx, billing.Credential{ID: id, Kind: billing.KindMember, OrgID: org, PrincipalID: owner, Hash: []byte(id), CreatedAt: t0}))
		}
		must(t, s.RemoveMember(ctx, acme, owner, t0))
		ok(s.PutMember(ctx, acme, ann, billing.RoleOwner))(t) // even coming back brings nothing back

		_, _, err := s.SessionPrincipal(ctx, here.Hash, t0, t0)
		missing(t, "session here", err)
		_, _, err = s.KeyPrincipal(ctx, []byte("key_here"))
		missing(t, "token here", err)
		if _, _, err = s.SessionPrincipal(ctx, there.Hash, t0, t0); err != nil {
			t.Errorf("session elsewhere: %v", err)
		}
		if _, _, err = s.KeyPrincipal(ctx, []byte("key_there")); err != nil {
			t.Errorf("token elsewhere: %v", err)
		}
		if _, _, err = s.KeyPrincipal(ctx, []byte("hash-1")); err != nil {
			t.Errorf("the agent's key: %v", err)
		}
	})
}

func TestKeys(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		second := billing.Credential{
			ID: "key_2", Kind: billing.KindAgent, OrgID: acme, PrincipalID: agent, Name: "Robo", Hash: []byte("hash-2"), Prefix: "csa_9",
			Scopes: []string{billing.ScopeRead}, CreatedBy: "Ann", CreatedAt: t0.Add(time.Minute),
		}
		must(t, s.InsertKey(ctx, second, []byte("request")))
		same(t, "by request", ok(s.KeyByRequest(ctx, acme, []byte("request")))(t), second)
		_, err := s.KeyByRequest(ctx, other, []byte("request"))
		missing(t, "by another org's request", err)
		again := second
		again.ID, again.Hash = "key_3", []byte("hash-3")
		if err = s.InsertKey(ctx, again, []byte("request")); !isUnique(err) {
			t.Errorf("a second key of one request: %v", err)
		}
		must(t, s.InsertKey(ctx, again, nil))
		must(t, s.RevokeCredential(ctx, acme, "key_3", t0.Add(time.Hour)))

		ids := func(keys []billing.Credential, err error) (out []string) {
			must(t, err)
			for _, k := range keys {
				out = append(out, k.ID)
			}
			return out
		}
		same(t, "keys", ids(s.Keys(ctx, acme, t0.Add(time.Hour))), []string{"key_3", "key_2", key})
		same(t, "without old ones", ids(s.Keys(ctx, acme, t0.Add(2*time.Hour))), []string{"key_2", key})
		same(t, "of another org", ids(s.Keys(ctx, other, t0)), []string(nil))
		same(t, "of the agent", ids(s.KeysOf(ctx, acme, agent)), []string{"key_3", "key_2", key})
		same(t, "of the agent elsewhere", ids(s.KeysOf(ctx, other, agent)), []string(nil))

		must(t, s.RenameAgent(ctx, other, agent, "Stolen"))
		must(t, s.RenameAgent(ctx, acme, agent, "Robert"))
		for _, k := range ok(s.KeysOf(ctx, acme, agent))(t) {
			same(t, "name of "+k.ID, k.Name, "Robert")
		}
	})
}

func TestPendingOfAKey(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.InsertApproval(ctx, approval("apr_1")))
		done := approval("apr_0")
		done.State = billing.ApprovalDenied
		must(t, s.InsertApproval(ctx, done))
		pending := func(org, key string) int { return len(ok(s.PendingOf(ctx, org, key))(t)) }
		if pending(acme, key) != 1 || pending(other, key) != 0 || pending(acme, "key_2") != 0 {
			t.Error("what waits is not what the key asked")
		}
		counts := ok(s.AskCounts(ctx, acme, t0))(t)
		if len(counts) != 2 || counts[0].PrincipalID != agent || counts[0].N != 1 {
			t.Errorf("counts %+v", counts)
		}
		same(t, "later", len(ok(s.AskCounts(ctx, acme, t0.Add(time.Second)))(t)), 0)
		same(t, "elsewhere", len(ok(s.AskCounts(ctx, other, t0))(t)), 0)
	})
}

func TestSignInLinkOfAnOrg(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := context.Background()
		link := billing.SignInLink{Hash: []byte("sso"), Email: "ann@acme.test", OrgID: acme, CreatedAt: t0, ExpiresAt: t0.Add(time.Minute)}
		must(t, s.InsertSignInLink(ctx, link))
		same(t, "link", ok(s.SignInLink(ctx, link.Hash, t0))(t), link)
	})
}
