package faults

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/countersignhq/countersign/db"
	"github.com/countersignhq/countersign/db/dbtest"
)

// cluster is a PostgreSQL of the test's own, to be killed. It syncs and writes
// full pages, as in production.
type cluster struct {
	*process
	t         *testing.T
	bin, data string
	port      string
	as        *syscall.SysProcAttr
}

// newCluster makes and starts one.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		t.Fatal("PostgreSQL is missing: run make packages")
	}
	slices.Sort(found)
	dir := tempDir(t)
	c := &cluster{t: t, bin: filepath.Dir(found[len(found)-1]), data: filepath.Join(dir, "data")}
	_, c.port, _ = net.SplitHostPort(freeAddress(t))
	if os.Getuid() == 0 { // PostgreSQL refuses root
		c.as = asPostgres(t, dir)
	}
	init := c.command("initdb", "--pgdata="+c.data, "--username=countersign", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
	if out, err := init.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	c.begin()
	return c
}

func asPostgres(t *testing.T, dir string) *syscall.SysProcAttr {
	t.Helper()
	u, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err = os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

func (c *cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(c.bin, name), args...)
	cmd.SysProcAttr, cmd.Dir = c.as, "/"
	return cmd
}

// begin starts the server, again if it was killed, and waits until it answers.
func (c *cluster) begin() {
	c.t.Helper()
	run := func() {
		c.process = start(c.t, c.command("postgres", "-D", c.data, "-p", c.port, "-k", filepath.Dir(c.data), "-c", "listen_addresses=127.0.0.1",
			"-c", "max_connections=200", "-c", "timezone=UTC", "-c", "dynamic_shared_memory_type=mmap"))
	}
	run()
	eventually(c.t, "PostgreSQL", patience, func() bool {
		if c.ended() { // the last one's children may not be gone yet
			if !strings.Contains(c.log.String(), "still in use") && !strings.Contains(c.log.String(), "could not bind") {
				c.t.Fatalf("PostgreSQL ended:\n%s", c.log)
			}
			run()
		}
		return c.command("pg_isready", "--quiet", "--host=127.0.0.1", "--port="+c.port).Run() == nil
	})
}

// crash is kill -9 for the server and all its children.
func (c *cluster) crash() {
	children := c.children()
	c.kill()
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// crashChild is kill -9 for one child that serves us: PostgreSQL then ends all
// its connections and recovers by itself.
func (c *cluster) crashChild(pick func(n int) int) {
	serving := slices.DeleteFunc(c.children(), func(pid int) bool {
		title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		return !bytes.Contains(title, []byte("127.0.0.1"))
	})
	if len(serving) > 0 {
		_ = syscall.Kill(serving[pick(len(serving))], syscall.SIGKILL)
	}
}

func (c *cluster) children() (pids []int) {
	pid := c.cmd.Process.Pid
	list, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	for _, f := range strings.Fields(string(list)) {
		if child, err := strconv.Atoi(f); err == nil {
			pids = append(pids, child)
		}
	}
	return pids
}

func (c *cluster) dsn() string {
	return "postgres://countersign@127.0.0.1:" + c.port + "/postgres?sslmode=disable"
}

// sharedPostgres is a database on the server that all tests share.
func sharedPostgres(t *testing.T) string {
	t.Helper()
	return dbtest.PostgresDSN(t, func(dsn string) error {
		s, err := db.Open(context.Background(), dsn, db.Options{})
		if err != nil {
			return err
		}
		return s.Close()
	})
}
