package mcp_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// hints are what a client may rely on when it decides whether to ask its user.
var hints = map[string]string{
	"get_billing_summary": "reads", "get_billing": "reads", "list_plans": "reads", "preview_change": "reads", "list_invoices": "reads", "get_approval": "reads",
	"upgrade_plan": "asks", "downgrade_plan": "asks", "start_trial": "asks", "increase_capacity": "asks", "schedule_capacity_reduction": "asks", "cancel_capacity_reduction": "asks",
	"request_limit_increase": "adds", "open_billing_portal": "adds", "cancel_approval": "ends",
}

func TestEveryToolIsDescribed(t *testing.T) {
	both(t, func(t *testing.T, connect connector) {
		s := newSite(t, worldtest.Options{})
		for _, revision := range []string{newest, session, oldest} {
			list, err := connect(s, s.cast("acme"+revision, "pro").AgentKey, revision, nil).ListTools(t.Context(), nil)
			s.ok(err)
			var names []string
			for _, tool := range list.Tools {
				names = append(names, tool.Name)
				checkTool(t, tool)
			}
			if want := slices.Sorted(maps.Keys(hints)); !slices.Equal(slices.Sorted(slices.Values(names)), want) {
				t.Errorf("%s: %v, want %v", revision, names, want)
			}
		}
	})
}

func checkTool(t *testing.T, tool *sdk.Tool) {
	t.Helper()
	a := tool.Annotations
	if a == nil || a.DestructiveHint == nil || a.OpenWorldHint == nil || a.Title == "" || tool.Title == "" || len(tool.Description) < 30 {
		t.Fatalf("%s is not described: %+v", tool.Name, a)
	}
	kind := map[[4]bool]string{
		{true, false, true, false}: "reads", {false, true, true, true}: "asks", {false, false, true, false}: "adds", {false, true, true, false}: "ends",
	}[[4]bool{a.ReadOnlyHint, *a.DestructiveHint, a.IdempotentHint, *a.OpenWorldHint}]
	if kind != hints[tool.Name] {
		t.Errorf("%s has the hints of %q", tool.Name, kind)
	}
	in, _ := tool.InputSchema.(args)
	fields, _ := in["properties"].(args)
	if in["type"] != "object" || in["additionalProperties"] == nil {
		t.Errorf("%s takes %v", tool.Name, in)
	}
	for name, field := range fields {
		if field.(args)["description"] == nil {
			t.Errorf("%s: %s is not described", tool.Name, name)
		}
	}
	compiled(t, tool.Name, tool.OutputSchema)
}

// compiled reads a schema with another implementation than the server's.
func compiled(t *testing.T, name string, schema any) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name+".json", schema); err != nil {
		t.Fatal(err)
	}
	out, err := c.Compile(name + ".json")
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return out
}

// TestToolsSayWhatTheAPISays: the structured content of each tool is the body
// of its call, and fits the schema that the tool has.
func TestToolsSayWhatTheAPISays(t *testing.T) {
	both(t, func(t *testing.T, connect connector) {
		for _, catalog := range []string{"flat", "capacity"} {
			s := newSite(t, worldtest.Options{Catalog: catalog})
			plan := s.Service.Catalog().Plans[1].ID
			c := s.cast("acme", plan)
			agent, owner := connect(s, c.AgentKey, newest, nil), connect(s, c.OwnerToken, session, nil)
			tools := agent.described()
			check := func(a answer) answer {
				t.Helper()
				if a.IsError {
					t.Fatalf("%s: %s", a.what, a.all())
				}
				same(t, a.what+" as text", decoded(t, []byte(a.text())), a.StructuredContent)
				if err := compiled(t, a.what, tools[a.what].OutputSchema).Validate(a.StructuredContent); err != nil {
					t.Errorf("%s: %v\n%s", a.what, err, a.text())
				}
				return a
			}
			for name, path := range map[string]string{
				"get_billing_summary": "/v1/billing", "get_billing": "/api/billing", "list_plans": "/api/billing/plans", "list_invoices": "/api/billing/invoices",
			} {
				same(t, name, check(agent.call(name, nil)).StructuredContent, s.rest(c.AgentKey, "GET", path, ""))
			}
			next := s.Service.Catalog().Plans[2].ID
			same(t, "preview", check(agent.call("preview_change", args{"plan": next})).StructuredContent, s.rest(c.AgentKey, "GET", "/api/billing/preview?plan="+next, ""))
			check(owner.call("open_billing_portal", nil))
			kind := s.Service.Catalog().Resources[0].ID
			same(t, "wish", check(agent.call("request_limit_increase", args{"kind": kind, "desiredValue": 9})).StructuredContent,
				s.rest(c.AgentKey, "POST", "/api/billing/request-limit-increase", `{"kind":"`+kind+`","desiredValue":9}`))

			chat := check(agent.call("upgrade_plan", args{"plan": next})).is("confirmation_required")
			s.secrets = append(s.secrets, chat["confirm_token"].(string))
			asked := check(agent.call("upgrade_plan", args{"plan": next, "mode": "web", "reason": "more room"})).is("web-approve-required")
			again := s.rest(c.AgentKey, "POST", "/api/billing/upgrade", `{"plan":"`+next+`","mode":"web"}`)
			same(t, "an identical ask", asked, again)
			same(t, "status", check(agent.call("get_approval", args{"request": asked["request"]})).is("pending")["request"], asked["request"])
			check(agent.call("cancel_approval", args{"request": asked["request"]})).is("canceled")
			check(owner.call("upgrade_plan", args{"plan": next})).is("switched")
			if catalog == "capacity" {
				capacityTools(check, agent, owner)
			}
			check(owner.call("downgrade_plan", nil)).is("downgrade-scheduled")
		}
	})
}

