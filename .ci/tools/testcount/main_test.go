package main

import (
	"strings"
	"testing"
)

func TestCount(t *testing.T) {
	const (
		pass   = `{"Action":"pass","Package":"p","Test":"TestA"}` + "\n" + `{"Action":"pass","Package":"p","Elapsed":0.5}` + "\n"
		fail   = `{"Action":"output","Package":"p","Test":"TestB","Output":"want 1\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"TestB"}` + "\n" + `{"Action":"fail","Package":"p"}` + "\n"
		skip   = `{"Action":"skip","Package":"p","Test":"TestC"}` + "\n" + `{"Action":"pass","Package":"p"}` + "\n"
		build  = `{"ImportPath":"p","Action":"build-output","Output":"p/x.go:1: undefined: y\n"}` + "\n" + `{"Action":"fail","Package":"p","FailedBuild":"p"}` + "\n"
		panics = `{"Action":"output","Package":"p","Test":"TestD","Output":"panic: boom\n"}` + "\n" + `{"Action":"fail","Package":"p"}` + "\n"
		figure = `{"Action":"attr","Package":"p","Test":"TestE","Key":"faults","Value":"lost=0"}` + "\n" + `{"Action":"pass","Package":"p","Test":"TestE"}` + "\n"
		empty  = `{"Action":"skip","Package":"q"}` + "\n"
	)
	for _, c := range []struct{ name, events, last, shows, err string }{
		{"all pass", pass, "1 passed, 0 failed, 0 skipped", "1 tests", ""},
		{"a test measures", figure, "1 passed, 0 failed, 0 skipped", "faults: lost=0\n", ""},
		{"a test fails", pass + fail, "1 passed, 1 failed, 0 skipped", "want 1", "tests failed"},
		{"a test is skipped", pass + skip, "1 passed, 0 failed, 1 skipped", "skipped: p TestC", "tests were skipped"},
		{"a package does not build", pass + build, "1 passed, 0 failed, 0 skipped", "undefined: y", "tests failed"},
		{"a package dies", pass + panics, "1 passed, 0 failed, 0 skipped", "panic: boom", "tests failed"},
		{"a package without tests is no skipped test", pass + empty, "1 passed, 0 failed, 0 skipped", "", ""},
		{"nothing ran", empty, "0 passed, 0 failed, 0 skipped", "", "no test ran"},
		{"a line that is no event is shown", "go: downloading\n" + pass, "1 passed, 0 failed, 0 skipped", "go: downloading", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out strings.Builder
			counter := newCounter(&out)
			if err := counter.read(strings.NewReader(c.events)); err != nil {
				t.Fatal(err)
			}
			message := ""
			if err := counter.close(); err != nil {
				message = err.Error()
			}
			if message != c.err {
				t.Errorf("error %q, want %q", message, c.err)
			}
			if !strings.HasSuffix(out.String(), "\n"+c.last+"\n") && out.String() != c.last+"\n" {
				t.Errorf("last line is not %q:\n%s", c.last, out.String())
			}
			if !strings.Contains(out.String(), c.shows) {
				t.Errorf("does not show %q:\n%s", c.shows, out.String())
			}
		})
	}
}

func TestRaceFlags(t *testing.T) {
	for but, want := range map[string]string{
		"":              "-race",
		"a/b":           "-race -gcflags=a/b=-race=false",
		"a/b,c.org/...": "-race -gcflags=a/b=-race=false -gcflags=c.org/...=-race=false",
	} {
		if got := strings.Join(raceFlags(but), " "); got != want {
			t.Errorf("but %q: %s", but, got)
		}
	}
}
