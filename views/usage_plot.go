package views

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// PlotDays is how many days a plot of usage shows.
const PlotDays = 30

// The plot's own units: it is stretched to the room that it gets.
const (
	plotWidth  = 20 * PlotDays
	plotHeight = 100
)

// UsagePlot is a resource's use on each of the last days: a line of how many
// there were, or bars of how many were used.
type UsagePlot struct {
	ID       string // of the row, for the elements' own
	Label    string // "Agents"
	Desc     string // what the plot shows, in words
	Bars     bool
	Path     string   // the outline of the bars, or the line
	Area     string   // below the line
	Limits   string   // the line of the limit, a step where it became another one; empty if there is none
	Limit    string   // of today: "10"
	Marks    string   // a line at each of the changes
	Changes  []string // "17 Nov: Pro → Scale, 10 → 30"
	Top      string   // "Most: 12"
	Note     string   // what the plot cannot say
	From, To Time
	Head     string // of the table's column of values
	Rows     []PlotRow
	CSV      string // URL
}

// PlotRow is a day of the table, the newest first.
type PlotRow struct {
	Day   Time
	Value string
	Limit string // of the end of the day
}

// shownChanges is how many changes of the limit are told beside a plot; the
// table has the others.
const shownChanges = 5

// newUsagePlot draws the days, which end today. It is nil for a resource that was
// not reported yet. A line of limits is drawn for what exists only: the limit of
// a counter is not a day's.
func (in Locale) newUsagePlot(h billing.UsageHistory, limit billing.Limit, today time.Time) *UsagePlot {
	if len(h.Days) == 0 {
		return nil
	}
	gauge := h.Resource.Kind == billing.Gauge
	from := today.UTC().Truncate(24*time.Hour).AddDate(0, 0, 1-PlotDays)
	p := &UsagePlot{
		ID: "plot-" + h.Resource.ID, Label: capital(h.Resource.Plural), Bars: !gauge, Changes: in.changeLines(h.Changes), Marks: plotMarks(h.Changes, from),
		From: plotDay(from), To: plotDay(today), Head: "Used", CSV: "/settings/billing/usage.csv?resource=" + h.Resource.ID,
	}
	most := mostOf(h.Days)
	top := max(most, 1)
	p.Top = "Most in a day: " + in.number(most)
	if gauge {
		top = max(top, mostAllowed(h.Limits))
		p.Head, p.Top = "Most", "Most: "+in.number(most)
		p.Path, p.Area = plotLine(h.Days, from, top)
		p.Limits, p.Limit = limitLine(h, from, top), in.limitWord(limit)
	} else {
		p.Path = plotBars(h.Days, from, top)
	}
	if !gauge && !limit.Unlimited {
		p.Note = copyPlotCounter
	}
	if in.zone != nil {
		p.Note = strings.TrimSpace(p.Note + " " + copyPlotUTC)
	}
	p.Desc = in.plotWords(h, limit, most)
	for i, d := range slices.Backward(h.Days) {
		p.Rows = append(p.Rows, PlotRow{plotDay(d.Day), in.number(d.Value), in.limitWord(h.Limits[i])})
	}
	return p
}

// limitWord is a limit in a cell.
func (in Locale) limitWord(l billing.Limit) string {
	if l.Unlimited {
		return copyUnlimited
	}
	return in.number(l.Value)
}

func mostAllowed(limits []billing.Limit) (most int64) {
	for _, l := range limits {
		if !l.Unlimited {
			most = max(most, l.Value)
		}
	}
	return most
}

// limitLine is the limit of each day, interrupted where there was none.
func limitLine(h billing.UsageHistory, from time.Time, top int64) string {
	var b strings.Builder
	end, last := 0, int64(-1) // where the line has come to; a height of -1: nowhere
	stop := func() {
		if last >= 0 {
			fmt.Fprintf(&b, "H%d", end)
		}
		last = -1
	}
	for i, l := range h.Limits {
		if l.Unlimited {
			stop()
			continue
		}
		x, y := slot(h.Days[i].Day, from), plotHeight-scaled(l.Value, top)
		switch last {
		case y:
		case -1:
			fmt.Fprintf(&b, "M%d %d", x, y)
		default:
			fmt.Fprintf(&b, "H%dV%d", x, y)
		}
		end, last = x+plotWidth/PlotDays, y
	}
	stop()
	return b.String()
}

// plotMarks is a line from top to bottom on each day with a change.
func plotMarks(changes []billing.LimitChange, from time.Time) string {
	var b strings.Builder
	last := -1
	for _, c := range changes {
		if x := slot(c.At.UTC().Truncate(24*time.Hour), from); x != last {
			fmt.Fprintf(&b, "M%d 0V%d", x, plotHeight)
			last = x
		}
	}
	return b.String()
}

