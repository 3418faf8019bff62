package clients

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
)

const inspectorProgram = "@modelcontextprotocol/inspector/clients/launcher/build/index.js"

// A step is a call of a tool and the status that it ends with, "" for one that
// has none. REQUEST stands for the request that an earlier step has made.
type step struct {
	tool, in, status string
	owner            bool // with the owner's token, who acts at once
}

// steps name every tool. Those of a group follow each other.
var steps = [][]step{
	{{tool: "get_billing_summary"}, {tool: "get_billing", status: "active"}, {tool: "list_plans"}},
	{{tool: "preview_change", in: `{"additional_capacity_units":4}`}, {tool: "list_invoices"}, {tool: "open_billing_portal", owner: true}},
	{{tool: "request_limit_increase", in: `{"kind":"other","reason":"more room"}`, status: "logged"}, {tool: "start_trial", in: `{"target_plan":"team"}`, status: "error"}},
	{
		{tool: "increase_capacity", in: `{"target_additional_capacity_units":4,"mode":"web"}`, status: "web-approve-required"},
		{tool: "get_approval", in: `{"request":"REQUEST"}`, status: "pending"},
		{tool: "cancel_approval", in: `{"request":"REQUEST"}`, status: "canceled"},
		{tool: "increase_capacity", in: `{"target_additional_capacity_units":4}`, status: "capacity-increased", owner: true},
		{tool: "schedule_capacity_reduction", in: `{"target_additional_capacity_units":1}`, status: "capacity-reduction-scheduled", owner: true},
		{tool: "cancel_capacity_reduction", status: "capacity-reduction-canceled", owner: true},
		{tool: "upgrade_plan", in: `{"plan":"team"}`, status: "confirmation_required"},
		{tool: "downgrade_plan", status: "confirmation_required"},
	},
}

// transports are the arguments that make the inspector use each.
var transports = map[string]func(s *server, key string) []string{
	"http": func(s *server, key string) []string {
		return []string{"--server-url", s.url + "/mcp", "--transport", "http", "--header", "Authorization: Bearer " + key}
	},
	"http, newest": func(s *server, key string) []string {
		return []string{"--server-url", s.url + "/mcp", "--transport", "http", "--protocol-era", "modern", "--header", "Authorization: Bearer " + key}
	},
	"stdio": func(s *server, key string) []string {
		return []string{"-e", "COUNTERSIGN_URL=" + s.url, "-e", "COUNTERSIGN_API_KEY=" + key, bridge, "mcp"}
	},
}

func TestInspector(t *testing.T) {
	for name, transport := range transports {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			called := map[string]bool{}
			for _, group := range steps {
				for _, step := range group {
					called[step.tool] = true
				}
			}
			listed := s.list(t, transport)
			if want := slices.Sorted(maps.Keys(called)); !slices.Equal(listed, want) {
				t.Fatalf("lists %v, and the test calls %v", listed, want)
			}
			var wg sync.WaitGroup
			for _, group := range steps {
				wg.Go(func() {
					request := ""
					for _, step := range group {
						s.step(t, transport, step, &request)
					}
				})
			}
			wg.Wait()
		})
	}
}

// list has the inspector list the tools; it also looks for what other clients'
// schema readers would not take.
func (s *server) list(t *testing.T, transport func(*server, string) []string) (names []string) {
	t.Helper()
	out, errs, err := node(t, inspectorProgram, append([]string{"--cli", "--method", "tools/list", "--strict", "--format", "json"}, transport(s, s.AgentKey)...)...)
	var v struct {
		Result struct{ Tools []struct{ Name string } }
	}
	if err != nil || json.Unmarshal([]byte(out), &v) != nil {
		t.Fatalf("tools/list: %v\n%s\n%s", err, out, errs)
	}
	for _, tool := range v.Result.Tools {
		names = append(names, tool.Name)
	}
	slices.Sort(names)
	return names
}

func (s *server) step(t *testing.T, transport func(*server, string) []string, step step, request *string) {
	t.Helper()
	key := s.AgentKey
	if step.owner {
		key = s.OwnerToken
	}
	args := []string{"--cli", "--method", "tools/call", "--tool-name", step.tool, "-q", "--format", "json"}
	if step.in != "" {
		args = append(args, "--tool-args-json", strings.ReplaceAll(step.in, "REQUEST", *request))
	}
	out, errs, err := node(t, inspectorProgram, append(args, transport(s, key)...)...)
	var v struct {
		Result struct {
			IsError           bool
			StructuredContent struct{ Status, Request string }
		}
	}
	if uerr := json.Unmarshal([]byte(out), &v); uerr != nil {
		t.Errorf("%s: %v, %v\n%s\n%s", step.tool, err, uerr, out, errs)
		return
	}
	got := v.Result.StructuredContent
	if failed := step.status == "error"; failed != v.Result.IsError || failed != (err != nil) || !failed && got.Status != step.status {
		t.Errorf("%s: %v, want %q\n%s\n%s", step.tool, err, step.status, out, errs)
	}
	if got.Request != "" {
		*request = got.Request
	}
}
