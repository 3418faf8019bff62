// Command host is a small application whose customers have agents, with its
// plans kept by Countersign. It asks before it creates an agent, passes the 402
// on, and reports how many there are. README.md beside it explains the steps.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/countersignhq/countersign/api"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "host:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	if os.Getenv("COUNTERSIGN_URL") == "" || os.Getenv("COUNTERSIGN_HOST_KEY") == "" {
		return errors.New("set COUNTERSIGN_URL and COUNTERSIGN_HOST_KEY")
	}
	a := &app{
		billing: &api.Client{BaseURL: os.Getenv("COUNTERSIGN_URL"), Key: os.Getenv("COUNTERSIGN_HOST_KEY")},
		log:     slog.New(slog.NewTextHandler(os.Stderr, nil)),
		orgs:    map[string]*org{},
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", os.Getenv("HOST_ADDR"))
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", listener.Addr())
	server := &http.Server{Handler: a.handler(), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	if err = server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// app keeps everything in memory. A real application has a database here.
type app struct {
	billing *api.Client
	log     *slog.Logger
	mu      sync.Mutex
	orgs    map[string]*org
}

// org is a customer. Its lock makes reports leave in the order of the changes.
type org struct {
	mu     sync.Mutex
	last   int
	agents []agent
}

type agent struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// handler is the application: of its three calls only the one that creates
// something has to ask.
func (a *app) handler() http.Handler {
	limits := &api.Limiter{Client: a.billing, OnDecision: a.decided}
	oneMore := limits.Guard("agents", nil, orgOf)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orgs/{org}/agents", a.list)
	mux.Handle("POST /orgs/{org}/agents", oneMore(http.HandlerFunc(a.create)))
	mux.HandleFunc("DELETE /orgs/{org}/agents/{id}", a.remove)
	return mux
}

// orgOf trusts the path. A real application takes the org from its own sign-in.
func orgOf(r *http.Request) string { return r.PathValue("org") }

func (a *app) decided(ctx context.Context, d api.Decision) {
	if d.Err != nil {
		a.log.WarnContext(ctx, "limit not checked", "org", d.Org, "resource", d.Resource, "outcome", d.Outcome, "err", d.Err)
	}
}

func (a *app) org(id string) *org {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.orgs[id] == nil {
		a.orgs[id] = &org{}
	}
	return a.orgs[id]
}

func (a *app) list(w http.ResponseWriter, r *http.Request) {
	o := a.org(orgOf(r))
	o.mu.Lock()
	defer o.mu.Unlock()
	reply(w, http.StatusOK, append([]agent{}, o.agents...))
}

func (a *app) create(w http.ResponseWriter, r *http.Request) {
	o := a.org(orgOf(r))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last++
	made := agent{ID: strconv.Itoa(o.last), Name: r.FormValue("name")}
	o.agents = append(o.agents, made)
	a.report(r.Context(), orgOf(r), len(o.agents))
	reply(w, http.StatusCreated, made)
}

func (a *app) remove(w http.ResponseWriter, r *http.Request) {
	o := a.org(orgOf(r))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.agents = slices.DeleteFunc(o.agents, func(x agent) bool { return x.ID == r.PathValue("id") })
	a.report(r.Context(), orgOf(r), len(o.agents))
	w.WriteHeader(http.StatusNoContent)
}

// report says how many there are now, not how many more: the next report makes
// good for one that was lost.
func (a *app) report(ctx context.Context, org string, n int) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := a.billing.SetGauge(ctx, org, "agents", int64(n)); err != nil {
		a.log.ErrorContext(ctx, "usage not reported", "org", org, "agents", n, "err", err)
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
