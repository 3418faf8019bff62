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
	tables := `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`
	conn, lite := w.connect()
	defer func() { w.ok(conn.Close()) }()
	if lite {
		tables = `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1`
	}
	var out strings.Builder
	for _, table := range w.rows(conn, tables) {
		fmt.Fprintf(&out, "%s\n%s\n", table, strings.Join(w.rows(conn, `SELECT * FROM `+table+` ORDER BY 1, 2`), "\n"))
	}
	return out.String()
}

// Exec runs a statement past the product, for tests that need many rows. SQLite
// has to be OnDisk.
func (w *World) Exec(statement string) {
	w.T.Helper()
	conn, _ := w.connect()
	defer func() { w.ok(conn.Close()) }()
	_, err := conn.ExecContext(w.T.Context(), statement)
	w.ok(err)
}

// Count runs a query past the product that answers with one number.
func (w *World) Count(query string) (n int) {
	w.T.Helper()
	conn, _ := w.connect()
	defer func() { w.ok(conn.Close()) }()
	w.ok(conn.QueryRowContext(w.T.Context(), query).Scan(&n))
	return n
}

func (w *World) connect() (conn *sql.DB, lite bool) {
	w.T.Helper()
	driver, source := "postgres", w.url
	path, lite := strings.CutPrefix(w.url, "sqlite:")
	if lite {
		driver, source = "sqlite", path
	}
	conn, err := sql.Open(driver, source)
	w.ok(err)
	return conn, lite
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
