package mcp

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/countersignhq/countersign/api"
)

// The tools that change something, or ask for it. An agent's wish is answered
// with a request for approval.

// consent is how an agent asks. People's tokens leave it out.
type consent struct {
	ConfirmToken string `json:"confirm_token,omitempty" jsonschema:"from the first answer; send it only after the user has said yes to the message"`
	Mode         string `json:"mode,omitempty" jsonschema:"chat: the user answers here. web: an owner approves behind a link"`
	Reason       string `json:"reason,omitempty" jsonschema:"a note to the person who decides, at most 280 characters"`
}

func (c *consent) agreed() *consent { return c }

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

func (t *tools) changers() {
	const reduction = "/v1/billing/capacity/scheduled-reduction"
	change[planChange](t, http.MethodPost, "/api/billing/upgrade",
		spec{"upgrade_plan", "Switch to a paid plan", "Switches to a paid plan at once, charged for the rest of the period, or keeps the present plan if it was to end.", asks, []string{"Change"}})
	change[consent](t, http.MethodPost, "/api/billing/downgrade",
		spec{"downgrade_plan", "Go back to the free plan", "Schedules the free plan for the end of the period that is paid for. Nothing is deleted.", asks, []string{"Change"}})
	change[trialStart](t, http.MethodPost, "/v1/billing/trial/start",
		spec{"start_trial", "Start a trial", "Starts the organisation's one trial of a plan: no card, nothing is charged at its end.", asks, []string{"V1Change"}})
	change[unitChange](t, http.MethodPost, "/v1/billing/capacity/increase",
		spec{"increase_capacity", "Add capacity units", "Adds capacity units at once, charged for the rest of the period. The number is the one to have in the end.", asks, []string{"V1Change"}})
	change[unitChange](t, http.MethodPost, reduction,
		spec{"schedule_capacity_reduction", "Reduce capacity units", "Schedules fewer capacity units for the next period. Replaces an earlier schedule.", asks, []string{"V1Change"}})
	change[consent](t, http.MethodDelete, reduction,
		spec{"cancel_capacity_reduction", "Keep the capacity units", "Takes a scheduled reduction of capacity back.", asks, []string{"V1Change"}})
}

// change registers a tool that may end in a request for approval. Its arguments
// are the body of the call.
func change[In any, P interface {
	*In
	agreed() *consent
}](t *tools, method, path string, s spec,
) {
	s.does += " An agent's wish for it needs the consent of an owner."
	s.out = append(s.out, "ApprovalStatus")
	add(t, s, func(ctx context.Context, req *mcp.CallToolRequest, in In) *mcp.CallToolResult {
		c, opens := t.api(req), canOpen(req)
		if link := req.Params.RequestState; link != "" {
			return t.shown(ctx, c, link, accepted(req.Params.InputResponses[question]))
		}
		if how := P(&in).agreed(); opens && how.ConfirmToken == "" && how.Mode == "" {
			how.Mode = "web" // the user can be shown the link right away
		}
		out, err := c.Do(ctx, method, path, in)
		var asked api.Change
		if err != nil || !opens || json.Unmarshal(out, &asked) != nil || asked.Status != "web-approve-required" {
			return result(out, err)
		}
		return t.show(ctx, req, c, asked)
	})
}
