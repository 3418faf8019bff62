package handlers_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestTokenRules: each way in which a confirm_token is not good, what is said
// about it, and that nothing is charged. A token that was only looked at by the
// wrong caller is still good for the right one.
func TestTokenRules(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	stranger := s.people("stranger", "pro", visa)
	for i, tc := range []struct {
		name   string
		twist  func(p people, token string) answer
		status int
		word   string
		reason any
		alive  bool // afterwards, for its own key
	}{
		{"expired", func(p people, token string) answer {
			s.Advance(time.Minute)
			return s.confirm(p.agent, token)
		}, 400, "consent_token_expired", nil, false},
		{"superseded by an identical ask", func(p people, token string) answer {
			s.token(p.agent, "scale")
			return s.confirm(p.agent, token)
		}, 400, "consent_token_invalid", "superseded", false},
		{"superseded by another mode", func(p people, token string) answer {
			s.ask(p.agent, "scale")
			return s.confirm(p.agent, token)
		}, 400, "consent_token_invalid", "superseded", false},
		{"another plan", func(p people, token string) answer {
			return s.post(p.agent, "/api/billing/upgrade", `{"plan":"pro","confirm_token":"`+token+`"}`)
		}, 400, "consent_token_mismatch", nil, false},
		{"another action", func(p people, token string) answer {
			return s.post(p.agent, "/api/billing/downgrade", `{"confirm_token":"`+token+`"}`)
		}, 400, "consent_token_mismatch", nil, false},
		{"unknown", func(p people, token string) answer {
			return s.confirm(p.agent, "csc_"+strings.Repeat("A", 43))
		}, 400, "consent_token_invalid", "unknown", true},
		{"truncated", func(p people, token string) answer {
			return s.confirm(p.agent, token[:len(token)-1])
		}, 400, "consent_token_invalid", "unknown", true},
		{"lengthened", func(p people, token string) answer { return s.confirm(p.agent, token+"A") }, 400, "consent_token_invalid", "unknown", true},
		{"another case", func(p people, token string) answer {
			return s.confirm(p.agent, "CSC_"+token[4:])
		}, 400, "consent_token_invalid", "unknown", true},
		{"another principal", func(p people, token string) answer { return s.confirm(p.other, token) }, 400, "consent_token_invalid", "unknown", true},
		{"another key of the principal", func(p people, token string) answer {
			return s.confirm(s.secondKey(p), token)
		}, 400, "consent_token_invalid", "unknown", true},
		{"another org", func(p people, token string) answer { return s.confirm(stranger.agent, token) }, 400, "consent_token_invalid", "unknown", true},
		{"of a withdrawn request", func(p people, token string) answer {
			id := s.pending(p)
			s.post(p.agent, "/api/web-approve/cancel", `{"request":"`+id+`"}`).is(200, "canceled")
			return s.confirm(p.agent, token)
		}, 400, "consent_token_invalid", "used", false},
		{"of a denied request", func(p people, token string) answer {
			id := s.pending(p)
			s.submit(p.owner, "/approve/"+id, s.decision(p.owner, id, "deny"))
			return s.confirm(p.agent, token)
		}, 400, "consent_token_invalid", "used", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := s.people("org"+string(rune('a'+i)), "pro", visa)
			token := s.token(p.agent, "scale")
			a := tc.twist(p, token).is(tc.status, tc.word)
			if a.detail("reason") != tc.reason {
				t.Errorf("reason %v, want %v", a.detail("reason"), tc.reason)
			}
			if n, _ := s.paid(p); n != 1 || s.Plan(p.Org.ID) != "pro" {
				t.Errorf("%d charges, plan %s", n, s.Plan(p.Org.ID))
			}
			if again := s.confirm(p.agent, token); (again.status == 200) != tc.alive {
				t.Errorf("afterwards its own key gets %d %s", again.status, again.body)
			}
		})
	}
}

// secondKey is another key of the org's first agent.
func (s *site) secondKey(p people) caller {
	s.t.Helper()
	return s.key(billing.NewKey{Kind: billing.KindAgent, OrgID: p.Org.ID, PrincipalID: p.Agent.ID, Name: "second"})
}

// pending is the org's waiting request.
func (s *site) pending(p people) string {
	s.t.Helper()
	rows := s.get(p.agent, "/api/approvals?state=pending").object()["data"].([]any)
	if len(rows) != 1 {
		s.t.Fatalf("%d requests wait", len(rows))
	}
	return rows[0].(map[string]any)["request"].(string)
}

// TestTokenUsed: the answer of a used token says where the lost one is.
func TestTokenUsed(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	token := s.token(p.agent, "scale")
	id := s.pending(p)
	first := s.confirm(p.agent, token).is(200, "switched")
	for range 2 {
		a := s.confirm(p.agent, token).is(400, "consent_token_invalid")
		if a.detail("reason") != "used" || a.detail("request") != id || a.detail("polling_url") != s.BaseURL+"/api/web-approve/status?request="+id {
			t.Errorf("%s", a.body)
		}
	}
	result, _ := s.get(p.agent, "/api/web-approve/status?request="+id).is(200, "completed").object()["result"].(map[string]any)
	if result["status"] != "switched" || result["amountChargedCents"] != float64(first.number("amountChargedCents")) {
		t.Errorf("the poll says %v, the call said %s", result, first.body)
	}
	if n, _ := s.paid(p); n != 2 {
		t.Errorf("%d charges", n)
	}
}

// TestPlanAbsentIsAsBound: the second call without a plan means the plan of the
// first, never the default one; with the plan it means the same.
func TestPlanAbsentIsAsBound(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	for name, second := range map[string]string{"absent": `{"confirm_token":"%s"}`, "named": `{"confirm_token":"%s","plan":"scale"}`} {
		p := s.people(name, "pro", visa) // the default plan is pro
		a := s.post(p.agent, "/api/billing/upgrade", fmt.Sprintf(second, s.token(p.agent, "scale"))).is(200, "switched")
		if a.text("plan") != "scale" || s.Plan(p.Org.ID) != "scale" {
			t.Errorf("%s: %s", name, a.body)
		}
	}
}

// TestTokenGuessingLocks (C11): five wrong ones in ten minutes and the door is
// shut, for the right one too; ten minutes later it is open again.
func TestTokenGuessingLocks(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	token := s.token(p.agent, "scale")
	for i := range 5 {
		s.confirm(p.agent, fmt.Sprintf("csc_%043d", i)).is(400, "consent_token_invalid")
	}
	a := s.confirm(p.agent, token).is(429, "consent_locked")
	if a.header.Get("Retry-After") != "600" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
	s.confirm(p.other, s.token(p.other, "scale")).is(200, "switched") // others are not shut out
	s.Advance(10*time.Minute + time.Second)
	s.confirm(p.agent, s.post(p.agent, "/api/billing/upgrade", `{"plan":"pro"}`).is(200, "confirmation_required").text("confirm_token")).is(200, "switched")
}
