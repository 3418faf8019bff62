package billing

import (
	"context"
	"strings"
)

// KeyToRevoke reads what revoking a key would end: the key, and how many
// requests made with it wait.
//
// Errors: ErrForbidden, ErrNotFound.
func (s *Service) KeyToRevoke(ctx context.Context, p Principal, keyID string) (Credential, int, error) {
	c, err := s.revocable(ctx, s.store, p, keyID)
	if err != nil {
		return c, 0, err
	}
	waiting, err := s.store.PendingOf(ctx, c.OrgID, c.ID)
	return c, len(waiting), err
}

// revocable reads a key that the person may revoke: an agent's as somebody who
// can manage the org, a token only as the one whose it is.
func (s *Service) revocable(ctx context.Context, tx Tx, p Principal, keyID string) (Credential, error) {
	if p.Kind != KindHuman {
		return Credential{}, ErrForbidden
	}
	c, err := tx.Credential(ctx, p.OrgID, keyID)
	switch {
	case err != nil:
		return c, err
	case c.Kind == KindMember && c.PrincipalID == p.ID, c.Kind == KindAgent && p.Role.CanManage():
		return c, nil
	case c.Kind == KindAgent:
		return Credential{}, ErrForbidden
	}
	return Credential{}, ErrNotFound
}

// RevokeKey ends a key for good, and in the same transaction every request that
// waits and was made with it. Twice is once.
//
// Errors: ErrForbidden, ErrNotFound.
func (s *Service) RevokeKey(ctx context.Context, p Principal, keyID string) (Credential, error) {
	var c Credential
	err := s.revoking(ctx, p, p.OrgID, func(tx Tx) (_ []Credential, err error) {
		c, err = s.revocable(ctx, tx, p, keyID)
		return []Credential{c}, err
	})
	return c, err
}

// RevokeAgent ends an agent with all its keys, or one key if that is what the id
// names.
//
// Errors: ErrForbidden, ErrNotFound.
func (s *Service) RevokeAgent(ctx context.Context, p Principal, orgID, id string) error {
	orgID, err := managed(p, orgID)
	if err != nil {
		return err
	}
	return s.revoking(ctx, p, orgID, func(tx Tx) ([]Credential, error) {
		if !strings.HasPrefix(id, "key_") {
			return agentKeys(ctx, tx, orgID, id)
		}
		c, err := tx.Credential(ctx, orgID, id)
		if err == nil && c.Kind != KindAgent {
			err = ErrNotFound
		}
		return []Credential{c}, err
	})
}

// revoking revokes the keys that find returns, and wakes those who wait for an
// answer to what they asked.
func (s *Service) revoking(ctx context.Context, p Principal, orgID string, find func(tx Tx) ([]Credential, error)) error {
	var ended []string
	err := s.store.InTx(ctx, func(tx Tx) error {
		ended = nil
		if err := tx.LockOrg(ctx, orgID); err != nil {
			return err
		}
		keys, err := find(tx)
		if err != nil {
			return err
		}
		for _, c := range keys {
			if c.State() == KeyRevoked {
				continue
			}
			ids, err := s.revoke(ctx, tx, p.Actor, c)
			if err != nil {
				return err
			}
			ended = append(ended, ids...)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, id := range ended {
		s.notifier.Notify(ctx, id)
	}
	return nil
}

// revoke ends one key and what was asked with it; it returns the ids of that.
func (s *Service) revoke(ctx context.Context, tx Tx, by Actor, c Credential) (ended []string, err error) {
	now, err := tx.Now(ctx)
	if err != nil {
		return nil, err
	}
	waiting, err := tx.PendingOf(ctx, c.OrgID, c.ID)
	if err != nil {
		return nil, err
	}
	for _, a := range waiting {
		a.State, a.DecidedAt, a.DecidedBy = ApprovalInvalidated, now, by
		if err = s.end(ctx, tx, a, by, map[string]any{"key": c.ID}); err != nil {
			return nil, err
		}
		if err = tx.KillTokens(ctx, a.ID, now); err != nil {
			return nil, err
		}
		ended = append(ended, a.ID)
	}
	if err = tx.RevokeCredential(ctx, c.OrgID, c.ID, s.wallNow()); err != nil {
		return nil, err
	}
	event := "key.revoked"
	if c.Kind == KindMember {
		event = "token.revoked"
	}
	return ended, s.audit(ctx, tx, c.OrgID, by, event, c.ID, map[string]any{"agent": c.PrincipalID, "name": c.Name, "requests": len(ended)})
}
