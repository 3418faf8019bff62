package handlers_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

var secretText = regexp.MustCompile(`cs[am]_[0-9A-Za-z]{49}`)

// at is the first form of the page with this action.
func (a answer) at(action string) url.Values {
	a.t.Helper()
	for _, f := range a.forms() {
		if f.action == action {
			return f.fields
		}
	}
	a.t.Fatalf("%s: %d, no form for %s", a.what, a.status, action)
	return nil
}

// keyForm is the first form of the page with this action, filled in.
func (s *site) keyForm(as caller, action, name, can string) url.Values {
	s.t.Helper()
	form := s.get(as, "/settings/agents").at(action)
	if name != "" {
		form.Set("name", name)
	}
	form.Set("can", can)
	return form
}

// shown is the one secret on a page.
func (s *site) shown(a answer) caller {
	s.t.Helper()
	found := secretText.FindAllString(a.body, -1)
	if a.status != 200 || len(found) != 1 {
		s.t.Fatalf("%s: %d with %d secrets", a.what, a.status, len(found))
	}
	s.secrets.add(found[0])
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("Location") != "" {
		s.t.Errorf("%s: %v", a.what, a.header)
	}
	return caller{"issued", found[0], ""}
}

// TestAgentsPage: from a new agent to its end, on the page alone.
func TestAgentsPage(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	form := s.keyForm(p.admin, "/settings/agents", "importer", "ask")
	bot := s.shown(s.submit(p.admin, "/settings/agents", form))
	if again := s.shown(s.submit(p.admin, "/settings/agents", form)); again.key != bot.key {
		t.Error("a second press made another key")
	}
	form.Set("name", "exporter")
	if other := s.shown(s.submit(p.admin, "/settings/agents", form)); other.key == bot.key {
		t.Error("another name got the same key")
	}
	who, err := s.Service.Authenticate(t.Context(), bot.key)
	s.ok(err)
	at := "/settings/agents/" + who.ID
	second := s.shown(s.submit(p.owner, at+"/keys", s.keyForm(p.owner, at+"/keys", "", "read")))
	s.post(second, "/api/billing/upgrade", `{"plan":"scale"}`).is(403, "insufficient_scope")
	list := s.get(p.owner, "/settings/agents")
	if secretText.MatchString(list.body) || !strings.Contains(list.body, who.Name) {
		t.Error("the list shows a secret, or not the agent")
	}

	key := "/settings/agents/keys/" + who.CredentialID
	press := func(as caller, path string, form url.Values, says string) {
		t.Helper()
		a := s.submit(as, path, form)
		if a.status != 303 || secretText.MatchString(a.header.Get("Location")) {
			t.Fatalf("%s: %d %v", path, a.status, a.header)
		}
		if page := s.get(as, a.header.Get("Location")); !strings.Contains(page.body, says) {
			t.Errorf("%s: the page does not say %q", path, says)
		}
	}
	press(p.owner, at+"/rename", s.keyForm(p.owner, at+"/rename", "night-importer", ""), "The agent has a new name")
	press(p.owner, key+"/pause", s.keyForm(p.owner, key+"/pause", "", ""), "The key is paused")
	s.post(bot, "/api/billing/upgrade", `{"plan":"scale","mode":"web"}`).is(403, "key_paused")
	press(p.owner, key+"/resume", s.keyForm(p.owner, key+"/resume", "", ""), "The pause is lifted")
	request := s.ask(bot, "scale")
	confirm := s.get(p.owner, key+"/revoke")
	if !strings.Contains(confirm.body, "One request") || !strings.Contains(confirm.body, "night-importer") {
		t.Errorf("the question does not say what ends: %s", confirm.body)
	}
	press(p.owner, key+"/revoke", confirm.at(key+"/revoke"), "The key is revoked")
	s.get(bot, "/api/billing").is(401, "unauthorized")
	s.get(second, "/api/billing").is(200, "active")
	if a, err := s.Store.Approval(t.Context(), p.Org.ID, request); err != nil || a.State != billing.ApprovalInvalidated {
		t.Errorf("the request is %s, %v", a.State, err)
	}
	if a := s.get(p.owner, key+"/revoke"); a.status != 303 {
		t.Errorf("a revoked key can be revoked: %d", a.status)
	}
	if forged := s.get(p.owner, "/settings/agents?done=revoked.x"); strings.Contains(forged.body, "The key is revoked") {
		t.Error("a made-up link makes the page say what has not happened")
	}
}

