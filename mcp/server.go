package mcp

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/countersignhq/countersign/api"
)

// instructions tell an agent once how the tools work together.
const instructions = `Billing of one organisation. Reading is free. A change of plan or capacity by an agent needs the consent of an owner:
show the user the message of the answer word for word, and the approval_url if there is one; then follow it with get_approval.
Call again with confirm_token only after the user has said yes. Never claim that something has changed before its status says so.`

// New returns the server of tools. client gives the API with the caller's
// credential, which it finds in the request's headers; there are none on stdio.
func New(version string, client func(http.Header) *api.Client) *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "countersign", Title: "Countersign billing", Version: version}, &mcp.ServerOptions{
		Instructions: instructions, Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}},
	})
	t := tools{client: client}
	t.readers(s)
	t.changers(s)
	return s
}

// Handler serves the tools over HTTP, one request at a time: it keeps no
// sessions, so any replica answers any request. The caller has authenticated it.
func Handler(s *mcp.Server, log *slog.Logger) http.Handler {
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, Logger: log,
		// The server's own door checks who is calling, by a key that no page of another
		// site has, and it may stand behind a proxy on the same machine.
		DisableLocalhostProtection: true,
	})
}

// Serve serves the tools over standard input and output until ctx ends.
func Serve(ctx context.Context, s *mcp.Server) error { return s.Run(ctx, &mcp.StdioTransport{}) }

// Bearer is the credential of a request that the server's door has let in.
func Bearer(h http.Header) string {
	scheme, key, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}

// Local makes calls to a server in this process, without a wire.
type Local struct{ Handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (l *Local) RoundTrip(req *http.Request) (*http.Response, error) {
	w := &answer{head: http.Header{}, status: http.StatusOK}
	if req.Body == nil {
		req.Body = http.NoBody
	}
	req.RemoteAddr, req.RequestURI, req.Host = "127.0.0.1:0", req.URL.RequestURI(), req.URL.Host
	l.Handler.ServeHTTP(w, req)
	return w.response(req), nil
}
