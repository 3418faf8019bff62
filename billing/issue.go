package billing

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

// AgentKey is what to make a key for an agent from.
type AgentKey struct {
	OrgID string // of a host; a person's is their own
	// AgentID is the agent that gets another key; empty: a new agent.
	AgentID string
	// Name of the agent. It may be empty for another key; else the agent is
	// called that from now on.
	Name   string
	Scopes []string // nil: both
	// RequestKey names the request: the same request makes one key, however often
	// it arrives. Empty: it has no name.
	RequestKey string
}

// Issued is a key with its secret, which is kept nowhere.
type Issued struct {
	Credential Credential
	Secret     string
	Replayed   bool // an earlier, identical request made it
}

// IssueAgentKey makes a key for an agent: a person who can manage the org may,
// and the host.
//
// Errors: ErrForbidden; ErrNotFound for an unknown org or agent; ErrInvalid with
// the field; ErrTooManyKeys; ErrKeyShown for a repeat that comes too late;
// ErrIdempotencyConflict for another request of the same name.
func (s *Service) IssueAgentKey(ctx context.Context, p Principal, n AgentKey) (Issued, error) {
	orgID, err := managed(p, n.OrgID)
	if err != nil {
		return Issued{}, err
	}
	if n.Name != "" || n.AgentID == "" {
		if n.Name, err = cleanName(n.Name, "name"); err != nil {
			return Issued{}, err
		}
	}
	if n.Scopes, err = cleanScopes(n.Scopes); err != nil {
		return Issued{}, err
	}
	c := Credential{Kind: KindAgent, OrgID: orgID, PrincipalID: n.AgentID, Name: n.Name, Scopes: n.Scopes}
	return s.issue(ctx, p.Actor, c, n.RequestKey)
}

// IssueToken makes a member token for the person who is signed in.
//
// Errors: ErrForbidden, ErrTooManyKeys, ErrKeyShown.
func (s *Service) IssueToken(ctx context.Context, p Principal, requestKey string) (Issued, error) {
	if p.Kind != KindHuman {
		return Issued{}, ErrForbidden
	}
	c := Credential{Kind: KindMember, OrgID: p.OrgID, PrincipalID: p.ID, Name: p.Name}
	return s.issue(ctx, p.Actor, c, requestKey)
}

func cleanScopes(scopes []string) ([]string, error) {
	if scopes == nil {
		return []string{ScopeRead, ScopeRequest}, nil
	}
	var out []string
	for _, known := range []string{ScopeRead, ScopeRequest} {
		if slices.Contains(scopes, known) {
			out = append(out, known)
		}
	}
	if len(out) == 0 || slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(out, s) }) {
		return nil, ErrInvalid.Say("Choose at least one of %s and %s.", ScopeRead, ScopeRequest).With("field", "scopes")
	}
	return out, nil
}

// issue stores a new key once per request. A repeat is told the same secret
// again: of three presses, nobody knows whose answer is shown.
func (s *Service) issue(ctx context.Context, by Actor, c Credential, requestKey string) (Issued, error) {
	prefix := prefixOf(c.Kind)
	out := Issued{Secret: s.newSecret(prefix)}
	var request []byte
	if requestKey != "" {
		asked := append([]string{requestKey, c.PrincipalID, c.Name}, c.Scopes...)
		out.Secret, request = s.secretFor(prefix, strings.Join(asked, "\x00")), hashOf(requestKey)
	}
	c.ID, c.CreatedAt, c.CreatedBy = s.newID("key_"), s.wallNow(), by.Name
	c.Hash, c.Prefix = hashOf(out.Secret), out.Secret[:shownChars]
	err := s.store.InTx(ctx, func(tx Tx) error {
		out.Credential, out.Replayed = c, false
		if err := tx.LockOrg(ctx, c.OrgID); err != nil {
			return err
		}
		if request != nil {
			old, err := tx.KeyByRequest(ctx, c.OrgID, request)
			if err == nil {
				out.Credential, out.Replayed = old, true
				return nil
			}
			if !errors.Is(err, ErrNotFound) {
				return err
			}
		}
		return s.insertKey(ctx, tx, by, &out.Credential, request)
	})
	if err == nil && out.Replayed {
		err = mayRepeat(out.Credential, c)
	}
	if err != nil {
		return Issued{}, err
	}
	return out, nil
}

// mayRepeat says why the secret of a key cannot be told again to what asks for
// it now.
func mayRepeat(old, asked Credential) error {
	switch {
	case !old.RevokedAt.IsZero() || asked.CreatedAt.Sub(old.CreatedAt) >= replayLife:
		return ErrKeyShown
	case !bytes.Equal(old.Hash, asked.Hash): // or the server's own secret is another one since
		return ErrIdempotencyConflict
	}
	return nil
}

func (s *Service) insertKey(ctx context.Context, tx Tx, by Actor, c *Credential, request []byte) error {
	live, err := tx.Keys(ctx, c.OrgID, c.CreatedAt.Add(time.Second))
	if err != nil {
		return err
	}
	if len(live) >= maxLiveKeys {
		return ErrTooManyKeys
	}
	event := "key.issued"
	switch {
	case c.Kind == KindAgent && c.PrincipalID == "":
		c.PrincipalID, event = s.newID("agt_"), "agent.created"
	case c.Kind == KindAgent:
		if err = s.nameFor(ctx, tx, by, c); err != nil {
			return err
		}
	}
	if err = tx.InsertKey(ctx, *c, request); err != nil {
		return err
	}
	facts := map[string]any{"agent": c.PrincipalID, "name": c.Name, "prefix": c.Prefix, "scopes": c.Scopes}
	if c.Kind == KindMember {
		event, facts = "token.issued", map[string]any{"prefix": c.Prefix}
	}
	return s.audit(ctx, tx, c.OrgID, by, event, c.ID, facts)
}

// nameFor gives another key of an agent the agent's name, or the agent a new
// one.
func (s *Service) nameFor(ctx context.Context, tx Tx, by Actor, c *Credential) error {
	keys, err := agentKeys(ctx, tx, c.OrgID, c.PrincipalID)
	switch {
	case err != nil:
		return err
	case c.Name == "":
		c.Name = keys[0].Name
		return nil
	}
	return s.rename(ctx, tx, by, keys, c.Name)
}
