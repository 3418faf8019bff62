package billing

import (
	"context"
	"errors"
	"time"
)

// Clock tells the time in UTC.
type Clock interface {
	Now() time.Time
}

// ClockFunc makes a function a Clock.
type ClockFunc func() time.Time

// Now calls f.
func (f ClockFunc) Now() time.Time { return f() }

// Notifier wakes those who wait for news of a topic (an approval's id). Waking
// is a hint: the waiter reads the store again, so a lost or extra wake-up does
// no harm.
type Notifier interface {
	// Notify wakes the waiters of topic on every replica.
	Notify(ctx context.Context, topic string)
	// Subscribe returns a channel that receives after each Notify, and the
	// function that ends the subscription.
	Subscribe(topic string) (<-chan struct{}, func())
	// Hear calls f with the topic of each Notify, on any replica, and with "" when
	// some may have been lost, until stop is called. f returns soon.
	Hear(f func(topic string)) (stop func())
}

// Store keeps everything. A read of something that is not there answers
// ErrNotFound; every other error is a fault of the database and is wrapped.
// Every method that concerns a tenant takes the org first.
type Store interface {
	Tx
	// InTx runs f in one transaction, which is rolled back if f returns an error.
	// f must use only the Tx that it is given.
	InTx(ctx context.Context, f func(tx Tx) error) error
	// Ping reports whether the database answers and its schema is current.
	Ping(ctx context.Context) error
}

// Tx is what can be done inside a transaction and, a statement at a time,
// outside of one. Methods that return (bool, error) are guarded writes: false
// means that the guard did not hold and nothing was written.
type Tx interface {
	OrgTx
	AccessTx
	SubscriptionTx
	ApprovalTx
	IntentTx
	CallTx
	UsageTx
	ProvisionTx
	LimitTx
	OperatorTx
	OperatorAccessTx
	OutboxTx
	MailTx
	TrialTx
	GraceTx
	RestoreTx
	ReconcileTx
	ReviewTx
}

// GraceTx: subscriptions that are past due.
type GraceTx interface {
	// LapseGraces notes, at now, that past-due subscriptions are out of force whose
	// unpaid invoice is from since or earlier, at most limit and none that another
	// transaction is at, and returns their orgs.
	LapseGraces(ctx context.Context, now, since time.Time, limit int) ([]Subscription, error)
}

// TrialTx: the one trial of each org.
type TrialTx interface {
	// StartTrial stores the org's trial if it never had one, has no live
	// subscription, and its row is still of the version; false otherwise.
	StartTrial(ctx context.Context, orgID string, version int64, t Trial) (bool, error)
	// ConvertTrial notes that a subscription took the trial's place.
	ConvertTrial(ctx context.Context, orgID string, at time.Time) error
	// ExpireTrials marks trials as expired that ended by now and were not
	// converted, at most limit and none that another transaction is at, and
	// returns their rows.
	ExpireTrials(ctx context.Context, now time.Time, limit int) ([]Subscription, error)
	// RemindTrials marks running trials that end by the time, and of which nobody
	// was reminded so many days (or fewer) ahead, and returns their rows.
	RemindTrials(ctx context.Context, days int, now, endBy time.Time, limit int) ([]Subscription, error)
}