// capacityTools calls what only a catalogue with units has.
func capacityTools(check func(answer) answer, agent, owner *client) {
	agent.t.Helper()
	const units = "target_additional_capacity_units"
	check(agent.call("preview_change", args{"additional_capacity_units": 4}))
	check(agent.call("increase_capacity", args{units: 4, "mode": "web"})).is("web-approve-required")
	check(owner.call("increase_capacity", args{units: 4})).is("capacity-increased")
	check(owner.call("schedule_capacity_reduction", args{units: 0})).is("capacity-reduction-scheduled")
	check(owner.call("get_billing_summary", nil))
	check(owner.call("cancel_capacity_reduction", nil)).is("capacity-reduction-canceled")
	s := agent.s
	fresh := s.cast("fresh", "")
	check(s.overHTTP(fresh.OwnerToken, newest, nil).call("start_trial", args{"target_plan": "team"})).is("trial-started")
}

func TestWrongArgumentsNameTheField(t *testing.T) {
	both(t, func(t *testing.T, connect connector) {
		s := newSite(t, worldtest.Options{Catalog: "capacity"})
		agent := connect(s, s.cast("acme", "solo").AgentKey, newest, nil)
		for _, tc := range []struct {
			tool  string
			in    args
			field string
		}{
			{"get_billing", args{"org": "org_x"}, "org"},
			{"upgrade_plan", args{"plan": 5}, "plan"},
			{"upgrade_plan", args{"plan": "nothing"}, "plan"},
			{"upgrade_plan", args{"plan": "team", "mode": "sms"}, "mode"},
			{"upgrade_plan", args{"plan": "team", "expires_in": 5}, "expires_in"},
			{"preview_change", args{"plan": "team", "additional_capacity_units": 1}, "additional_capacity_units"},
			{"preview_change", args{"additional_capacity_units": -1}, "additional_capacity_units"},
			{"increase_capacity", nil, "target_additional_capacity_units"},
			{"increase_capacity", args{"target_additional_capacity_units": 100}, "target_additional_capacity_units"},
			{"increase_capacity", args{"target_additional_capacity_units": 1.5}, "target_additional_capacity_units"},
			{"increase_capacity", args{"target_additional_capacity_units": "4"}, "target_additional_capacity_units"},
			{"start_trial", nil, "target_plan"},
			{"get_approval", nil, "request"},
			{"get_approval", args{"request": "apr_00000000000000000000000000", "wait": 26}, "wait"},
			{"get_approval", args{"request": "apr_00000000000000000000000000", "wait": -1}, "wait"},
			{"cancel_approval", args{"request": ""}, "request"},
			{"request_limit_increase", args{"desiredValue": -1}, "desiredValue"},
			{"request_limit_increase", args{"desiredValue": 0}, "desiredValue"},
			{"request_limit_increase", args{"kind": "hats"}, "kind"},
		} {
			a := agent.call(tc.tool, tc.in)
			if !a.IsError || !strings.Contains(a.all(), tc.field) || a.StructuredContent != nil {
				t.Errorf("%s %v: %s", tc.tool, tc.in, a.all())
			}
		}
	})
}
