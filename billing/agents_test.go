package billing_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func TestIssueAgentKey(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	host := hostOf(w)
	c, d := w.NewCast("acme", "", ""), w.NewCast("beta", "", "")
	issue := func(t *testing.T, by billing.Principal, n billing.AgentKey) (billing.Issued, billing.Principal) {
		t.Helper()
		out, err := w.Service.IssueAgentKey(ctx, by, n)
		noError(t, err)
		p, err := w.Service.Authenticate(ctx, out.Secret)
		noError(t, err)
		return out, p
	}
	out, p := issue(t, c.Admin, billing.AgentKey{Name: " deploy\u200b bot ", Scopes: []string{billing.ScopeRead}})
	if p.Name != "deploy bot" || p.OrgID != c.Org.ID || p.Can(billing.ScopeRequest) || out.Credential.CreatedBy != c.Admin.Name || !strings.HasPrefix(out.Secret, out.Credential.Prefix) {
		t.Errorf("%+v, %+v", out, p)
	}
	second, again := issue(t, host, billing.AgentKey{OrgID: c.Org.ID, AgentID: p.ID})
	if again.ID != p.ID || again.Name != "deploy bot" || !again.Can(billing.ScopeRequest) || second.Secret == out.Secret || second.Credential.CreatedBy != host.Name {
		t.Errorf("another key: %+v", again)
	}
	issue(t, c.Owner, billing.AgentKey{AgentID: p.ID, Name: "renamed"})
	if p, err := w.Service.Authenticate(ctx, out.Secret); err != nil || p.Name != "renamed" {
		t.Errorf("the first key's agent is %q, %v", p.Name, err)
	}
	want := "agent.created key.issued agent.renamed key.issued"
	if got := events(w, c.Org.ID); got != want {
		t.Errorf("log %q, want %q", got, want)
	}
	for name, tc := range map[string]struct {
		by   billing.Principal
		key  billing.AgentKey
		want error
	}{
		"by a member":          {c.Member, billing.AgentKey{Name: "x"}, billing.ErrForbidden},
		"by an owner's token":  {c.OwnerTool, billing.AgentKey{Name: "x"}, billing.ErrForbidden},
		"by an agent":          {c.Agent, billing.AgentKey{Name: "x"}, billing.ErrForbidden},
		"by nobody":            {billing.Principal{}, billing.AgentKey{Name: "x"}, billing.ErrForbidden},
		"an unknown org":       {host, billing.AgentKey{OrgID: "nowhere", Name: "x"}, billing.ErrNotFound},
		"no org":               {host, billing.AgentKey{Name: "x"}, billing.ErrNotFound},
		"another org's agent":  {d.Owner, billing.AgentKey{AgentID: p.ID}, billing.ErrNotFound},
		"an unknown agent":     {c.Owner, billing.AgentKey{AgentID: "agt_x", Name: "x"}, billing.ErrNotFound},
		"a person as an agent": {c.Owner, billing.AgentKey{AgentID: c.Owner.ID}, billing.ErrNotFound},
		"no name":              {c.Owner, billing.AgentKey{}, billing.ErrInvalid},
		"a long name":          {c.Owner, billing.AgentKey{Name: strings.Repeat("n", 101)}, billing.ErrInvalid},
		"no scope":             {c.Owner, billing.AgentKey{Name: "x", Scopes: []string{}}, billing.ErrInvalid},
		"an unknown scope":     {c.Owner, billing.AgentKey{Name: "x", Scopes: []string{billing.ScopeRead, "billing:pay"}}, billing.ErrInvalid},
	} {
		out, err := w.Service.IssueAgentKey(ctx, tc.by, tc.key)
		t.Run(name, func(t *testing.T) { fails(t, err, tc.want) })
		if out.Secret != "" {
			t.Errorf("%s: a secret came with the error", name)
		}
	}
}

// TestIssueOnce: presses of one form, on two replicas at once, make one key, and
// whichever answer is shown, its secret is the key's.
func TestIssueOnce(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		w := worldtest.New(t, worldtest.Options{Postgres: postgres})
		c := w.NewCast("acme", "", "")
		services := []*billing.Service{w.Service, w.Replica()}
		n := billing.AgentKey{Name: "bot", RequestKey: "form:1"}
		secrets := make([]string, 8)
		var wg sync.WaitGroup
		for i := range secrets {
			wg.Go(func() {
				out, err := services[i%2].IssueAgentKey(ctx, c.Owner, n)
				if err != nil {
					t.Error(err)
				}
				secrets[i] = out.Secret
			})
		}
		wg.Wait()
		if all := slices.Compact(secrets); len(all) != 1 {
			t.Errorf("postgres %v: %d secrets", postgres, len(all))
		}
		if _, err := w.Service.Authenticate(ctx, secrets[0]); err != nil {
			t.Error(err)
		}
		if got := events(w, c.Org.ID); got != "agent.created" {
			t.Errorf("postgres %v: %s", postgres, got)
		}
	}
}

