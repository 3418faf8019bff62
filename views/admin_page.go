package views

// The entries of the operator's navigation.
const (
	NavAdminLimits = "admin-limits"
	NavAdminOrgs   = "admin-orgs"
)

// AdminFrame is what is around an operator's page.
type AdminFrame struct {
	Frame
	Result  *Panel // what became of the last press
	Reviews int    // changes that nobody knows the end of
	// Token makes the token of a form that posts to the path.
	Token func(path string) string
}

// AdminSignalsPage counts the open requests for higher limits.
type AdminSignalsPage struct {
	Frame  AdminFrame
	Notice *Panel
	Rows   []AdminSignal
}

// AdminSignal is one kind of request on one plan.
type AdminSignal struct {
	Title              string // "Agents on Free"
	Href               string
	Orgs, Asks, Median string
	Oldest             Time
}

// AdminListPage is a list to choose from.
type AdminListPage struct {
	Frame  AdminFrame
	Title  string
	Search bool
	Query  string
	Rows   []AdminRow
	Next   string // URL of the next page
}

// AdminRow is an entry of such a list.
type AdminRow struct {
	Title, Detail, Figure, Href string
	Chip                        Chip
	At                          Time
}

// AdminLimitPage is one request.
type AdminLimitPage struct {
	Frame  AdminFrame
	Title  string
	Chip   Chip
	Facts  []Fact
	Reason string
	Org    string // URL
	Forms  []AdminForm
}

// AdminOrgPage is one org.
type AdminOrgPage struct {
	Frame                           AdminFrame
	Name, ID                        string
	Chips                           []Chip
	Warning                         string
	Facts                           []Fact
	Usage, Overrides, Requests, Log []AdminLine
	Forms                           []AdminForm
}

// AdminLine is a line of a list.
type AdminLine struct {
	Title, Detail, Figure, Href string
	Chip                        Chip
	At                          Time
}

// AdminForm is an action with its fields.
type AdminForm struct {
	ID, Title, Text, Button string
	About                   string
	Primary                 bool
	Form                    Form
	Fields                  []Input
}

// none stands in the place of rows: of a search, or of requests of a kind.
func (p AdminListPage) none() Empty {
	if p.Search {
		return Empty{Text: copyAdminNothing}
	}
	return Empty{Text: copyAdminNoLimits, Next: &Action{Label: copyAdminLimits, Href: "/admin"}}
}
