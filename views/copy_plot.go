package views

// Plots of usage.
const (
	copyPlot        = "30 days"
	copyPlotLimit   = "Limit"
	copyPlotCaption = " on each of the last 30 days"
	copyPlotDay     = "Day"
	copyPlotNone    = "Nothing was reported in the last 30 days."
	copyPlotCSV     = "Download CSV"
)
