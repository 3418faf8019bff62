package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// An answer that is not the one that was meant must end a run, not be counted.
func TestFireChecksEveryAnswer(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/gone" {
			w.WriteHeader(http.StatusGone)
		}
		_, _ = io.WriteString(w, strings.Repeat("x", 1000)+"hello")
	}))
	defer srv.Close()
	addr := srv.Listener.Addr().String()
	for _, c := range []struct {
		shot *shot
		err  string
	}{
		{get("/", "hello"), ""},
		{get("/gone", "hello"), "answered 410 instead of 200"},
		{get("/", "good bye"), `does not contain "good bye"`},
	} {
		list := []*shot{get("/", "hello"), c.shot, get("/", "hello")}
		got, err := fire(t.Context(), addr, each(list), nil)
		switch {
		case c.err == "" && (err != nil || got.Ops != len(list)):
			t.Errorf("%d of %d requests, error %v", got.Ops, len(list), err)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("error %v instead of %q", err, c.err)
		}
	}
}

// A body that is larger than the buffer is read whole.
func TestFireReadsLargeAnswers(t *testing.T) {
	body := strings.Repeat("y", 300<<10) + "the end"
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "307207")
		_, _ = io.WriteString(w, body)
	}))
	defer srv.Close()
	got, err := fire(t.Context(), srv.Listener.Addr().String(), each([]*shot{get("/", "the end"), get("/", "the end")}), nil)
	if err != nil || got.Ops != 2 {
		t.Errorf("%d answers, error %v", got.Ops, err)
	}
}

func TestDecideForm(t *testing.T) {
	const page = `<form action="/logout"><input type="hidden" name="form_token" value="other"/></form>
		<form method="post" action="/approve/apr_1"><input type="hidden" name="quote" value="a&#34;b"/><button value="approve"></form>`
	if got, want := decideForm(page, "apr_1"), "decision=approve&quote=a%22b"; got != want {
		t.Errorf("%q instead of %q", got, want)
	}
	if got := decideForm(page, "apr_2"); got != "" {
		t.Errorf("a form of another request: %q", got)
	}
	if got := decideForm(strings.ReplaceAll(page, `"approve"`, `"deny"`), "apr_1"); got != "" {
		t.Errorf("a form that cannot approve: %q", got)
	}
}

func TestVerdicts(t *testing.T) {
	var tab table
	for _, c := range []struct {
		row    *result
		missed bool
	}{
		{tab.row("ratio", "").atLeast(0.2).add(10, 0.1).add(10, 0.3).add(10, 0.2), false},
		{tab.row("low", "").atLeast(0.2).add(10, 0.19), true},
		{tab.row("time", "").atMost(1.5, "×").add(10, 1.5), false},
		{tab.row("slow", "").atMost(1.5, "×").add(10, 1.4).add(10, 1.8), true},
		{tab.row("measure", "").add(10, 1), false},
	} {
		if c.row.missed() != c.missed {
			t.Errorf("%s: missed is %v", c.row.what, !c.missed)
		}
	}
	var out strings.Builder
	if err := tab.print(&out); err == nil || !strings.Contains(err.Error(), "2 of the targets") || strings.Count(out.String(), "MISSED") != 2 {
		t.Errorf("error %v\n%s", err, &out)
	}
}

// The whole flow, on the product and played back from tape: what the tapes do
// to the second database is what the requests did to the first.
func TestBenchServerPlaysWhatItRecorded(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(envBenchDatabase, "sqlite:"+filepath.Join(dir, "recorded.db"))
	t.Setenv(envBenchPlayed, "sqlite:"+filepath.Join(dir, "played.db"))
	orders, reports := pipe(t)
	var hello report
	decode(t, reports, &hello)

	tell := func(o order) (r report) {
		t.Helper()
		if err := json.NewEncoder(orders).Encode(o); err != nil {
			t.Fatal(err)
		}
		decode(t, reports, &r)
		if r.Error != "" {
			t.Fatalf("%+v: %s", o, r.Error)
		}
		return r
	}
	const n = 3
	c := newCohort(tell(order{Do: "seed", N: n}).Tenants)
	commits := map[string]float64{phaseAsk: 1, phaseDecide: 5, phasePoll: 0}
	for _, phase := range []string{phaseLogin, phaseWarm, phaseAsk, phaseOpen, phaseDecide, phasePoll} {
		if got, err := c.fire(t.Context(), hello.Addr, phase); err != nil || got.Ops != n {
			t.Fatalf("%s: %d requests, %v", phase, got.Ops, err)
		}
		r := tell(order{Do: "play", Phase: phase, N: n})
		if want, fixed := commits[phase]; r.Tally.Ops != n || fixed && r.Commits != want {
			t.Errorf("%s: played %d, %v commits instead of %v", phase, r.Tally.Ops, r.Commits, want)
		}
	}
	if err := orders.Close(); err != nil {
		t.Error(err)
	}
}

// pipe runs a server that records and plays, and ends it with the test.
func pipe(t *testing.T) (orders io.WriteCloser, reports *json.Decoder) {
	in, orders := io.Pipe()
	out, answers := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- benchServer(t.Context(), sqlServer, in, answers, io.Discard) }()
	t.Cleanup(func() {
		_ = orders.Close()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Error("the server did not end")
		}
	})
	return orders, json.NewDecoder(out)
}

func decode(t *testing.T, from *json.Decoder, r *report) {
	t.Helper()
	if err := from.Decode(r); err != nil {
		t.Fatal(err)
	}
}