// OrgTx: orgs and their people.
type OrgTx interface {
	// Now is the database's clock, which decides over tokens and leases: replicas
	// whose own clocks disagree still agree on it.
	Now(ctx context.Context) (time.Time, error)
	// LockOrg makes every other transaction that locks the same org wait.
	LockOrg(ctx context.Context, orgID string) error
	// InsertOrg creates an org with its subscription row on the free plan.
	InsertOrg(ctx context.Context, org Org, freePlan string) error
	Org(ctx context.Context, orgID string) (Org, error)
	// OrgByCustomer finds the org of a Stripe customer.
	OrgByCustomer(ctx context.Context, customerID string) (orgID string, err error)
	// SetCustomer stores the org's customer if it has none yet; false if it had.
	SetCustomer(ctx context.Context, orgID, customerID string) (bool, error)
	// ReleaseCustomer takes the customer off the org and remembers it as the former
	// one; the live Checkout session goes with it, and CheckoutSeq moves on. False
	// if the org has another customer, or none.
	ReleaseCustomer(ctx context.Context, orgID, customerID string) (bool, error)
	// FormerCustomer is the customer that was released last; empty if none was.
	FormerCustomer(ctx context.Context, orgID string) (customerID string, err error)
	// SetCheckout stores the live Checkout session and moves CheckoutSeq from seq
	// to seq+1; false if another call was first. A nil checkout clears it and
	// keeps the sequence.
	SetCheckout(ctx context.Context, orgID string, seq int64, c *Checkout) (bool, error)
	// Members of the org, owners first, then by name.
	Members(ctx context.Context, orgID string) ([]Membership, error)
	// PutMember creates or updates the user (by email) and the membership, and
	// returns the user as stored.
	PutMember(ctx context.Context, orgID string, user User, role Role) (User, error)
	// Memberships of a user, by org name.
	Memberships(ctx context.Context, userID string) ([]Membership, error)
	// Overview reads in one statement what the summary is made of.
	Overview(ctx context.Context, orgID string) (Overview, error)
	// Recent reads in one statement the newest of the org's invoices, requests for
	// limits, and approvals that are pending (or were, until time ended them).
	Recent(ctx context.Context, orgID string, most RecentLimits) (Recent, error)
	// SetUsage stores the absolute value of a resource for the window that began
	// at start (zero for a gauge).
	SetUsage(ctx context.Context, orgID, resource string, start time.Time, value int64, at time.Time) error
	// Audit appends to the org's audit log.
	Audit(ctx context.Context, e AuditEvent) error
	// AuditLog returns the newest events of the org, newest first.
	AuditLog(ctx context.Context, orgID string, limit int) ([]AuditEvent, error)
	// Activity is AuditLog, page by page, of actors of the given kinds (nil: all).
	Activity(ctx context.Context, orgID string, f ActivityFilter) ([]AuditEvent, error)
	// TermsLog returns what the audit log says of other plans and units in force
	// since the time, oldest first.
	TermsLog(ctx context.Context, orgID string, since time.Time) ([]AuditEvent, error)
	// Team are the Members with when they were last seen in a session that looks at
	// the org.
	Team(ctx context.Context, orgID string) ([]TeamMember, error)
}

// Overview is the raw material of a summary.
type Overview struct {
	Org          Org
	Subscription Subscription
	Pending      int // approvals that wait and have not expired at the time of reading
	// Usage holds the gauges, and of the counters the windows that may be current.
	Usage     []UsageRow
	Overrides []Override // open ones, without reason, author and dates but the end
	// Recent is what was read in the same statement; nil: nothing.
	Recent *Recent
}

// Recent is what a person sees of an org at one glance; each newest first.
type Recent struct {
	Invoices []Invoice
	Limits   []LimitRequest
	Waiting  []Approval
	InReview bool // nobody knows the end of a change: an operator looks at it
}

// RecentLimits are the most of each that are read.
type RecentLimits struct{ Invoices, Limits, Waiting int }

// UsageRow is the stored value of one resource for one window.
type UsageRow struct {
	Resource   string
	Start      time.Time // of the window; zero for a gauge
	Value      int64
	ReportedAt time.Time
}

// AuditEvent is one fact: who did what to which thing.
type AuditEvent struct {
	ID      string // evt_…
	OrgID   string
	At      time.Time
	Actor   Actor
	Event   string         // "approval.requested", "intent.done", …
	Subject string         // id of the thing: apr_…, int_…
	Facts   map[string]any // no secrets
}

// AccessTx: sign-in, sessions and keys.
type AccessTx interface {
	InsertSignInLink(ctx context.Context, l SignInLink) error
	// SignInLink reads a link that is neither used nor expired.
	SignInLink(ctx context.Context, hash []byte, now time.Time) (SignInLink, error)
	// UseSignInLink uses the link up; ErrNotFound if it was used or has expired.
	UseSignInLink(ctx context.Context, hash []byte, now time.Time) (SignInLink, error)
	UserByEmail(ctx context.Context, email string) (User, error)
	InsertSession(ctx context.Context, s Session) error
	// SessionPrincipal reads who is behind a live session, with the role in the
	// session's org, and when it was last seen, in one statement. ErrNotFound if
	// it is revoked, past its absolute end, idle since before idleSince, or no
	// longer a member there.
	SessionPrincipal(ctx context.Context, hash []byte, now, idleSince time.Time) (p Principal, seen time.Time, err error)
	// SessionOverview is SessionPrincipal, with the org's overview in it.
	SessionOverview(ctx context.Context, hash []byte, now, idleSince time.Time) (p Principal, seen time.Time, err error)
	// SessionRecent is SessionOverview, with what Recent reads in it.
	SessionRecent(ctx context.Context, hash []byte, now, idleSince time.Time, most RecentLimits) (p Principal, seen time.Time, err error)
	TouchSession(ctx context.Context, id string, at time.Time) error
	RevokeSession(ctx context.Context, id string, at time.Time) error
	SetSessionOrg(ctx context.Context, id, orgID string) error
	InsertCredential(ctx context.Context, c Credential) error
	// KeyPrincipal reads who is behind a key that is not revoked, with the
	// member's present role for a member token, and when it was last used, in one
	// statement.
	KeyPrincipal(ctx context.Context, hash []byte) (p Principal, used time.Time, err error)
	// AgentOverview is KeyPrincipal for an agent's key, with the org's overview in
	// it. ErrNotFound for the key of anybody else.
	AgentOverview(ctx context.Context, hash []byte) (p Principal, used time.Time, err error)
	Credential(ctx context.Context, orgID, id string) (Credential, error)
	TouchCredential(ctx context.Context, id string, at time.Time) error
	PauseCredential(ctx context.Context, orgID, id string, at time.Time) error
	// RevokeCredential ends the key and every pending request made with it.
	RevokeCredential(ctx context.Context, orgID, id string, at time.Time) error
}

