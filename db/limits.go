package db

import (
	"context"

	"github.com/countersignhq/countersign/billing"
)

const (
	limitRequestColumns = `reason, ` + limitRequestLine
	limitRequestLine    = `id{!}, org_id{!}, kind{!}, plan{!}, desired{!}, asker{!}, asks{!}, state{!}, created_at{!}, asked_at{!}, answer`
)

func limitRequestFields(r *billing.LimitRequest) []any {
	return []any{
		&r.Reason, &r.ID, &r.OrgID, &r.Kind, &r.Plan, &r.Desired, asJSON(&r.Asker), &r.Asks, &r.State, (*stamp)(&r.CreatedAt),
		(*stamp)(&r.AskedAt), asJSON(&r.Answer),
	}
}

// PutLimitRequest implements billing.LimitTx.
func (q queries) PutLimitRequest(ctx context.Context, r billing.LimitRequest) (billing.LimitRequest, error) {
	return written(ctx, q, limitRequestFields, `INSERT INTO limit_requests (`+limitRequestColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (org_id, kind) WHERE state = 'open' DO UPDATE SET
			asks = limit_requests.asks + 1, asker = excluded.asker, asked_at = excluded.asked_at, plan = excluded.plan,
			desired = CASE excluded.desired WHEN 0 THEN limit_requests.desired ELSE excluded.desired END,
			reason = CASE excluded.reason WHEN '' THEN limit_requests.reason ELSE excluded.reason END
		RETURNING `+limitRequestColumns, limitRequestFields(&r)...)
}

// LimitRequests implements billing.LimitTx.
func (q queries) LimitRequests(ctx context.Context, orgID, before string, limit int) ([]billing.LimitRequest, error) {
	return many(ctx, q, limitRequestFields, `SELECT `+limitRequestColumns+` FROM limit_requests
		WHERE org_id = $1 AND ($2 = '' OR (created_at, id) < (SELECT b.created_at, b.id FROM limit_requests b WHERE b.org_id = $1 AND b.id = $2))
		ORDER BY created_at DESC, id DESC LIMIT $3`, orgID, before, limit)
}
