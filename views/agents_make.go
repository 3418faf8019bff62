package views

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"

	"github.com/countersignhq/countersign/billing"
)

// AgentsValues is what Settings → Agents is made of.
type AgentsValues struct {
	Locale
	Frame     Frame
	List      billing.Agents
	CanManage bool
	Owners    []billing.Membership // for those who cannot
	Token     string               // of the page's forms
	Nonce     string
	Done      string // what was pressed last: a word of AgentsDone
	Problem   error  // what stood in the way
	Typed     string // the name of an agent that was not made
}

// The words of a press that is done.
const (
	DonePaused  = "paused"
	DoneResumed = "resumed"
	DoneRevoked = "revoked"
	DoneRenamed = "renamed"
)

const agentsURL = "/settings/agents"

// NewAgents makes the page.
func NewAgents(v AgentsValues) AgentsPage {
	p := AgentsPage{Frame: v.Frame, Result: agentsResult(v), Empty: "There is no agent yet. Give one a key, and it can read your billing and ask for changes."}
	if v.CanManage {
		p.New = &KeyForm{
			Form: v.form(agentsURL), ID: "new", Named: true, Name: v.Typed, Open: v.Typed != "" || v.Problem != nil || len(v.List.Agents) == 0, Button: "Create agent",
		}
		if e, ok := errors.AsType[*billing.Error](v.Problem); ok && e.Details["field"] == "name" {
			p.New.Problem, p.Result = e.Message, nil
		}
	} else {
		p.Note = "You can look, but not change anything here. " + askOwner(v.Owners)
		p.Empty = "There is no agent yet."
	}
	for i, a := range v.List.Agents {
		card := v.card(a, "agent-"+strconv.Itoa(i+1))
		if a.State() == billing.KeyRevoked {
			p.Gone = append(p.Gone, card)
			continue
		}
		p.Agents = append(p.Agents, card)
	}
	for _, k := range v.List.Tokens {
		row := v.row(k, true)
		row.Can = ""
		p.Tokens = append(p.Tokens, row)
	}
	token := v.form(agentsURL + "/tokens")
	p.Token = &token
	return p
}

func (v AgentsValues) form(target string) Form {
	return Form{URL: target, Fields: []Field{{"form_token", v.Token}, {"nonce", v.Nonce}}}
}

func (v AgentsValues) card(a billing.Agent, id string) AgentCard {
	card := AgentCard{ID: id, Name: a.Name, Chip: stateChip(a.State()), Record: agentRecord(a.Record)}
	for _, k := range a.Keys {
		card.Keys = append(card.Keys, v.row(k, len(a.Keys) > 1))
	}
	if !v.CanManage || a.State() == billing.KeyRevoked {
		return card
	}
	at := agentsURL + "/" + url.PathEscape(a.ID)
	rename := v.form(at + "/rename")
	card.Rename = &rename
	card.Another = &KeyForm{Form: v.form(at + "/keys"), ID: id, Button: "Create another key"}
	return card
}

// row is a key; own says that its state is not told by what is around it.
func (v AgentsValues) row(k billing.Credential, own bool) KeyRow {
	row := KeyRow{
		Prefix: k.Prefix + "…", Can: scopeWords(k.Scopes), By: k.CreatedBy, Made: v.shortDay(k.CreatedAt), Ended: v.shortDay(k.RevokedAt),
		Used: v.momentFrom(k.LastUsedAt, v.List.Now),
	}
	state := k.State()
	if own {
		row.Chip = stateChip(state)
	}
	token := k.Kind == billing.KindMember
	if state == billing.KeyRevoked || !v.CanManage && !token {
		return row
	}
	at := agentsURL + "/keys/" + url.PathEscape(k.ID)
	if !token {
		pause, label := v.form(at+"/pause"), "Pause"
		if state == billing.KeyPaused {
			pause, label = v.form(at+"/resume"), "Lift pause"
		}
		row.Actions = append(row.Actions, Action{Label: label, Form: &pause, About: row.Prefix})
	}
	row.Actions = append(row.Actions, Action{Label: "Revoke", Href: at + "/revoke", About: row.Prefix})
	return row
}

func stateChip(s billing.KeyState) Chip {
	switch s {
	case billing.KeyActive:
		return Chip{"Active", ToneGood}
	case billing.KeyPaused:
		return Chip{"Paused", ToneWarn}
	}
	return Chip{"Revoked", ToneNeutral}
}

func scopeWords(scopes []string) string {
	read, ask := slices.Contains(scopes, billing.ScopeRead), slices.Contains(scopes, billing.ScopeRequest)
	switch {
	case read && ask:
		return "Reads and asks"
	case read:
		return "Reads only"
	}
	return "Asks only"
}

func agentRecord(r billing.AskRecord) string {
	if r == (billing.AskRecord{}) {
		return "No answered request in the last three months"
	}
	return "Requests of the last three months: " + recordWords(r)
}

func agentsResult(v AgentsValues) *Panel {
	if v.Problem != nil {
		return NewProblem(v.Problem, "")
	}
	said := map[string]Panel{
		DonePaused:  {Title: "The key is paused", Text: "It can read, but not ask. Requests that wait cannot be approved until you lift the pause."},
		DoneResumed: {Title: "The pause is lifted", Text: "The key can ask again."},
		DoneRevoked: {Title: "The key is revoked", Text: "It stopped working at once. Requests that were made with it and waited are void."},
		DoneRenamed: {Title: "The agent has a new name", Text: "Earlier requests keep the old one."},
	}
	p, ok := said[v.Done]
	if !ok {
		return nil
	}
	p.Tone, p.Focus = ToneGood, true
	return &p
}

// NewKeyShown makes the page with a new key's secret.
func NewKeyShown(frame Frame, out billing.Issued, baseURL string) KeyShownPage {
	p := KeyShownPage{Frame: frame, Title: "Key for " + out.Credential.Name, Secret: out.Secret, Text: "Give it to the agent as its API key."}
	if out.Credential.Kind == billing.KindMember {
		p.Title, p.Text = "Your new token", "It acts for you, with your role. Give it to a tool of yours, never to an agent."
	}
	p.Example = fmt.Sprintf(`curl %s/api/billing -H "Authorization: Bearer $COUNTERSIGN_API_KEY"`, baseURL)
	p.Frame.Title = p.Title
	return p
}

// NewRevoke makes the page that asks before a key ends. waiting is how many
// requests end with it.
func NewRevoke(frame Frame, k billing.Credential, waiting int, token string) RevokePage {
	p := RevokePage{
		Frame: frame, Title: fmt.Sprintf("Revoke the key %s… of %s?", k.Prefix, k.Name),
		Text: []string{"It stops working at once, and cannot be brought back."},
		Form: Form{URL: agentsURL + "/keys/" + url.PathEscape(k.ID) + "/revoke", Fields: []Field{{"form_token", token}}},
	}
	if k.Kind == billing.KindMember {
		p.Title = fmt.Sprintf("Revoke your token %s…?", k.Prefix)
	}
	switch {
	case waiting == 1:
		p.Text = append(p.Text, "One request that was made with it waits for an answer. It becomes void.")
	case waiting > 1:
		p.Text = append(p.Text, fmt.Sprintf("%d requests that were made with it wait for an answer. They become void.", waiting))
	}
	p.Frame.Title = p.Title
	return p
}
