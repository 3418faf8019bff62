package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestDemoState: a demo goes on where it was, begins anew where it was stopped
// too early, and touches nothing that is not its own.
func TestDemoState(t *testing.T) {
	write := func(t *testing.T, dir, name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	left := func(dir string) string {
		var names []string
		files, _ := os.ReadDir(dir)
		for _, f := range files {
			names = append(names, f.Name())
		}
		return strings.Join(names, " ")
	}
	for _, c := range []struct {
		name  string
		files map[string]string
		err   string
		left  string
	}{
		{name: "empty directory"},
		{name: "seeded", files: map[string]string{"demo.json": `{"catalog":"flat","seeded":true}`, databaseFile: "db", stripeFile: "{}"}, left: databaseFile + " demo.json " + stripeFile},
		{name: "stopped while seeding", files: map[string]string{"demo.json": `{"catalog":"flat"}`, databaseFile: "db", databaseFile + "-wal": "w", stripeFile: "{}"}, left: "demo.json"},
		{name: "another catalogue", files: map[string]string{"demo.json": `{"catalog":"capacity","seeded":true}`}, err: "--catalog capacity", left: "demo.json"},
		{name: "somebody's database", files: map[string]string{databaseFile: "db"}, err: "not the demo's", left: databaseFile},
		{name: "broken state", files: map[string]string{"demo.json": `{`}, err: "demo.json", left: "demo.json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, content := range c.files {
				write(t, dir, name, content)
			}
			s, err := loadDemoState(filepath.Join(dir, "demo.json"), "flat")
			if c.err == "" && (err != nil || s == nil) || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Fatalf("error %v, want %q", err, c.err)
			}
			if got := left(dir); got != c.left {
				t.Errorf("left %q, want %q", got, c.left)
			}
		})
	}
}
