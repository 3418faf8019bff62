package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
)

// ErrNotSQLite says that the database is a server with tools of its own.
var ErrNotSQLite = errors.New("this is for SQLite; for PostgreSQL use pg_dump")

// Backup copies the SQLite database at url to a new file at path, while others
// use it. It does not migrate what it copies. The copy is marked, see
// Store.Copied; until it is whole its name ends in ".part".
func Backup(ctx context.Context, url, path string) (err error) {
	from, ok := strings.CutPrefix(url, "sqlite:")
	if !ok {
		return ErrNotSQLite
	}
	for _, must := range []struct {
		name  string
		exist bool
	}{{from, true}, {path, false}} {
		if _, err := os.Stat(must.name); (err == nil) != must.exist {
			return fmt.Errorf("backup: %s: %w", must.name, errors.Join(err, existence(must.exist)))
		}
	}
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(part)
		}
	}()
	if err = vacuumInto(ctx, from, part); err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	if err = f.Sync(); err != nil {
		return err
	}
	return os.Rename(part, path)
}

func existence(wanted bool) error {
	if wanted {
		return nil // the file system's own words say it
	}
	return os.ErrExist
}

func vacuumInto(ctx context.Context, from, to string) error {
	conn, err := sql.Open("sqlite", sqliteDSN(from)+"&mode=ro")
	if err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `VACUUM INTO ?`, to)
	if err = errors.Join(err, conn.Close()); err != nil {
		return err
	}
	if conn, err = sql.Open("sqlite", sqliteDSN(to)); err != nil {
		return err
	}
	if _, err = schemaTable(ctx, conn, "instance"); err == nil {
		_, err = conn.ExecContext(ctx, `UPDATE instance SET home = 'a backup'`)
	} else if errors.Is(err, sql.ErrNoRows) {
		err = nil // older than the mark
	}
	return errors.Join(err, conn.Close())
}

// schemaTable returns sql.ErrNoRows if a SQLite database has no such table.
func schemaTable(ctx context.Context, conn *sql.DB, name string) (found string, err error) {
	err = conn.QueryRowContext(ctx, `SELECT name FROM sqlite_master WHERE type = 'table' AND name = ?`, name).Scan(&found)
	return found, err
}
