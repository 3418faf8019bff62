package billing

import "time"

// windowAt is the span in UTC in which a counter counts what happened at the
// time: the calendar month, or the billing period while there is a subscription.
// Periods before and after the one that is known are worked out from it; the
// next one begins where it ends, also before Stripe has told us so.
func windowAt(r Resource, sub Subscription, at time.Time) (start, end time.Time) {
	if r.Resets == ResetsBillingPeriod && sub.Status.Live() && sub.PeriodStart.Before(sub.PeriodEnd) {
		return periodAt(sub.PeriodStart, sub.PeriodEnd, at)
	}
	y, m, _ := at.UTC().Date()
	start = time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)
	return start, start.AddDate(0, 1, 0)
}

func periodAt(start, end, at time.Time) (time.Time, time.Time) {
	months := max(1, int((end.Sub(start)+15*aDay)/(30*aDay)))
	for !at.Before(end) {
		start, end = end, addMonths(end, months)
	}
	for at.Before(start) {
		start, end = addMonths(start, -months), start
	}
	return start, end
}

// addMonths keeps the day of the month, or takes the last one of a shorter month.
func addMonths(t time.Time, months int) time.Time {
	first := t.AddDate(0, 0, 1-t.Day()).AddDate(0, months, 0)
	last := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), last)-1)
}
