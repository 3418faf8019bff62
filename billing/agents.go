package billing

import (
	"context"
	"slices"
	"strings"
	"time"
)

// KeyState is whether a key can be used.
type KeyState string

// The states of a key, and of an agent, which is in the best state of its keys.
const (
	KeyActive  KeyState = "active"
	KeyPaused  KeyState = "paused" // may read, not ask
	KeyRevoked KeyState = "revoked"
)

// State says whether the key can be used.
func (c Credential) State() KeyState {
	switch {
	case !c.RevokedAt.IsZero():
		return KeyRevoked
	case !c.PausedAt.IsZero():
		return KeyPaused
	}
	return KeyActive
}

// Agent is an agent of an org with its keys.
type Agent struct {
	ID, Name string
	Keys     []Credential // newest first
	Record   AskRecord    // of the last three months
}

// State is the best state of the agent's keys.
func (a Agent) State() KeyState {
	state := KeyRevoked
	for _, k := range a.Keys {
		switch k.State() {
		case KeyActive:
			return KeyActive
		case KeyPaused:
			state = KeyPaused
		}
	}
	return state
}

// Agents is what Settings → Agents shows.
type Agents struct {
	Agents []Agent      // by name, revoked ones last
	Tokens []Credential // the caller's own member tokens, newest first
	Now    time.Time
}

const (
	maxLiveKeys  = 500                 // of an org that are not revoked
	shownRevoked = 90 * 24 * time.Hour // how long a revoked key is listed
	replayLife   = 24 * time.Hour      // how long a request's key is told again
)

// The errors of keys.
var (
	ErrTooManyKeys = &Error{Kind: KindConflict, Code: "too_many_keys", Message: "There are too many keys already. Revoke those that are not used any more."}
	ErrKeyShown    = &Error{Kind: KindConflict, Code: "key_shown", Message: "This key was made already, and its secret is shown only once. Make another one."}
	ErrKeyRevoked  = &Error{Kind: KindConflict, Code: "key_revoked", Message: "This key was revoked. That cannot be undone; make another one."}
)

// Agents lists the agents of a person's org, and the person's own tokens.
func (s *Service) Agents(ctx context.Context, p Principal) (Agents, error) {
	now := s.wallNow()
	out := Agents{Now: now}
	keys, err := s.store.Keys(ctx, p.OrgID, now.Add(-shownRevoked))
	if err != nil {
		return out, err
	}
	counts, err := s.store.AskCounts(ctx, p.OrgID, s.Now().AddDate(0, -3, 0))
	if err != nil {
		return out, err
	}
	records := map[string]map[ApprovalState]int{}
	for _, c := range counts {
		if records[c.PrincipalID] == nil {
			records[c.PrincipalID] = map[ApprovalState]int{}
		}
		records[c.PrincipalID][c.State] = c.N
	}
	at := map[string]int{}
	for _, k := range keys {
		switch {
		case k.Kind == KindMember && k.PrincipalID == p.ID:
			out.Tokens = append(out.Tokens, k)
			continue
		case k.Kind != KindAgent:
			continue
		}
		i, known := at[k.PrincipalID]
		if !known {
			i = len(out.Agents)
			at[k.PrincipalID] = i
			out.Agents = append(out.Agents, Agent{ID: k.PrincipalID, Name: k.Name, Record: recordOf(records[k.PrincipalID])})
		}
		out.Agents[i].Keys = append(out.Agents[i].Keys, k)
	}
	slices.SortStableFunc(out.Agents, byName)
	return out, nil
}

func byName(a, b Agent) int {
	if over, other := a.State() == KeyRevoked, b.State() == KeyRevoked; over != other {
		if over {
			return 1
		}
		return -1
	}
	return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
}

// agentKeys are the keys of an agent of the org, of which there is at least one.
func agentKeys(ctx context.Context, tx Tx, orgID, agentID string) ([]Credential, error) {
	keys, err := tx.KeysOf(ctx, orgID, agentID)
	if err == nil && (len(keys) == 0 || keys[0].Kind != KindAgent) {
		err = ErrNotFound
	}
	return keys, err
}

func (s *Service) rename(ctx context.Context, tx Tx, by Actor, keys []Credential, name string) error {
	k := keys[0]
	if k.Name == name {
		return nil
	}
	if err := tx.RenameAgent(ctx, k.OrgID, k.PrincipalID, name); err != nil {
		return err
	}
	return s.audit(ctx, tx, k.OrgID, by, "agent.renamed", k.PrincipalID, map[string]any{"name": name, "before": k.Name})
}

// RenameAgent gives an agent another name. Requests that were made keep the name
// that they were made under.
//
// Errors: ErrForbidden, ErrNotFound, ErrInvalid.
func (s *Service) RenameAgent(ctx context.Context, p Principal, agentID, name string) error {
	orgID, err := managed(p, p.OrgID)
	if err != nil {
		return err
	}
	if name, err = cleanName(name, "name"); err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx Tx) error {
		if err := tx.LockOrg(ctx, orgID); err != nil {
			return err
		}
		keys, err := agentKeys(ctx, tx, orgID, agentID)
		if err != nil {
			return err
		}
		return s.rename(ctx, tx, p.Actor, keys, name)
	})
}

// PauseKey pauses an agent's key, so that it can read and not ask, or lifts the
// pause.
//
// Errors: ErrForbidden, ErrNotFound, ErrKeyRevoked.
func (s *Service) PauseKey(ctx context.Context, p Principal, keyID string, pause bool) error {
	orgID, err := managed(p, p.OrgID)
	if err != nil {
		return err
	}
	return s.store.InTx(ctx, func(tx Tx) error {
		if err := tx.LockOrg(ctx, orgID); err != nil {
			return err
		}
		c, err := tx.Credential(ctx, orgID, keyID)
		switch {
		case err != nil:
			return err
		case c.Kind != KindAgent:
			return ErrNotFound
		case c.State() == KeyRevoked:
			return ErrKeyRevoked
		case pause == (c.State() == KeyPaused):
			return nil
		}
		at, event := s.wallNow(), "key.paused"
		if !pause {
			at, event = time.Time{}, "key.resumed"
		}
		if err = tx.PauseCredential(ctx, orgID, keyID, at); err != nil {
			return err
		}
		return s.audit(ctx, tx, orgID, p.Actor, event, keyID, map[string]any{"agent": c.PrincipalID, "name": c.Name})
	})
}

// managed is the org in which the caller may make and end keys. A token never
// makes another key: what it can do is to end with it.
func managed(p Principal, orgID string) (string, error) {
	switch {
	case p.Kind == KindHost && !validOrgID(orgID):
		return "", ErrNotFound
	case p.Kind == KindHost:
		return orgID, nil
	case p.Kind != KindHuman || !p.Role.CanManage():
		return "", ErrForbidden
	}
	return p.OrgID, nil
}
