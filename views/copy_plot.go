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
	copyPlotOwn     = "a limit of your own"
	copyPlotEarlier = "and %d earlier: see the table"
	copyPlotChanges = "Changes of the limit"
)
