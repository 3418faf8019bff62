package mcp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// post sends a message as it is.
func (s *site) post(key, body string, head ...string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.url+"/mcp", strings.NewReader(body))
	s.ok(err)
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(head); i += 2 {
		req.Header.Set(head[i], head[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	s.ok(err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	s.ok(err)
	return res.StatusCode, string(raw)
}

// TestShortWayIsTheLongOne: a message that goes the short way is answered as the
// library answers it. A member more sends it the long way.
func TestShortWayIsTheLongOne(t *testing.T) {
	s := newSite(t, worldtest.Options{Catalog: "capacity"})
	c := s.cast("acme", "solo")
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}`
	for _, tc := range []struct{ tool, in string }{
		{"get_billing_summary", `{}`},
		{"get_billing", `{}`},
		{"get_billing", `{"plan":"solo"}`},
		{"get_billing", `null`},
		{"get_billing", `[]`},
		{"list_plans", `{}`},
		{"list_invoices", `{"cursor":""}`},
		{"list_invoices", `{"cursor":null}`},
		{"list_invoices", `{"CURSOR":"x"}`},
		{"preview_change", `{"plan":"team"}`},
		{"preview_change", `{"additional_capacity_units":3}`},
		{"preview_change", `{"additional_capacity_units":3.5}`},
		{"preview_change", `{"additional_capacity_units":"3"}`},
		{"preview_change", `{"plan":"nothing"}`},
		{"get_approval", `{}`},
		{"get_approval", `{"request":"apr_1"}`},
		{"get_approval", `{"request":5}`},
		{"request_limit_increase", `{"kind":"hats"}`},
		{"upgrade_plan", `{"plan":5}`},
		{"drop_tables", `{}`},
	} {
		call := `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"` + tc.tool + `","arguments":` + tc.in
		status, short := s.post(c.AgentKey, call+`}}`, "Mcp-Protocol-Version", session)
		other, long := s.post(c.AgentKey, call+`,"more":1}}`, "Mcp-Protocol-Version", session)
		if status != other {
			t.Errorf("%s %s: %d, and %d the long way", tc.tool, tc.in, status, other)
		}
		same(t, tc.tool+" "+tc.in, decoded(t, []byte(short)), decoded(t, []byte(long)))

		head := []string{"Mcp-Protocol-Version", newest, "Mcp-Method", "tools/call", "Mcp-Name", tc.tool}
		status, short = s.post(c.AgentKey, call+`,`+meta+`}}}`, head...)
		other, long = s.post(c.AgentKey, call+`,`+meta+`,"x":1}}}`, head...)
		if status != other {
			t.Errorf("%s %s: %d, and %d the long way, newest", tc.tool, tc.in, status, other)
		}
		same(t, tc.tool+" "+tc.in+" newest", decoded(t, []byte(short)), decoded(t, []byte(long)))
	}
	// What the headers say has to be true on the short way too.
	if status, body := s.post(c.AgentKey, `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_billing",`+meta+`}}}`,
		"Mcp-Protocol-Version", newest, "Mcp-Method", "tools/call", "Mcp-Name", "list_plans"); status != http.StatusBadRequest {
		t.Errorf("another name in the header: %d %s", status, body)
	}
}
