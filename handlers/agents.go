package handlers

import (
	"net/http"
	"strings"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// agents is Settings → Agents, with the result of the last press if the address
// carries one that we put there.
func (h *handlers) agents(r *web.Request) error {
	v, err := h.agentsValues(r)
	if err != nil {
		return err
	}
	if word, token, _ := strings.Cut(r.Query("done"), "."); r.CheckFormToken(donePurpose(word), token) {
		v.Done = word
	}
	return r.Page(http.StatusOK, views.Agents(views.NewAgents(v)))
}

func donePurpose(word string) string { return "done:" + word }

// pressedAgents leads back to the list after a press, which a reload does not
// repeat.
func (h *handlers) pressedAgents(r *web.Request, word string) error {
	return r.Redirect(pathAgents, "done", word+"."+r.FormToken(donePurpose(word)))
}

func (h *handlers) agentsFrame(r *web.Request) (f views.Frame, in views.Locale, err error) {
	sum, err := h.Service.Summary(r.Context(), r.Principal)
	if err != nil {
		return f, in, err
	}
	f, err = h.appFrame(r, "", views.NavAgents, sum.Pending)
	return f, h.locales.Of(sum.Org.Region), err
}

// agentsValues reads what the page is made of.
func (h *handlers) agentsValues(r *web.Request) (v views.AgentsValues, err error) {
	if v.Frame, v.Locale, err = h.agentsFrame(r); err != nil {
		return v, err
	}
	if v.List, err = h.Service.Agents(r.Context(), r.Principal); err != nil {
		return v, err
	}
	if v.CanManage = r.Principal.CanManage(); !v.CanManage {
		if v.Owners, err = h.owners(r); err != nil {
			return v, err
		}
	}
	v.Token, v.Nonce = r.FormToken(purposeAgents(r)), h.Service.NewNonce()
	return v, nil
}

func (h *handlers) createAgent(r *web.Request) error {
	if r.Field("name") == "" {
		return web.MissingField("name")
	}
	return h.issueAgentKey(r, billing.AgentKey{Name: r.Field("name")})
}

// createKey makes another key of an agent.
func (h *handlers) createKey(r *web.Request) error {
	return h.issueAgentKey(r, billing.AgentKey{AgentID: r.PathValue("agent")})
}

func (h *handlers) issueAgentKey(r *web.Request, n billing.AgentKey) error {
	switch r.Field("can") {
	case "ask":
	case "read":
		n.Scopes = []string{billing.ScopeRead}
	default:
		return web.BadField("can", "must be ask or read")
	}
	request, err := formRequest(r, n.AgentID, n.Name, r.Field("can"))
	if err != nil {
		return err
	}
	n.RequestKey = request
	out, err := h.Service.IssueAgentKey(r.Context(), r.Principal, n)
	return h.showKey(r, out, err)
}

// createToken makes a member token of the person's own.
func (h *handlers) createToken(r *web.Request) error {
	request, err := formRequest(r, "token")
	if err != nil {
		return err
	}
	out, err := h.Service.IssueToken(r.Context(), r.Principal, request)
	return h.showKey(r, out, err)
}

// formRequest names a press by its form's nonce and by what it asks for: three
// presses are one, and the form sent again with another name is another.
func formRequest(r *web.Request, asked ...string) (string, error) {
	nonce := r.Field("nonce")
	if nonce == "" || len(nonce) > 100 {
		return "", web.MissingField("nonce")
	}
	return "form:" + r.Principal.CredentialID + ":" + r.Principal.OrgID + ":" + nonce + ":" + strings.Join(asked, "\x00"), nil
}

// showKey answers the press itself with the secret: it goes into no address, and
// no other page can show it.
func (h *handlers) showKey(r *web.Request, out billing.Issued, err error) error {
	if err != nil {
		return h.notIssued(r, err)
	}
	frame, _, err := h.agentsFrame(r)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, views.KeyShown(views.NewKeyShown(frame, out, h.BaseURL.String())))
}

// notIssued shows the list again with what stood in the way.
func (h *handlers) notIssued(r *web.Request, cause error) error {
	if kind := web.KindOf(cause); kind != billing.KindInvalid && kind != billing.KindConflict {
		return cause
	}
	v, err := h.agentsValues(r)
	if err != nil {
		return err
	}
	v.Problem, v.Typed = cause, r.Field("name")
	return r.FailWith(cause, views.Agents(views.NewAgents(v)))
}

func (h *handlers) renameAgent(r *web.Request) error {
	if r.Field("name") == "" {
		return web.MissingField("name")
	}
	if err := h.Service.RenameAgent(r.Context(), r.Principal, r.PathValue("agent"), r.Field("name")); err != nil {
		return err
	}
	return h.pressedAgents(r, views.DoneRenamed)
}

func (h *handlers) pauseKey(r *web.Request) error { return h.setPause(r, true, views.DonePaused) }

func (h *handlers) resumeKey(r *web.Request) error { return h.setPause(r, false, views.DoneResumed) }

func (h *handlers) setPause(r *web.Request, pause bool, word string) error {
	if err := h.Service.PauseKey(r.Context(), r.Principal, r.PathValue("key"), pause); err != nil {
		return err
	}
	return h.pressedAgents(r, word)
}

// askRevoke asks before a key ends, with what would end with it.
func (h *handlers) askRevoke(r *web.Request) error {
	key, waiting, err := h.Service.KeyToRevoke(r.Context(), r.Principal, r.PathValue("key"))
	if err != nil {
		return err
	}
	if key.State() == billing.KeyRevoked {
		return r.Redirect(pathAgents)
	}
	frame, _, err := h.agentsFrame(r)
	if err != nil {
		return err
	}
	return r.Page(http.StatusOK, views.Revoke(views.NewRevoke(frame, key, waiting, r.FormToken(purposeAgents(r)))))
}

func (h *handlers) revokeKey(r *web.Request) error {
	if _, err := h.Service.RevokeKey(r.Context(), r.Principal, r.PathValue("key")); err != nil {
		return err
	}
	return h.pressedAgents(r, views.DoneRevoked)
}
