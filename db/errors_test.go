package db

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/lib/pq"

	"github.com/countersignhq/countersign/billing"
)

// TestOutOfReach: what says nothing about a statement is told apart from what does.
func TestOutOfReach(t *testing.T) {
	file := "file:" + filepath.Join(t.TempDir(), "db")
	open := func(driver, dsn string) *sql.DB {
		pool, err := sql.Open(driver, dsn)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = pool.Close() })
		pool.SetMaxOpenConns(1)
		return pool
	}
	one, other := open("sqlite", file+"?_txlock=immediate"), open("sqlite", file+"?_txlock=immediate")
	if _, err := one.Exec(`CREATE TABLE t (id INTEGER PRIMARY KEY)`); err != nil {
		t.Fatal(err)
	}
	tx, err := one.Begin()
	if err != nil {
		t.Fatal(err)
	}
	_, busy := other.Begin()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, full := one.BeginTx(ctx, nil)
	if err = tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	_, syntax := one.Exec(`SELEC`)
	refused := open("postgres", "postgres://nobody@"+closedPort(t)+"/none?sslmode=disable").Ping()

	for name, row := range map[string]struct {
		err  error
		away bool
	}{
		"SQLite is busy":                    {busy, true},
		"no connection of the pool in time": {full, true},
		"PostgreSQL refuses":                {refused, true},
		"too many connections":              {&pq.Error{Code: "53300"}, true},
		"PostgreSQL shuts down":             {&pq.Error{Code: "57P01"}, true},
		"a lock was not to be had":          {&pq.Error{Code: "55P03"}, true},
		"a mistake in a statement":          {syntax, false},
		"a unique index":                    {&pq.Error{Code: pqUnique}, false},
		"given up by the caller":            {context.Canceled, false},
	} {
		got := fault("SELECT 1", row.err)
		if row.err == nil || errors.Is(got, billing.ErrDatabaseAway) != row.away || !errors.Is(got, row.err) {
			t.Errorf("%s: %v (%v)", name, got, row.err)
		}
	}
}

// closedPort is an address at which nobody listens.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err = l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}
