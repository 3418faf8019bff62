package db

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
)

const overrideColumns = `id, org_id, resource, raises, reason, author, created_at, expires_at, ended_at, cap`

// overrideRow is an override with its cap as it is stored: NULL is unlimited.
type overrideRow struct {
	billing.Override
	limit sql.NullInt64
}

func overrideFields(o *overrideRow) []any {
	return []any{
		&o.ID, &o.OrgID, &o.Resource, &o.Raises, &o.Reason, asJSON(&o.Author), (*stamp)(&o.CreatedAt), (*stamp)(&o.ExpiresAt),
		(*stamp)(&o.EndedAt), &o.limit,
	}
}

// PutOverride implements billing.UsageTx.
func (q queries) PutOverride(ctx context.Context, o billing.Override) error {
	r := overrideRow{Override: o, limit: sql.NullInt64{Int64: o.Cap.Value, Valid: !o.Cap.Unlimited}}
	return q.atomically(ctx, func(q queries) error {
		if _, err := q.EndOverride(ctx, o.OrgID, o.Resource, o.CreatedAt); err != nil {
			return err
		}
		return q.exec(ctx, `INSERT INTO overrides (`+overrideColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			overrideFields(&r)...)
	})
}

// EndOverride implements billing.UsageTx.
func (q queries) EndOverride(ctx context.Context, orgID, resource string, at time.Time) (bool, error) {
	return q.guarded(ctx, `UPDATE overrides SET ended_at = $3 WHERE org_id = $1 AND resource = $2 AND ended_at IS NULL`,
		orgID, resource, stamp(at))
}

// Overrides implements billing.UsageTx.
func (q queries) Overrides(ctx context.Context, orgID string) ([]billing.Override, error) {
	rows, err := many(ctx, q, overrideFields, `SELECT `+overrideColumns+` FROM overrides
		WHERE org_id = $1 ORDER BY created_at DESC, id DESC`, orgID)
	out := make([]billing.Override, len(rows))
	for i, r := range rows {
		out[i] = r.Override
		out[i].Cap = billing.Limit{Value: r.limit.Int64, Unlimited: !r.limit.Valid}
	}
	return out, err
}

// openOverrides selects the open overrides of the org o as overrideLines.
const openOverrides = `(SELECT string_agg((CASE WHEN v.raises THEN '1' ELSE '0' END) || '|' || COALESCE(CAST(v.cap AS TEXT), '') || '|' ||
			COALESCE(CAST(v.expires_at AS TEXT), '') || '|' || v.id || '|' || v.resource, '
')
			FROM overrides v WHERE v.org_id = o.id AND v.ended_at IS NULL)`

// overrideLines are open overrides as openOverrides writes them.
type overrideLines []billing.Override

// Scan takes the lines apart. Each is raises|cap|end|id|resource.
func (l *overrideLines) Scan(src any) error {
	var all text
	if err := all.Scan(src); err != nil || all == "" {
		return err
	}
	return l.read(string(all))
}

func (l *overrideLines) read(all string) error {
	for line := range strings.SplitSeq(all, "\n") {
		part := strings.SplitN(line, "|", 5)
		o := billing.Override{Raises: part[0] == "1" || part[0] == "t", Cap: billing.Limit{Unlimited: part[1] == ""}, ID: part[3], Resource: part[4]}
		var err error
		if part[1] != "" {
			if o.Cap.Value, err = strconv.ParseInt(part[1], 10, 64); err != nil {
				return err
			}
		}
		if part[2] != "" {
			if o.ExpiresAt, err = parseTime(part[2]); err != nil {
				return err
			}
		}
		*l = append(*l, o)
	}
	return nil
}
