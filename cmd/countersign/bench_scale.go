package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
)

// A database with many orgs is held against one with a few, by the same number
// of orgs that are asked for again and again, spread over the whole. And once
// each time for another org, until all have had their turn.
const (
	fewOrgs     = 1000
	fillBatches = 100
	maxSwept    = 200_000
	// warmings is how often each is asked for before it counts: all connections
	// are to have seen it. What a cold one costs is the sweep's to say.
	warmings = 8
)

// crowd is the product on a database with so many orgs.
type crowd struct {
	app            *child
	summary, check []*shot
	sweep          []*shot // of orgs that are seldom asked for
}

// scale measures everything that has to cost the same however many orgs there are.
func (r *race) scale(ctx context.Context, dir string) error {
	file := func(n int) (string, error) { return "sqlite:" + filepath.Join(dir, fmt.Sprintf("%d-orgs.db", n)), nil }
	if err := r.crowds(ctx, "SQLite", file); err != nil {
		return err
	}
	if r.flags.postgres == "" {
		return nil
	}
	return r.crowds(ctx, "PostgreSQL", func(int) (string, error) {
		url, drop, err := db.Scratch(ctx, r.flags.postgres)
		if err == nil {
			r.drops = append(r.drops, drop)
		}
		return url, err
	})
}

// crowds compares the two sizes on one kind of database.
func (r *race) crowds(ctx context.Context, on string, database func(orgs int) (string, error)) error {
	var both [2]*crowd
	for i, n := range []int{fewOrgs, max(fewOrgs, r.flags.orgs)} {
		url, err := database(n)
		if err != nil {
			return err
		}
		if both[i], err = r.crowd(ctx, url, n); err != nil {
			return fmt.Errorf("%s with %d orgs: %w", on, n, err)
		}
	}
	for n := range r.flags.rounds {
		fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", on, n+1, r.flags.rounds)
		if err := r.compareCrowds(ctx, on, both[0], both[1]); err != nil {
			return err
		}
	}
	resident, err := residentNow(both[1].app.cmd.Process.Pid)
	r.table.row("resident", on).atMost(150, " MB").add(0, resident)
	return err
}

// compareCrowds asks both the same by turns.
func (r *race) compareCrowds(ctx context.Context, on string, few, many *crowd) error {
	for _, m := range []struct {
		what      string
		few, many []*shot
	}{{"GET /api/billing", few.summary, many.summary}, {"POST /api/host/check", few.check, many.check}} {
		small, err := r.warm(ctx, few.app, m.few)
		if err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
		large, err := r.warm(ctx, many.app, m.many)
		if err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
		r.table.others = append(r.table.others, small.others)
		row := r.table.row(m.what, on).atMost(1.15, "×").add(large.perSecond(), small.perSecond()/large.perSecond())
		row.note = fmt.Sprintf("server's processor time %.0f µs, among %d %.0f µs", large.server*1e6, fewOrgs, small.server*1e6)
	}
	swept, err := r.fire(ctx, many.app, many.sweep...)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	warm := median(r.table.row("POST /api/host/check", on).rates)
	r.table.row("check, each time another org", on).add(swept.perSecond(), warm/swept.perSecond()).unit = "×"
	return nil
}

// warm fires the shots a few times, and then for the figure.
func (r *race) warm(ctx context.Context, app *child, list []*shot) (measured, error) {
	if _, err := fire(ctx, app.addr, each(slices.Repeat(list, warmings)), nil); err != nil {
		return measured{}, err
	}
	return r.fire(ctx, app, list...)
}

// crowd fills a database and starts the product on it.
func (r *race) crowd(ctx context.Context, url string, orgs int) (*crowd, error) {
	tenants, ids, err := fillWith(ctx, url, orgs)
	if err != nil {
		return nil, err
	}
	c := &crowd{}
	for _, t := range tenants {
		c.summary = append(c.summary, get("/api/billing", `"pendingApprovals":0`, "Authorization: Bearer "+t.Key))
		c.check = append(c.check, checkOf(t, t.Org))
	}
	for i := range min(len(ids), maxSwept) {
		c.sweep = append(c.sweep, checkOf(tenants[0], ids[scattered(i, len(ids))]))
	}
	if len(ids) == 0 {
		c.sweep = c.check
	}
	c.app, err = r.child(ctx, appServer, envBenchDatabase+"="+url)
	return c, err
}

func checkOf(t tenant, org string) *shot {
	return hostCall(t, "check", `{"org":"`+org+`","resource":"agents"}`, 200, `"allowed":true`)
}

// scattered is a permutation of 0 to n-1 without neighbours beside each other.
func scattered(i, n int) int { return int(uint64(i) * 7919 % uint64(n)) }

// fillWith makes so many orgs. Some of them, spread over all, can be asked for
// with a key; ids are some of the rest.
func fillWith(ctx context.Context, url string, orgs int) (tenants []tenant, ids []string, err error) {
	catalog, err := billing.Builtin("flat")
	if err != nil {
		return nil, nil, err
	}
	store, err := db.Open(ctx, url, db.Options{})
	if err != nil {
		return nil, nil, err
	}
	defer store.Close()
	stripe, rest := newInstant(catalog), orgs-fewOrgs
	for batch := range fillBatches {
		made, err := seed(ctx, store, stripe, fewOrgs/fillBatches)
		if err != nil {
			return nil, nil, err
		}
		tenants = append(tenants, made...)
		fill := fillers(batch*rest/fillBatches, (batch+1)*rest/fillBatches, rest)
		if err = store.Fill(ctx, tenants[0].Org, fill); err != nil {
			return nil, nil, err
		}
		ids = append(ids, fill...)
	}
	return tenants, ids, store.Settle(ctx)
}

// fillers are ids like those that the service makes, spread evenly and in order,
// so that the tables are filled from left to right.
func fillers(from, to, all int) []string {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	list := make([]string, 0, to-from)
	for i := from; i < to; i++ {
		at := uint64(i) << 40 / uint64(all)
		id := []byte("org_")
		for shift := 35; shift >= 0; shift -= 5 {
			id = append(id, digits[at>>shift&31])
		}
		list = append(list, string(id)+strings.Repeat("z", 18))
	}
	return list
}
