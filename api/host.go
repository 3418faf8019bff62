package api

import "encoding/json"

// CheckRequest is the body of POST /api/host/check.
type CheckRequest struct {
	Org      string `json:"org"`
	Resource string `json:"resource"`
	Quantity int64  `json:"quantity,omitempty" min:"1" max:"1000000000"` // default: 1
}

// ConsumeRequest is the body of POST /api/host/consume.
type ConsumeRequest struct {
	Org      string `json:"org"`
	Resource string `json:"resource"`
	Quantity int64  `json:"quantity" min:"1" max:"1000000000"`
	// Key names this use among the org's: a retry with it counts nothing.
	Key string `json:"key"`
}

// UsageReport is the body of POST /api/host/usage: 1 to 1,000 events, each a
// UsageEvent. They are read one by one, so that one that is wrong does no harm
// to the others.
type UsageReport struct {
	Events []json.RawMessage `json:"events"`
}

// UsageEvent is something that happened and counts.
type UsageEvent struct {
	Org      string `json:"org"`
	Resource string `json:"resource"`
	Quantity int64  `json:"quantity" min:"1" max:"1000000000"`
	Key      string `json:"key"`
	At       string `json:"at,omitempty"` // RFC 3339; default: now
}

// GaugeRequest is the body of PUT /api/host/usage/{org}/{resource}.
type GaugeRequest struct {
	Value int64 `json:"value" min:"0" max:"9007199254740991"`
}

// Allowance is the answer of check and consume.
type Allowance struct {
	Allowed bool   `json:"allowed"` // always true: a refusal is an Error with status 402
	Active  int64  `json:"active"`
	Cap     *int64 `json:"cap"` // null is unlimited
}

// Accepted is the answer of POST /api/host/usage.
type Accepted struct {
	Accepted  int        `json:"accepted"`
	Duplicate int        `json:"duplicate"`
	Rejected  []Rejected `json:"rejected"`
}

// Rejected is an event that was not counted.
type Rejected struct {
	Index   int    `json:"index"`
	Code    string `json:"error"`
	Message string `json:"message"`
}
