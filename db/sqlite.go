package db

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
)

// sqliteWords are the words in which SQLite differs. Its one writer holds the
// whole database, so there is nothing to lock row by row.
var sqliteWords = []string{
	"{for_update}", "",
	"{skip_locked}", "",
	"{bytes}", "",
	"{now}", "$1",
}

// openSQLite opens a file with one connection that writes and a pool that reads
// beside it: in WAL mode neither waits for the other. Transactions begin
// immediate: a deferred one that turns into a writer fails under load.
func (s *Store) openSQLite(ctx context.Context, path string, o Options) error {
	s.engine = sqliteEngine
	pages.install()
	lookaside()
	durable := "FULL"
	if path == ":memory:" {
		dir, err := os.MkdirTemp("", "countersign-")
		if err != nil {
			return err
		}
		s.onClose(func() error { return os.RemoveAll(dir) })
		path, durable = filepath.Join(dir, "db"), "OFF"
	}
	vfs := ""
	if o.VFS != "" {
		vfs = "&vfs=" + o.VFS
	} else if err := ownFile(path); err != nil {
		return err
	}
	// The journal mode is kept in the file.
	if err := s.migrateSQLite(ctx, sqliteDSN(path, "journal_mode(WAL)", "synchronous("+durable+")")+"&_txlock=immediate"+vfs); err != nil {
		return err
	}
	var err error
	writer := sqliteDSN(path, "synchronous("+durable+")", "wal_autocheckpoint(4000)") + "&_txlock=immediate" + vfs
	if s.writer, err = s.sqlitePool(writer, 1, true); err != nil {
		return err
	}
	readers := cmp.Or(o.MaxConns, max(2, runtime.GOMAXPROCS(0)))
	cache := fmt.Sprintf("cache_size(-%d)", max(2000, readCache/readers))
	s.readers, err = s.sqlitePool(sqliteDSN(path, cache)+"&_query_only=1"+vfs, readers, false)
	return err
}

// ownFile makes the file if there is none, only for its owner; SQLite gives the
// files beside it the same mode.
func ownFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// readCache is what all readers together keep of the file in memory, in KiB. Each
// keeps pages of its own, so a few with much find more there than many with little,
// and more than one for each processor only get in each other's way.
const readCache = 48_000

func (s *Store) migrateSQLite(ctx context.Context, dsn string) error {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return err
	}
	conn := sql.OpenDB(c)
	defer func() { _ = conn.Close() }()
	conn.SetMaxOpenConns(1)
	s.version, err = migrate(ctx, conn, sqliteEngine)
	return err
}

func (s *Store) sqlitePool(dsn string, size int, write bool) (*sqlx.DB, error) {
	c, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	pool := sqlx.NewDb(sql.OpenDB(s.taped(preparing{c, strings.NewReplacer(slices.Concat(sqliteWords, sqliteLists, lineWords(false))...)}, write)), string(sqliteEngine))
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	s.onClose(pool.Close)
	return pool, nil
}

func sqliteDSN(path string, pragmas ...string) string {
	q := url.Values{"_dqs": {"0"}, "_pragma": append(pragmas, "busy_timeout(5000)", "foreign_keys(1)")}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}
