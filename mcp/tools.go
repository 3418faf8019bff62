package mcp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/countersignhq/countersign/api"
)

// tools registers the tools, with the API behind them.
type tools struct {
	server  *Server
	client  func(http.Header) *api.Client
	schemas schemas
	longest time.Duration // that a call waits for a person
}

// spec is what a client is told of a tool.
type spec struct {
	name, title, does string
	hints             mcp.ToolAnnotations
	out               []string // schemas of the API's description
}

// call is what a tool asks of the API.
type call struct {
	method, path string
	body         any // nil: none
}

// The hints of a tool: what calling it may do.
var (
	reads = mcp.ToolAnnotations{ReadOnlyHint: true, DestructiveHint: new(false), IdempotentHint: true, OpenWorldHint: new(false)}
	// asks changes nothing by itself where consent is needed; where it is not, it
	// spends money, and asking for the same again does nothing more.
	asks = mcp.ToolAnnotations{DestructiveHint: new(true), IdempotentHint: true, OpenWorldHint: new(true)}
	// adds leaves something that can be taken back.
	adds = mcp.ToolAnnotations{DestructiveHint: new(false), IdempotentHint: true, OpenWorldHint: new(false)}
	ends = mcp.ToolAnnotations{DestructiveHint: new(true), IdempotentHint: true, OpenWorldHint: new(false)}
)

// api is the API with the credential of whoever calls the tool.
func (t *tools) api(req *mcp.CallToolRequest) *api.Client {
	if req.Extra == nil {
		return t.client(nil)
	}
	return t.client(req.Extra.Header)
}

// add registers a tool. Its result is made by the tool itself, so that what the
// API answers is passed on as it is.
func add[In any](t *tools, s spec, run func(context.Context, *mcp.CallToolRequest, In) *mcp.CallToolResult) {
	s.hints.Title = s.title
	tool := &mcp.Tool{Name: s.name, Title: s.title, Description: s.does, Annotations: &s.hints, OutputSchema: t.schemas.output(s.out...)}
	mcp.AddTool(t.server.Server, tool, func(ctx context.Context, req *mcp.CallToolRequest, in In) (*mcp.CallToolResult, any, error) {
		return run(ctx, req, in), nil, nil
	})
}

// plain registers a tool that is one call.
func plain[In any](t *tools, s spec, to func(In) call) {
	run := func(ctx context.Context, client *api.Client, in In) *mcp.CallToolResult {
		c := to(in)
		out, err := client.Do(ctx, c.method, c.path, c.body)
		return result(out, err)
	}
	add(t, s, func(ctx context.Context, req *mcp.CallToolRequest, in In) *mcp.CallToolResult {
		return run(ctx, t.api(req), in)
	})
	t.server.short[s.name] = func(ctx context.Context, h http.Header, arguments json.RawMessage) (*mcp.CallToolResult, bool) {
		in, ok := fitting[In](arguments)
		if !ok {
			return nil, false
		}
		return run(ctx, t.client(h), in), true
	}
}

// result is the API's answer: as structured content and, for clients that know
// none, as text.
func result(out json.RawMessage, err error, more ...string) *mcp.CallToolResult {
	if err != nil {
		return failed(err, more...)
	}
	return &mcp.CallToolResult{StructuredContent: out, Content: texts(append([]string{string(out)}, more...))}
}

// failed says what stood in the way, and what can be done.
func failed(err error, more ...string) *mcp.CallToolResult {
	text := "The billing server could not be reached. Nothing was changed as far as is known here; look with get_billing_summary before you try again."
	if e, ok := errors.AsType[*api.CallError](err); ok {
		text = strings.TrimSpace(string(e.Raw))
		if e.Body.Code == "" {
			text = fmt.Sprintf("The billing server answered %d %s.", e.Status, http.StatusText(e.Status))
		}
		if e.RetryAfter > 0 {
			more = append(more, fmt.Sprintf("Try again in %d seconds, not sooner.", int(math.Ceil(e.RetryAfter.Seconds()))))
		}
	}
	return &mcp.CallToolResult{IsError: true, Content: texts(append([]string{text}, more...))}
}

func texts(list []string) (out []mcp.Content) {
	for _, text := range list {
		out = append(out, &mcp.TextContent{Text: text})
	}
	return out
}

