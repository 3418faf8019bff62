package handlers

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// The operator's way in: like that of an org's people and apart from it.

func (h *handlers) adminLogin(r *web.Request) error {
	if r.SignedIn() {
		return r.Redirect(pathAdmin)
	}
	return r.Page(http.StatusOK, views.AdminLogin(views.NewLogin(h.operatorPlain(), "", "", views.LoginPlain)))
}

// operatorPlain is the shell of pages on the way in.
func (h *handlers) operatorPlain() views.Frame {
	return views.Frame{Sandbox: h.SandboxURL != "", SandboxURL: h.SandboxURL}
}

// adminRequestLink mails a link. The answer is the same whether or not the
// address is an operator's.
func (h *handlers) adminRequestLink(r *web.Request) error {
	email := strings.TrimSpace(r.Field("email"))
	again := func(err error, why views.LoginWhy) error {
		return r.FailWith(err, views.AdminLogin(views.NewLogin(h.operatorPlain(), "", email, why)))
	}
	if err := h.mayAskForLink(r, email); err != nil {
		return again(err, views.LoginTooMany)
	}
	switch err := h.Service.RequestOperatorSignIn(r.Context(), email); {
	case errors.Is(err, billing.ErrInvalid):
		return again(err, views.LoginBadEmail)
	case err != nil:
		return err
	}
	page := views.LoginSentPage{Frame: h.operatorPlain(), Email: email, Minutes: linkMinutes}
	if h.Mailbox != nil {
		page.Mailbox = pathMailbox
	}
	return r.Page(http.StatusOK, views.LoginSent(page))
}

func (h *handlers) adminPeekLink(r *web.Request) error {
	token := r.PathValue("token")
	email, err := h.Service.PeekOperatorSignIn(r.Context(), token)
	if err != nil {
		return h.adminBadLink(r, err)
	}
	form := views.Form{URL: pathAdminLogin + "/" + url.PathEscape(token)}
	return r.Page(http.StatusOK, views.LoginConfirm(views.LoginConfirmPage{Frame: h.operatorPlain(), Email: email, Form: form}))
}

func (h *handlers) adminUseLink(r *web.Request) error {
	session, err := h.Service.OperatorSignIn(r.Context(), r.PathValue("token"))
	if err != nil {
		return h.adminBadLink(r, err)
	}
	if r.SignedIn() {
		if err = h.Service.OperatorSignOut(r.Context(), r.Principal); err != nil {
			return err
		}
	}
	if err = r.StartOperatorSession(session); err != nil {
		return err
	}
	return r.Redirect(pathAdmin)
}

func (h *handlers) adminBadLink(r *web.Request, err error) error {
	if !errors.Is(err, billing.ErrNotFound) {
		return err
	}
	return r.FailWith(err, views.AdminLogin(views.NewLogin(h.operatorPlain(), "", "", views.LoginBadLink)))
}

func (h *handlers) adminLogout(r *web.Request) error {
	if err := h.Service.OperatorSignOut(r.Context(), r.Principal); err != nil {
		return err
	}
	r.EndOperatorSession()
	return r.Redirect(pathAdminLogin)
}
