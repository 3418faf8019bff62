package handlers

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/web"
)

// The cost of the two reads that matter, without the network.
func BenchmarkRead(b *testing.B) {
	s := newSite(b, worldtest.Options{})
	c := s.NewCast("acme", "pro", visa)
	base, _ := url.Parse(s.BaseURL)
	cookie, err := web.SessionCookie(base, sessionKey, c.OwnerCookie)
	if err != nil {
		b.Fatal(err)
	}
	summary := httptest.NewRequest(http.MethodGet, "/api/billing", nil)
	summary.Header.Set("Authorization", "Bearer "+c.AgentKey)
	page := httptest.NewRequest(http.MethodGet, pathBilling, nil)
	page.AddCookie(cookie)
	for name, req := range map[string]*http.Request{"summary": summary, "page": page, "health": httptest.NewRequest(http.MethodGet, "/healthz", nil)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				w := httptest.NewRecorder()
				s.router.ServeHTTP(w, req.Clone(b.Context()))
				if w.Code != http.StatusOK {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
}
