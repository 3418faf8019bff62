package billing

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"errors"
	"fmt"
	"time"
)

// A call with an Idempotency-Key is answered once and its answer kept, so that
// a caller who heard nothing can ask again without doing anything twice. Answers
// may hold a confirm_token or a new key, so they are kept sealed: a dump of the
// database without the server's secret tells nothing.
//
// What must not happen twice does not rely on this: a server may die between the
// deed and the keeping of its answer. Intents have a request key of their own.

// The errors of a repeated call.
var (
	ErrIdempotencyConflict = &Error{Kind: KindConflict, Code: "idempotency_conflict", Message: "This Idempotency-Key was used for another change before. Take a new one."}
	ErrIdempotencyInFlight = &Error{Kind: KindConflict, Code: "idempotency_in_flight", Message: "The first call with this Idempotency-Key is still running. Ask again in a moment."}
)

const (
	// ReplayLife is how long the answer to a call is kept.
	ReplayLife = 24 * time.Hour
	// replayLease is how long a call may run before a repeat takes over from a
	// server that must have died. Answers are cut off well before.
	replayLease = time.Minute
)

// Call is a call with an Idempotency-Key.
type Call struct {
	CredentialID string // whose key it is: others may choose the same
	Key          string
	Request      []byte // SHA-256 over all that makes the call what it is
	Claim        string // set by BeginCall: names this attempt to run it
}

// Answer is what a call was answered.
type Answer struct {
	Status int
	Type   string // of the body
	Body   []byte
}

// CallRow is a call as it is stored. Status is 0 while it runs; Sealed is the
// answer's body.
type CallRow struct {
	Call
	Status    int
	Type      string
	Sealed    []byte
	CreatedAt time.Time // when this attempt began
}

// CallTx: the calls with an Idempotency-Key.
type CallTx interface {
	// ClaimCall stores a running call; also in place of one from before expired,
	// or of the same one that is running since before stale.
	ClaimCall(ctx context.Context, c CallRow, expired, stale time.Time) (bool, error)
	StoredCall(ctx context.Context, credentialID, key string) (CallRow, error)
	// FinishCall stores the answer if the claim still runs the call.
	FinishCall(ctx context.Context, c CallRow) (bool, error)
	// DropCall forgets a running call of the claim.
	DropCall(ctx context.Context, c Call) error
}

// BeginCall makes the caller the one who runs the call, or returns the answer
// that it was given before. Whoever runs it ends with FinishCall or DropCall.
//
// Errors: ErrIdempotencyConflict, ErrIdempotencyInFlight.
func (s *Service) BeginCall(ctx context.Context, c Call) (Call, *Answer, error) {
	now := s.wallNow()
	c.Claim = s.newID("")
	for range 3 { // what stood in the way may be gone when we look at it
		won, err := s.store.ClaimCall(ctx, CallRow{Call: c, CreatedAt: now}, now.Add(-ReplayLife), now.Add(-replayLease))
		if won || err != nil {
			return c, nil, err
		}
		old, err := s.store.StoredCall(ctx, c.CredentialID, c.Key)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return c, nil, err
		}
		answer, err := s.recall(c, old)
		return c, answer, err
	}
	return c, nil, ErrIdempotencyInFlight.After(time.Second)
}

func (s *Service) recall(c Call, old CallRow) (*Answer, error) {
	if !hmac.Equal(old.Request, c.Request) {
		return nil, ErrIdempotencyConflict
	}
	if old.Status == 0 {
		return nil, ErrIdempotencyInFlight.After(time.Second)
	}
	body, err := s.replayCipher().Open(nil, nil, old.Sealed, sealedFor(old.Call))
	if err != nil {
		return nil, fmt.Errorf("the answer to an earlier call was sealed with another server secret: %w", err)
	}
	return &Answer{Status: old.Status, Type: old.Type, Body: body}, nil
}

// FinishCall keeps the answer to a call that BeginCall gave to the caller.
func (s *Service) FinishCall(ctx context.Context, c Call, a Answer) error {
	sealed := s.replayCipher().Seal(nil, nil, a.Body, sealedFor(c)) //nolint:gosec // this cipher draws its own nonce
	_, err := s.store.FinishCall(ctx, CallRow{Call: c, Status: a.Status, Type: a.Type, Sealed: sealed})
	return err
}

// DropCall forgets a call whose answer is not worth keeping: a repeat runs it
// again.
func (s *Service) DropCall(ctx context.Context, c Call) error { return s.store.DropCall(ctx, c) }

// sealedFor binds an answer to its call: moved to another row it does not open.
func sealedFor(c Call) []byte {
	return append([]byte(c.CredentialID+"\x00"+c.Key+"\x00"), c.Request...)
}

// replayCipher is AES-256-GCM with a key of its own and a random nonce.
func (s *Service) replayCipher() cipher.AEAD {
	block, err := aes.NewCipher(s.sealer.mac("countersign/replay/v1", ""))
	if err != nil {
		panic(err) // only for keys of another length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // only for blocks of another size
	}
	return aead
}
