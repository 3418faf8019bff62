package main

import (
	"context"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// historyDays is how far back the demo's usage goes.
const historyDays = 30

// use reports usage as the host application would have, day by day: it leads to
// the amounts that are given, of counters in the present window. What there is was
// made on the plan that it is paid for with.
func (d *demonstration) use(ctx context.Context, org string, st story) error {
	since := historyDays
	if st.plan != "" {
		since = min(historyDays, st.daysAgo+1)
	}
	host := billing.Principal{Actor: billing.Actor{Kind: billing.KindHost, Name: "host application"}}
	s := d.app.service
	var events []billing.UsageEvent
	var days []billing.UsageDay
	for _, r := range s.Catalog().Resources {
		n, used := st.usage[r.ID]
		if !used {
			continue
		}
		if r.Kind == billing.Counter {
			events = append(events, spread(org, r.ID, n, s.Now())...)
			continue
		}
		days = append(days, ramp(r.ID, n, since, s.Now())...)
		if _, err := s.SetUsage(ctx, host, org, r.ID, n); err != nil {
			return err
		}
	}
	if err := s.ImportUsageDays(ctx, org, days); err != nil {
		return err
	}
	_, err := s.ReportEvents(ctx, host, events)
	return err
}

// spread makes an event a day, quieter at weekends. Those of this month add up
// to n.
func spread(org, resource string, n int64, now time.Time) (events []billing.UsageEvent) {
	weight := func(t time.Time) int64 {
		if w := t.Weekday(); w == time.Saturday || w == time.Sunday {
			return 40
		}
		return 90 + int64(t.YearDay()*7%30)
	}
	month := int64(0)
	for t := now; t.Month() == now.Month() && now.Sub(t) < historyDays*24*time.Hour; t = t.AddDate(0, 0, -1) {
		month += weight(t)
	}
	left := n
	for ago := historyDays - 1; ago >= 0; ago-- {
		at := now.AddDate(0, 0, -ago)
		quantity := n * weight(at) / max(month, 12*100)
		if at.Month() == now.Month() {
			if quantity = n * weight(at) / month; ago == 0 {
				quantity = left
			}
			left -= quantity
		}
		if quantity > 0 {
			key := billing.UsageKey{OrgID: org, Key: "demo-" + resource + "-" + at.Format(time.DateOnly)}
			events = append(events, billing.UsageEvent{UsageKey: key, Resource: resource, Quantity: quantity, At: at})
		}
	}
	return events
}

// ramp is the history of a gauge that grew to n, since so many days ago.
func ramp(resource string, n int64, since int, now time.Time) (days []billing.UsageDay) {
	for ago := since - 1; ago > 0; ago-- {
		v := n - n*int64(ago)/(2*historyDays)
		days = append(days, billing.UsageDay{Resource: resource, Day: now.AddDate(0, 0, -ago), Value: v, Closing: v})
	}
	return days
}
