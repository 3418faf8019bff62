package handlers_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestSignInBehindAProxy: a visitor who asks too often closes the sign-in for
// nobody else, though everybody's connection comes from the same proxy.
func TestSignInBehindAProxy(t *testing.T) {
	for name, c := range map[string]struct {
		proxies string
		other   int // what another visitor is answered
	}{
		"named":     {"127.0.0.1", http.StatusOK},
		"not named": {"", http.StatusTooManyRequests},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, worldtest.Options{}, behind(c.proxies))
			from := func(address string, n int) int {
				email := url.Values{"email": {fmt.Sprintf("nobody%d@example.com", n)}}
				return s.do(call{method: http.MethodPost, path: "/login", kind: formKind, body: email.Encode(), header: map[string]string{"X-Forwarded-For": address}}).status
			}
			for n := range 20 {
				if got := from(fmt.Sprintf("203.0.113.%d, 198.51.100.7", n), n); got != http.StatusOK {
					t.Fatalf("request %d: %d", n+1, got)
				}
			}
			if got := from("203.0.113.99, 198.51.100.7", 20); got != http.StatusTooManyRequests {
				t.Errorf("request 21, under an invented address: %d", got)
			}
			if got := from("198.51.100.8", 21); got != c.other {
				t.Errorf("another visitor: %d, want %d", got, c.other)
			}
		})
	}
}
