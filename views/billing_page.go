package views

// BillingPage is Settings → Billing.
type BillingPage struct {
	Frame  Frame
	Banner *Panel // at most one: the most pressing matter
	Result *Panel // what became of the last press
	Plan   PlanCard
	// Finalizing is set after Checkout until the truth is known; nothing can be
	// bought meanwhile.
	Finalizing bool
	Changes    []ScheduledChange
	Requests   []RequestCard
	Plans      []PlanOption
	PlansNote  string  // why there is nothing to press
	Review     *Review // opened, or shown again because the price changed
	Usage      []UsageRow
	Capacity   *Capacity   // nil for a plan that is not sold in units
	Asked      []AskedLine // requests for higher limits of no row
	Next       *NextCharge
	Card       CardPanel
	Invoices   []InvoiceRow
	// MoreInvoices is the URL of the page with all of them; empty if these are all.
	MoreInvoices string
	Spend        *SpendPlot // opened; nil if nobody asked for it
	Cancel       *CancelLine
}

// PlanCard is the plan in force.
type PlanCard struct {
	Name  string
	Price string // "$19.00"; "Free"; empty for design partners
	Per   string // "a month"
	Chip  Chip
	Dates []Dated // "Renews on 23 December 2026"
	Notes []string
	// Action is the one thing that a state asks for, if it asks for something.
	Actions []Action
}

// ScheduledChange is what will happen by itself, and how to undo it.
type ScheduledChange struct {
	Title string // "Scale → Free"
	When  Dated
	By    string // "Requested by agent deploy-bot, approved by Ada Lovelace"
	Undo  *Form
}

// RequestCard is an agent's request that waits.
type RequestCard struct {
	Title   string // "Upgrade Acme to Scale"
	Href    string
	By      string // "deploy-bot"
	Summary string // "Due now $17.40, then $49.00 a month"
	Code    string
	Expires Time
	// Button is "Review" for those who can decide, "View" for others.
	Button string
}

// PlanOption is a plan of the catalogue with its one button.
type PlanOption struct {
	ID      string
	Name    string
	Price   string
	Per     string
	Points  []string // "10 agents"
	Current bool
	Chip    Chip
	Button  *Action
	Trial   *Action // starts a trial
	Review  string  // URL of the review; empty if there is nothing to review
	Note    string  // below the button: "Then $49.00 a month"
}

// open is whether the plan can be chosen.
func (o PlanOption) open() bool { return o.Button != nil || o.Trial != nil }

// Review shows what a change means before it is made. It is a fragment (#review)
// of Settings → Billing and a page of its own.
type Review struct {
	Frame   Frame
	Title   string
	Lead    string
	Changed *Changed
	Problem *Panel
	Lines   []QuoteLine
	// Total is the last line in bold: "Charge today $15.00".
	TotalLabel, Total string
	Facts             []Fact
	Lost              []string // what ends with a downgrade
	Over              []string // what is over the caps then, from live usage
	Reassure          string
	Button            *Action
	Back              string // URL of Settings → Billing
}

// UsageLevel says how near a resource is to its cap.
type UsageLevel string

// The levels.
const (
	UsageOK        UsageLevel = "ok"
	UsageHigh      UsageLevel = "high" // ≥ 80 %
	UsageFull      UsageLevel = "full" // at the cap
	UsageOver      UsageLevel = "over"
	UsageUnlimited UsageLevel = "unlimited"
	UsageUnknown   UsageLevel = "unknown"
)

// UsageRow is one resource.
type UsageRow struct {
	Label   string // "Agents"
	Used    string // "8"
	Limit   string // "10"; empty for unlimited
	Percent int    // 0–100
	Level   UsageLevel
	Note    string // "80 % used", "over by 3; existing ones keep working …"
	// Since and Resets are the window of a counter: "1 Mar" and "1 Apr".
	Since, Resets Time
	PerUnit       string // how the limit comes about: "500 × 5 units"
	Actions       []Action
	Ask           *AskForMore // to ask for a higher limit
	Asked         *AskedLine  // where the last request stands
	Plot          *UsagePlot  // opened; nil if nobody asked for it
	PlotURL       string      // of the page with the plot opened; empty if there is none
}

// AskForMore is the small form beside a limit that is nearly reached.
type AskForMore struct {
	ID    string // of the row, for the fields' own
	About string // "Agents"
	Form  Form
	Min   string // the least that is more than there is
}

// AskedLine says where a request for a higher limit stands.
type AskedLine struct {
	Chip   Chip
	What   Dated  // "Asked for 12 on 23 Nov 2026"
	Until  Time   // of a grant
	Reason string // of the answer
}

func (u UsageRow) metered() bool {
	return u.Level != UsageUnlimited && u.Level != UsageUnknown
}

// NextCharge is what will be charged by itself.
type NextCharge struct {
	Title string // Next charge, Final charge
	When  Time
	Lines []QuoteLine
	Total string
	None  string // why there is none
	AsOf  Time   // set when Stripe could not be asked
}

// CardPanel is the payment method.
type CardPanel struct {
	Brand, Last4, Expiry string
	Warning              string
	None                 string // words when there is no card
	Manage               *Form  // to Stripe's portal
	ManageNote           string // who can, if the reader cannot
}

// InvoiceRow is one invoice of the mirror.
type InvoiceRow struct {
	Number      string
	Date        Time
	Description string
	Amount      string
	Chip        Chip
	Hosted, PDF string // URLs; empty while Stripe has none
	Pay         *Action
}

// CancelLine is the way out, as short as the way in.
type CancelLine struct {
	Text string
	Href string
	Form *Form
}
