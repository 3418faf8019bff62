package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// counting is an issuer that counts how often it is asked for its keys.
type counting struct {
	*httptest.Server
	t           *testing.T
	key         *ecdsa.PrivateKey
	kid         atomic.Value // of the key that is published
	asked, told atomic.Int64 // for keys; for the configuration
	down        atomic.Bool
}

func newCounting(t *testing.T) *counting {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &counting{t: t, key: key}
	c.kid.Store("k1")
	mux := http.NewServeMux()
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		c.told.Add(1)
		c.answer(w, map[string]any{"issuer": c.URL, "jwks_uri": c.URL + "/keys", "id_token_signing_alg_values_supported": []string{"ES256"}})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		c.asked.Add(1)
		point, err := key.PublicKey.Bytes() // 4, then both coordinates
		if err != nil {
			t.Error(err)
		}
		b64 := base64.RawURLEncoding.EncodeToString
		c.answer(w, map[string]any{"keys": []map[string]any{{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": c.kid.Load(), "x": b64(point[1:33]), "y": b64(point[33:])}}})
	})
	c.Server = httptest.NewServer(mux)
	t.Cleanup(c.Close)
	return c
}

func (c *counting) answer(w http.ResponseWriter, v any) {
	if c.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// token is signed with the issuer's key, under the name.
func (c *counting) token(kid string) string {
	part := func(v any) string {
		raw, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	text := part(map[string]string{"alg": "ES256", "kid": kid}) + "." +
		part(map[string]any{"iss": c.URL, "aud": "us", "sub": "s", "exp": oauthNow.Add(time.Hour).Unix(), "org_id": "org_1", "scope": "billing:read"})
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, c.key, sum[:])
	if err != nil {
		c.t.Fatal(err)
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + base64.RawURLEncoding.EncodeToString(sig)
}

var oauthNow = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestKeysAreAskedForOnceAMinute: however many tokens name a key that nobody
// has, an issuer is asked once a minute, and what is known goes on counting.
func TestKeysAreAskedForOnceAMinute(t *testing.T) {
	one, two := newCounting(t), newCounting(t)
	var passed atomic.Int64
	clock := billing.ClockFunc(func() time.Time { return oauthNow.Add(time.Duration(passed.Load())) })
	o := NewOAuth(OAuthConfig{Issuers: []string{one.URL, two.URL}, Audience: "us", OrgClaim: "org_id", Clock: clock})
	verify := func(token string, good bool) {
		t.Helper()
		if _, err := o.Verify(t.Context(), token); (err == nil) != good || !good && !errors.Is(err, billing.ErrUnauthorized) {
			t.Errorf("error = %v, want one: %v", err, !good)
		}
	}
	asked := func(want ...int64) {
		t.Helper()
		if one.asked.Load() != want[0] || two.asked.Load() != want[1] || one.told.Load() > 1 || two.told.Load() > 1 {
			t.Errorf("asked %d and %d times, want %d", one.asked.Load(), two.asked.Load(), want)
		}
	}
	verify(one.token("k1"), true)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() { verify(one.token("nobody's"), false) })
	}
	all.Wait()
	asked(1, 0)
	verify(one.token("k1"), true)
	verify(two.token("k1"), true)
	asked(1, 1)
	one.kid.Store("k2")
	passed.Store(int64(time.Minute - time.Nanosecond))
	verify(one.token("k2"), false)
	asked(1, 1)
	passed.Store(int64(time.Minute))
	verify(one.token("k2"), true)
	verify(one.token("k1"), false)
	asked(2, 1)
}

// TestIssuerThatWasDown is asked again soon, and not by every token.
func TestIssuerThatWasDown(t *testing.T) {
	i := newCounting(t)
	i.down.Store(true)
	var passed atomic.Int64
	clock := billing.ClockFunc(func() time.Time { return oauthNow.Add(time.Duration(passed.Load())) })
	o := NewOAuth(OAuthConfig{Issuers: []string{i.URL}, Audience: "us", OrgClaim: "org_id", Clock: clock})
	for range 3 {
		if _, err := o.Verify(t.Context(), i.token("k1")); !errors.Is(err, errIssuer) {
			t.Errorf("down: %v", err)
		}
	}
	if i.told.Load() != 1 {
		t.Errorf("asked %d times while it was down", i.told.Load())
	}
	i.down.Store(false)
	passed.Store(int64(paceFailed))
	if got, err := o.Verify(t.Context(), i.token("k1")); err != nil || got.OrgID != "org_1" || got.Issuer != i.URL {
		t.Errorf("up again: %+v, %v", got, err)
	}
}
