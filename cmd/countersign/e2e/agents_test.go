package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// agents are the states of Settings → Agents.
func agents(j journey) {
	j.signIn(mia)
	j.open(j.demo.url + "/settings/agents")
	j.see("You can look, but not change anything here")
	j.lacks("New agent", "Lift pause", "Rename")
	j.audit("agents-member")
	j.press("New token")
	j.see("Your new token")
	j.audit("agents-token-shown")

	j.signIn(ada)
	j.open(j.demo.url + "/settings/agents")
	j.see("cost-watcher")
	j.audit("agents")
	j.press("New agent")
	j.press("Revoked in the last 90 days")
	j.see("old-importer")
	j.audit("agents-open")
	j.watch.allow("status of 400")
	j.fill("Name of the agent", "\u200b\u200b")
	j.press("Create agent")
	j.see("A name has 1 to 100 characters")
	j.audit("agents-bad-name")
	j.fill("Name of the agent", "night-importer")
	j.press("Create agent")
	j.see("Key for night-importer")
	j.focusOn("Key for night-importer")
	j.audit("agents-key-shown")
	j.press("I have copied it")
	j.see("night-importer")
	j.demo.agent().upgrade("scale")
	j.press("Pause")
	j.see("The key is paused")
	j.audit("agents-paused")
	j.press("Revoke")
	j.see("It stops working at once")
	j.audit("agents-revoke")
	j.open(j.demo.url + "/settings/agents")
	j.signIn("finn@fern.test")
	j.open(j.demo.url + "/settings/agents")
	j.see("There is no agent yet")
	j.audit("agents-none")
}

// TestAgents: a key is made, works, is paused and ends, with scripts and
// without; and what was asked with it ends with it.
func TestAgents(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	for _, scripts := range []bool{true, false} {
		j := journey{newTab(t, scripts), d}
		name := "bot with scripts"
		if !scripts {
			name = "bot without scripts"
		}
		j.signIn(ada)
		j.open(d.url + "/settings/agents")
		j.press("New agent")
		j.fill("Name of the agent", name)
		j.press("Create agent")
		j.see("Key for " + name)
		if strings.Contains(j.location(), "csa_") {
			t.Errorf("the secret is in the address: %s", j.location())
		}
		words := j.text()
		at := strings.Index(words, "csa_")
		key := words[at : at+53]
		bot := &agent{t: t, key: key, base: d.url}
		r := bot.upgrade("scale")
		j.open(d.url + "/settings/agents")
		if strings.Contains(j.text(), key) {
			t.Error("the secret is shown again")
		}
		j.press("Revoke , " + key[:8])
		j.see("One request that was made with it waits")
		j.press("Revoke key")
		j.see("The key is revoked")
		if code, _ := send(t, http.MethodGet, d.url+"/api/billing", key, "", ""); code != http.StatusUnauthorized {
			t.Errorf("the key still works: %d", code)
		}
		j.open(r.URL)
		j.lacks("Approve, pay $")
	}
}
