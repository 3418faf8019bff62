package main

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The bridge sends what it has to the server and to nobody whom the server
// names: a call may hold a confirm_token.
func TestBridgeIsNotSentElsewhere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		t.Errorf("%s %s was sent to another server: %s", r.Method, r.URL, body)
	}))
	t.Cleanup(elsewhere.Close)
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/taken", http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bridge := exec.CommandContext(t.Context(), self, "mcp")
	bridge.Args[0] = "countersign"
	bridge.Env = []string{"GORACE=" + noNap, "HOME=" + t.TempDir(), "COUNTERSIGN_URL=" + server.URL, "COUNTERSIGN_API_KEY=csa_1"}
	in, err := bridge.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := bridge.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err = bridge.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(in, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"a","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"upgrade_plan","arguments":{"confirm_token":"csc_1"}}}
`)
	lines := bufio.NewScanner(out)
	more := lines.Scan()
	for more && !strings.Contains(lines.Text(), `"id":2`) {
		more = lines.Scan()
	}
	if !strings.Contains(lines.Text(), "The billing server answered 307") {
		t.Error(lines.Text())
	}
	_ = in.Close()
	if err = bridge.Wait(); err != nil {
		t.Error(err)
	}
}
