package views

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/billing"
)

var agentsNow = time.Date(2026, 11, 23, 10, 5, 0, 0, time.UTC)

func agentsValues() AgentsValues {
	both := []string{billing.ScopeRead, billing.ScopeRequest}
	key := func(id string, change func(*billing.Credential)) billing.Credential {
		c := billing.Credential{
			ID: id, Kind: billing.KindAgent, PrincipalID: "agt_1", Name: "deploy-bot", Prefix: "csa_4fZk", Scopes: both,
			CreatedBy: "Ada Lovelace", CreatedAt: agentsNow.AddDate(0, -1, 0),
		}
		if change != nil {
			change(&c)
		}
		return c
	}
	used := func(c *billing.Credential) { c.LastUsedAt = agentsNow.Add(-3 * time.Minute) }
	paused := func(c *billing.Credential) { c.PausedAt, c.Scopes = agentsNow, both[:1] }
	revoked := func(c *billing.Credential) { c.RevokedAt = agentsNow }
	token := func(c *billing.Credential) {
		c.Kind, c.PrincipalID, c.Prefix, c.Scopes = billing.KindMember, "usr_1", "csm_7Qa1", nil
	}
	return AgentsValues{
		Frame: appFrame(NavAgents), CanManage: true, Token: "ft", Nonce: "n",
		List: billing.Agents{Now: agentsNow, Agents: []billing.Agent{
			{ID: "agt_1", Name: "deploy-bot", Keys: []billing.Credential{key("key_2", paused), key("key_1", used)}, Record: billing.AskRecord{Approved: 3, Denied: 1}},
			{ID: "agt_2", Name: strings.Repeat("long", 25), Keys: []billing.Credential{key("key_3", paused)}},
			{ID: "agt_3", Name: "old-bot", Keys: []billing.Credential{key("key_4", revoked)}},
		}, Tokens: []billing.Credential{key("key_5", token)}},
	}
}

// agentsSamples are the pages of Settings → Agents in their states.
func agentsSamples() map[string]templ.Component {
	out := map[string]templ.Component{}
	with := func(name string, change func(v *AgentsValues)) {
		v := agentsValues()
		change(&v)
		out["agents-"+name] = Agents(NewAgents(v))
	}
	with("list", func(*AgentsValues) {})
	with("none", func(v *AgentsValues) { v.List.Agents, v.List.Tokens = nil, nil })
	with("member", func(v *AgentsValues) {
		v.CanManage, v.Owners = false, []billing.Membership{{User: billing.User{Name: "Ada Lovelace"}}}
	})
	with("bad-name", func(v *AgentsValues) {
		v.Problem, v.Typed = billing.ErrInvalid.Say("A name has 1 to 100 characters.").With("field", "name"), "x"
	})
	with("too-many", func(v *AgentsValues) { v.Problem = billing.ErrTooManyKeys })
	for _, done := range []string{DonePaused, DoneResumed, DoneRevoked, DoneRenamed} {
		with(done, func(v *AgentsValues) { v.Done = done })
	}
	key, token := agentsValues().List.Agents[0].Keys[1], agentsValues().List.Tokens[0]
	shown := func(c billing.Credential, secret string) templ.Component {
		return KeyShown(NewKeyShown(appFrame(NavAgents), billing.Issued{Credential: c, Secret: secret}, "https://billing.test"))
	}
	out["key-shown"], out["token-shown"] = shown(key, "csa_secret"), shown(token, "csm_secret")
	for name, n := range map[string]int{"none-waits": 0, "one-waits": 1, "more-wait": 2} {
		out["revoke-"+name] = Revoke(NewRevoke(appFrame(NavAgents), key, n, "ft"))
	}
	out["revoke-token"] = Revoke(NewRevoke(appFrame(NavAgents), token, 0, "ft"))
	return out
}

// TestAgentsPageSays: what a page says and offers, by who looks at it.
func TestAgentsPageSays(t *testing.T) {
	for name, tc := range map[string]struct{ has, lacks []string }{
		"agents-list": {
			has: []string{
				"deploy-bot Active Requests of the last three months: 3 approved, 1 denied", "csa_4fZk… Reads only Paused", "Lift pause , csa_4fZk…",
				"Last used 23 November 2026, 10:02 UTC (3 minutes ago)", "Never used", "Revoked in the last 90 days", "Revoked on 23 Nov 2026",
				"Your tokens", "csm_7Qa1…", "New token", "Create another key",
			},
			lacks: []string{"You can look", "csm_7Qa1… Reads"},
		},
		"agents-none":      {has: []string{"There is no agent yet. Give one a key", "Create agent"}, lacks: []string{"Revoked in", "Pause"}},
		"agents-member":    {has: []string{"You can look, but not change anything here. Ask an owner: Ada Lovelace.", "csm_7Qa1…", "New token"}, lacks: []string{"Create agent", "Pause ,", "Lift pause", "Rename", "Revoke , csa"}},
		"agents-bad-name":  {has: []string{"A name has 1 to 100 characters."}, lacks: []string{"That did not go through"}},
		"agents-too-many":  {has: []string{"That did not go through", "too many keys"}},
		"agents-revoked":   {has: []string{"The key is revoked", "are void"}},
		"key-shown":        {has: []string{"Key for deploy-bot", "csa_secret", "It is not shown again", "https://billing.test/api/billing"}},
		"token-shown":      {has: []string{"Your new token", "csm_secret", "never to an agent"}},
		"revoke-one-waits": {has: []string{"Revoke the key csa_4fZk… of deploy-bot?", "One request", "becomes void"}},
		"revoke-more-wait": {has: []string{"2 requests", "They become void"}},
		"revoke-token":     {has: []string{"Revoke your token csm_7Qa1…?"}, lacks: []string{"request"}},
	} {
		t.Run(name, func(t *testing.T) {
			words := text(render(t, agentsSamples()[name]).root)
			for _, want := range tc.has {
				if !strings.Contains(words, want) {
					t.Errorf("lacks %q:\n%s", want, words)
				}
			}
			for _, not := range tc.lacks {
				if strings.Contains(words, not) {
					t.Errorf("says %q", not)
				}
			}
		})
	}
}
