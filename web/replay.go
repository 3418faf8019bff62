package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// Replays keeps the answers to calls with an Idempotency-Key. *billing.Service
// does.
type Replays interface {
	// BeginCall returns the call to run, or the answer that it was given before.
	//
	// Errors: billing.ErrIdempotencyConflict, billing.ErrIdempotencyInFlight.
	BeginCall(ctx context.Context, c billing.Call) (billing.Call, *billing.Answer, error)
	// A call that was begun ends with one of these.
	FinishCall(ctx context.Context, c billing.Call, a billing.Answer) error
	DropCall(ctx context.Context, c billing.Call) error
}

const (
	// maxKeyedBody is no less than what any call takes; the call has its own limit.
	maxKeyedBody = 1 << 20
	keepTimeout  = 5 * time.Second
)

// keyed answers a change with an Idempotency-Key once: a repeat gets the answer
// of the first. It stands behind the doors, so that whoever repeats still has to
// be allowed to call, and handlers know nothing of it.
func keyed(h Handler) Handler {
	return func(r *Request) error {
		key, err := r.IdempotencyKey()
		if err != nil {
			return err
		}
		if key == "" {
			return h(r)
		}
		request, err := r.digest()
		if err != nil {
			return err
		}
		c, known, err := r.rt.cfg.Replays.BeginCall(r.Context(), billing.Call{CredentialID: r.Principal.CredentialID, Key: key, Request: request})
		switch {
		case err != nil:
			return err
		case known != nil:
			r.Replayed()
			r.resend(*known)
			return nil
		}
		return r.once(c, h)
	}
}

// digest reads the body and returns the digest of all that makes the call what
// it is. The handler reads the body again.
func (r *Request) digest() ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(r.w, r.Body, maxKeyedBody))
	if err != nil {
		return nil, bodyError(err, errBody)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	h := sha256.New()
	for _, part := range [][]byte{[]byte(r.Method), []byte(r.URL.RequestURI()), []byte(r.Principal.OrgID), body} {
		_ = binary.Write(h, binary.BigEndian, int64(len(part))) // a hash takes everything
		h.Write(part)
	}
	return h.Sum(nil), nil
}

// once runs the call with its answer held back until it is kept: who has the
// answer can rely on getting it again.
func (r *Request) once(c billing.Call, h Handler) error {
	out := r.w
	held := &holder{ResponseWriter: out}
	r.w = &recorder{ResponseWriter: held}
	keep := false
	defer func() {
		r.w = out
		if !keep { // a panic, too
			r.end(func(ctx context.Context) error { return r.rt.cfg.Replays.DropCall(ctx, c) })
		}
	}()
	if err := h(r); err != nil {
		r.fail(err)
	}
	answer := billing.Answer{Status: r.w.status, Type: out.Header().Get("Content-Type"), Body: held.body.Bytes()}
	keep = final(answer.Status, out.Header())
	if keep {
		r.end(func(ctx context.Context) error { return r.rt.cfg.Replays.FinishCall(ctx, c, answer) })
	}
	r.w = out
	r.resend(answer)
	return nil
}

// final reports whether an answer would be no other for asking again: faults
// of ours, limits, and whatever names a time to come back are not.
func final(status int, head http.Header) bool {
	return status > 0 && status < http.StatusInternalServerError && status != http.StatusTooManyRequests && head.Get("Retry-After") == ""
}

// end writes down how the call ended, also for a caller who has gone. If that
// fails the call was made all the same, and its caller is told so.
func (r *Request) end(write func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), keepTimeout)
	defer cancel()
	if err := write(ctx); err != nil {
		r.rt.cfg.Log.Error("the answer to a call with an Idempotency-Key is not kept", "id", r.ID, "error", err)
	}
}

func (r *Request) resend(a billing.Answer) {
	if a.Status == 0 {
		return
	}
	h := r.w.Header()
	if a.Type != "" {
		h.Set("Content-Type", a.Type)
		h.Set("Content-Length", strconv.Itoa(len(a.Body)))
	}
	r.w.WriteHeader(a.Status)
	if len(a.Body) > 0 {
		_, _ = r.w.Write(a.Body) // nobody is left to tell when the caller has gone
	}
}

// holder keeps an answer from being sent.
type holder struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (*holder) WriteHeader(int) {}

func (h *holder) Write(b []byte) (int, error) { return h.body.Write(b) }
