package db

import (
	"context"
	"database/sql"
	"embed"
	"io/fs"
	"slices"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// migrations are named by date, year to day and a running number, and go
// forward only. Each is safe while an older binary serves.
//
//go:embed migrations
var migrations embed.FS

// migrate brings the schema to the newest version and returns that version. A
// schema that is there already costs one query; of several processes that find
// an old one, one migrates and the others wait for it.
func migrate(ctx context.Context, conn *sql.DB, e engine) (int64, error) {
	dir, err := fs.Sub(migrations, "migrations/"+string(e))
	if err != nil {
		return 0, err
	}
	newest, err := newestVersion(dir)
	if err != nil {
		return 0, err
	}
	if have, err := schemaVersion(ctx, conn); err == nil && have >= newest {
		return newest, nil
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
	dialect := goose.DialectSQLite3
	if e == postgresEngine {
		dialect = goose.DialectPostgres
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
		if err == nil || e == postgresEngine || try == migrateTries {
			return newest, err
		}
		// SQLite has no lock to hold over several transactions, so another process
		// may have been first: then its work is there, whole, or nearly done.
		if have, err := schemaVersion(ctx, conn); err == nil && have >= newest {
			return newest, nil
		}
	}
}

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
