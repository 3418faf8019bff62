package mcp_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// The clients that there are, by what they can show their user.
func opensLinks() *sdk.ClientCapabilities {
	return &sdk.ClientCapabilities{Elicitation: &sdk.ElicitationCapabilities{URL: &sdk.URLElicitationCapabilities{}}}
}

func opensForms() *sdk.ClientCapabilities {
	return &sdk.ClientCapabilities{Elicitation: &sdk.ElicitationCapabilities{Form: &sdk.FormElicitationCapabilities{}}}
}

// asks reports whether a client with a link is asked: over HTTP only those of
// the newest revision say in the call itself what they can do.
func asks(transport, revision string, caps *sdk.ClientCapabilities) bool {
	return caps != nil && caps.Elicitation != nil && caps.Elicitation.URL != nil && (revision == newest || transport == "stdio")
}

// TestLinkIsShownOnce: each kind of client, on each revision and transport, is
// asked once where it can be and else has the link in the result; what it
// answers decides nothing.
func TestLinkIsShownOnce(t *testing.T) {
	transports := map[string]connector{"http": (*site).overHTTP, "stdio": (*site).overPipe}
	for transport, connect := range transports {
		t.Run(transport, func(t *testing.T) {
			s := newSite(t, worldtest.Options{})
			for _, revision := range []string{newest, session, oldest} {
				for kind, caps := range map[string]func() *sdk.ClientCapabilities{"links": opensLinks, "forms": opensForms, "neither": func() *sdk.ClientCapabilities { return nil }} {
					actions := []string{"accept", "decline", "cancel", "fail"}
					if !asks(transport, revision, caps()) {
						actions = actions[:1] // nobody is there to answer
					}
					for _, action := range actions {
						s.showsOnce(t, connect, transport, revision, kind, caps(), action)
					}
				}
			}
		})
	}
}

func (s *site) showsOnce(t *testing.T, connect connector, transport, revision, kind string, caps *sdk.ClientCapabilities, action string) {
	t.Helper()
	name := strings.Join([]string{revision, kind, action}, " ")
	c := s.cast(strings.ReplaceAll(name, " ", "-"), "pro")
	u := &user{caps: caps}
	u.answer = func(p *sdk.ElicitParams) (string, error) {
		if p.Mode != "url" || !strings.HasPrefix(p.URL, s.BaseURL+"/approve/apr_") || !strings.Contains(p.Message, "Check code") {
			t.Errorf("%s: asked %+v", name, p)
		}
		if action == "fail" {
			return "", errors.New("no window")
		}
		if action == "accept" { // the press is elsewhere, and this is only when it comes
			s.decide(c.Owner, p.URL[strings.LastIndex(p.URL, "/")+1:], true)
		}
		return action, nil
	}
	agent := connect(s, c.AgentKey, revision, u)
	started := time.Now()
	res, err := agent.CallTool(context.Background(), &sdk.CallToolParams{Name: "upgrade_plan", Arguments: args{"plan": "scale", "mode": "web"}})
	if took := time.Since(started); took > 10*time.Second {
		t.Errorf("%s: %v", name, took)
	}
	want, plan := int64(0), "pro"
	if asks(transport, revision, caps) {
		want = 1
		if action == "accept" {
			plan = "scale"
		}
	}
	if n := u.asked.Load(); n != want {
		t.Errorf("%s: asked %d times, want %d", name, n, want)
	}
	if got := s.Plan(c.Org.ID); got != plan {
		t.Errorf("%s: on %s, want %s", name, got, plan)
	}
	if err != nil {
		if revision == newest && action == "fail" && want == 1 {
			return // this client gives up by itself
		}
		t.Fatalf("%s: %v", name, err)
	}
	a := answer{res, t, name}
	switch {
	case want == 0:
		if v := a.is("web-approve-required"); !strings.HasSuffix(v["approval_url"].(string), v["request"].(string)) {
			t.Errorf("%s: %v", name, v)
		}
	case action == "accept":
		v := a.is("completed")
		same(t, name, v["result"].(args)["status"], "switched")
	default: // nothing was decided, and the link is not lost
		v := a.is("pending")
		if !strings.Contains(a.all(), s.BaseURL+"/approve/"+v["request"].(string)) {
			t.Errorf("%s: no link: %s", name, a.all())
		}
	}
}