// TestOwnTokens: everybody makes and ends their own, and sees nobody else's.
func TestOwnTokens(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	form := s.get(p.member, "/settings/agents").at("/settings/agents/tokens")
	token := s.shown(s.submit(p.member, "/settings/agents/tokens", form))
	s.get(token, "/api/billing").is(200, "active")
	s.post(token, "/api/billing/upgrade", `{"plan":"scale"}`).is(403, "forbidden")
	who, err := s.Service.Authenticate(t.Context(), token.key)
	s.ok(err)
	if who.ID != p.Member.ID {
		t.Errorf("the token is %s's", who.ID)
	}
	path := "/settings/agents/keys/" + who.CredentialID + "/revoke"
	if strings.Contains(s.get(p.owner, "/settings/agents").body, path) || s.get(p.owner, path).status != 404 {
		t.Error("an owner sees a member's token")
	}
	ask := s.get(p.member, path)
	if s.submit(p.member, path, ask.at(path)).status != 303 {
		t.Error("not revoked")
	}
	s.get(token, "/api/billing").is(401, "unauthorized")
}

// TestBadAgentForms: what these forms refuse, without a trace.
func TestBadAgentForms(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "", "")
	good := s.keyForm(p.owner, "/settings/agents", "bot", "ask")
	elsewhere := s.people("zebra", "", "")
	same := s.unchanged()
	change := func(field, value string) url.Values {
		out := without(good, field)
		if value != "" {
			out.Set(field, value)
		}
		return out
	}
	rename := "/settings/agents/" + p.Agent.ID + "/rename"
	for name, tc := range map[string]struct {
		as     caller
		path   string
		form   url.Values
		status int
	}{
		"no token":           {p.owner, "/settings/agents", change("form_token", ""), 403},
		"another's token":    {p.admin, "/settings/agents", good, 403},
		"another org's":      {elsewhere.owner, "/settings/agents", good, 403},
		"no nonce":           {p.owner, "/settings/agents", change("nonce", ""), 400},
		"a long nonce":       {p.owner, "/settings/agents", change("nonce", strings.Repeat("n", 101)), 400},
		"no name":            {p.owner, "/settings/agents", change("name", ""), 400},
		"a name of nothing":  {p.owner, "/settings/agents", change("name", "\u200b "), 400},
		"a long name":        {p.owner, "/settings/agents", change("name", strings.Repeat("n", 101)), 400},
		"no choice":          {p.owner, "/settings/agents", change("can", ""), 400},
		"another choice":     {p.owner, "/settings/agents", change("can", "pay"), 400},
		"a rename to none":   {p.owner, rename, change("name", ""), 400},
		"a rename to blanks": {p.owner, rename, change("name", " \t"), 400},
		"an unknown agent":   {p.owner, "/settings/agents/agt_x/rename", good, 404},
		"a person as agent":  {p.owner, "/settings/agents/" + p.Owner.ID + "/keys", good, 404},
		"an unknown key":     {p.owner, "/settings/agents/keys/key_x/pause", good, 404},
		"a token to pause":   {p.owner, "/settings/agents/keys/" + p.OwnerTool.CredentialID + "/pause", good, 404},
		"another org's key":  {p.owner, "/settings/agents/keys/" + elsewhere.Agent.CredentialID + "/revoke", good, 404},
	} {
		a := s.submit(tc.as, tc.path, tc.form)
		if a.status != tc.status || secretText.MatchString(a.body) {
			t.Errorf("%s: %d, want %d", name, a.status, tc.status)
		}
		same(name)
	}
}
