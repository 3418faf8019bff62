package db

import (
	"context"
	"fmt"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// prunes delete at most $2 rows from before $1, found by an index on the time.
var prunes = map[billing.Prunable]string{
	billing.PruneUsageKeys: `DELETE FROM usage_keys WHERE (org_id, key) IN
		(SELECT org_id, key FROM usage_keys WHERE at < $1 LIMIT $2)`,
	billing.PruneUsageDays: `DELETE FROM usage_days WHERE (org_id, resource, day) IN
		(SELECT org_id, resource, day FROM usage_days WHERE day < $1 LIMIT $2)`,
	// A gauge's window begins in the year 1.
	billing.PruneUsageWindows: `DELETE FROM usage_counters WHERE (org_id, resource, started_at) IN
		(SELECT org_id, resource, started_at FROM usage_counters WHERE started_at < $1 AND started_at > '1900-01-01' LIMIT $2)`,
	billing.PruneSignInLinks: `DELETE FROM signin_links WHERE hash IN
		(SELECT hash FROM signin_links WHERE expires_at < $1 LIMIT $2)`,
	billing.PruneSessions: `DELETE FROM sessions WHERE id IN
		(SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2)`,
	billing.PruneTokens: `DELETE FROM confirm_tokens WHERE hash IN
		(SELECT hash FROM confirm_tokens WHERE created_at < $1 LIMIT $2)`,
	billing.PruneTokenFailures: `DELETE FROM token_failures WHERE (org_id, principal_id, at) IN
		(SELECT org_id, principal_id, at FROM token_failures WHERE at < $1 LIMIT $2)`,
	billing.PruneInbox: `DELETE FROM webhook_inbox WHERE id IN
		(SELECT id FROM webhook_inbox WHERE done_at < $1 OR org_id IS NULL AND received_at < $1 LIMIT $2)`,
	billing.PruneCalls: `DELETE FROM idempotency WHERE (credential_id, key) IN
		(SELECT credential_id, key FROM idempotency WHERE created_at < $1 LIMIT $2)`,
	billing.PruneMails: `DELETE FROM mails WHERE (org_id, key, user_id) IN
		(SELECT org_id, key, user_id FROM mails WHERE finished_at < $1 LIMIT $2)`,
}

// Prune implements billing.UsageTx.
func (q queries) Prune(ctx context.Context, what billing.Prunable, before time.Time, limit int) (int64, error) {
	text, ok := prunes[what]
	if !ok {
		return 0, fmt.Errorf("db: nothing is known of old %s", what)
	}
	return q.affected(ctx, text, stamp(before), limit)
}
