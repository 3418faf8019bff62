package views

// MailboxPage is the demo's mailbox: an org per state to sign in to, and the
// emails that would have been sent.
type MailboxPage struct {
	Frame Frame
	Orgs  []MailboxOrg
	Mails []MailboxMail
}

// MailboxOrg is a line to sign in by.
type MailboxOrg struct {
	Name  string
	State string // "Past due: the last payment failed"
	Email string
	Href  string
}

// MailboxMail is an email as it would have arrived.
type MailboxMail struct {
	ID      string
	To      string
	Subject string
	At      Time
	Text    string
	Link    string // the page that it leads to
}
