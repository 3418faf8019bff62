package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/countersignhq/countersign/billing"
)

// lookHeader comes with what app.js asks for by itself, again and again.
const lookHeader = "X-Look"

// identify finds out who is calling. Pages read the session cookie, calls the
// bearer key or, without one, the cookie; both together are refused, since one
// of the two would act in the other's name.
func (r *Request) identify() error {
	key, bearer, err := bearerKey(r.Header)
	if err != nil {
		return err
	}
	cookie, noCookie := r.Cookie(r.rt.cookieName())
	switch {
	case bearer && noCookie == nil:
		return errAmbiguous
	case bearer && r.json:
		r.Principal, err = r.authenticate(key)
		return err
	case noCookie != nil:
		return billing.ErrUnauthorized
	}
	r.readSession(cookie)
	if r.session == "" {
		return billing.ErrUnauthorized
	}
	ctx, access := r.Context(), r.rt.cfg.Access
	if r.Header.Get(lookHeader) != "" {
		ctx = billing.Unattended(ctx)
	}
	switch {
	case r.glance:
		r.Principal, err = access.Glance(ctx, r.session, *r.recent)
	case r.recent != nil:
		r.Principal, err = access.SessionRecent(ctx, r.session, *r.recent)
	case r.overview:
		r.Principal, err = access.SessionOverview(ctx, r.session)
	default:
		r.Principal, err = access.Session(ctx, r.session)
	}
	return err
}

// authenticate finds out who is behind a key or an access token.
func (r *Request) authenticate(bearer string) (billing.Principal, error) {
	ctx, cfg := r.Context(), &r.rt.cfg
	if in, ok := ctx.Value(letInKey{}).(letIn); ok && in.bearer == bearer {
		if !r.overview { // it would be from before what the call does
			in.Overview = nil
		}
		return in.Principal, nil
	}
	if cfg.OAuth != nil && looksLikeJWT(bearer) {
		t, err := cfg.OAuth.Verify(ctx, bearer)
		if err != nil {
			return billing.Principal{}, err
		}
		return cfg.Access.OAuthAgent(ctx, t)
	}
	if r.overview {
		return cfg.Access.AuthenticateOverview(ctx, bearer)
	}
	return cfg.Access.Authenticate(ctx, bearer)
}

// letIn is who was let in to the tools, for the calls that a tool makes inside of
// its request: they are the same caller's, a moment later.
type letIn struct {
	billing.Principal
	bearer string
}

type letInKey struct{}

// forTools remembers the caller for the calls of tools.
func (r *Request) forTools() *http.Request {
	bearer, _, _ := bearerKey(r.Header) // it was read before
	return r.WithContext(context.WithValue(r.Context(), letInKey{}, letIn{r.Principal, bearer}))
}

// overview lets the org's overview be read with the caller.
func overview(h Handler) Handler {
	return func(r *Request) error {
		r.overview = true
		return h(r)
	}
}

// bearerKey returns the key of the Authorization header and whether there is one.
func bearerKey(h http.Header) (key string, ok bool, err error) {
	values := h.Values("Authorization")
	if len(values) > 1 {
		return "", false, errAmbiguous.Say("Send one Authorization header.")
	}
	if len(values) == 0 {
		return "", false, nil
	}
	scheme, key, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false, nil
	}
	return strings.TrimSpace(key), true, nil
}

// signedIn lets people in who have a session.
func signedIn(h Handler) Handler {
	return func(r *Request) error {
		if err := r.identify(); err != nil {
			return err
		}
		return h(r)
	}
}

// visitor lets everybody in.
func visitor(h Handler) Handler {
	return func(r *Request) error {
		if err := r.identify(); err != nil && !errors.Is(err, billing.ErrUnauthorized) {
			return err
		}
		return h(r)
	}
}

// Need decides whether a principal may make a call at all. What it may do to
// which thing is decided further in.
type Need func(p billing.Principal) error

// Read is the need of calls that tell about the org: its people, and agents
// with the scope.
func Read(p billing.Principal) error {
	if p.OrgID == "" {
		return errHostKey
	}
	if !p.Can(billing.ScopeRead) {
		return billing.ErrScope.With("scope", billing.ScopeRead)
	}
	return nil
}

// Ask is the need of calls that change the plan or ask for it: people by role,
// agents by scope.
func Ask(p billing.Principal) error {
	if p.OrgID == "" {
		return errHostKey
	}
	if !p.Can(billing.ScopeRequest) {
		return billing.ErrScope.With("scope", billing.ScopeRequest)
	}
	if p.Role != "" && !p.Role.CanManage() {
		return billing.ErrForbidden
	}
	return nil
}

