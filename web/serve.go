package web

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// serve runs a handler inside of what every request gets: an id, the security
// headers, a check of the URL, an answer to errors and panics, a line in the log.
func (rt *Router) serve(w http.ResponseWriter, req *http.Request, to *entry) {
	started := rt.cfg.Clock.Now()
	r := &Request{Request: req, ID: newID(), rt: rt, recorder: recorder{ResponseWriter: w}, json: to.json}
	r.w = &r.recorder
	head := w.Header()
	for k, v := range to.headers {
		head[k] = v
	}
	head["X-Request-Id"] = []string{r.ID}
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			r.fail(&panicked{value: p, stack: debug.Stack()})
		}
		r.log(started, to)
	}()
	err := r.readURL()
	if err == nil {
		err = to.handler(r)
	}
	if err != nil {
		r.fail(err)
	}
}

// newID names a request: 100 random bits.
func newID() string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	id := [24]byte{'r', 'e', 'q', '_'}
	_, _ = rand.Read(id[4:]) // it never fails
	for i := 4; i < len(id); i++ {
		id[i] = alphabet[id[i]&31]
	}
	return string(id[:])
}

// log writes the request's line. What is not in it is left out on purpose:
// paths carry sign-in tokens, queries carry sessions of Stripe. The line is made
// without looking for the program's line that made it, which is always this one.
func (r *Request) log(started time.Time, to *entry) {
	now := r.rt.cfg.Clock.Now()
	took := now.Sub(started)
	to.counts.add(r.w.status, took)
	failed := r.w.status == 0 || r.w.status >= http.StatusBadRequest
	if to.quiet && !failed || !to.log.Enabled(r.Context(), slog.LevelInfo) {
		return
	}
	line := slog.NewRecord(now, slog.LevelInfo, "request", 0)
	line.AddAttrs(
		slog.String("method", r.Method),
		slog.Int("status", r.w.status),
		slog.Duration("took", took),
		slog.String("id", r.ID),
		slog.String("principal", r.Principal.ID),
	)
	_ = to.log.Handle(r.Context(), line) // nobody is left to tell
}

type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

// recorder remembers the status that was sent; 0 is none yet.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// asError makes every error one of ours; what is foreign stays in the log.
func asError(err error) *billing.Error {
	if e, ok := errors.AsType[*billing.Error](err); ok {
		return e
	}
	return errInternal.Because(err)
}
