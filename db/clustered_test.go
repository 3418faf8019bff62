package db

import (
	"database/sql"
	"io/fs"
	"path"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite"
)

// migrationsUpTo are SQLite's, up to one.
func migrationsUpTo(t *testing.T, last string) fs.FS {
	t.Helper()
	all := fstest.MapFS{}
	for _, name := range ok(fs.Glob(migrations, "migrations/sqlite/*"))(t) {
		if path.Base(name) <= last {
			all[path.Base(name)] = &fstest.MapFile{Data: ok(fs.ReadFile(migrations, name))(t)}
		}
	}
	return all
}

type usageRow struct {
	Org      string `db:"org_id"`
	Resource string
	Started  string `db:"started_at"`
	Value    int64
	Reported string `db:"reported_at"`
}

func usageRowsOf(t *testing.T, conn sqlx.QueryerContext) (all []usageRow) {
	t.Helper()
	must(t, sqlx.SelectContext(t.Context(), conn, &all, `SELECT org_id, resource, started_at, value, reported_at
		FROM usage_counters ORDER BY org_id, resource, started_at`))
	return all
}

// Usage that was counted before its table was made anew is all there afterwards,
// for the release before as well, whose statements name what they know.
func TestUsageClustered(t *testing.T) {
	ctx, url := t.Context(), newURL(t, sqliteEngine)
	file, _ := strings.CutPrefix(url, "sqlite:")
	conn := sqlx.NewDb(sql.OpenDB(ok(sqlite.NewConnector(sqliteDSN(file, "journal_mode(WAL)")))(t)), "sqlite")
	defer conn.Close()
	ok(migrateBy(ctx, conn.DB, sqliteEngine, migrationsUpTo(t, "2026112326_waiting.sql")))(t)
	for _, fill := range []string{
		`INSERT INTO orgs (id, name, design_partner, checkout_seq, created_at) VALUES ('org_b', 'B', 0, 0, '2026'), ('org_a', 'A', 0, 0, '2026')`,
		`INSERT INTO usage_counters (org_id, resource, started_at, value, reported_at) VALUES
			('org_b', 'agents', '0001-01-01T00:00:00.000000Z', 3, '2026-11-02T00:00:00.000000Z'),
			('org_a', 'calls', '2026-11-01T00:00:00.000000Z', 9007199254740993, '2026-11-02T00:00:00.000001Z'),
			('org_a', 'calls', '2026-10-01T00:00:00.000000Z', 0, '2026-10-02T00:00:00.000000Z')`,
	} {
		ok(conn.ExecContext(ctx, fill))(t)
	}
	before := usageRowsOf(t, conn)

	s := openAt(t, url, Options{})
	if after := usageRowsOf(t, s.readers); len(after) != 3 || !reflect.DeepEqual(after, before) {
		t.Errorf("before %v, after %v", before, after)
	}
	must(t, s.SetUsage(ctx, "org_b", "agents", time.Time{}, 4, t0))
	if now := usageRowsOf(t, conn); len(now) != 3 || now[2].Value != 4 {
		t.Errorf("a count did not replace the one before: %v", now)
	}
	if err := s.SetUsage(ctx, "org_none", "agents", time.Time{}, 4, t0); err == nil {
		t.Error("usage of no org was kept")
	}
	if !ok(one(ctx, s.queries, scalar[bool], `SELECT wr FROM pragma_table_list WHERE name = 'usage_counters'`))(t) {
		t.Error("the rows still have ids")
	}
	plan := strings.Join(ok(many(ctx, s.queries, planFields, `EXPLAIN QUERY PLAN `+selectOverview, s.overviewArgs("org_a")...))(t), "\n")
	if !strings.Contains(plan, "SEARCH u USING PRIMARY KEY (org_id=?)") {
		t.Errorf("usage is not read by its key:\n%s", plan)
	}
	plan = strings.Join(ok(many(ctx, s.queries, planFields, `EXPLAIN QUERY PLAN SELECT org_id FROM usage_counters
		WHERE started_at < $1 AND started_at > '1900-01-01'`, stamp(t0)))(t), "\n")
	if !strings.Contains(plan, "usage_counters_age") {
		t.Errorf("old usage is not found by its age:\n%s", plan)
	}
}
