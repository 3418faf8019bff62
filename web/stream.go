package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// The limits of streams. A browser has six connections to a server that speaks
// HTTP/1.1, and pages need some of them.
const (
	streamsPerSession = 4
	maxStreams        = 2000
	streamPause       = 30 * time.Second // until somebody who was refused asks again
)

// looksAtOnce is how many streams read at once.
const looksAtOnce = 4

// writeWithin is how long a stream waits for a reader who does not read.
const writeWithin = 10 * time.Second

// The failures of a stream.
var (
	errStreams     = &billing.Error{Kind: billing.KindUnavailable, Code: "too_many_streams", Message: "There are too many streams at the moment. Ask for the page itself.", RetryAfter: streamPause}
	errOwnStreams  = &billing.Error{Kind: billing.KindRateLimited, Code: "too_many_streams", Message: "This session has too many streams. Ask for the page itself.", RetryAfter: streamPause}
	errStreamsOver = &billing.Error{Kind: billing.KindUnavailable, Code: "shutting_down", Message: "This server is about to end. Ask again.", RetryAfter: time.Second}
)

// Stream registers the server-sent events of a page, for people who are signed
// in: by their cookie and nothing else, and by GET only, since there is nothing
// that a HEAD could tell. Who is not let in is told in JSON.
func (rt *Router) Stream(path string, most billing.RecentLimits, h Handler) {
	rt.add(DoorStream, http.MethodGet, path, func(r *Request) error {
		if r.Method != http.MethodGet {
			r.w.Header().Set("Allow", http.MethodGet)
			return errMethod
		}
		if _, bearer, err := bearerKey(r.Header); bearer || err != nil {
			return billing.ErrUnauthorized
		}
		r.glance, r.recent = true, &most
		if err := r.identify(); err != nil {
			return err
		}
		return h(r)
	})
}

// Stream is an answer that goes on after its handler. It holds the connection
// and little else: the server's buffers and the request are of a moment, and a
// thousand pages may be open for hours.
type Stream struct {
	rt      *Router
	conn    net.Conn
	ctx     context.Context //nolint:containedctx // it is what the stream is: as long as somebody reads
	token   string          // of the session
	session string          // its id
	most    billing.RecentLimits
	known   string
}

// Stream answers with server-sent events, which talk sends for as long as life
// lasts and the reader is there. Nobody waits for talk.
//
// Errors: too many streams, of this session or altogether, and life is over.
func (r *Request) Stream(life context.Context, talk func(s *Stream)) error {
	if life.Err() != nil {
		return errStreamsOver
	}
	s := &Stream{rt: r.rt, token: r.session, session: strings.Clone(r.Principal.CredentialID), most: *r.recent, known: r.Header.Get("Last-Event-ID")}
	if s.known == "" {
		s.known = r.Query("v")
	}
	s.known = strings.Clone(s.known)
	if err := r.rt.streams.enter(s.session); err != nil {
		return err
	}
	head := r.streamHead()
	conn, _, err := http.NewResponseController(r.w).Hijack()
	if err != nil {
		r.rt.streams.leave(s.session)
		return err
	}
	r.w.status = http.StatusOK
	s.conn = conn
	go s.run(life, head, talk)
	return nil
}

// streamHead is what an answer begins with. Nothing says how long it is: its end
// is the end of the connection. When a server ends, its readers come back at
// different times.
func (r *Request) streamHead() []byte {
	var head bytes.Buffer
	h := r.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // nginx
	h.Set("Connection", "close")
	head.WriteString("HTTP/1.1 200 OK\r\n")
	_ = h.Write(&head)                                            // it never fails
	fmt.Fprintf(&head, "\r\nretry: %d\n\n", 1000+rand.IntN(4000)) //nolint:gosec // not a secret
	return head.Bytes()
}

func (s *Stream) run(life context.Context, head []byte, talk func(s *Stream)) {
	ctx, gone := context.WithCancel(life)
	s.ctx = ctx
	defer func() {
		gone()
		_ = s.conn.Close()
		s.rt.streams.leave(s.session)
	}()
	go func() { // a browser sends nothing more: this is its end
		_, _ = s.conn.Read(make([]byte, 1))
		gone()
	}()
	if s.write(head) == nil {
		talk(s)
	}
}

// Context ends when nobody reads any more.
func (s *Stream) Context() context.Context { return s.ctx }

// Look reads again who is behind the session, with what is new in their org, and
// lets see look: the session may be over, and the role another one. It is no use
// of the session.
//
// Few look at once, so that news for all streams does not keep people waiting.
// What a database needs of stack goes with a goroutine of the look's own; a stream
// would keep it.
func (s *Stream) Look(see func(ctx context.Context, p billing.Principal) error) error {
	s.rt.looks <- struct{}{}
	defer func() { <-s.rt.looks }()
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- &panicked{value: p, stack: debug.Stack()}
			}
		}()
		p, err := s.rt.cfg.Access.Glance(s.ctx, s.token, s.most)
		if err == nil {
			err = see(s.ctx, p)
		}
		done <- err
	}()
	err := <-done
	if p, bad := errors.AsType[*panicked](err); bad {
		s.rt.cfg.Log.Error("a stream of events", "error", p)
	}
	return err
}

// Known is the version that the reader has: the last one that it was told, or
// that of its page.
func (s *Stream) Known() string { return s.known }

// Tell says that the version is another one than the reader knows, and nothing
// else. If it is not, it keeps the connection from looking dead to what is in
// between.
func (s *Stream) Tell(known, version string) error {
	if version == known {
		return s.write([]byte(":\n\n"))
	}
	return s.write([]byte("event: changed\nid: " + version + "\ndata: " + version + "\n\n"))
}

// write sends at once. A reader that does not read ends the stream.
func (s *Stream) write(text []byte) error {
	if err := s.conn.SetWriteDeadline(time.Now().Add(writeWithin)); err != nil {
		return err
	}
	_, err := s.conn.Write(text)
	return err
}

// streams counts those that are open, by session.
type streams struct {
	mu  sync.Mutex
	all int
	of  map[string]int
	max int
}

func newStreams(limit int) *streams { return &streams{of: map[string]int{}, max: limit} }

func (s *streams) enter(session string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.of[session] >= streamsPerSession:
		return errOwnStreams
	case s.all >= s.max:
		return errStreams
	}
	s.all++
	s.of[session]++
	return nil
}

func (s *streams) leave(session string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.of[session]--; s.of[session] == 0 {
		delete(s.of, session)
	}
}

func (s *streams) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}
