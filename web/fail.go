package web

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/billing"
)

// Problem is a failure in words for a person.
type Problem struct {
	Status  int
	Code    string
	Message string
	// Reference names the request; set when the fault is ours.
	Reference string
}

// fail answers an error in the form of the route: JSON, a page, or the way to
// sign in. Whatever is not one of our own errors becomes "internal", and is
// written down once, here.
func (r *Request) fail(err error) {
	if r.Context().Err() != nil && errors.Is(err, context.Canceled) {
		err = errCanceled
	}
	e := asError(err)
	status := r.note(e)
	if r.w.status != 0 { // too late to say anything
		return
	}
	if e == errCanceled { // nobody is there to read a page
		r.w.WriteHeader(status)
		return
	}
	switch {
	case r.json:
		r.failJSON(status, e)
	case e.Kind == billing.KindUnauthed:
		r.signIn()
	default:
		r.failPage(status, e)
	}
}

// note returns the status of an error, after what goes with it whatever the
// answer's form: the log for faults of ours, the header for those who are to wait.
func (r *Request) note(e *billing.Error) int {
	status := statusOf(e)
	if status >= http.StatusInternalServerError && e != errCanceled {
		level := slog.LevelError
		if e.Kind == billing.KindUnavailable { // somebody else's outage
			level = slog.LevelWarn
		}
		r.rt.cfg.Log.LogAttrs(r.Context(), level, "request failed",
			slog.String("id", r.ID), slog.String("route", r.Pattern), slog.String("error", e.Error()))
	}
	if e.RetryAfter > 0 {
		r.w.Header().Set("Retry-After", seconds(e.RetryAfter))
	}
	return status
}

func (r *Request) failJSON(status int, e *billing.Error) {
	r.challenge(status, e)
	_ = r.JSON(status, api.Error{ // strings, numbers and our own details always marshal
		Code: e.Code, Message: e.Message, Details: e.Details,
		Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: e.Message, Instance: r.URL.Path,
	})
}

func (r *Request) failPage(status int, e *billing.Error) {
	p := Problem{Status: status, Code: e.Code, Message: e.Message}
	if status >= http.StatusInternalServerError {
		p.Reference = r.ID
	}
	if err := r.Page(status, r.rt.cfg.ErrorPage(r, p)); err != nil {
		r.rt.cfg.Log.Error("the error page cannot be drawn", "id", r.ID, "error", err)
		r.send(status, "text/plain; charset=utf-8", []byte(e.Message+"\n"))
	}
}

// signIn leads to the sign-in page, and from there back to this one if it can
// be shown again.
func (r *Request) signIn() {
	next := r.rt.cfg.Home
	if r.rt.has(http.MethodGet, r.URL) {
		next = r.URL.EscapedPath()
	}
	_ = r.Redirect(r.rt.cfg.Login, "next", next)
}

// seconds rounds up: who waits that long is not too early.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}

// FailWith answers an error with a page of the handler's own, which shows what
// went wrong in its place: with the status, and the line in the log, that the
// error would have got anyway.
func (r *Request) FailWith(err error, page templ.Component) error {
	return r.Page(r.note(asError(err)), page)
}
