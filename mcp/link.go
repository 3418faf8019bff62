package mcp

import (
	"context"
	"encoding/json"
	"path"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/countersignhq/countersign/api"
)

// The link of a request for approval. Where the client can show its user a link,
// it is asked to, once; then the tool waits a while for the decision, which is
// read from our own state. What the client answers says whether waiting makes
// sense, and decides nothing.

// question names what the client is asked.
const question = "approve"

// multiRound is the first revision in which a client is asked by an answer, and
// calls again. Before it, the server calls the client.
const multiRound = "2026-07-28"

// canOpen reports whether the client can show its user a link. It is looked at
// in each call, since one server serves many clients. Over HTTP the clients of
// older revisions say it in another request than the one at hand, so they count
// as those who cannot.
func canOpen(req *mcp.CallToolRequest) bool {
	c := req.ClientCapabilities()
	return c != nil && c.Elicitation != nil && c.Elicitation.URL != nil
}

// show has the client show its user the link, and waits for the decision.
func (t *tools) show(ctx context.Context, req *mcp.CallToolRequest, c *api.Client, asked api.Change) *mcp.CallToolResult {
	ask := &mcp.ElicitParams{Mode: "url", URL: asked.ApprovalURL, ElicitationID: asked.Request, Message: asked.Message}
	if req.ProtocolVersion() >= multiRound {
		return &mcp.CallToolResult{
			RequestState:  asked.ApprovalURL, // it carries no power, so it needs no seal
			InputRequests: mcp.InputRequestMap{question: ask},
		}
	}
	// The user may look at it for longer than a call may take.
	waiting, stop := context.WithTimeout(ctx, t.longest)
	defer stop()
	started := time.Now()
	res, err := req.Session.Elicit(waiting, ask)
	wait := time.Duration(0)
	if err == nil && accepted(res) {
		wait = t.longest - time.Since(started)
	}
	return decision(ctx, c, asked.ApprovalURL, wait)
}

// accepted reports whether the user wants to open the link.
func accepted(r mcp.InputResponse) bool {
	res, ok := r.(*mcp.ElicitResult)
	return ok && res != nil && res.Action == "accept"
}

// shown goes on when the client calls again.
func (t *tools) shown(ctx context.Context, c *api.Client, link string, accepted bool) *mcp.CallToolResult {
	if accepted {
		return decision(ctx, c, link, t.longest)
	}
	return decision(ctx, c, link, 0)
}

// decision tells how the request stands, after waiting for the decision.
func decision(ctx context.Context, c *api.Client, link string, wait time.Duration) *mcp.CallToolResult {
	to := statusOf(path.Base(link), int(wait.Seconds()))
	out, err := c.Do(ctx, to.method, to.path, nil)
	var status api.ApprovalStatus
	if err != nil || json.Unmarshal(out, &status) != nil || status.Status != "pending" {
		return result(out, err)
	}
	return result(out, nil, "Not decided yet. Show the user the link "+link+" and follow the request with get_approval.")
}