// TestWaitEndsWithoutDecision: the user opens the link and does nothing. The
// call ends with the request as it stands.
func TestWaitEndsWithoutDecision(t *testing.T) {
	both(t, func(t *testing.T, connect connector) {
		for _, revision := range []string{newest, session} {
			s := newSite(t, worldtest.Options{})
			c := s.cast("acme", "pro")
			u := &user{caps: opensLinks(), answer: func(*sdk.ElicitParams) (string, error) {
				s.Service.Drain() // ends every wait, as its time would
				return "accept", nil
			}}
			a := connect(s, c.AgentKey, revision, u).call("upgrade_plan", args{"plan": "scale"})
			if asks(map[bool]string{true: "http", false: "stdio"}[strings.HasSuffix(t.Name(), "http")], revision, u.caps) {
				a.is("pending")
			} else {
				a.is("confirmation_required")
			}
		}
	})
}

// TestDenialIsTold: a person's no comes back as such, with the note.
func TestDenialIsTold(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c := s.cast("acme", "pro")
	u := &user{caps: opensLinks(), answer: func(p *sdk.ElicitParams) (string, error) {
		s.decide(c.Owner, p.ElicitationID, false)
		return "accept", nil
	}}
	agent := s.overHTTP(c.AgentKey, newest, u)
	v := agent.call("upgrade_plan", args{"plan": "scale"}).is("denied")
	same(t, "denied", v["denied"], args{"reason": "too_expensive", "note": "ask in March"})
	agent.call("upgrade_plan", args{"plan": "scale"}).fails("approval_cooldown", "Try again in ")
	if n := u.asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// TestForgedState: what a client sends back is looked up as its own request and
// as nothing else.
func TestForgedState(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	c, stranger := s.cast("acme", "pro"), s.cast("stranger", "pro")
	theirs := s.overHTTP(stranger.AgentKey, newest, nil).call("upgrade_plan", args{"plan": "scale", "mode": "web"}).is("web-approve-required")["approval_url"].(string)
	mine := s.overHTTP(c.OtherKey, newest, nil).call("upgrade_plan", args{"plan": "scale", "mode": "web"}).is("web-approve-required")["approval_url"].(string)
	agent := s.overHTTP(c.AgentKey, newest, &user{caps: opensLinks()})
	before := s.polls.Load()
	for _, state := range []string{theirs, mine, "garbage", "apr_", "/", "..", s.BaseURL + "/approve/apr_00000000000000000000000000", "x?request=" + mine, strings.Repeat("a", 9000), "\x00", "a\nb"} {
		res, err := agent.CallTool(context.Background(), &sdk.CallToolParams{
			Name: "upgrade_plan", Arguments: args{"plan": "scale"}, RequestState: state,
			InputResponses: sdk.InputResponseMap{"approve": &sdk.ElicitResult{Action: "accept"}},
		})
		s.ok(err)
		a := answer{res, t, state}
		if strings.ContainsAny(state, "\x00\n") {
			a.fails("invalid_field", "request")
			continue
		}
		a.fails("not_found")
	}
	if s.Plan(c.Org.ID) != "pro" || s.polls.Load() == before {
		t.Error("the states were not looked at, or did something")
	}
	// An answer without a question decides nothing either.
	res, err := agent.CallTool(context.Background(), &sdk.CallToolParams{
		Name: "upgrade_plan", Arguments: args{"plan": "scale", "mode": "chat"}, InputResponses: sdk.InputResponseMap{"approve": &sdk.ElicitResult{Action: "accept"}},
	})
	s.ok(err)
	answer{res, t, "answer without a question"}.is("confirmation_required")
}

// TestChat: the user says yes in the conversation, and the token comes back.
func TestChat(t *testing.T) {
	both(t, func(t *testing.T, connect connector) {
		s := newSite(t, worldtest.Options{})
		for _, revision := range []string{newest, oldest} {
			c := s.cast("acme"+revision, "pro")
			u := &user{caps: opensLinks(), answer: func(*sdk.ElicitParams) (string, error) { return "accept", nil }}
			agent := connect(s, c.AgentKey, revision, u)
			asked := agent.call("upgrade_plan", args{"plan": "scale", "mode": "chat"}).is("confirmation_required")
			token := asked["confirm_token"].(string)
			s.secrets = append(s.secrets, token)
			s.Advance(5 * time.Second)
			agent.call("upgrade_plan", args{"plan": "free", "confirm_token": token}).fails("consent_token_mismatch")
			token = agent.call("upgrade_plan", args{"plan": "scale", "mode": "chat"}).is("confirmation_required")["confirm_token"].(string)
			s.secrets = append(s.secrets, token)
			agent.call("upgrade_plan", args{"confirm_token": token}).is("switched")
			agent.call("upgrade_plan", args{"confirm_token": token}).fails("consent_token_invalid", "apr_")
			if n := u.asked.Load(); n != 0 {
				t.Errorf("asked %d times", n)
			}
			same(t, "plan", s.Plan(c.Org.ID), "scale")
		}
	})
}

// TestAgentOnToolsAlone: it reads, meets a cap, asks for room, hands the link
// over, waits and sees it done.
func TestAgentOnToolsAlone(t *testing.T) {
	both(t, func(t *testing.T, connect connector) {
		s := newSite(t, worldtest.Options{Catalog: "capacity"})
		c := s.cast("acme", "solo")
		agent := connect(s, c.AgentKey, session, nil)
		const resource = "retained_bundle_cap"
		limit := func() float64 {
			summary := agent.call("get_billing_summary", nil).StructuredContent.(args)["billing"].(args)
			return summary["allowances"].(args)[resource].(args)["limit"].(float64)
		}
		if got := limit(); got != 900 {
			t.Fatalf("limit %v", got)
		}
		// The application fills it, and refuses the agent one more.
		_, host := s.Key(billing.NewKey{Kind: billing.KindHost, Name: "app"})
		s.rest(host, "PUT", "/api/host/usage/"+c.Org.ID+"/"+resource, `{"value":900}`)
		status, refusal := s.send(host, "POST", "/api/host/consume", `{"org":"`+c.Org.ID+`","resource":"`+resource+`","quantity":1,"key":"k1"}`)
		if status != http.StatusPaymentRequired || !strings.Contains(string(refusal), `"mcpTool":"`) {
			t.Fatalf("%d %s", status, refusal)
		}
		t.Logf("%s", refusal)
		plans := agent.call("list_plans", nil).text()
		price := agent.call("preview_change", args{"additional_capacity_units": 2}).StructuredContent.(args)
		if !strings.Contains(plans, `"maxAdditional":99`) || price["recurringCents"] != 499.0 {
			t.Fatalf("%s\n%v", plans, price)
		}
		asked := agent.call("increase_capacity", args{"target_additional_capacity_units": 2, "mode": "web", "reason": "the store is full"}).is("web-approve-required")
		request := asked["request"].(string)
		if !strings.Contains(asked["approval_url"].(string), request) || !strings.Contains(asked["message"].(string), asked["check_code"].(string)) {
			t.Errorf("%v", asked)
		}
		polled, pressed := s.polls.Load(), make(chan struct{})
		go func() { // the owner, when the agent waits
			defer close(pressed)
			for until := time.After(5 * time.Second); s.polls.Load() == polled; {
				select {
				case <-time.After(time.Millisecond):
				case <-until:
				}
			}
			s.decide(c.Owner, request, true)
		}()
		if got := agent.call("get_approval", args{"request": request, "wait": 25}).StructuredContent.(args)["status"]; got == "pending" {
			t.Error("the wait ended before the decision")
		}
		<-pressed
		v := agent.call("get_approval", args{"request": request, "wait": 25}).is("completed")
		same(t, "result", v["result"].(args)["status"], "capacity-increased")
		if got := limit(); got != 1500 {
			t.Errorf("limit %v", got)
		}
	})
}
