package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
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
	return hostCall(t, "consume", s.use(t), 200, `"allowed":true`)
}

func (s *starter) use(t tenant) (body string) {
	s.keys++
	return fmt.Sprintf(`{"org":%q,"resource":"api_calls","quantity":1,"key":"consume-%d"}`, t.Org, s.keys)
}

// consume adds how much longer the slowest in a hundred consumes take than the
// slowest in a hundred calls of net/http that commit one bare UPDATE and no more,
// several times: a moment in which the disk is busy with something else is then
// one of them. What the same UPDATE takes without a way there is noted beside it.
func (r *race) consume(ctx context.Context, s *starter, tenants []tenant) error {
	next := func() tenant { return tenants[s.keys%len(tenants)] }
	consumes, err := shooting(ctx, s.app, func() *shot { return s.consume(next()) })
	if err != nil {
		return err
	}
	defer consumes.close()
	updates, err := shooting(ctx, s.sql, func() *shot { return hostPost(bareUpdatePath, next(), s.use(next()), 200, greeting) })
	if err != nil {
		return err
	}
	defer updates.close()
	three := []timed{consumes.times, updates.times, s.ordering("update")}
	if _, err := byTurns(1, fillingLog, three...); err != nil {
		return err
	}
	row := r.table.row("consume, p99", s.name).atMost(1.5, "×")
	var alone, notes []string
	for range consumeBlocks {
		took, err := byTurns(consumeTurns, consumesATurn, three...)
		if err != nil {
			return err
		}
		mine, called, bare := took[0], took[1], took[2]
		row.add(perSecond(mine), quantile(mine, 99)/quantile(called, 99))
		notes = append(notes, fmt.Sprintf("%.2f/%.2f/%.2f", 1e3*quantile(mine, 99), 1e3*quantile(called, 99), 1e3*quantile(bare, 99)))
		alone = append(alone, fmt.Sprintf("%.2f", quantile(mine, 99)/quantile(bare, 99)))
		row.note = fmt.Sprintf("medians %.2f, a bare UPDATE by HTTP %.2f, alone %.2f ms; p99 of each block %s ms; of the UPDATE alone %s×",
			1e3*quantile(mine, 50), 1e3*quantile(called, 50), 1e3*quantile(bare, 50), strings.Join(notes, " "), strings.Join(alone, " "))
	}
	return nil
}

// report adds how fast events are taken in, as a part of how fast their rows
// are written by one bare statement.
func (r *race) report(ctx context.Context, s *starter, tenants []tenant) error {
	reports, err := shooting(ctx, s.app, func() *shot {
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
	defer reports.close()
	took, err := byTurns(reportTurns, reportsATurn, reports.times, s.ordering("upsert"))
	if err != nil {
		return err
	}
	mine, bare := took[0], took[1]
	row := r.table.row("events, 1,000 a call", s.name).atLeast(0.6).add(eventsAReport*perSecond(mine), quantile(bare, 50)/quantile(mine, 50))
	row.note = fmt.Sprintf("a call %.1f ms, a bare upsert of its rows %.1f ms", 1e3*quantile(mine, 50), 1e3*quantile(bare, 50))
	return nil
}

// timed does something n times and says how long each took.
type timed func(n int) ([]time.Duration, error)

// gunner sends shots one after the other on a connection of its own.
type gunner struct {
	*wire
	next func() *shot
}

func shooting(ctx context.Context, at *child, next func() *shot) (*gunner, error) {
	w, err := dial(ctx, at.addr)
	return &gunner{w, next}, err
}

func (g *gunner) times(n int) ([]time.Duration, error) {
	took := make([]time.Duration, n)
	for i := range took {
		shot, started := g.next(), time.Now()
		if err := g.exchange(shot); err != nil {
			return nil, err
		}
		took[i] = time.Since(started)
	}
	return took, nil
}

// ordering has the server of bare SQL do it by itself.
func (s *starter) ordering(do string) timed {
	return func(n int) ([]time.Duration, error) {
		rep, err := s.sql.tell(order{Do: do, N: n})
		return rep.Took, err
	}
}

// byTurns lets all do n things in each turn, and returns how many seconds each of
// these took, by who did it, the shortest first.
func byTurns(turns, n int, all ...timed) ([][]float64, error) {
	seconds := make([][]float64, len(all))
	for range turns {
		for i, do := range all {
			took, err := do(n)
			if err != nil {
				return nil, err
			}
			for _, d := range took {
				seconds[i] = append(seconds[i], d.Seconds())
			}
		}
	}
	for _, list := range seconds {
		slices.Sort(list)
	}
	return seconds, nil
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
	return hostPost("/api/host/"+call, t, body, status, want)
}

func hostPost(path string, t tenant, body string, status int, want string) *shot {
	return post(path, body, status, want, "Authorization: Bearer "+t.Host, "Content-Type: application/json")
}

// bareUpdatePath is where the server of bare SQL reads what it is sent and commits
// one UPDATE. net/http calls it, and nothing of ours.
const bareUpdatePath = "/bare-update"

func (b *benched) bareUpdate(w http.ResponseWriter, r *http.Request) {
	_, err := io.Copy(io.Discard, r.Body)
	if err == nil {
		_, err = b.bare(r.Context(), order{Do: "update", N: 1})
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	sayHello(w, r)
}

// bare does the least that counting costs, and says how long each took.
func (b *benched) bare(ctx context.Context, o order) (took []time.Duration, err error) {
	for range o.N {
		keys := make([]string, eventsAReport)
		for k := range keys {
			b.keys++
			keys[k] = fmt.Sprintf("event-%d", b.keys)
		}
		started := time.Now()
		if o.Do == "update" {
			err = b.played.BareUpdate(ctx, b.orgs[b.updates.Add(1)%int64(len(b.orgs))], "rows")
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
