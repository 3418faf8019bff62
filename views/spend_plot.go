package views

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// SpendMonths is how many months the plot of what was paid shows.
const SpendMonths = 12

// SpendURL is Settings → Billing with that plot opened.
const SpendURL = "/settings/billing?spend=months"

// SpendPlot is what was paid in each of the last months, opened.
type SpendPlot struct {
	Charts []SpendChart // one for each currency
	Note   string       // what is counted, and in which zone; or why there is nothing
	CSV    string       // URL; empty if there is nothing
}

// SpendChart is that of one currency: a bar for each month, below the line where
// more was credited than paid.
type SpendChart struct {
	ID       string
	Title    string // "Paid by month, in USD"
	Desc     string // what the chart shows, in words
	Path     string // the outline of the bars
	Zero     string // the line from which they begin
	Total    string // "$117.00 in 12 months"
	From, To Time
	// Labels are the amounts below the bars, if all are short enough; a month
	// without one has none.
	Labels []string
	Rows   []SpendRow // newest first
}

// SpendRow is a month of the table.
type SpendRow struct{ Month, Amount, Invoices string }

// labelRoom is how many characters an amount below a bar may have.
const labelRoom = 8

func (in Locale) newSpendPlot(list []billing.Spend) *SpendPlot {
	if len(list) == 0 {
		return &SpendPlot{Note: copySpendNone}
	}
	p := &SpendPlot{Note: fmt.Sprintf(copySpendNote, zoneName(list[0].Months[0].Start)), CSV: "/settings/billing/spend.csv"}
	for _, s := range list {
		p.Charts = append(p.Charts, in.newSpendChart(s))
	}
	return p
}

func (in Locale) newSpendChart(s billing.Spend) SpendChart {
	code := strings.ToUpper(s.Currency)
	c := SpendChart{ID: "spend-" + s.Currency, Title: fmt.Sprintf(copySpendTitle, code), From: monthTime(s.Months[0].Start), To: monthTime(s.Months[len(s.Months)-1].Start)}
	c.Path, c.Zero = spendBars(s.Months)
	c.Total = fmt.Sprintf(copySpendTotal, in.money(totalOf(s.Months), s.Currency), in.number(int64(len(s.Months))))
	short := true
	for _, m := range s.Months {
		amount := in.money(m.Amount, s.Currency)
		c.Rows = append(c.Rows, SpendRow{monthTime(m.Start).Text, amount, in.number(int64(m.Invoices))})
		if short = short && len([]rune(amount)) <= labelRoom; m.Amount == 0 {
			amount = ""
		}
		c.Labels = append(c.Labels, amount)
	}
	if !short {
		c.Labels = nil
	}
	c.Desc = in.spendWords(s)
	slices.Reverse(c.Rows)
	return c
}

// spendWords says what the eye sees in the chart.
func (in Locale) spendWords(s billing.Spend) string {
	most := slices.MaxFunc(s.Months, func(a, b billing.SpendMonth) int {
		switch {
		case a.Amount < b.Amount:
			return -1
		case a.Amount > b.Amount:
			return 1
		}
		return 0
	})
	last := s.Months[len(s.Months)-1]
	words := fmt.Sprintf("%s in %s so far.", in.money(last.Amount, s.Currency), monthTime(last.Start).Text)
	if most.Amount > 0 {
		words = fmt.Sprintf("Most in %s: %s. ", monthTime(most.Start).Text, in.money(most.Amount, s.Currency)) + words
	}
	for _, m := range s.Months {
		if m.Amount < 0 {
			return words + " In a month below the line more was credited than paid."
		}
	}
	return words
}

func monthTime(t time.Time) Time { return Time{ISO: t.Format("2006-01"), Text: t.Format("Jan 2006")} }

// zoneName is an IANA name, or UTC.
func zoneName(t time.Time) string { return t.Location().String() }

func totalOf(months []billing.SpendMonth) (sum int64) {
	for _, m := range months {
		sum = billing.SaturatingSum(sum, m.Amount)
	}
	return sum
}

// spendBars are the outlines of the bars, and the line at nothing.
func spendBars(months []billing.SpendMonth) (bars, zero string) {
	var above, below uint64
	for _, m := range months {
		above, below = max(above, size(m.Amount, 1)), max(below, size(m.Amount, -1))
	}
	width, span := plotWidth/len(months), max(above+below, 1)
	line := share(above, span)
	var b strings.Builder
	for i, m := range months {
		x, gap := i*width, width/6
		if up := share(size(m.Amount, 1), span); m.Amount > 0 {
			fmt.Fprintf(&b, "M%d %dv-%dh%dv%dz", x+gap, line, max(up, 1), width-2*gap, max(up, 1))
		} else if m.Amount < 0 {
			down := max(share(size(m.Amount, -1), span), 1)
			fmt.Fprintf(&b, "M%d %dv%dh%dv-%dz", x+gap, line, down, width-2*gap, down)
		}
	}
	return b.String(), fmt.Sprintf("M0 %dH%d", line, plotWidth)
}

// size is how far n is from nothing in the direction of the sign, else 0.
func size(n, sign int64) uint64 {
	switch {
	case n > 0 && sign > 0:
		return uint64(n)
	case n < 0 && sign < 0:
		return -uint64(n) // of the least number too
	}
	return 0
}

// share is v of span as a height. The two halves of a span are at most 2⁶⁴−1.
func share(v, span uint64) uint64 {
	high, low := bits.Mul64(v, plotHeight)
	n, _ := bits.Div64(high, low, span)
	return n
}