// changeLines say what became of the limit, the newest first.
func (in Locale) changeLines(changes []billing.LimitChange) []string {
	var out []string
	for _, c := range slices.Backward(changes) {
		if len(out) == shownChanges {
			return append(out, fmt.Sprintf(copyPlotEarlier, len(changes)-shownChanges))
		}
		out = append(out, c.At.UTC().Format(formatDayMonth)+": "+in.changeWords(c))
	}
	return out
}

// changeWords is "Pro → Scale, 10 → 30".
func (in Locale) changeWords(c billing.LimitChange) string {
	why := copyPlotOwn
	switch {
	case c.FromPlan.ID != c.ToPlan.ID:
		why = c.FromPlan.Name + " → " + c.ToPlan.Name
	case c.FromPlan.Additional != c.ToPlan.Additional:
		why = in.number(c.FromPlan.TotalUnits()) + " → " + in.unitsWords(c.ToPlan.TotalUnits())
	}
	return why + ", " + in.limitWord(c.From) + " → " + in.limitWord(c.To)
}

func plotDay(t time.Time) Time {
	t = t.UTC()
	return Time{ISO: t.Format(time.DateOnly), Text: t.Format(formatShortDay)}
}

func mostOf(days []billing.UsageDay) (most int64) {
	for _, d := range days {
		most = max(most, d.Value)
	}
	return most
}

// scaled is how high a value is, of top. What is more than nothing is seen. It
// does not overflow: the product has 128 bits.
func scaled(value, top int64) int64 {
	if value <= 0 || top <= 0 {
		return 0
	}
	high, low := bits.Mul64(uint64(min(value, top)), plotHeight)
	height, _ := bits.Div64(high, low, uint64(top))
	return max(int64(height), 1)
}

// slot is where the day begins, from the left.
func slot(day, from time.Time) int {
	return int(day.Sub(from)/(24*time.Hour)) * (plotWidth / PlotDays)
}

// plotLine is a step for each day, so that one day alone is a line as well, and
// the area below.
func plotLine(days []billing.UsageDay, from time.Time, top int64) (line, area string) {
	var b strings.Builder
	begin := slot(days[0].Day, from)
	end := begin
	for i, d := range days {
		x, y := slot(d.Day, from), plotHeight-scaled(d.Value, top)
		if i == 0 {
			fmt.Fprintf(&b, "M%d %d", x, y)
		} else {
			fmt.Fprintf(&b, "H%dV%d", x, y)
		}
		end = x + plotWidth/PlotDays
	}
	fmt.Fprintf(&b, "H%d", end)
	return b.String(), b.String() + fmt.Sprintf("V%dH%dZ", plotHeight, begin)
}

// plotBars has a bar for each day on which something was used.
func plotBars(days []billing.UsageDay, from time.Time, top int64) string {
	const width, gap = plotWidth / PlotDays, 3
	var b strings.Builder
	for _, d := range days {
		if height := scaled(d.Value, top); height > 0 {
			fmt.Fprintf(&b, "M%d %dv-%dh%dv%dz", slot(d.Day, from)+gap, plotHeight, height, width-2*gap, height)
		}
	}
	return b.String()
}

// plotWords says what the eye sees in the plot.
func (in Locale) plotWords(h billing.UsageHistory, limit billing.Limit, most int64) string {
	first, last := h.Days[0], h.Days[len(h.Days)-1]
	if h.Resource.Kind != billing.Gauge {
		return fmt.Sprintf("Used by day since %s: most %s, today %s.", plotDay(first.Day).Text, in.number(most), in.number(last.Value))
	}
	words := fmt.Sprintf("From %s on %s to %s today, most %s.", in.number(first.Value), plotDay(first.Day).Text, in.number(last.Value), in.number(most))
	if limit.Unlimited {
		return words + " There is no limit."
	}
	over := 0
	for i, d := range h.Days {
		if l := h.Limits[i]; !l.Unlimited && d.Value > l.Value {
			over++
		}
	}
	words += " The limit is " + in.number(limit.Value)
	switch over {
	case 0:
		return words + "."
	case 1:
		return words + "; 1 day was over its limit."
	}
	return words + fmt.Sprintf("; %d days were over their limit.", over)
}

// plotRow gives a row its plot if that is the open one, or else the way to it: a
// closed plot would be half of the page.
func plotRow(v *BillingValues, u *billing.Usage, url string, row *UsageRow) {
	if !u.Reported.IsZero() {
		row.PlotURL = url
	}
	if v.Plot != u.Resource.ID {
		return
	}
	for _, h := range v.History {
		if h.Resource.ID == v.Plot {
			row.Plot = v.newUsagePlot(h, u.Cap, v.Summary.Now)
		}
	}
	if row.Plot == nil && row.PlotURL != "" {
		row.Plot = &UsagePlot{ID: "plot-" + v.Plot, Label: row.Label, Note: copyPlotNone}
	}
}
