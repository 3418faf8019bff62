package billing

import "time"

// Org is a customer organisation of the host application: the tenant.
type Org struct {
	ID         string
	Name       string
	CustomerID string // at Stripe; empty until the first checkout
	// FormerCustomer is the customer before, deleted at Stripe; read where the next
	// one is made.
	FormerCustomer string
	DesignPartner  bool // provided free of charge on the top plan
	// GivenPlan is a plan that an operator gives free of charge, which wins over
	// everything else; empty if there is none.
	GivenPlan string
	// CheckoutSeq counts the org's Checkout sessions. It is part of the
	// idempotency key, so two racing calls open the same session.
	CheckoutSeq int64
	Checkout    *Checkout // the live session, if one was opened
	CreatedAt   time.Time
	Region      Region
}

// Complimentary reports whether the org has its plan free of charge.
func (o Org) Complimentary() bool { return o.DesignPartner || o.GivenPlan != "" }

// User is a person who can sign in.
type User struct {
	ID        string
	Email     string // lower-case
	Name      string
	CreatedAt time.Time
}

// Membership is a user's place in an org.
type Membership struct {
	OrgID   string
	OrgName string
	User    User
	Role    Role
}

// Session is a person's sign-in: a revocable row. The browser holds a random
// token of which only the SHA-256 is kept.
type Session struct {
	ID         string
	Hash       []byte
	UserID     string
	OrgID      string // the org that the person looks at now
	CreatedAt  time.Time
	LastSeenAt time.Time
	ExpiresAt  time.Time // absolute end
	RevokedAt  time.Time
}

// SignInLink is an emailed single-use link; only its SHA-256 is kept.
type SignInLink struct {
	Hash      []byte
	Email     string
	Next      string // path to go to afterwards: one of our own pages
	OrgID     string // the one org that it signs in to; empty: whichever the person has
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time
}

// Credential is an API key: agent, member or host. Only its SHA-256 is kept.
type Credential struct {
	ID          string // key_…
	Kind        PrincipalKind
	OrgID       string // empty for a host key
	PrincipalID string // agt_… for an agent, usr_… for a member token
	Name        string // the agent's name, or the person's
	Hash        []byte
	Prefix      string // the first characters, to recognise a key by: "csa_4fZk"
	Scopes      []string
	CreatedBy   string // name of the person who made it
	CreatedAt   time.Time
	LastUsedAt  time.Time
	PausedAt    time.Time
	RevokedAt   time.Time
}

// AskRecord is how an agent's earlier requests ended.
type AskRecord struct {
	Approved, Denied, Unanswered int
}
