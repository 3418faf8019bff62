package views

// ErrorPage says what happened and what to do next.
type ErrorPage struct {
	Frame   Frame
	Code    string // "404"
	Title   string
	Text    string
	Actions []Action
	Ref     string // request id
}
