package db

import (
	"context"
	"fmt"
	"time"

	"github.com/countersignhq/countersign/billing"
)

const intentColumns = `id, org_id, approval_id, request_key, actor, decided_by, assurance, duplicate, quote, from_state, interactive,
	state, attempt, lease_until, created_at, called_at, finished_at, result, restored_at`

func intentFields(i *billing.Intent) []any {
	return []any{
		&i.ID, &i.OrgID, (*text)(&i.ApprovalID), (*text)(&i.RequestKey), asJSON(&i.Actor), asJSON(&i.DecidedBy),
		(*text)(&i.Assurance), &i.Duplicate, asJSON(&i.Quote), asJSON(&i.From), &i.Interactive, &i.State, &i.Attempt,
		(*stamp)(&i.LeaseUntil), (*stamp)(&i.CreatedAt), (*stamp)(&i.CalledAt), (*stamp)(&i.FinishedAt), asJSON(&i.Result),
		(*stamp)(&i.RestoredAt),
	}
}

// InsertIntent implements billing.IntentTx.
func (q queries) InsertIntent(ctx context.Context, i billing.Intent) (bool, error) {
	return q.guarded(ctx, `INSERT INTO intents (`+intentColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
		ON CONFLICT DO NOTHING`, intentFields(&i)...)
}

// Intent implements billing.IntentTx.
func (q queries) Intent(ctx context.Context, orgID, id string) (billing.Intent, error) {
	return one(ctx, q, intentFields, `SELECT `+intentColumns+` FROM intents WHERE id = $2 AND org_id = $1`, orgID, id)
}

// IntentByRequestKey implements billing.IntentTx.
func (q queries) IntentByRequestKey(ctx context.Context, orgID, key string) (billing.Intent, error) {
	return one(ctx, q, intentFields, `SELECT `+intentColumns+` FROM intents WHERE org_id = $1 AND request_key = $2`, orgID, key)
}

// OpenIntent implements billing.IntentTx.
func (q queries) OpenIntent(ctx context.Context, orgID string) (billing.Intent, error) {
	return one(ctx, q, intentFields, `SELECT `+intentColumns+` FROM intents
		WHERE org_id = $1 AND state IN ('pending', 'calling', 'needs_review') AND duplicate = ''`, orgID)
}

// NewestIntent implements billing.OutboxTx.
func (q queries) NewestIntent(ctx context.Context, orgID string) (billing.Intent, error) {
	return one(ctx, q, intentFields, `SELECT `+intentColumns+` FROM intents WHERE org_id = $1 AND duplicate = ''
		ORDER BY created_at DESC, id DESC LIMIT 1`, orgID)
}

// NewestDuplicate implements billing.IntentTx.
func (q queries) NewestDuplicate(ctx context.Context, orgID string) (billing.Intent, error) {
	return one(ctx, q, intentFields, `SELECT `+intentColumns+` FROM intents WHERE org_id = $1 AND duplicate <> ''
		ORDER BY created_at DESC, id DESC LIMIT 1`, orgID)
}

// ClaimIntent implements billing.IntentTx.
func (q queries) ClaimIntent(ctx context.Context, orgID, id string, now, leaseUntil time.Time) (bool, error) {
	return q.guarded(ctx, `UPDATE intents SET state = 'calling', attempt = 1, called_at = $3, lease_until = $4
		WHERE org_id = $1 AND id = $2 AND state = 'pending'`, orgID, id, stamp(now), stamp(leaseUntil))
}

// TakeStaleIntent implements billing.IntentTx. The new lease keeps other workers
// away from a pending one, too, while this one decides what to do.
func (q queries) TakeStaleIntent(ctx context.Context, now, leaseUntil time.Time, grace time.Duration) (billing.Intent, error) {
	return written(ctx, q, intentFields, `UPDATE intents SET lease_until = $2
		WHERE id = (SELECT id FROM intents WHERE state IN ('pending', 'calling')
			AND (lease_until <= $1 OR lease_until IS NULL AND (created_at <= $3 OR duplicate <> ''))
			ORDER BY created_at LIMIT 1 {skip_locked})
		RETURNING `+intentColumns, stamp(now), stamp(leaseUntil), stamp(now.Add(-grace)))
}

// SettleIntent implements billing.IntentTx.
func (q queries) SettleIntent(ctx context.Context, i billing.Intent, from billing.IntentState) (bool, error) {
	switch i.State {
	case billing.IntentDone, billing.IntentFailed, billing.IntentRefused, billing.IntentNeedsReview:
	default:
		return false, fmt.Errorf("db: an intent can not be settled as %q", i.State)
	}
	return q.guarded(ctx, `UPDATE intents SET state = $3, finished_at = $4, result = $5, lease_until = NULL
		WHERE org_id = $1 AND id = $2 AND state = $6 AND attempt = $7 AND state IN ('pending', 'calling', 'needs_review')`,
		i.OrgID, i.ID, i.State, stamp(i.FinishedAt), asJSON(&i.Result), from, i.Attempt)
}

// RetryIntent implements billing.IntentTx. attempt is the number of the new one:
// it follows the attempt that ended.
func (q queries) RetryIntent(ctx context.Context, orgID, id string, attempt int, leaseUntil time.Time) (bool, error) {
	return q.guarded(ctx, `UPDATE intents SET attempt = $3, lease_until = $4
		WHERE org_id = $1 AND id = $2 AND state = 'calling' AND attempt = $3 - 1`, orgID, id, attempt, stamp(leaseUntil))
}
