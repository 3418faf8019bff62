package db

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// The words of people are in front of what can be read as a line.
const (
	approvalColumns = `actor_name, key_by, reason, ` + approvalLine
	approvalLine    = `id{!}, org_id{!}, state{!}, mode{!}, actor_kind{!}, principal_id{!}, credential_id{!}, key_prefix{!},
	action{!}, quote{!}, nonce{!}, base_digest{!}, op_digest{!}, created_at{!}, expires_at{!}, opened_at, decided_at, decided_by,
	assurance, denial, intent_id, result, replaced_by`
)

// selectApprovals is read into approvalLineFields.
var selectApprovals = `SELECT actor_name, key_by, reason, ` + lineOf(approvalLine) + ` FROM approvals`

func approvalLineFields(a *billing.Approval) []any { return lineFrom(3, approvalFields(a)) }

// approvalFields scans the action into the quote, of which it is a part, before
// the quote itself.
func approvalFields(a *billing.Approval) []any {
	return []any{
		&a.Actor.Name, &a.KeyBy, &a.Reason,
		&a.ID, &a.OrgID, &a.State, &a.Mode, &a.Actor.Kind, &a.Actor.ID, &a.Actor.CredentialID, &a.KeyPrefix,
		&a.Quote.Change.Action, asJSON(&a.Quote), &a.Nonce, &a.BaseDigest, &a.OpDigest,
		(*stamp)(&a.CreatedAt), (*stamp)(&a.ExpiresAt), (*stamp)(&a.OpenedAt), (*stamp)(&a.DecidedAt),
		asJSON(&a.DecidedBy), (*text)(&a.Assurance), asJSON(&a.Denial), (*text)(&a.IntentID), asJSON(&a.Result),
		(*text)(&a.ReplacedBy),
	}
}

