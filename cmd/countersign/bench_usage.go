package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The calls that count are held against the least that counting costs, one
// after the other on a single connection and in turns of a few, so that whatever
// else the disk has to do disturbs both alike.
const (
	consumeBlocks, consumeTurns, consumesATurn = 5, 24, 25
	reportTurns, reportsATurn                  = 6, 3
	eventsAReport, reportedOrgs                = 1000, 50
)

// fillingLog is how much is written before anything is timed. SQLite's log grows
// until it has 4,000 pages and is written over from then on, which asks the disk
// for half: so it is on both sides, and with a server but for its first minutes.
const fillingLog = 4200

// counts measures the calls that count. Whoever counts has been asked for before.
func (r *race) counts(ctx context.Context, s *starter, tenants []tenant) error {
	tenants = tenants[:min(len(tenants), reportedOrgs)]
	if _, err := fire(ctx, s.app.addr, each(shotsOf(tenants, s.consume)), nil); err != nil {
		return err
	}
	if err := r.consume(ctx, s, tenants); err != nil {
		return err
	}
	return r.report(ctx, s, tenants)
}

func shotsOf(tenants []tenant, one func(tenant) *shot) []*shot {
	list := make([]*shot, len(tenants))
	for i, t := range tenants {
		list[i] = one(t)
	}
	return list
}

// consume is a call with a key of its own.
func (s *starter) consume(t tenant) *shot {
	s.keys++
	return hostCall(t, "consume", fmt.Sprintf(`{"org":%q,"resource":"api_calls","quantity":1,"key":"consume-%d"}`, t.Org, s.keys), 200, `"allowed":true`)
}

// consume adds how much longer the slowest in a hundred consumes take than the
// slowest in a hundred bare updates, several times: a moment in which the disk is
// busy with something else is then one of them.
func (r *race) consume(ctx context.Context, s *starter, tenants []tenant) error {
	next := func(i int) *shot { return s.consume(tenants[i%len(tenants)]) }
	if _, _, err := inTurns(ctx, s, 1, order{Do: "update", N: fillingLog}, next); err != nil {
		return err
	}
	row := r.table.row("consume, p99", s.name).atMost(1.5, "×")
	var notes []string
	for range consumeBlocks {
		mine, bare, err := inTurns(ctx, s, consumeTurns, order{Do: "update", N: consumesATurn}, next)
		if err != nil {
			return err
		}
		row.add(perSecond(mine), quantile(mine, 99)/quantile(bare, 99))
		notes = append(notes, fmt.Sprintf("%.2f/%.2f", 1e3*quantile(mine, 99), 1e3*quantile(bare, 99)))
		row.note = fmt.Sprintf("medians %.2f ms, a bare UPDATE %.2f ms; p99 of each block %s ms", 1e3*quantile(mine, 50), 1e3*quantile(bare, 50), strings.Join(notes, " "))
	}
	return nil
}

// report adds how fast events are taken in, as a part of how fast their rows
// are written by one bare statement.
func (r *race) report(ctx context.Context, s *starter, tenants []tenant) error {
	mine, bare, err := inTurns(ctx, s, reportTurns, order{Do: "upsert", N: reportsATurn}, func(int) *shot {
		events := make([]string, eventsAReport)
		for i := range events {
			s.keys++
			events[i] = fmt.Sprintf(`{"org":%q,"resource":"webhooks","quantity":1,"key":"event-%d"}`, tenants[i%len(tenants)].Org, s.keys)
		}
		return hostCall(tenants[0], "usage", `{"events":[`+strings.Join(events, ",")+`]}`, 202, `"accepted":1000`)
	})
	if err != nil {
		return err
	}
	row := r.table.row("events, 1,000 a call", s.name).atLeast(0.6).add(eventsAReport*perSecond(mine), quantile(bare, 50)/quantile(mine, 50))
	row.note = fmt.Sprintf("a call %.1f ms, a bare upsert of its rows %.1f ms", 1e3*quantile(mine, 50), 1e3*quantile(bare, 50))
	return nil
}

// inTurns sends shots and gives the order by turns, and returns how long each
// took in seconds, the shortest first.
func inTurns(ctx context.Context, s *starter, turns int, o order, next func(i int) *shot) (mine, bare []float64, err error) {
	w, err := dial(ctx, s.app.addr)
	if err != nil {
		return nil, nil, err
	}
	defer w.close()
	for range turns {
		for range o.N {
			shot := next(len(mine))
			started := time.Now()
			if err = w.exchange(shot); err != nil {
				return nil, nil, err
			}
			mine = append(mine, time.Since(started).Seconds())
		}
		rep, err := s.sql.tell(o)
		if err != nil {
			return nil, nil, err
		}
		for _, d := range rep.Took {
			bare = append(bare, d.Seconds())
		}
	}
	slices.Sort(mine)
	slices.Sort(bare)
	return mine, bare, nil
}

// quantile is the value that so many in a hundred of the sorted list stay below.
func quantile(sorted []float64, percent int) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}

func perSecond(took []float64) float64 {
	sum := 0.0
	for _, t := range took {
		sum += t
	}
	return float64(len(took)) / sum
}

func hostCall(t tenant, call, body string, status int, want string) *shot {
	return post("/api/host/"+call, body, status, want, "Authorization: Bearer "+t.Host, "Content-Type: application/json")
}

// bare does the least that counting costs, and says how long each took.
func (b *benched) bare(ctx context.Context, o order) (took []time.Duration, err error) {
	for i := range o.N {
		keys := make([]string, eventsAReport)
		for k := range keys {
			b.keys++
			keys[k] = fmt.Sprintf("event-%d", b.keys)
		}
		started := time.Now()
		if o.Do == "update" {
			err = b.played.BareUpdate(ctx, b.orgs[i%len(b.orgs)], "rows")
		} else {
			err = b.played.BareUpsert(ctx, b.orgs[:min(len(b.orgs), reportedOrgs)], keys, "webhooks")
		}
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(started))
	}
	return took, nil
}
