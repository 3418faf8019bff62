package views

// ApprovePage is /approve/{id} in all of its states. What is empty is not drawn,
// so a page for somebody who is signed out carries nothing of the request.
type ApprovePage struct {
	Frame Frame
	// SignIn is set for somebody who is signed out, and then nothing else is.
	SignIn string // URL

	URL     string // of this page, to come back to
	Org     string
	Title   string // "Upgrade Acme to Scale?"
	Lead    string
	Chip    Chip
	Verdict *Panel   // how it ended, or what stands in the way
	Working *Working // set while it is carried out
	Changed *Changed // the price moved: old and new

	From, To PlanSide
	Due      *Due
	Facts    []Fact   // next charge, card, tax; for a downgrade what ends when
	Lost     []string // what ends with a downgrade
	Over     []string // what is over the caps then

	Asker  *Asker
	Code   string
	Asked  Time
	Closes Time   // when a pending request ends; zero afterwards
	Reason string // the agent's own words: untrusted plain text

	Email   string // "Signed in as"
	Decide  *Decide
	Opened  *Form    // beacon, sent once for those who can decide
	Actions []Action // afterwards: "Go to billing"
}

// PlanSide is one side of now → then.
type PlanSide struct {
	Label string // "Now", "From today", "From 1 February 2027"
	Name  string
	Units string // "5 units", of a plan that is sold in them
	Price string
	Per   string
}

// Due is what is charged by approving.
type Due struct {
	Label  string // "Due today"
	Amount string
	Lines  []QuoteLine
	Note   string
	Quiet  bool // nothing comes of it any more
}

// Asker is who asks.
type Asker struct {
	Name      string // "deploy-bot"
	Key       string // "csa_4fZk…"
	CreatedBy string
	LastUsed  Time
	Record    string // "12 approved, 1 denied"
}

// Decide is what a person with the right can press.
type Decide struct {
	Form    Form   // decision is added by the button pressed
	Approve string // empty when nothing can be approved now
	Deny    string
	// Pauses says what "I did not ask for this" does besides.
	Pauses string
}

// Working is shown while an approved change is carried out.
type Working struct {
	Title, Text string
}
