package views

// NavAdminHooks is the entry of the operator's navigation.
const NavAdminHooks = "admin-webhooks"

// AdminHooksPage is what the application is told, and how that goes.
type AdminHooksPage struct {
	Frame   AdminFrame
	Tabs    []FilterLink
	Notice  *Panel // nothing is sent, and why
	Figures []Fact
	Hurry   *Action // tries at once what waits for a later attempt
	Queues  []AdminQueue
	Filter  []Input
	Rows    []AdminHookRow
	Empty   Empty
	Next    string // URL of the next page
}

// AdminQueue is an organisation whose events wait for the first of them.
type AdminQueue struct {
	Org, Href string // Href is of the first event
	Detail    string
	Waiting   string
	Next      Time
	Try       Action
}

// AdminHookRow is an event, sent or received.
type AdminHookRow struct {
	Type, Org, Href string
	Detail          string // what went wrong, or the id
	Chip            Chip
	At              Time
	Next            Time // of the next attempt
}

// AdminInboxPage is what came from Stripe.
type AdminInboxPage struct {
	Frame   AdminFrame
	Tabs    []FilterLink
	Filters []FilterLink
	Rows    []AdminHookRow
	Empty   Empty
	Next    string
}

// AdminHookPage is one event and its attempts.
type AdminHookPage struct {
	Frame         AdminFrame
	Type, ID      string
	Chip          Chip
	Facts         []Fact
	Org, OrgHooks string // URLs
	Form          AdminForm
	Attempts      []AdminLine
	Payload       string // JSON, for reading
}