// SubscriptionTx: the projected state, the inbox and the invoices.
type SubscriptionTx interface {
	Subscription(ctx context.Context, orgID string) (Subscription, error)
	// MarkDirty says that Stripe may know something new.
	MarkDirty(ctx context.Context, orgID string) error
	// DirtyOrgs lists orgs that need a sync, oldest reason first.
	DirtyOrgs(ctx context.Context, limit int) ([]string, error)
	// PlainNews reports whether each of the reasons to look from after to upto is an
	// event in the inbox, and none of them about an invoice.
	PlainNews(ctx context.Context, orgID string, after, upto int64) (bool, error)
	// SaveState writes sub (State, Version, ScheduledBy, SyncedSeq, SyncedAt) if
	// the row still has sub.RowVersion, mirrors the newest invoices (older ones
	// than those in the list stay), and marks the inbox rows done that were stored
	// before sub.SyncedSeq was reached.
	SaveState(ctx context.Context, sub Subscription, invoices []Invoice) (bool, error)
	// MarkRead notes sub.SyncedAt of a reading that changed nothing, unless the row
	// was written since.
	MarkRead(ctx context.Context, sub Subscription) error
	// SetSchedule records who asked for the scheduled change (nil clears it).
	SetSchedule(ctx context.Context, orgID string, by *Schedule) error
	// Invoices newest first, before the given id ("" for the first page).
	Invoices(ctx context.Context, orgID, before string, limit int) ([]Invoice, error)
	// PaidSince are the amounts of the org's paid invoices since the time, oldest
	// first: no other field but the time is read.
	PaidSince(ctx context.Context, orgID string, since time.Time) ([]Invoice, error)
	// StoreEvent puts an event into the inbox and marks the org dirty; false if
	// the event was there already. orgID is empty for a customer we do not know.
	StoreEvent(ctx context.Context, orgID string, e Event, receivedAt time.Time) (bool, error)
	// EventCursor is how far the reconciler has read Stripe's list of events.
	EventCursor(ctx context.Context) (time.Time, error)
	// SetEventCursor also notes that the list was read just now.
	SetEventCursor(ctx context.Context, at time.Time) error
	// Backlog counts over all orgs what is open.
	Backlog(ctx context.Context) (Backlog, error)
}

// ApprovalFilter selects approvals of an org. Zero fields select all.
type ApprovalFilter struct {
	State       ApprovalState
	PrincipalID string
	Before      string // id of the last one seen; newest first
	Limit       int
}

