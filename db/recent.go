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
	return listOf(`{quote}(description){!}, `+invoiceLine, `invoices WHERE org_id = `+org, n) + `, ` +
		listOf(`{quote}(reason){!}, `+limitRequestLine, `limit_requests WHERE org_id = `+org, n+1) + `, ` +
		listOf(`{quote}(actor_name){!}, {quote}(key_by){!}, {quote}(reason){!}, `+approvalLine, `approvals WHERE org_id = `+org+` AND state = 'pending'`, n+2)
}

// reviewOf reads whether a change of an org is in review.
func reviewOf(org string) string {
	return `EXISTS (SELECT 1 FROM intents i WHERE i.org_id = ` + org + ` AND i.state = 'needs_review'){!}`
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
	if all.Invoices, err = rowsOf(l.invoices, listedInvoices); err != nil {
		return all, err
	}
	if all.Limits, err = rowsOf(l.limits, listedLimits); err != nil {
		return all, err
	}
	all.Waiting, err = rowsOf(l.waiting, listedApprovals)
	return all, err
}

// The rows of the lists.
var (
	listedInvoices  = slotsOf(behindWords(1, invoiceFields))
	listedLimits    = slotsOf(behindWords(1, limitRequestFields))
	listedApprovals = slotsOf(behindWords(3, approvalFields))
)

// behindWords are fields the first of which are words of people.
func behindWords[T any](words int, fields func(*T) []any) func(*T) []any {
	return func(v *T) []any {
		to := fields(v)
		for n := range words {
			to[n] = (*quoted)(to[n].(*string))
		}
		return to
	}
}

// rowsOf takes a list apart.
func rowsOf[T any](list text, kind *slots[T]) ([]T, error) {
	if list == "" {
		return nil, nil
	}
	to, back := kind.lend()
	defer back()
	all := make([]T, strings.Count(string(list), rowSeparator)+1)
	for i, rest := 0, string(list); i < len(all); i++ {
		var row string
		row, rest, _ = strings.Cut(rest, rowSeparator)
		to.v = *new(T)
		if err := line(to.fields).take(row); err != nil {
			return nil, err
		}
		all[i] = to.v
	}
	return all, nil
}

// quoted is a part of a line that is a text as JSON.
type quoted string

// read is for texts that mostly have nothing in them to escape.
func (q *quoted) read(all string) error {
	if n := len(all); n > 1 && strings.IndexByte(all, '\\') < 0 {
		*q = quoted(all[1 : n-1])
		return nil
	}
	return json.Unmarshal([]byte(all), (*string)(q))
}
