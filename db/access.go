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

// caller is who is behind a session or a key, as it is read.
type caller struct {
	billing.Principal
	person string // its name
	scopes scopes
	paused time.Time
	seen   time.Time // when the session or the key was last used
	over   billing.Overview
	lists  recentLists
}

// The person and the org of a session come with it, whether it is the only org
// of the person, and the overview of the org where it is asked for.
const (
	sessionLine = `e.id{!}, e.user_id{!}, e.org_id{!}, e.created_at{!}, e.last_seen_at{!}, u.email{!}, m.role{!},
		NOT EXISTS (SELECT 1 FROM members n WHERE n.user_id = e.user_id AND n.org_id <> e.org_id){!}`
	ofSession = ` FROM sessions e JOIN users u ON u.id = e.user_id JOIN orgs o ON o.id = e.org_id
		JOIN members m ON m.org_id = e.org_id AND m.user_id = e.user_id`
	whereSession = ` WHERE e.hash = $1 AND e.revoked_at IS NULL`
)

var (
	selectSession = share(`SELECT u.name, o.name, `+lineOf(sessionLine)+ofSession+whereSession+
		` AND e.expires_at > $2 AND e.last_seen_at >= $3`, "bytea", "timestamptz", "timestamptz")
	selectSessionOverview = share(`SELECT u.name, o.name, `+lineOf(sessionLine+`, `+overviewLine)+ofSession+
		` JOIN subscriptions s ON s.org_id = o.id`+whereSession+` AND e.expires_at > $5 AND e.last_seen_at >= $6`,
		"bytea", "timestamptz", "timestamptz", "timestamptz", "timestamptz", "timestamptz")
)

// SessionRecent does not count what waits, it lists it.
var selectSessionRecent = share(`SELECT `+recentOf(`o.id`, 6)+`, u.name, o.name, `+
	lineOf(sessionLine+`, `+overviewStart+`0{!}, `+overviewUsage+`, `+reviewOf(`o.id`))+ofSession+
	` JOIN subscriptions s ON s.org_id = o.id`+whereSession+` AND e.expires_at > $2 AND e.last_seen_at >= $5`,
	"bytea", "timestamptz", "timestamptz", "timestamptz", "timestamptz", "bigint", "bigint", "bigint")

func callerFields(c *caller) []any {
	return append(make([]any, 0, 64),
		&c.CredentialID, &c.ID, &c.OrgID, (*stamp)(&c.SignedInAt), (*stamp)(&c.seen), &c.Email, &c.Role, &c.OnlyOrg)
}

var (
	sessions = slotsOf(func(c *caller) []any {
		return []any{&c.Name, &c.OrgName, line(callerFields(c))}
	})
	sessionOverviews = slotsOf(func(c *caller) []any {
		return []any{&c.Name, &c.OrgName, line(c.withOverview(callerFields(c)))}
	})
	sessionRecents = slotsOf(func(c *caller) []any {
		return append(recentFields(&c.lists), &c.Name, &c.OrgName, line(append(c.withOverview(callerFields(c)), &c.lists.inReview)))
	})
)

// SessionPrincipal implements billing.AccessTx.
func (q queries) SessionPrincipal(ctx context.Context, hash []byte, now, idleSince time.Time) (billing.Principal, time.Time, error) {
	c, err := oneOf(ctx, q, sessions, selectSession, hash, stamp(now), stamp(idleSince))
	c.Kind = billing.KindHuman
	return c.result(err)
}

// SessionOverview implements billing.AccessTx.
func (q queries) SessionOverview(ctx context.Context, hash []byte, now, idleSince time.Time) (billing.Principal, time.Time, error) {
	c, err := oneOf(ctx, q, sessionOverviews, selectSessionOverview, append(q.overviewArgs(hash), moment(now), moment(idleSince))...)
	c.Kind = billing.KindHuman
	c.tell()
	return c.result(err)
}

// SessionRecent implements billing.AccessTx.
func (q queries) SessionRecent(ctx context.Context, hash []byte, now, idleSince time.Time, most billing.RecentLimits) (billing.Principal, time.Time, error) {
	at, args := q.s.now(), q.overviewArgs(hash)
	args[1] = moment(now)
	c, err := oneOf(ctx, q, sessionRecents, selectSessionRecent, append(args, moment(idleSince), most.Invoices, most.Limits, most.Waiting+1)...)
	c.Kind = billing.KindHuman
	c.tell()
	if err == nil {
		err = q.listed(ctx, &c, at, most.Waiting)
	}
	return c.result(err)
}

