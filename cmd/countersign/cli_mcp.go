package main

import (
	"context"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/mcp"
)

// newMCP is the bridge for clients that start their tools as a program.
func newMCP(c *cli) *cobra.Command {
	return c.verb(&cobra.Command{
		Use: "mcp", Short: "Offer the API as MCP tools on standard input and output",
		Long: `Offer the API to an agent as tools of the Model Context Protocol, on standard
input and output, with the key of the profile or of COUNTERSIGN_API_KEY. Clients
that speak HTTP use the server's own address instead: https://your-server/mcp.`,
		Example: `  {"mcpServers": {"countersign": {"command": "countersign", "args": ["mcp"],
    "env": {"COUNTERSIGN_URL": "https://billing.example.com", "COUNTERSIGN_API_KEY": "csa_…"}}}}`,
	}, func(ctx context.Context, s *session, _ []string) error {
		// Not the session's own client, which keeps the last answer: calls of tools overlap.
		client := &api.Client{BaseURL: s.BaseURL, Key: s.Key, HTTP: caller(http.DefaultTransport)}
		return mcp.Serve(ctx, mcp.New(version, func(http.Header) *api.Client { return client }))
	})
}
