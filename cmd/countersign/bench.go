package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/db"
)

type benchFlags struct {
	postgres, data, profiles string
	rounds, requests, orgs   int
	span                     time.Duration
	reads, host, webhooks    bool
	webhookSpan              time.Duration
	streams                  int
}

func newBench() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use: "bench", Short: "Measure this build on this machine", Args: exactly(0),
		Long: `Measure the product against net/http's "hello" and against its own bare SQL, in
one run and by turns, and compare with the targets. docs/performance.md says
what each line means. It ends with 1 if a target is missed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.webhooks {
				return benchWebhooks(cmd.Context(), f, cmd.OutOrStdout())
			}
			if f.streams > 0 {
				return benchStreams(cmd.Context(), f, cmd.OutOrStdout())
			}
			return bench(cmd.Context(), f, cmd.OutOrStdout())
		},
	}
	cmd.Flags().StringVar(&f.postgres, "postgres", os.Getenv("COUNTERSIGN_TEST_POSTGRES"), "also on this server; its user must be allowed to create databases (COUNTERSIGN_TEST_POSTGRES)")
	cmd.Flags().StringVar(&f.data, "data", "", "directory for the databases of SQLite (default: a temporary one)")
	cmd.Flags().StringVar(&f.profiles, "cpuprofile", "", "directory for the servers' CPU profiles")
	cmd.Flags().IntVar(&f.rounds, "rounds", 5, "turns; the figures are medians of them")
	cmd.Flags().DurationVar(&f.span, "span", time.Second, "length of a measurement of reads")
	cmd.Flags().BoolVar(&f.reads, "reads", false, "only the reads: for a profile of them")
	cmd.Flags().BoolVar(&f.host, "host", false, "only the host application's calls")
	cmd.Flags().IntVar(&f.requests, "requests", 400, "requests that are asked for and decided in a turn")
	cmd.Flags().IntVar(&f.orgs, "orgs", 0, "only compare a database with so many organisations with a small one; with --webhooks how many there are (default 10000)")
	cmd.Flags().IntVar(&f.streams, "streams", 0, "only the memory of so many open streams of events")
	cmd.Flags().Lookup("streams").NoOptDefVal = "1000"
	cmd.Flags().BoolVar(&f.webhooks, "webhooks", false, "only 200 webhooks a second, with a Stripe that allows 100 reads a second")
	cmd.Flags().DurationVar(&f.webhookSpan, "webhook-span", time.Minute, "for how long they come")
	return cmd
}

// bench runs everything and prints the table.
func bench(ctx context.Context, f benchFlags, out io.Writer) (err error) {
	dir, err := os.MkdirTemp(f.data, "countersign-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// The load is light, and on more processors its scheduler would only look
	// for work on those that the servers need.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	t := &table{}
	r := &race{flags: f, table: t}
	defer func() { err = errors.Join(err, r.end(context.WithoutCancel(ctx))) }()
	if f.orgs > 0 {
		return errors.Join(r.scale(ctx, dir), t.print(out))
	}
	if !f.reads && !f.host {
		if err = t.weigh(ctx, dir, f.rounds); err != nil {
			return err
		}
	}
	if err = r.line(ctx, dir); err != nil {
		return err
	}
	for n := range f.rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", n+1, f.rounds)
		if err = r.round(ctx); err != nil {
			return err
		}
	}
	return t.print(out)
}

// starter is a product's two processes on one kind of database.
type starter struct {
	name string // SQLite or PostgreSQL
	// inProcess: the database is a part of the server, and so is its cost.
	inProcess bool
	api       float64
	page      float64 // targets, as parts of "hello"
	app, sql  *child
	units     *child // the product with plans that are sold in units
	billing   *shot
	v1        *shot
	tool      *shot // the same over /mcp
	settings  *shot
	check     *shot
	keys      int // that were made up so far
}

// race is the servers that are measured by turns.
type race struct {
	flags    benchFlags
	table    *table
	hello    *child
	starters []*starter
	children []*child
	drops    []func(context.Context) error
}

// line starts the servers.
func (r *race) line(ctx context.Context, dir string) (err error) {
	if r.hello, err = r.child(ctx, helloServer); err != nil {
		return err
	}
	file := func(name string) string { return "sqlite:" + filepath.Join(dir, name+".db") }
	if err = r.add(ctx, &starter{name: "SQLite", inProcess: true, api: 0.20, page: 0.09}, file); err != nil {
		return err
	}
	if r.flags.postgres == "" {
		return nil
	}
	urls := map[string]string{}
	for _, name := range []string{"app", "recorded", "played", "units"} {
		url, drop, err := db.Scratch(ctx, r.flags.postgres)
		if err != nil {
			return err
		}
		urls[name], r.drops = url, append(r.drops, drop)
	}
	return r.add(ctx, &starter{name: "PostgreSQL", api: 0.11, page: 0.065}, func(name string) string { return urls[name] })
}

func (r *race) child(ctx context.Context, kind string, env ...string) (*child, error) {
	c, err := startChild(ctx, kind, r.flags.profiles, env...)
	if err == nil {
		r.children = append(r.children, c)
	}
	return c, err
}

// add starts a product's servers on databases that have names, and seeds the
// orgs whose pages are read.
func (r *race) add(ctx context.Context, s *starter, database func(name string) string) (err error) {
	r.starters = append(r.starters, s)
	if s.app, err = r.child(ctx, appServer, envBenchDatabase+"="+database("app")); err != nil {
		return err
	}
	if s.sql, err = r.child(ctx, sqlServer, envBenchDatabase+"="+database("recorded"), envBenchPlayed+"="+database("played")); err != nil {
		return err
	}
	if s.units, err = r.child(ctx, appServer, envBenchDatabase+"="+database("units"), envBenchCatalog+"=capacity"); err != nil {
		return err
	}
	rep, err := s.units.tell(order{Do: "seed", N: 1})
	if err != nil {
		return err
	}
	s.v1 = get("/v1/billing", `"total":8`, "Authorization: Bearer "+rep.Tenants[0].Key)
	s.tool = post("/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_billing_summary","arguments":{}}}`, 200, `"total":8`,
		"Authorization: Bearer "+rep.Tenants[0].Key, "Content-Type: application/json", "Accept: application/json, text/event-stream", "Mcp-Protocol-Version: 2025-11-25")
	rep, err = s.app.tell(order{Do: "seed", N: 1})
	if err != nil {
		return err
	}
	c := newCohort(rep.Tenants)
	for _, phase := range []string{phaseLogin, phaseAsk} {
		if _, err = c.fire(ctx, s.app.addr, phase); err != nil {
			return err
		}
	}
	s.billing = get("/api/billing", `"pendingApprovals":1`, "Authorization: Bearer "+c.tenants[0].Key)
	s.settings = get("/settings/billing", "BENCH-0011", c.cookie(0))
	s.check = hostCall(c.tenants[0], "check", `{"org":"`+c.tenants[0].Org+`","resource":"agents"}`, 200, `"allowed":true`)
	return nil
}

