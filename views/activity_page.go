package views

// The entries of the navigation.
const (
	NavMembers  = "members"
	NavActivity = "activity"
)

// ActivityPage is what happened in an org, newest first.
type ActivityPage struct {
	Frame   Frame
	Filters []FilterLink
	Rows    []ActivityRow
	Empty   Empty
	CSV     string // URL of the same as a file
	Next    string // URL of older ones; empty on the last page
}

// ActivityRow is one fact.
type ActivityRow struct {
	What   string // "Plan in force: Pro → Scale"
	Detail string // "$15.00 charged"
	Who    string // "Ada Okafor"
	Group  Chip   // "Person"
	At     Time
	Link   *Action // to what it is about
}

// MembersPage is who is in an org.
type MembersPage struct {
	Frame Frame
	Rows  []MemberRow
}

// MemberRow is one person.
type MemberRow struct {
	Name, Email string // an empty name is not known
	You         bool
	Role        Chip
	May         string // what the role may do
	Seen        Time
	Timed       bool // whether the reader may know when they were here
}
