package api

import "time"

// HostOrgRequest is the body of PUT /api/host/orgs/{org}.
type HostOrgRequest struct {
	Name string `json:"name"`
	// Members are all people with access; left out, they stay as they are.
	Members []HostMember `json:"members,omitempty"`
	// TimeZone and Locale are how the org's people read times and numbers: an IANA
	// name and a BCP 47 tag. Left out, they stay as they are.
	TimeZone string `json:"timeZone,omitempty"`
	Locale   string `json:"locale,omitempty"`
}

// HostMember is a person as the host knows them.
type HostMember struct {
	Email string `json:"email"`
	Name  string `json:"name,omitempty"` // default: the one that is known
	Role  string `json:"role" enum:"owner,billing_admin,member"`
}

// HostAgentRequest is the body of POST /api/host/orgs/{org}/agents.
type HostAgentRequest struct {
	Name   string   `json:"name,omitempty"` // needed without Principal
	Scopes []string `json:"scopes,omitempty" enum:"billing:read,billing:request"`
	// Principal is the agent that gets another key; default: a new agent.
	Principal string `json:"principal,omitempty"`
}

// SSORequest is the body of POST /api/host/sso.
type SSORequest struct {
	Org   string `json:"org"`
	Email string `json:"email"`
	// Role, if given, adds the person to the org or changes their role there.
	Role string `json:"role,omitempty" enum:"owner,billing_admin,member"`
	Name string `json:"name,omitempty"`
	Next string `json:"next,omitempty"` // a path of ours; default: Settings → Billing
}

// HostOrg is the answer of PUT /api/host/orgs/{org}.
type HostOrg struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	TimeZone string   `json:"timeZone"` // default: UTC
	Locale   string   `json:"locale"`   // default: en
	Members  []Member `json:"members"`
}

// Member is a person with a role in an org.
type Member struct {
	ID    string `json:"id"`
	Email string `json:"email"`
	Name  string `json:"name"`
	Role  string `json:"role"`
}

// HostAgent is the answer of POST /api/host/orgs/{org}/agents.
type HostAgent struct {
	ID   string    `json:"id"` // agt_…
	Name string    `json:"name"`
	Key  IssuedKey `json:"key"`
}

// IssuedKey is a new key. Its secret is in this answer only.
type IssuedKey struct {
	ID        string    `json:"id"` // key_…
	Prefix    string    `json:"prefix"`
	Secret    string    `json:"secret"`
	Scopes    []string  `json:"scopes"`
	CreatedAt time.Time `json:"created_at"`
}

// SSO is the answer of POST /api/host/sso.
type SSO struct {
	URL       string    `json:"url"`
	ExpiresAt time.Time `json:"expires_at"`
}
