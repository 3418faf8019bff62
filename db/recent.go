package db

import (
	"context"

	"github.com/countersignhq/countersign/billing"
)

// The lists that recentRow is of.
const (
	listInvoices = 1 + iota
	listLimits
	listWaiting
)

// selectRecent reads the three lists one behind the other, each row as its
// list's number, the words of people, and a line.
var selectRecent = `SELECT * FROM (SELECT 1 AS list, description AS a, '' AS b, '' AS c, ` + lineOf(invoiceLine) + `
		FROM invoices WHERE org_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2) AS i
	UNION ALL SELECT * FROM (SELECT 2 AS list, reason AS a, '' AS b, '' AS c, ` + lineOf(limitRequestLine) + `
		FROM limit_requests WHERE org_id = $1 ORDER BY created_at DESC, id DESC LIMIT $3) AS l
	UNION ALL SELECT * FROM (SELECT 3 AS list, actor_name AS a, key_by AS b, reason AS c, ` + lineOf(approvalLine) + `
		FROM approvals WHERE org_id = $1 AND state = 'pending' ORDER BY created_at DESC, id DESC LIMIT $4) AS w`

type recentRow struct {
	list    int
	a, b, c string
	line    text
}

func recentFields(r *recentRow) []any { return []any{&r.list, &r.a, &r.b, &r.c, &r.line} }

// Recent implements billing.OrgTx.
func (q queries) Recent(ctx context.Context, orgID string, most billing.RecentLimits) (all billing.Recent, err error) {
	rows, err := many(ctx, q, recentFields, selectRecent, orgID, most.Invoices, most.Limits, most.Waiting)
	for i := 0; i < len(rows) && err == nil; i++ {
		err = rows[i].addTo(&all)
	}
	return all, fault(selectRecent, err)
}

func (r recentRow) addTo(all *billing.Recent) error {
	switch r.list {
	case listInvoices:
		i := billing.Invoice{Description: r.a}
		err := line(invoiceFields(&i)[1:]).take(string(r.line))
		all.Invoices = append(all.Invoices, i)
		return err
	case listLimits:
		l := billing.LimitRequest{Reason: r.a}
		err := line(limitRequestFields(&l)[1:]).take(string(r.line))
		all.Limits = append(all.Limits, l)
		return err
	default:
		a := billing.Approval{Actor: billing.Actor{Name: r.a}, KeyBy: r.b, Reason: r.c}
		err := line(approvalFields(&a)[3:]).take(string(r.line))
		all.Waiting = append(all.Waiting, a)
		return err
	}
}
