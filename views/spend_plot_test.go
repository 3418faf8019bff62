package views

import (
	"math"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/countersignhq/countersign/billing"
)

// spent is what was paid in the last months, the present one last.
func spent(currency string, amounts ...int64) billing.Spend {
	s := billing.Spend{Currency: currency}
	first := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC).AddDate(0, -SpendMonths, 0)
	for n := range SpendMonths {
		m := billing.SpendMonth{Start: first.AddDate(0, n, 0)}
		if at := n - SpendMonths + len(amounts); at >= 0 && amounts[at] != 0 {
			m.Amount, m.Invoices = amounts[at], 1
		}
		s.Months = append(s.Months, m)
	}
	return s
}

func TestSpendChart(t *testing.T) {
	for name, tc := range map[string]struct {
		spend      billing.Spend
		path, zero string
		desc       string
		total      string
		labels     string // with an amount
	}{
		"two months": {
			spent("usd", 1900, 0, 950), "M458 100v-100h34v100zM558 100v-50h34v50z", "M0 100H600",
			"Most in Sep 2026: $19.00. $9.50 in Nov 2026 so far.", "$28.50 in 12 months", "$19.00 $9.50",
		},
		"one month": {
			spent("usd", 1900), "M558 100v-100h34v100z", "M0 100H600",
			"Most in Nov 2026: $19.00. $19.00 in Nov 2026 so far.", "$19.00 in 12 months", "$19.00",
		},
		"more credited than paid": {
			spent("usd", 3000, -1000), "M508 75v-75h34v75zM558 75v25h34v-25z", "M0 75H600",
			"Most in Oct 2026: $30.00. −$10.00 in Nov 2026 so far. In a month below the line more was credited than paid.", "$20.00 in 12 months", "$30.00 −$10.00",
		},
		"only credits": {
			spent("usd", -1000), "M558 0v100h34v-100z", "M0 0H600",
			"−$10.00 in Nov 2026 so far. In a month below the line more was credited than paid.", "−$10.00 in 12 months", "−$10.00",
		},
		"paid and credited the same": {spent("jpy"), "", "M0 0H600", "¥0 in Nov 2026 so far.", "¥0 in 12 months", ""},
		"next to nothing":            {spent("usd", 1_000_000_00, 1), "M508 100v-100h34v100zM558 100v-1h34v1z", "M0 100H600", "Most in Oct 2026: $1,000,000.00. $0.01 in Nov 2026 so far.", "$1,000,000.01 in 12 months", ""},
	} {
		c := Locale{}.newSpendChart(tc.spend)
		labels := strings.Join(strings.Fields(strings.Join(c.Labels, " ")), " ")
		if c.Path != tc.path || c.Zero != tc.zero || c.Desc != tc.desc || c.Total != tc.total || labels != tc.labels {
			t.Errorf("%s: %q, %q, %q, %q, labels %q", name, c.Path, c.Zero, c.Desc, c.Total, labels)
		}
		if len(c.Rows) != SpendMonths || c.Rows[0].Month != "Nov 2026" || c.Rows[SpendMonths-1].Month != "Dec 2025" || c.From.ISO != "2025-12" || c.To.ISO != "2026-11" {
			t.Errorf("%s: rows %+v", name, c.Rows)
		}
	}
	huge := Locale{}.newSpendChart(spent("usd", math.MaxInt64, math.MinInt64))
	if huge.Path != "M508 49v-49h34v49zM558 49v50h34v-50z" || huge.Zero != "M0 49H600" {
		t.Errorf("huge: %q, %q", huge.Path, huge.Zero)
	}
}

// TestSpendPlot: closed it is a link; open it says the same in a picture, in words
// and in a table, for each currency.
func TestSpendPlot(t *testing.T) {
	v := onPro(t)
	link := func(d doc) int {
		return len(d.all(func(n *html.Node) bool { return attr(n, "href") == SpendURL }))
	}
	if d := render(t, Billing(NewBilling(v))); link(d) != 0 {
		t.Error("a link to the plot of no invoice")
	}
	v.Invoices = []billing.Invoice{{ID: "in_1", Number: "1", CreatedAt: now, Amount: billing.Money{Amount: 1900, Currency: "usd"}, Status: "paid"}}
	d := render(t, Billing(NewBilling(v)))
	if link(d) != 1 || len(d.tag("desc")) != 0 {
		t.Errorf("%d links, %d plots", link(d), len(d.tag("desc")))
	}
	v.SpendOpen, v.Spend = true, []billing.Spend{spent("usd", 1900), spent("eur", 700)}
	d = render(t, Billing(NewBilling(v)))
	plot := doc{d.id("spend")}
	words := text(plot.root)
	if link(d) != 0 || len(plot.tag("svg")) != 2 || len(plot.tag("desc")) != 2 || len(plot.tag("caption")) != 2 {
		t.Fatalf("%q", words)
	}
	for _, want := range []string{"in USD", "in EUR", "€7.00", "A month is one in UTC.", "Download CSV"} {
		if !strings.Contains(words, want) {
			t.Errorf("no %q in %q", want, words)
		}
	}
	v.Spend = nil
	if got := text(render(t, Billing(NewBilling(v))).id("spend")); !strings.Contains(got, copySpendNone) || strings.Contains(got, "CSV") {
		t.Errorf("nothing paid: %q", got)
	}
}
