package db

import "context"

// PlainNews implements billing.SubscriptionTx.
func (q queries) PlainNews(ctx context.Context, orgID string, after, upto int64) (bool, error) {
	return one(ctx, q, scalar[bool], `SELECT count(*) = CAST($3 AS BIGINT) - CAST($2 AS BIGINT) AND count(*) > 0 FROM webhook_inbox
		WHERE org_id = $1 AND done_at IS NULL AND dirty_seq > $2 AND dirty_seq <= $3
			AND type NOT LIKE 'invoice.%' AND type NOT LIKE 'checkout.%'`, orgID, after, upto)
}
