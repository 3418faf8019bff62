package db

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/countersignhq/countersign/billing"
)

const (
	putKeys    = `INSERT INTO usage_keys (org_id, key, resource, quantity, at) SELECT a, b, c, n, at FROM {rows}`
	addWindows = `INSERT INTO usage_counters (org_id, resource, started_at, value, reported_at) SELECT a, b, at, n, CAST(c AS {time}) FROM `
	onWindow   = ` WHERE true ON CONFLICT (org_id, resource, started_at) DO UPDATE
		SET value = usage_counters.value + excluded.value, reported_at = excluded.reported_at
		RETURNING org_id, resource, started_at, value`
	addDays = `INSERT INTO usage_days (org_id, resource, day, value, closing) SELECT a, b, at, n, n FROM `

	// countAll is all of it in one statement for PostgreSQL, where each further one
	// is a round trip.
	countAll = `WITH keys AS (` + putKeys + `), days AS (` + addDays + `{rows_too} WHERE true` + addDay + `) ` + addWindows + `{rows_as_well}` + onWindow
)

// CountEvents implements billing.UsageTx. What counts for the same window or the
// same day is added up before it is written.
func (q queries) CountEvents(ctx context.Context, events []billing.CountedEvent) (totals []billing.WindowTotal, err error) {
	keys, now := make([]row, len(events)), moment(q.s.now())
	for i, e := range events {
		keys[i] = row{a: e.OrgID, b: e.Key, c: e.Resource, n: e.Quantity, at: e.At}
	}
	windows := addUp(events, func(e billing.CountedEvent) row {
		return row{a: e.OrgID, b: e.Resource, c: now, at: e.Start.UTC()}
	})
	days := addUp(events, func(e billing.CountedEvent) row {
		return row{a: e.OrgID, b: e.Resource, at: time.Time(dayOf(e.At))}
	})
	list := [3][]any{q.table(sorted(keys)), q.table(days), q.table(windows)}
	if q.s.engine == postgresEngine {
		err = q.alone(func() error {
			totals, err = writtenMany(ctx, q, totalFields, countAll, slices.Concat(list[0], list[1], list[2])...)
			return err
		})
	} else {
		err = q.atomically(ctx, func(q queries) error {
			if err := q.exec(ctx, putKeys, list[0]...); err != nil {
				return err
			}
			if err := q.exec(ctx, addDays+`{rows} WHERE true`+addDay, list[1]...); err != nil {
				return err
			}
			totals, err = writtenMany(ctx, q, totalFields, addWindows+`{rows}`+onWindow, list[2]...)
			return err
		})
	}
	if isUnique(err) { // a key was used before, or is by another at this moment
		return nil, nil
	}
	return added(totals, windows), err
}

func totalFields(t *billing.WindowTotal) []any {
	return []any{&t.OrgID, &t.Resource, (*stamp)(&t.Start), &t.Value}
}

// added completes the totals with what went into each.
func added(totals []billing.WindowTotal, windows []row) []billing.WindowTotal {
	by := make(map[row]int64, len(windows))
	for _, w := range windows {
		by[row{a: w.a, b: w.b, at: w.at}] = w.n
	}
	for i, t := range totals {
		totals[i].Added = by[row{a: t.OrgID, b: t.Resource, at: t.Start}]
	}
	return totals
}

// addUp adds the quantities of the events that go into the same line.
func addUp(events []billing.CountedEvent, line func(billing.CountedEvent) row) []row {
	total := map[row]int64{}
	for _, e := range events {
		total[line(e)] += e.Quantity
	}
	rows := make([]row, 0, len(total))
	for r, n := range total {
		r.n = n
		rows = append(rows, r)
	}
	return sorted(rows)
}

// KeptUses implements billing.UsageTx.
func (q queries) KeptUses(ctx context.Context, keys []billing.UsageKey) ([]billing.KeptUse, error) {
	rows := make([]row, len(keys))
	for i, k := range keys {
		rows[i] = row{a: k.OrgID, b: k.Key}
	}
	kept, err := many(ctx, q, keptFields, `SELECT k.org_id, k.key, k.resource, k.quantity, k.active, k.cap
		FROM {rows} JOIN usage_keys k ON k.org_id = r.a AND k.key = r.b`, q.table(rows)...)
	out := make([]billing.KeptUse, len(kept))
	for i, k := range kept {
		out[i] = k.KeptUse
		if k.active.Valid {
			out[i].Answered = &billing.Allowance{Active: k.active.Int64, Cap: billing.Limit{Value: k.limit.Int64, Unlimited: !k.limit.Valid}}
		}
	}
	return out, err
}

// keptRow is a row of usage_keys.
type keptRow struct {
	billing.KeptUse
	active, limit sql.NullInt64
}

func keptFields(k *keptRow) []any {
	return []any{&k.OrgID, &k.Key, &k.Resource, &k.Quantity, &k.active, &k.limit}
}

// Terms implements billing.UsageTx.
func (q queries) Terms(ctx context.Context, orgIDs []string) ([]billing.Overview, error) {
	return many(ctx, q, termsFields, `SELECT o.id, o.design_partner, o.given_plan, s.status, s.plan, s.period_start, s.period_end,
		s.past_due_since, s.units, s.trial_plan, s.trial_ends_at, s.trial_converted_at, `+openOverrides+`
		FROM orgs o JOIN subscriptions s ON s.org_id = o.id WHERE o.id {in_list}`, q.list(orgIDs))
}

func termsFields(o *billing.Overview) []any {
	return []any{
		&o.Org.ID, &o.Org.DesignPartner, (*text)(&o.Org.GivenPlan), (*text)(&o.Subscription.Status), &o.Subscription.Plan,
		(*stamp)(&o.Subscription.PeriodStart), (*stamp)(&o.Subscription.PeriodEnd), (*stamp)(&o.Subscription.PastDueSince),
		asJSON(&o.Subscription.Units),
		(*text)(&o.Subscription.Trial.Plan), (*stamp)(&o.Subscription.Trial.EndsAt), (*stamp)(&o.Subscription.Trial.ConvertedAt),
		(*overrideLines)(&o.Overrides),
	}
}
