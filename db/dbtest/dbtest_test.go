package dbtest_test

import (
	"database/sql"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/countersignhq/countersign/db/dbtest"
)

var migrations atomic.Int64

func migrate(dsn string) error {
	migrations.Add(1)
	conn, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	_, err = conn.Exec(`CREATE TABLE notes (body TEXT NOT NULL)`)
	return errors.Join(err, conn.Close())
}

func connect(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	conn, err := sql.Open("postgres", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func count(t *testing.T, conn *sql.DB, query string, args ...any) int {
	t.Helper()
	var n int
	if err := conn.QueryRow(query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestEachTestHasItsOwnMigratedDatabase(t *testing.T) {
	for _, name := range []string{"first", "second", "third"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := connect(t, dbtest.PostgresDSN(t, migrate))
			if _, err := conn.Exec(`INSERT INTO notes VALUES ($1)`, name); err != nil {
				t.Fatal(err)
			}
			if n := count(t, conn, `SELECT count(*) FROM notes`); n != 1 {
				t.Errorf("%d rows, want only this test's", n)
			}
			if n := migrations.Load(); n != 1 {
				t.Errorf("migrated %d times, want once", n)
			}
		})
	}
}

func TestWithoutMigrationTheDatabaseIsEmpty(t *testing.T) {
	conn := connect(t, dbtest.PostgresDSN(t, nil))
	if n := count(t, conn, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`); n != 0 {
		t.Errorf("%d tables, want none", n)
	}
}

func TestDatabaseIsDroppedUnderForgottenConnections(t *testing.T) {
	watch := connect(t, dbtest.PostgresDSN(t, nil))
	var name string
	t.Run("forgetful", func(t *testing.T) {
		conn, err := sql.Open("postgres", dbtest.PostgresDSN(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRow(`SELECT current_database()`).Scan(&name); err != nil {
			t.Fatal(err)
		}
	})
	if n := count(t, watch, `SELECT count(*) FROM pg_database WHERE datname = $1`, name); n != 0 {
		t.Errorf("database %s is still there", name)
	}
}
