package db

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestOpenTwiceKeepsWhatIsThere(t *testing.T) {
	for _, e := range []engine{sqliteEngine, postgresEngine} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			url := newURL(t, e)
			s := fixture{Store: openAt(t, url, Options{})}
			s.seed(t)
			again := openAt(t, url, Options{})
			same(t, "org", ok(again.Org(t.Context(), acme))(t).Name, "Acme")
		})
	}
}

func TestOpenTogether(t *testing.T) {
	t.Parallel()
	urls := map[engine]string{sqliteEngine: newURL(t, sqliteEngine), postgresEngine: emptyPostgres(t)}
	for e, url := range urls {
		t.Run(string(e), func(t *testing.T) {
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					s, err := Open(t.Context(), url, Options{})
					if err != nil {
						t.Error(err)
						return
					}
					if err := errors.Join(s.Ping(t.Context()), s.Close()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestMemoryIsGoneAfterClose(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s, err := Open(t.Context(), "sqlite::memory:", Options{})
	must(t, err)
	other := openAt(t, "sqlite::memory:", Options{})
	must(t, s.InsertOrg(t.Context(), billing.Org{ID: acme, CreatedAt: t0}, "free"))
	_, err = other.Org(t.Context(), acme)
	missing(t, "org in another memory", err)
	must(t, s.Close())
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) != 1 {
		t.Errorf("%d databases are left, want that of the other store", len(left))
	}
}

func TestOpenErrorsKeepThePassword(t *testing.T) {
	for _, url := range []string{
		"mysql://u:hunter2@127.0.0.1/db", "postgres://u:hunter2@127.0.0.1:1/db?sslmode=disable&connect_timeout=1",
		"postgres://u:hunter2@[::1/db", "postgres://u:hunter2@127.0.0.1/db?sslmode=nonsense", "hunter2",
	} {
		s, err := Open(t.Context(), url, Options{})
		if err == nil {
			_ = s.Close()
			t.Errorf("%s was opened", url)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats the password: %v", err)
		}
	}
}

func TestSQLiteFileIsForItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c%41.db") // a name that is not a URL
	s := fixture{Store: openAt(t, "sqlite:"+path, Options{})}
	s.seed(t)
	for _, p := range []string{path, path + "-wal"} {
		info, err := os.Stat(p)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v", p, info.Mode())
		}
	}
}

func TestSQLiteSettings(t *testing.T) {
	url := newURL(t, sqliteEngine)
	s := openAt(t, url, Options{})
	for query, want := range map[string]string{
		`PRAGMA journal_mode`: "wal", `PRAGMA synchronous`: "2", `PRAGMA foreign_keys`: "1", `PRAGMA busy_timeout`: "5000",
	} {
		same(t, query, ok(written(t.Context(), s.queries, scalar[string], query))(t), want)
	}
	if _, err := s.readers.Exec(`DELETE FROM orgs`); err == nil {
		t.Error("a reader wrote")
	}
	if _, err := s.readers.Exec(`SELECT "nonsense" FROM orgs`); err == nil {
		t.Error("a misspelt column was taken for text")
	}
	twin := openAt(t, url, Options{})
	if _, err := twin.writer.Exec(`PRAGMA busy_timeout = 0`); err != nil {
		t.Fatal(err)
	}
	must(t, s.InTx(t.Context(), func(billing.Tx) error {
		same(t, "reads beside a writer", len(ok(s.DirtyOrgs(t.Context(), 1))(t)), 0)
		if _, err := twin.writer.Exec(`DELETE FROM orgs`); !isTransient(err) {
			t.Errorf("a transaction does not keep other writers out from its beginning: %v", err)
		}
		return nil
	}))
}

func TestPing(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		must(t, s.Ping(t.Context()))
		set := func(change string) {
			if _, err := s.writer.Exec(`UPDATE goose_db_version SET version_id = version_id ` + change); err != nil {
				t.Fatal(err)
			}
		}
		set("+ 1")
		must(t, s.Ping(t.Context())) // a newer replica has migrated already
		set("- 2")
		if s.Ping(t.Context()) == nil {
			t.Error("an older schema is not ready")
		}
		set("+ 1")
		must(t, s.writer.Close())
		must(t, s.readers.Close())
		if s.Ping(t.Context()) == nil {
			t.Error("a closed database answered")
		}
	})
}

