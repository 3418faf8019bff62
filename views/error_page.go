package views

import "strconv"

// ErrorPage says what happened and what to do next.
type ErrorPage struct {
	Frame   Frame
	Code    string // "404"
	Title   string
	Text    string
	Next    string // what to do now
	Email   string // of the person who is signed in: it may be the wrong one
	Actions []Action
	Ref     string // request id
}

// NewError makes the page of a failure: message is one sentence that a person
// can act on, ref the request's id or empty.
func NewError(frame Frame, status int, message, ref, email string) ErrorPage {
	p := ErrorPage{Frame: frame, Email: email, Code: strconv.Itoa(status), Title: errorTitle(status), Text: message, Next: errorNext(status), Ref: ref}
	p.Frame.Title = p.Title
	if status == 404 {
		p.Text = copyNotFound // the same for what is not there and what is not the reader's
	}
	if p.Actions = []Action{{Label: "Go to billing", Href: "/settings/billing", Primary: true}}; status == 401 {
		p.Actions = []Action{{Label: copySignIn, Href: "/login", Primary: true}}
	}
	return p
}

// errorNext is the next step where the address or signing in is not the matter.
func errorNext(status int) string {
	switch {
	case status == 401, status == 404:
		return ""
	case status == 402:
		return copyErrorPay
	case status == 403:
		return copyErrorRight
	case status == 409:
		return copyErrorState
	case status == 429:
		return copyErrorOften
	case status == 503:
		return copyErrorOutage
	case status >= 500:
		return copyErrorSafe
	}
	return copyErrorRetry
}

func errorTitle(status int) string {
	switch {
	case status == 401:
		return "Sign in first"
	case status == 402:
		return "The payment did not go through"
	case status == 403:
		return "You may not do this"
	case status == 404:
		return "There is nothing here"
	case status == 409:
		return "That is not possible at the moment"
	case status == 429:
		return "That was too often"
	case status == 503:
		return "Something we depend on does not answer"
	case status >= 500:
		return "Something went wrong on our side"
	}
	return "That did not work"
}
