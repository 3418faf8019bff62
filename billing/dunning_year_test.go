package billing_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// month is what happens to one renewal of the year.
type month struct {
	fails   bool
	payDay  int // somebody pays, so many days after the renewal; 0: nobody
	retried int // Stripe's own try on that day succeeds; 0: it does not
}

// expected is where the org stands so many days after the month's renewal, by the
// rules and without the product.
func (m month) expected(days int, last billing.SubscriptionStatus) (status billing.SubscriptionStatus, plan string) {
	settled := m.payDay
	if m.retried > 0 {
		settled = m.retried
	}
	switch {
	case !m.fails, settled > 0 && days >= settled:
		return billing.StatusActive, "scale"
	case days >= 15:
		return last, "free"
	case days >= 14:
		return billing.StatusPastDue, "free"
	}
	return billing.StatusPastDue, "scale"
}

// TestYearOfDunning goes through a year day by day: renewals that are paid, that
// Stripe's second try collects, that somebody pays within the grace, after it, and
// at last nobody.
func TestYearOfDunning(t *testing.T) {
	year := []month{{}, {fails: true, retried: 3}, {}, {fails: true, payDay: 5}, {fails: true, payDay: 14}, {}, {fails: true, retried: 8}, {}, {fails: true, payDay: 13}, {}, {}, {fails: true}}
	for last, unpaid := range map[billing.SubscriptionStatus]bool{billing.StatusCanceled: false, billing.StatusUnpaid: true} {
		t.Run(string(last), func(t *testing.T) {
			w, h := told(t, worldtest.Options{Unpaid: unpaid})
			c := w.NewCast("acme", "scale", visa)
			for i, m := range year {
				begins, ends := worldtest.Start.AddDate(0, i+1, 0), worldtest.Start.AddDate(0, i+2, 0)
				if m.fails {
					noError(t, w.Box.GiveCard(c.Customer, broke))
				}
				for day := 0; begins.AddDate(0, 0, day).Before(ends); day++ {
					if m.retried > 0 && day == m.retried {
						noError(t, w.Box.GiveCard(c.Customer, visa))
					}
					until(t, w, begins.AddDate(0, 0, day))
					w.Sync(c.Org.ID)
					noError(t, w.Service.EndGraces(ctx))
					if m.payDay > 0 && day == m.payDay {
						pay(t, w, c)
						w.Sync(c.Org.ID)
					}
					s := summary(t, w, c)
					if status, plan := m.expected(day, last); s.Subscription.Status != status || s.Plan.ID != plan || (s.Dunning != nil) != (status != billing.StatusActive) {
						t.Fatalf("day %d of renewal %d: %s on %s, %+v; want %s on %s", day, i+1, s.Subscription.Status, s.Plan.ID, s.Dunning, status, plan)
					}
				}
			}
			if n, total := w.Paid(c.Customer); n != 12 || total != 12*4900 { // the first, and all renewals but the last
				t.Errorf("%d payments of %d", n, total)
			}
			lines := slices.DeleteFunc(news(t, w, h), func(l string) bool { return !strings.HasPrefix(l, "billing.plan_changed") })
			want := []string{
				planNews("free", "scale", "active", "system", "Stripe"),
				planNews("scale", "free", "past_due", "system", "Countersign"), planNews("free", "scale", "active", "system", "Stripe"),
				planNews("scale", "free", "past_due", "system", "Countersign"),
			}
			if !slices.Equal(lines, want) {
				t.Errorf("told\n%s", strings.Join(lines, "\n"))
			}
		})
	}
}
