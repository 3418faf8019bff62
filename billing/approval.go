package billing

import "time"

// ApprovalState is where a request for approval stands.
type ApprovalState string

// The states. Only pending can be left by a person, an agent or time; the ones
// after approved belong to the execution; the rest never change again.
const (
	ApprovalPending       ApprovalState = "pending"
	ApprovalApproved      ApprovalState = "approved"
	ApprovalExecuting     ApprovalState = "executing"
	ApprovalSucceeded     ApprovalState = "succeeded"
	ApprovalFailed        ApprovalState = "failed"
	ApprovalIndeterminate ApprovalState = "indeterminate"
	ApprovalDenied        ApprovalState = "denied"
	ApprovalExpired       ApprovalState = "expired"
	ApprovalCanceled      ApprovalState = "canceled"
	ApprovalSuperseded    ApprovalState = "superseded"
	ApprovalInvalidated   ApprovalState = "invalidated"
)

// Mode is how consent is asked for.
type Mode string

// The modes.
const (
	ModeChat Mode = "chat" // a token that the agent sends back after its user said yes
	ModeWeb  Mode = "web"  // a page that an owner opens
)

// Approval is an agent's request for consent; one row serves both modes.
type Approval struct {
	ID        string // apr_ + 26 characters: a handle, neither a secret nor a power
	OrgID     string
	State     ApprovalState
	Mode      Mode
	Actor     Actor  // who asks
	KeyPrefix string // of the credential, to recognise it by
	KeyBy     string // who made that credential
	Reason    string // the agent's own words, cleaned, ≤ 280 runes
	Quote     Quote
	// Nonce makes two equal requests differ.
	Nonce string
	// BaseDigest covers what never changes under this id, OpDigest the whole
	// operation with its present quote. Hex.
	BaseDigest string
	OpDigest   string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	OpenedAt   time.Time
	DecidedAt  time.Time
	DecidedBy  Actor
	Assurance  string
	Denial     *Denial
	IntentID   string
	Result     *Outcome // how the execution ended
	ReplacedBy string   // the request that superseded this one
}

// Change is what the request asks for.
func (a Approval) Change() Change { return a.Quote.Change }

// At returns the request as it stands at now: pending ends by itself.
func (a Approval) At(now time.Time) Approval {
	if a.State == ApprovalPending && !now.Before(a.ExpiresAt) {
		a.State = ApprovalExpired
	}
	return a
}

// Denial is a person's no.
type Denial struct {
	Reason string `json:"reason"` // too_expensive, not_now, not_me, other
	Note   string `json:"note,omitempty"`
}

// ConfirmToken is the chat mode's second half; only its SHA-256 is kept.
type ConfirmToken struct {
	Hash         []byte
	OrgID        string
	ApprovalID   string
	PrincipalID  string
	CredentialID string
	CreatedAt    time.Time
	ExpiresAt    time.Time
	UsedAt       time.Time
	DeadAt       time.Time // replaced by a fresh one, or burnt
}
