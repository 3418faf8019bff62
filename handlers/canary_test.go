package handlers_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// secrets are what may never be written down.
type secrets struct {
	mu   sync.Mutex
	list map[string]bool
}

func (s *secrets) add(values ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil {
		s.list = map[string]bool{}
	}
	for _, v := range values {
		if len(v) >= 12 { // shorter ones were made up by a test
			s.list[v] = true
		}
	}
}

// in counts the secrets that the text holds.
func (s *secrets) in(text string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for v := range s.list {
		if strings.Contains(text, v) {
			n++
		}
	}
	return n
}

// keptSecrets is C10 and I17 for every test: neither the log nor the database
// holds a key, a session, a cookie, a sign-in link or a confirm_token.
func (s *site) keptSecrets() {
	for _, link := range s.Mail.Links {
		s.secrets.add(strings.TrimPrefix(link, s.BaseURL+"/login/"))
	}
	s.secrets.add(worldtest.WebhookSecret, worldtest.SealKey, cookieKey)
	log := s.Log.String()
	if n := s.secrets.in(log); n > 0 {
		s.t.Errorf("%d secrets are in the log", n)
	}
	dump := s.Dump()
	if n := s.secrets.in(dump); n > 0 {
		s.t.Errorf("%d secrets are in the database", n)
	}
	if !strings.Contains(dump, "subscriptions") {
		s.t.Error("the dump that is searched is empty")
	}
	if strings.Contains(log, "net/http: ") {
		s.t.Errorf("the HTTP server complains:\n%s", log)
	}
}

// TestC10 runs the whole story and makes sure that the search would find what
// it looks for.
func TestC10(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	if err := s.Service.RequestSignIn(t.Context(), "owner@acme.test", "/"); err != nil {
		t.Fatal(err)
	}
	link := strings.TrimPrefix(s.Mail.Links[0], s.BaseURL)
	s.get(nobody, link)
	s.submit(nobody, link, nil).is(303, "")
	token := s.token(p.agent, "scale")
	s.confirm(p.agent, token+"x").is(400, "consent_token_invalid")
	s.confirm(p.agent, token).is(200, "switched")
	s.get(nobody, "/login/"+token)
	s.get(caller{"truncated", p.AgentKey[:20], ""}, "/api/billing").is(401, "unauthorized")
	s.get(p.agent, "/api/billing?token="+token).is(400, "secret_in_query")
	if n := len(s.secrets.list); n < 8 {
		t.Errorf("only %d secrets are known", n)
	}
	if s.secrets.in("… "+token+" …") != 1 || s.secrets.in("nothing") != 0 {
		t.Error("the search does not find a confirm_token")
	}
	if strings.Count(s.Log.String(), `"route"`) < 8 {
		t.Errorf("the log that is searched has no requests:\n%s", s.Log)
	}
	if !strings.Contains(s.Dump(), p.Agent.CredentialID) {
		t.Error("the dump that is searched has no credentials")
	}
}
