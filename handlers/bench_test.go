package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
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

// The host's calls, without the network.
func BenchmarkHost(b *testing.B) {
	s := newSite(b, worldtest.Options{})
	c := s.NewCast("acme", "scale", visa)
	_, key := s.Key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
	n := 0
	for _, call := range []struct {
		name, path string
		status     int
		body       func() string
	}{
		{"check", "check", http.StatusOK, func() string { return `{"org":"` + c.Org.ID + `","resource":"agents"}` }},
		{"consume", "consume", http.StatusOK, func() string {
			n++
			return fmt.Sprintf(`{"org":%q,"resource":"api_calls","quantity":1,"key":"c-%d"}`, c.Org.ID, n)
		}},
		{"1000-events", "usage", http.StatusAccepted, func() string {
			events := make([]string, 1000)
			for i := range events {
				n++
				events[i] = fmt.Sprintf(`{"org":%q,"resource":"webhooks","quantity":1,"key":"e-%d"}`, c.Org.ID, n)
			}
			return `{"events":[` + strings.Join(events, ",") + `]}`
		}},
	} {
		b.Run(call.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				req := httptest.NewRequest(http.MethodPost, "/api/host/"+call.path, strings.NewReader(call.body()))
				req.Header.Set("Authorization", "Bearer "+key)
				req.Header.Set("Content-Type", "application/json")
				w := httptest.NewRecorder()
				s.router.ServeHTTP(w, req)
				if w.Code != call.status {
					b.Fatalf("%d %s", w.Code, w.Body)
				}
			}
		})
	}
}
