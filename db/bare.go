package db

import (
	"cmp"
	"context"

	"github.com/countersignhq/countersign/billing"
)

// The least that counting can cost, for benchmarks to compare with.

// BareUpdate is one committed UPDATE of one gauge, which has to be there.
//
// Errors: billing.ErrNotFound.
func (s *Store) BareUpdate(ctx context.Context, orgID, resource string) error {
	result, err := s.writer.ExecContext(ctx, `UPDATE usage_counters SET value = value + 1 WHERE org_id = $1 AND resource = $2 AND started_at = $3`,
		orgID, resource, window{})
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); n != 1 || err != nil {
		return cmp.Or(err, error(billing.ErrNotFound))
	}
	return nil
}

// BareUpsert is one committed upsert of the rows that remember events: one for
// each key, of the orgs by turns.
func (s *Store) BareUpsert(ctx context.Context, orgIDs, keys []string, resource string) error {
	rows, at := make([]row, len(keys)), s.now()
	for i, k := range keys {
		rows[i] = row{a: orgIDs[i%len(orgIDs)], b: k, c: resource, n: 1, at: at}
	}
	return s.exec(ctx, `INSERT INTO usage_keys (org_id, key, resource, quantity, at) SELECT a, b, c, n, at FROM {rows} WHERE true
		ON CONFLICT (org_id, key) DO UPDATE SET quantity = usage_keys.quantity + excluded.quantity`, s.table(rows)...)
}