func TestIssueAgain(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	n := billing.AgentKey{Name: "bot", RequestKey: "r"}
	first, err := w.Service.IssueAgentKey(ctx, c.Owner, n)
	noError(t, err)
	again := func(n billing.AgentKey) (billing.Issued, error) { return w.Service.IssueAgentKey(ctx, c.Owner, n) }

	out, err := again(n)
	if noError(t, err); !out.Replayed || first.Replayed || out.Secret != first.Secret || out.Credential.ID != first.Credential.ID {
		t.Errorf("%+v", out)
	}
	for name, other := range map[string]billing.AgentKey{
		"another name":   {Name: "bots", RequestKey: "r"},
		"other scopes":   {Name: "bot", Scopes: []string{billing.ScopeRead}, RequestKey: "r"},
		"for that agent": {Name: "bot", AgentID: first.Credential.PrincipalID, RequestKey: "r"},
	} {
		if out, err = again(other); out.Secret != "" {
			t.Errorf("%s: a secret", name)
		}
		fails(t, err, billing.ErrIdempotencyConflict)
	}
	if other, err := again(billing.AgentKey{Name: "bot", RequestKey: "s"}); err != nil || other.Secret == first.Secret || other.Replayed {
		t.Errorf("another request: %+v, %v", other, err)
	}
	w.Advance(24 * time.Hour)
	_, err = again(n)
	fails(t, err, billing.ErrKeyShown)

	revoked := billing.AgentKey{Name: "gone", RequestKey: "g"}
	gone, err := again(revoked)
	noError(t, err)
	_, err = w.Service.RevokeKey(ctx, c.Owner, gone.Credential.ID)
	noError(t, err)
	_, err = again(revoked)
	fails(t, err, billing.ErrKeyShown)
}

func TestTooManyKeys(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	have, err := w.Store.Keys(ctx, c.Org.ID, w.Box.Now())
	noError(t, err)
	noError(t, w.Store.InTx(ctx, func(tx billing.Tx) error {
		for i := len(have); i < 500; i++ {
			id := "key_" + string(rune('a'+i/26)) + string(rune('a'+i%26))
			if err := tx.InsertKey(ctx, billing.Credential{ID: id, Kind: billing.KindAgent, OrgID: c.Org.ID, PrincipalID: "agt_x", Hash: []byte(id), CreatedAt: w.Box.Now()}, nil); err != nil {
				return err
			}
		}
		return nil
	}))
	_, err = w.Service.IssueAgentKey(ctx, c.Owner, billing.AgentKey{Name: "bot"})
	fails(t, err, billing.ErrTooManyKeys)
	_, err = w.Service.RevokeKey(ctx, c.Owner, c.Agent.CredentialID)
	noError(t, err)
	_, err = w.Service.IssueAgentKey(ctx, c.Owner, billing.AgentKey{Name: "bot"})
	noError(t, err)
}

// TestRevokeKey: what was asked with the key ends in the same step, and who
// polls learns it at once.
func TestRevokeKey(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		w := worldtest.New(t, worldtest.Options{Postgres: postgres})
		c := w.NewCast("acme", "pro", "pm_card_visa")
		second, secondKey := w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: c.Org.ID, PrincipalID: c.Agent.ID, Name: "deploy-bot"})
		ask := propose(t, w.Service, c.Agent, upgrade("scale"), billing.StatusConfirmationRequired, nil)
		kept := propose(t, w.Service, c.OtherAgent, upgrade("scale"), billing.StatusConfirmationRequired, nil)
		id := ask.Approval.ID

		poll := make(chan billing.Approval, 1)
		waiting := make(chan struct{})
		go func() {
			close(waiting)
			a, err := w.Replica().Status(context.Background(), c.Agent, id, 20*time.Second)
			if err != nil {
				t.Error(err)
			}
			poll <- a
		}()
		<-waiting
		if _, n, err := w.Service.KeyToRevoke(ctx, c.Admin, c.Agent.CredentialID); err != nil || n != 1 {
			t.Errorf("%d requests wait, %v", n, err)
		}
		key, err := w.Service.RevokeKey(ctx, c.Admin, c.Agent.CredentialID)
		if noError(t, err); key.ID != c.Agent.CredentialID {
			t.Errorf("revoked %s", key.ID)
		}
		if a := <-poll; a.State != billing.ApprovalInvalidated || a.DecidedBy.ID != c.Admin.ID {
			t.Errorf("postgres %v: the poll says %s by %+v", postgres, a.State, a.DecidedBy)
		}
		_, err = w.Service.Authenticate(ctx, c.AgentKey)
		fails(t, err, billing.ErrUnauthorized)
		if p, err := w.Service.Authenticate(ctx, secondKey); err != nil || p.ID != second.ID {
			t.Errorf("the agent's other key: %v", err)
		}
		_, err = w.Service.Propose(ctx, c.Agent, billing.Proposal{Verb: billing.VerbUpgrade, ConfirmToken: ask.Token})
		fails(t, err, billing.ErrTokenInvalid)
		if a, err := w.Store.Approval(ctx, c.Org.ID, kept.Approval.ID); err != nil || a.State != billing.ApprovalPending {
			t.Errorf("another agent's request is %s, %v", a.State, err)
		}
		before := events(w, c.Org.ID)
		if !strings.HasSuffix(before, " approval.invalidated key.revoked") {
			t.Errorf("log %s", before)
		}
		_, err = w.Service.RevokeKey(ctx, c.Owner, c.Agent.CredentialID)
		if noError(t, err); events(w, c.Org.ID) != before {
			t.Error("twice is not once")
		}
		if w.Plan(c.Org.ID) != "pro" {
			t.Error("the plan has changed")
		}
	}
}

