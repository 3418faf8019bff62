// Command testcount runs the tests of several modules and counts them. It
// fails when a test fails, when a test is skipped (a skipped test proves
// nothing, so whatever it misses must be installed) and when none ran.
//
//	testcount [-race-in DIR [-race-but PACKAGES]] DIR... [-- FLAG...]
//
// It runs `go test -json FLAG... ./...` in each DIR, with -race in the one
// that -race-in names for all but the packages that -race-but names, prints a line per package, the output of what failed
// and the figures that tests measured (testing.T.Attr), and closes with
// "N passed, N failed, N skipped".
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

func main() {
	raceIn := flag.String("race-in", "", "the module `DIR` whose tests run with the race detector")
	raceBut := flag.String("race-but", "", "the `PACKAGES`, separated by commas, that the race detector does not watch")
	flag.Parse()
	dirs, flags := flag.Args(), []string(nil)
	if i := slices.Index(dirs, "--"); i >= 0 {
		dirs, flags = dirs[:i], dirs[i+1:]
	}
	counter := newCounter(os.Stdout)
	for _, dir := range dirs {
		args := slices.Concat([]string{"test", "-json"}, flags, []string{"./..."})
		if dir == *raceIn {
			args = slices.Insert(args, 2, raceFlags(*raceBut)...)
		}
		fmt.Printf("== %s: go %s\n", dir, strings.Join(args, " "))
		if err := run(counter, dir, args); err != nil {
			counter.broken = append(counter.broken, fmt.Sprintf("%s: %v", dir, err))
		}
	}
	if err := counter.close(); err != nil {
		fmt.Fprintln(os.Stderr, "testcount:", err)
		os.Exit(1)
	}
}

// raceFlags turn the race detector on. The compiler is told about single packages
// last, so that is what counts for them.
func raceFlags(but string) []string {
	flags := []string{"-race"}
	for p := range strings.SplitSeq(but, ",") {
		if p != "" {
			flags = append(flags, "-gcflags="+p+"=-race=false")
		}
	}
	return flags
}

func run(c *counter, dir string, args []string) error {
	cmd := exec.CommandContext(context.Background(), "go", args...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	return errors.Join(c.read(stdout), cmd.Wait())
}

// event is a line of `go test -json`; see `go doc test2json`.
type event struct {
	Action, Package, ImportPath, Test, Output string
	Key, Value                                string // of an attribute
	Elapsed                                   float64
}

type counter struct {
	out                     io.Writer
	passed, failed, skipped int
	// tests counts the tests of each package; output keeps what a test printed
	// until it is known whether anybody wants to read it.
	tests  map[string]int
	output map[string]*strings.Builder
	broken []string
	named  []string // the skipped tests
}

func newCounter(out io.Writer) *counter {
	return &counter{out: out, tests: map[string]int{}, output: map[string]*strings.Builder{}}
}

// read takes events until the stream ends. A line that is not an event is
// printed as it is.
func (c *counter) read(r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			fmt.Fprintln(c.out, lines.Text())
			continue
		}
		c.take(e)
	}
	return lines.Err()
}

func (c *counter) take(e event) {
	switch e.Action {
	case "output":
		c.keep(e)
	case "attr":
		fmt.Fprintf(c.out, "%s: %s\n", e.Key, e.Value)
	case "build-output":
		fmt.Fprint(c.out, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			c.packageEnds(e)
		} else {
			c.testEnds(e)
		}
	}
}

func (c *counter) keep(e event) {
	key := e.Package + " " + e.Test
	if c.output[key] == nil {
		c.output[key] = new(strings.Builder)
	}
	c.output[key].WriteString(e.Output)
}

func (c *counter) testEnds(e event) {
	c.tests[e.Package]++
	switch e.Action {
	case "pass":
		c.passed++
	case "fail":
		c.failed++
		c.show(e)
	case "skip":
		c.skipped++
		c.named = append(c.named, e.Package+" "+e.Test)
	}
	delete(c.output, e.Package+" "+e.Test)
}

func (c *counter) packageEnds(e event) {
	switch {
	case e.Action == "fail":
		c.broken = append(c.broken, e.Package)
		for key := range c.output { // a panic leaves tests that never end
			if strings.HasPrefix(key, e.Package+" ") && key != e.Package+" " {
				fmt.Fprint(c.out, c.output[key].String())
			}
		}
		c.show(e)
	case c.tests[e.Package] > 0:
		fmt.Fprintf(c.out, "ok   %-60s %4d tests %7.2fs\n", e.Package, c.tests[e.Package], e.Elapsed)
	}
}

func (c *counter) show(e event) {
	if kept := c.output[e.Package+" "+e.Test]; kept != nil {
		fmt.Fprint(c.out, kept.String())
	}
}

// close prints the count as the last line and says why the run is not good.
func (c *counter) close() error {
	for _, name := range c.named {
		fmt.Fprintln(c.out, "skipped:", name)
	}
	for _, name := range c.broken {
		fmt.Fprintln(c.out, "failed:", name)
	}
	fmt.Fprintf(c.out, "%d passed, %d failed, %d skipped\n", c.passed, c.failed, c.skipped)
	switch {
	case c.failed > 0 || len(c.broken) > 0:
		return errors.New("tests failed")
	case c.skipped > 0:
		return errors.New("tests were skipped")
	case c.passed == 0:
		return errors.New("no test ran")
	}
	return nil
}
