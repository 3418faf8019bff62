package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/countersignhq/countersign/billing"
)

const outboxColumns = `e.id, e.org_id, e.seq, e.type, e.payload, e.created_at, e.state, e.tries, e.first_at, e.last_at,
	e.last_status, e.last_fault, e.finished_at`

func outboxFields(e *billing.OutboxEvent) []any {
	return []any{
		&e.ID, &e.OrgID, &e.Seq, &e.Type, &e.Payload, (*stamp)(&e.CreatedAt), &e.State, &e.Tries, (*stamp)(&e.FirstAt),
		(*stamp)(&e.LastAt), &e.LastStatus, (*text)(&e.LastFault), (*stamp)(&e.FinishedAt),
	}
}

// InsertEvent implements billing.OutboxTx. The org's lane gives the number and
// stays locked until the transaction ends, so the numbers are in the order of
// the commits.
func (q queries) InsertEvent(ctx context.Context, e billing.OutboxEvent) error {
	return q.atomically(ctx, func(q queries) error {
		var err error
		e.Seq, err = written(ctx, q, scalar[int64], `INSERT INTO outbox_lanes (org_id, last_seq, due_at, lease) VALUES ($1, 1, $2, 0)
			ON CONFLICT (org_id) DO UPDATE SET last_seq = outbox_lanes.last_seq + 1,
				due_at = COALESCE(outbox_lanes.due_at, excluded.due_at)
			RETURNING last_seq`, e.OrgID, stamp(e.CreatedAt))
		if err != nil {
			return err
		}
		return q.exec(ctx, `INSERT INTO outbox (id, org_id, seq, type, payload, created_at, state, tries, first_at, last_at,
			last_status, last_fault, finished_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`, outboxFields(&e)...)
	})
}

type lane struct {
	org   string
	lease int64
}

func laneFields(l *lane) []any { return []any{&l.org, &l.lease} }

// TakeEvent implements billing.OutboxTx.
func (q queries) TakeEvent(ctx context.Context, target string, now, leaseUntil time.Time) (billing.OutboxEvent, error) {
	for {
		l, err := written(ctx, q, laneFields, `UPDATE outbox_lanes SET lease = lease + 1, lease_until = $2
			WHERE org_id = (SELECT org_id FROM outbox_lanes
				WHERE due_at <= $1 AND (lease_until IS NULL OR lease_until <= $1)
				AND NOT EXISTS (SELECT 1 FROM outbox_gone WHERE target = $3)
				ORDER BY due_at LIMIT 1 {skip_locked})
			RETURNING org_id, lease`, stamp(now), stamp(leaseUntil), target)
		if err != nil {
			return billing.OutboxEvent{}, err
		}
		e, err := one(ctx, q, outboxFields, `SELECT `+outboxColumns+` FROM outbox e
			WHERE e.org_id = $1 AND e.state = 'pending' ORDER BY e.seq LIMIT 1`, l.org)
		e.Lease = l.lease
		if !errors.Is(err, billing.ErrNotFound) {
			return e, err
		}
		// Its events were given up for their age: the lane is empty.
		if _, err = q.release(ctx, l, now, func(queries) error { return nil }); err != nil {
			return e, err
		}
	}
}

// release gives a lane back until due, or for good if nothing waits in it after
// the rest was written; false if somebody else has taken it since. The lane
// comes first, because those who write events lock it, too.
func (q queries) release(ctx context.Context, l lane, due time.Time, rest func(q queries) error) (held bool, err error) {
	err = q.atomically(ctx, func(q queries) error {
		held, err = q.guarded(ctx, `UPDATE outbox_lanes SET due_at = $3, lease_until = NULL WHERE org_id = $1 AND lease = $2`,
			l.org, l.lease, stamp(due))
		if err != nil || !held {
			return err
		}
		if err := rest(q); err != nil {
			return err
		}
		return q.exec(ctx, `UPDATE outbox_lanes SET due_at = NULL
			WHERE org_id = $1 AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.org_id = $1 AND e.state = 'pending')`, l.org)
	})
	return held, err
}

// SettleEvent implements billing.OutboxTx.
func (q queries) SettleEvent(ctx context.Context, e billing.OutboxEvent, a billing.Attempt, due time.Time) (bool, error) {
	return q.release(ctx, lane{e.OrgID, e.Lease}, due, func(q queries) error {
		if err := q.exec(ctx, `INSERT INTO outbox_attempts (event_id, at, status, fault, micros) VALUES ($1, $2, $3, $4, $5)`,
			e.ID, stamp(a.At), a.Status, text(a.Fault), a.Took.Microseconds()); err != nil {
			return err
		}
		return q.exec(ctx, `UPDATE outbox SET state = $3, tries = $4, first_at = $5, last_at = $6, last_status = $7,
			last_fault = $8, finished_at = $9 WHERE org_id = $1 AND id = $2`,
			e.OrgID, e.ID, e.State, e.Tries, stamp(e.FirstAt), stamp(a.At), a.Status, text(a.Fault), stamp(e.FinishedAt))
	})
}