func TestRevokeAgent(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	host := hostOf(w)
	c, d := w.NewCast("acme", "", ""), w.NewCast("beta", "", "")
	_, second := w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: c.Org.ID, PrincipalID: c.Agent.ID, Name: "deploy-bot"})
	for _, org := range []string{"nowhere", "", d.Org.ID} {
		fails(t, w.Service.RevokeAgent(ctx, host, org, c.Agent.ID), billing.ErrNotFound)
		fails(t, w.Service.RevokeAgent(ctx, host, org, c.Agent.CredentialID), billing.ErrNotFound)
	}
	for _, id := range []string{"", "agt_x", c.Owner.ID, c.OwnerTool.CredentialID} {
		fails(t, w.Service.RevokeAgent(ctx, host, c.Org.ID, id), billing.ErrNotFound)
	}
	for _, p := range []billing.Principal{c.Member, c.Agent, c.OwnerTool} {
		fails(t, w.Service.RevokeAgent(ctx, p, c.Org.ID, c.Agent.ID), billing.ErrForbidden)
	}
	noError(t, w.Service.RevokeAgent(ctx, host, c.Org.ID, c.Agent.CredentialID))
	if _, err := w.Service.Authenticate(ctx, second); err != nil {
		t.Errorf("one key's end took the other: %v", err)
	}
	noError(t, w.Service.RevokeAgent(ctx, host, c.Org.ID, c.Agent.ID))
	_, err := w.Service.Authenticate(ctx, second)
	fails(t, err, billing.ErrUnauthorized)
	noError(t, w.Service.RevokeAgent(ctx, host, c.Org.ID, c.Agent.ID))
}

// TestWhoRevokesAndPauses: agents' keys those who can manage the org, tokens
// only those whose they are, and nobody in another org.
func TestWhoRevokesAndPauses(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{OnDisk: true})
	c, d := w.NewCast("acme", "", ""), w.NewCast("beta", "", "")
	token, err := w.Service.IssueToken(ctx, c.Member, "")
	noError(t, err)
	before := w.Dump()
	agent, tool := c.Agent.CredentialID, token.Credential.ID
	for name, tc := range map[string]struct {
		by      billing.Principal
		key     string
		revoked error
		paused  error
	}{
		"a member, an agent's key":       {c.Member, agent, billing.ErrForbidden, billing.ErrForbidden},
		"an owner's token":               {c.OwnerTool, agent, billing.ErrForbidden, billing.ErrForbidden},
		"the agent itself":               {c.Agent, agent, billing.ErrForbidden, billing.ErrForbidden},
		"another org's owner":            {d.Owner, agent, billing.ErrNotFound, billing.ErrNotFound},
		"an owner, somebody else's":      {c.Owner, tool, billing.ErrNotFound, billing.ErrNotFound},
		"another org's owner, a token":   {d.Owner, tool, billing.ErrNotFound, billing.ErrNotFound},
		"an unknown key":                 {c.Owner, "key_x", billing.ErrNotFound, billing.ErrNotFound},
		"a member, an unknown key":       {c.Member, "key_x", billing.ErrNotFound, billing.ErrForbidden},
		"an owner, their token to pause": {c.Owner, c.OwnerTool.CredentialID, nil, billing.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			fails(t, w.Service.PauseKey(ctx, tc.by, tc.key, true), tc.paused)
			if tc.revoked == nil {
				return
			}
			_, err := w.Service.RevokeKey(ctx, tc.by, tc.key)
			fails(t, err, tc.revoked)
			_, _, err = w.Service.KeyToRevoke(ctx, tc.by, tc.key)
			fails(t, err, tc.revoked)
			fails(t, w.Service.RenameAgent(ctx, tc.by, tc.key, "x"), tc.paused)
		})
	}
	for _, p := range []billing.Principal{c.OwnerTool, c.Agent} {
		_, err = w.Service.IssueToken(ctx, p, "")
		fails(t, err, billing.ErrForbidden)
	}
	if w.Dump() != before {
		t.Error("a refused call has written")
	}
	if _, err = w.Service.RevokeKey(ctx, c.Member, tool); err != nil {
		t.Errorf("one's own token: %v", err)
	}
	_, err = w.Service.Authenticate(ctx, token.Secret)
	fails(t, err, billing.ErrUnauthorized)
}