// InsertApproval implements billing.ApprovalTx. A principal has one pending
// request per action, held by an index that does not know the time: what has
// expired but was never written down has to be ended (EndApproval) first, in
// the same transaction and under LockOrg, else this is an error.
func (q queries) InsertApproval(ctx context.Context, a billing.Approval) error {
	return q.exec(ctx, `INSERT INTO approvals (`+approvalColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
		$24, $25, $26)`, approvalFields(&a)...)
}

var approvals = slotsOf(approvalLineFields)

var selectApproval = share(selectApprovals+` WHERE id = $2 AND org_id = $1`, "text", "text")

// Approval implements billing.ApprovalTx.
func (q queries) Approval(ctx context.Context, orgID, id string) (billing.Approval, error) {
	return oneOf(ctx, q, approvals, selectApproval, orgID, id)
}

// ApprovalOrg implements billing.ApprovalTx.
func (q queries) ApprovalOrg(ctx context.Context, id, userID string) (string, error) {
	return one(ctx, q, scalar[string], `SELECT a.org_id FROM approvals a
		JOIN members m ON m.org_id = a.org_id AND m.user_id = $2 WHERE a.id = $1`, id, userID)
}

// Approvals implements billing.ApprovalTx.
func (q queries) Approvals(ctx context.Context, orgID string, f billing.ApprovalFilter) ([]billing.Approval, error) {
	if f.Limit <= 0 {
		f.Limit = math.MaxInt32
	}
	return many(ctx, q, approvalLineFields, selectApprovals+`
		WHERE org_id = $1 AND ($2 = '' OR state = $2) AND ($3 = '' OR principal_id = $3)
		AND ($4 = '' OR (created_at, id) < (SELECT b.created_at, b.id FROM approvals b WHERE b.org_id = $1 AND b.id = $4))
		ORDER BY created_at DESC, id DESC LIMIT $5`, orgID, f.State, f.PrincipalID, f.Before, f.Limit)
}

type stateCount struct {
	state billing.ApprovalState
	n     int
}

// CountApprovals implements billing.ApprovalTx.
func (q queries) CountApprovals(ctx context.Context, orgID, principalID string, since time.Time) (map[billing.ApprovalState]int, error) {
	counts, err := many(ctx, q, func(c *stateCount) []any { return []any{&c.state, &c.n} },
		`SELECT state, count(*) FROM approvals WHERE org_id = $1 AND principal_id = $2 AND created_at >= $3 GROUP BY state`,
		orgID, principalID, stamp(since))
	byState := make(map[billing.ApprovalState]int, len(counts))
	for _, c := range counts {
		byState[c.state] = c.n
	}
	return byState, err
}

// Approve implements billing.ApprovalTx. It is one statement, so that nothing
// can change between a look and the write: the request is pending and has not
// expired by the database's clock, is about the same thing, starts from the
// subscription as it is now, was asked with a key that is still good, is decided
// by somebody who still may, and no other change of the org is under way.
func (q queries) Approve(ctx context.Context, d billing.Decision) (bool, error) {
	at := d.At
	if now := q.s.now(); (q.s.engine == sqliteEngine || q.s.clock != nil) && now.After(at) {
		at = now
	}
	ok, err := q.guarded(ctx, `UPDATE approvals SET state = 'approved', decided_at = $1, decided_by = $2, assurance = $3,
		quote = $4, op_digest = $5, intent_id = $6
		WHERE org_id = $7 AND id = $8 AND state = 'pending' AND expires_at > {now} AND base_digest = $9
		AND (SELECT s.version FROM subscriptions s WHERE s.org_id = approvals.org_id) = $10
		AND EXISTS (SELECT 1 FROM credentials c WHERE c.id = approvals.credential_id
			AND c.revoked_at IS NULL AND c.paused_at IS NULL)
		AND ($11 = '' OR EXISTS (SELECT 1 FROM members m WHERE m.org_id = approvals.org_id
			AND m.user_id = $11 AND m.role IN ('owner', 'billing_admin')))
		AND NOT EXISTS (SELECT 1 FROM approvals o WHERE o.org_id = approvals.org_id
			AND o.state IN ('approved', 'executing', 'indeterminate'))`,
		stamp(at), asJSON(&d.By), text(d.Assurance), asJSON(&d.Quote), d.OpDigest, text(d.IntentID),
		d.OrgID, d.ApprovalID, d.BaseDigest, d.SubscriptionVersion, d.DeciderUserID)
	if isUnique(err) {
		// Two requests of one org at once: the index let one through. PostgreSQL
		// has aborted the transaction, so it starts again and sees the winner.
		if q.tx != nil {
			return false, errRaced
		}
		return false, nil
	}
	return ok, err
}

// EndApproval implements billing.ApprovalTx.
func (q queries) EndApproval(ctx context.Context, a billing.Approval) (bool, error) {
	ends := []billing.ApprovalState{
		billing.ApprovalDenied, billing.ApprovalExpired, billing.ApprovalCanceled, billing.ApprovalSuperseded,
		billing.ApprovalInvalidated,
	}
	if !slices.Contains(ends, a.State) {
		return false, fmt.Errorf("db: a pending approval can not be ended as %q", a.State)
	}
	return q.guarded(ctx, `UPDATE approvals SET state = $3, decided_at = $4, decided_by = $5, denial = $6, replaced_by = $7
		WHERE org_id = $1 AND id = $2 AND state = 'pending'`,
		a.OrgID, a.ID, a.State, stamp(a.DecidedAt), asJSON(&a.DecidedBy), asJSON(&a.Denial), text(a.ReplacedBy))
}

// MoveApproval implements billing.ApprovalTx. A nil result keeps what is there.
func (q queries) MoveApproval(ctx context.Context, orgID, id string, to billing.ApprovalState, result *billing.Outcome, at time.Time) (bool, error) {
	return q.guarded(ctx, `UPDATE approvals SET state = $3, result = COALESCE($4, result), moved_at = $5
		WHERE org_id = $1 AND id = $2 AND CASE $3
			WHEN 'executing' THEN state = 'approved'
			WHEN 'indeterminate' THEN state IN ('approved', 'executing')
			WHEN 'succeeded' THEN state IN ('approved', 'executing', 'indeterminate')
			WHEN 'failed' THEN state IN ('approved', 'executing', 'indeterminate')
			ELSE false END`,
		orgID, id, to, asJSON(&result), stamp(at))
}

// RequoteApproval implements billing.ApprovalTx.
func (q queries) RequoteApproval(ctx context.Context, a billing.Approval) (bool, error) {
	return q.guarded(ctx, `UPDATE approvals SET mode = $3, reason = $4, quote = $5, op_digest = $6, expires_at = $7
		WHERE org_id = $1 AND id = $2 AND state = 'pending'`,
		a.OrgID, a.ID, a.Mode, a.Reason, asJSON(&a.Quote), a.OpDigest, stamp(a.ExpiresAt))
}

// MarkOpened implements billing.ApprovalTx; the first time counts.
func (q queries) MarkOpened(ctx context.Context, orgID, id string, at time.Time) error {
	return q.exec(ctx, `UPDATE approvals SET opened_at = $3
		WHERE org_id = $1 AND id = $2 AND state = 'pending' AND opened_at IS NULL`, orgID, id, stamp(at))
}

// ExpireApprovals implements billing.ApprovalTx. They ended when they ended, not
// when somebody noticed.
func (q queries) ExpireApprovals(ctx context.Context, now time.Time, limit int) ([]billing.Approval, error) {
	return writtenMany(ctx, q, approvalFields, `UPDATE approvals SET state = 'expired', decided_at = expires_at
		WHERE id IN (SELECT id FROM approvals WHERE state = 'pending' AND expires_at <= $1
			ORDER BY expires_at LIMIT $2 {skip_locked})
		RETURNING `+approvalColumns, stamp(now), limit)
}

const tokenColumns = `hash, org_id, approval_id, principal_id, credential_id, created_at, expires_at, used_at, dead_at`

func tokenFields(t *billing.ConfirmToken) []any {
	return []any{
		&t.Hash, &t.OrgID, &t.ApprovalID, &t.PrincipalID, &t.CredentialID, (*stamp)(&t.CreatedAt), (*stamp)(&t.ExpiresAt),
		(*stamp)(&t.UsedAt), (*stamp)(&t.DeadAt),
	}
}

// InsertToken implements billing.ApprovalTx.
func (q queries) InsertToken(ctx context.Context, t billing.ConfirmToken) error {
	return q.exec(ctx, `INSERT INTO confirm_tokens (`+tokenColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, tokenFields(&t)...)
}

// Token implements billing.ApprovalTx.
func (q queries) Token(ctx context.Context, orgID string, hash []byte) (billing.ConfirmToken, error) {
	return one(ctx, q, tokenFields, `SELECT `+tokenColumns+` FROM confirm_tokens WHERE hash = $2 AND org_id = $1`, orgID, hash)
}

// UseToken implements billing.ApprovalTx.
func (q queries) UseToken(ctx context.Context, hash []byte, now time.Time) (bool, error) {
	return q.guarded(ctx, `UPDATE confirm_tokens SET used_at = $2
		WHERE hash = $1 AND used_at IS NULL AND dead_at IS NULL AND expires_at > $2`, hash, stamp(now))
}

// KillTokens implements billing.ApprovalTx.
func (q queries) KillTokens(ctx context.Context, approvalID string, at time.Time) error {
	return q.exec(ctx, `UPDATE confirm_tokens SET dead_at = $2
		WHERE approval_id = $1 AND used_at IS NULL AND dead_at IS NULL`, approvalID, stamp(at))
}

// InsertTokenFailure implements billing.ApprovalTx.
func (q queries) InsertTokenFailure(ctx context.Context, orgID, principalID string, at time.Time) error {
	return q.exec(ctx, `INSERT INTO token_failures (org_id, principal_id, at) VALUES ($1, $2, $3)`, orgID, principalID, stamp(at))
}

// CountTokenFailures implements billing.ApprovalTx.
func (q queries) CountTokenFailures(ctx context.Context, orgID, principalID string, since time.Time) (int, error) {
	return one(ctx, q, scalar[int], `SELECT count(*) FROM token_failures
		WHERE org_id = $1 AND principal_id = $2 AND at >= $3`, orgID, principalID, stamp(since))
}
