package views

// Capacity units.
const (
	copyCapacity      = "Capacity units"
	copyIncluded      = "included"
	copyAdditional    = "additional"
	copyUnits         = "Additional units"
	copyFewer         = "One unit fewer"
	copyMore          = "One unit more"
	copyShowUnits     = "Show"
	copyPerUnit       = "What one unit allows"
	copyAddUnits      = "Add units"
	copySendAsk       = "Send a request"
	copyNewPrice      = "See the new price"
	copyUnitsNow      = "This is what you have. Choose another number to see what it costs."
	copyUnitsReducing = "This reduction is scheduled already."
	copyUnitsPending  = "An earlier change waits for its payment. Units can be changed once that is settled."
	copyUnitsPastDue  = "A payment has failed. Pay it before you add units."
	copyUnitsForeign  = "A change of this subscription is scheduled in Stripe's dashboard. The operator has to release it before units can be changed."
	copyUnitsTrial    = "Additional units come with a paid plan. Convert the trial to a paid plan first."
	copyReductionTerm = "Scheduled reduction"
	copyReductionGone = "Is dropped, as the subscription ends"
)

// Trials without a card.
const (
	copyTrialNote  = "No card for the trial, and nothing is charged at its end."
	copyConvert    = "Convert to paid"
	copySeePlans   = "See the plans"
	copyTrialRanks = "A trial can be converted to its own plan or a higher one."
)