// listed takes the lists of a caller apart. All that waits are counted in their
// list, which is one longer than was asked for, or in the database if even that
// is full.
func (q queries) listed(ctx context.Context, c *caller, now time.Time, most int) error {
	recent, err := c.lists.apart()
	if err != nil {
		return fault(selectSessionRecent.alone, err)
	}
	if c.Overview.Recent = &recent; len(recent.Waiting) > most {
		recent.Waiting = recent.Waiting[:most]
		c.Overview.Pending, err = one(ctx, q, scalar[int], `SELECT`+pendingCount+` AND a.org_id = $1`, c.OrgID, stamp(now))
		return err
	}
	for _, a := range recent.Waiting {
		if a.ExpiresAt.After(now) {
			c.Overview.Pending++
		}
	}
	return nil
}

// withOverview adds the fields of the overview that comes with the caller.
func (c *caller) withOverview(fields []any) []any { return overviewFields(fields, &c.over) }

// tell hands the overview on, with the name of its org.
func (c *caller) tell() {
	over := c.over
	over.Org.Name = c.OrgName
	c.Overview = &over
}

func (c *caller) result(err error) (billing.Principal, time.Time, error) {
	if err != nil {
		return billing.Principal{}, time.Time{}, err
	}
	return c.Principal, c.seen, nil
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

// The same for a key. The token of a person who is no longer a member is not
// found: it has nothing left to stand for.
const (
	keyLine = `c.id{!}, c.kind{!}, c.org_id, c.principal_id{!}, c.scopes, c.last_used_at, c.paused_at`
	ofKey   = ` FROM credentials c LEFT JOIN orgs o ON o.id = c.org_id
		LEFT JOIN members m ON c.kind = 'member' AND m.org_id = c.org_id AND m.user_id = c.principal_id
		LEFT JOIN users u ON u.id = m.user_id`
	whereKey = ` WHERE c.hash = $1 AND c.revoked_at IS NULL AND (c.kind <> 'member' OR m.role IS NOT NULL)`
)

var (
	selectKey = share(`SELECT c.name, u.name, o.name, `+lineOf(keyLine+`, u.email, m.role`)+ofKey+whereKey, "bytea")
	// An agent is no person, and PostgreSQL is fast with what it need not join.
	selectAgentOverview = share(`SELECT c.name, o.name, `+lineOf(keyLine+`, `+overviewLine)+`
		FROM credentials c JOIN orgs o ON o.id = c.org_id JOIN subscriptions s ON s.org_id = o.id
		WHERE c.hash = $1 AND c.revoked_at IS NULL AND c.kind = 'agent'`, "bytea", "timestamptz", "timestamptz", "timestamptz")
)

func keyFields(c *caller) []any {
	return append(make([]any, 0, 64),
		&c.CredentialID, &c.Kind, &c.OrgID, &c.ID, &c.scopes, (*stamp)(&c.seen), (*stamp)(&c.paused))
}

var (
	keys = slotsOf(func(c *caller) []any {
		return []any{&c.Name, (*text)(&c.person), (*text)(&c.OrgName), line(append(keyFields(c), &c.Email, &c.Role))}
	})
	agentOverviews = slotsOf(func(c *caller) []any {
		return []any{&c.Name, &c.OrgName, line(c.withOverview(keyFields(c)))}
	})
)

// KeyPrincipal implements billing.AccessTx.
func (q queries) KeyPrincipal(ctx context.Context, hash []byte) (billing.Principal, time.Time, error) {
	c, err := oneOf(ctx, q, keys, selectKey, hash)
	c.complete()
	return c.result(err)
}

// AgentOverview implements billing.AccessTx.
func (q queries) AgentOverview(ctx context.Context, hash []byte) (billing.Principal, time.Time, error) {
	c, err := oneOf(ctx, q, agentOverviews, selectAgentOverview, q.overviewArgs(hash)...)
	c.complete()
	c.tell()
	return c.result(err)
}

// complete gives a member's token its person's name.
func (c *caller) complete() {
	c.Scopes, c.Paused = c.scopes, !c.paused.IsZero()
	if c.person != "" {
		c.Name = c.person
	}
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
