package db

import (
	"context"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// CreateOrg implements billing.ProvisionTx. Of two at once the second waits for
// the first and then finds it there.
func (q queries) CreateOrg(ctx context.Context, org billing.Org, freePlan string) (created bool, err error) {
	err = q.atomically(ctx, func(q queries) error {
		created, err = q.guarded(ctx, insertOrg+` ON CONFLICT (id) DO NOTHING`, orgFields(&org)...)
		if err != nil || !created {
			return err
		}
		return q.insertFreeSubscription(ctx, org.ID, freePlan)
	})
	return created, err
}

// RenameOrg implements billing.ProvisionTx.
func (q queries) RenameOrg(ctx context.Context, orgID, name string) error {
	return q.exec(ctx, `UPDATE orgs SET name = $2 WHERE id = $1`, orgID, name)
}

// SetRegion implements billing.ProvisionTx.
func (q queries) SetRegion(ctx context.Context, orgID string, r billing.Region) error {
	return q.exec(ctx, `UPDATE orgs SET time_zone = $2, locale = $3 WHERE id = $1`, orgID, text(r.TimeZone), text(r.Locale))
}

// RemoveMember implements billing.ProvisionTx.
func (q queries) RemoveMember(ctx context.Context, orgID, userID string, at time.Time) error {
	return q.atomically(ctx, func(q queries) error {
		if err := q.exec(ctx, `DELETE FROM members WHERE org_id = $1 AND user_id = $2`, orgID, userID); err != nil {
			return err
		}
		err := q.exec(ctx, `UPDATE sessions SET revoked_at = $3
			WHERE org_id = $1 AND user_id = $2 AND revoked_at IS NULL`, orgID, userID, stamp(at))
		if err != nil {
			return err
		}
		return q.exec(ctx, `UPDATE credentials SET revoked_at = $3
			WHERE org_id = $1 AND principal_id = $2 AND kind = 'member' AND revoked_at IS NULL`, orgID, userID, stamp(at))
	})
}

// InsertKey implements billing.ProvisionTx.
func (q queries) InsertKey(ctx context.Context, c billing.Credential, requestKey []byte) error {
	return q.exec(ctx, `INSERT INTO credentials (id, kind, org_id, principal_id, name, hash, prefix, scopes, created_by,
		created_at, last_used_at, paused_at, revoked_at, request_key)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`, append(credentialFields(&c), requestKey)...)
}

// KeyByRequest implements billing.ProvisionTx.
func (q queries) KeyByRequest(ctx context.Context, orgID string, requestKey []byte) (billing.Credential, error) {
	return one(ctx, q, credentialFields, `SELECT `+credentialColumns+` FROM credentials c
		WHERE c.org_id = $1 AND c.request_key = $2`, orgID, requestKey)
}

// Keys implements billing.ProvisionTx.
func (q queries) Keys(ctx context.Context, orgID string, revokedSince time.Time) ([]billing.Credential, error) {
	return many(ctx, q, credentialFields, `SELECT `+credentialColumns+` FROM credentials c
		WHERE c.org_id = $1 AND (c.revoked_at IS NULL OR c.revoked_at >= $2)
		ORDER BY c.created_at DESC, c.id DESC`, orgID, stamp(revokedSince))
}

// KeysOf implements billing.ProvisionTx.
func (q queries) KeysOf(ctx context.Context, orgID, principalID string) ([]billing.Credential, error) {
	return many(ctx, q, credentialFields, `SELECT `+credentialColumns+` FROM credentials c
		WHERE c.org_id = $1 AND c.principal_id = $2
		ORDER BY c.created_at DESC, c.id DESC`, orgID, principalID)
}

// RenameAgent implements billing.ProvisionTx.
func (q queries) RenameAgent(ctx context.Context, orgID, agentID, name string) error {
	return q.exec(ctx, `UPDATE credentials SET name = $3 WHERE org_id = $1 AND principal_id = $2 AND kind = 'agent'`,
		orgID, agentID, name)
}

// PendingOf implements billing.ProvisionTx.
func (q queries) PendingOf(ctx context.Context, orgID, credentialID string) ([]billing.Approval, error) {
	return many(ctx, q, approvalFields, `SELECT `+approvalColumns+` FROM approvals
		WHERE org_id = $1 AND credential_id = $2 AND state = 'pending'
		ORDER BY created_at, id`, orgID, credentialID)
}

// AskCounts implements billing.ProvisionTx.
func (q queries) AskCounts(ctx context.Context, orgID string, since time.Time) ([]billing.AskCount, error) {
	return many(ctx, q, func(c *billing.AskCount) []any { return []any{&c.PrincipalID, &c.State, &c.N} },
		`SELECT principal_id, state, count(*) FROM approvals WHERE org_id = $1 AND created_at >= $2
		GROUP BY principal_id, state`, orgID, stamp(since))
}
