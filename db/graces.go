package db

import (
	"context"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// LapseGraces implements billing.GraceTx; the condition is that of the index
// subscriptions_grace. The row's version moves on: whoever counts against the
// caps of before has to look again.
func (q queries) LapseGraces(ctx context.Context, now, since time.Time, limit int) ([]billing.Subscription, error) {
	return writtenMany(ctx, q, func(s *billing.Subscription) []any { return []any{&s.OrgID} },
		`UPDATE subscriptions SET lapsed_at = $1, row_version = row_version + 1
		WHERE org_id IN (SELECT org_id FROM subscriptions WHERE status = 'past_due' AND lapsed_at IS NULL AND past_due_since <= $2
			ORDER BY past_due_since LIMIT $3 {skip_locked})
		RETURNING org_id`, stamp(now), stamp(since), limit)
}
