package worldtest

import (
	"database/sql"
	"fmt"
	"strings"
)

// Dump is everything that the database holds, as text: two dumps are equal if
// and only if nothing was written in between. SQLite has to be OnDisk.
func (w *World) Dump() string {
	w.T.Helper()
	driver, source, tables := "postgres", w.url, `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`
	if path, ok := strings.CutPrefix(w.url, "sqlite:"); ok {
		driver, source, tables = "sqlite", path, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1`
	}
	conn, err := sql.Open(driver, source)
	w.ok(err)
	defer func() { w.ok(conn.Close()) }()
	var out strings.Builder
	for _, table := range w.rows(conn, tables) {
		fmt.Fprintf(&out, "%s\n%s\n", table, strings.Join(w.rows(conn, `SELECT * FROM `+table+` ORDER BY 1, 2`), "\n"))
	}
	return out.String()
}

// rows reads a query's rows, each as a line.
func (w *World) rows(conn *sql.DB, query string) []string {
	w.T.Helper()
	rows, err := conn.QueryContext(w.T.Context(), query)
	w.ok(err)
	defer func() { _ = rows.Close() }()
	names, err := rows.Columns()
	w.ok(err)
	values := make([]any, len(names))
	for i := range values {
		values[i] = new(sql.RawBytes)
	}
	var out []string
	for rows.Next() {
		w.ok(rows.Scan(values...))
		line := make([]string, len(values))
		for i, v := range values {
			line[i] = string(*v.(*sql.RawBytes))
		}
		out = append(out, strings.Join(line, "|"))
	}
	w.ok(rows.Err())
	return out
}
