package main

import (
	"bytes"
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func flags(t *testing.T, args ...string) *cobra.Command {
	t.Helper()
	cmd := configFlags(&cobra.Command{Use: "x"})
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	return cmd
}

// TestOrigins: flag before environment before file before default, and a secret
// may be in a file of its own.
func TestOrigins(t *testing.T) {
	files := map[string]string{
		"app.env": "# comment\nexport COUNTERSIGN_ADDR=':1'\nCOUNTERSIGN_BASE_URL=https://file.example\nCOUNTERSIGN_CATALOG=capacity\n",
		"key":     "  from-a-file \n",
	}
	env := map[string]string{"COUNTERSIGN_BASE_URL": "https://env.example", "COUNTERSIGN_CATALOG": "flat", "STRIPE_SECRET_KEY_FILE": "key"}
	read := func(name string) ([]byte, error) {
		if text, ok := files[name]; ok {
			return []byte(text), nil
		}
		return nil, fs.ErrNotExist
	}
	c, err := resolve(flags(t, "--config", "app.env", "--catalog", "mine.yaml"), func(k string) string { return env[k] }, read)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]value{
		"COUNTERSIGN_ADDR":      {":1", "app.env"},
		"COUNTERSIGN_BASE_URL":  {"https://env.example", "environment"},
		"COUNTERSIGN_CATALOG":   {"mine.yaml", "flag"},
		"STRIPE_SECRET_KEY":     {"from-a-file", "STRIPE_SECRET_KEY_FILE"},
		"DATABASE_URL":          {"sqlite:countersign.db", "default"},
		"STRIPE_WEBHOOK_SECRET": {"", "default"},
	} {
		if c[name] != want {
			t.Errorf("%s = %+v, want %+v", name, c[name], want)
		}
	}
	if _, err = resolve(flags(t, "--config", "gone"), func(string) string { return "" }, read); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	files["bad.env"] = "COUNTERSIGN_ADDR\n"
	if _, err = resolve(flags(t, "--config", "bad.env"), func(string) string { return "" }, read); err == nil || !strings.Contains(err.Error(), "bad.env:1") {
		t.Errorf("a line without a value: %v", err)
	}
}

// TestRefusals: what would be unsafe does not start, and all of it is said.
func TestRefusals(t *testing.T) {
	const key = "0123456789abcdef0123456789abcdef"
	for _, tc := range []struct {
		name string
		set  map[string]string
		want string // part of the error; empty: it starts
	}{
		{"the least that works", nil, ""},
		{"loopback without TLS", map[string]string{"COUNTERSIGN_BASE_URL": "http://127.0.0.1:8080"}, ""},
		{"no base URL", map[string]string{"COUNTERSIGN_BASE_URL": ""}, "COUNTERSIGN_BASE_URL is required"},
		{"http to the world", map[string]string{"COUNTERSIGN_BASE_URL": "http://billing.example.com"}, "https"},
		{"a base URL with a path", map[string]string{"COUNTERSIGN_BASE_URL": "https://example.com/billing"}, "address like"},
		{"a base URL with a user", map[string]string{"COUNTERSIGN_BASE_URL": "https://a:b@example.com"}, "address like"},
		{"a short secret", map[string]string{"COUNTERSIGN_SECRET_KEY": key[1:]}, "32 bytes"},
		{"no secret", map[string]string{"COUNTERSIGN_SECRET_KEY": ""}, "32 bytes"},
		{"Stripe without a webhook secret", map[string]string{"STRIPE_SECRET_KEY": "sk_test_abc"}, "STRIPE_WEBHOOK_SECRET"},
		{"a webhook secret of commas", map[string]string{"STRIPE_SECRET_KEY": "sk_test_abc", "STRIPE_WEBHOOK_SECRET": " , "}, "STRIPE_WEBHOOK_SECRET"},
		{"Stripe with both", map[string]string{"STRIPE_SECRET_KEY": "sk_test_abc", "STRIPE_WEBHOOK_SECRET": "whsec_abc"}, ""},
		{"fewer reads", map[string]string{"STRIPE_SECRET_KEY": "sk_test_abc", "STRIPE_WEBHOOK_SECRET": "whsec_abc", "STRIPE_READS_PER_SECOND": "10"}, ""},
		{"no reads", map[string]string{"STRIPE_SECRET_KEY": "sk_test_abc", "STRIPE_WEBHOOK_SECRET": "whsec_abc", "STRIPE_READS_PER_SECOND": "0"}, "STRIPE_READS_PER_SECOND"},
		{"no grace", map[string]string{"COUNTERSIGN_PAST_DUE_GRACE": "0"}, ""},
		{"a grace below nothing", map[string]string{"COUNTERSIGN_PAST_DUE_GRACE": "-1"}, "COUNTERSIGN_PAST_DUE_GRACE"},
		{"a grace that is no number of days", map[string]string{"COUNTERSIGN_PAST_DUE_GRACE": "14d"}, "COUNTERSIGN_PAST_DUE_GRACE"},
		{"a grace of more than a year", map[string]string{"COUNTERSIGN_PAST_DUE_GRACE": "366"}, "COUNTERSIGN_PAST_DUE_GRACE"},
		{"a publishable key", map[string]string{"STRIPE_SECRET_KEY": "pk_test_abc", "STRIPE_WEBHOOK_SECRET": "whsec_abc"}, "publishable"},
		{"a live key for a sandbox", map[string]string{"STRIPE_SECRET_KEY": "sk_live_abc", "STRIPE_WEBHOOK_SECRET": "whsec_abc", "STRIPE_API_BASE": "http://127.0.0.1:8081"}, "live key"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, err := resolve(flags(t), func(string) string { return "" }, nil)
			if err != nil {
				t.Fatal(err)
			}
			c["COUNTERSIGN_BASE_URL"], c["COUNTERSIGN_SECRET_KEY"] = value{text: "https://billing.example.com"}, value{text: key}
			for name, text := range tc.set {
				c[name] = value{text: text}
			}
			err = c.check()
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
			for _, s := range []string{key, "sk_test_abc", "sk_live_abc", "whsec_abc"} {
				if err != nil && strings.Contains(err.Error(), s) {
					t.Errorf("the error repeats a secret: %v", err)
				}
			}
		})
	}
}

