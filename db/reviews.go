package db

import (
	"context"
	"slices"

	"github.com/countersignhq/countersign/billing"
)

const selectReviews = `SELECT ` + intentColumns + `, (SELECT o.name FROM orgs o WHERE o.id = intents.org_id) FROM intents WHERE `

func reviewFields(r *billing.Review) []any { return append(intentFields(&r.Intent), &r.OrgName) }

// Reviews implements billing.ReviewTx.
func (q queries) Reviews(ctx context.Context, limit int) ([]billing.Review, error) {
	return many(ctx, q, reviewFields, selectReviews+`state = 'needs_review'
		ORDER BY created_at, id LIMIT $1`, limit)
}

// Review implements billing.ReviewTx.
func (q queries) Review(ctx context.Context, id string) (billing.Review, error) {
	return one(ctx, q, reviewFields, selectReviews+`id = $1`, id)
}

// AuditAbout implements billing.ReviewTx. It goes along the org's own log.
func (q queries) AuditAbout(ctx context.Context, orgID string, subjects [2]string, limit int) ([]billing.AuditEvent, error) {
	list, err := many(ctx, q, auditFields, `SELECT id, org_id, at, actor, event, subject, facts FROM audit_log
		WHERE org_id = $1 AND subject IN ($2, $3) ORDER BY seq DESC LIMIT $4`, orgID, subjects[0], subjects[1], limit)
	slices.Reverse(list)
	return list, err
}
