package views

import (
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// Tone is the meaning of a colour. It never stands alone: words say the same.
type Tone string

// The tones.
const (
	ToneNeutral Tone = "neutral"
	ToneAccent  Tone = "accent"
	ToneGood    Tone = "good"
	ToneWarn    Tone = "warn"
	ToneBad     Tone = "bad"
)

// Frame is what is around a page's content.
type Frame struct {
	Title string // of the document, without the product's name
	// Sandbox draws the ribbon; SandboxURL is the sandbox's own page, if there is one.
	Sandbox    bool
	SandboxURL string
	// Refresh is the URL that a browser without JavaScript loads again after
	// RefreshSeconds, while something is being worked on.
	Refresh        string
	RefreshSeconds int
	Live           *Live // nil: nothing happens by itself

	// The rest is for the signed-in shell.
	Org       string
	Orgs      []OrgChoice // all orgs of the person; a switch is drawn for two and more
	Email     string
	Nav       string // the entry that is current: NavBilling, NavApprovals or NavAgents
	Waiting   int    // requests that wait for an answer
	FormToken string // for signing out and for switching
}

// The entries of the navigation.
const (
	NavBilling   = "billing"
	NavApprovals = "approvals"
	NavAgents    = "agents"
)

// OrgChoice is an org that the person belongs to.
type OrgChoice struct {
	ID, Name string
	Current  bool
}

// Time is a moment in words: absolute first, relative second.
type Time struct {
	ISO      string // RFC 3339, for machines
	Text     string // "24 November 2026, 10:15 UTC"
	Relative string // "in 3 hours"; may be empty
}

// IsZero reports whether there is nothing to show.
func (t Time) IsZero() bool { return t.ISO == "" }

// Dated is a sentence with one date in it.
type Dated struct {
	Before string
	At     Time
	After  string
}

// Chip is a short state with its tone.
type Chip struct {
	Text string
	Tone Tone
}

// Field is a hidden field of a form.
type Field struct{ Name, Value string }

// Form is a plain POST.
type Form struct {
	URL    string
	Fields []Field
	// Away says that the answer leads to another site, so htmx stays out of it.
	Away bool
}

// Action is something to press: a POST if Form is set, else a link to Href.
type Action struct {
	Label   string
	Form    *Form
	Href    string
	Primary bool
	// Into is the id of an element of this page that htmx replaces by the one of
	// the same id on the page at Href.
	Into string
	// About completes the label for those who hear it out of its context:
	// "Pay" is read as "Pay, invoice ACME-0007".
	About string
}

// Panel says what happened (role=status) or what went wrong (role=alert), and
// the next step.
type Panel struct {
	Tone    Tone
	Title   string
	Text    string
	At      Dated
	Actions []Action
	Ref     string // reference for support
	// Focus moves the focus here when the panel arrives.
	Focus bool
}

// joint puts the space before the words that follow a date, unless they begin
// with a stop of their own.
func joint(after string) string {
	if strings.ContainsAny(after[:1], ".,:") {
		return after
	}
	return " " + after
}

func (p Panel) role() string {
	if p.Tone == ToneBad {
		return "alert"
	}
	return "status"
}

// QuoteLine is a line of a quote or of the next invoice.
type QuoteLine struct {
	Label  string
	Detail string
	Amount string
}

// Changed is a price that moved between reading and pressing.
type Changed struct {
	What     string // "Due now"
	Old, New string
}

// Empty is what a list says that nothing is in yet, and the next step.
type Empty struct {
	Text string
	Next *Action
}

// Fact is a term and what it is.
type Fact struct {
	Term string
	Text string
	At   Time
	Note string
}

// FilterLink selects rows by state.
type FilterLink struct {
	Label   string
	Href    string
	Current bool
}

// Input is a field of a form, with its label.
type Input struct {
	ID, Name, Label, Type, Value string // Type: as in HTML, and "select" and "textarea"

	Required bool
	Max      int // characters; 0 is no limit
	Options  []Field
	Hint     string
	Problem  string // what is wrong with the value
	Focus    bool   // the field takes the focus when the page arrives
}

// described ties the hint and the problem to the field.
func (f Input) described() templ.OrderedAttributes {
	var out templ.OrderedAttributes
	var by []string
	if f.Problem != "" {
		out = append(out, templ.KeyValue[string, any]{Key: "aria-invalid", Value: "true"})
		by = append(by, f.ID+"-problem")
	}
	if f.Hint != "" {
		by = append(by, f.ID+"-hint")
	}
	if len(by) > 0 {
		out = append(out, templ.KeyValue[string, any]{Key: "aria-describedby", Value: strings.Join(by, " ")})
	}
	return out
}

// limits is what a browser checks and offers while a field is filled in.
func (f Input) limits() templ.Attributes {
	out := templ.Attributes{"required": f.Required, "autofocus": f.Focus, "autocomplete": "off"}
	if f.Max > 0 {
		out["maxlength"] = strconv.Itoa(f.Max)
	}
	switch f.Type {
	case "number":
		out["min"], out["step"], out["inputmode"] = "0", "1", "numeric"
	case "email":
		out["autocomplete"], out["inputmode"], out["spellcheck"], out["autocapitalize"] = "email", "email", "false", "none"
	}
	return out
}

// inPlace lets htmx load the #id of another page into our #id; the last press
// counts.
func inPlace(url, id string) templ.OrderedAttributes {
	if id == "" {
		return nil
	}
	return templ.OrderedAttributes{
		{Key: "hx-get", Value: url},
		{Key: "hx-target", Value: "#" + id},
		{Key: "hx-select", Value: "#" + id},
		{Key: "hx-sync", Value: "#" + id + ":replace"},
	}
}