// end stops the servers and drops their databases.
func (r *race) end(ctx context.Context) (all error) {
	for _, c := range r.children {
		all = errors.Join(all, c.stop())
	}
	for _, drop := range r.drops {
		all = errors.Join(all, drop(ctx))
	}
	return all
}

// round measures everything once, each thing right after what it is compared with.
func (r *race) round(ctx context.Context) error {
	for _, s := range r.starters {
		for _, m := range []struct {
			what   string
			on     *child
			shot   *shot
			target float64
		}{
			{"GET /api/billing", s.app, s.billing, s.api},
			{"GET /v1/billing", s.units, s.v1, s.api},
			{"Settings → Billing, page", s.app, s.settings, s.page},
			{"POST /api/host/check", s.app, s.check, 0.55},
		} {
			if r.flags.host && m.shot != s.check {
				continue
			}
			hello, err := r.fire(ctx, r.hello, get("/", greeting))
			if err != nil {
				return err
			}
			mine, err := r.fire(ctx, m.on, m.shot)
			if err != nil {
				return fmt.Errorf("%s: %w", m.what, err)
			}
			r.table.others = append(r.table.others, hello.others)
			r.table.row("net/http hello", "").add(hello.perSecond(), 1).cost(hello, hello)
			row := r.table.row(m.what, s.name).atLeast(m.target).add(mine.perSecond(), mine.perSecond()/hello.perSecond())
			if s.inProcess || m.shot == s.check { // a check asks no database
				row.cost(mine, hello)
			}
		}
		if err := r.tool(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		if r.flags.reads {
			continue
		}
		if err := r.flow(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// tool measures how much longer a call of a tool takes than the call of the API
// that it makes.
func (r *race) tool(ctx context.Context, s *starter) error {
	if r.flags.host {
		return nil
	}
	plain, err := r.fire(ctx, s.units, s.v1)
	if err != nil {
		return err
	}
	mine, err := r.fire(ctx, s.units, s.tool)
	if err != nil {
		return fmt.Errorf("tool: %w", err)
	}
	row := r.table.row("get_billing_summary over /mcp", s.name).atMost(2, "×").add(mine.perSecond(), plain.perSecond()/mine.perSecond())
	row.note = fmt.Sprintf("of GET /v1/billing; %.2f× by the server's processor time", mine.server/plain.server)
	return nil
}

// fire sends the shots for a while, and notes what processor time it took.
func (r *race) fire(ctx context.Context, on *child, list ...*shot) (measured, error) {
	w := startWatch(on.cmd.Process.Pid)
	t, err := fire(ctx, on.addr, during(r.flags.span, list...), nil)
	return w.stop(t), err
}

// flow lets the same happen in the product, and in its twin whose statements
// are played back, phase by phase.
func (r *race) flow(ctx context.Context, s *starter) error {
	var cohorts [2]*cohort
	for i, c := range []*child{s.app, s.sql} {
		rep, err := c.tell(order{Do: "seed", N: r.flags.requests})
		if err != nil {
			return err
		}
		cohorts[i] = newCohort(rep.Tenants)
	}
	if r.flags.host {
		return r.counts(ctx, s, cohorts[0].tenants)
	}
	for _, phase := range []string{phaseLogin, phaseWarm, phaseAsk, phaseOpen, phaseDecide} {
		mine, err := cohorts[0].fire(ctx, s.app.addr, phase)
		if err != nil {
			return err
		}
		if _, err = cohorts[1].fire(ctx, s.sql.addr, phase); err != nil {
			return err
		}
		bare, err := s.sql.tell(order{Do: "play", Phase: phase, N: r.flags.requests})
		if err != nil {
			return err
		}
		r.compare(s, phase, mine, bare)
	}
	mine, err := r.fire(ctx, s.app, cohorts[0].shots(phasePoll)...)
	if err != nil {
		return err
	}
	if _, err = cohorts[1].fire(ctx, s.sql.addr, phasePoll); err != nil {
		return err
	}
	bare, err := s.sql.tell(order{Do: "play", Phase: phasePoll, N: r.flags.requests, For: r.flags.span})
	if err != nil {
		return err
	}
	r.compare(s, phasePoll, mine.tally, bare)
	return r.counts(ctx, s, cohorts[0].tenants)
}

// compare adds to the table how much longer a phase took than its bare SQL.
func (r *race) compare(s *starter, phase string, mine tally, bare report) {
	names := map[string]string{phaseAsk: "agent asks", phasePoll: "agent polls", phaseDecide: "owner approves"}
	if names[phase] == "" {
		return
	}
	sql := bare.Tally.perSecond()
	row := r.table.row(names[phase], s.name).atMost(1.5, "×").add(mine.perSecond(), sql/mine.perSecond())
	hello := median(r.table.row("net/http hello", "").rates)
	row.served = append(row.served, 1/mine.perSecond()/(1/sql+1/hello))
	row.note = fmt.Sprintf("%.0f statements, %.0f commits: bare %.0f/s; %.2f× of these and hello",
		bare.Statements, bare.Commits, sql, median(row.served))
}
