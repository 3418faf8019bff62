package db

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/lib/pq"
)

// row is a line of the table {rows}, by which many are written or looked up in
// one statement: three texts, a number and a time, called a, b, c, n and at.
type row struct {
	a, b, c string
	n       int64
	at      time.Time
}

// The words that read a list of rows, and a list of texts, from parameters.
var (
	postgresLists = []string{
		"{rows}", `unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[]) AS r (a, b, c, n, at)`,
		"{rows_too}", `unnest($6::text[], $7::text[], $8::text[], $9::bigint[], $10::timestamptz[]) AS r (a, b, c, n, at)`,
		"{rows_as_well}", `unnest($11::text[], $12::text[], $13::text[], $14::bigint[], $15::timestamptz[]) AS r (a, b, c, n, at)`,
		"{in_list}", "= ANY($1)",
		"{time}", "TIMESTAMPTZ",
		"{hash}", `CAST('\x' || r.c AS BYTEA)`,
		"{json}", "::json",
	}
	sqliteLists = []string{
		"{rows}", `(SELECT value->>0 AS a, value->>1 AS b, value->>2 AS c, value->>3 AS n, value->>4 AS at FROM json_each($1)) AS r`,
		"{in_list}", "IN (SELECT value FROM json_each($1))",
		"{time}", "TEXT",
		"{hash}", "unhex(r.c)",
		"{json}", "",
	}
)

// sorted puts rows into the one order in which all write them, so that no two
// wait for each other.
func sorted(rows []row) []row {
	slices.SortFunc(rows, func(x, y row) int {
		return cmp.Or(strings.Compare(x.a, y.a), strings.Compare(x.b, y.b), strings.Compare(x.c, y.c), x.at.Compare(y.at))
	})
	return rows
}

// table binds rows: a parameter a column, or on SQLite one of JSON.
func (q queries) table(rows []row) []any {
	if q.s.engine == sqliteEngine {
		list := make([][5]any, len(rows))
		for i, r := range rows {
			list[i] = [5]any{r.a, r.b, r.c, r.n, moment(r.at)}
		}
		return []any{asJSON(&list)}
	}
	a, b, c := make(pq.StringArray, len(rows)), make(pq.StringArray, len(rows)), make(pq.StringArray, len(rows))
	n, at := make(pq.Int64Array, len(rows)), make(pq.StringArray, len(rows))
	for i, r := range rows {
		a[i], b[i], c[i], n[i], at[i] = r.a, r.b, r.c, r.n, moment(r.at)
	}
	return []any{a, b, c, n, at}
}

// list binds texts.
func (q queries) list(texts []string) any {
	if q.s.engine == sqliteEngine {
		list, _ := json.Marshal(texts) // strings always marshal
		return string(list)
	}
	return pq.StringArray(texts)
}
