package handlers_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

const events = "/settings/events"

// beats is a Waiter whose time the test lets pass.
type beats chan struct{}

func (b beats) Wait(ctx context.Context, _ time.Duration, news <-chan struct{}) bool {
	select {
	case <-news:
		return true
	case <-b:
		return true
	case <-ctx.Done():
		return false
	}
}

func (beats) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

// pass lets a beat pass, for the one stream that there is.
func (b beats) pass(t *testing.T) {
	t.Helper()
	select {
	case b <- struct{}{}:
	case <-time.After(10 * time.Second):
		t.Fatal("no stream waits")
	}
}

// newLive is a site whose streams beat when the test says so.
func newLive(t *testing.T, postgres bool) (*site, beats) {
	t.Helper()
	b := make(beats)
	return newSite(t, worldtest.Options{Postgres: postgres, Configure: func(c *billing.Config) { c.Waiter = b }}), b
}

// ear is a page that listens.
type ear struct {
	t      *testing.T
	res    *http.Response
	pieces chan string // closed at the end of the stream
}

// listen opens a stream, and reads its first piece.
func (s *site) listen(as caller, path string, header ...string) *ear {
	s.t.Helper()
	c := call{as: as, method: http.MethodGet, path: path, header: map[string]string{"Accept": eventKind}}
	if len(header) > 0 {
		c.header[header[0]] = header[1]
	}
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(s.request(c))
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = res.Body.Close() })
	e := &ear{t: s.t, res: res, pieces: make(chan string)}
	if res.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(res.Body)
		s.t.Fatalf("%s: %d %s", path, res.StatusCode, raw)
	}
	go e.read()
	if first := e.next(); !strings.HasPrefix(first, "retry: ") {
		s.t.Fatalf("it begins with %q", first)
	}
	return e
}

func (e *ear) read() {
	defer close(e.pieces)
	in, piece := bufio.NewReader(e.res.Body), ""
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		if line == "\n" {
			e.pieces <- piece
			piece = ""
			continue
		}
		piece += line
	}
}

// next is the next piece; "" is the end.
func (e *ear) next() string {
	e.t.Helper()
	select {
	case piece := <-e.pieces:
		return piece
	case <-time.After(10 * time.Second):
		e.t.Fatal("nothing is told")
		return ""
	}
}

// changed is the version of the next piece that is no beat, and tells of a change.
func (e *ear) changed() string {
	e.t.Helper()
	piece := e.next()
	for piece == ":\n" { // PostgreSQL tells us too what we have told it
		piece = e.next()
	}
	rest, ok := strings.CutPrefix(piece, "event: changed\nid: ")
	version, _, _ := strings.Cut(rest, "\n")
	if !ok || len(version) != 16 || piece != "event: changed\nid: "+version+"\ndata: "+version+"\n" {
		e.t.Fatalf("got %q", piece)
	}
	return version
}

// still checks that the next piece tells of nothing.
func (e *ear) still() {
	e.t.Helper()
	if piece := e.next(); piece != ":\n" {
		e.t.Fatalf("got %q", piece)
	}
}

// ended checks that there is no next piece.
func (e *ear) ended() {
	e.t.Helper()
	if piece := e.next(); piece != "" {
		e.t.Fatalf("it goes on with %q", piece)
	}
}

// TestEvents: what changes in the org is told at once, what changes in another is
// not, and nobody is told what it was.
func TestEvents(t *testing.T) {
	for name, postgres := range map[string]bool{"SQLite": false, "PostgreSQL": true} {
		t.Run(name, func(t *testing.T) {
			s, b := newLive(t, postgres)
			p, stranger := s.people("acme", "pro", visa), s.people("stranger", "pro", visa)
			e := s.listen(p.member, events)
			for k, want := range map[string]string{"Content-Type": eventKind, "Cache-Control": "no-store", "X-Accel-Buffering": "no", "X-Content-Type-Options": "nosniff"} {
				if got := e.res.Header.Get(k); got != want {
					t.Errorf("%s: %q, want %q", k, got, want)
				}
			}
			before := e.changed() // the page said nothing of a version
			b.pass(t)
			e.still()
			s.ask(stranger.agent, "scale")
			b.pass(t)
			e.still()
			id := s.ask(p.agent, "scale")
			asked := e.changed()
			s.submit(p.owner, "/approve/"+id, s.decision(p.owner, id, "deny"))
			if denied := e.changed(); asked == before || denied == asked {
				t.Errorf("%s, %s and %s", before, asked, denied)
			}
			if again := s.listen(p.owner, events+"?v="+before); again.next() != ":\n" {
				t.Error("a page that is up to date is told of a change")
			}
		})
	}
}

