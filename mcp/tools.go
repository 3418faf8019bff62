package mcp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/countersignhq/countersign/api"
)

// tools are the tools with the API behind them.
type tools struct {
	client func(http.Header) *api.Client
}

// api is the API with the credential of whoever calls the tool.
func (t tools) api(req *mcp.CallToolRequest) *api.Client {
	var h http.Header
	if req.Extra != nil {
		h = req.Extra.Header
	}
	return t.client(h)
}

// The hints of a tool: what calling it may do.
var (
	reads = &mcp.ToolAnnotations{ReadOnlyHint: true, DestructiveHint: no(), IdempotentHint: true, OpenWorldHint: no()}
	// asks changes nothing by itself where consent is needed; where it is not, it
	// spends money, and asking for the same again does nothing more.
	asks = &mcp.ToolAnnotations{DestructiveHint: yes(), IdempotentHint: true, OpenWorldHint: yes()}
	// adds leaves something that can be taken back.
	adds = &mcp.ToolAnnotations{DestructiveHint: no(), IdempotentHint: true, OpenWorldHint: no()}
	ends = &mcp.ToolAnnotations{DestructiveHint: yes(), IdempotentHint: true, OpenWorldHint: no()}
)

func yes() *bool { v := true; return &v }
func no() *bool  { return new(bool) }

// titled gives shared hints a tool's own title.
func titled(a *mcp.ToolAnnotations, title string) *mcp.ToolAnnotations {
	own := *a
	own.Title = title
	return &own
}

// add registers a tool whose structured content is the API's own object, of one
// of the named schemas.
func add[In any](s *mcp.Server, name, title, does string, hints *mcp.ToolAnnotations, call func(context.Context, *mcp.CallToolRequest, In) (any, error), schemas ...string) {
	tool := &mcp.Tool{Name: name, Title: title, Description: does, Annotations: titled(hints, title), OutputSchema: outputOf(schemas...)}
	mcp.AddTool(s, tool, func(ctx context.Context, req *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
		out, err := call(ctx, req, in)
		if ask, ok := errors.AsType[*elicitation](err); ok {
			return ask.result(), nil, nil
		}
		if err != nil {
			return failed(err), nil, nil
		}
		return nil, out, nil
	})
}

// failed is a result that says what stood in the way, and what can be done.
func failed(err error) *mcp.CallToolResult {
	text := "The billing server could not be reached. Nothing was changed as far as is known here; try again, and look with get_billing_summary first."
	if e, ok := errors.AsType[*api.CallError](err); ok {
		text = string(e.Raw)
		if e.Body.Code == "" {
			text = "The billing server answered with status " + http.StatusText(e.Status) + "."
		}
	}
	return &mcp.CallToolResult{IsError: true, Content: []mcp.Content{&mcp.TextContent{Text: text}}}
}

type nothing struct{}

type page struct {
	Cursor string `json:"cursor,omitempty" jsonschema:"next_cursor of the answer before"`
}

type target struct {
	Plan  string `json:"plan,omitempty" jsonschema:"id of a plan; see list_plans"`
	Units *int64 `json:"target_additional_capacity_units,omitempty" jsonschema:"instead of a plan: how many additional capacity units to have in the end"`
}

type approval struct {
	Request string `json:"request" jsonschema:"the request that an earlier answer named, apr_…"`
	Wait    int    `json:"wait_seconds,omitempty" jsonschema:"wait for a decision so long, at most 25 seconds"`
}

type limitAsk struct {
	Kind    string `json:"kind,omitempty" jsonschema:"the resource, such as agents or rows; left out: other"`
	Desired int64  `json:"desired_value,omitempty" jsonschema:"how much is needed"`
	Reason  string `json:"reason,omitempty" jsonschema:"why, at most 500 characters"`
}

// longestWait keeps a call well below the minute at which clients give up.
const longestWait = 25 * time.Second

// readers are the tools that change no plan.
func (t tools) readers(s *mcp.Server) {
	add(s, "get_billing_summary", "Billing summary", "Plan, billing state, trial, capacity units, allowances with what is used of them, and active projects.", reads,
		func(ctx context.Context, req *mcp.CallToolRequest, _ nothing) (any, error) {
			return t.api(req).V1Billing(ctx)
		}, "V1Billing")
	add(s, "get_billing", "Billing overview", "Plan and price, next charge, card, what changes soon, usage against the caps, and how many requests for approval wait.", reads,
		func(ctx context.Context, req *mcp.CallToolRequest, _ nothing) (any, error) {
			return t.api(req).Billing(ctx)
		}, "Summary")
	add(s, "list_plans", "Plans", "Every plan with its price, limits, capacity units and trial, and which one is in force.", reads,
		func(ctx context.Context, req *mcp.CallToolRequest, _ nothing) (any, error) {
			return t.api(req).Plans(ctx)
		}, "PlanList")
	add(s, "preview_change", "Price of a change", "What another plan, or another number of additional capacity units, would cost now and later. Changes nothing.", reads,
		func(ctx context.Context, req *mcp.CallToolRequest, in target) (any, error) {
			if in.Units != nil {
				return t.api(req).PreviewCapacity(ctx, *in.Units)
			}
			return t.api(req).Preview(ctx, in.Plan)
		}, "Quote")
	add(s, "list_invoices", "Invoices", "Invoices with amounts, status and links, newest first.", reads,
		func(ctx context.Context, req *mcp.CallToolRequest, in page) (any, error) {
			return t.api(req).Invoices(ctx, in.Cursor)
		}, "InvoiceList")
	add(s, "get_approval", "Where a request stands", "How a request for approval stands. wait_seconds waits for the decision; then call again while next is poll.", reads,
		func(ctx context.Context, req *mcp.CallToolRequest, in approval) (any, error) {
			return t.api(req).ApprovalStatus(ctx, in.Request, min(time.Duration(max(in.Wait, 0))*time.Second, longestWait))
		}, "ApprovalStatus")
	add(s, "cancel_approval", "Withdraw a request", "Withdraws one of your own requests for approval that still waits.", ends,
		func(ctx context.Context, req *mcp.CallToolRequest, in approval) (any, error) {
			return t.api(req).CancelApproval(ctx, in.Request)
		}, "ApprovalStatus")
	add(s, "request_limit_increase", "Ask for a higher limit", "Asks the operator for more of a resource than the plan allows. Costs nothing and changes nothing by itself.", adds,
		func(ctx context.Context, req *mcp.CallToolRequest, in limitAsk) (any, error) {
			return t.api(req).AskForMore(ctx, api.LimitAsk{Kind: in.Kind, DesiredValue: in.Desired, Reason: in.Reason})
		}, "Logged")
	add(s, "open_billing_portal", "Customer portal", "A link for a person to manage card and invoices. The link alone carries no power: they have to be signed in.", adds,
		func(ctx context.Context, req *mcp.CallToolRequest, _ nothing) (any, error) {
			return t.api(req).Portal(ctx)
		}, "Link")
}