// Follow is the need of calls about one's own request: whoever cannot have one
// learns nothing.
func Follow(p billing.Principal) error {
	if p.OrgID == "" {
		return billing.ErrNotFound
	}
	if !p.Can(billing.ScopeRequest) && !p.Can(billing.ScopeRead) {
		return billing.ErrScope.With("scope", billing.ScopeRequest)
	}
	return nil
}

// Host is the need of the host application's own calls.
func Host(p billing.Principal) error {
	if p.Kind != billing.KindHost {
		return billing.ErrHostOnly
	}
	return nil
}

var errHostKey = billing.ErrForbidden.Say("A host key does not act for an organisation. Use the key of an agent or a member.")

// caller lets programs in, and scripts on our own pages with the cookie of the
// person who looks at them.
func caller(need Need, h Handler) Handler {
	return func(r *Request) error {
		if err := r.identify(); err != nil {
			return err
		}
		if r.session != "" && !safe(r.Method) {
			if err := r.ownScript(); err != nil {
				return err
			}
		}
		if err := need(r.Principal); err != nil {
			return err
		}
		return h(r)
	}
}

// byKey lets programs in that act for an org with a key or a token of theirs.
func byKey(h Handler) Handler {
	return func(r *Request) error {
		if err := r.identify(); err != nil {
			return err
		}
		switch {
		case r.session != "":
			return billing.ErrUnauthorized
		case r.Principal.OrgID == "":
			return errHostKey
		}
		return h(r)
	}
}

// ownScript makes sure that a change with a cookie was made by a script of
// ours: a foreign page can send a form, but neither this content type nor these
// headers without the browser asking us first.
func (r *Request) ownScript() error {
	if err := r.sameOrigin(); err != nil {
		return err
	}
	if media, ok := mediaType(r.Request); !ok || media != "application/json" {
		return errMediaType
	}
	return nil
}

// sameOrigin refuses changes from other sites before anything is looked up.
func sameOrigin(h Handler) Handler {
	return func(r *Request) error {
		if err := r.sameOrigin(); err != nil {
			return err
		}
		return h(r)
	}
}

// sameOrigin adds to the library's check that the browser has to say something:
// every browser sends one of the two headers with a POST.
func (r *Request) sameOrigin() error {
	if r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == "" {
		return errCrossOrigin
	}
	if err := r.rt.guard.Check(r.Request); err != nil {
		return errCrossOrigin.Because(err)
	}
	return nil
}

// noForeignPage is for calls that browsers need not make at all: if one does, the
// page is ours. The Host header is not believed, since a name that somebody else
// points at this machine would be in both.
func (r *Request) noForeignPage() error {
	base := r.rt.cfg.BaseURL
	if origin := r.Header.Get("Origin"); origin != "" && origin != base.Scheme+"://"+base.Host {
		return errCrossOrigin
	}
	if err := r.rt.guard.Check(r.Request); err != nil {
		return errCrossOrigin.Because(err)
	}
	return nil
}

// Purpose says what a form token is good for.
type Purpose func(r *Request) string

// For is a Purpose that is the same for every request.
func For(purpose string) Purpose { return func(*Request) string { return purpose } }

// FormField is the name of the hidden field with the form token.
const FormField = "form_token"

// FormToken returns the token for a form that the caller is shown.
func (r *Request) FormToken(purpose string) string {
	return r.rt.cfg.Access.FormToken(r.Principal, purpose)
}

// CheckFormToken reports whether a token was made by FormToken for the caller's
// session and the purpose.
func (r *Request) CheckFormToken(purpose, token string) bool {
	return r.rt.cfg.Access.CheckFormToken(r.Principal, purpose, token)
}

// tokened parses the form and lets it through if it is one that we gave to this
// session for this purpose.
func tokened(purpose Purpose, h Handler) Handler {
	return parsed(func(r *Request) error {
		if !r.CheckFormToken(purpose(r), r.Field(FormField)) {
			return errFormToken
		}
		return h(r)
	})
}

func parsed(h Handler) Handler {
	return func(r *Request) error {
		if err := r.parseForm(); err != nil {
			return err
		}
		return h(r)
	}
}

// limited bounds the changes that one credential makes.
func limited(h Handler) Handler {
	return func(r *Request) error {
		if err := r.rt.writes.Allow(r.Principal.CredentialID, r.Now()); err != nil {
			return err
		}
		return h(r)
	}
}

// Costly bounds the calls of one credential or session, reading ones too, that
// make us call Stripe.
func Costly(h Handler) Handler {
	return func(r *Request) error {
		if r.SignedIn() { // nobody else gets as far as Stripe
			if err := r.rt.costly.Allow(r.Principal.CredentialID, r.Now()); err != nil {
				return err
			}
		}
		return h(r)
	}
}

func safe(method string) bool { return method == http.MethodGet || method == http.MethodHead }
