package clients

import (
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// The suites, with the revisions that each tests. What does not apply is listed
// in a file beside, with the reason; the suite fails if one of those passes or
// another one fails.
var suites = []struct {
	program, revision string
	passes            int // checks at least
}{
	{"conformance", "2025-06-18", 3},
	{"conformance", "2025-11-25", 5},
	{"conformance-next", "2025-06-18", 29},
	{"conformance-next", "2025-11-25", 35},
	{"conformance-next", "2026-07-28", 84},
}

var total = regexp.MustCompile(`Total: (\d+) passed`)

func TestConformance(t *testing.T) {
	for _, suite := range suites {
		t.Run(suite.program+" "+suite.revision, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			baseline, err := filepath.Abs(filepath.Join("testdata", suite.program+".yaml"))
			if err != nil {
				t.Fatal(err)
			}
			out, errs, err := node(t, suite.program+"/dist/index.js", "server", "--url", s.url+"/mcp", "--suite", "all",
				"--spec-version", suite.revision, "--expected-failures", baseline, "-o", t.TempDir())
			if err != nil {
				t.Fatalf("%v\n%s\n%s", err, out, errs)
			}
			found := total.FindStringSubmatch(out)
			if found == nil {
				t.Fatalf("no total: %s", out)
			}
			passed, _ := strconv.Atoi(found[1])
			t.Logf("%d checks passed", passed)
			if passed < suite.passes {
				t.Errorf("only %d checks passed, want %d", passed, suite.passes)
			}
		})
	}
}
