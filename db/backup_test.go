package db

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/countersignhq/countersign/billing"
)

// TestBackup: a copy of a database in use is whole, private, and known as a copy
// until it is declared to be the one to go on with.
func TestBackup(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	file, copied := filepath.Join(dir, "live.db"), filepath.Join(dir, "backup.db")
	s := ok(Open(ctx, "sqlite:"+file, Options{}))(t)
	defer s.Close()
	must(t, s.InsertOrg(ctx, billing.Org{ID: acme, Name: "Acme", CreatedAt: t0}, "free"))
	if ok(s.Copied(ctx))(t) {
		t.Fatal("the original counts as a copy")
	}
	must(t, s.InTx(ctx, func(tx billing.Tx) error { // a writer is at it
		must(t, tx.RenameOrg(ctx, acme, "Half written"))
		return Backup(ctx, "sqlite:"+file, copied)
	}))
	info := ok(os.Stat(copied))(t)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v: everybody may read it", info.Mode())
	}
	back := ok(Open(ctx, "sqlite:"+copied, Options{}))(t)
	defer back.Close()
	if org := ok(back.Org(ctx, acme))(t); org.Name != "Acme" {
		t.Errorf("the copy says %q", org.Name)
	}
	for range 2 {
		if !ok(back.Copied(ctx))(t) {
			t.Error("the copy does not know that it is one")
		}
	}
	ok(back.Restore(ctx, t0, t0, false))(t)
	for range 2 {
		if ok(back.Copied(ctx))(t) || ok(s.Copied(ctx))(t) {
			t.Error("still a copy")
		}
	}
}

func TestBackupRefuses(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	file := filepath.Join(dir, "live.db")
	must(t, ok(Open(ctx, "sqlite:"+file, Options{}))(t).Close())
	if err := Backup(ctx, "sqlite:"+file, file); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file that is there: %v", err)
	}
	if err := Backup(ctx, "sqlite:"+file+"x", file+"y"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	if err := Backup(ctx, "postgres://localhost/x", file+"y"); !errors.Is(err, ErrNotSQLite) {
		t.Errorf("of PostgreSQL: %v", err)
	}
	if left := ok(filepath.Glob(file + "?*"))(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestCopiedOnPostgres: a database made from another one is a copy of it.
func TestCopiedOnPostgres(t *testing.T) {
	ctx := t.Context()
	dsn := newURL(t, postgresEngine)
	s := ok(Open(ctx, dsn, Options{}))(t)
	defer s.Close()
	for range 2 {
		if ok(s.Copied(ctx))(t) {
			t.Fatal("the original counts as a copy")
		}
	}
	must(t, s.exec(ctx, `UPDATE instance SET home = 'another'`))
	if !ok(s.Copied(ctx))(t) {
		t.Error("the copy does not know that it is one")
	}
}
