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

// LoginWhy is why somebody reads the sign-in page.
type LoginWhy string

// The reasons.
const (
	LoginPlain    LoginWhy = ""
	LoginBadEmail LoginWhy = "email"   // what was typed is no address
	LoginBadLink  LoginWhy = "link"    // the link was used or has expired
	LoginTooMany  LoginWhy = "limit"   // too many links were asked for
	LoginEnded    LoginWhy = "session" // the session has ended
)

// NewLogin makes the sign-in page. next is a path of ours or empty.
func NewLogin(frame Frame, next, email string, why LoginWhy) LoginPage {
	p := LoginPage{Frame: frame, Next: next, Email: email}
	switch why {
	case LoginBadEmail:
		p.Problem = copyBadEmail
	case LoginBadLink:
		p.Notice = &Panel{Tone: ToneWarn, Title: copyBadLink, Text: copyAskNew, Focus: true}
	case LoginTooMany:
		p.Notice = &Panel{Tone: ToneWarn, Title: copyTooManyLinks, Text: copyTooManyText, Focus: true}
	case LoginEnded:
		p.Notice = &Panel{Tone: ToneNeutral, Title: copySessionEnded, Text: copySessionText}
	}
	return p
}

// emailField asks for the address; p.Problem is shown with it.
func emailField(p LoginPage) Input {
	return Input{ID: "email", Name: "email", Label: copyEmail, Type: "email", Value: p.Email, Required: true, Problem: p.Problem, Focus: p.Problem != ""}
}
