package billing

import (
	"slices"
	"testing"
	"time"
)

func TestWindowAt(t *testing.T) {
	date := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 10, 30, 0, 0, time.UTC) }
	monthly := Resource{ID: "calls", Kind: Counter, Resets: ResetsCalendarMonth}
	period := Resource{ID: "calls", Kind: Counter, Resets: ResetsBillingPeriod}
	sub := func(start, end time.Time, status SubscriptionStatus) Subscription {
		return Subscription{State: State{Status: status, PeriodStart: start, PeriodEnd: end}}
	}
	may := sub(date(2026, 5, 31), date(2026, 6, 30), StatusActive)
	year := sub(date(2026, 3, 1), date(2027, 3, 1), StatusActive)
	first := func(m time.Month) time.Time { return time.Date(2026, m, 1, 0, 0, 0, 0, time.UTC) }
	for name, tc := range map[string]struct {
		r              Resource
		sub            Subscription
		at, start, end time.Time
	}{
		"a calendar month":                {monthly, may, date(2026, 6, 15), first(6), first(7)},
		"its first instant":               {monthly, may, first(6), first(6), first(7)},
		"its last":                        {monthly, may, first(7).Add(-1), first(6), first(7)},
		"in another zone":                 {monthly, may, first(7).In(time.FixedZone("", -3600)), first(7), first(8)},
		"the billing period":              {period, may, date(2026, 6, 15), date(2026, 5, 31), date(2026, 6, 30)},
		"its start":                       {period, may, date(2026, 5, 31), date(2026, 5, 31), date(2026, 6, 30)},
		"its end is the next":             {period, may, date(2026, 6, 30), date(2026, 6, 30), date(2026, 7, 30)},
		"the one before":                  {period, may, date(2026, 5, 30), date(2026, 4, 30), date(2026, 5, 31)},
		"of a year":                       {period, year, date(2026, 12, 1), date(2026, 3, 1), date(2027, 3, 1)},
		"the year before":                 {period, year, date(2026, 2, 1), date(2025, 3, 1), date(2026, 3, 1)},
		"without a subscription":          {period, Subscription{}, date(2026, 6, 15), first(6), first(7)},
		"after its end":                   {period, sub(date(2026, 5, 31), date(2026, 6, 30), StatusCanceled), date(2026, 6, 15), first(6), first(7)},
		"a period that is not known":      {period, sub(time.Time{}, time.Time{}, StatusActive), date(2026, 6, 15), first(6), first(7)},
		"a period that ends at its start": {period, sub(date(2026, 6, 1), date(2026, 6, 1), StatusActive), date(2026, 6, 15), first(6), first(7)},
	} {
		if start, end := windowAt(tc.r, tc.sub, tc.at); !start.Equal(tc.start) || !end.Equal(tc.end) {
			t.Errorf("%s: %v to %v, want %v to %v", name, start, end, tc.start, tc.end)
		}
	}
}

func TestCache(t *testing.T) {
	c := newCache[string, int](3)
	keys := func() (out []string) {
		for k := range c.kept {
			out = append(out, k)
		}
		slices.Sort(out)
		return out
	}
	for i, k := range []string{"a", "b", "c"} {
		c.put(k, i, c.begin(k))
	}
	c.put("a", 7, c.begin("a"))
	if v, ok := c.get("a"); !ok || v != 7 || len(keys()) != 3 {
		t.Errorf("a is %d %v, of %q", v, ok, keys())
	}
	c.put("d", 9, c.begin("d"))
	if _, ok := c.get("d"); !ok || len(keys()) != 3 {
		t.Errorf("the newest has no room: %q", keys())
	}
	mark := c.begin("d")
	if v, ok := c.outdate("d"); !ok || v != 9 {
		t.Errorf("outdated: %d %v", v, ok)
	}
	c.put("d", 10, mark)
	if v, ok := c.get("d"); !ok || v != 9 {
		t.Errorf("d is %d %v", v, ok)
	}
	mark = c.begin("d")
	c.drop("d")
	c.put("d", 10, mark)
	if v, ok := c.get("d"); ok {
		t.Errorf("what was read before it was dropped came back: %d", v)
	}
	mark = c.begin("e")
	c.clear()
	if c.put("e", 1, mark); len(keys()) != 0 {
		t.Errorf("%q are left", keys())
	}
	c.put("e", 1, c.begin("e"))
	if _, ok := c.get("e"); !ok {
		t.Error("nothing is kept any more")
	}
}
