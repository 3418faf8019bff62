// Package dbtest gives each test a PostgreSQL database of its own. It is for
// tests only.
//
// It owns the server that the tests of one process share, the template that
// their databases are copied from, and the clean-up of both. It does not know
// the schema: the caller hands the migration in, so that package db's own
// tests can use it too.
package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/lib/pq" // the driver that the databases are made with
)

// Variable names the environment variable with the DSN of the server's
// maintenance database. Its user must be allowed to create databases.
const Variable = "COUNTERSIGN_TEST_POSTGRES"

// shared is this process's server: starting one takes a second, copying a
// template takes milliseconds.
var shared = sync.OnceValues(open)

// PostgresDSN returns the DSN of a new database, dropped when the test ends,
// also under connections that the test forgot.
//
// The first call of a process runs migrate on a template, and every later call
// gets a copy of it, so all calls must hand in the same migration. The
// migration must close its connections. With a nil migrate the database is
// empty.
//
// The server is the one that the variable names. Without it the process starts
// one of its own from the installed packages; CI never does, so that a missing
// set-up is seen.
func PostgresDSN(tb testing.TB, migrate func(dsn string) error) string {
	tb.Helper()
	s, err := shared()
	if err != nil {
		tb.Fatalf("dbtest: %v", err)
	}
	template := "template1"
	if migrate != nil {
		if template, err = s.migrated(migrate); err != nil {
			tb.Fatalf("dbtest: template: %v", err)
		}
	}
	name, err := s.create(template)
	if err != nil {
		tb.Fatalf("dbtest: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.drop(name); err != nil {
			tb.Errorf("dbtest: %v", err)
		}
	})
	return s.dsn(name)
}

type server struct {
	address *url.URL
	admin   *sql.DB
	// hold keeps a private server running; nil with a server of others.
	hold io.Closer
	// key is this process's: part of the names of its databases, and an
	// advisory lock that lock holds until the process ends. Databases whose
	// lock is free are left over.
	key   uint32
	lock  *sql.Conn
	count atomic.Int64

	once        sync.Once
	template    string
	templateErr error
}

func open() (*server, error) {
	s := &server{key: rand.Uint32()}
	dsn := os.Getenv(Variable)
	if dsn == "" {
		if os.Getenv("CI") == "true" {
			return nil, fmt.Errorf("%s is not set: run make test, or make postgres", Variable)
		}
		var err error
		if dsn, s.hold, err = startPrivate(); err != nil {
			return nil, fmt.Errorf("start a server (or set %s, see make postgres): %w", Variable, err)
		}
	}
	var err error
	if s.address, err = url.Parse(dsn); err != nil {
		return nil, fmt.Errorf("%s is not a postgres:// URL", Variable)
	}
	if s.admin, err = sql.Open("postgres", dsn); err != nil {
		return nil, err
	}
	return s, s.claim(context.Background())
}

// claim takes the process's lock and drops what dead processes left on a
// server that lives longer than they did.
func (s *server) claim(ctx context.Context) (err error) {
	if s.lock, err = s.admin.Conn(ctx); err != nil {
		return err
	}
	if _, err := s.lock.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(s.key)); err != nil {
		return err
	}
	names, err := s.databases(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := s.dropLeftOver(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// databases lists the test databases of every process.
func (s *server) databases(ctx context.Context) ([]string, error) {
	rows, err := s.lock.QueryContext(ctx, `SELECT datname FROM pg_database WHERE datname ~ '^cstest_[0-9]+_'`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// dropLeftOver drops the database if the process that made it is gone.
func (s *server) dropLeftOver(ctx context.Context, name string) error {
	var owner uint32
	if _, err := fmt.Sscanf(name, "cstest_%d_", &owner); err != nil || owner == s.key {
		return err
	}
	var free bool
	const try = `SELECT pg_try_advisory_lock($1)`
	if err := s.lock.QueryRowContext(ctx, try, int64(owner)).Scan(&free); err != nil || !free {
		return err
	}
	_, err := s.lock.ExecContext(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`)
	return err
}

func (s *server) migrated(migrate func(dsn string) error) (string, error) {
	s.once.Do(func() {
		if s.template, s.templateErr = s.create("template1"); s.templateErr == nil {
			s.templateErr = migrate(s.dsn(s.template))
		}
	})
	return s.template, s.templateErr
}

func (s *server) create(template string) (string, error) {
	name := fmt.Sprintf("cstest_%d_%d", s.key, s.count.Add(1))
	_, err := s.admin.Exec(`CREATE DATABASE ` + name + ` TEMPLATE ` + template)
	return name, err
}

func (s *server) drop(name string) error {
	_, err := s.admin.Exec(`DROP DATABASE IF EXISTS ` + name + ` WITH (FORCE)`)
	return err
}

func (s *server) dsn(database string) string {
	u := *s.address
	u.Path = "/" + database
	return u.String()
}
