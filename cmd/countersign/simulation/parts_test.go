package simulation

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// partFlag makes this process one of several. In one process the workers wait for
// SQLite's allocator, which is one for all, and each history costs a third more.
var partFlag = flag.String("part", "", "run every n-th from the k-th on only: k/n")

// part is what one process is to do of what there is: every n-th from the k-th on.
type part struct{ k, n int }

func ownPart(t *testing.T) (p part) {
	t.Helper()
	if *partFlag == "" {
		return part{0, 1}
	}
	if _, err := fmt.Sscanf(*partFlag, "%d/%d", &p.k, &p.n); err != nil {
		t.Fatal(err)
	}
	return p
}

// tally is what a part found.
type tally struct {
	Seeds, Violations, Caught, Mutants int64
	Reached                            map[string]int
}

// tallyMark begins the line in which a part tells its tally.
const tallyMark = "tally: "

var tallied struct {
	sync.Mutex
	tally
}

// add counts what was found here or in a part.
func (a tally) add() {
	tallied.Lock()
	defer tallied.Unlock()
	tallied.Seeds += a.Seeds
	tallied.Violations += a.Violations
	tallied.Caught += a.Caught
	tallied.Mutants += a.Mutants
	if tallied.Reached == nil {
		tallied.Reached = map[string]int{}
	}
	for what, n := range a.Reached {
		tallied.Reached[what] += n
	}
}

// result is what has been counted.
func result() tally {
	tallied.Lock()
	defer tallied.Unlock()
	out := tallied.tally
	out.Reached = maps.Clone(out.Reached)
	return out
}

// inParts runs the test in a process for each processor, false if this is one of
// them or there is but one.
func inParts(t *testing.T) bool {
	t.Helper()
	n := runtime.GOMAXPROCS(0)
	if *partFlag != "" || n == 1 {
		return false
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v", fmt.Sprintf("-test.timeout=%s", flag.Lookup("test.timeout").Value)}
	flag.Visit(func(f *flag.Flag) {
		if !strings.HasPrefix(f.Name, "test.") && f.Name != "total" {
			args = append(args, fmt.Sprintf("-%s=%s", f.Name, f.Value))
		}
	})
	var all sync.WaitGroup
	for k := range n {
		all.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0], append(args, fmt.Sprintf("-part=%d/%d", k, n))...)
			cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
			out, err := cmd.CombinedOutput()
			listen(t, out)
			if err != nil {
				t.Errorf("part %d of %d: %v", k, n, err)
			}
		})
	}
	all.Wait()
	return true
}

// listen takes over what a part has printed.
func listen(t *testing.T, out []byte) {
	t.Helper()
	for line := range bytes.Lines(out) {
		told, ok := bytes.CutPrefix(line, []byte(tallyMark))
		if !ok {
			_, _ = t.Output().Write(line)
			continue
		}
		var part tally
		if err := json.Unmarshal(told, &part); err != nil {
			t.Error(err)
		}
		part.add()
	}
}
