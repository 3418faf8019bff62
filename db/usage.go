package db

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// countOne is the guard and the count of a consume: it writes nothing unless
// the caps are still those that $7 was worked out from, the key is new and there
// is room. Two that race wait for each other at the row.
const countOne = `INSERT INTO usage_counters (org_id, resource, started_at, value, reported_at)
	SELECT o.id, CAST($2 AS TEXT), CAST($3 AS {time}), CAST($4 AS BIGINT), CAST($5 AS {time})
	FROM orgs o JOIN subscriptions s ON s.org_id = o.id
	WHERE o.id = $1 AND s.row_version = $8 AND o.design_partner = $9
		AND COALESCE((SELECT v.id FROM overrides v WHERE v.org_id = $1 AND v.resource = $2 AND v.ended_at IS NULL), '') = $10
		AND NOT EXISTS (SELECT 1 FROM usage_keys k WHERE k.org_id = $1 AND k.key = $6)
		AND CAST($4 AS BIGINT) <= CAST($7 AS BIGINT)
	ON CONFLICT (org_id, resource, started_at) DO UPDATE
		SET value = usage_counters.value + excluded.value, reported_at = excluded.reported_at
		WHERE usage_counters.value <= CAST($7 AS BIGINT) - excluded.value
	RETURNING value`

// onDay is what becomes of a day's line that is there already.
const onDay = ` ON CONFLICT (org_id, resource, day) DO UPDATE SET closing = excluded.closing,
	value = CASE WHEN usage_days.value > excluded.value THEN usage_days.value ELSE excluded.value END`

// addDay is the same for a counter, whose lines are sums.
const addDay = ` ON CONFLICT (org_id, resource, day) DO UPDATE SET
	value = usage_days.value + excluded.value, closing = usage_days.closing + excluded.value`

// consumeOne is the whole of a consume in one statement for PostgreSQL, where
// each further one is a round trip. $11 is the day, $12 the cap to remember.
const consumeOne = `WITH counted AS (` + countOne + `), kept AS (
	INSERT INTO usage_keys (org_id, key, resource, quantity, at, active, cap)
	SELECT $1, $6, $2, $4, CAST($5 AS {time}), value, CAST($12 AS BIGINT) FROM counted)
	INSERT INTO usage_days (org_id, resource, day, value, closing) SELECT $1, $2, CAST($11 AS {time}), `

const (
	consumeGauge   = consumeOne + `value, value FROM counted` + onDay + ` RETURNING (SELECT value FROM counted)`
	consumeCounter = consumeOne + `CAST($4 AS BIGINT), CAST($4 AS BIGINT) FROM counted` + addDay + ` RETURNING (SELECT value FROM counted)`
)

