package main

import (
	"path/filepath"
	"testing"
	"time"
)

// TestFlood: the webhooks of a second, and everybody's state is what Stripe says
// in the end. How fast is for the benchmark to say.
func TestFlood(t *testing.T) {
	tab := &table{}
	f := benchFlags{orgs: 30, webhookSpan: time.Second}
	if err := floodOnce(t.Context(), f, "sqlite:"+filepath.Join(t.TempDir(), "flood.db"), tab, "SQLite"); err != nil {
		t.Fatal(err)
	}
	if len(tab.rows) != 2 || len(tab.rows[0].figures) != 1 || tab.rows[0].figures[0] <= 0 {
		t.Errorf("table %+v", tab.rows)
	}
}
