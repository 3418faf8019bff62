package views

// NavAdminStripe is an entry of the operator's navigation.
const NavAdminStripe = "admin-stripe"

// AdminStripePage is how the reconciler does, and what needs a person.
type AdminStripePage struct {
	Frame          AdminFrame
	Reviews, Drift []AdminLine
	Figures        []Fact
}

// AdminReviewPage is one change that nobody knows the end of, or did not.
type AdminReviewPage struct {
	Frame         AdminFrame
	Title, ID     string
	Chip          Chip
	Sight         *Panel // what Stripe shows
	Facts         []Fact
	Compared      []Compared
	Org           string // URL
	Invoices, Log []AdminLine
	Forms         []AdminForm
}

// Compared is one thing before a change, as it was wanted, and as it is.
type Compared struct{ What, Before, Wanted, Now string }
