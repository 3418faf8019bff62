package db

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/countersignhq/countersign/billing"
)

// rowSeparator is between the rows of a list that comes as one text.
const rowSeparator = "\x1e"

// listOf reads a list as one text: its newest rows as lines. The words of people
// are JSON in it, which writes a separator as an escape.
func listOf(columns, from string, limit int) string {
	return `(SELECT string_agg(r.line, '` + rowSeparator + `') FROM (SELECT ` + lineOf(columns) + ` FROM ` + from +
		` ORDER BY created_at DESC, id DESC LIMIT $` + strconv.Itoa(limit) + `) AS r) AS list`
}

// recentOf reads the three lists of an org; the first limit is parameter n.
func recentOf(org string, n int) string {
	return listOf(`{quote}(description), `+invoiceLine, `invoices WHERE org_id = `+org, n) + `, ` +
		listOf(`{quote}(reason), `+limitRequestLine, `limit_requests WHERE org_id = `+org, n+1) + `, ` +
		listOf(`{quote}(actor_name), {quote}(key_by), {quote}(reason), `+approvalLine, `approvals WHERE org_id = `+org+` AND state = 'pending'`, n+2)
}

// reviewOf reads whether a change of an org is in review.
func reviewOf(org string) string {
	return `EXISTS (SELECT 1 FROM intents i WHERE i.org_id = ` + org + ` AND i.state = 'needs_review')`
}

var selectRecent = `SELECT ` + recentOf(`$1`, 2) + `, ` + lineOf(reviewOf(`$1`))

type recentLists struct {
	invoices, limits, waiting text
	inReview                  bool
}

func recentFields(l *recentLists) []any {
	return []any{&l.invoices, &l.limits, &l.waiting}
}

// Recent implements billing.OrgTx.
func (q queries) Recent(ctx context.Context, orgID string, most billing.RecentLimits) (all billing.Recent, err error) {
	lists, err := one(ctx, q, func(l *recentLists) []any { return append(recentFields(l), line{&l.inReview}) }, selectRecent, orgID, most.Invoices, most.Limits, most.Waiting)
	if err == nil {
		all, err = lists.apart()
	}
	return all, fault(selectRecent, err)
}

func (l recentLists) apart() (all billing.Recent, err error) {
	all.InReview = l.inReview
	if all.Invoices, err = rowsOf(l.invoices, invoiceFields, 1); err != nil {
		return all, err
	}
	if all.Limits, err = rowsOf(l.limits, limitRequestFields, 1); err != nil {
		return all, err
	}
	all.Waiting, err = rowsOf(l.waiting, approvalFields, 3)
	return all, err
}

// rowsOf takes a list apart; the first fields of a row are words of people.
func rowsOf[T any](list text, fields func(*T) []any, words int) ([]T, error) {
	if list == "" {
		return nil, nil
	}
	var v T
	to := fields(&v)
	for n := range words {
		to[n] = (*quoted)(to[n].(*string))
	}
	all := make([]T, strings.Count(string(list), rowSeparator)+1)
	for i, rest := 0, string(list); i < len(all); i++ {
		var row string
		row, rest, _ = strings.Cut(rest, rowSeparator)
		v = *new(T)
		if err := line(to).take(row); err != nil {
			return nil, err
		}
		all[i] = v
	}
	return all, nil
}

// quoted is a text that comes as JSON.
type quoted string

// Scan reads the JSON; most texts have nothing in them to escape.
func (q *quoted) Scan(src any) error {
	var all text
	if err := all.Scan(src); err != nil {
		return err
	}
	if n := len(all); n > 1 && !strings.Contains(string(all), `\`) {
		*q = quoted(all[1 : n-1])
		return nil
	}
	return json.Unmarshal([]byte(all), (*string)(q))
}
