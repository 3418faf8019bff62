package db

import "context"

// ReleaseCustomer implements billing.OrgTx.
func (q queries) ReleaseCustomer(ctx context.Context, orgID, customerID string) (bool, error) {
	return q.guarded(ctx, `UPDATE orgs SET customer_id = NULL, former_customer_id = $2, checkout = NULL, checkout_seq = checkout_seq + 1
		WHERE id = $1 AND customer_id = $2`, orgID, customerID)
}

// FormerCustomer implements billing.OrgTx.
func (q queries) FormerCustomer(ctx context.Context, orgID string) (string, error) {
	id, err := one(ctx, q, scalar[text], `SELECT former_customer_id FROM orgs WHERE id = $1`, orgID)
	return string(id), err
}
