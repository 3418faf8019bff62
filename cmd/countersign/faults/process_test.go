package faults

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// built is the built product.
var built string

// patience is how long something that takes a moment may take on a busy machine.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	flag.Parse()
	// The tests wait for leases and deadlines more than they compute.
	if err := flag.Set("test.parallel", "6"); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "countersign-faults-")
	if err == nil {
		built = filepath.Join(dir, "countersign")
		var out []byte
		if out, err = exec.CommandContext(context.Background(), "go", "build", "-C", "../../..", "-o", built, "./cmd/countersign").CombinedOutput(); err != nil {
			err = fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, "faults:", err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// figure prints what a test measured.
func figure(t *testing.T, format string, args ...any) {
	t.Helper()
	t.Attr("faults", fmt.Sprintf(format, args...))
}

// process is something that runs beside the test and ends with it.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed once it has ended
	log  *buffer
}

func start(t *testing.T, cmd *exec.Cmd) *process {
	t.Helper()
	p := &process{cmd: cmd, done: make(chan struct{}), log: &buffer{}}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = cmd.Wait(); close(p.done) }()
	t.Cleanup(func() {
		p.kill()
		for line := range strings.Lines(p.log.String()) {
			if strings.HasPrefix(line, "panic:") || strings.Contains(line, "goroutine ") {
				t.Errorf("%s said: %s", filepath.Base(cmd.Path), line)
			}
		}
	})
	return p
}

// kill is kill -9.
func (p *process) kill() {
	if p == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// ask is kill -15.
func (p *process) ask() { _ = p.cmd.Process.Signal(syscall.SIGTERM) }

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// replica is `countersign serve`, which can be killed and started again.
type replica struct {
	*process
	t       *testing.T
	address string
	env     []string
}

func (w *world) replica(env ...string) *replica {
	w.t.Helper()
	r := &replica{t: w.t, address: freeAddress(w.t)}
	if w.address != "" {
		r.address, w.address = w.address, ""
	}
	r.env = append(w.env(), append(env, "COUNTERSIGN_ADDR="+r.address)...)
	return r
}

// serve starts the server and waits until it is ready.
func (r *replica) serve() {
	r.t.Helper()
	r.begin()
	eventually(r.t, "the server", patience, r.ready)
}

func (r *replica) begin() {
	r.t.Helper()
	cmd := exec.CommandContext(context.Background(), built, "serve")
	cmd.Env = append(os.Environ(), r.env...)
	r.process = start(r.t, cmd)
}

var probe = &http.Client{Timeout: 2 * time.Second}

func (r *replica) ready() bool {
	if r.ended() {
		r.t.Errorf("the server ended:\n%s", r.log)
	}
	res, err := probe.Get("http://" + r.address + "/readyz")
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode == http.StatusOK
}

// freeAddress is an address that was free a moment ago: the base URL has to be
// known before the server starts, and to stay the same after it was killed.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// eventually waits for something outside of the test.
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

// tempDir is a directory in memory, where there is one: a killed process loses
// nothing there, and many tests share a disk.
func tempDir(t *testing.T) string {
	t.Helper()
	base := "/dev/shm"
	if _, err := os.Stat(base); err != nil {
		base = ""
	}
	dir, err := os.MkdirTemp(base, "countersign-faults-") //nolint:usetesting // not where others are
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
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
