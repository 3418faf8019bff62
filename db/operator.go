package db

import (
	"context"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// accessKept is how long what is over stays, for whoever looks into an incident.
const accessKept = 30 * 24 * time.Hour

const operatorLinkColumns = `hash, email, created_at, expires_at, used_at`

func operatorLinkFields(l *billing.SignInLink) []any {
	return []any{&l.Hash, &l.Email, (*stamp)(&l.CreatedAt), (*stamp)(&l.ExpiresAt), (*stamp)(&l.UsedAt)}
}

// InsertOperatorLink implements billing.OperatorAccessTx.
func (q queries) InsertOperatorLink(ctx context.Context, l billing.SignInLink) error {
	return q.atomically(ctx, func(q queries) error {
		if err := q.exec(ctx, `DELETE FROM operator_links WHERE expires_at < $1`, stamp(l.CreatedAt.Add(-accessKept))); err != nil {
			return err
		}
		return q.exec(ctx, `INSERT INTO operator_links (`+operatorLinkColumns+`) VALUES ($1, $2, $3, $4, $5)`, operatorLinkFields(&l)...)
	})
}

// OperatorLink implements billing.OperatorAccessTx.
func (q queries) OperatorLink(ctx context.Context, hash []byte, now time.Time) (billing.SignInLink, error) {
	return one(ctx, q, operatorLinkFields, `SELECT `+operatorLinkColumns+` FROM operator_links`+whereUsable, hash, stamp(now))
}

// UseOperatorLink implements billing.OperatorAccessTx.
func (q queries) UseOperatorLink(ctx context.Context, hash []byte, now time.Time) (billing.SignInLink, error) {
	return written(ctx, q, operatorLinkFields, `UPDATE operator_links SET used_at = $2`+whereUsable+` RETURNING `+operatorLinkColumns, hash, stamp(now))
}

const operatorSessionColumns = `id, hash, email, created_at, expires_at, revoked_at`

func operatorSessionFields(s *billing.OperatorSession) []any {
	return []any{&s.ID, &s.Hash, &s.Email, (*stamp)(&s.CreatedAt), (*stamp)(&s.ExpiresAt), (*stamp)(&s.RevokedAt)}
}

// InsertOperatorSession implements billing.OperatorAccessTx.
func (q queries) InsertOperatorSession(ctx context.Context, s billing.OperatorSession) error {
	return q.atomically(ctx, func(q queries) error {
		if err := q.exec(ctx, `DELETE FROM operator_sessions WHERE expires_at < $1`, stamp(s.CreatedAt.Add(-accessKept))); err != nil {
			return err
		}
		return q.exec(ctx, `INSERT INTO operator_sessions (`+operatorSessionColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
			operatorSessionFields(&s)...)
	})
}

// OperatorSession implements billing.OperatorAccessTx.
func (q queries) OperatorSession(ctx context.Context, hash []byte, now time.Time) (billing.OperatorSession, error) {
	return one(ctx, q, operatorSessionFields, `SELECT `+operatorSessionColumns+` FROM operator_sessions
		WHERE hash = $1 AND revoked_at IS NULL AND expires_at > $2`, hash, stamp(now))
}

// RevokeOperatorSession implements billing.OperatorAccessTx.
func (q queries) RevokeOperatorSession(ctx context.Context, id string, at time.Time) error {
	return q.exec(ctx, `UPDATE operator_sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL`, id, stamp(at))
}

func limitSignalFields(s *billing.LimitSignal) []any {
	return []any{&s.Kind, &s.Plan, &s.Orgs, &s.Asks, (*stamp)(&s.Oldest), &s.Median}
}

// LimitSignals implements billing.OperatorTx. The median is the middle of those
// who said a value, or of the two in the middle.
func (q queries) LimitSignals(ctx context.Context) ([]billing.LimitSignal, error) {
	return many(ctx, q, limitSignalFields, `SELECT kind, plan, count(*), CAST(sum(asks) AS BIGINT), min(created_at),
		COALESCE((min(CASE WHEN place IN ((said + 1) / 2, (said + 2) / 2) THEN wish END) +
			max(CASE WHEN place IN ((said + 1) / 2, (said + 2) / 2) THEN wish END)) / 2, 0)
		FROM (SELECT kind, plan, asks, created_at, NULLIF(desired, 0) AS wish,
			row_number() OVER (PARTITION BY kind, plan ORDER BY NULLIF(desired, 0) NULLS LAST) AS place,
			count(NULLIF(desired, 0)) OVER (PARTITION BY kind, plan) AS said
			FROM limit_requests WHERE state = 'open') AS waiting
		GROUP BY kind, plan ORDER BY count(*) DESC, kind, plan`)
}

func limitCaseFields(c *billing.LimitCase) []any {
	return append(limitRequestFields(&c.LimitRequest), &c.OrgName)
}

const limitCaseColumns = `r.reason, r.id, r.org_id, r.kind, r.plan, r.desired, r.asker, r.asks, r.state, r.created_at, r.asked_at, r.answer, o.name`

// OpenLimits implements billing.OperatorTx.
func (q queries) OpenLimits(ctx context.Context, kind, plan, after string, limit int) ([]billing.LimitCase, error) {
	return many(ctx, q, limitCaseFields, `SELECT `+limitCaseColumns+` FROM limit_requests r JOIN orgs o ON o.id = r.org_id
		WHERE r.state = 'open' AND r.kind = $1 AND r.plan = $2
			AND ($3 = '' OR (r.created_at, r.id) > (SELECT b.created_at, b.id FROM limit_requests b WHERE b.id = $3))
		ORDER BY r.created_at, r.id LIMIT $4`, kind, plan, after, limit)
}

// LimitCase implements billing.OperatorTx.
func (q queries) LimitCase(ctx context.Context, id string) (billing.LimitCase, error) {
	return one(ctx, q, limitCaseFields, `SELECT `+limitCaseColumns+` FROM limit_requests r JOIN orgs o ON o.id = r.org_id
		WHERE r.id = $1`, id)
}

// AnswerLimit implements billing.OperatorTx.
func (q queries) AnswerLimit(ctx context.Context, orgID, id string, to billing.LimitState, a billing.LimitAnswer) (bool, error) {
	return q.guarded(ctx, `UPDATE limit_requests SET state = $3, answer = $4 WHERE org_id = $1 AND id = $2 AND state = 'open'`,
		orgID, id, to, asJSON(&a))
}

func orgLineFields(l *billing.OrgLine) []any {
	return append(orgFields(&l.Org), &l.Plan, (*text)(&l.Status), (*stamp)(&l.PastDueSince))
}

// lastRune is after every name that begins with the same text.
const lastRune = "\U0010FFFF"

// The two halves of a search. Each goes along one index from where the page
// begins and stops when it is full: joined by OR they would read and sort every
// match. $3 and $4 are the last org's name and id; it is the name's half that it
// was found in if its name is a match. Both lower bounds of a name are the same:
// PostgreSQL begins at either, and SQLite only at the first.
const (
	named      = `lower(o.name){bytes} >= lower($1) AND lower(o.name){bytes} < lower($1) || $2`
	lastNamed  = `lower($3){bytes} >= lower($1) AND lower($3){bytes} < lower($1) || $2`
	foundOrgs  = `SELECT ` + orgColumns + `, s.plan, s.status, s.past_due_since FROM orgs o JOIN subscriptions s ON s.org_id = o.id WHERE `
	findByName = foundOrgs + `lower(o.name){bytes} >= lower($3){bytes} AND (lower(o.name){bytes}, o.id) > (lower($3){bytes}, $4) AND lower(o.name){bytes} < lower($1) || $2 AND ` + lastNamed + `
		ORDER BY lower(o.name){bytes}, o.id LIMIT $5`
	findByID = foundOrgs + `$1 <> '' AND o.id{bytes} >= $1 AND o.id{bytes} < $1 || $2 AND NOT (` + named + `)
		AND o.id{bytes} > CASE WHEN ` + lastNamed + ` THEN '' ELSE $4 END
		ORDER BY o.id{bytes} LIMIT $5`
)

// FindOrgs implements billing.OperatorTx.
func (q queries) FindOrgs(ctx context.Context, start string, after *billing.Org, limit int) ([]billing.OrgLine, error) {
	name, id := start, ""
	if after != nil {
		name, id = after.Name, after.ID
	}
	found, err := many(ctx, q, orgLineFields, findByName, start, lastRune, name, id, limit)
	if err != nil || len(found) == limit {
		return found, err
	}
	more, err := many(ctx, q, orgLineFields, findByID, start, lastRune, name, id, limit-len(found))
	return append(found, more...), err
}

// SetGiven implements billing.OperatorTx. The versions move on: with what an org
// is given, its caps change and so does what a consent was about.
func (q queries) SetGiven(ctx context.Context, orgID string, designPartner bool, plan string) error {
	return q.atomically(ctx, func(q queries) error {
		err := q.exec(ctx, `UPDATE orgs SET design_partner = $2, given_plan = $3 WHERE id = $1`, orgID, designPartner, text(plan))
		if err != nil {
			return err
		}
		return q.exec(ctx, `UPDATE subscriptions SET version = version + 1, row_version = row_version + 1 WHERE org_id = $1`, orgID)
	})
}

// PausedKeys implements billing.OperatorTx.
func (q queries) PausedKeys(ctx context.Context, orgID string) ([]billing.Credential, error) {
	return many(ctx, q, credentialFields, `SELECT `+credentialColumns+` FROM credentials c
		WHERE c.org_id = $1 AND c.paused_at IS NOT NULL AND c.revoked_at IS NULL ORDER BY c.paused_at DESC, c.id`, orgID)
}
