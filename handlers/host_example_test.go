package handlers_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// example is the host application of the documentation, as a process.
type example struct {
	t   *testing.T
	url string
}

// startExample builds it and runs it against the site.
func startExample(t *testing.T, s *site) example {
	t.Helper()
	const source = "../docs/examples/host"
	if _, err := os.ReadFile(source + "/main.go"); err != nil { // a change of it is a new test
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "host")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), binary)
	cmd.Env = []string{"COUNTERSIGN_URL=" + s.url, "COUNTERSIGN_HOST_KEY=" + s.host().key, "HOST_ADDR=127.0.0.1:0"}
	cmd.Stderr = s.Log
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	said, err := cmd.StdoutPipe()
	s.ok(err)
	s.ok(cmd.Start())
	t.Cleanup(func() { // the test's context is over
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 0 {
			t.Errorf("the example ended with %v", err)
		}
	})
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Log)
	}
	return example{t, strings.TrimSpace(line)}
}

// agents calls the example.
func (e example) agents(method, path string) answer {
	e.t.Helper()
	path = "/orgs/" + path
	req, err := http.NewRequestWithContext(e.t.Context(), method, e.url+path, strings.NewReader(url.Values{"name": {"bot"}}.Encode()))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Content-Type", formKind)
	res, err := client.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		e.t.Fatal(err)
	}
	return answer{e.t, method + " " + path, res.StatusCode, res.Header, string(body)}
}

// fill creates agents up to the cap, and shows that one more is refused with
// the 402 of the contract.
func (e example) fill(org string, n int, refused string) {
	e.t.Helper()
	for i := range n {
		if a := e.agents(http.MethodPost, org+"/agents"); a.status != http.StatusCreated {
			e.t.Fatalf("agent %d: %d %s", i, a.status, a.body)
		}
	}
	a := e.agents(http.MethodPost, org+"/agents")
	if a.status != http.StatusPaymentRequired || a.header.Get("WWW-Authenticate") != "" {
		e.t.Fatalf("%d %v %s", a.status, a.header, a.body)
	}
	a.equals(refused)
}

// soon repeats the refused call until it succeeds, which it must within the
// five seconds that an answer may be old.
func (e example) soon(org string) {
	e.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	for {
		a := e.agents(http.MethodPost, org+"/agents")
		took := time.Since(began)
		switch {
		case took > 5*time.Second:
			e.t.Fatalf("after %v: %d %s", took, a.status, a.body)
		case a.status == http.StatusCreated:
			e.t.Logf("created %v after the plan had changed", took.Round(time.Millisecond))
			return
		case a.status != http.StatusPaymentRequired:
			e.t.Fatalf("%d %s", a.status, a.body)
		}
		<-tick.C
	}
}

func refusal(message, plan string, n int, up string) string {
	return fmt.Sprintf(`{"error":"over_limit","message":%[1]q,
		"details":{"plan":%[2]q,"resource":"agents","active":%[3]d,"cap":%[3]d,
			"upgrade":{"mcpTool":"upgrade_plan","api":"POST /api/billing/upgrade","plan":%[4]q},
			"increase":{"mcpTool":"request_limit_increase","api":"POST /api/billing/request-limit-increase"}},
		"type":"about:blank","title":"Payment Required","status":402,"detail":%[1]q,"instance":"/api/host/check"}`, message, plan, n, up)
}

// TestExampleHost: an application with the middleware refuses the fourth agent
// on Free; after a subscription, and after an upgrade that an agent asks for and
// the owner approves on the web, the same call succeeds in the same process.
func TestExampleHost(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "", ""), s.people("zebra", "", "")
	e := startExample(t, s)
	e.fill(p.Org.ID, 3, refusal("Free allows 3 agents and 3 are in use. Upgrade to Pro for 10.", "free", 3, "pro"))
	if a := e.agents(http.MethodGet, p.Org.ID+"/agents"); a.status != 200 || strings.Count(a.body, `"bot"`) != 3 {
		t.Errorf("what exists cannot be read: %d %s", a.status, a.body)
	}
	if a := e.agents(http.MethodPost, q.Org.ID+"/agents"); a.status != 201 {
		t.Errorf("another org: %d %s", a.status, a.body)
	}

	s.post(p.agent, "/api/billing/upgrade", `{"mode":"web"}`).is(200, "checkout-required")
	s.Subscribe(p.Org, "pro", visa) // what the person does there
	e.soon(p.Org.ID)
	e.fill(p.Org.ID, 6, refusal("Pro allows 10 agents and 10 are in use. Upgrade to Scale for 30.", "pro", 10, "scale"))

	id := s.ask(p.agent, "scale")
	form := s.decision(p.owner, id, "approve")
	if a := e.agents(http.MethodPost, p.Org.ID+"/agents"); a.status != 402 {
		t.Errorf("before anybody agreed: %d %s", a.status, a.body)
	}
	s.submit(p.owner, "/approve/"+id, form).is(303, "")
	e.soon(p.Org.ID)

	if a := e.agents(http.MethodDelete, p.Org.ID+"/agents/1"); a.status != 204 {
		t.Errorf("delete: %d %s", a.status, a.body)
	}
	usage := s.get(p.owner, "/api/billing").object()["usage"].(map[string]any)
	if got := fmt.Sprint(usage["agents"]); got != "map[active:10 cap:30]" {
		t.Errorf("reported %s", got)
	}
}