// ReplayEvent implements billing.OutboxTx. An attempt that is under way is not
// disturbed: the lane keeps its lease, and its taker settles what it sent.
func (q queries) ReplayEvent(ctx context.Context, id string, now time.Time) (billing.OutboxEvent, error) {
	var e billing.OutboxEvent
	err := q.atomically(ctx, func(q queries) error {
		orgID, err := one(ctx, q, scalar[string], `SELECT org_id FROM outbox WHERE id = $1`, id)
		if err != nil {
			return err
		}
		if err = q.exec(ctx, `UPDATE outbox_lanes SET due_at = $2 WHERE org_id = $1`, orgID, stamp(now)); err != nil {
			return err
		}
		if err = q.exec(ctx, `UPDATE outbox SET state = 'pending', tries = 0, first_at = NULL, finished_at = NULL
			WHERE org_id = $1 AND id = $2`, orgID, id); err != nil {
			return err
		}
		e, err = one(ctx, q, outboxFields, `SELECT `+outboxColumns+` FROM outbox e WHERE e.org_id = $1 AND e.id = $2`, orgID, id)
		return err
	})
	return e, err
}

// HurryEvents implements billing.OutboxTx.
func (q queries) HurryEvents(ctx context.Context, target string, now time.Time) error {
	return q.atomically(ctx, func(q queries) error {
		if err := q.exec(ctx, `DELETE FROM outbox_gone WHERE target = $1`, target); err != nil {
			return err
		}
		return q.exec(ctx, `UPDATE outbox_lanes SET due_at = $1 WHERE due_at > $1`, stamp(now))
	})
}

// TargetGone implements billing.OutboxTx.
func (q queries) TargetGone(ctx context.Context, target string, at time.Time) error {
	return q.exec(ctx, `INSERT INTO outbox_gone (target, at) VALUES ($1, $2) ON CONFLICT DO NOTHING`, target, stamp(at))
}

func deliveryFields(d *billing.Delivery) []any {
	return append(outboxFields(&d.OutboxEvent), &d.OrgName, (*stamp)(&d.NextAt))
}

const deliveryFrom = ` o.name, CASE WHEN e.state = 'pending' THEN l.due_at END
	FROM outbox e JOIN orgs o ON o.id = e.org_id JOIN outbox_lanes l ON l.org_id = e.org_id `

// Deliveries implements billing.OutboxTx.
func (q queries) Deliveries(ctx context.Context, f billing.DeliveryFilter) ([]billing.Delivery, error) {
	return many(ctx, q, deliveryFields, `SELECT `+outboxColumns+`, `+deliveryFrom+`
		WHERE ($1 = '' OR e.org_id = $1) AND ($2 = '' OR e.state = $2) AND ($3 = '' OR e.type = $3)
		AND ($4 = '' OR (e.created_at, e.id) < (SELECT b.created_at, b.id FROM outbox b WHERE b.id = $4))
		ORDER BY e.created_at DESC, e.id DESC LIMIT $5`, f.OrgID, f.State, f.Type, f.Before, f.Limit)
}

// Delivery implements billing.OutboxTx.
func (q queries) Delivery(ctx context.Context, id string) (billing.Delivery, error) {
	d, err := one(ctx, q, deliveryFields, `SELECT `+outboxColumns+`, `+deliveryFrom+` WHERE e.id = $1`, id)
	if err != nil {
		return d, err
	}
	d.Attempts, err = many(ctx, q, attemptFields, `SELECT at, status, fault, micros FROM outbox_attempts
		WHERE event_id = $1 ORDER BY at DESC LIMIT 100`, id)
	return d, err
}

func attemptFields(a *billing.Attempt) []any {
	return []any{(*stamp)(&a.At), &a.Status, (*text)(&a.Fault), (*micros)(&a.Took)}
}

// micros is a duration as a number of microseconds.
type micros time.Duration

// Scan reads the number.
func (m *micros) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("%T is not a number", src)
	}
	*m = micros(time.Duration(n) * time.Microsecond)
	return nil
}

func healthFields(h *billing.WebhookHealth) []any {
	return []any{&h.Pending, &h.Failed, (*stamp)(&h.Oldest), (*stamp)(&h.GoneAt)}
}

// WebhookHealth implements billing.OutboxTx.
func (q queries) WebhookHealth(ctx context.Context, target string) (billing.WebhookHealth, error) {
	return one(ctx, q, healthFields, `SELECT (SELECT count(*) FROM outbox WHERE state = 'pending'),
		(SELECT count(*) FROM outbox WHERE state = 'failed'),
		(SELECT min(created_at) FROM outbox WHERE state = 'pending'),
		(SELECT at FROM outbox_gone WHERE target = $1)`, target)
}

// PruneEvents implements billing.OutboxTx. What still waits is not dropped
// unseen: it is given up first and kept as long again.
func (q queries) PruneEvents(ctx context.Context, before, now time.Time, limit int) (gaveUp int, err error) {
	if err = q.exec(ctx, `DELETE FROM outbox_attempts WHERE at < $1`, stamp(before)); err != nil {
		return 0, err
	}
	if err = q.exec(ctx, `DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE finished_at < $1
		ORDER BY finished_at LIMIT $2 {skip_locked})`, stamp(before), limit); err != nil {
		return 0, err
	}
	ids, err := writtenMany(ctx, q, scalar[string], `UPDATE outbox SET state = 'failed', finished_at = $3
		WHERE id IN (SELECT id FROM outbox WHERE state = 'pending' AND created_at < $1
			AND COALESCE(last_at, created_at) < $1 ORDER BY created_at LIMIT $2 {skip_locked})
		RETURNING id`, stamp(before), limit, stamp(now))
	return len(ids), err
}
