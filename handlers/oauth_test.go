package handlers_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/handlers"
	"github.com/countersignhq/countersign/web"
)

// issuer is a real issuer, whose key the test has.
type issuer struct {
	*mockoidc.MockOIDC
	t *testing.T
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	m, err := mockoidc.Run()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Shutdown() })
	return issuer{m, t}
}

type tokenClaims map[string]any

// with is a copy of the claims with others; nil takes one away.
func (c tokenClaims) with(name string, value any) tokenClaims {
	c = maps.Clone(c)
	if c[name] = value; value == nil {
		delete(c, name)
	}
	return c
}

// sign makes a token with the issuer's own name for its key.
func (i issuer) sign(alg string, c tokenClaims, signer func(text string) []byte) string {
	i.t.Helper()
	kid, err := i.Keypair.KeyID()
	if err != nil {
		i.t.Fatal(err)
	}
	part := func(v any) string {
		raw, err := json.Marshal(v)
		if err != nil {
			i.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := part(map[string]string{"alg": alg, "kid": kid, "typ": "at+jwt"}) + "." + part(c)
	return text + "." + base64.RawURLEncoding.EncodeToString(signer(text))
}

func (i issuer) token(c tokenClaims) string { return i.sign("RS256", c, i.rs256(i.Keypair.PrivateKey)) }

func (i issuer) rs256(key *rsa.PrivateKey) func(string) []byte {
	return func(text string) []byte {
		sum := sha256.Sum256([]byte(text))
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			i.t.Fatal(err)
		}
		return sig
	}
}

const audience = "https://billing.example"

// newOAuthSite is a site that takes the issuer's tokens, and good claims.
func newOAuthSite(t *testing.T, i issuer) (*site, people, tokenClaims) {
	t.Helper()
	w := worldtest.Start
	s := newSite(t, worldtest.Options{}, func(c *handlers.Config) {
		c.OAuth = web.NewOAuth(web.OAuthConfig{Issuers: []string{i.Issuer()}, Audience: audience, OrgClaim: "org_id", Clock: c.Clock})
	})
	p := s.people("acme", "pro", visa)
	return s, p, tokenClaims{
		"iss": i.Issuer(), "aud": []string{audience, "other"}, "sub": "auth0|1", "exp": w.Add(time.Hour).Unix(), "iat": w.Unix(),
		"scope": "openid billing:read billing:request", "client_id": "deploy-bot", "org_id": p.Org.ID,
	}
}

func TestOAuthTokens(t *testing.T) {
	i := newIssuer(t)
	s, p, good := newOAuthSite(t, i)
	stranger := newIssuer(t)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	s.ok(err)
	hs256 := func(text string) []byte { // with what everybody knows: the public key
		h := hmac.New(sha256.New, i.Keypair.PublicKey.N.Bytes())
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	forged := strings.Split(i.token(good), ".")
	forged[1] = strings.Split(i.token(good.with("org_id", "org_other")), ".")[1]
	for name, c := range map[string]struct {
		token        string
		read, change int
	}{
		"good":             {i.token(good), 200, 200},
		"single audience":  {i.token(good.with("aud", audience)), 200, 200},
		"wrong audience":   {i.token(good.with("aud", "https://else.example")), 401, 401},
		"no audience":      {i.token(good.with("aud", nil)), 401, 401},
		"expired":          {i.token(good.with("exp", worldtest.Start.Add(-time.Second).Unix())), 401, 401},
		"without an end":   {i.token(good.with("exp", nil)), 401, 401},
		"not yet":          {i.token(good.with("nbf", worldtest.Start.Add(time.Hour).Unix())), 401, 401},
		"unsigned":         {i.sign("none", good, func(string) []byte { return nil }), 401, 401},
		"signed by all":    {i.sign("HS256", good, hs256), 401, 401},
		"another key":      {i.sign("RS256", good, i.rs256(other)), 401, 401},
		"changed":          {strings.Join(forged, "."), 401, 401},
		"another issuer":   {stranger.token(good.with("iss", stranger.Issuer())), 401, 401},
		"no issuer":        {i.token(good.with("iss", nil)), 401, 401},
		"no org":           {i.token(good.with("org_id", nil)), 401, 401},
		"org is a number":  {i.token(good.with("org_id", 7)), 401, 401},
		"unknown org":      {i.token(good.with("org_id", "org_nobody")), 401, 401},
		"no subject":       {i.token(good.with("sub", nil)), 401, 401},
		"no scope":         {i.token(good.with("scope", nil)), 403, 403},
		"scope is a list":  {i.token(good.with("scope", []string{"billing:read"})), 401, 401},
		"foreign scope":    {i.token(good.with("scope", "billing:readwrite openid")), 403, 403},
		"to read only":     {i.token(good.with("scope", "billing:read")), 200, 403},
		"to ask only":      {i.token(good.with("scope", "billing:request")), 403, 200},
		"three odd parts":  {"a.b.c", 401, 401},
		"nothing in three": {"..", 401, 401},
		"too long":         {i.token(good.with("more", strings.Repeat("x", 9000))), 401, 401},
	} {
		as := caller{name: name, key: c.token}
		s.secrets.add(c.token)
		for path, want := range map[string]int{"/api/billing": c.read, "/api/billing/downgrade": c.change} {
			method, body := http.MethodGet, ""
			if path != "/api/billing" {
				method, body = http.MethodPost, `{"mode":"web"}`
			}
			a := s.do(call{as: as, method: method, path: path, kind: jsonKind, body: body})
			challenge := a.header.Get("WWW-Authenticate")
			metadata := `resource_metadata="` + s.BaseURL + `/.well-known/oauth-protected-resource"`
			word := map[int]string{401: `error="invalid_token"`, 403: `error="insufficient_scope", scope="billing:`}[want]
			if a.status != want || want >= 400 && (!strings.Contains(challenge, word) || !strings.Contains(challenge, metadata)) || want == 200 && challenge != "" {
				t.Errorf("%s: %d, want %d; challenge %q: %.200s", a.what, a.status, want, challenge, a.body)
			}
		}
	}
	s.get(p.agent, "/api/billing").is(200, "active") // keys go on
	if got := s.get(nobody, "/api/billing").header.Get("WWW-Authenticate"); strings.Contains(got, "error") || !strings.Contains(got, "resource_metadata") {
		t.Errorf("nobody is challenged with %q", got)
	}
}

// TestOAuthAgentIsAnAgent: it asks and does not decide, its owners see it, and
// it ends when they say so.
func TestOAuthAgentIsAnAgent(t *testing.T) {
	i := newIssuer(t)
	s, p, good := newOAuthSite(t, i)
	bot := caller{name: "bot", key: i.token(good)}
	s.secrets.add(bot.key)
	var wg sync.WaitGroup
	for range 8 { // the first calls come together
		wg.Go(func() { s.get(bot, "/api/billing").is(200, "active") })
	}
	wg.Wait()
	s.post(bot, "/api/billing/upgrade", `{"plan":"scale","mode":"web"}`).is(200, "web-approve-required")
	list, err := s.Service.Agents(t.Context(), p.Owner)
	s.ok(err)
	var mine []billing.Agent
	for _, a := range list.Agents {
		if strings.HasPrefix(a.ID, "oauth:") {
			mine = append(mine, a)
		}
	}
	if len(mine) != 1 || mine[0].Name != "deploy-bot" || len(mine[0].Keys) != 1 || mine[0].Keys[0].CreatedBy != i.Issuer() {
		t.Fatalf("%+v", mine)
	}
	key := mine[0].Keys[0].ID
	s.ok(s.Service.PauseKey(t.Context(), p.Owner, key, true))
	s.get(bot, "/api/billing").is(200, "active")
	s.post(bot, "/api/billing/downgrade", `{}`).is(403, "key_paused")
	s.ok(s.Store.RevokeCredential(t.Context(), p.Org.ID, key, s.Box.Now()))
	s.get(bot, "/api/billing").is(401, "unauthorized")
	fresh := caller{name: "fresh", key: i.token(good.with("iat", worldtest.Start.Add(time.Minute).Unix()))}
	s.get(fresh, "/api/billing").is(401, "unauthorized")
	another := caller{name: "another", key: i.token(good.with("sub", "auth0|2"))}
	s.get(another, "/api/billing").is(200, "active")
}

func TestOAuthMetadata(t *testing.T) {
	i := newIssuer(t)
	s, _, good := newOAuthSite(t, i)
	a := s.get(nobody, "/.well-known/oauth-protected-resource")
	want := `{"resource":"` + s.BaseURL + `","resource_name":"Countersign billing","authorization_servers":["` + i.Issuer() + `"],` +
		`"scopes_supported":["billing:read","billing:request"],"bearer_methods_supported":["header"]}`
	if a.status != 200 || strings.TrimSpace(a.body) != want {
		t.Errorf("%d %s", a.status, a.body)
	}

	// Where none are taken, nothing is said, and a token is a wrong key.
	plain := newSite(t, worldtest.Options{})
	plain.get(nobody, "/.well-known/oauth-protected-resource").is(404, "not_found")
	refused := plain.get(caller{name: "bot", key: i.token(good)}, "/api/billing").is(401, "unauthorized")
	if got := refused.header.Get("WWW-Authenticate"); got != `Bearer realm="countersign"` {
		t.Errorf("challenge %q", got)
	}

	// An issuer that does not answer is no fault of the caller's.
	s, _, good = newOAuthSite(t, i)
	if err := i.Shutdown(); err != nil {
		t.Fatal(err)
	}
	c := call{as: caller{name: "bot", key: i.token(good)}, method: http.MethodGet, path: "/api/billing", mayFail: true}
	if a := s.do(c); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestParseIssuers(t *testing.T) {
	for text, ok := range map[string]bool{
		"": true, "https://id.example, https://id.example/realms/a/": true, "http://127.0.0.1:9000": true,
		"http://id.example": false, "id.example": false, "https://u:p@id.example": false, "https://id.example?x=1": false, "ftp://localhost": false,
	} {
		if got, err := web.ParseIssuers(text); (err == nil) != ok {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}
