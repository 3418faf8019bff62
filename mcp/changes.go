package mcp

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/countersignhq/countersign/api"
)

// The tools that change something, or ask for it. An agent's wish is answered
// with a request for approval. Where the client can show its user a link, it is
// asked to, once; then the tool waits a while for the decision, which is read
// from our own state and never from the client's answer.

// consent is how an agent asks. People's tokens leave it out.
type consent struct {
	ConfirmToken string `json:"confirm_token,omitempty" jsonschema:"from the first answer; send it only after the user has said yes to the message"`
	Mode         string `json:"mode,omitempty" jsonschema:"chat: the user answers here. web: an owner approves behind a link"`
	Reason       string `json:"reason,omitempty" jsonschema:"a note to the person who decides, at most 280 characters"`
}

type planChange struct {
	Plan string `json:"plan,omitempty" jsonschema:"id of a plan; see list_plans. Left out: the first paid one"`
	consent
}

type trialStart struct {
	Plan string `json:"target_plan,omitempty" jsonschema:"the plan to try; may be left out with a confirm_token"`
	consent
}

type unitChange struct {
	Units *int64 `json:"target_additional_capacity_units,omitempty" jsonschema:"how many additional units to have in the end, 0 to 99; may be left out with a confirm_token"`
	consent
}

func (t tools) changers(s *mcp.Server) {
	change(t, s, "upgrade_plan", "Switch to a paid plan", "Switches to a paid plan at once, charged for the rest of the period, or keeps the present plan if it was to end.",
		func(ctx context.Context, c *api.Client, in planChange) (api.Change, any, error) {
			out, err := c.Upgrade(ctx, api.UpgradeRequest{Plan: in.Plan, ConfirmToken: in.ConfirmToken, Mode: in.Mode, Reason: in.Reason})
			return out, out, err
		}, func(in *planChange) *consent { return &in.consent }, "Change")
	change(t, s, "downgrade_plan", "Go back to the free plan", "Schedules the free plan for the end of the period that is paid for. Nothing is deleted.",
		func(ctx context.Context, c *api.Client, in consent) (api.Change, any, error) {
			out, err := c.Downgrade(ctx, api.DowngradeRequest{ConfirmToken: in.ConfirmToken, Mode: in.Mode, Reason: in.Reason})
			return out, out, err
		}, func(in *consent) *consent { return in }, "Change")
	change(t, s, "start_trial", "Start a trial", "Starts the organisation's one trial of a plan: no card, nothing is charged at its end.",
		func(ctx context.Context, c *api.Client, in trialStart) (api.Change, any, error) {
			out, err := c.StartTrial(ctx, api.V1TrialRequest{TargetPlan: in.Plan, ConfirmToken: in.ConfirmToken, Mode: in.Mode, Reason: in.Reason})
			return out.Change, out, err
		}, func(in *trialStart) *consent { return &in.consent }, "V1Change")
	change(t, s, "increase_capacity", "Add capacity units", "Adds capacity units at once, charged for the rest of the period. The number is the one to have in the end.",
		func(ctx context.Context, c *api.Client, in unitChange) (api.Change, any, error) {
			out, err := c.IncreaseCapacity(ctx, in.request())
			return out.Change, out, err
		}, func(in *unitChange) *consent { return &in.consent }, "V1Change")
	change(t, s, "schedule_capacity_reduction", "Reduce capacity units", "Schedules fewer capacity units for the next period. Replaces an earlier schedule.",
		func(ctx context.Context, c *api.Client, in unitChange) (api.Change, any, error) {
			out, err := c.ReduceCapacity(ctx, in.request())
			return out.Change, out, err
		}, func(in *unitChange) *consent { return &in.consent }, "V1Change")
	change(t, s, "cancel_capacity_reduction", "Keep the capacity units", "Takes a scheduled reduction of capacity back.",
		func(ctx context.Context, c *api.Client, in consent) (api.Change, any, error) {
			out, err := c.KeepCapacity(ctx, api.V1KeepRequest{ConfirmToken: in.ConfirmToken, Mode: in.Mode, Reason: in.Reason})
			return out.Change, out, err
		}, func(in *consent) *consent { return in }, "V1Change")
}

func (in unitChange) request() api.V1CapacityRequest {
	return api.V1CapacityRequest{TargetUnits: in.Units, ConfirmToken: in.ConfirmToken, Mode: in.Mode, Reason: in.Reason}
}

// change registers a tool that may end in a request for approval. call returns
// the answer twice: the members that tell of the request, and the whole.
func change[In any](t tools, s *mcp.Server, name, title, does string, call func(context.Context, *api.Client, In) (api.Change, any, error), how func(*In) *consent, schema string) {
	add(s, name, title, does+" An agent's wish for it needs the consent of an owner.", asks,
		func(ctx context.Context, req *mcp.CallToolRequest, in In) (any, error) {
			c := t.api(req)
			if request := req.Params.RequestState; request != "" {
				return follow(ctx, c, request)
			}
			if canOpen(req) && how(&in).ConfirmToken == "" && how(&in).Mode == "" {
				how(&in).Mode = "web" // the user can be shown the link right away
			}
			out, whole, err := call(ctx, c, in)
			if err == nil && out.Status == "web-approve-required" && canOpen(req) {
				err = &elicitation{request: out.Request, url: out.ApprovalURL, message: out.Message}
			}
			return whole, err
		}, schema, "ApprovalStatus")
}

// follow waits for the decision about a request after its link was shown, or
// not: the client's answer says nothing about that.
func follow(ctx context.Context, c *api.Client, request string) (any, error) {
	return c.ApprovalStatus(ctx, request, longestWait)
}

// canOpen reports whether the client can show its user a link. It is looked at
// in each call, since one server serves many clients.
func canOpen(req *mcp.CallToolRequest) bool {
	if req.Session == nil {
		return false
	}
	p := req.Session.InitializeParams()
	return p != nil && p.Capabilities != nil && p.Capabilities.Elicitation != nil && p.Capabilities.Elicitation.URL != nil
}

// elicitation asks the client to show its user the approve page. It travels as
// an error, since it takes the place of a result.
type elicitation struct{ request, url, message string }

func (*elicitation) Error() string { return "the user is to be shown a link" }

func (e *elicitation) result() *mcp.CallToolResult {
	return &mcp.CallToolResult{
		RequestState: e.request, // a handle without power, so it needs no seal
		InputRequests: mcp.InputRequestMap{"approve": &mcp.ElicitParams{
			Mode: "url", URL: e.url, ElicitationID: e.request, Message: e.message,
		}},
	}
}
