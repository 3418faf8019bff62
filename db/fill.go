package db

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// fills copy an org under other ids: a of {rows} is the new id, b the org that it
// is like, and c the hash of a key.
var fills = []string{
	`INSERT INTO orgs (id, name, customer_id, design_partner, checkout_seq, created_at)
		SELECT r.a, t.name || ' ' || r.a, 'cus_' || r.a, t.design_partner, t.checkout_seq, t.created_at
		FROM {rows} JOIN orgs t ON t.id = r.b`,
	`INSERT INTO subscriptions (org_id, customer_id, subscription_id, item_id, status, plan, period_start, period_end,
			cancel_at_period_end, credit, card, next_invoice, version, row_version, dirty_seq, synced_seq, synced_at)
		SELECT r.a, 'cus_' || r.a, 'sub_' || r.a, 'si_' || r.a, t.status, t.plan, t.period_start, t.period_end,
			t.cancel_at_period_end, t.credit, t.card, t.next_invoice, t.version, t.row_version, t.dirty_seq, t.synced_seq, t.synced_at
		FROM {rows} JOIN subscriptions t ON t.org_id = r.b`,
	`INSERT INTO users (id, email, name, created_at) SELECT 'usr_' || a, a || '@bench.test', 'Ada Okafor', at FROM {rows}`,
	`INSERT INTO members (org_id, user_id, role) SELECT a, 'usr_' || a, 'owner' FROM {rows}`,
	`INSERT INTO credentials (id, kind, org_id, principal_id, name, hash, prefix, scopes, created_by, created_at)
		SELECT 'key_' || r.a, t.kind, r.a, 'agt_' || r.a, t.name, {hash}, t.prefix, t.scopes, t.created_by, t.created_at
		FROM {rows} JOIN credentials t ON t.org_id = r.b`,
	`INSERT INTO usage_counters (org_id, resource, started_at, value, reported_at)
		SELECT r.a, t.resource, t.started_at, t.value, t.reported_at
		FROM {rows} JOIN usage_counters t ON t.org_id = r.b ORDER BY t.resource`,
}

// Fill adds orgs that are like one that exists, each with its subscription, an
// owner, an agent's key that nobody has, and its usage. It is for benchmarks.
func (s *Store) Fill(ctx context.Context, like string, ids []string) error {
	rows, at := make([]row, len(ids)), s.now()
	for i, id := range ids {
		rows[i] = row{a: id, b: like, c: hashLike(id), at: at}
	}
	return s.atomically(ctx, func(q queries) error {
		for _, text := range fills {
			if err := q.exec(ctx, text, q.table(sorted(rows))...); err != nil {
				return err
			}
		}
		return nil
	})
}

// hashLike is a hash that no key has, as hex. Among all they lie as evenly as
// real ones do, else those would be neighbours; but in the order of the ids, so
// that the index is filled from left to right.
func hashLike(id string) string {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	_, random, _ := strings.Cut(id, "_")
	at := uint64(0)
	for i := range 12 {
		at <<= 5
		if i < len(random) {
			at |= uint64(max(0, strings.IndexByte(digits, random[i])))
		}
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(append(binary.BigEndian.AppendUint64(nil, at<<4), sum[:24]...))
}

// Settle does what a server's own housekeeping would have done by now to tables
// that were filled at once.
func (s *Store) Settle(ctx context.Context) error {
	if s.engine != postgresEngine {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	return s.exec(ctx, `VACUUM (ANALYZE)`)
}
