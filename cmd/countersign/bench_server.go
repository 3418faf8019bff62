package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
)

// The processes of a benchmark, besides the one that makes the load.
const (
	helloServer = "hello" // net/http and a constant answer: the measure
	appServer   = "app"   // the product, with an instant Stripe
	sqlServer   = "sql"   // the product, recorded, and its statements played back alone
)

// Where the databases are goes by the environment: an address may hold a password.
const (
	envBenchDatabase = "COUNTERSIGN_BENCH_DATABASE"
	envBenchPlayed   = "COUNTERSIGN_BENCH_PLAYED"  // the equal one that is played on
	envBenchCatalog  = "COUNTERSIGN_BENCH_CATALOG" // a built-in one, else flat
)

func newBenchServer() *cobra.Command {
	var profile string
	cmd := &cobra.Command{
		Use: "bench-server", Short: "A server process of countersign bench", Args: cobra.ExactArgs(1), Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			stop, err := profiled(profile)
			if err != nil {
				return err
			}
			defer stop()
			return benchServer(cmd.Context(), args[0], cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&profile, "cpuprofile", "", "write a CPU profile to this file")
	return cmd
}

func profiled(path string) (stop func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err = pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); _ = f.Close() }, nil
}

// order is a line that the benchmark writes to a server; report is the line
// that the server answers.
type order struct {
	Do    string // seed, play, update, upsert, wake or collect
	N     int    // how many to seed, were recorded, or to do
	Phase string // what to play
	// For is how long to play it round and round; 0: once each.
	For time.Duration
}

type report struct {
	Addr    string `json:",omitempty"` // on the first line
	Error   string `json:",omitempty"`
	Tenants []tenant
	Tally   tally
	// Statements and Commits of one request, on average.
	Statements, Commits float64
	Took                []time.Duration // of each update or upsert
}

// benchServer serves until in ends, and obeys the orders that come there.
func benchServer(ctx context.Context, kind string, in io.Reader, out, logs io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	answers := json.NewEncoder(out)
	hello := report{Addr: l.Addr().String()}
	if kind == helloServer {
		srv := newServer(http.HandlerFunc(sayHello), slog.New(slog.DiscardHandler))
		go func() { _ = srv.Serve(l) }()
		defer func() { _ = srv.Close() }()
		if err = answers.Encode(hello); err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, in)
		return err
	}
	b, err := newBenched(ctx, kind, logs)
	if err != nil {
		return err
	}
	defer b.close()
	served := make(chan error, 1)
	go func() { served <- b.app.run(ctx, l, 0) }()
	if err = answers.Encode(hello); err == nil {
		err = b.obey(ctx, json.NewDecoder(in), answers)
	}
	cancel()
	return errors.Join(err, <-served)
}

const greeting = "hello"

func sayHello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, greeting)
}

// benched is the product in a server process.
type benched struct {
	app    *app
	stripe *instant
	played *db.Store // nil unless statements are played back
	orgs   []string  // that were seeded last
	keys   int       // that were made up so far
	// updates of an org each, in turn: of whoever asks by HTTP, too.
	updates atomic.Int64

	mu    sync.Mutex
	kept  sync.Cond             // a tape more
	tapes map[string][]*db.Tape // by phase
}

func newBenched(ctx context.Context, kind string, logs io.Writer) (*benched, error) {
	catalog, err := billing.Builtin(cmp.Or(os.Getenv(envBenchCatalog), "flat"))
	if err != nil {
		return nil, err
	}
	b := &benched{stripe: newInstant(catalog), tapes: map[string][]*db.Tape{}}
	b.kept.L = &b.mu
	b.app, err = build(ctx, parts{
		baseURL: "http://localhost", secret: "a secret of the benchmark, of no use elsewhere", database: os.Getenv(envBenchDatabase),
		catalog: catalog, processor: b.stripe, log: slog.New(slog.NewJSONHandler(logs, nil)), record: kind == sqlServer,
	})
	if err != nil || kind != sqlServer {
		return b, err
	}
	b.app.handler = b.recorded(b.app.handler)
	b.played, err = db.Open(ctx, os.Getenv(envBenchPlayed), db.Options{})
	return b, err
}

func (b *benched) close() {
	_ = b.app.store.Close()
	if b.played != nil {
		_ = b.played.Close()
	}
}

// tapeHeader names the phase whose tapes a request's statements belong to.
const tapeHeader = "Bench-Tape"

// recorded puts each request's statements onto a tape of its own. A bare UPDATE
// is none of the product's.
func (b *benched) recorded(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == bareUpdatePath {
			b.bareUpdate(w, r)
			return
		}
		tape := &db.Tape{}
		h.ServeHTTP(w, r.WithContext(db.Record(r.Context(), tape)))
		b.keep(r.Header.Get(tapeHeader), tape)
	})
}

func (b *benched) keep(phase string, t *db.Tape) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tapes[phase] = append(b.tapes[phase], t)
	b.kept.Broadcast()
}

// take returns a phase's tapes, once there are n: an answer may arrive before
// its tape is put away.
func (b *benched) take(phase string, n int) []*db.Tape {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.tapes[phase]) < n {
		b.kept.Wait()
	}
	tapes := b.tapes[phase]
	delete(b.tapes, phase)
	return tapes
}

func (b *benched) obey(ctx context.Context, orders *json.Decoder, answers *json.Encoder) error {
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r, err := b.do(ctx, o)
		if err != nil {
			r.Error = err.Error()
		}
		if err = answers.Encode(r); err != nil {
			return err
		}
	}
}

func (b *benched) do(ctx context.Context, o order) (r report, err error) {
	switch o.Do {
	case "seed":
		tape := &db.Tape{}
		if r.Tenants, err = seed(db.Record(ctx, tape), b.app.store, b.stripe, o.N); err == nil && b.played != nil {
			err = b.played.Play(ctx, tape)
		}
		b.orgs = b.orgs[:0]
		for _, t := range r.Tenants {
			b.orgs = append(b.orgs, t.Org)
		}
		return r, err
	case "update", "upsert":
		r.Took, err = b.bare(ctx, o)
		return r, err
	case "play":
		return b.play(ctx, o)
	case "wake":
		for _, org := range b.orgs {
			b.app.store.Notify(ctx, org)
		}
		return r, nil
	case "collect":
		collect()
		return r, nil
	}
	return r, fmt.Errorf("unknown order %q", o.Do)
}

// play plays the tapes of a phase back from as many goroutines as the load has
// connections, and forgets them.
func (b *benched) play(ctx context.Context, o order) (r report, err error) {
	if o.N == 0 {
		return r, errors.New("play how many?")
	}
	tapes := b.take(o.Phase, o.N)
	for _, t := range tapes {
		all, commits := t.Statements()
		r.Statements += float64(all) / float64(len(tapes))
		r.Commits += float64(commits) / float64(len(tapes))
	}
	started := time.Now()
	r.Tally.Ops, err = sixteen(func(_, i int) (bool, error) {
		if o.For == 0 && i >= len(tapes) || o.For > 0 && time.Since(started) > o.For {
			return false, nil
		}
		err := b.played.Play(ctx, tapes[i%len(tapes)])
		return err == nil, err
	})
	r.Tally.Took = time.Since(started)
	return r, err
}
