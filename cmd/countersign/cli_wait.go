package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"
	"rsc.io/qr"

	"github.com/countersignhq/countersign/api"
)

// The pace of waiting.
const (
	pollWait    = 25 * time.Second // how long the server holds a poll at most
	firstPause  = time.Second      // after trouble, doubled each time
	longPause   = 15 * time.Second
	maxTroubles = 12 // in a row: some two minutes
)

// asked shows a request and waits for what becomes of it.
func (s *session) asked(ctx context.Context, ch api.V1Change, a consent) error {
	printMessage(s.err, ch)
	fmt.Fprintln(s.err)
	printAddress(s.err, ch)
	s.showQR(ch.ApprovalURL)
	fmt.Fprintln(s.err, "\n"+askWords)
	return s.waitFor(ctx, ch.Request, a.timeout)
}

// waitFor waits until a request is over, and says how it ended.
func (s *session) waitFor(ctx context.Context, id string, timeout time.Duration) error {
	st, err := s.follow(ctx, id, timeout)
	if err != nil {
		return err
	}
	s.print(func(w io.Writer) { printEnd(w, st) })
	return endError(st)
}

// follow polls until the request is over, with the spinner on a terminal.
func (s *session) follow(ctx context.Context, id string, timeout time.Duration) (api.ApprovalStatus, error) {
	waiting := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	sp := s.spin("Waiting for a decision about " + id)
	defer sp.stop()
	var troubles int
	var last string
	said := s.tape.body // the last that was known
	for {
		began := time.Now()
		st, err := s.ApprovalStatus(waiting, id, pollWait)
		pause := time.Duration(0)
		switch {
		case waiting.Err() != nil:
			sp.stop()
			if s.json {
				s.raw(said)
			}
			return st, s.stillOpen(id)
		case err != nil:
			if troubles++; troubles > maxTroubles || !passing(err) {
				return st, err
			}
			pause = pauseAfter(err, troubles)
		case st.Next != "poll":
			return st, nil
		default:
			troubles, said = 0, s.tape.body
			if st.Opened {
				sp.say("Opened, waiting for a decision about " + id)
			}
			if st.Status == last { // else there is news, and more may follow at once
				pause = time.Duration(st.Interval)*time.Second - time.Since(began)
			}
			last = st.Status
		}
		select {
		case <-time.After(pause):
		case <-waiting.Done():
		}
	}
}

// stillOpen is the end of waiting without an end of the request.
func (s *session) stillOpen(id string) error {
	return &exitError{exitPending, "no decision yet; the request stays. Go on with: " + s.line("countersign approvals wait "+id)}
}

// passing reports whether a failed poll may be repeated.
func passing(err error) bool {
	if e, ok := errors.AsType[*api.CallError](err); ok {
		return callCode(e) == exitAgain
	}
	e, ok := errors.AsType[*url.Error](err)
	return ok && exitCode(notReached("", e)) == exitAgain
}

func pauseAfter(err error, troubles int) time.Duration {
	if e, ok := errors.AsType[*api.CallError](err); ok && e.RetryAfter > 0 {
		return e.RetryAfter
	}
	return min(firstPause<<(troubles-1), longPause)
}

// printEnd says how a request ended.
func printEnd(w io.Writer, st api.ApprovalStatus) {
	switch st.Status {
	case "completed":
		fmt.Fprintln(w, "Approved.")
		printResult(w, resultOf(st))
	case "denied":
		fmt.Fprintf(w, "Denied%s. Nothing changed.\n", deniedText(st.Denied))
	case "expired":
		fmt.Fprintln(w, "Nobody decided in time. Nothing changed; ask again.")
	case "canceled":
		fmt.Fprintln(w, "The request was withdrawn. Nothing changed.")
	case "superseded":
		fmt.Fprintf(w, "A newer request took its place: %s. Nothing changed by this one.\n", orDash(st.ReplacedBy))
	case "invalidated":
		fmt.Fprintln(w, "The request is void, since its key was revoked or its organisation closed. Nothing changed.")
	case "failed":
		fmt.Fprintln(w, "Approved, but it could not be carried out.")
	default:
		fmt.Fprintln(w, cmp.Or(resultOf(st).Message, st.Status))
	}
}

