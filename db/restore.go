package db

import (
	"context"
	"slices"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// NewestMoment implements billing.RestoreTx.
func (q queries) NewestMoment(ctx context.Context) (time.Time, error) {
	moments, err := many(ctx, q, scalar[stamp], `SELECT max(at) FROM audit_log
		UNION ALL SELECT max(received_at) FROM webhook_inbox
		UNION ALL SELECT max(at) FROM event_cursor
		UNION ALL SELECT max(created_at) FROM orgs
		UNION ALL SELECT max(last_seen_at) FROM sessions
		UNION ALL SELECT max(last_used_at) FROM credentials
		UNION ALL SELECT max(synced_at) FROM subscriptions
		UNION ALL SELECT max(reported_at) FROM usage_counters`)
	if err != nil {
		return time.Time{}, err
	}
	return time.Time(slices.MaxFunc(moments, func(a, b stamp) int { return time.Time(a).Compare(time.Time(b)) })), nil
}

// Restore implements billing.RestoreTx. What counts on from the copy's number
// goes on from the time instead: a later restoration begins higher still.
func (q queries) Restore(ctx context.Context, now, newest time.Time, revokeKeys bool) (c billing.RestoreCounts, err error) {
	at, beyond := stamp(now), now.UnixMilli()
	type step struct {
		count *int64 // rows that it changed
		query string
		args  []any
	}
	var none int64
	steps := []step{
		{&c.Intents, `UPDATE intents SET restored_at = $1, lease_until = $1 WHERE state IN ('pending', 'calling')`, []any{at}},
		{&none, `UPDATE orgs SET checkout = NULL, checkout_seq = CASE WHEN checkout_seq < $1 THEN $1 ELSE checkout_seq + 1 END`, []any{beyond}},
		{&c.Orgs, `UPDATE subscriptions SET dirty_seq = dirty_seq + 1,
			dirty_since = CASE WHEN dirty_seq > synced_seq THEN dirty_since ELSE $1 END
			WHERE org_id IN (SELECT id FROM orgs WHERE customer_id IS NOT NULL)`, []any{at}},
		{&none, `UPDATE subscriptions SET row_version = row_version + 1,
			version = CASE WHEN version < $1 THEN $1 ELSE version + 1 END`, []any{beyond}},
		{&c.Tokens, `UPDATE confirm_tokens SET dead_at = $1 WHERE used_at IS NULL AND dead_at IS NULL`, []any{at}},
		{&c.Links, `UPDATE signin_links SET used_at = $1 WHERE used_at IS NULL`, []any{at}},
		{&none, `UPDATE operator_links SET used_at = $1 WHERE used_at IS NULL`, []any{at}},
		{&c.Sessions, `UPDATE sessions SET revoked_at = $1 WHERE revoked_at IS NULL AND expires_at > $1`, []any{at}},
		{&none, `UPDATE operator_sessions SET revoked_at = $1 WHERE revoked_at IS NULL`, []any{at}},
		{&none, `UPDATE event_cursor SET at = $1 WHERE at IS NULL OR at > $1`, []any{stamp(newest)}},
		{&none, `UPDATE mails SET state = 'dropped', due_at = NULL, finished_at = $1 WHERE due_at IS NOT NULL`, []any{at}},
		{&none, `UPDATE instance SET home = NULL, restored_at = $1`, []any{at}},
	}
	if revokeKeys {
		steps = append(steps,
			step{&c.Revoked, `UPDATE credentials SET revoked_at = $1 WHERE revoked_at IS NULL AND kind <> 'host'`, []any{at}},
			step{&none, `UPDATE approvals SET state = 'invalidated', decided_at = $1 WHERE state = 'pending'`, []any{at}})
	}
	err = q.atomically(ctx, func(q queries) error {
		for _, s := range steps {
			if *s.count, err = q.affected(ctx, s.query, s.args...); err != nil {
				return err
			}
		}
		return q.countLeft(ctx, &c)
	})
	return c, err
}

// countLeft counts what lives on and may have ended meanwhile.
func (q queries) countLeft(ctx context.Context, c *billing.RestoreCounts) error {
	for into, query := range map[*int64]string{
		&c.Keys:     `SELECT count(*) FROM credentials WHERE revoked_at IS NULL`,
		&c.Pending:  `SELECT count(*) FROM approvals WHERE state = 'pending'`,
		&c.Outgoing: `SELECT count(*) FROM outbox WHERE state = 'pending'`,
	} {
		n, err := one(ctx, q, scalar[int64], query)
		if err != nil {
			return err
		}
		*into = n
	}
	return nil
}

// Copied reports whether the database is a copy that was not yet declared to be
// the one to go on with (see billing.Restored): a file that Backup wrote, or, on
// PostgreSQL, another database or server than at the last start. The first call
// notes where the database lives. A file that was copied by other means cannot
// be told from the original.
func (s *Store) Copied(ctx context.Context) (bool, error) {
	here, err := s.home(ctx)
	if err != nil {
		return false, err
	}
	if err := s.exec(ctx, `UPDATE instance SET home = $1 WHERE home IS NULL`, here); err != nil {
		return false, err
	}
	home, err := one(ctx, s.queries, scalar[text], `SELECT home FROM instance WHERE id = 1`)
	return string(home) != here, err
}

// home names where the database lives. Some providers do not tell the server's
// identity; the database's own number has to do then.
func (s *Store) home(ctx context.Context) (string, error) {
	if s.engine == sqliteEngine {
		return "a file", nil
	}
	const number = `SELECT d.oid::text FROM pg_database d WHERE d.datname = current_database()`
	here, err := one(ctx, s.queries, scalar[string], number)
	if err != nil {
		return "", err
	}
	if server, err := one(ctx, s.queries, scalar[string], `SELECT system_identifier::text FROM pg_control_system()`); err == nil {
		here += "@" + server
	}
	return here, nil
}
