package views

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/countersignhq/countersign/billing"
)

// TestEveryEventHasWords: whatever the audit log tells of is said in words, with
// all of its facts and with none.
func TestEveryEventHasWords(t *testing.T) {
	c := flat(t)
	said := map[string]string{}
	for _, event := range billing.AuditEvents() {
		what, detail, who := ActivityWords(c, billing.AuditEvent{Event: event, Subject: "x_1"})
		if what == "" || strings.Contains(what, event) || strings.ContainsAny(what+detail, "{}_") || who != "Somebody" {
			t.Errorf("%s without facts: %q, %q, by %q", event, what, detail, who)
		}
		what, _, _ = ActivityWords(c, billing.AuditEvent{Event: event, Facts: map[string]any{
			"action": "subscription.change_plan", "plan": "scale", "from": "active", "to": "canceled", "email": "ada@acme.test", "role": "owner",
			"name": "bot", "resource": "agents", "kind": "agents", "value": "pro",
		}})
		if other, again := said[what]; again {
			t.Errorf("%s and %s say the same: %q", event, other, what)
		}
		said[what] = event
	}
}

func TestActivityWords(t *testing.T) {
	c := flat(t)
	for _, tc := range []struct {
		event, subject, facts string
		what, detail, link    string
	}{
		{"approval.requested", "apr_1", `{"action":"subscription.change_plan","plan":"scale","due_now":1500}`, "Asked to switch to Scale", "$15.00 due now", "/approve/apr_1"},
		{"approval.expired", "apr_1", `{}`, "A request ended: nobody answered in time", "", "/approve/apr_1"},
		{"approval.superseded", "apr_1", `{"replaced_by":"apr_2"}`, "Replaced a request by another one", "", "/approve/apr_1"},
		{"change.requested", "int_1", `{"action":"subscription.schedule_downgrade","plan":"","due_now":0}`, "Ordered to downgrade at the end of the period", "", ""},
		{"change.done", "int_1", `{"charged":1500,"credited":0,"request":"apr_7"}`, "A change was carried out", "$15.00 charged", "/approve/apr_7"},
		{"change.done", "int_1", `{"charged":1500,"credited":250,"request":7}`, "A change was carried out", "$15.00 charged, $2.50 credited", "/settings/billing/invoices"},
		{"change.done", "int_1", `{"failure":"payment_action_required"}`, "A change waits for the bank", "", ""},
		{"plan.changed", "org_1", `{"from":"pro","to":"gone"}`, "Plan in force: Pro → gone", "", ""},
		{"state.changed", "org_1", `{"from":"none","to":"past_due"}`, "Subscription: none → past due", "", ""},
		{"limit.granted", "lir_1", `{"resource":"agents","cap":12000}`, "Granted a higher limit of agents", "12,000", ""},
		{"override.set", "ovr_1", `{"resource":"agents","cap":null}`, "Set a limit of agents", "no limit", ""},
		{"org.admin_override", "org_1", `{"value":"scale","reason":"secret"}`, "Gave a plan free of charge", "Scale", ""},
		{"org.admin_override", "org_1", `{"value":""}`, "Took back the plan that was free of charge", "", ""},
		{"org.design_partner", "org_1", `{"value":true}`, "Made the organisation a design partner", "", ""},
		{"member.role_changed", "usr_1", `{"email":"bo@acme.test","role":"billing_admin"}`, "Made bo@acme.test billing admin", "", ""},
		{"agent.created", "key_1", `{"name":"bot","prefix":"csa_4fZk"}`, "Created the agent bot", "csa_4fZk…", ""},
		{"key.paused", "key_1", `{"agent":"agt_1","name":"bot"}`, "Paused a key of bot", "", ""},
		{"key.revoked", "key_1", `{"agent":"agt_1"}`, "Revoked an agent's key", "", ""},
	} {
		e := billing.AuditEvent{Event: tc.event, Subject: tc.subject, Facts: object(t, tc.facts), Actor: billing.Actor{Kind: billing.KindHuman, Name: "Ada"}}
		row, link := Locale{}.activityRow(c, e, now), ""
		if row.Link != nil {
			link = row.Link.Href
		}
		if row.What != tc.what || row.Detail != tc.detail || link != tc.link || row.Who != "Ada" || row.Group.Text != "Person" {
			t.Errorf("%s %s: %+v, link %q", tc.event, tc.facts, row, link)
		}
	}
}