func deniedText(d *api.Denied) string {
	if d == nil {
		return ""
	}
	text := ": " + strings.ReplaceAll(d.Reason, "_", " ")
	if d.Note != "" {
		text += ", " + d.Note
	}
	return text
}

// resultOf reads the result, which is what a direct call would have answered.
func resultOf(st api.ApprovalStatus) (ch api.V1Change) {
	raw, err := json.Marshal(st.Result)
	if err == nil {
		_ = json.Unmarshal(raw, &ch)
	}
	return ch
}

// endError is the exit code of a request's end.
func endError(st api.ApprovalStatus) error {
	switch st.Status {
	case "completed":
		return nil
	case "denied", "expired", "canceled", "superseded", "invalidated":
		return &exitError{code: exitDenied}
	case "failed":
		e := &api.CallError{Status: 400}
		if p := st.Error; p != nil {
			e.Body = api.Error{Code: p.Code, Message: p.Message, Details: p.Details}
		}
		return callFailed(e)
	}
	return &exitError{code: exitPending}
}

// spinner shows on a terminal that something is being waited for.
type spinner struct {
	text atomic.Pointer[string]
	end  func()
}

const spinStep = 120 * time.Millisecond

// spin starts a spinner; where there is no terminal it says the text once.
func (s *session) spin(text string) *spinner {
	sp := &spinner{end: func() {}}
	sp.say(text)
	f, ok := terminal(s.cmd.ErrOrStderr())
	if !ok {
		fmt.Fprintln(s.err, text)
		return sp
	}
	done, gone := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(gone)
		sp.turn(f, done)
	}()
	sp.end = sync.OnceFunc(func() { close(done); <-gone })
	return sp
}

func (sp *spinner) say(text string) {
	text = strings.Map(harmless, text)
	sp.text.Store(&text)
}

func (sp *spinner) stop() { sp.end() }

func (sp *spinner) turn(w io.Writer, done <-chan struct{}) {
	tick := time.NewTicker(spinStep)
	defer tick.Stop()
	began := time.Now()
	signs := []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")
	for i := 0; ; i++ {
		fmt.Fprintf(w, "\r\x1b[K%c %s, %d s", signs[i%len(signs)], *sp.text.Load(), int(time.Since(began).Seconds()))
		select {
		case <-tick.C:
		case <-done:
			fmt.Fprint(w, "\r\x1b[K")
			return
		}
	}
}

// showQR draws an address for a phone, where it fits onto a terminal.
func (s *session) showQR(address string) {
	f, ok := terminal(s.cmd.ErrOrStderr())
	if !ok {
		return
	}
	code, err := qr.Encode(address, qr.L)
	if err != nil {
		return
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width < code.Size+2*qrMargin {
		return
	}
	fmt.Fprint(f, "\n"+drawQR(code, os.Getenv("NO_COLOR") == ""))
}

const qrMargin = 2

// drawQR draws two modules per character. With colour they are black on white;
// without, light ones are drawn, for a terminal that is dark.
func drawQR(code *qr.Code, colour bool) string {
	dark := func(x, y int) bool { return code.Black(x, y) }
	var out strings.Builder
	for y := -qrMargin; y < code.Size+qrMargin; y += 2 {
		if colour {
			out.WriteString("\x1b[38;5;16;48;5;231m")
		}
		for x := -qrMargin; x < code.Size+qrMargin; x++ {
			out.WriteString(halves(dark(x, y) == colour, dark(x, y+1) == colour))
		}
		if colour {
			out.WriteString("\x1b[0m")
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// halves is a character with its upper and its lower half drawn.
func halves(upper, lower bool) string {
	switch {
	case upper && lower:
		return "█"
	case upper:
		return "▀"
	case lower:
		return "▄"
	}
	return " "
}
