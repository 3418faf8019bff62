package mcp

import (
	"context"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/countersignhq/countersign/api"
)

// instructions tell an agent once how the tools work together.
const instructions = `Billing of one organisation. Reading is free. A change of plan or capacity by an agent needs the consent of an owner:
show the user the message of the answer word for word, and the approval_url if there is one; then follow it with get_approval.
Call again with confirm_token only after the user has said yes. Never claim that something has changed before its status says so.`

// Server is the server of tools.
type Server struct {
	*mcp.Server
	named *mcp.Implementation
	short map[string]direct // of the tools that are one call
	tools *tools
}

// New returns the server of tools. client gives the API with the caller's
// credential, which it finds in the request's headers; there are none on stdio.
func New(version string, client func(http.Header) *api.Client) *Server {
	named := &mcp.Implementation{Name: "countersign", Title: "Countersign billing", Version: version}
	s := &Server{named: named, short: map[string]direct{}}
	s.Server = mcp.NewServer(named, &mcp.ServerOptions{
		Instructions: instructions, Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}},
	})
	s.AddReceivingMiddleware(toolsOnly)
	t := &tools{server: s, client: client, schemas: described(), longest: longestWait}
	s.tools = t
	t.readers()
	t.changers()
	return s
}

// toolsOnly refuses what the server does not declare: the library would answer
// with empty lists.
func toolsOnly(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, req mcp.Request) (mcp.Result, error) {
		switch area, _, _ := strings.Cut(method, "/"); area {
		case "prompts", "resources", "completion", "logging", "subscriptions":
			return nil, &jsonrpc.Error{Code: jsonrpc.CodeMethodNotFound, Message: "method not found: " + method + ". This server has tools only."}
		}
		return next(ctx, method, req)
	}
}

// Serve serves the tools over standard input and output until ctx ends.
func Serve(ctx context.Context, s *Server) error { return s.Run(ctx, &mcp.StdioTransport{}) }

// Bearer is the credential of a request that the server's door has let in.
func Bearer(h http.Header) string {
	scheme, key, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}
