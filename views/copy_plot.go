package views

// Plots of usage.
const (
	copyPlot        = "30 days"
	copyPlotLimit   = "Limit"
	copyPlotCaption = " on each of the last 30 days"
	copyPlotDay     = "Day"
	copyPlotNone    = "Nothing was reported in the last 30 days."
	copyPlotCSV     = "Download CSV"
	copyPlotCounter = "The limit counts until the reset, not by day."
	copyPlotUTC     = "A day is one in UTC."
	copyPlotOwn     = "a limit of your own"
	copyPlotEarlier = "and %d earlier: see the table"
	copyPlotChanges = "Changes of the limit"
)

// The plot of what was paid.
const (
	copySpend      = "Spend by month"
	copySpendTitle = "Paid by month, in %s"
	copySpendTotal = "%s in %s months"
	copySpendMonth = "Month"
	copySpendNote  = "A month is one in %s. Paid invoices count, less credits; a refunded one counts as nothing."
	copySpendNone  = "Nothing was paid in the last 12 months."
)