// The arguments have the names that they have in the API, so that its errors
// name them.
type (
	nothing struct{}

	page struct {
		Cursor string `json:"cursor,omitempty" jsonschema:"next_cursor of the answer before"`
	}
	target struct {
		Plan  string `json:"plan,omitempty" jsonschema:"id of a plan; see list_plans"`
		Units *int64 `json:"additional_capacity_units,omitempty" jsonschema:"instead of a plan: how many additional capacity units to have in the end"`
	}
	handle struct {
		Request string `json:"request" jsonschema:"the request that an earlier answer named, apr_…"`
	}
	watch struct {
		Request string `json:"request" jsonschema:"the request that an earlier answer named, apr_…"`
		Wait    int    `json:"wait,omitempty" jsonschema:"seconds to wait for a decision, at most 25"`
	}
	limitAsk struct {
		Kind    string `json:"kind,omitempty" jsonschema:"the resource, such as agents or rows; left out: other"`
		Desired *int64 `json:"desiredValue,omitempty" jsonschema:"how much is needed"`
		Reason  string `json:"reason,omitempty" jsonschema:"why, at most 500 characters"`
	}
)

// longestWait keeps a call well below the minute at which clients give up.
const longestWait = 25 * time.Second

// readers registers the tools that change no plan.
func (t *tools) readers() {
	plain(t, spec{"get_billing_summary", "Billing summary", "Plan, billing state, trial, capacity units, allowances with what is used of them, and active projects.", reads, []string{"V1Billing"}},
		func(nothing) call { return get("/v1/billing") })
	plain(t, spec{"get_billing", "Billing overview", "Plan and price, next charge, card, what changes soon, usage against the caps, and how many requests for approval wait.", reads, []string{"Summary"}},
		func(nothing) call { return get("/api/billing") })
	plain(t, spec{"list_plans", "Plans", "Every plan with its price, limits, capacity units and trial, and which one is in force.", reads, []string{"PlanList"}},
		func(nothing) call { return get("/api/billing/plans") })
	plain(t, spec{"preview_change", "Price of a change", "What another plan, or another number of additional capacity units, would cost now and later. Changes nothing.", reads, []string{"Quote"}},
		func(in target) call {
			units := ""
			if in.Units != nil {
				units = strconv.FormatInt(*in.Units, 10)
			}
			return get("/api/billing/preview", "plan", in.Plan, "additional_capacity_units", units)
		})
	plain(t, spec{"list_invoices", "Invoices", "Invoices with amounts, status and links, newest first.", reads, []string{"InvoiceList"}},
		func(in page) call { return get("/api/billing/invoices", "cursor", in.Cursor) })
	plain(t, spec{"get_approval", "Where a request stands", "How a request for approval stands. With wait it waits for the decision; call again while next is poll.", reads, []string{"ApprovalStatus"}},
		func(in watch) call { return statusOf(in.Request, in.Wait) })
	plain(t, spec{"cancel_approval", "Withdraw a request", "Withdraws one of your own requests for approval that still waits.", ends, []string{"ApprovalStatus"}},
		func(in handle) call { return post("/api/web-approve/cancel", in) })
	plain(t, spec{"request_limit_increase", "Ask for a higher limit", "Asks the operator for more of a resource than the plan allows. Costs nothing and changes nothing by itself.", adds, []string{"Logged"}},
		func(in limitAsk) call { return post("/api/billing/request-limit-increase", in) })
	plain(t, spec{"open_billing_portal", "Customer portal", "A link for a person to manage card and invoices. The link alone carries no power: they have to be signed in.", adds, []string{"Link"}},
		func(in nothing) call { return post("/api/billing/portal", in) })
}

func post(path string, body any) call { return call{http.MethodPost, path, body} }

// get is a call with a query; what is empty is left out of it.
func get(path string, query ...string) call {
	q := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		if query[i+1] != "" {
			q.Set(query[i], query[i+1])
		}
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return call{method: http.MethodGet, path: path}
}

// statusOf asks how a request stands, and waits up to so many seconds.
func statusOf(request string, seconds int) call {
	wait := ""
	if seconds != 0 {
		wait = strconv.Itoa(seconds)
	}
	return get("/api/web-approve/status", "request", request, "wait", wait)
}