func TestPauseAndRename(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	key := c.Agent.CredentialID
	for _, pause := range []bool{true, true, false, false} {
		noError(t, w.Service.PauseKey(ctx, c.Admin, key, pause))
		if p, err := w.Service.Authenticate(ctx, c.AgentKey); err != nil || p.Paused != pause {
			t.Errorf("paused %v, want %v, %v", p.Paused, pause, err)
		}
	}
	noError(t, w.Service.RenameAgent(ctx, c.Owner, c.Agent.ID, "  new\u202e name "))
	noError(t, w.Service.RenameAgent(ctx, c.Owner, c.Agent.ID, "new name"))
	fails(t, w.Service.RenameAgent(ctx, c.Owner, c.Agent.ID, "\u200b"), billing.ErrInvalid, "field", "name")
	_, err := w.Service.RevokeKey(ctx, c.Owner, key)
	noError(t, err)
	for _, pause := range []bool{true, false} {
		fails(t, w.Service.PauseKey(ctx, c.Admin, key, pause), billing.ErrKeyRevoked)
	}
	if got := events(w, c.Org.ID); got != "key.paused key.resumed agent.renamed key.revoked" {
		t.Errorf("log %s", got)
	}
	log, err := w.Store.AuditLog(ctx, c.Org.ID, 100)
	noError(t, err)
	for _, e := range log {
		want := "new name"
		if e.Event == "key.paused" || e.Event == "key.resumed" {
			want = c.Agent.Name // the one that it had then
		}
		if e.Facts["name"] != want {
			t.Errorf("%s tells of %v, want %q", e.Event, e.Facts["name"], want)
		}
	}
}

// TestAgentsList: an agent is one entry with its keys, the revoked last, and
// nobody sees another's tokens or another org's agents.
func TestAgentsList(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", "pm_card_visa")
	w.NewCast("beta", "", "")
	w.Advance(time.Minute)
	_, err := w.Service.IssueAgentKey(ctx, c.Owner, billing.AgentKey{AgentID: c.Agent.ID})
	noError(t, err)
	ask := propose(t, w.Service, c.Agent, upgrade("scale"), billing.StatusConfirmationRequired, nil)
	_, err = w.Service.Decide(ctx, c.Owner, ask.Approval.ID, billing.Verdict{})
	noError(t, err)
	gone, err := w.Service.IssueAgentKey(ctx, c.Owner, billing.AgentKey{Name: "a first name"})
	noError(t, err)
	_, err = w.Service.RevokeKey(ctx, c.Owner, gone.Credential.ID)
	noError(t, err)
	noError(t, w.Service.PauseKey(ctx, c.Owner, c.OtherAgent.CredentialID, true))

	list, err := w.Service.Agents(ctx, c.Owner)
	noError(t, err)
	var got []string
	for _, a := range list.Agents {
		got = append(got, a.Name+" "+string(a.State()))
	}
	if want := []string{"deploy-bot active", "other-bot paused", "a first name revoked"}; !slices.Equal(got, want) {
		t.Fatalf("agents %q, want %q", got, want)
	}
	if a := list.Agents[0]; len(a.Keys) != 2 || !a.Keys[0].CreatedAt.After(a.Keys[1].CreatedAt) || a.Record != (billing.AskRecord{Denied: 1}) {
		t.Errorf("%+v", a)
	}
	if len(list.Tokens) != 1 || list.Tokens[0].ID != c.OwnerTool.CredentialID {
		t.Errorf("tokens %+v", list.Tokens)
	}
	if list, err = w.Service.Agents(ctx, c.Member); err != nil || len(list.Tokens) != 0 || len(list.Agents) != 3 {
		t.Errorf("a member sees %+v, %v", list, err)
	}
	w.Advance(91 * 24 * time.Hour)
	if list, err = w.Service.Agents(ctx, c.Owner); err != nil || len(list.Agents) != 2 {
		t.Errorf("after three months: %d agents, %v", len(list.Agents), err)
	}
}
