package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
)

// A database with many orgs is held against one with a few, by the same number
// of orgs that are asked for again and again, spread over the whole. When that is
// over, others are asked for once each.
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
	sweep          []*shot              // of orgs that are asked for once
	spent          map[string][]float64 // the server's processor time by what it did, in µs
}

// costs adds what a request took and returns the median so far, in µs.
func (c *crowd) costs(what string, m measured) float64 {
	c.spent[what] = append(c.spent[what], m.server*1e6)
	return median(c.spent[what])
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

// crowds compares the two sizes on one kind of database: first, by turns, what is
// asked for again and again; then what is not, which takes the place of much that
// was remembered.
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
	few, many := both[0], both[1]
	for n := range r.flags.rounds {
		fmt.Fprintf(os.Stderr, "%s: round %d of %d\n", on, n+1, r.flags.rounds)
		if err := r.compareCrowds(ctx, on, few, many); err != nil {
			return err
		}
	}
	for n := range r.flags.rounds {
		if err := r.sweep(ctx, on, many, part(many.sweep, n, r.flags.rounds)); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	resident, err := residentNow(many.app.cmd.Process.Pid)
	r.table.row("resident", on).atMost(150, " MB").add(0, resident)
	return err
}

// compareCrowds asks both the same by turns.
func (r *race) compareCrowds(ctx context.Context, on string, few, many *crowd) error {
	for _, m := range []struct {
		what      string
		few, many []*shot
	}{{"GET /api/billing", few.summary, many.summary}, {warmCheck, few.check, many.check}} {
		small, err := r.warm(ctx, few.app, m.few)
		if err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
		large, err := r.warm(ctx, many.app, m.many)
		if err != nil {
			return fmt.Errorf("%s: %w", m.what, err)
		}
		r.table.others = append(r.table.others, small.others, large.others)
		row := r.table.row(m.what, on).atMost(1.15, "×").add(large.perSecond(), dearer(on, small, large))
		row.note = fmt.Sprintf("server's processor time %.0f µs, among %d %.0f µs", many.costs(m.what, large), fewOrgs, few.costs(m.what, small))
	}
	return nil
}

const warmCheck = "POST /api/host/check"

// dearer is how many times as much a request costs: by the server's processor
// time where the database is in the server, which others on the machine disturb
// less, and by the rate where it is not.
func dearer(on string, small, large measured) float64 {
	if on == "SQLite" && small.server > 0 {
		return large.server / small.server
	}
	return small.perSecond() / large.perSecond()
}

// sweep asks for orgs of which nothing is remembered.
func (r *race) sweep(ctx context.Context, on string, many *crowd, orgs []*shot) error {
	swept, err := r.fire(ctx, many.app, orgs...)
	if err != nil {
		return err
	}
	warm := median(r.table.row(warmCheck, on).rates)
	row := r.table.row("check, each time another org", on).add(swept.perSecond(), warm/swept.perSecond())
	row.unit, row.note = "×", fmt.Sprintf("server's processor time %.0f µs", many.costs("sweep", swept))
	return nil
}

// part is the n-th of so many parts of a list.
func part[T any](list []T, n, of int) []T { return list[n*len(list)/of : (n+1)*len(list)/of] }

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
	c := &crowd{spent: map[string][]float64{}}
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
	return tenants, ids, errors.Join(passed(ctx, store), store.Settle(ctx))
}

// passed says that the night's pass has been: else it would begin now, find every
// org of ours other than the made-up Stripe says, and write several times a second.
func passed(ctx context.Context, store *db.Store) error {
	now := time.Now().UTC()
	p, err := store.TakePass(ctx, billing.PassTurn{Due: now, At: now, Now: now, LeaseUntil: now.Add(time.Minute)})
	if err != nil {
		return err
	}
	p.Running, p.FinishedAt = false, now
	_, err = store.AdvancePass(ctx, p, time.Time{})
	return err
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
