package billing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// What people are told by mail. A sign-in link is sent at once and never stored;
// everything else is written in the transaction of the fact that it tells of
// (mail_facts.go), a row for each reader, and sent afterwards (mail_send.go).

// Mailer sends mail to people. It must neither keep nor log what is in one.
//
// Errors: ErrMailRefused if trying again is of no use.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}

// ErrMailRefused says that a mail cannot be sent, now or later.
var ErrMailRefused = errors.New("billing: the mail server refuses this mail for good")

// Mail is one message to one person.
type Mail struct {
	// ID is the same in every try, so that a reader's program can tell that it has
	// the mail already; empty for a sign-in.
	ID      string
	To      User
	Org     Org // that it is about; zero for a sign-in
	Message Message
	URL     string    // the page that it leads to
	At      time.Time // of sending
}

// Message is what a mail tells: SignIn, RequestWaits, RequestAnswered,
// AgentChange, PaymentFailed, TrialEnding or InvoicePaid.
type Message interface {
	kind() string
	// path is the page of ours that the mail leads to.
	path() string
}

// SignIn is a sign-in link. It is the only secret in any mail.
type SignIn struct {
	URL     string
	Expires time.Time
}

// RequestWaits tells that an agent's request waits for a decision.
type RequestWaits struct {
	Request string    `json:"request"` // the approval's id
	Agent   string    `json:"agent"`
	Quote   Quote     `json:"quote"` // of the moment
	Until   time.Time `json:"until"`
	// Sender is the member who asks the reader to look; empty when the agent's asking
	// itself is told of.
	Sender string `json:"sender,omitempty"`
	// Last: the agent's next requests are not mailed for a while.
	Last bool `json:"last,omitempty"`
}

