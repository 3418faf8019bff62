package db

import (
	"context"
	"time"

	"github.com/countersignhq/countersign/billing"
)

const callColumns = `credential_id, key, request, claim, status, content_type, sealed, created_at`

func callFields(c *billing.CallRow) []any {
	return []any{&c.CredentialID, &c.Key, &c.Request, &c.Claim, &c.Status, &c.Type, &c.Sealed, (*stamp)(&c.CreatedAt)}
}

// ClaimCall implements billing.CallTx.
func (q queries) ClaimCall(ctx context.Context, c billing.CallRow, expired, stale time.Time) (bool, error) {
	return q.guarded(ctx, `INSERT INTO idempotency AS i (credential_id, key, request, claim, status, content_type, sealed, created_at)
		VALUES ($1, $2, $3, $4, 0, '', NULL, $5)
		ON CONFLICT (credential_id, key) DO UPDATE SET request = excluded.request, claim = excluded.claim, status = 0,
			content_type = '', sealed = NULL, created_at = excluded.created_at
		WHERE i.created_at <= $6 OR i.status = 0 AND i.request = excluded.request AND i.created_at <= $7`,
		c.CredentialID, c.Key, c.Request, c.Claim, stamp(c.CreatedAt), stamp(expired), stamp(stale))
}

// StoredCall implements billing.CallTx.
func (q queries) StoredCall(ctx context.Context, credentialID, key string) (billing.CallRow, error) {
	return one(ctx, q, callFields, `SELECT `+callColumns+` FROM idempotency WHERE credential_id = $1 AND key = $2`, credentialID, key)
}

// FinishCall implements billing.CallTx.
func (q queries) FinishCall(ctx context.Context, c billing.CallRow) (bool, error) {
	return q.guarded(ctx, `UPDATE idempotency SET status = $4, content_type = $5, sealed = $6
		WHERE credential_id = $1 AND key = $2 AND claim = $3 AND status = 0`,
		c.CredentialID, c.Key, c.Claim, c.Status, c.Type, c.Sealed)
}

// DropCall implements billing.CallTx.
func (q queries) DropCall(ctx context.Context, c billing.Call) error {
	return q.exec(ctx, `DELETE FROM idempotency WHERE credential_id = $1 AND key = $2 AND claim = $3 AND status = 0`,
		c.CredentialID, c.Key, c.Claim)
}
