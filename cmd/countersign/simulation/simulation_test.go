package simulation

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "replay this one seed and tell its history")
	seedsFlag  = flag.Uint64("seeds", 0, "how many seeds to run (0: few, for every day)")
	withinFlag = flag.Duration("within", 0, "run no new seed after this time (0: all)")
	fromFlag   = flag.Uint64("from", 1, "the first seed")
	huntFlag   = flag.Uint64("hunt", 2000, "seeds within which each mutant has to be caught")
	longFlag   = flag.Bool("long", false, "histories twice as long")
	mutantFlag = flag.String("mutant", "", "the only mutant to put in")
	keepFlag   = flag.String("keep", "", "write the shortened history of -seed to this file")
	totalFlag  = flag.Bool("total", false, "end with one line of totals")
)

// planOf is the plan of a seed, as long as the flag says.
func planOf(seed uint64) Plan {
	if *longFlag {
		return LongPlan(seed)
	}
	return NewPlan(seed)
}

// everyday is how many seeds a plain go test runs.
const everyday = 60

// memoryLimit is when garbage is collected, bytes for each processor.
const memoryLimit = 512 << 20

func TestMain(m *testing.M) {
	flag.Parse()
	debug.SetGCPercent(-1)
	debug.SetMemoryLimit(memoryLimit * int64(runtime.GOMAXPROCS(0)))
	code := m.Run()
	all := result()
	if told, err := json.Marshal(all); *partFlag != "" && err == nil {
		fmt.Printf("%s%s\n", tallyMark, told)
	}
	if *totalFlag {
		fmt.Printf("simulation: seeds=%d violations=%d mutants=%d/%d\n", all.Seeds, all.Violations, all.Caught, all.Mutants)
	}
	os.Exit(code)
}

