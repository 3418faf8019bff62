package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// release builds the binary as it is released, where there are a Go tool and
// our sources; else the one that runs has to do.
func release(ctx context.Context, dir string) (path string, stripped bool, err error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-f", "{{.Module.Dir}}", "github.com/countersignhq/countersign/cmd/countersign").Output()
	if err != nil {
		path, err = os.Executable()
		return path, false, err
	}
	path = filepath.Join(dir, "countersign")
	build := exec.CommandContext(ctx, "make", "-C", strings.TrimSpace(string(out)), "release", "BINARY="+path) //nolint:gosec // the path is ours
	if said, err := build.CombinedOutput(); err != nil {
		return "", false, fmt.Errorf("make release: %w: %s", err, said)
	}
	return path, true, nil
}

// start is one start of the product on an empty data directory.
type start struct {
	ready    time.Duration // from the start of the process to the first 200 of /readyz
	resident float64       // MB, the most in the seconds afterwards
}

// watch is how long an idle process is looked at.
const watch = 2 * time.Second

// startOnce starts the binary as in production, with SQLite and without Stripe.
func startOnce(ctx context.Context, binary, dir string) (s start, err error) {
	data, err := os.MkdirTemp(dir, "empty-")
	if err != nil {
		return s, err
	}
	addr, err := freeAddress(ctx)
	if err != nil {
		return s, err
	}
	cmd := exec.CommandContext(ctx, binary, "serve")
	cmd.Args = append(cmd.Args, "--addr", addr, "--base-url", "http://"+addr, "--database", "sqlite:"+filepath.Join(data, "countersign.db"))
	cmd.Env = []string{"COUNTERSIGN_SECRET_KEY=" + strings.Repeat("of the benchmark ", 3)}
	cmd.Dir = data
	var said bytes.Buffer
	cmd.Stderr = &said
	began := time.Now()
	if err = cmd.Start(); err != nil {
		return s, err
	}
	defer func() {
		_ = cmd.Process.Kill() // it keeps nothing
		_ = cmd.Wait()
	}()
	if err = answers(ctx, addr); err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return s, fmt.Errorf("%w: %s", err, said.String())
	}
	s.ready = time.Since(began)
	s.resident, err = mostResident(ctx, cmd.Process.Pid)
	return s, err
}

// answers waits until the server says that it is ready.
func answers(ctx context.Context, addr string) error {
	ready := get("/readyz", "ready")
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for until := time.Now().Add(10 * time.Second); time.Now().Before(until); {
		if once(ctx, addr, ready) == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return errors.New("not ready in ten seconds")
}

func mostResident(ctx context.Context, pid int) (most float64, err error) {
	tick := time.NewTicker(watch / 20)
	defer tick.Stop()
	for range 20 {
		now, err := residentNow(pid)
		if err != nil {
			return 0, err
		}
		most = max(most, now)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
	return most, nil
}

// residentNow is the memory that a process has now, in MB.
func residentNow(pid int) (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0, err
	}
	pages, err := strconv.Atoi(strings.Fields(string(raw))[1])
	return float64(pages*os.Getpagesize()) / 1e6, err
}

func freeAddress(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
