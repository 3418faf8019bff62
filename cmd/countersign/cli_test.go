package main

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/handlers"
	"github.com/countersignhq/countersign/payments/sandbox"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"countersign": main})
}

// TestCommandLine runs the scripts of testdata/cli, each against a server of its
// own: the whole product with the catalogue that the script's name begins with.
func TestCommandLine(t *testing.T) {
	files, err := filepath.Glob("testdata/cli/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		catalog, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".txtar"), "_")
		t.Run(catalog+"/"+name, func(t *testing.T) {
			t.Parallel()
			s := newScriptServer(t, catalog)
			testscript.Run(t, testscript.Params{Files: []string{file}, RequireExplicitExec: true, Setup: s.setup, Cmds: s.commands()})
			s.secretsKept()
		})
	}
}

// scriptServer is the product for one script, with an org that has a plan and
// one that has none.
type scriptServer struct {
	*worldtest.World
	paid, free worldtest.Cast
	url        string
	host       string // a host key
	stripe     string // the address of another Stripe account, an empty one

	mu     sync.Mutex
	last   []byte // the body of the last answer
	canned []canned
}

// noNap keeps the race detector from a second's sleep at the end of each process.
const noNap = "atexit_sleep_ms=0"

const emptyAccount = "sk_test_empty"

// canned is what the server says instead of its own answer.
type canned struct {
	status int
	body   string
}

func newScriptServer(t *testing.T, catalog string) *scriptServer {
	s := &scriptServer{World: worldtest.New(t, worldtest.Options{Catalog: catalog})}
	s.paid = s.NewCast("acme", s.Service.Catalog().Plans[1].ID, "pm_card_visa")
	s.free = s.NewCast("globex", "", "")
	_, s.host = s.Key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
	empty, err := sandbox.New(sandbox.Options{Now: time.Now, SecretKey: emptyAccount, WebhookSecret: "whsec_empty"})
	if err != nil {
		t.Fatal(err)
	}
	account := httptest.NewServer(empty.Handler())
	t.Cleanup(account.Close)
	s.stripe = account.URL
	base, err := url.Parse(s.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	now := billing.ClockFunc(s.Box.Now)
	h := handlers.New(handlers.Config{
		Service: s.Service, BaseURL: base, SessionKey: []byte(worldtest.SealKey), Clock: now, Ready: s.Service.Ready,
		Log: slog.New(slog.NewJSONHandler(s.Log, nil)),
	})
	server := httptest.NewServer(s.recorded(h))
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// recorded keeps what is answered, and answers what is canned.
func (s *scriptServer) recorded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		s.mu.Lock()
		if len(s.canned) > 0 {
			c := s.canned[0]
			s.canned = s.canned[1:]
			s.mu.Unlock()
			rec.Header().Set("Retry-After", "1")
			rec.WriteHeader(c.status)
			_, _ = rec.WriteString(c.body)
		} else {
			s.mu.Unlock()
			h.ServeHTTP(rec, r)
		}
		s.mu.Lock()
		s.last = rec.Body.Bytes()
		s.mu.Unlock()
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

func (s *scriptServer) setup(env *testscript.Env) error {
	for name, value := range map[string]string{
		"GORACE": noNap, "COUNTERSIGN_URL": s.url, "COUNTERSIGN_API_KEY": s.paid.AgentKey, "XDG_CONFIG_HOME": filepath.Join(env.WorkDir, "config"), "TZ": "UTC",
		"AGENT": s.paid.AgentKey, "OTHER_AGENT": s.paid.OtherKey, "OWNER": s.paid.OwnerToken,
		"FREE_AGENT": s.free.AgentKey, "FREE_OWNER": s.free.OwnerToken, "HOST_KEY": s.host,
		"STRIPE_API_BASE": s.stripe, "STRIPE_SECRET_KEY": emptyAccount,
	} {
		env.Setenv(name, value)
	}
	return nil
}

type scriptCommand = func(ts *testscript.TestScript, neg bool, args []string)

func (s *scriptServer) commands() map[string]scriptCommand {
	return map[string]scriptCommand{
		// exits CODE ARGS…: runs countersign, which must end with the code.
		"exits": func(ts *testscript.TestScript, _ bool, args []string) {
			err := ts.Exec("countersign", args[1:]...)
			code := 0
			if e, ok := errors.AsType[*exec.ExitError](err); ok {
				code = e.ExitCode()
			} else {
				ts.Check(err)
			}
			if want, _ := strconv.Atoi(args[0]); code != want {
				ts.Fatalf("exit code %d instead of %d", code, want)
			}
		},
		// body FILE: the body of the server's last answer.
		"body": func(ts *testscript.TestScript, _ bool, args []string) {
			s.mu.Lock()
			defer s.mu.Unlock()
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), s.last, 0o600))
		},
		// answers STATUS CODE [TIMES]: what the server says next.
		"answers": func(ts *testscript.TestScript, _ bool, args []string) {
			status, err := strconv.Atoi(args[0])
			ts.Check(err)
			times := 1
			if len(args) > 2 {
				times, err = strconv.Atoi(args[2])
				ts.Check(err)
			}
			body := "<html>a proxy</html>"
			if args[1] != "-" {
				body = fmt.Sprintf(`{"error":%q,"message":"A sentence."}`, args[1])
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			for range times {
				s.canned = append(s.canned, canned{status, body})
			}
		},
		// decide approve|deny: the owner decides, as soon as there is a request.
		"decide": func(ts *testscript.TestScript, _ bool, args []string) {
			ts.Check(s.decide(args[0] == "approve"))
		},
		// keep NAME PATTERN…: what the last output has between two texts.
		"keep": func(ts *testscript.TestScript, _ bool, args []string) {
			_, rest, ok := strings.Cut(ts.ReadFile("stdout"), args[1])
			if !ok {
				ts.Fatalf("%q is not in the output", args[1])
			}
			ts.Setenv(args[0], args[1]+strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune("\" \n&", r) })[0])
		},
		"advance": func(ts *testscript.TestScript, _ bool, args []string) {
			d, err := time.ParseDuration(args[0])
			ts.Check(err)
			s.Advance(d)
		},
		// mode FILE PERM: checks a file's permissions.
		"mode": func(ts *testscript.TestScript, _ bool, args []string) {
			info, err := os.Stat(ts.MkAbs(args[0]))
			ts.Check(err)
			if got := fmt.Sprintf("%o", info.Mode().Perm()); got != args[1] {
				ts.Fatalf("%s has mode %s instead of %s", args[0], got, args[1])
			}
		},
	}
}

