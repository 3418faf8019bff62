package handlers

import (
	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// The purposes that form tokens are bound to, besides the session.
const purposeSession = "session" // signing out, switching the org

// purposeBilling binds the money forms of Settings → Billing to the org that
// they show: the session may have gone to another one in another tab.
func purposeBilling(r *web.Request) string { return billingPurpose(r.Principal.OrgID) }

func billingPurpose(orgID string) string { return "billing:" + orgID }

// purposeDecide binds the form of a decision to the request and to the digest
// of what it shows.
func purposeDecide(r *web.Request) string {
	return decidePurpose(r.PathValue("request"), r.Field("op_digest"))
}

func decidePurpose(id, digest string) string { return "approve:" + id + ":" + digest }

// purposeAgents binds the forms of Settings → Agents to the org that they show.
func purposeAgents(r *web.Request) string { return "agents:" + r.Principal.OrgID }

func purposeOpened(r *web.Request) string { return openedPurpose(r.PathValue("request")) }

func purposeSend(r *web.Request) string { return sendPurpose(r.PathValue("request")) }

func sendPurpose(id string) string { return "send:" + id }

func openedPurpose(id string) string { return "opened:" + id }

// plainFrame is the shell of pages without navigation.
func (h *handlers) plainFrame(r *web.Request) views.Frame {
	f := h.bareFrame()
	if r.SignedIn() {
		f.FormToken = r.FormToken(purposeSession)
	}
	return f
}

// bareFrame is the shell of pages that know nobody.
func (h *handlers) bareFrame() views.Frame {
	return views.Frame{Sandbox: h.SandboxURL != "", SandboxURL: h.SandboxURL}
}

// appFrame is the shell of the settings, with the person's orgs to switch to.
func (h *handlers) appFrame(r *web.Request, title, nav string, waiting int) (views.Frame, error) {
	p := r.Principal
	orgs := []billing.Membership{{OrgID: p.OrgID, OrgName: p.OrgName}}
	if !p.OnlyOrg {
		var err error
		if orgs, err = h.Service.Memberships(r.Context(), p); err != nil {
			return views.Frame{}, err
		}
	}
	f := views.AppFrame(title, nav, p, orgs, waiting, r.FormToken(purposeSession))
	f.Sandbox, f.SandboxURL = h.SandboxURL != "", h.SandboxURL
	return f, nil
}

func (h *handlers) errorPage(r *web.Request, p web.Problem) templ.Component {
	return views.Error(views.NewError(h.plainFrame(r), p.Status, p.Message, p.Reference, r.Principal.Email))
}

// shown reports whether an error is shown on the page where the press was made.
// The others are mistakes of the request, or nobody's to see there.
func shown(err error) bool {
	switch web.KindOf(err) {
	case billing.KindConflict, billing.KindPayment, billing.KindUnavailable:
		return true
	}
	return false
}
