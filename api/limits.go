package api

import "time"

// Logged is the answer of POST /api/billing/request-limit-increase.
type Logged struct {
	Status  string `json:"status"`  // logged
	Request string `json:"request"` // lir_…; that of the open request that a repeat has joined
}

// LimitRequest is an entry of GET /api/billing/limit-requests.
type LimitRequest struct {
	Request      string         `json:"request"`
	Kind         string         `json:"kind"`
	Status       string         `json:"status"`       // open, granted or declined
	DesiredValue *int64         `json:"desiredValue"` // null: not said
	Reason       string         `json:"reason"`       // of those who ask
	Asks         int            `json:"asks"`
	RequestedBy  string         `json:"requestedBy"` // "agent deploy-bot": the last one
	CreatedAt    time.Time      `json:"createdAt"`
	AskedAt      time.Time      `json:"askedAt"`
	Granted      *LimitGranted  `json:"granted"`  // null unless granted
	Declined     *LimitDeclined `json:"declined"` // null unless declined
}

// LimitGranted is the answer to a request that was granted.
type LimitGranted struct {
	Resource string     `json:"resource"`
	Cap      *int64     `json:"cap"`   // null is unlimited
	Until    *time.Time `json:"until"` // null is for good
	Reason   string     `json:"reason"`
	At       time.Time  `json:"at"`
}

// LimitDeclined is the answer to a request that was declined.
type LimitDeclined struct {
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}
