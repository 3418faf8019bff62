package views

// LoginPage asks for an email address.
type LoginPage struct {
	Frame Frame
	Next  string // path to go to afterwards, carried through
	Email string // what was typed, when it is shown again
	// Problem is about the address: "Enter an email address …".
	Problem string
	// Notice says why the reader is here: an expired link, a session that ended.
	Notice *Panel
}

// LoginSentPage says that an email is on its way, whether or not the address is
// known here.
type LoginSentPage struct {
	Frame   Frame
	Email   string
	Minutes int
	// Mailbox is the demo's mailbox page; empty in production.
	Mailbox string
}

// LoginConfirmPage is what the emailed link opens. Mail scanners open every
// link, so only its button signs in.
type LoginConfirmPage struct {
	Frame Frame
	Email string
	Form  Form
}
