package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// What TestMain prepares once for all tests.
var (
	root      string // of the repository
	binary    string // the built product
	chromium  string
	axe       string // the source of axe-core
	artifacts string // where pictures go
	browser   context.Context
)

func TestMain(m *testing.M) {
	code, err := prepare(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func prepare(m *testing.M) (code int, err error) {
	if root, err = filepath.Abs("../../.."); err != nil {
		return 1, err
	}
	if chromium, err = exec.LookPath("chromium"); err != nil {
		return 1, errors.New("Chromium is missing: run make packages")
	}
	source, err := os.ReadFile(filepath.Join(root, "node_modules/axe-core/axe.min.js"))
	if err != nil {
		return 1, errors.New("node_modules/axe-core is missing: run npm install at the repository's top")
	}
	axe = string(source)
	artifacts = filepath.Join(root, "artifacts")
	if err = os.MkdirAll(artifacts, 0o750); err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp("", "countersign-e2e-")
	if err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	binary = filepath.Join(dir, "countersign")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "./cmd/countersign")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("go build: %w\n%s", err, out)
	}
	var stop context.CancelFunc
	if browser, stop, err = startBrowser(context.Background()); err != nil {
		return 1, err
	}
	defer stop()
	// The tests wait for a browser and for leases more than they compute.
	flag.Parse()
	if err = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// process is the product, running.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended
	log  *buffer
	// expected is part of the errors that the test provokes and may be logged.
	expected string
}

// start runs the built product until the test ends. What it logs as an error
// fails the test.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.CommandContext(context.Background(), binary, args...), done: make(chan struct{}), log: &buffer{}}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.end(t)
		for line := range strings.Lines(p.log.String()) {
			bad := strings.Contains(line, "level=ERROR") || strings.Contains(line, `"level":"ERROR"`) || strings.HasPrefix(line, "panic:")
			if bad && (p.expected == "" || !strings.Contains(line, p.expected)) {
				t.Errorf("the product logged: %s", line)
			}
		}
	})
	return p
}

// end asks the process to stop, and insists after a while.
func (p *process) end(t *testing.T) {
	if p.ended() {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(patience):
		t.Error("the product did not stop when asked to")
		p.kill()
	}
}

// kill is kill -9.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// eventually waits for something outside of the browser.
func eventually(t *testing.T, what string, within time.Duration, ok func() bool) {
	t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %s for %s", within, what)
		}
	}
}

// demo is `countersign demo` with data of its own.
type demo struct {
	*process
	wares
	t      *testing.T
	env    map[string]string // demo.env
	url    string
	stripe stripe
}

func startDemo(t *testing.T, env ...string) *demo {
	t.Helper()
	return startDemoOf(t, flat, env...)
}

func startDemoOf(t *testing.T, w wares, env ...string) *demo {
	t.Helper()
	dir := t.TempDir()
	d := &demo{t: t, wares: w, process: start(t, env, append([]string{"demo", "--addr", "127.0.0.1:0", "--sandbox-addr", "127.0.0.1:0", "--data", dir, "--catalog", w.catalog}, w.flags...)...)}
	eventually(t, "demo.env", 2*patience, func() bool {
		if d.ended() {
			t.Fatalf("the demo ended:\n%s", d.log)
		}
		raw, err := os.ReadFile(filepath.Join(dir, "demo.env"))
		d.env = parseEnv(raw)
		return err == nil
	})
	d.url = d.env["COUNTERSIGN_URL"]
	d.stripe = stripe{t: t, base: d.env["STRIPE_API_BASE"], key: d.env["STRIPE_SECRET_KEY"]}
	return d
}

func (d *demo) agent() *agent {
	return &agent{t: d.t, base: d.url, key: d.env["COUNTERSIGN_AGENT_KEY"]}
}

// parseEnv reads lines like export NAME='value'.
func parseEnv(raw []byte) map[string]string {
	out := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		name, value, _ := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "=")
		out[name] = strings.Trim(value, "'")
	}
	return out
}

// buffer is a bytes.Buffer that a process may write while a test reads.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
