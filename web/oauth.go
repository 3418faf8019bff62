package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/countersignhq/countersign/billing"
)

// OAuthConfig says whose access tokens are taken.
type OAuthConfig struct {
	Issuers  []string // exactly as they name themselves
	Audience string   // that tokens have to be made for
	OrgClaim string   // the claim with the org's id
	Clock    billing.Clock
	Client   *http.Client // nil: one with a timeout
}

// OAuth checks JWT access tokens of the configured issuers. It never issues any.
type OAuth struct {
	c         OAuthConfig
	mu        sync.Mutex
	verifiers map[string]*oidc.IDTokenVerifier
}

// algorithms are the signatures that are believed: public keys only, so that
// nobody can sign with what everybody knows.
var algorithms = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA}

const (
	issuerTimeout = 5 * time.Second
	maxToken      = 8 << 10
)

var errIssuer = &billing.Error{Kind: billing.KindUnavailable, Code: "issuer_unavailable", Message: "The issuer of this access token does not answer. Try again shortly.", RetryAfter: 5 * time.Second}

// NewOAuth returns a checker for the issuers' tokens. It asks an issuer for its
// keys when the first token comes, not now, and then once a minute at most: a
// key that an issuer has only just begun to use counts after that time.
func NewOAuth(c OAuthConfig) *OAuth {
	if c.Client == nil {
		c.Client = &http.Client{Timeout: issuerTimeout}
	}
	c.Client = pace(c.Client, c.Clock)
	return &OAuth{c: c, verifiers: map[string]*oidc.IDTokenVerifier{}}
}

// ParseIssuers reads comma-separated addresses of issuers.
func ParseIssuers(text string) ([]string, error) {
	var all []string
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		u, err := url.Parse(part)
		local := err == nil && (u.Hostname() == "localhost" || u.Hostname() == "127.0.0.1" || u.Hostname() == "::1")
		if err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !local) {
			return nil, fmt.Errorf("%q is not the https address of an issuer", part)
		}
		all = append(all, part)
	}
	return all, nil
}

// looksLikeJWT tells an access token from a key of ours, which has no dots.
func looksLikeJWT(bearer string) bool { return strings.Count(bearer, ".") == 2 }

// claims are what we read of a token.
type claims struct {
	Scope    string `json:"scope"`
	ClientID string `json:"client_id"`
	Party    string `json:"azp"`
}

// Verify checks a token and returns what it says.
//
// Errors: billing.ErrUnauthorized for every token that is not good, and one of
// kind unavailable if the issuer cannot be asked.
func (o *OAuth) Verify(ctx context.Context, token string) (billing.OAuthToken, error) {
	issuer := issuerOf(token)
	if len(token) > maxToken || !slices.Contains(o.c.Issuers, issuer) {
		return billing.OAuthToken{}, billing.ErrUnauthorized
	}
	v, err := o.verifier(ctx, issuer)
	if err != nil {
		return billing.OAuthToken{}, errIssuer.Because(err)
	}
	t, err := v.Verify(ctx, token)
	if err != nil {
		return billing.OAuthToken{}, billing.ErrUnauthorized.Because(err)
	}
	var known claims
	all := map[string]any{}
	if t.Claims(&known) != nil || t.Claims(&all) != nil {
		return billing.OAuthToken{}, billing.ErrUnauthorized
	}
	org, _ := all[o.c.OrgClaim].(string)
	if org == "" || t.Subject == "" {
		return billing.OAuthToken{}, billing.ErrUnauthorized
	}
	name := known.ClientID
	if name == "" {
		name = known.Party
	}
	return billing.OAuthToken{Issuer: issuer, Subject: t.Subject, OrgID: org, Client: name, Scopes: strings.Fields(known.Scope)}, nil
}

// issuerOf reads whom a token says to be from, to know whose keys to try.
func issuerOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	var said struct {
		Issuer string `json:"iss"`
	}
	if err != nil || json.Unmarshal(raw, &said) != nil {
		return ""
	}
	return said.Issuer
}

// verifier returns the issuer's verifier, which keeps its keys and fetches new
// ones when a token is signed with one that it does not know.
func (o *OAuth) verifier(ctx context.Context, issuer string) (*oidc.IDTokenVerifier, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if v, ok := o.verifiers[issuer]; ok {
		return v, nil
	}
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), o.c.Client)
	p, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, err
	}
	v := p.VerifierContext(ctx, &oidc.Config{ClientID: o.c.Audience, SupportedSigningAlgs: algorithms, Now: o.c.Clock.Now})
	o.verifiers[issuer] = v
	return v, nil
}

// metadataPath is where RFC 9728 has clients look for whom to ask for a token.
const metadataPath = "/.well-known/oauth-protected-resource"

// protectedResource is the document there.
type protectedResource struct {
	Resource string   `json:"resource"`
	Name     string   `json:"resource_name"`
	Servers  []string `json:"authorization_servers"`
	Scopes   []string `json:"scopes_supported"`
	Methods  []string `json:"bearer_methods_supported"`
}

// OAuthMetadata registers the document that tells clients where tokens are from.
func (rt *Router) OAuthMetadata() {
	rt.Open(metadataPath, func(r *Request) error {
		if rt.cfg.OAuth == nil {
			return billing.ErrNotFound
		}
		return r.JSON(http.StatusOK, protectedResource{
			Resource: rt.cfg.BaseURL.String(), Name: "Countersign billing", Servers: rt.cfg.OAuth.c.Issuers,
			Scopes: []string{billing.ScopeRead, billing.ScopeRequest}, Methods: []string{"header"},
		})
	})
}

// challenge says with a 401 how to come in, and with a missing scope which one
// to ask for (RFC 6750, RFC 9728).
func (r *Request) challenge(status int, e *billing.Error) {
	scope, _ := e.Details["scope"].(string)
	if status != http.StatusUnauthorized && (r.rt.cfg.OAuth == nil || e.Code != billing.ErrScope.Code) {
		return
	}
	text := `Bearer realm="countersign"`
	switch {
	case r.rt.cfg.OAuth == nil:
	case status != http.StatusUnauthorized:
		text += fmt.Sprintf(`, error="insufficient_scope", scope=%q`, scope)
	case r.Header.Get("Authorization") != "":
		text += `, error="invalid_token"`
	}
	if r.rt.cfg.OAuth != nil {
		text += fmt.Sprintf(`, resource_metadata=%q`, r.rt.cfg.BaseURL.JoinPath(metadataPath).String())
	}
	r.w.Header().Set("WWW-Authenticate", text)
}