// TestWhoDidIt: operators have no name here.
func TestWhoDidIt(t *testing.T) {
	for kind, want := range map[billing.PrincipalKind]string{
		billing.KindHuman: "Person N", billing.KindMember: "Person N", billing.KindAgent: "Agent N", billing.KindHost: "Application Your application",
		billing.KindOperator: "Operator An operator", billing.KindSystem: "System N",
	} {
		row := Locale{}.activityRow(flat(t), billing.AuditEvent{Event: "org.synced", Actor: billing.Actor{Kind: kind, Name: "N"}}, now)
		if got := row.Group.Text + " " + row.Who; got != want {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
}

func TestActivityPage(t *testing.T) {
	v := ActivityValues{Frame: appFrame(NavActivity), Catalog: flat(t), Now: now, Group: billing.GroupAgent, Next: "evt_9"}
	page := render(t, Activity(NewActivity(v)))
	if got := text(page.tag("main")[0]); !strings.Contains(got, copyActivityNoneBy) || strings.Contains(got, copyPlotCSV) {
		t.Errorf("empty: %q", got)
	}
	for i := range 3 {
		v.List = append(v.List, billing.AuditEvent{Event: "agent.created", At: now.Add(-time.Duration(i) * time.Hour), Facts: map[string]any{"name": "<b>bot</b>"}, Actor: billing.Actor{Kind: billing.KindHuman, Name: "Ada"}})
	}
	page = render(t, Activity(NewActivity(v)))
	href := func(h string) int {
		return len(page.all(func(n *html.Node) bool { return attr(n, "href") == h }))
	}
	if len(page.tag("li")) < 3 || href("/settings/activity.csv?by=agent") != 1 || href("/settings/activity?by=agent&cursor=evt_9") != 1 || href("/settings/activity?by=person") != 1 {
		t.Errorf("%s", text(page.tag("main")[0]))
	}
	if len(page.tag("b")) != 0 {
		t.Error("a name became markup")
	}
	current := page.all(func(n *html.Node) bool { return attr(n, "aria-current") == "page" })
	if len(current) != 2 || text(current[0]) != "Activity" || text(current[1]) != "Agents" {
		t.Errorf("%d are current", len(current))
	}
}

func TestMembersPage(t *testing.T) {
	team := []billing.TeamMember{
		{Membership: billing.Membership{User: billing.User{ID: "usr_1", Name: "Ada", Email: "ada@acme.test"}, Role: billing.RoleOwner}, SeenAt: now.Add(-time.Hour)},
		{Membership: billing.Membership{User: billing.User{ID: "usr_2", Email: "bo@acme.test"}, Role: billing.RoleMember}},
	}
	page := func(you string, timed bool) string {
		return text(render(t, Members(NewMembers(Locale{}, appFrame(NavMembers), team, you, timed, now))).tag("main")[0])
	}
	all := page("usr_1", true)
	for _, want := range []string{"Ada (you)", "ada@acme.test", "Owner", "(1 hour ago)", "bo@acme.test", copyRoleMember, copyMembersUnseen, copyMembersHost} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in %q", want, all)
		}
	}
	if strings.Count(all, "bo@acme.test") != 1 {
		t.Error("an address stands twice")
	}
	if got := page("usr_2", false); !strings.Contains(got, "bo@acme.test (you)") || strings.Contains(got, copyMembersSeen) || strings.Contains(got, copyMembersUnseen) {
		t.Errorf("for a member: %q", got)
	}
}

// object reads facts as the database gives them back.
func object(t *testing.T, raw string) (facts map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(raw), &facts); err != nil {
		t.Fatal(err)
	}
	return facts
}
