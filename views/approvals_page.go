package views

// ApprovalsPage is the inbox and the history of agents' requests.
type ApprovalsPage struct {
	Frame   Frame
	Filters []FilterLink
	Rows    []ApprovalRow
	Empty   Empty  // where the rows would be
	CSV     string // URL of the same as a file
	Next    string // URL of older ones; empty on the last page
}

// ApprovalRow is one request.
type ApprovalRow struct {
	Title  string // "Upgrade to Scale"
	Href   string
	Chip   Chip
	Asker  string // "deploy-bot"
	Asked  Time
	Money  string // "$17.40 now, then $49.00 a month"
	Result string // "Approved by Ada Lovelace" …
	At     Time   // of the result
	Open   bool   // waits for an answer
}