// ApprovalTx: requests, tokens and the limits on both.
type ApprovalTx interface {
	InsertApproval(ctx context.Context, a Approval) error
	Approval(ctx context.Context, orgID, id string) (Approval, error)
	// ApprovalOrg finds the org of a request among the orgs of a user.
	ApprovalOrg(ctx context.Context, id, userID string) (orgID string, err error)
	Approvals(ctx context.Context, orgID string, f ApprovalFilter) ([]Approval, error)
	// CountApprovals counts how the principal's requests since the time ended:
	// by state, with expired ones that nobody has written down yet as pending.
	CountApprovals(ctx context.Context, orgID, principalID string, since time.Time) (map[ApprovalState]int, error)
	// Approve is the decision: it moves a pending request to approved if every
	// clause of the guard holds at this instant.
	Approve(ctx context.Context, d Decision) (bool, error)
	// EndApproval moves a pending request to one of the states that a person, an
	// agent or time can put it in, with a.DecidedAt, DecidedBy, Denial, ReplacedBy.
	EndApproval(ctx context.Context, a Approval) (bool, error)
	// MoveApproval moves a decided request along: approved → executing →
	// succeeded, failed or indeterminate; result and failure are kept with it.
	MoveApproval(ctx context.Context, orgID, id string, to ApprovalState, result *Outcome, at time.Time) (bool, error)
	// RequoteApproval replaces what may change while a request waits: mode,
	// reason, quote, op digest and expiry.
	RequoteApproval(ctx context.Context, a Approval) (bool, error)
	MarkOpened(ctx context.Context, orgID, id string, at time.Time) error
	// ExpireApprovals writes down what time has ended already; it returns them.
	ExpireApprovals(ctx context.Context, now time.Time, limit int) ([]Approval, error)

	InsertToken(ctx context.Context, t ConfirmToken) error
	Token(ctx context.Context, orgID string, hash []byte) (ConfirmToken, error)
	// UseToken uses up a live token; false if it was used, replaced or has expired.
	UseToken(ctx context.Context, hash []byte, now time.Time) (bool, error)
	// KillTokens ends the live tokens of a request.
	KillTokens(ctx context.Context, approvalID string, at time.Time) error
	InsertTokenFailure(ctx context.Context, orgID, principalID string, at time.Time) error
	CountTokenFailures(ctx context.Context, orgID, principalID string, since time.Time) (int, error)
}

// Decision is the guard and the content of the UPDATE that approves.
type Decision struct {
	OrgID, ApprovalID   string
	At                  time.Time
	By                  Actor
	Assurance           string
	Quote               Quote
	OpDigest            string
	BaseDigest          string
	SubscriptionVersion int64
	// DeciderUserID must still be owner or billing admin; empty for a chat
	// confirmation, where the credential that asked must still be valid.
	DeciderUserID string
	IntentID      string
}

// IntentTx: the executions.
type IntentTx interface {
	// InsertIntent stores a pending intent. false if the org has an open one, or
	// the request key was used before; for a duplicate, if it ever had one.
	InsertIntent(ctx context.Context, i Intent) (bool, error)
	Intent(ctx context.Context, orgID, id string) (Intent, error)
	IntentByRequestKey(ctx context.Context, orgID, key string) (Intent, error)
	// OpenIntent is the open one of the org's own; those for duplicates stand beside.
	OpenIntent(ctx context.Context, orgID string) (Intent, error)
	// NewestDuplicate is the org's last intent for a second subscription, whatever
	// became of it.
	NewestDuplicate(ctx context.Context, orgID string) (Intent, error)
	// ClaimIntent moves pending → calling with attempt 1 and a lease.
	ClaimIntent(ctx context.Context, orgID, id string, now, leaseUntil time.Time) (bool, error)
	// TakeStaleIntent takes over one open intent whose lease (or, while pending,
	// whose creation plus grace, which one for a duplicate does not have) has run out, skipping those that another worker
	// holds. ErrNotFound if there is none.
	TakeStaleIntent(ctx context.Context, now, leaseUntil time.Time, grace time.Duration) (Intent, error)
	// SettleIntent ends an open intent (done, failed, refused, needs_review) with
	// its result if it still is in state from with this attempt.
	SettleIntent(ctx context.Context, i Intent, from IntentState) (bool, error)
	// RetryIntent starts the next attempt of a calling intent under a new lease.
	RetryIntent(ctx context.Context, orgID, id string, attempt int, leaseUntil time.Time) (bool, error)
}

// NewestInvoices is how many invoices a sync reads: enough for what can happen
// between two of them. A customer's first one reads all.
const NewestInvoices = 24