// decide is the owner's press on the page, once an agent has asked.
func (s *scriptServer) decide(approve bool) (err error) {
	ctx := context.Background()
	asked := until(func() bool {
		for _, owner := range []billing.Principal{s.paid.Owner, s.free.Owner} {
			waiting, _ := s.Service.Approvals(ctx, owner, billing.ApprovalFilter{State: billing.ApprovalPending, Limit: 10})
			for _, a := range waiting {
				if a.ExpiresAt.After(s.Box.Now()) {
					err = s.press(ctx, owner, a.ID, approve)
					return true
				}
			}
		}
		return false
	})
	if !asked {
		return errors.New("nobody has asked")
	}
	return err
}

// until looks again and again, for what happens in another process.
func until(done func() bool) bool {
	late, tick := time.After(15*time.Second), time.NewTicker(25*time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-late:
			return false
		}
	}
	return true
}

func (s *scriptServer) press(ctx context.Context, owner billing.Principal, id string, approve bool) error {
	r, err := s.Service.OpenRequest(ctx, owner, id)
	if err != nil {
		return err
	}
	v := billing.Verdict{Reason: "too_expensive", Note: "ask in March"}
	if approve {
		v = billing.Verdict{Approve: true, OpDigest: r.OpDigest, Sealed: r.Sealed}
	}
	_, err = s.Service.Decide(ctx, owner, id, v)
	return err
}

// secretsKept looks for keys in what the server has logged.
func (s *scriptServer) secretsKept() {
	log := s.Log.String()
	for _, key := range []string{s.paid.AgentKey, s.paid.OwnerToken, s.free.AgentKey, s.free.OwnerToken, s.host} {
		if strings.Contains(log, key) {
			s.T.Error("a key is in the log")
		}
	}
}

// The verbs are thin: of ours they know api only, and mcp, which knows no more.
func TestVerbsImportNothingOfTheServer(t *testing.T) {
	files, err := filepath.Glob("cli*.go")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range f.Imports {
			path, _ := strconv.Unquote(i.Path.Value)
			if ours, ok := strings.CutPrefix(path, "github.com/countersignhq/countersign/"); ok && ours != "api" && ours != "mcp" {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

// Every verb has an example, and the exit codes are in the help.
func TestHelp(t *testing.T) {
	root := newRoot()
	if !strings.Contains(root.Long, exitHelp) {
		t.Error("the exit codes are not in the help")
	}
	var seen []string
	for _, top := range newCLI() {
		queue := append(slices.Clone(top.Commands()), top)
		for len(queue) > 0 {
			cmd := queue[0]
			queue = append(queue[1:], cmd.Commands()...)
			if cmd.HasSubCommands() {
				continue
			}
			seen = append(seen, cmd.CommandPath())
			if !strings.Contains(cmd.Example, "countersign "+cmd.CommandPath()) && cmd.Name() != "mcp" { // its example is a client's configuration
				t.Errorf("%s has no example of itself", cmd.CommandPath())
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d verbs: %v", len(seen), seen)
	}
}

func TestCleanPrintsNoControl(t *testing.T) {
	var out strings.Builder
	fmt.Fprint(clean{&out}, "a\x1b[2Jb\x07c\u202ed\u009be\nf größer €")
	if got, want := out.String(), "a[2Jbcde\nf größer €"; got != want {
		t.Errorf("%q instead of %q", got, want)
	}
}

// What is waited for is named by the server.
func TestSpinnerShowsNoControl(t *testing.T) {
	var screen strings.Builder
	done := make(chan struct{})
	close(done)
	sp := &spinner{}
	sp.say("about apr_\x1b]0;pwned\x07\u009b2J")
	sp.turn(&screen, done)
	if got := screen.String(); !strings.Contains(got, "about apr_]0;pwned2J, 0 s") {
		t.Errorf("%q", got)
	}
}