// TestEventsOfARequest: the page of a request, and who has seen what of it.
func TestEventsOfARequest(t *testing.T) {
	s, _ := newLive(t, false)
	p, stranger := s.people("acme", "pro", visa), s.people("stranger", "pro", visa)
	id := s.ask(p.agent, "scale")
	path := "/approve/" + id + "/events"
	s.get(stranger.owner, path).is(404, "not_found")
	s.get(p.owner, "/approve/apr_1/events").is(404, "not_found")
	e := s.listen(p.owner, path)
	before := e.changed()
	s.listen(p.member, path+"?v="+before).changed() // who may not decide sees another page
	s.listen(p.owner, path+"?v=another", "Last-Event-ID", before).still()
	s.post(p.agent, "/api/web-approve/cancel", `{"request":"`+id+`"}`).is(200, "canceled")
	if after := e.changed(); after == before {
		t.Error("a withdrawn request has the version of a waiting one")
	}
}

// TestEventsByTime: a request that ends by itself is told at the next beat.
func TestEventsByTime(t *testing.T) {
	s, b := newLive(t, false)
	p := s.people("acme", "pro", visa)
	id := s.post(p.agent, "/api/billing/upgrade", `{"plan":"scale","mode":"web","expires_in":300}`).is(200, "web-approve-required").text("request")
	e := s.listen(p.owner, "/approve/"+id+"/events")
	before := e.changed()
	s.Advance(299 * time.Second)
	b.pass(t)
	e.still()
	s.Advance(2 * time.Second)
	b.pass(t)
	if e.changed() == before {
		t.Error("nothing is told of the end")
	}
}

// TestEventsEnd: with the session, the role and the org that it looks at.
func TestEventsEnd(t *testing.T) {
	for name, end := range map[string]func(s *site, p people){
		"signed out":       func(s *site, p people) { s.ok(s.Service.SignOut(s.t.Context(), p.Member)) },
		"no longer there":  func(s *site, p people) { s.Exec(`DELETE FROM members WHERE user_id = '` + p.Member.ID + `'`) },
		"idle for a night": func(s *site, _ people) { s.Advance(12*time.Hour + time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			s, b := newLive(t, false)
			p := s.people("acme", "pro", visa)
			e := s.listen(p.member, events)
			e.changed()
			for range 3 { // listening is no use of a session
				s.Advance(time.Minute)
				b.pass(t)
				e.still()
			}
			end(s, p)
			b.pass(t)
			e.ended()
			s.get(p.member, events).is(401, "unauthorized")
		})
	}
}

// TestLookIsNoUse: a page that asks for itself does not keep a session alive.
func TestLookIsNoUse(t *testing.T) {
	s := newSite(t, worldtest.Options{})
	p := s.people("acme", "pro", visa)
	id := s.ask(p.agent, "scale")
	paths := []string{"/settings/billing", "/settings/approvals", "/approve/" + id}
	look := func(by caller, path string) int {
		return s.do(call{as: by, method: http.MethodGet, path: path, header: map[string]string{"X-Look": "again"}}).status
	}
	for range 12 {
		for _, path := range paths {
			if got := look(p.admin, path); got != 200 {
				t.Fatalf("%s: %d", path, got)
			}
			s.get(p.owner, path).is(200, "")
		}
		s.Advance(time.Hour + time.Second)
	}
	for _, path := range paths[:2] {
		if got := look(p.admin, path); got == 200 {
			t.Errorf("%s: a page that asked by itself has kept the session alive", path)
		}
		s.get(p.owner, path).is(200, "")
	}
}

// TestEventsLimits: a session has four streams, and more when one of them ends.
func TestEventsLimits(t *testing.T) {
	s, _ := newLive(t, false)
	p := s.people("acme", "pro", visa)
	var open []*ear
	for range 4 {
		open = append(open, s.listen(p.owner, events))
		open[len(open)-1].changed()
	}
	if a := s.get(p.owner, events).is(429, "too_many_streams"); a.header.Get("Retry-After") != "30" {
		t.Errorf("%v", a.header)
	}
	s.listen(p.admin, events).changed()
	s.ok(open[0].res.Body.Close())
	deadline := time.Now().Add(10 * time.Second)
	for s.get(p.owner, events).status != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("a stream that was closed keeps its place")
		}
	}
}

// TestEventsAtTheEnd: a server that is about to end lets nobody wait.
func TestEventsAtTheEnd(t *testing.T) {
	s, _ := newLive(t, false)
	p := s.people("acme", "pro", visa)
	e := s.listen(p.owner, events)
	e.changed()
	s.Service.Drain()
	e.ended()
	a := s.do(call{as: p.owner, method: http.MethodGet, path: events, mayFail: true}).is(503, "shutting_down")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("%v", a.header)
	}
}

// TestEventsMethods: there is nothing to be had but by GET.
func TestEventsMethods(t *testing.T) {
	s, _ := newLive(t, false)
	p := s.people("acme", "pro", visa)
	for method, allow := range map[string]string{http.MethodHead: "GET", http.MethodPost: "GET, HEAD", http.MethodPut: "GET, HEAD"} {
		a := s.do(call{as: p.owner, method: method, path: events})
		if a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != allow {
			t.Errorf("%s: %d, allowed %q", method, a.status, a.header.Get("Allow"))
		}
	}
	s.do(call{as: caller{"both", p.AgentKey, p.OwnerCookie}, method: http.MethodGet, path: events}).is(401, "unauthorized")
}
