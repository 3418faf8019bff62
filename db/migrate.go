package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrations are named by date, year to day and a running number, and go
// forward only. Each is safe while the binaries before it serve; see
// docs/development.md for how one is written.
//
//go:embed migrations
var migrations embed.FS

// A migration that waits for a table makes everybody behind it wait as well. So
// it waits for a moment only, and tries again later.
const (
	lockWait  = 100 * time.Millisecond
	lockPause = 500 * time.Millisecond
	lockTries = 240 // two minutes
)

// ErrNewerSchema says that a newer release has left this one behind.
var ErrNewerSchema = errors.New("the schema is too new for this release: go on with the one that migrated it, or a later one")

// migrate brings the schema to the newest version and returns that version. A
// schema that is there already costs one query; of several processes that find
// an old one, one migrates and the others wait for it. A schema that is newer is
// worked on as it is, for as long as it says that it can be.
func migrate(ctx context.Context, conn *sql.DB, e engine) (int64, error) {
	dir, err := fs.Sub(migrations, "migrations/"+string(e))
	if err != nil {
		return 0, err
	}
	return migrateBy(ctx, conn, e, dir)
}

func migrateBy(ctx context.Context, conn *sql.DB, e engine, dir fs.FS) (int64, error) {
	newest, err := newestVersion(dir)
	if err != nil {
		return 0, err
	}
	if have, err := schemaVersion(ctx, conn); err == nil && have >= newest {
		return newest, suits(ctx, conn, newest)
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
	dialect, tries := goose.DialectSQLite3, migrateTries
	if e == postgresEngine {
		dialect, tries = goose.DialectPostgres, lockTries
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 120), lock.WithUnlockTimeout(1, 10))
		if err != nil {
			return 0, err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(dialect, conn, dir, options...)
	if err != nil {
		return 0, err
	}
	for try := 1; ; try++ {
		_, err = p.Up(ctx)
		if err == nil || try == tries || e == postgresEngine && !isLocked(err) {
			return newest, err
		}
		// SQLite has no lock to hold over several transactions, so another process
		// may have been first: then its work is there, whole, or nearly done.
		if have, err := schemaVersion(ctx, conn); err == nil && have >= newest {
			return newest, suits(ctx, conn, newest)
		}
		if e != postgresEngine {
			continue
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return newest, errors.Join(ctx.Err(), err)
		}
	}
}

// suits fails if the schema is not made for binaries that end with this
// migration any more.
func suits(ctx context.Context, conn *sql.DB, newest int64) error {
	var since int64
	if err := conn.QueryRowContext(ctx, `SELECT compatible_since FROM instance WHERE id = 1`).Scan(&since); err != nil {
		return err
	}
	if since > newest {
		return fmt.Errorf("%w (it wants migration %d, and this release ends with %d)", ErrNewerSchema, since, newest)
	}
	return nil
}

// migrateTries is how often SQLite is asked again: a process that was first holds
// it for up to busy_timeout each time.
const migrateTries = 5

// newestVersion reads the number that the last migration's name begins with.
func newestVersion(dir fs.FS) (int64, error) {
	names, err := fs.Glob(dir, "*.sql")
	if err != nil || len(names) == 0 {
		return 0, fs.ErrNotExist
	}
	return goose.NumericComponent(slices.Max(names))
}

// schemaVersion asks which migration was the last; an error may mean none.
func schemaVersion(ctx context.Context, conn *sql.DB) (int64, error) {
	var v sql.NullInt64
	err := conn.QueryRowContext(ctx, `SELECT max(version_id) FROM goose_db_version`).Scan(&v)
	return v.Int64, err
}