// Processor takes the money: Stripe, or nobody when it is not configured.
//
// Errors: ErrStripeUnavailable when a read or a session could not be had;
// Apply has errors of its own.
type Processor interface {
	// Fetch reads the whole state of a customer and its newest invoices, at most
	// NewestInvoices.
	Fetch(ctx context.Context, customerID string) (State, []Invoice, error)
	// AllInvoices reads the customer's invoices of all times, up to a bound of the
	// implementation, the newest first.
	AllInvoices(ctx context.Context, customerID string) ([]Invoice, error)
	// Quote asks what a change would cost with this proration date. It changes
	// nothing. The quote's SubscriptionVersion is from.Version.
	Quote(ctx context.Context, from Subscription, c Change, prorationDate time.Time) (Quote, error)
	// EnsureCustomer creates the org's customer once, and once more after each
	// org.FormerCustomer.
	EnsureCustomer(ctx context.Context, org Org, email string) (customerID string, err error)
	// OpenCheckout opens a hosted page on which a person enters a card. Opening
	// it changes nothing that is paid.
	OpenCheckout(ctx context.Context, r CheckoutRequest) (Checkout, error)
	// ExpireCheckout ends an open session; one that ended already is no error.
	ExpireCheckout(ctx context.Context, id string) error
	// OpenPortal opens Stripe's customer portal.
	OpenPortal(ctx context.Context, customerID, returnURL string) (url string, err error)
	// Apply carries out an order. It is the only call that changes a
	// subscription, and an Order comes from a claimed intent only.
	//
	// Errors: *Error with kind KindPayment (declined, or a bank's question) or
	// ErrRejected (Stripe will not), both meaning that nothing changed;
	// ErrStripeBusy (try the same again later); ErrStripeFault (a 5xx answer) and
	// anything else mean that nobody knows whether it happened.
	Apply(ctx context.Context, o Order) (Applied, error)
	// Trace looks among Stripe's events for the order's call, and says what became of
	// it. It changes nothing, and takes an order that Apply would not. Stripe keeps
	// events for 30 days.
	//
	// Errors: ErrNoTrace; ErrTraceUnclear; of kind KindPayment, if Stripe took the
	// change in and it was not paid; ErrStripeUnavailable.
	Trace(ctx context.Context, o Order) (Applied, error)
	// Events lists all events since the time, oldest first, for the reconciler.
	// ErrTooManyEvents if there are more than the implementation reads.
	Events(ctx context.Context, since time.Time) ([]Event, error)
}

// Errors of Apply that say nothing about whether anything changed.
var (
	// ErrStripeBusy: Stripe asks to be called again later with the very same
	// request.
	ErrStripeBusy = &Error{Kind: KindUnavailable, Code: "stripe_busy", Message: "Stripe is busy. Try again shortly."}
	// ErrStripeFault: Stripe answered with a fault of its own (5xx), and would
	// answer the same fault again to the same key.
	ErrStripeFault = &Error{Kind: KindUnavailable, Code: "stripe_fault", Message: "Stripe had a fault. We find out by ourselves what it did."}
)

// Errors of Trace.
var (
	// ErrNoTrace: Stripe's events tell of everything since the consent, and of no
	// call of this order: it was not carried out.
	ErrNoTrace = errors.New("billing: no event of this change")
	// ErrTraceUnclear: there are too many events, or they say two things.
	ErrTraceUnclear = &Error{Kind: KindUnavailable, Code: "trace_unclear", Message: "Stripe's events do not say what became of this change."}
)

// CheckoutRequest asks for a hosted page to subscribe to a plan.
type CheckoutRequest struct {
	OrgID, CustomerID string
	Plan              Plan
	Seq               int64 // part of the idempotency key
	SuccessURL        string
	CancelURL         string
	ExpiresAt         time.Time
}

// Checkout is an open Checkout session.
type Checkout struct {
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	Plan      string    `json:"plan"`
	ExpiresAt time.Time `json:"expires_at"`
}

// Order is the permission to change one subscription in one way, made from a
// claimed intent. Its fields are unexported: outside of this package an Order
// can be had and passed on, but not made.
type Order struct {
	intent Intent
}

// Valid is false for an Order that was not made from a claimed intent.
func (o Order) Valid() bool { return o.intent.ID != "" && o.intent.State == IntentCalling }

// IntentID is the intent that the order carries out.
func (o Order) IntentID() string { return o.intent.ID }

// Key is the idempotency key: fixed per attempt.
func (o Order) Key() string { return intentKey(o.intent) }

// Quote is what was agreed to, with the proration date to use.
func (o Order) Quote() Quote { return o.intent.Quote }

// AgreedAt is when the consent was given, by the database's clock.
func (o Order) AgreedAt() time.Time { return o.intent.CreatedAt }

// CalledAt is when Stripe was first about to be asked, by the database's clock; zero
// if that is still to come.
func (o Order) CalledAt() time.Time { return o.intent.CalledAt }

// Interactive says that a person can answer the bank's question.
func (o Order) Interactive() bool { return o.intent.Interactive }

// Duplicate is the second subscription that is to be ended and refunded; empty in
// every other order.
func (o Order) Duplicate() string { return o.intent.Duplicate }

// From is the state that the order starts from.
func (o Order) From() State { return o.intent.From }

// Applied is what Stripe did.
type Applied struct {
	// Charged and Credited in minor units.
	Charged, Credited int64
	Refunded          int64 // to the card and to the credit, of a duplicate
	InvoiceID         string
	EffectiveAt       time.Time
	// Action is set when the change waits for the bank: nothing has changed yet.
	Action *PaymentAction
}
