package handlers

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/views"
	"github.com/countersignhq/countersign/web"
)

// linkMinutes is what the page says about the life of a sign-in link.
const linkMinutes = 15

// entrance is a way to sign in by an emailed link. There are two, alike and
// apart from each other: that of the orgs' people and that of operators.
type entrance struct {
	path, home string // of the sign-in page, and where it leads without another wish
	next       func(wish string) string
	frame      func(r *web.Request) views.Frame
	page       func(views.LoginPage) templ.Component
	ask        func(ctx context.Context, email, next string) error
	peek       func(ctx context.Context, token string) (email string, err error)
	use        func(ctx context.Context, token string) (session, next string, err error)
	start      func(r *web.Request, session string) error
	end        func(ctx context.Context, p billing.Principal) error
}

func (h *handlers) peoplesEntrance() entrance {
	return entrance{
		path: pathLogin, home: pathBilling, frame: h.plainFrame, page: views.Login,
		next: func(wish string) string { return web.OwnPath(wish, "") },
		ask:  h.Service.RequestSignIn, peek: h.Service.PeekSignIn, use: h.Service.SignIn, end: h.Service.SignOut,
		start: (*web.Request).StartSession,
	}
}

func (h *handlers) operatorsEntrance() entrance {
	return entrance{
		path: pathAdminLogin, home: pathAdmin, page: views.AdminLogin,
		next:  func(string) string { return "" },
		frame: func(*web.Request) views.Frame { return h.bareFrame() },
		ask:   func(ctx context.Context, email, _ string) error { return h.Service.RequestOperatorSignIn(ctx, email) },
		peek:  h.Service.PeekOperatorSignIn,
		use: func(ctx context.Context, token string) (session, next string, err error) {
			session, err = h.Service.OperatorSignIn(ctx, token)
			return session, "", err
		},
		end: h.Service.OperatorSignOut, start: (*web.Request).StartOperatorSession,
	}
}

// login asks for an email address.
func (e entrance) login(r *web.Request) error {
	next := e.next(r.Query("next"))
	if r.SignedIn() {
		return r.Redirect(web.OwnPath(next, e.home))
	}
	return r.Page(http.StatusOK, e.page(views.NewLogin(e.frame(r), next, "", views.LoginPlain)))
}

// requestLink mails a sign-in link. The answer is the same whether or not the
// address is known.
func (h *handlers) requestLink(e entrance) web.Handler {
	return func(r *web.Request) error {
		email, next := strings.TrimSpace(r.Field("email")), e.next(r.Field("next"))
		again := func(err error, why views.LoginWhy) error {
			return r.FailWith(err, e.page(views.NewLogin(e.frame(r), next, email, why)))
		}
		if err := h.mayAskForLink(r, email); err != nil {
			return again(err, views.LoginTooMany)
		}
		switch err := e.ask(r.Context(), email, next); {
		case errors.Is(err, billing.ErrInvalid):
			return again(err, views.LoginBadEmail)
		case err != nil:
			return err
		}
		page := views.LoginSentPage{Frame: e.frame(r), Email: email, Minutes: linkMinutes}
		if h.Mailbox != nil {
			page.Mailbox = pathMailbox
		}
		return r.Page(http.StatusOK, views.LoginSent(page))
	}
}

func (h *handlers) mayAskForLink(r *web.Request, email string) error {
	if err := h.byNetwork.Allow(r.RemoteNetwork(), r.Now()); err != nil {
		return err
	}
	return h.byEmail.Allow(strings.ToLower(email), r.Now())
}

// peekLink is what the emailed link opens. It signs nobody in: mail scanners
// open links too.
func (e entrance) peekLink(r *web.Request) error {
	token := r.PathValue("token")
	email, err := e.peek(r.Context(), token)
	if err != nil {
		return e.badLink(r, err)
	}
	form := views.Form{URL: e.path + "/" + url.PathEscape(token)}
	return r.Page(http.StatusOK, views.LoginConfirm(views.LoginConfirmPage{Frame: e.frame(r), Email: email, Form: form}))
}

// useLink signs in. The session that the browser had ends, so that nobody can
// have prepared the new one.
func (e entrance) useLink(r *web.Request) error {
	session, next, err := e.use(r.Context(), r.PathValue("token"))
	if err != nil {
		return e.badLink(r, err)
	}
	if r.SignedIn() {
		if err = e.end(r.Context(), r.Principal); err != nil {
			return err
		}
	}
	if err = e.start(r, session); err != nil {
		return err
	}
	return r.Redirect(web.OwnPath(next, e.home))
}

func (e entrance) badLink(r *web.Request, err error) error {
	if !errors.Is(err, billing.ErrNotFound) {
		return err
	}
	return r.FailWith(err, e.page(views.NewLogin(e.frame(r), "", "", views.LoginBadLink)))
}
