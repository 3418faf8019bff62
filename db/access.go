package db

import (
	"context"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func userFields(u *billing.User) []any {
	return []any{&u.ID, &u.Email, &u.Name, (*stamp)(&u.CreatedAt)}
}

// UserByEmail implements billing.AccessTx.
func (q queries) UserByEmail(ctx context.Context, email string) (billing.User, error) {
	return one(ctx, q, userFields, `SELECT id, email, name, created_at FROM users WHERE email = $1`, email)
}

// whereUsable finds a link, of people or operators, that still signs in: by its
// hash, at a time.
const whereUsable = ` WHERE hash = $1 AND used_at IS NULL AND expires_at > $2`

const linkColumns = `hash, email, next, created_at, expires_at, used_at, org_id`

func linkFields(l *billing.SignInLink) []any {
	return []any{&l.Hash, &l.Email, &l.Next, (*stamp)(&l.CreatedAt), (*stamp)(&l.ExpiresAt), (*stamp)(&l.UsedAt), (*text)(&l.OrgID)}
}

// InsertSignInLink implements billing.AccessTx.
func (q queries) InsertSignInLink(ctx context.Context, l billing.SignInLink) error {
	return q.exec(ctx, `INSERT INTO signin_links (`+linkColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`, linkFields(&l)...)
}

// SignInLink implements billing.AccessTx.
func (q queries) SignInLink(ctx context.Context, hash []byte, now time.Time) (billing.SignInLink, error) {
	return one(ctx, q, linkFields, `SELECT `+linkColumns+` FROM signin_links`+whereUsable, hash, stamp(now))
}

// UseSignInLink implements billing.AccessTx.
func (q queries) UseSignInLink(ctx context.Context, hash []byte, now time.Time) (billing.SignInLink, error) {
	return written(ctx, q, linkFields, `UPDATE signin_links SET used_at = $2`+whereUsable+` RETURNING `+linkColumns, hash, stamp(now))
}

func sessionFields(s *billing.Session) []any {
	return []any{
		&s.ID, &s.Hash, &s.UserID, &s.OrgID, (*stamp)(&s.CreatedAt), (*stamp)(&s.LastSeenAt), (*stamp)(&s.ExpiresAt),
		(*stamp)(&s.RevokedAt),
	}
}

// InsertSession implements billing.AccessTx.
func (q queries) InsertSession(ctx context.Context, s billing.Session) error {
	return q.exec(ctx, `INSERT INTO sessions (id, hash, user_id, org_id, created_at, last_seen_at, expires_at, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, sessionFields(&s)...)
}

type sessionPrincipal struct {
	session   billing.Session
	principal billing.Principal
}

func sessionPrincipalFields(s *sessionPrincipal) []any {
	return append(sessionFields(&s.session), &s.principal.Name, &s.principal.Email, &s.principal.Role, &s.principal.OrgName)
}

// SessionPrincipal implements billing.AccessTx.
func (q queries) SessionPrincipal(ctx context.Context, hash []byte, now, idleSince time.Time) (billing.Session, billing.Principal, error) {
	s, err := one(ctx, q, sessionPrincipalFields, `SELECT s.id, s.hash, s.user_id, s.org_id, s.created_at, s.last_seen_at,
		s.expires_at, s.revoked_at, u.name, u.email, m.role, o.name
		FROM sessions s JOIN users u ON u.id = s.user_id JOIN orgs o ON o.id = s.org_id
		JOIN members m ON m.org_id = s.org_id AND m.user_id = s.user_id
		WHERE s.hash = $1 AND s.revoked_at IS NULL AND s.expires_at > $2 AND s.last_seen_at >= $3`,
		hash, stamp(now), stamp(idleSince))
	if err != nil {
		return billing.Session{}, billing.Principal{}, err
	}
	p := s.principal
	p.Kind, p.ID, p.CredentialID = billing.KindHuman, s.session.UserID, s.session.ID
	p.OrgID, p.SignedInAt = s.session.OrgID, s.session.CreatedAt
	return s.session, p, nil
}

// TouchSession implements billing.AccessTx.
func (q queries) TouchSession(ctx context.Context, id string, at time.Time) error {
	return q.exec(ctx, `UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2`, id, stamp(at))
}

// RevokeSession implements billing.AccessTx.
func (q queries) RevokeSession(ctx context.Context, id string, at time.Time) error {
	return q.exec(ctx, `UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL`, id, stamp(at))
}

// SetSessionOrg implements billing.AccessTx.
func (q queries) SetSessionOrg(ctx context.Context, id, orgID string) error {
	return q.exec(ctx, `UPDATE sessions SET org_id = $2 WHERE id = $1`, id, orgID)
}

const credentialColumns = `c.id, c.kind, c.org_id, c.principal_id, c.name, c.hash, c.prefix, c.scopes, c.created_by,
	c.created_at, c.last_used_at, c.paused_at, c.revoked_at`

func credentialFields(c *billing.Credential) []any {
	return []any{
		&c.ID, &c.Kind, (*text)(&c.OrgID), &c.PrincipalID, &c.Name, &c.Hash, &c.Prefix, asJSON(&c.Scopes), &c.CreatedBy,
		(*stamp)(&c.CreatedAt), (*stamp)(&c.LastUsedAt), (*stamp)(&c.PausedAt), (*stamp)(&c.RevokedAt),
	}
}

// InsertCredential implements billing.AccessTx.
func (q queries) InsertCredential(ctx context.Context, c billing.Credential) error {
	return q.exec(ctx, `INSERT INTO credentials (id, kind, org_id, principal_id, name, hash, prefix, scopes, created_by,
		created_at, last_used_at, paused_at, revoked_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, credentialFields(&c)...)
}

type keyPrincipal struct {
	credential  billing.Credential
	org         string
	name, email string
	role        billing.Role
}

func keyPrincipalFields(k *keyPrincipal) []any {
	return append(credentialFields(&k.credential), (*text)(&k.org), (*text)(&k.name), (*text)(&k.email), (*text)(&k.role))
}

// KeyPrincipal implements billing.AccessTx. The token of a person who is no
// longer a member is not found: it has nothing left to stand for.
func (q queries) KeyPrincipal(ctx context.Context, hash []byte) (billing.Credential, billing.Principal, error) {
	k, err := one(ctx, q, keyPrincipalFields, `SELECT `+credentialColumns+`, o.name, u.name, u.email, m.role
		FROM credentials c LEFT JOIN orgs o ON o.id = c.org_id
		LEFT JOIN members m ON c.kind = 'member' AND m.org_id = c.org_id AND m.user_id = c.principal_id
		LEFT JOIN users u ON u.id = m.user_id
		WHERE c.hash = $1 AND c.revoked_at IS NULL AND (c.kind <> 'member' OR m.role IS NOT NULL)`, hash)
	if err != nil {
		return billing.Credential{}, billing.Principal{}, err
	}
	c := k.credential
	p := billing.Principal{
		Actor: billing.Actor{Kind: c.Kind, ID: c.PrincipalID, Name: c.Name, CredentialID: c.ID},
		OrgID: c.OrgID, OrgName: k.org, Email: k.email, Role: k.role, Scopes: c.Scopes, Paused: !c.PausedAt.IsZero(),
	}
	if k.name != "" {
		p.Name = k.name
	}
	return c, p, nil
}

// Credential implements billing.AccessTx; an empty org is that of host keys.
func (q queries) Credential(ctx context.Context, orgID, id string) (billing.Credential, error) {
	return one(ctx, q, credentialFields, `SELECT `+credentialColumns+` FROM credentials c
		WHERE c.id = $2 AND COALESCE(c.org_id, '') = $1`, orgID, id)
}

// TouchCredential implements billing.AccessTx.
func (q queries) TouchCredential(ctx context.Context, id string, at time.Time) error {
	return q.exec(ctx, `UPDATE credentials SET last_used_at = $2
		WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)`, id, stamp(at))
}

// PauseCredential implements billing.AccessTx; the zero time lifts the pause.
// ErrNotFound if the org has no such key.
func (q queries) PauseCredential(ctx context.Context, orgID, id string, at time.Time) error {
	_, err := written(ctx, q, scalar[string], `UPDATE credentials SET paused_at = $3
		WHERE id = $2 AND COALESCE(org_id, '') = $1 RETURNING id`, orgID, id, stamp(at))
	return err
}

// RevokeCredential implements billing.AccessTx. ErrNotFound if the org has no
// such key; a key that was revoked before stays as it was.
func (q queries) RevokeCredential(ctx context.Context, orgID, id string, at time.Time) error {
	return q.atomically(ctx, func(q queries) error {
		_, err := written(ctx, q, scalar[string], `UPDATE credentials SET revoked_at = COALESCE(revoked_at, $3)
			WHERE id = $2 AND COALESCE(org_id, '') = $1 RETURNING id`, orgID, id, stamp(at))
		if err != nil {
			return err
		}
		return q.exec(ctx, `UPDATE approvals SET state = 'invalidated', decided_at = $2
			WHERE credential_id = $1 AND state = 'pending'`, id, stamp(at))
	})
}
