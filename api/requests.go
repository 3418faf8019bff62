package api

// CheckoutRequest is the body of POST /api/billing/checkout.
type CheckoutRequest struct {
	Plan string `json:"plan,omitempty"` // default: the first paid plan
}

// UpgradeRequest is the body of POST /api/billing/upgrade.
type UpgradeRequest struct {
	// Plan defaults to the first paid plan. With a ConfirmToken an absent plan
	// means the one that the token was given for.
	Plan         string `json:"plan,omitempty"`
	ConfirmToken string `json:"confirm_token,omitempty"`
	Mode         string `json:"mode,omitempty" enum:"chat,web"` // default: chat
	Reason       string `json:"reason,omitempty"`               // the agent's note to the person who decides
	ExpiresIn    int    `json:"expires_in,omitempty" min:"300" max:"604800"`
}

// DowngradeRequest is the body of POST /api/billing/downgrade.
type DowngradeRequest struct {
	ConfirmToken string `json:"confirm_token,omitempty"`
	Mode         string `json:"mode,omitempty" enum:"chat,web"`
	Reason       string `json:"reason,omitempty"`
	ExpiresIn    int    `json:"expires_in,omitempty" min:"300" max:"604800"`
}

// LimitAsk is the body of POST /api/billing/request-limit-increase.
type LimitAsk struct {
	Kind         string `json:"kind,omitempty"` // agents, workspaces, rows, other (default) or a resource of the catalogue
	DesiredValue int64  `json:"desiredValue,omitempty" min:"1" max:"9007199254740991"`
	Reason       string `json:"reason,omitempty"` // cut to 500 characters
}

// CancelRequest is the body of POST /api/web-approve/cancel.
type CancelRequest struct {
	Request string `json:"request"` // apr_…
}
