package web

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"
)

// sessionDays is how long a browser keeps the cookie. The session itself is a
// row of the server and may end earlier.
const sessionDays = 14

// newCookies returns a store whose cookie carries nothing but the session's
// token. The defaults of the library (SameSite=None, readable by scripts) are
// all replaced.
func newCookies(key []byte, tls bool) *sessions.CookieStore {
	store := sessions.NewCookieStore(key)
	store.Options = &sessions.Options{Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: tls}
	store.MaxAge(sessionDays * 24 * 60 * 60)
	for _, c := range store.Codecs {
		if sc, ok := c.(*securecookie.SecureCookie); ok {
			sc.SetSerializer(tokenOnly{})
		}
	}
	return store
}

func (rt *Router) cookieName() string { return cookieName(rt.cfg.BaseURL.Scheme == "https") }

// cookieName has the prefix that makes browsers refuse the cookie from other
// hosts, which they know under TLS only.
func cookieName(tls bool) string {
	if tls {
		return "__Host-cs_session"
	}
	return "cs_session"
}

const tokenKey = "token"

// readSession remembers the token of the cookie. A cookie that is not of our
// making counts as none.
func (r *Request) readSession(c *http.Cookie) {
	values := map[any]any{}
	if securecookie.DecodeMulti(c.Name, c.Value, &values, r.rt.cookies.Codecs...) == nil {
		r.session, _ = values[tokenKey].(string)
	}
}

// SessionToken returns the token of the caller's session, "" if there is none.
func (r *Request) SessionToken() string { return r.session }

// StartSession gives the browser a new session in place of the one it had.
func (r *Request) StartSession(token string) error {
	c, err := sessionCookie(r.rt.cookies, r.rt.cookieName(), token)
	if err == nil {
		http.SetCookie(r.w, c)
	}
	return err
}

// SessionCookie is the cookie that a Router for the base URL and key gives to a
// browser with that session.
func SessionCookie(base *url.URL, key []byte, token string) (*http.Cookie, error) {
	tls := base.Scheme == "https"
	return sessionCookie(newCookies(key, tls), cookieName(tls), token)
}

func sessionCookie(store *sessions.CookieStore, name, token string) (*http.Cookie, error) {
	value, err := securecookie.EncodeMulti(name, map[any]any{tokenKey: token}, store.Codecs...)
	return sessions.NewCookie(name, value, store.Options), err
}

// EndSession takes the cookie away. The row is the caller's to revoke.
func (r *Request) EndSession() { r.dropCookie(r.rt.cookieName()) }

func (r *Request) dropCookie(name string) {
	options := *r.rt.cookies.Options
	options.MaxAge = -1
	http.SetCookie(r.w, sessions.NewCookie(name, "", &options))
}

// tokenOnly writes a session's values as its bare token.
type tokenOnly struct{}

var errNoToken = errors.New("web: a session carries its token and nothing else")

func (tokenOnly) Serialize(src any) ([]byte, error) {
	values, _ := src.(map[any]any)
	token, ok := values[tokenKey].(string)
	if !ok || len(values) != 1 {
		return nil, errNoToken
	}
	return []byte(token), nil
}

func (tokenOnly) Deserialize(src []byte, dst any) error {
	values, ok := dst.(*map[any]any)
	if !ok {
		return errNoToken
	}
	(*values)[tokenKey] = string(src)
	return nil
}
