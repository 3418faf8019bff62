package api

// Error is the body of every answer that is not a success. It carries our own
// members and those of RFC 9457, so that readers of either kind are served.
type Error struct {
	Code    string         `json:"error"`   // stable, for programs
	Message string         `json:"message"` // one sentence that a person can act on
	Details map[string]any `json:"details,omitempty"`

	Type     string `json:"type"`     // always "about:blank": Code tells errors apart
	Title    string `json:"title"`    // the status in words
	Status   int    `json:"status"`   // the HTTP status
	Detail   string `json:"detail"`   // Message again
	Instance string `json:"instance"` // the path that was called
}

// Problem is an Error inside of another answer, where no status of its own
// goes with it.
type Problem struct {
	Code    string         `json:"error"`
	Message string         `json:"message"`
	Details map[string]any `json:"details,omitempty"`
}
