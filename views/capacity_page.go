package views

// Capacity is the units of a plan that is sold in them.
type Capacity struct {
	Included, Additional string // "3"
	Total                string // "5 units"
	Each                 string // what an additional unit costs
	PerUnit              []string
	// Why says why the number cannot be changed; then there is no stepper.
	Why     string
	Actions []Action
	Stepper *Stepper
	Change  CapacityChange
}

// Stepper is where the number of additional units is chosen. Its form and its
// buttons ask what a number would mean; they change nothing.
type Stepper struct {
	URL        string
	Value      string
	Less, More string // the numbers beside it
}

// CapacityChange is what the number on the stepper means. It is a fragment
// (#capacity-offer) of Settings → Billing and an answer of its own.
type CapacityChange struct {
	Title   string // "5 → 7 units"
	Note    string // a sentence, also where there is nothing to press
	Then    Dated  // "Then $6.99 a month, next on 23 December 2026"
	Problem *Panel
	Changed *Changed
	Lines   []QuoteLine // how the charge is computed
	Over    []string    // what is over the caps then
	Button  *Action
}
