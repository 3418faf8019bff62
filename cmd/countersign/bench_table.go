package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
)

// table is the result: rows in the order in which they were first asked for.
type table struct {
	rows   []*result
	others []float64 // how much of the processors others had, meanwhile
}

// result is one row: a rate, if it has one, and the figure that has a target.
type result struct {
	what, on, unit, note string
	rates, figures       []float64
	cpu, byCPU           []float64
	served               []float64 // the figure if the bare SQL, too, were served over HTTP
	target               float64
	most                 bool // the target is the most that may be, not the least
}

func (t *table) row(what, on string) *result {
	for _, r := range t.rows {
		if r.what == what && r.on == on {
			return r
		}
	}
	r := &result{what: what, on: on}
	t.rows = append(t.rows, r)
	return r
}

func (r *result) atLeast(target float64) *result { r.target = target; return r }

func (r *result) atMost(target float64, unit string) *result {
	r.target, r.unit, r.most = target, unit, true
	return r
}

func (r *result) add(rate, figure float64) *result {
	r.rates, r.figures = append(r.rates, rate), append(r.figures, figure)
	return r
}

// cost adds the processor time of a request, and what the figure would be if
// that were all that counts.
func (r *result) cost(mine, measure measured) {
	r.cpu = append(r.cpu, mine.server*1e6)
	r.byCPU = append(r.byCPU, (measure.server+measure.client)/(mine.server+mine.client))
}

func (r *result) missed() bool {
	return r.target > 0 && (r.most && median(r.figures) > r.target || !r.most && median(r.figures) < r.target)
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(list))
	if len(s)%2 == 1 {
		return s[len(s)/2]
	}
	return (s[len(s)/2-1] + s[len(s)/2]) / 2
}

// weigh adds what needs no load: the binary, its start and its memory.
func (t *table) weigh(ctx context.Context, dir string, rounds int) error {
	binary, err := t.size(ctx, dir)
	if err != nil {
		return err
	}
	return t.starts(ctx, binary, dir, rounds)
}

// size adds the size of the binary as it is released.
func (t *table) size(ctx context.Context, dir string) (binary string, err error) {
	binary, stripped, err := release(ctx, dir)
	if err != nil {
		return "", err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return "", err
	}
	row := t.row("binary", "stripped").atMost(25, " MB")
	if !stripped {
		row.on, row.note = "", "as it runs: there is no Go tool or no source here"
	}
	row.add(0, float64(info.Size())/1e6)
	return binary, nil
}

// starts adds how fast the product starts, and how much memory it takes idle.
func (t *table) starts(ctx context.Context, binary, dir string, rounds int) error {
	for range rounds {
		s, err := startOnce(ctx, binary, dir)
		if err != nil {
			return fmt.Errorf("start: %w", err)
		}
		t.row("ready after start", "empty SQLite").atMost(300, " ms").add(0, float64(s.ready)/1e6)
		t.row("resident, idle", "empty SQLite").atMost(60, " MB").add(0, s.resident)
	}
	return nil
}

// busy is the part of the processors from which on others disturb a run: a
// short answer like "hello" suffers less from them than a long one.
const busy = 0.1

func (t *table) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tON\tPER SECOND\tFIGURE\tTARGET\tVERDICT\tSERVER CPU\tBY CPU\tNOTE")
	missed := 0
	for _, r := range t.rows {
		if r.missed() {
			missed++
		}
		fmt.Fprintln(w, strings.Join(r.cells(), "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if n := median(t.others); n > busy {
		fmt.Fprintf(out, "\nOther processes had %.0f %% of the processors: the ratios are too low. BY CPU is nearer to a quiet machine.\n", 100*n)
	}
	if missed > 0 {
		return fmt.Errorf("%d of the targets are missed", missed)
	}
	return nil
}

func (r *result) cells() []string {
	rate, target, verdict, cpu, byCPU := "", "", "", "", ""
	if m := median(r.rates); m > 0 {
		rate = fmt.Sprintf("%.0f", m)
	}
	if r.target > 0 {
		sign := "≥ "
		if r.most {
			sign = "≤ "
		}
		target, verdict = sign+r.number(r.target), "ok"
		if r.missed() {
			verdict = "MISSED"
		}
	}
	if m := median(r.cpu); m > 0 {
		cpu, byCPU = fmt.Sprintf("%.0f µs", m), fmt.Sprintf("%.3f", median(r.byCPU))
	}
	return []string{r.what, r.on, rate, r.number(median(r.figures)), target, verdict, cpu, byCPU, r.note}
}

// number writes a ratio with its places, and a quantity with its unit.
func (r *result) number(n float64) string {
	switch r.unit {
	case "":
		return fmt.Sprintf("%.3f", n)
	case "×":
		return fmt.Sprintf("%.2f×", n)
	}
	return fmt.Sprintf("%.1f%s", n, r.unit)
}
