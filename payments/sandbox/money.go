package sandbox

import (
	"fmt"
	"math/big"
	"strings"
	"time"
)

// prorate is amount × remaining ÷ whole in minor units, rounded half away
// from zero, in integers only. Stripe prorates to the second
// (https://docs.stripe.com/billing/subscriptions/prorations, "Stripe
// calculates prorations to the second") and charges whole minor units; it
// does not publish the rule for an exact half, so that one case is a choice.
func prorate(amount, remaining, whole int64) int64 {
	if whole <= 0 || remaining <= 0 {
		return 0
	}
	num := new(big.Int).Mul(big.NewInt(amount), big.NewInt(min(remaining, whole)))
	num.Mul(num, big.NewInt(2))
	half := big.NewInt(whole)
	if num.Sign() < 0 {
		half.Neg(half)
	}
	num.Add(num, half)
	return num.Quo(num, big.NewInt(2*whole)).Int64()
}

// addMonths counts from the anchor and clamps to the month's last day, as
// Stripe does: 31 Jan, 28 Feb, 31 Mar.
func addMonths(anchor time.Time, n int) time.Time {
	y, m, d := anchor.Date()
	first := time.Date(y, m+time.Month(n), 1, anchor.Hour(), anchor.Minute(), anchor.Second(), 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(d, last)-1)
}

// periodAfter is the first renewal after t of a price that is anchored at anchor.
func periodAfter(anchor, t int64, p *price) int64 {
	start := time.Unix(anchor, 0).UTC()
	for n := 1; ; n++ {
		var next time.Time
		step := n * int(p.IntervalCount)
		switch p.Interval {
		case "day":
			next = start.AddDate(0, 0, step)
		case "week":
			next = start.AddDate(0, 0, 7*step)
		case "year":
			next = addMonths(start, 12*step)
		default:
			next = addMonths(start, step)
		}
		if next.Unix() > t {
			return next.Unix()
		}
	}
}

// minimum is the smallest amount that Stripe charges; less is carried over in
// the customer's balance (https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts).
func minimum(currency string) int64 {
	switch currency {
	case "gbp":
		return 30
	case "jpy":
		return 50
	case "mxn":
		return 1000
	case "sek", "nok":
		return 300
	case "dkk":
		return 250
	}
	return 50
}

// money words an amount as Stripe's invoice lines do: $19.00, CHF 19.00.
func money(amount int64, currency string) string {
	sign := ""
	if amount < 0 {
		sign, amount = "-", -amount
	}
	symbol, ok := map[string]string{"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}[currency]
	if !ok {
		symbol = strings.ToUpper(currency) + " "
	}
	switch currency {
	case "jpy", "krw", "vnd":
		return fmt.Sprintf("%s%s%d", sign, symbol, amount)
	case "bhd", "jod", "kwd", "omr", "tnd":
		return fmt.Sprintf("%s%s%d.%03d", sign, symbol, amount/1000, amount%1000)
	}
	return fmt.Sprintf("%s%s%d.%02d", sign, symbol, amount/100, amount%100)
}

func every(p *price) string {
	if p.IntervalCount == 1 {
		return p.Interval
	}
	return fmt.Sprintf("every %d %ss", p.IntervalCount, p.Interval)
}
