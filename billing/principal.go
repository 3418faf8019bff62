package billing

import (
	"slices"
	"time"
)

// PrincipalKind says what a caller is. The credential decides it, never the
// client's word.
type PrincipalKind string

// The kinds of principal.
const (
	KindHuman  PrincipalKind = "human"  // a session cookie
	KindMember PrincipalKind = "member" // a member token: a person's tool acting for that person
	KindAgent  PrincipalKind = "agent"  // an agent key: may ask, never decides
	KindHost   PrincipalKind = "host"   // the SaaS application that installed Countersign
	KindSystem PrincipalKind = "system" // Countersign itself, in the audit log only
	// KindOperator is a person who runs this server; in no org.
	KindOperator PrincipalKind = "operator"
)

// Role is what a member may do in an org.
type Role string

// The roles. Plan changes and approvals are for owners and billing admins.
const (
	RoleOwner        Role = "owner"
	RoleBillingAdmin Role = "billing_admin"
	RoleMember       Role = "member"
)

// CanManage reports whether the role may change the plan and decide requests.
func (r Role) CanManage() bool { return r == RoleOwner || r == RoleBillingAdmin }

// The scopes of agent keys.
const (
	ScopeRead    = "billing:read"
	ScopeRequest = "billing:request"
)

// Actor names who did something, as kept with approvals, intents and the audit
// log: it stays readable when the key or the person is long gone.
type Actor struct {
	Kind PrincipalKind `json:"kind"`
	// ID is the principal: "usr_…" for a person, "agt_…" for an agent. An agent
	// may hold several keys and stays the same principal.
	ID   string `json:"id"`
	Name string `json:"name"`
	// CredentialID is the key ("key_…") or session ("ses_…") that was used.
	CredentialID string `json:"credential_id,omitempty"`
}

// Principal is the caller of one request.
type Principal struct {
	Actor
	OrgID   string
	OrgName string
	Email   string   // of the person; empty for agents and hosts
	Role    Role     // of the person; empty for agents and hosts
	Scopes  []string // of an agent key
	// SignedInAt is when the session began; zero for bearer credentials.
	SignedInAt time.Time
	// Paused is set on an agent whose key an owner paused: it may read, not ask.
	Paused bool
	// OnlyOrg is set for a person in a session who is in no other org.
	OnlyOrg bool
	// Overview is of the org, as it was read in one statement with the caller;
	// nil unless it was asked for. It is the org's state at that moment: right
	// for a call that reads, and of no use behind a change.
	Overview *Overview
}

// Can reports whether an agent's key carries the scope. People are bound by
// their role instead.
func (p Principal) Can(scope string) bool {
	return p.Kind != KindAgent || slices.Contains(p.Scopes, scope)
}

// mayRead is nil for whoever may read what the org of theirs has and did.
//
// Errors: ErrForbidden for a host key, ErrScope for an agent without billing:read.
func (p Principal) mayRead() error {
	if p.OrgID == "" {
		return ErrForbidden
	}
	if !p.Can(ScopeRead) {
		return ErrScope.With("scope", ScopeRead)
	}
	return nil
}

// CanManage reports whether the caller may decide: a person, by role.
func (p Principal) CanManage() bool {
	return (p.Kind == KindHuman || p.Kind == KindMember) && p.Role.CanManage()
}
