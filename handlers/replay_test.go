package handlers_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/web"
)

func (s *site) keyed(as caller, path, key, body string) answer {
	s.t.Helper()
	return s.do(call{as: as, method: http.MethodPost, path: path, kind: jsonKind, body: body, header: map[string]string{"Idempotency-Key": key}})
}

func replayed(a answer) bool { return a.header.Get("Idempotent-Replayed") == "true" }

// TestTwentyEqualCalls: one is carried out; the others are answered the same,
// or told to wait for it.
func TestTwentyEqualCalls(t *testing.T) {
	for name, pg := range map[string]bool{"sqlite": false, "postgres": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, worldtest.Options{Postgres: pg})
			p := s.people("acme", "pro", visa)
			answers := make([]answer, 20)
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() { answers[i] = s.keyed(p.tool, "/api/billing/upgrade", "k1", `{"plan":"scale"}`) })
			}
			wg.Wait()
			last := s.keyed(p.tool, "/api/billing/upgrade", "k1", `{"plan":"scale"}`).is(200, "switched")
			firsts := 0
			for i, a := range answers {
				switch {
				case a.status == 200 && a.body == last.body:
					if !replayed(a) {
						firsts++
					}
				case a.status == 409 && a.header.Get("Retry-After") != "":
					a.is(409, "idempotency_in_flight")
				default:
					t.Errorf("call %d: %d %s", i+1, a.status, a.body)
				}
			}
			if firsts != 1 || !replayed(last) {
				t.Errorf("%d calls were the first; the last: %v", firsts, last.header)
			}
			s.once(p)
		})
	}
}

// TestReplayOfASecret: an agent that asks again gets the same confirm_token,
// which is in the database under seal only (the suite looks for it there).
func TestReplayOfASecret(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	one := s.keyed(p.agent, "/api/billing/upgrade", "k1", `{"plan":"scale"}`).is(200, "confirmation_required")
	two := s.keyed(p.agent, "/api/billing/upgrade", "k1", `{"plan":"scale"}`).is(200, "confirmation_required")
	if !replayed(two) || one.text("confirm_token") != two.text("confirm_token") {
		t.Errorf("first %s\nthen %s", one.body, two.body)
	}
	if other := s.keyed(p.other, "/api/billing/upgrade", "k1", `{"plan":"scale"}`); replayed(other) || strings.Contains(other.body, one.text("confirm_token")) {
		t.Errorf("another agent with the same key: %s", other.body)
	}
	if dump := s.Dump(); !strings.Contains(dump, "idempotency") {
		t.Error("the answers are not in the dump")
	}
	s.confirm(p.agent, two.text("confirm_token")).is(200, "switched")
}

// TestReplayEnds: a day later the key is a new one, and a server that died in
// the middle is waited for no longer than a minute.
func TestReplayEnds(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	const path, body = "/api/billing/portal", `{}`
	s.keyed(p.tool, path, "k1", body).is(200, "")
	s.Advance(24*time.Hour - time.Second)
	if !replayed(s.keyed(p.tool, path, "k1", body)) {
		t.Error("within a day: not replayed")
	}
	s.Advance(time.Second)
	if replayed(s.keyed(p.tool, path, "k1", body)) {
		t.Error("after a day: replayed")
	}

	// The claim of a server that died.
	row := billing.CallRow{Call: billing.Call{CredentialID: "key_x", Key: "k2", Request: []byte("r"), Claim: "dead"}, CreatedAt: s.Box.Now()}
	if _, err := s.Store.ClaimCall(t.Context(), row, time.Time{}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	begin := func() error {
		_, _, err := s.Service.BeginCall(t.Context(), billing.Call{CredentialID: "key_x", Key: "k2", Request: []byte("r")})
		return err
	}
	s.Advance(59 * time.Second)
	if err := begin(); billing.CodeOf(err) != "idempotency_in_flight" {
		t.Errorf("after 59 s: %v", err)
	}
	s.Advance(time.Second)
	if err := begin(); err != nil {
		t.Errorf("after a minute: %v", err)
	}
}

// TestReplayAfterACrash: the answer was not kept, and the change is not made
// twice all the same.
func TestReplayAfterACrash(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	one := s.keyed(p.tool, "/api/billing/upgrade", "k1", `{"plan":"scale"}`).is(200, "switched")
	s.Advance(24 * time.Hour) // the same as if it had been lost
	if n, err := s.Store.Prune(t.Context(), billing.PruneCalls, s.Box.Now(), 10); err != nil || n != 1 {
		t.Fatal(n, err)
	}
	two := s.keyed(p.tool, "/api/billing/upgrade", "k1", `{"plan":"scale"}`).is(200, "switched")
	if one.body != two.body || !replayed(two) {
		t.Errorf("first %s\nthen %s %v", one.body, two.body, two.header)
	}
	s.once(p)
}

// TestEveryChangeIsKeyed: every call that changes something replays, and its
// description says so.
func TestEveryChangeIsKeyed(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	host := s.key(billing.NewKey{Kind: billing.KindHost, Name: "host"})
	p := s.people("acme", "pro", visa)
	seen := 0
	for _, r := range s.routes {
		if r.Door != web.DoorAPI || r.Method == http.MethodGet {
			continue
		}
		seen++
		op := contract().doc.Paths[r.Path][strings.ToLower(r.Method)]
		_, has409 := op.Responses["409"]
		_, has422 := op.Responses["422"]
		key := false
		for _, p := range op.Parameters {
			key = key || p.Name == "Idempotency-Key"
		}
		if !has409 || !has422 || !key {
			t.Errorf("%s %s: the key is not described", r.Method, r.Path)
		}
		as := p.agent
		if strings.HasPrefix(r.Path, "/api/host/") {
			as = host
		} else if rules[r.Method+" "+r.Path].need == needBrowser {
			as = p.owner
		}
		c := call{
			as: as, method: r.Method, path: strings.NewReplacer("{", "", "}", "").Replace(r.Path), kind: jsonKind,
			body: `{"unknown":1}`, header: map[string]string{"Idempotency-Key": r.Method + r.Path},
		}
		one, two := s.do(c), s.do(c)
		if one.status != two.status || one.body != two.body || replayed(one) || !replayed(two) {
			t.Errorf("%s: %d %s, then %d %v", one.what, one.status, one.body, two.status, two.header)
		}
		c.body = `{"other":1}`
		s.do(c).is(http.StatusUnprocessableEntity, "idempotency_conflict")
	}
	if seen < 6 {
		t.Errorf("only %d routes", seen)
	}
}
