// Package db keeps what package billing decides: billing.Store and
// billing.Notifier over SQLite (the default) and PostgreSQL.
//
// It owns the schema, the SQL and the translation of the drivers' errors, and it
// decides nothing: every rule that it enforces is a guard that the comments in
// billing/ports.go ask for. One SQL text serves both engines; the few words that
// differ are written {so} and filled in when a statement is prepared. Times are
// UTC to the microsecond, and the zero time is NULL.
package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/countersignhq/countersign/billing"
)

// Options are what a Store can be told; the zero value is right for production.
type Options struct {
	// Clock replaces the clock that Now and the expiry of requests go by. nil
	// means the database's: the server's own on PostgreSQL, this process's on
	// SQLite, where there is no other process to disagree with.
	Clock func() time.Time
	// Log receives what happens outside of a call: lost connections. nil: nowhere.
	Log *slog.Logger
	// MaxConns bounds the connections to PostgreSQL, and the readers of SQLite
	// (whose writer is always one). 0: 16, and for SQLite one for each processor, at least 2.
	MaxConns int
	// VFS is the name of SQLite's way to files; empty: the system's. What another one
	// keeps is there for as long as somebody has it open.
	VFS string
	// Record puts the statements of a context onto its Tape; for benchmarks.
	Record bool
}

// Store is an open database. It is safe for concurrent use.
type Store struct {
	queries
	*hub
	engine engine
	// On PostgreSQL both are the same pool; on SQLite the writer is a single
	// connection and the readers can not write.
	readers, writer *sqlx.DB
	clock           func() time.Time // nil: ask the database
	wall            func() time.Time // this process's idea of the time
	version         int64            // of the schema that this binary was built with
	log             *slog.Logger
	record          bool
	turns           turns // of SQLite
	together        together
	teller          *teller        // nil where there are no other replicas
	closers         []func() error // in the order of opening
}

var (
	_ billing.Store    = (*Store)(nil)
	_ billing.Notifier = (*Store)(nil)
)

type engine string

const (
	sqliteEngine   engine = "sqlite"
	postgresEngine engine = "postgres"
)

// Open opens the database at url and brings its schema up to date.
//
// The url is sqlite:PATH, sqlite::memory: for a database that is gone when the
// store is closed (for tests), or postgres://USER:PASSWORD@HOST:PORT/DATABASE.
// Errors do not repeat the url: it may hold a password.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	s := &Store{clock: o.Clock, wall: o.Clock, log: o.Log, record: o.Record, hub: newHub(), together: together{queues: map[*shared]*queue{}}}
	s.queries = queries{s: s}
	if s.turns.most = mostTogether; o.Record {
		s.turns.most = 1 // a tape holds whole transactions
	}
	if s.wall == nil {
		s.wall = time.Now //nolint:forbidigo // the default of the clock that is handed in
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "sqlite":
		err = s.openSQLite(ctx, rest, o)
	case "postgres", "postgresql":
		err = s.openPostgres(ctx, url, o)
	default:
		err = errors.New("the URL begins with neither sqlite: nor postgres://")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("db: open: %w", err), s.Close())
	}
	return s, nil
}

// Close ends all connections, and a temporary database with them.
func (s *Store) Close() error {
	var all error
	for i := len(s.closers) - 1; i >= 0; i-- {
		all = errors.Join(all, s.closers[i]())
	}
	s.closers = nil
	return all
}

func (s *Store) onClose(f func() error) { s.closers = append(s.closers, f) }

// Ping reports whether the database answers with a schema that this binary can
// work with: its own, or a newer one that a replica is being rolled out with.
func (s *Store) Ping(ctx context.Context) error {
	have, err := schemaVersion(ctx, s.readers.DB)
	if err != nil {
		return fmt.Errorf("db: ping: %w", err)
	}
	if have < s.version {
		return fmt.Errorf("db: the schema is at version %d and this binary needs %d", have, s.version)
	}
	if have > s.version {
		return suits(ctx, s.readers.DB, s.version)
	}
	return nil
}
