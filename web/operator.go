package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// DoorAdmin is for operators. Their session is a cookie of its own; sessions and
// keys of orgs are nothing here, and the reverse.
const DoorAdmin Door = "admin"

// OperatorAccess tells which operator is behind a session. *billing.Service does.
type OperatorAccess interface {
	// Operator answers billing.ErrUnauthorized for a token that is not valid.
	Operator(ctx context.Context, token string) (billing.Principal, error)
}

// operatorLife is how long a browser keeps an operator's cookie; the session's
// own end is on the server.
const operatorLife = 12 * time.Hour

// AdminPage registers a page for operators; others are sent to sign in.
func (rt *Router) AdminPage(path string, h Handler) {
	rt.add(DoorAdmin, http.MethodGet, path, rt.operating(h))
}

// AdminForm registers what a form on an operator's page posts to: same-origin,
// and with the form token for the purpose.
func (rt *Router) AdminForm(path string, purpose Purpose, h Handler) {
	rt.add(DoorAdmin, http.MethodPost, path, sameOrigin(rt.operating(limited(tokened(purpose, h)))))
}

// AdminOpenPage registers a page on the way in; the Principal is an operator's
// or zero.
func (rt *Router) AdminOpenPage(path string, h Handler) {
	rt.add(DoorOpen, http.MethodGet, path, rt.perhapsOperating(h))
}

// AdminOpenForm registers a form on the way in. It is same-origin only.
func (rt *Router) AdminOpenForm(path string, h Handler) {
	rt.add(DoorOpen, http.MethodPost, path, sameOrigin(rt.perhapsOperating(parsed(h))))
}

func (rt *Router) operating(h Handler) Handler {
	return func(r *Request) error {
		err := r.identifyOperator()
		if errors.Is(err, billing.ErrUnauthorized) {
			return r.Redirect(rt.cfg.AdminLogin)
		}
		if err != nil {
			return err
		}
		return h(r)
	}
}

func (rt *Router) perhapsOperating(h Handler) Handler {
	return func(r *Request) error {
		if err := r.identifyOperator(); err != nil && !errors.Is(err, billing.ErrUnauthorized) {
			return err
		}
		return h(r)
	}
}

// identifyOperator looks at the operators' cookie and at nothing else.
func (r *Request) identifyOperator() (err error) {
	s, err := r.rt.cookies.New(r.Request, r.rt.operatorCookie())
	if err != nil {
		return billing.ErrUnauthorized
	}
	token, _ := s.Values[tokenKey].(string)
	if token == "" || r.rt.cfg.Operators == nil {
		return billing.ErrUnauthorized
	}
	r.Principal, err = r.rt.cfg.Operators.Operator(r.Context(), token)
	return err
}

func (rt *Router) operatorCookie() string { return operatorCookie(rt.cfg.BaseURL.Scheme == "https") }

func operatorCookie(tls bool) string {
	if tls {
		return "__Host-cs_operator"
	}
	return "cs_operator"
}

// StartOperatorSession gives the browser an operator's session.
func (r *Request) StartOperatorSession(token string) error {
	c, err := sessionCookie(r.rt.cookies, r.rt.operatorCookie(), token)
	if err == nil {
		c.MaxAge, c.Expires = int(operatorLife.Seconds()), r.Now().Add(operatorLife)
		http.SetCookie(r.w, c)
	}
	return err
}

// EndOperatorSession takes the cookie away. The row is the caller's to revoke.
func (r *Request) EndOperatorSession() { r.dropCookie(r.rt.operatorCookie()) }

// OperatorCookie is the cookie that a Router for the base URL and key gives to
// an operator with that session.
func OperatorCookie(base *url.URL, key []byte, token string) (*http.Cookie, error) {
	tls := base.Scheme == "https"
	return sessionCookie(newCookies(key, tls), operatorCookie(tls), token)
}

// MessageOf is what an error says to a person.
func MessageOf(err error) string { return asError(err).Message }
