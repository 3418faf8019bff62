package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// child is a server process of the benchmark.
type child struct {
	addr  string
	cmd   *exec.Cmd
	in    io.WriteCloser
	reads *json.Decoder
}

// startChild starts a server and waits until it listens. Its log is written as
// in production, and thrown away. It ends with the benchmark, whatever happens:
// then its input ends.
func startChild(ctx context.Context, kind, profiles string, env ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := []string{"bench-server", kind}
	if profiles != "" {
		args = append(args, "--cpuprofile", filepath.Join(profiles, kind+"-"+benchName(env)+".pprof"))
	}
	c := &child{cmd: exec.CommandContext(ctx, self, args...)} //nolint:gosec // this very program
	c.cmd.Env = append(os.Environ(), env...)
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err = c.cmd.Start(); err != nil {
		return nil, err
	}
	c.reads = json.NewDecoder(out)
	var hello report
	if err = c.reads.Decode(&hello); err != nil {
		return nil, errors.Join(fmt.Errorf("bench-server %s did not start: %w", kind, err), c.stop())
	}
	c.addr = hello.Addr
	return c, nil
}

// tell gives an order and waits for the report.
func (c *child) tell(o order) (r report, err error) {
	if err = json.NewEncoder(c.in).Encode(o); err != nil {
		return r, err
	}
	if err = c.reads.Decode(&r); err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	return r, err
}

func (c *child) stop() error {
	_ = c.in.Close()
	return c.cmd.Wait()
}

// benchName names the database, and the plans, in the name of a profile.
func benchName(env []string) string {
	if n := len(env); n > 1 && strings.HasPrefix(env[n-1], envBenchCatalog) {
		return benchName(env[:n-1]) + "-units"
	}
	for _, e := range env {
		if strings.Contains(e, "=postgres") {
			return "postgres"
		}
		if strings.Contains(e, "=sqlite") {
			return "sqlite"
		}
	}
	return "net"
}
