package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/countersignhq/countersign/billing"
)

// Request is one call: what was asked, by whom, and the way to answer it.
type Request struct {
	*http.Request
	// Principal is the caller, zero where the route is open and nobody is
	// signed in.
	Principal billing.Principal
	// ID names the request in the log and in X-Request-Id. It is ours; whatever
	// a client sends is not looked at.
	ID string

	rt       *Router
	w        *recorder // the one below
	json     bool      // how failures are written
	session  string    // token of the session cookie
	query    url.Values
	recorder recorder
	// overview: the org's is to be read with the caller.
	overview bool
	// recent: this much of what is new in the org too.
	recent *billing.RecentLimits
	// glance: a page asks by itself, which is no use of the session.
	glance bool
}

// SignedIn reports whether the caller is known.
func (r *Request) SignedIn() bool { return r.Principal.ID != "" }

// HTMX reports whether a script of ours waits for the answer instead of the
// browser.
func (r *Request) HTMX() bool { return r.Header.Get("HX-Request") == "true" }

// Now is the time of the clock that was handed in.
func (r *Request) Now() time.Time { return r.rt.cfg.Clock.Now() }

// readURL refuses URLs that no page or program of ours would make.
func (r *Request) readURL() error {
	if !clean(r.URL.Path) {
		return billing.ErrNotFound
	}
	if r.URL.RawQuery == "" {
		return nil
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errQuery
	}
	for name, values := range q {
		if secretNames[strings.ToLower(name)] {
			return errSecretInQuery.With("field", name)
		}
		for _, v := range values {
			if !clean(v) {
				return badField(name, "must be text without control characters")
			}
		}
	}
	r.query = q
	return nil
}

// secretNames are parameters that would leave a secret in logs and histories.
var secretNames = map[string]bool{
	"confirm_token": true, "token": true, "access_token": true, "key": true, "api_key": true,
	"authorization": true, "password": true, "secret": true,
}

// Query returns a parameter of the URL; of several the first.
func (r *Request) Query(name string) string { return r.query.Get(name) }

// IntQuery returns a whole number from the URL between low and high, or def if
// it is absent.
func (r *Request) IntQuery(name string, def, low, high int) (int, error) {
	if !r.query.Has(name) {
		return def, nil
	}
	s := r.query.Get(name)
	n, err := strconv.Atoi(s)
	if err != nil || strconv.Itoa(n) != s || n < low || n > high {
		return 0, badField(name, "must be a whole number from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
	}
	return n, nil
}

// only refuses parameters that the route does not have, and repeated ones: a
// parameter that is silently ignored may be the one that mattered.
func only(names []string, h Handler) Handler {
	known := make(map[string]bool, len(names))
	for _, n := range names {
		known[n] = true
	}
	return func(r *Request) error {
		for name, values := range r.query {
			if !known[name] {
				return errUnknownField.With("field", name).Say("The parameter %q is not known here.", short(name))
			}
			if len(values) > 1 {
				return errDuplicateField.With("field", name).Say("The parameter %q is given more than once.", name)
			}
			if values[0] == "" {
				return badField(name, "must not be empty")
			}
		}
		return h(r)
	}
}

// Field returns a field of the posted form.
func (r *Request) Field(name string) string { return r.PostForm.Get(name) }

// maxBody bounds the body of every call but webhooks.
const maxBody = 64 << 10

// parseForm reads the posted form: one value per field, clean text.
func (r *Request) parseForm() error {
	if media, ok := mediaType(r.Request); !ok || media != "application/x-www-form-urlencoded" {
		return errMediaType.Say("Send a form as application/x-www-form-urlencoded.")
	}
	r.Body = http.MaxBytesReader(r.w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return bodyError(err, errForm)
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			return errDuplicateField.With("field", name)
		}
		if !utf8.ValidString(values[0]) || strings.ContainsRune(values[0], 0) {
			return badField(name, "must be text")
		}
	}
	return nil
}

// IdempotencyKey returns the caller's key for this change, "" if there is none.
func (r *Request) IdempotencyKey() (string, error) {
	keys := r.Header.Values("Idempotency-Key")
	if len(keys) == 0 {
		return "", nil
	}
	key := keys[0]
	if len(keys) > 1 || len(key) < 1 || len(key) > 255 {
		return "", errIdempotencyKey
	}
	for _, c := range []byte(key) {
		if c < '!' || c > '~' {
			return "", errIdempotencyKey
		}
	}
	return key, nil
}

// clean reports whether s is UTF-8 without control characters.
func clean(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c == 0x7f })
}

// short keeps a name that somebody else made up from filling a message.
func short(s string) string {
	if len(s) > 40 {
		s = strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}