// RequestAnswered tells what somebody else has decided.
type RequestAnswered struct {
	Request  string    `json:"request"`
	Agent    string    `json:"agent"`
	Quote    Quote     `json:"quote"`
	Approved bool      `json:"approved"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	Reason   string    `json:"reason,omitempty"` // of a denial, as in Denial
	Paused   bool      `json:"paused,omitempty"` // the key asks no more
}

// ChangeEnd is how a change that an agent asked for ended.
type ChangeEnd string

// The ends of a change.
const (
	ChangeDone   ChangeEnd = "done"
	ChangeFailed ChangeEnd = "failed" // nothing has changed
	ChangeBank   ChangeEnd = "bank"   // waits for the bank's question to be answered
)

// AgentChange tells what became of a change that an agent asked for and somebody
// agreed to.
type AgentChange struct {
	Request  string    `json:"request"`
	Agent    string    `json:"agent"`
	Quote    Quote     `json:"quote"`
	By       Actor     `json:"by"` // who agreed; the agent itself for a confirmation in chat
	End      ChangeEnd `json:"end"`
	At       time.Time `json:"at"`
	Charged  int64     `json:"charged"`  // minor units
	Credited int64     `json:"credited"` // to the next invoices, minor units
	// EffectiveAt is when a scheduled change comes, or a trial ends.
	EffectiveAt time.Time `json:"effective_at,omitzero"`
	Why         string    `json:"why,omitempty"` // of a failure, for people
}

// PaymentFailed tells that a renewal could not be collected.
type PaymentFailed struct {
	Invoice string `json:"invoice"`
	Plan    string `json:"plan"` // catalogue id
	Amount  Money  `json:"amount"`
	Card    *Card  `json:"card,omitempty"`
	// NextTry is when Stripe tries again; zero: it does not.
	NextTry time.Time `json:"next_try,omitzero"`
	// KeepUntil is until when the plan is kept; zero if Out, or if it is given free of
	// charge.
	KeepUntil time.Time `json:"keep_until,omitzero"`
	Out       bool      `json:"out,omitempty"`   // the free plan is in force already
	Ended     bool      `json:"ended,omitempty"` // Stripe has ended the subscription
	// NeedsBank: it goes through once the payer confirms it.
	NeedsBank bool `json:"needs_bank,omitempty"`
}

// TrialEnding tells that a trial is about to end.
type TrialEnding struct {
	Plan   string    `json:"plan"` // catalogue id
	EndsAt time.Time `json:"ends_at"`
}

// InvoicePaid tells that an invoice was paid.
type InvoicePaid struct {
	Invoice     string `json:"invoice"`
	Number      string `json:"number"`
	Description string `json:"description"`
	Total       int64  `json:"total"` // minor units, tax included
	Payment
}

// Payment is how an invoice was paid.
type Payment struct {
	At     time.Time `json:"at"`
	Amount Money     `json:"amount"` // that was charged; the rest was paid by credit
	Lines  []Line    `json:"lines,omitempty"`
	Tax    int64     `json:"tax,omitempty"` // minor units, in the total
	Card   *Card     `json:"card,omitempty"`
	// HostedURL is Stripe's page of the invoice, if there is one.
	HostedURL string `json:"hosted_url,omitempty"`
}

const (
	pageBilling = "/settings/billing"
	pageApprove = "/approve/"
)

func (SignIn) kind() string          { return "sign_in" }
func (RequestWaits) kind() string    { return "request.waits" }
func (RequestAnswered) kind() string { return "request.answered" }
func (AgentChange) kind() string     { return "agent.change" }
func (PaymentFailed) kind() string   { return "payment.failed" }
func (TrialEnding) kind() string     { return "trial.ending" }
func (InvoicePaid) kind() string     { return "receipt" }

func (SignIn) path() string            { return "" }
func (m RequestWaits) path() string    { return pageApprove + m.Request }
func (m RequestAnswered) path() string { return pageApprove + m.Request }
func (m AgentChange) path() string     { return pageApprove + m.Request }
func (PaymentFailed) path() string     { return pageBilling }
func (TrialEnding) path() string       { return pageBilling }
func (InvoicePaid) path() string       { return pageBilling }

// readMessage makes the message that was stored.
func readMessage(kind, text string) (Message, error) {
	switch kind {
	case RequestWaits{}.kind():
		return decoded[RequestWaits](text)
	case RequestAnswered{}.kind():
		return decoded[RequestAnswered](text)
	case AgentChange{}.kind():
		return decoded[AgentChange](text)
	case PaymentFailed{}.kind():
		return decoded[PaymentFailed](text)
	case TrialEnding{}.kind():
		return decoded[TrialEnding](text)
	case InvoicePaid{}.kind():
		return decoded[InvoicePaid](text)
	}
	return nil, fmt.Errorf("billing: nothing is known of mails of kind %q", kind)
}

func decoded[T Message](text string) (Message, error) {
	var m T
	err := json.Unmarshal([]byte(text), &m)
	return m, err
}

// StoredMail is a mail that waits to be sent to one person.
type StoredMail struct {
	OrgID, Key, UserID string
	Kind, Message      string
	CreatedAt          time.Time
	Tries              int // this one included
}

// id is the same in every try and tells nobody anything.
func (m StoredMail) id() string {
	sum := sha256.Sum256([]byte("countersign/mail/v1\x00" + m.OrgID + "\x00" + m.Key + "\x00" + m.UserID))
	return hex.EncodeToString(sum[:16])
}

// MailDraft is a mail to all who can decide in an org.
type MailDraft struct {
	OrgID string
	Key   string // the fact: nobody is told of one twice
	Kind  string
	// Message is JSON and holds no secret.
	Message string
	Asker   string // whose mails CountMails counts; may be empty
	Except  string // the user who need not be told; may be empty
	FactAt  time.Time
	At      time.Time // of writing
	DueAt   time.Time
}

// MailState is where a stored mail stands.
type MailState string

// The states of a mail.
const (
	MailPending MailState = "pending"
	MailSent    MailState = "sent"
	MailDropped MailState = "dropped" // given up, or overtaken by events
)

// MailTx: the mails that wait to be sent.
type MailTx interface {
	// InsertMails writes the mail for each member who can decide, but not for whom
	// one of the same key was written before, nor if the fact is from before the
	// database was last restored from a backup.
	InsertMails(ctx context.Context, d MailDraft) error
	// WithdrawMails deletes what was not tried yet.
	WithdrawMails(ctx context.Context, orgID, key string) error
	// CountMails counts the facts that were mailed of the asker's since the time.
	CountMails(ctx context.Context, orgID, asker string, since time.Time) (int, error)
	// TakeMail takes a mail that is due; others may from leaseUntil on. ErrNotFound
	// if there is none.
	TakeMail(ctx context.Context, now, leaseUntil time.Time) (StoredMail, error)
	// Reader is who the mail is for, with the role that they have now, which is empty
	// for somebody who has left.
	Reader(ctx context.Context, orgID, userID string) (User, Role, error)
	// SettleMail ends a mail at the time, or, in state pending, lets it be tried again
	// then; false if somebody else has taken it since (m.Tries).
	SettleMail(ctx context.Context, m StoredMail, to MailState, at time.Time) (bool, error)
	// WaitingMails counts those that wait, and since when the oldest does.
	WaitingMails(ctx context.Context) (n int, oldest time.Time, err error)
}