// Consume implements billing.UsageTx.
func (q queries) Consume(ctx context.Context, c billing.Consumption) (active int64, ok bool, err error) {
	guard := []any{
		c.OrgID, c.Resource, window(c.Start), c.Quantity, stamp(c.At), c.Key, most(c),
		c.Basis.RowVersion, c.Basis.DesignPartner, c.Override,
	}
	if q.s.engine == postgresEngine {
		return q.consumeAtOnce(ctx, c, guard)
	}
	err = q.atomically(ctx, func(q queries) error {
		if active, err = written(ctx, q, scalar[int64], countOne, guard...); err != nil {
			return err
		}
		err = q.exec(ctx, `INSERT INTO usage_keys (org_id, key, resource, quantity, at, active, cap) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			c.OrgID, c.Key, c.Resource, c.Quantity, stamp(c.At), active, capColumn(c.Cap))
		if err != nil {
			return err
		}
		text, value := putDay+addDay, c.Quantity
		if c.Gauge {
			text, value = putDay+onDay, active
		}
		return q.exec(ctx, text, c.OrgID, c.Resource, dayOf(c.At), value)
	})
	return counted(active, err)
}

const putDay = `INSERT INTO usage_days (org_id, resource, day, value, closing) VALUES ($1, $2, $3, $4, $4)`

// consumeAtOnce is Consume in one statement. A key that another call has just
// used is a broken guard like any other.
func (q queries) consumeAtOnce(ctx context.Context, c billing.Consumption, guard []any) (active int64, ok bool, err error) {
	text := consumeCounter
	if c.Gauge {
		text = consumeGauge
	}
	err = q.alone(func() error {
		active, err = written(ctx, q, scalar[int64], text, append(guard, dayOf(c.At), capColumn(c.Cap))...)
		return err
	})
	if isUnique(err) {
		return 0, false, nil
	}
	return counted(active, err)
}

// alone runs a write that is a transaction of its own, and tries again what
// others got in the way of. Inside of a transaction that is for whoever began it.
func (q queries) alone(write func() error) error {
	for try := 1; ; try++ {
		err := write()
		if err == nil || q.tx != nil || try == txTries || !isTransient(err) {
			return err
		}
	}
}

// counted reads a guard that did not hold from the missing row.
func counted(active int64, err error) (int64, bool, error) {
	if errors.Is(err, billing.ErrNotFound) {
		return 0, false, nil
	}
	return active, err == nil, err
}

// most is how many there may be after it.
func most(c billing.Consumption) int64 {
	switch {
	case c.Cap.Unlimited:
		return math.MaxInt64
	case c.Below:
		return c.Cap.Value - 1
	}
	return c.Cap.Value
}

// capColumn is a cap to keep: NULL is unlimited.
func capColumn(l billing.Limit) any {
	if l.Unlimited {
		return nil
	}
	return l.Value
}

// dayOf is the day of a time in UTC.
func dayOf(t time.Time) stamp { return stamp(t.UTC().Truncate(24 * time.Hour)) }

// SetGauge implements billing.UsageTx.
func (q queries) SetGauge(ctx context.Context, orgID, resource string, value int64, at time.Time) error {
	return q.atomically(ctx, func(q queries) error {
		if err := q.SetUsage(ctx, orgID, resource, time.Time{}, value, at); err != nil {
			return err
		}
		return q.exec(ctx, putDay+onDay, orgID, resource, dayOf(at), value)
	})
}

// RaiseGauge implements billing.UsageTx. A row that is not there stands for none.
func (q queries) RaiseGauge(ctx context.Context, orgID, resource string, value, limit int64, at time.Time) (raised bool, err error) {
	if value < limit || limit <= 0 {
		return false, nil
	}
	err = q.atomically(ctx, func(q queries) error {
		raised, err = q.guarded(ctx, `INSERT INTO usage_counters (org_id, resource, started_at, value, reported_at) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (org_id, resource, started_at) DO UPDATE SET value = excluded.value, reported_at = excluded.reported_at
			WHERE usage_counters.value < $6`, orgID, resource, window{}, value, stamp(at), limit)
		if err != nil || !raised {
			return err
		}
		return q.exec(ctx, putDay+onDay, orgID, resource, dayOf(at), value)
	})
	return raised, err
}

// UsageDays implements billing.UsageTx.
func (q queries) UsageDays(ctx context.Context, orgID string, from time.Time) ([]billing.UsageDay, error) {
	return many(ctx, q, usageDayFields, `SELECT d.resource, d.day, d.value, d.closing FROM usage_days d
		WHERE d.org_id = $1 AND (d.day >= $2 OR d.day = (SELECT max(b.day) FROM usage_days b
			WHERE b.org_id = $1 AND b.resource = d.resource AND b.day < $2))
		ORDER BY d.resource, d.day`, orgID, dayOf(from))
}

func usageDayFields(d *billing.UsageDay) []any {
	return []any{&d.Resource, (*stamp)(&d.Day), &d.Value, &d.Closing}
}

// PutUsageDays implements billing.UsageTx.
func (q queries) PutUsageDays(ctx context.Context, orgID string, days []billing.UsageDay) error {
	return q.atomically(ctx, func(q queries) error {
		for _, d := range days {
			err := q.exec(ctx, `INSERT INTO usage_days (org_id, resource, day, value, closing) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (org_id, resource, day) DO UPDATE SET value = excluded.value, closing = excluded.closing`,
				orgID, d.Resource, dayOf(d.Day), d.Value, d.Closing)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
