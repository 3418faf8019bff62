package worldtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
	"github.com/countersignhq/countersign/db/dbtest"
)

// Backup copies the database to a file as an operator does, while it is in use.
// SQLite has to be OnDisk.
func (w *World) Backup() (file string) {
	w.T.Helper()
	file = filepath.Join(w.T.TempDir(), "backup")
	if strings.HasPrefix(w.url, "postgres") {
		w.tool("pg_dump", "--format=custom", "--file="+file, w.url)
	} else {
		w.ok(db.Backup(context.Background(), w.url, file))
	}
	return file
}

// Restore is the world in which the database is lost and a backup takes its
// place: Stripe is the same one, and has moved on.
func (w *World) Restore(file string) *World {
	w.T.Helper()
	back := *w
	if strings.HasPrefix(w.url, "postgres") {
		back.url = dbtest.PostgresDSN(w.T, nil)
		w.tool("pg_restore", "--no-owner", "--dbname="+back.url, file)
	} else {
		back.url = "sqlite:" + file
	}
	back.Store = back.open()
	back.config.Store, back.config.Notifier, back.config.Processor = back.Store, back.Store, w.Stripe
	back.Service = billing.New(back.config)
	return &back
}

// CustomerAtStripe is the customer that was created for the org, "" if none.
func (w *World) CustomerAtStripe(orgID string) string {
	w.T.Helper()
	all, err := w.Stripe.CustomersSince(context.Background(), Start)
	w.ok(err)
	for _, c := range all {
		if c.OrgID == orgID {
			return c.CustomerID
		}
	}
	return ""
}

// tool runs one of PostgreSQL's programs, of the newest version installed.
func (w *World) tool(name string, args ...string) {
	w.T.Helper()
	path, err := exec.LookPath(name)
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		path, err = slices.Max(found), nil
	}
	w.ok(err)
	cmd := exec.CommandContext(w.T.Context(), path, args...) //nolint:gosec // a test's own arguments
	cmd.Stderr = os.Stderr
	if err = cmd.Run(); err != nil {
		w.T.Fatal(fmt.Errorf("%s: %w", name, err))
	}
}