// worker runs seeds until there are none left, or stop says so.
func workers(t *testing.T, n int, work func(w *World) (more bool, err error)) {
	t.Helper()
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			w, err := NewWorld(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer func() {
				if err := w.Close(); err != nil {
					t.Error(err)
				}
			}()
			for more := true; more && err == nil; {
				more, err = work(w)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestSimulation runs histories, and holds the invariants of docs/reliability.md
// against each.
func TestSimulation(t *testing.T) {
	if *seedFlag != 0 {
		replay(t, *seedFlag)
		return
	}
	began := time.Now()
	if *seedsFlag < enough || !inParts(t) {
		histories(t, max(*seedsFlag, everyday), began)
	}
	if *partFlag != "" {
		return
	}
	t.Logf("%d seeds in %s", result().Seeds, time.Since(began).Round(time.Second))
	sometimes(t, result())
}

// histories runs those of so many seeds that this process is to run.
func histories(t *testing.T, want uint64, began time.Time) {
	t.Helper()
	own := ownPart(t)
	var next, failed atomic.Uint64
	workers(t, runtime.GOMAXPROCS(0), func(w *World) (bool, error) {
		n := (next.Add(1)-1)*uint64(own.n) + uint64(own.k)
		if n >= want || *withinFlag > 0 && time.Since(began) > *withinFlag || failed.Load() >= 5 {
			return false, nil
		}
		plan := planOf(*fromFlag + n)
		res, err := w.Run(t.Context(), plan, nil, nil)
		if err != nil {
			return false, err
		}
		found := tally{Seeds: 1, Violations: int64(len(res.Found)), Reached: map[string]int{}}
		for what := range res.Reached {
			found.Reached[what]++
		}
		found.add()
		if len(res.Found) == 0 {
			return true, nil
		}
		failed.Add(1)
		return true, report(t, w, plan, nil, res)
	})
}

// kept are seeds whose long histories once broke an invariant. They are made of the
// actions that there were then.
var kept = []uint64{6, 204, 231, 240, 254, 430, 488, 573, 1393, 2346, 2448}

// TestKept runs what was once found: by its seed, or as the shortened history that
// -keep has written.
func TestKept(t *testing.T) {
	var plans []Plan
	for _, seed := range kept {
		plans = append(plans, keptPlan(seed))
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no histories are kept", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var plan Plan
		if err = json.Unmarshal(text, &plan); err != nil {
			t.Fatal(err)
		}
		plans = append(plans, plan)
	}
	var next atomic.Int64
	workers(t, 1, func(w *World) (bool, error) {
		n := int(next.Add(1)) - 1
		if n >= len(plans) {
			return false, nil
		}
		res, err := w.Run(t.Context(), plans[n], nil, nil)
		if err != nil || len(res.Found) == 0 {
			return true, err
		}
		return true, report(t, w, plans[n], nil, res)
	})
}

// report prints what a failing seed does, as short as it can be told.
func report(t *testing.T, w *World, plan Plan, m *Mutant, res Result) error {
	t.Helper()
	short, err := w.Shrink(t.Context(), plan, m, res.Found)
	var what strings.Builder
	long := ""
	if slices.Equal(plan.Steps, LongPlan(plan.Seed).Steps) {
		long = " -long"
	}
	for _, v := range res.Found {
		fmt.Fprintf(&what, "  %s: %s\n", v.Invariant, v.What)
	}
	t.Errorf("seed %d violates\n%sby %d of %d steps\n%sreplay it:\n  go test ./cmd/countersign/simulation -run 'TestSimulation$' -seed %d%s -v",
		plan.Seed, what.String(), len(short.Steps), len(plan.Steps), short, plan.Seed, long)
	return err
}

// replay tells the history of one seed, shortened if it fails.
func replay(t *testing.T, seed uint64) {
	t.Helper()
	m := mutantByName(t, *mutantFlag)
	workers(t, 1, func(w *World) (bool, error) {
		plan := planOf(seed)
		res, err := w.Run(t.Context(), plan, m, nil)
		if err != nil {
			return false, err
		}
		if len(res.Found) > 0 {
			if err = report(t, w, plan, m, res); err != nil {
				return false, err
			}
			if plan, err = w.Shrink(t.Context(), plan, m, res.Found); err != nil {
				return false, err
			}
		}
		if *keepFlag != "" {
			if err = keep(plan, *keepFlag); err != nil {
				return false, err
			}
		}
		_, err = w.Run(t.Context(), plan, m, t.Output())
		return false, err
	})
}

func keep(plan Plan, file string) error {
	text, err := json.MarshalIndent(plan, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}

func mutantByName(t *testing.T, name string) *Mutant {
	t.Helper()
	if name == "" {
		return nil
	}
	all := Mutants()
	i := slices.IndexFunc(all, func(m *Mutant) bool { return m.Name == name })
	if i < 0 {
		t.Fatalf("no mutant is called %s", name)
	}
	return all[i]
}

// TestRepeatable: the same seed is the same history, in a world that has seen
// others and in one that has not.
func TestRepeatable(t *testing.T) {
	var first, second []uint64
	for _, order := range [][]uint64{{11, 12, 13, 14, 15, 16}, {16, 15, 14, 13, 12, 11}} {
		hashes := make([]uint64, 6)
		workers(t, 1, func(w *World) (bool, error) {
			for _, seed := range order {
				res, err := w.Run(t.Context(), NewPlan(seed), nil, nil)
				if err != nil {
					return false, err
				}
				hashes[seed-11] = res.Hash
			}
			return false, nil
		})
		first, second = second, hashes
	}
	if !slices.Equal(first, second) {
		t.Errorf("%x\n%x", first, second)
	}
}

// TestMutants: each fault that is put in on purpose violates an invariant.
func TestMutants(t *testing.T) {
	all := Mutants()
	if m := mutantByName(t, *mutantFlag); m != nil {
		all = []*Mutant{m}
	}
	if *seedsFlag >= enough && inParts(t) {
		return
	}
	own := ownPart(t)
	var next atomic.Int64
	workers(t, runtime.GOMAXPROCS(0), func(w *World) (bool, error) {
		n := int(next.Add(1)-1)*own.n + own.k
		if n >= len(all) {
			return false, nil
		}
		m := all[n]
		tally{Mutants: 1}.add()
		for seed := uint64(1); seed <= *huntFlag; seed++ {
			res, err := w.Run(t.Context(), planOf(seed), m, nil)
			if err != nil && t.Context().Err() == nil {
				t.Logf("%-24s caught by seed %d: %v", m.Name, seed, err)
				tally{Caught: 1}.add()
				return true, nil
			}
			if len(res.Found) > 0 {
				t.Logf("%-24s caught by seed %d: %s: %s", m.Name, seed, res.Found[0].Invariant, res.Found[0].What)
				tally{Caught: 1}.add()
				return true, nil
			}
		}
		t.Errorf("%s was not caught by %d seeds", m.Name, *huntFlag)
		return true, nil
	})
}
