package db

import (
	"context"
	"strconv"
	"strings"

	"github.com/countersignhq/countersign/billing"
)

// rowSeparator is between the rows of a list that comes as one text.
const rowSeparator = "\x1e"

// listOf reads a list as one text: its newest rows as lines. The words of people
// come first, each behind its length, so that no separator in them counts.
func listOf(words, columns, from string, limit int) string {
	counted := ""
	for _, w := range apart(words) {
		counted += `octet_length(` + w + `){!}, ` + w + `{!}, `
	}
	return `(SELECT string_agg(r.line, '` + rowSeparator + `') FROM (SELECT ` + lineOf(counted+columns) + ` FROM ` + from +
		` ORDER BY created_at DESC, id DESC LIMIT $` + strconv.Itoa(limit) + `) AS r) AS list`
}

// recentOf reads the three lists of an org; the first limit is parameter n.
func recentOf(org string, n int) string {
	return listOf(`description`, invoiceLine, `invoices WHERE org_id = `+org, n) + `, ` +
		listOf(`reason`, limitRequestLine, `limit_requests WHERE org_id = `+org, n+1) + `, ` +
		listOf(`actor_name, key_by, reason`, approvalLine, `approvals WHERE org_id = `+org+` AND state = 'pending'`, n+2)
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
	if all.Invoices, err = rowsOf(l.invoices, 1, listedInvoices); err != nil {
		return all, err
	}
	if all.Limits, err = rowsOf(l.limits, 1, listedLimits); err != nil {
		return all, err
	}
	all.Waiting, err = rowsOf(l.waiting, 3, listedApprovals)
	return all, err
}

// The rows of the lists.
var (
	listedInvoices  = slotsOf(invoiceFields)
	listedLimits    = slotsOf(limitRequestFields)
	listedApprovals = slotsOf(approvalFields)
)

// rowsOf takes a list apart whose rows begin with so many words of people.
func rowsOf[T any](list text, words int, kind *slots[T]) (all []T, err error) {
	rest := string(list)
	if rest == "" {
		return nil, nil
	}
	to, back := kind.lend()
	defer back()
	all = make([]T, 0, strings.Count(rest, rowSeparator)+1)
	for rest != "" {
		to.v = *new(T)
		for _, field := range to.fields[:words] {
			if rest, err = cutWords(field.(*string), rest); err != nil {
				return nil, err
			}
		}
		var row string
		row, rest, _ = strings.Cut(rest, rowSeparator)
		if err = line(to.fields[words:]).take(row); err != nil {
			return nil, err
		}
		all = append(all, to.v)
	}
	return all, nil
}

// cutWords cuts a text off that comes behind its length.
func cutWords(to *string, from string) (rest string, err error) {
	length, rest, _ := strings.Cut(from, separator)
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n >= len(rest) || rest[n] != separator[0] {
		return "", errLine
	}
	*to = rest[:n]
	return rest[n+1:], nil
}
