package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackupToServe: serve does not start on a backup before it was declared to
// be the database to go on with.
func TestBackupToServe(t *testing.T) {
	dir := t.TempDir()
	live, copied := filepath.Join(dir, "live.db"), filepath.Join(dir, "backup.db")
	t.Setenv("COUNTERSIGN_SECRET_KEY", strings.Repeat("k", minSecret))
	t.Setenv("COUNTERSIGN_BASE_URL", "http://localhost")
	t.Setenv("COUNTERSIGN_ADDR", "127.0.0.1:0")
	cli := func(ctx context.Context, database string, args ...string) (string, error) {
		t.Setenv("DATABASE_URL", "sqlite:"+database)
		var out bytes.Buffer
		root := newRoot()
		root.SetArgs(args)
		root.SetOut(&out)
		root.SetErr(&out)
		err := root.ExecuteContext(ctx)
		return out.String(), err
	}
	must := func(out string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatalf("%s%v", out, err)
		}
		return out
	}
	// serves starts the server and stops it once it says that it serves.
	serves := func(database string) error {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		t.Setenv("DATABASE_URL", "sqlite:"+database)
		root := newRoot()
		root.SetArgs([]string{"serve"})
		root.SetErr(writerFunc(func(p []byte) (int, error) {
			if bytes.Contains(p, []byte(`"serving"`)) {
				stop()
			}
			return len(p), nil
		}))
		return root.ExecuteContext(ctx)
	}
	must(cli(t.Context(), live, "hostkey", "create", "host"))
	must(cli(t.Context(), live, "backup", copied))
	if err := serves(copied); err == nil || !strings.Contains(err.Error(), "countersign restored") {
		t.Fatalf("serve on a backup: %v", err)
	}
	out := must(cli(t.Context(), copied, "restored"))
	for _, want := range []string{"0 organisations are read from Stripe again", "Stripe is not configured", "1 keys are valid"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if err := serves(copied); err != nil {
		t.Errorf("serve afterwards: %v", err)
	}
	if _, err := os.Stat(live); err != nil {
		t.Error(err)
	}
	if out, err := cli(t.Context(), copied, "restored", "--since", "yesterday"); err == nil {
		t.Errorf("--since yesterday: %s", out)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