func TestInTxIsAllOrNothing(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		stop := errors.New("stop")
		write := func(tx billing.Tx) { must(t, tx.InsertOrg(ctx, billing.Org{ID: "org_x", CreatedAt: t0}, "free")) }
		if err := s.InTx(ctx, func(tx billing.Tx) error { write(tx); return stop }); !errors.Is(err, stop) {
			t.Errorf("error %v", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = s.InTx(ctx, func(tx billing.Tx) error { write(tx); panic("stop") })
		}()
		_, err := s.Org(ctx, "org_x")
		missing(t, "rolled back", err)
		must(t, s.InTx(ctx, func(tx billing.Tx) error { write(tx); return nil }))
		ok(s.Org(ctx, "org_x"))(t)

		canceled, cancel := context.WithCancel(ctx)
		cancel()
		if err := s.InTx(canceled, func(billing.Tx) error { return nil }); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
		if _, err := s.Org(canceled, acme); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
		if err := s.InsertOrg(canceled, billing.Org{ID: "org_y", CreatedAt: t0}, "free"); !errors.Is(err, context.Canceled) {
			t.Errorf("canceled: %v", err)
		}
		_, err = s.Org(ctx, "org_y")
		missing(t, "canceled before it was written", err)

		midway, cancel := context.WithCancel(ctx)
		err = s.InTx(midway, func(tx billing.Tx) error {
			must(t, tx.InsertOrg(midway, billing.Org{ID: "org_y", CreatedAt: t0}, "free"))
			cancel()
			return tx.InsertOrg(midway, billing.Org{ID: "org_z", CreatedAt: t0}, "free")
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("canceled in the middle: %v", err)
		}
		_, err = s.Org(ctx, "org_y")
		missing(t, "canceled in the middle", err)
	})
}

func TestInTxStartsAgain(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		runs := 0
		must(t, s.InTx(t.Context(), func(tx billing.Tx) error {
			if runs++; runs < 3 {
				must(t, tx.InsertOrg(t.Context(), billing.Org{ID: "org_x", CreatedAt: t0}, "free"))
				return errRaced
			}
			return tx.InsertOrg(t.Context(), billing.Org{ID: "org_x", CreatedAt: t0}, "free")
		}))
		if err := s.InTx(t.Context(), func(billing.Tx) error { runs++; return errRaced }); err == nil || runs != 3+txTries {
			t.Errorf("gave up after %d runs with %v", runs-3, err)
		}
	})
}

// A deadlock ends with one of the two starting again, and both are done.
func TestInTxSurvivesADeadlock(t *testing.T) {
	t.Parallel()
	s := fixture{Store: openAt(t, newURL(t, postgresEngine), Options{})}
	s.seed(t)
	ctx := t.Context()
	orgs := [2]string{acme, other}
	var both sync.WaitGroup
	both.Add(2)
	race := func(i int) error {
		first := true
		return s.InTx(ctx, func(tx billing.Tx) error {
			must(t, tx.LockOrg(ctx, orgs[i]))
			if first {
				first = false
				both.Done()
				both.Wait()
			}
			return tx.LockOrg(ctx, orgs[1-i])
		})
	}
	done := make(chan error)
	go func() { done <- race(0) }()
	if err := errors.Join(race(1), <-done); err != nil {
		t.Error(err)
	}
}

func TestLockOrgMakesOthersWait(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		// A lost update shows if the eight do not wait for each other.
		wins := race(t, func(int) (bool, error) {
			return true, s.InTx(ctx, func(tx billing.Tx) error {
				if err := tx.LockOrg(ctx, acme); err != nil {
					return err
				}
				o, err := tx.Overview(ctx, acme)
				if err != nil {
					return err
				}
				var n int64
				for _, u := range o.Usage {
					n = u.Value
				}
				return tx.SetUsage(ctx, acme, "n", time.Time{}, n+1, t0)
			})
		})
		if n := ok(s.Overview(ctx, acme))(t).Usage[0].Value; n != int64(wins) {
			t.Errorf("counted %d of %d", n, wins)
		}
	})
}

func TestNowIsTheClockThatWasHandedIn(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		s.clock.advance(time.Hour + 999)
		same(t, "now", ok(s.Now(t.Context()))(t), t0.Add(time.Hour))
	})
}