// TestConfigHidesSecrets: what is in force can be shown to anybody.
func TestConfigHidesSecrets(t *testing.T) {
	t.Setenv("COUNTERSIGN_SECRET_KEY", strings.Repeat("canary", 8))
	t.Setenv("DATABASE_URL", "postgres://user:canary@db/x")
	t.Setenv("COUNTERSIGN_BASE_URL", "https://billing.example.com")
	out := command(t, 0, "config")
	if strings.Contains(out, "canary") || !strings.Contains(out, "[redacted]") || !strings.Contains(out, "https://billing.example.com") {
		t.Errorf("config prints\n%s", out)
	}
}

// TestHostKey: the first key can be made without one.
func TestHostKey(t *testing.T) {
	t.Setenv("COUNTERSIGN_SECRET_KEY", strings.Repeat("x", 32))
	t.Setenv("COUNTERSIGN_BASE_URL", "http://localhost:1")
	t.Setenv("DATABASE_URL", "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
	one, two := command(t, 0, "hostkey", "create", "app"), command(t, 0, "hostkey", "create", "app")
	if !strings.HasPrefix(one, "csh_") || one == two {
		t.Errorf("keys %q and %q", one, two)
	}
	command(t, exitUsage, "hostkey", "create")
	command(t, exitUsage, "hostkey")
	command(t, exitUsage, "hostkey", "destroy")
	command(t, exitUsage, "nonsense")
	command(t, 0, "catalog", "check", "flat")
	command(t, exitFailure, "catalog", "check", filepath.Join(t.TempDir(), "gone.yaml"))
	if out := command(t, 0, "catalog", "show", "capacity"); !strings.Contains(out, "Solo") || !strings.Contains(out, "$2.99/month") {
		t.Errorf("catalog show prints\n%s", out)
	}
}

// command runs a command line and returns what it prints on standard output.
func command(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&bytes.Buffer{})
	err := root.ExecuteContext(t.Context())
	if got := exitCode(err); got != code {
		t.Fatalf("%v: exit code %d, want %d (%v)", args, got, code, err)
	}
	return out.String()
}

// TestReads: what Stripe allows depends on the key.
func TestReads(t *testing.T) {
	for _, tc := range []struct {
		set  map[string]string
		want int
	}{
		{map[string]string{"STRIPE_SECRET_KEY": "sk_live_abc"}, readsLive},
		{map[string]string{"STRIPE_SECRET_KEY": "sk_test_abc"}, readsTest},
		{map[string]string{"STRIPE_SECRET_KEY": "sk_test_abc", "STRIPE_API_BASE": "http://127.0.0.1:8081"}, readsLive},
		{map[string]string{"STRIPE_SECRET_KEY": "sk_live_abc", "STRIPE_READS_PER_SECOND": "30"}, 30},
	} {
		got, err := readsFrom(func(name string) string { return tc.set[name] })
		if err != nil || got != tc.want {
			t.Errorf("%v: %d (%v), want %d", tc.set, got, err, tc.want)
		}
	}
}
