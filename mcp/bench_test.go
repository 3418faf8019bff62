package mcp_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// BenchmarkSummary: the same answer from the API and from its tool. The one
// should take no more than twice as long as the other.
func BenchmarkSummary(b *testing.B) {
	s := newSite(b, worldtest.Options{Catalog: "capacity"})
	c := s.cast("acme", "solo")
	for _, bc := range []struct{ name, method, path, body string }{
		{"api", "GET", "/v1/billing", ""},
		{"tool", "POST", "/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_billing_summary","arguments":{}}}`},
	} {
		b.Run(bc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req, err := http.NewRequestWithContext(b.Context(), bc.method, s.url+bc.path, strings.NewReader(bc.body))
				s.ok(err)
				req.Header.Set("Authorization", "Bearer "+c.AgentKey)
				req.Header.Set("Content-Type", "application/json")
				res, err := http.DefaultClient.Do(req)
				s.ok(err)
				n, _ := io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if res.StatusCode != http.StatusOK || n < 500 {
					b.Fatal(res.Status, n)
				}
			}
		})
	}
}
