package db

import (
	"context"
	"errors"
	"time"

	"github.com/countersignhq/countersign/billing"
)

const passColumns = `running, started_at, finished_at, last_org, looked, drifted, lease_until`

func passFields(p *billing.Pass) []any {
	return []any{&p.Running, (*stamp)(&p.StartedAt), (*stamp)(&p.FinishedAt), &p.LastOrg, &p.Looked, &p.Drifted, (*stamp)(&p.LeaseUntil)}
}

// Reconciliation implements billing.ReconcileTx.
func (q queries) Reconciliation(ctx context.Context) (r billing.Reconciliation, err error) {
	if r.Pass, err = one(ctx, q, passFields, `SELECT `+passColumns+` FROM pass WHERE id = 1`); err != nil {
		return r, err
	}
	at, err := one(ctx, q, scalar[stamp], `SELECT looked_at FROM event_cursor WHERE id = 1`)
	if errors.Is(err, billing.ErrNotFound) {
		return r, nil
	}
	r.EventsAt = time.Time(at)
	return r, err
}

// WantPass implements billing.ReconcileTx.
func (q queries) WantPass(ctx context.Context) error {
	return q.exec(ctx, `UPDATE pass SET wanted = TRUE WHERE id = 1`)
}

// TakePass implements billing.ReconcileTx.
func (q queries) TakePass(ctx context.Context, t billing.PassTurn) (billing.Pass, error) {
	return written(ctx, q, passFields, `UPDATE pass SET running = TRUE, lease_until = $4,
		wanted = wanted AND running,
		started_at = CASE WHEN running THEN started_at ELSE $2 END,
		last_org = CASE WHEN running THEN last_org ELSE '' END,
		looked = CASE WHEN running THEN looked ELSE 0 END,
		drifted = CASE WHEN running THEN drifted ELSE 0 END
		WHERE id = 1 AND (lease_until IS NULL OR lease_until <= $3)
			AND (running OR started_at IS NULL OR started_at < $1 OR wanted)
		RETURNING `+passColumns, stamp(t.Due), stamp(t.At), stamp(t.Now), stamp(t.LeaseUntil))
}

// AdvancePass implements billing.ReconcileTx.
func (q queries) AdvancePass(ctx context.Context, p billing.Pass, leaseUntil time.Time) (bool, error) {
	return q.guarded(ctx, `UPDATE pass SET running = $1, finished_at = $2, last_org = $3, looked = $4, drifted = $5, lease_until = $6
		WHERE id = 1 AND lease_until = $7`,
		p.Running, stamp(p.FinishedAt), p.LastOrg, p.Looked, p.Drifted, stamp(leaseUntil), stamp(p.LeaseUntil))
}

// CustomerOrgs implements billing.ReconcileTx.
func (q queries) CustomerOrgs(ctx context.Context, after string, limit int) ([]string, error) {
	return many(ctx, q, scalar[string], `SELECT id FROM orgs WHERE customer_id IS NOT NULL AND id > $1 ORDER BY id LIMIT $2`, after, limit)
}

func driftFields(d *billing.DriftCase) []any { return append(auditFields(&d.AuditEvent), &d.OrgName) }

// Drifts implements billing.ReconcileTx.
func (q queries) Drifts(ctx context.Context, limit int) ([]billing.DriftCase, error) {
	return many(ctx, q, driftFields, `SELECT a.id, a.org_id, a.at, a.actor, a.event, a.subject, a.facts, o.name
		FROM audit_log a JOIN orgs o ON o.id = a.org_id WHERE a.event = 'drift.found' ORDER BY a.seq DESC LIMIT $1`, limit)
}
