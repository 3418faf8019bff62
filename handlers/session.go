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

// linkMinutes is what the page says about the life of a sign-in link.
const linkMinutes = 15

// login asks for an email address.
func (h *handlers) login(r *web.Request) error {
	next := web.OwnPath(r.Query("next"), "")
	if r.SignedIn() {
		return r.Redirect(web.OwnPath(next, pathBilling))
	}
	return r.Page(http.StatusOK, views.Login(views.NewLogin(h.plainFrame(r), next, "", views.LoginPlain)))
}

// requestLink mails a sign-in link. The answer is the same whether or not the
// address is known.
func (h *handlers) requestLink(r *web.Request) error {
	email, next := strings.TrimSpace(r.Field("email")), web.OwnPath(r.Field("next"), "")
	again := func(err error, why views.LoginWhy) error {
		return r.FailWith(err, views.Login(views.NewLogin(h.plainFrame(r), next, email, why)))
	}
	if err := h.mayAskForLink(r, email); err != nil {
		return again(err, views.LoginTooMany)
	}
	switch err := h.Service.RequestSignIn(r.Context(), email, next); {
	case errors.Is(err, billing.ErrInvalid):
		return again(err, views.LoginBadEmail)
	case err != nil:
		return err
	}
	page := views.LoginSentPage{Frame: h.plainFrame(r), Email: email, Minutes: linkMinutes}
	if h.Mailbox != nil {
		page.Mailbox = pathMailbox
	}
	return r.Page(http.StatusOK, views.LoginSent(page))
}

func (h *handlers) mayAskForLink(r *web.Request, email string) error {
	if err := h.byNetwork.Allow(r.RemoteNetwork(), r.Now()); err != nil {
		return err
	}
	return h.byEmail.Allow(strings.ToLower(email), r.Now())
}

// peekLink is what the emailed link opens. It signs nobody in: mail scanners
// open links too.
func (h *handlers) peekLink(r *web.Request) error {
	token := r.PathValue("token")
	email, err := h.Service.PeekSignIn(r.Context(), token)
	if err != nil {
		return h.badLink(r, err)
	}
	form := views.Form{URL: pathLogin + "/" + url.PathEscape(token)}
	return r.Page(http.StatusOK, views.LoginConfirm(views.LoginConfirmPage{Frame: h.plainFrame(r), Email: email, Form: form}))
}

// useLink signs in. The session that the browser had ends, so that nobody can
// have prepared the new one.
func (h *handlers) useLink(r *web.Request) error {
	session, next, err := h.Service.SignIn(r.Context(), r.PathValue("token"))
	if err != nil {
		return h.badLink(r, err)
	}
	if r.SignedIn() {
		if err = h.Service.SignOut(r.Context(), r.Principal); err != nil {
			return err
		}
	}
	if err = r.StartSession(session); err != nil {
		return err
	}
	return r.Redirect(web.OwnPath(next, pathBilling))
}

func (h *handlers) badLink(r *web.Request, err error) error {
	if !errors.Is(err, billing.ErrNotFound) {
		return err
	}
	return r.FailWith(err, views.Login(views.NewLogin(h.plainFrame(r), "", "", views.LoginBadLink)))
}

func (h *handlers) logout(r *web.Request) error {
	if err := h.Service.SignOut(r.Context(), r.Principal); err != nil {
		return err
	}
	r.EndSession()
	if next := web.OwnPath(r.Field("next"), ""); next != "" { // "Not you?": somebody else signs in and comes back
		return r.Redirect(pathLogin, "next", next)
	}
	return r.Redirect(pathLogin)
}

// switchOrg shows another of the person's orgs.
func (h *handlers) switchOrg(r *web.Request) error {
	if err := h.Service.SwitchOrg(r.Context(), r.Principal, r.Field("org")); err != nil {
		return err
	}
	return r.Redirect(pathBilling)
}

func (h *handlers) home(r *web.Request) error { return r.Redirect(pathBilling) }
