package handlers_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// The door of the tools: who is let in, what is let in, and as whom it acts. What
// the tools do is tested in package mcp.

const pathTools = "/mcp"

// message is one of the protocol's.
func message(method, params string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"` + method + `","params":` + params + `}`
}

func toolCall(tool, arguments string) string {
	return message("tools/call", `{"name":"`+tool+`","arguments":`+arguments+`}`)
}

// toolAnswer is what a tool said: the API's body, and whether it was a failure.
type toolAnswer struct {
	t      testing.TB
	what   string
	failed bool
	body   map[string]any
	text   string
}

func (s *site) tool(as caller, tool, arguments string) toolAnswer {
	s.t.Helper()
	a := s.post(as, pathTools, toolCall(tool, arguments))
	var v struct {
		Result struct {
			IsError           bool
			StructuredContent map[string]any
			Content           []struct{ Text string }
		}
	}
	if a.status != 200 || json.Unmarshal([]byte(a.body), &v) != nil || len(v.Result.Content) == 0 {
		s.t.Fatalf("%s %s: %d %s", a.what, tool, a.status, a.body)
	}
	out := toolAnswer{s.t, tool + " by " + as.name, v.Result.IsError, v.Result.StructuredContent, v.Result.Content[0].Text}
	if token, ok := out.body["confirm_token"].(string); ok {
		s.secrets.add(token)
	}
	return out
}

// is holds the answer to a status or, of a failure, to the error's code.
func (a toolAnswer) is(word string) toolAnswer {
	a.t.Helper()
	got, _ := a.body["status"].(string)
	if a.failed {
		var v struct{ Error string }
		_ = json.Unmarshal([]byte(a.text), &v)
		got = v.Error
	}
	if got != word {
		a.t.Fatalf("%s: %q, want %q: %s", a.what, got, word, a.text)
	}
	return a
}

func TestToolsDoor(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	host := s.key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
	list := message("tools/list", "{}")
	for _, tc := range []struct {
		name   string
		as     caller
		header map[string]string
		status int
		word   string
	}{
		{"nobody", nobody, nil, 401, "unauthorized"},
		{"a wrong key", caller{key: "csa_" + strings.Repeat("A", 40)}, nil, 401, "unauthorized"},
		{"a token that looks like one", caller{key: "a.b.c"}, nil, 401, "unauthorized"},
		{"basic", nobody, map[string]string{"Authorization": "Basic " + p.agent.key}, 401, "unauthorized"},
		{"the key in the address", nobody, map[string]string{"X-Api-Key": p.agent.key}, 401, "unauthorized"},
		{"a cookie", p.owner, nil, 401, "unauthorized"},
		{"a cookie and a key", caller{key: p.agent.key, session: p.owner.session}, nil, 400, "ambiguous_credentials"},
		{"the host's key", host, nil, 403, "forbidden"},
		{"an agent's key", p.agent, nil, 200, ""},
		{"a member's token", p.tool, nil, 200, ""},
		{"a page of another site", p.agent, map[string]string{"Origin": "https://evil.example"}, 403, "cross_origin"},
		{"a page without an origin", p.agent, map[string]string{"Origin": "null"}, 403, "cross_origin"},
		{"a foreign script", p.agent, map[string]string{"Sec-Fetch-Site": "cross-site"}, 403, "cross_origin"},
		{"a name that points here", p.agent, map[string]string{"Origin": s.url}, 403, "cross_origin"},
		{"our own page", p.agent, map[string]string{"Origin": s.BaseURL}, 200, ""},
	} {
		a := s.do(call{as: tc.as, method: http.MethodPost, path: pathTools, kind: jsonKind, body: list, header: tc.header})
		if tc.status != 200 {
			a.is(tc.status, tc.word)
		} else if a.status != 200 || !strings.Contains(a.body, `"get_billing_summary"`) {
			t.Errorf("%s: %d %.200s", tc.name, a.status, a.body)
		}
		if challenge := a.header.Get("WWW-Authenticate"); (a.status == 401) != strings.HasPrefix(challenge, "Bearer ") {
			t.Errorf("%s: challenge %q", tc.name, challenge)
		}
		if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Mcp-Session-Id") != "" {
			t.Errorf("%s: %v", tc.name, a.header)
		}
	}
	if log := s.Log.String(); !strings.Contains(log, `"route":"POST /mcp","method":"POST","status":200`) {
		t.Error("the log does not name the route")
	}
}

// TestToolsActAsTheirCaller: a tool may what its key may, at the moment of the
// call, and sees its own org and request only.
func TestToolsActAsTheirCaller(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p, q := s.people("acme", "pro", visa), s.people("zebra", "scale", visa)
	reader := s.key(billing.NewKey{Kind: billing.KindAgent, OrgID: p.Org.ID, Name: "reader", Scopes: []string{billing.ScopeRead}})
	asker := s.key(billing.NewKey{Kind: billing.KindAgent, OrgID: p.Org.ID, Name: "asker", Scopes: []string{billing.ScopeRequest}})
	member := s.key(billing.NewKey{Kind: billing.KindMember, OrgID: p.Org.ID, PrincipalID: p.Member.ID, Name: "member"})
	s.tool(reader, "upgrade_plan", `{"plan":"scale"}`).is("insufficient_scope")
	s.tool(asker, "get_billing", `{}`).is("insufficient_scope")
	s.tool(member, "upgrade_plan", `{"plan":"scale"}`).is("forbidden")
	if got := s.tool(q.agent, "get_billing", `{}`); got.body["plan"] != "scale" || strings.Contains(got.text, "acme") {
		t.Errorf("%s", got.text)
	}
	id, _ := s.tool(p.agent, "upgrade_plan", `{"plan":"scale","mode":"web"}`).is("web-approve-required").body["request"].(string)
	for _, as := range []caller{q.agent, p.other, p.tool} {
		s.tool(as, "get_approval", `{"request":"`+id+`"}`).is("not_found")
		s.tool(as, "cancel_approval", `{"request":"`+id+`"}`).is("not_found")
	}
	s.tool(p.agent, "get_approval", `{"request":"`+id+`"}`).is("pending")
	s.tool(p.agent, "get_approval", `{"request":"`+id+`"}`).is("slow_down")
	s.tool(p.tool, "upgrade_plan", `{"plan":"scale"}`).is("switched")

	s.ok(s.Service.PauseKey(t.Context(), p.Owner, p.OtherAgent.CredentialID, true))
	s.tool(p.other, "downgrade_plan", `{}`).is("key_paused")
	s.ok(s.Store.RevokeCredential(t.Context(), p.Org.ID, p.Agent.CredentialID, s.Box.Now()))
	s.post(p.agent, pathTools, toolCall("get_billing", `{}`)).is(401, "unauthorized")
	s.post(p.agent, pathTools, message("tools/list", `{}`)).is(401, "unauthorized")
}

// TestToolsByOAuth: a token of an issuer is an agent here too, and whoever has
// none is told where to get one.
func TestToolsByOAuth(t *testing.T) {
	i := newIssuer(t)
	s, _, good := newOAuthSite(t, i)
	bot := caller{name: "bot", key: i.token(good)}
	s.secrets.add(bot.key)
	if got := s.tool(bot, "get_billing", `{}`); got.body["plan"] != "pro" {
		t.Errorf("%s", got.text)
	}
	s.tool(bot, "upgrade_plan", `{"plan":"scale"}`).is("confirmation_required")
	reads := caller{name: "reads", key: i.token(good.with("scope", "billing:read").with("sub", "auth0|2"))}
	s.secrets.add(reads.key)
	s.tool(reads, "upgrade_plan", `{"plan":"scale"}`).is("insufficient_scope")
	metadata := `resource_metadata="` + s.BaseURL + `/.well-known/oauth-protected-resource"`
	for name, key := range map[string]string{"nobody": "", "expired": i.token(good.with("exp", worldtest.Start.Add(-time.Second).Unix())), "unsigned": i.sign("none", good, func(string) []byte { return nil })} {
		a := s.post(caller{name: name, key: key}, pathTools, message("initialize", `{}`)).is(401, "unauthorized")
		if got := a.header.Get("WWW-Authenticate"); !strings.Contains(got, metadata) {
			t.Errorf("%s: challenge %q", name, got)
		}
	}
	a := s.get(nobody, "/.well-known/oauth-protected-resource")
	if a.status != 200 || !strings.Contains(a.body, i.Issuer()) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestToolsBadInput: what is no message, or none that there is, changes nothing
// and is answered at once.
func TestToolsBadInput(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	list := message("tools/list", "{}")
	newest := map[string]string{"Mcp-Protocol-Version": "2026-07-28"}
	same := s.unchanged()
	for _, tc := range []struct {
		name, kind, body string
		header           map[string]string
		status           int
		word             string // in the body
	}{
		{"nothing", jsonKind, "", nil, 400, ""},
		{"no JSON", jsonKind, "{", nil, 400, ""},
		{"not the protocol", jsonKind, "{}", nil, 400, ""},
		{"an older protocol", jsonKind, `{"jsonrpc":"1.0","id":1,"method":"tools/list"}`, nil, 400, ""},
		{"two messages", jsonKind, list + list, nil, 400, ""},
		{"a batch", jsonKind, "[" + list + "," + list + "]", nil, 400, "batches"},
		{"a batch after a space", jsonKind, " \n[" + list + "]", nil, 400, "batches"},
		{"an empty batch", jsonKind, "[]", nil, 400, "batches"},
		{"invalid UTF-8", jsonKind, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + "\xff" + `"}}`, nil, 200, "unknown tool"},
		{"64 KiB and a byte", jsonKind, list + strings.Repeat(" ", 64<<10), nil, 413, "too large"},
		{"a deep one", jsonKind, toolCall("upgrade_plan", strings.Repeat(`{"plan":`, 5000)+"1"+strings.Repeat("}", 5000)), nil, 400, "depth"},
		{"a form", formKind, list, nil, 415, ""},
		{"text", "text/plain", list, nil, 415, ""},
		{"no kind", "", list, nil, 415, ""},
		{"an unknown method", jsonKind, message("tools/erase", "{}"), nil, 400, "tools/erase"},
		{"no method", jsonKind, `{"jsonrpc":"2.0","id":1}`, nil, 202, ""},
		{"a method that is a number", jsonKind, `{"jsonrpc":"2.0","id":1,"method":5}`, nil, 400, ""},
		{"an id that is an object", jsonKind, `{"jsonrpc":"2.0","id":{},"method":"tools/list"}`, nil, 400, ""},
		{"a plan twice", jsonKind, toolCall("upgrade_plan", `{"plan":"pro","pl\u0061n":"scale"}`), nil, 400, "twice"},
		{"a tool twice", jsonKind, message("tools/call", `{"name":"get_billing","arguments":{},"name":"upgrade_plan"}`), nil, 400, "twice"},
		{"nothing's name twice", jsonKind, message("tools/call", `{"name":"upgrade_plan","arguments":[{"":1,"":2}]}`), nil, 400, "twice"},
		{"the same name in two objects", jsonKind, message("tools/call", `{"name":"get_billing","arguments":{"name":"get_billing"}}`), nil, 200, "arguments"},
		{"an unknown tool", jsonKind, toolCall("drop_tables", "{}"), nil, 200, "unknown tool"},
		{"no tool", jsonKind, message("tools/call", "{}"), nil, 200, "unknown tool"},
		{"arguments that are a list", jsonKind, toolCall("upgrade_plan", "[]"), nil, 200, "arguments"},
		{"parameters that are a list", jsonKind, message("tools/call", "[]"), nil, 200, "error"},
		{"resources", jsonKind, message("resources/list", "{}"), nil, 200, "method not found"},
		{"a revision that never was", jsonKind, list, map[string]string{"Mcp-Protocol-Version": "2020-01-01"}, 400, "nsupported protocol version"},
		{"the newest revision without its members", jsonKind, list, newest, 400, "protocolVersion"},
		{"a session", jsonKind, list, map[string]string{"Mcp-Session-Id": "x"}, 200, "get_billing"},
		{"an event id", jsonKind, list, map[string]string{"Last-Event-Id": "x"}, 400, ""},
		{"a notification", jsonKind, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, nil, 202, ""},
		{"an answer to nothing", jsonKind, `{"jsonrpc":"2.0","id":9,"result":{}}`, nil, 202, ""},
	} {
		started := time.Now()
		a := s.do(call{as: p.agent, method: http.MethodPost, path: pathTools, kind: tc.kind, body: tc.body, header: tc.header})
		if a.status != tc.status || !strings.Contains(a.body, tc.word) {
			t.Errorf("%s: %d %.300s, want %d %q", tc.name, a.status, a.body, tc.status, tc.word)
		}
		if took := time.Since(started); took > time.Second {
			t.Errorf("%s: took %v", tc.name, took)
		}
		if strings.Contains(a.body, "goroutine") || a.header.Get("Mcp-Session-Id") != "" || len(a.body) > 2000 && tc.word != "get_billing" {
			t.Errorf("%s: %d bytes, %v: %.300s", tc.name, len(a.body), a.header, a.body)
		}
	}
	same("bad input")
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPut} {
		a := s.do(call{as: p.agent, method: method, path: pathTools}).is(405, "method_not_allowed")
		if a.header.Get("Allow") != "POST" {
			t.Errorf("%s: Allow %q", method, a.header.Get("Allow"))
		}
	}
	s.get(p.agent, "/mcp/x").is(404, "not_found")
}

// TestToolsAreLimited: a key has no more changes through tools than without.
func TestToolsAreLimited(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	for range 299 {
		s.post(p.agent, "/api/web-approve/cancel", `{"request":"apr_1"}`)
	}
	s.tool(p.agent, "cancel_approval", `{"request":"apr_1"}`).is("not_found")
	s.tool(p.agent, "cancel_approval", `{"request":"apr_1"}`).is("rate_limited")
	s.tool(p.other, "cancel_approval", `{"request":"apr_1"}`).is("not_found")
	s.tool(p.agent, "list_plans", `{}`)
	s.Advance(time.Minute)
	s.tool(p.agent, "cancel_approval", `{"request":"apr_1"}`).is("not_found")
}
