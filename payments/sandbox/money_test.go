package sandbox

import (
	"testing"
	"time"
)

func TestProrateRoundsHalfAwayFromZero(t *testing.T) {
	for _, c := range []struct{ amount, remaining, whole, want int64 }{
		{1900, 1, 2, 950},
		{1, 1, 2, 1},
		{-1, 1, 2, -1},
		{1, 1, 3, 0},
		{-2, 1, 3, -1},
		{1900, 2592000, 2592000, 1900},
		{1900, 9, 3, 1900},
		{1900, 0, 3, 0},
		{1900, -1, 3, 0},
		{1900, 1, 0, 0},
		{-1000, 881112, 2419200, -364}, // from an answer of Stripe's: a $10.00 plan, 3 to 14 March 2017
		{9_000_000_000_000_000, 2678399, 2678400, 8_999_996_639_784_946},
	} {
		if got := prorate(c.amount, c.remaining, c.whole); got != c.want {
			t.Errorf("%d × %d / %d: got %d, want %d", c.amount, c.remaining, c.whole, got, c.want)
		}
	}
}

func TestPeriodsAreCountedFromTheAnchor(t *testing.T) {
	for _, c := range []struct {
		anchor, interval string
		count            int64
		want             string
	}{
		{"2027-01-31", "month", 1, "2027-02-28 2027-03-31 2027-04-30"},
		{"2028-01-30", "month", 1, "2028-02-29 2028-03-30 2028-04-30"},
		{"2026-11-30", "month", 3, "2027-02-28 2027-05-30 2027-08-30"},
		{"2028-02-29", "year", 1, "2029-02-28 2030-02-28 2031-02-28"},
		{"2026-12-28", "week", 1, "2027-01-04 2027-01-11 2027-01-18"},
		{"2026-12-31", "day", 1, "2027-01-01 2027-01-02 2027-01-03"},
	} {
		at, err := time.Parse(time.DateOnly, c.anchor)
		if err != nil {
			t.Fatal(err)
		}
		p, end, got := &price{Interval: c.interval, IntervalCount: c.count}, at.Unix(), ""
		for range 3 {
			end = periodAfter(at.Unix(), end, p)
			got += " " + time.Unix(end, 0).UTC().Format(time.DateOnly)
		}
		if got[1:] != c.want {
			t.Errorf("%s, every %d %s: got%s", c.anchor, c.count, c.interval, got)
		}
	}
}

func TestMoneyInWords(t *testing.T) {
	for want, got := range map[string]string{
		"$19.00": money(1900, "usd"), "-$0.07": money(-7, "usd"), "¥500": money(500, "jpy"), "CHF 1.50": money(150, "chf"), "-KWD 8.075": money(-8075, "kwd"),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestMinimumCharge(t *testing.T) {
	for _, c := range []struct{ total, balance, due, end int64 }{
		{1500, 0, 1500, 0},
		{-1500, 0, 0, -1500},
		{1900, -1500, 400, 0},
		{1500, -1500, 0, 0},
		{49, 0, 0, 49},
		{50, 0, 50, 0},
		{30, 20, 50, 0},
		{-100, 300, 200, 0},
	} {
		in := &invoice{Currency: "usd", Lines: []line{{Amount: c.total}}}
		in.total(c.balance)
		if in.AmountDue != c.due || in.EndBalance != c.end {
			t.Errorf("%+v: got due %d, balance %d", c, in.AmountDue, in.EndBalance)
		}
	}
}
