package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/db"
	"github.com/countersignhq/countersign/db/dbtest"
)

// TestPreviousRelease (I20): the binary of the release before reads and writes on
// the schema of this one and on one that is expanded further, so that replicas can
// be replaced one by one, and put back. Once a schema says that it is not made for
// it, it does not start.
func TestPreviousRelease(t *testing.T) {
	binary := previousRelease(t)
	for name, url := range map[string]string{
		"SQLite": "sqlite:" + filepath.Join(t.TempDir(), "new.db"), "PostgreSQL": dbtest.PostgresDSN(t, nil),
	} {
		t.Run(name, func(t *testing.T) {
			store, err := db.Open(t.Context(), url, db.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err = store.Close(); err != nil {
				t.Fatal(err)
			}
			for _, expand := range []string{
				`ALTER TABLE orgs ADD COLUMN of_the_future TEXT`, `ALTER TABLE subscriptions ADD COLUMN of_the_future TEXT`,
				`ALTER TABLE intents ADD COLUMN of_the_future TEXT`, `CREATE TABLE future (id TEXT PRIMARY KEY)`,
				`INSERT INTO goose_db_version (version_id, is_applied) VALUES (2099010101, true)`,
			} {
				statement(t, url, expand)
			}
			old := oldRelease{t: t, binary: binary, database: url}
			old.works()
			statement(t, url, `UPDATE instance SET compatible_since = 2099010101`)
			if out, err := old.command(t.Context(), "hostkey", "create", "again").CombinedOutput(); err == nil || !strings.Contains(string(out), "too new") {
				t.Errorf("on a schema that is not made for it: %v\n%s", err, out)
			}
		})
	}
}

// previousRelease builds the newest release, or, as long as there is none, the
// commit that testdata/previous-release names.
func previousRelease(t *testing.T) (binary string) {
	t.Helper()
	ref := strings.TrimSpace(string(tool(t, "git", "-C", "../..", "tag", "--list", "v*", "--sort=-version:refname", "--no-contains", "HEAD")))
	ref, _, _ = strings.Cut(ref, "\n")
	if ref == "" {
		raw, err := os.ReadFile("testdata/previous-release")
		if err != nil {
			t.Fatal(err)
		}
		ref = strings.TrimSpace(string(raw))
	}
	dir := t.TempDir()
	archive := filepath.Join(dir, "source.tar")
	tool(t, "git", "-C", "../..", "archive", "--output="+archive, ref)
	source := filepath.Join(dir, "source")
	if err := os.Mkdir(source, 0o700); err != nil {
		t.Fatal(err)
	}
	tool(t, "tar", "-C", source, "-xf", archive)
	binary = filepath.Join(dir, "countersign")
	tool(t, "go", "build", "-C", source, "-buildvcs=false", "-o", binary, "./cmd/countersign")
	return binary
}

func tool(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	if err != nil {
		var stderr []byte
		if e, ok := err.(*exec.ExitError); ok { //nolint:errorlint // Output returns no other
			stderr = e.Stderr
		}
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, stderr)
	}
	return out
}

func statement(t *testing.T, url, text string) {
	t.Helper()
	driver, source := "postgres", url
	if path, lite := strings.CutPrefix(url, "sqlite:"); lite {
		driver, source = "sqlite", path
	}
	conn, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err = conn.ExecContext(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

type oldRelease struct {
	t                *testing.T
	binary, database string
}

func (o oldRelease) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, o.binary, args...)
	cmd.Env = append(os.Environ(), "DATABASE_URL="+o.database, "COUNTERSIGN_SECRET_KEY="+strings.Repeat("k", minSecret),
		"COUNTERSIGN_BASE_URL=http://localhost", "COUNTERSIGN_ADDR=127.0.0.1:0")
	return cmd
}

// works runs what an operator, a host application and an agent do.
func (o oldRelease) works() {
	t := o.t
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	key, err := o.command(t.Context(), "hostkey", "create", "host").Output()
	must(err)
	serve := o.command(t.Context(), "serve")
	logs, err := serve.StderrPipe()
	must(err)
	must(serve.Start())
	base := ""
	for lines := bufio.NewScanner(logs); base == "" && lines.Scan(); {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "serving" {
			base = "http://" + line.Address
		}
	}
	ready, err := http.Get(base + "/readyz")
	must(err)
	if _ = ready.Body.Close(); ready.StatusCode != http.StatusOK {
		t.Errorf("not ready: %d", ready.StatusCode)
	}
	host := &api.Client{BaseURL: base, Key: strings.TrimSpace(string(key)), HTTP: http.DefaultClient}
	_, err = host.PutOrg(t.Context(), "acme", api.HostOrgRequest{Name: "Acme", Members: []api.HostMember{{Email: "ada@acme.test", Role: "owner"}}})
	must(err)
	_, err = host.SetGauge(t.Context(), "acme", "agents", 2)
	must(err)
	agent, err := host.CreateAgent(t.Context(), "acme", "once", api.HostAgentRequest{Name: "deploy-bot"})
	must(err)
	summary, err := (&api.Client{BaseURL: base, Key: agent.Key.Secret, HTTP: http.DefaultClient}).Billing(t.Context())
	must(err)
	if summary.Plan == "" {
		t.Errorf("summary %+v", summary)
	}
	must(serve.Process.Signal(syscall.SIGTERM))
	must(serve.Wait())
}
