package sandbox_test

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

// ledger works out what a Team subscription must cost, without the sandbox.
type ledger struct {
	anchor  time.Time
	month   int // periods begun since the anchor
	units   int64
	waits   int64 // prorations for the next invoice
	balance int64
	charges []int64
}

// renewal is the n-th day of renewal: the anchor's day, or the month's last.
func (l *ledger) renewal(n int) time.Time {
	first := time.Date(l.anchor.Year(), l.anchor.Month()+time.Month(n), 1, l.anchor.Hour(), l.anchor.Minute(), l.anchor.Second(), 0, time.UTC)
	days := first.AddDate(0, 1, 0).Sub(first) / (24 * time.Hour)
	return first.AddDate(0, 0, min(l.anchor.Day(), int(days))-1)
}

// bill takes an amount together with what the balance holds; less than half a
// dollar, or a credit, stays there.
func (l *ledger) bill(amount int64) {
	due := amount + l.balance
	l.balance = 0
	if due < 50 {
		l.balance = due
		return
	}
	l.charges = append(l.charges, due)
}

// change prorates from l.units to n at a moment.
func (l *ledger) change(n int64, at time.Time) int64 {
	from, to := l.renewal(l.month), l.renewal(l.month+1)
	sum := share(-400*l.units, to.Sub(at), to.Sub(from)) + share(400*n, to.Sub(at), to.Sub(from))
	l.units = n
	return sum
}

func (l *ledger) now(n int64, at time.Time) {
	sum := l.change(n, at) + l.waits
	l.waits = 0
	l.bill(sum)
}

func (l *ledger) later(n int64, at time.Time) { l.waits += l.change(n, at) }

func (l *ledger) renew(n int64) {
	l.month++
	l.units = n
	l.bill(4900 + 400*n + l.waits)
	l.waits = 0
}

// TestYearsAddUp leads a subscription that Checkout started, as the conversion
// of a trial does, through a year of increases, scheduled reductions that are
// replaced, released or left alone, and changes from the dashboard.
func TestYearsAddUp(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			begin := time.Date(2027, 1, 28+int(seed%4), 8, 30, 7, 0, time.UTC) // 28 to 31 January
			s := newShop(t, withNow(begin))
			units := rnd.Int64N(4)
			sub := s.converted(units)
			book := &ledger{anchor: begin, units: units}
			book.bill(4900 + 400*units)
			for range 12 {
				s.month(rnd, sub, book)
			}
			s.sums(sub, book)
		})
	}
}

// converted buys Team and n units through Checkout.
func (s *shop) converted(n int64) string {
	s.t.Helper()
	cus := s.customer("")
	lines := []*stripe.CheckoutSessionLineItemParams{{Price: &s.team, Quantity: stripe.Int64(1)}}
	if n > 0 {
		lines = append(lines, &stripe.CheckoutSessionLineItemParams{Price: &s.teamUnit, Quantity: &n})
	}
	cs, err := s.api.CheckoutSessions.New(&stripe.CheckoutSessionParams{
		Mode: stripe.String("subscription"), SuccessURL: stripe.String("http://app.test"), Customer: &cus, LineItems: lines,
	})
	must(s.t, err)
	(&browser{r: s.rig}).post(cs.URL, "number", "4242424242424242")
	cs, err = s.api.CheckoutSessions.Get(cs.ID, nil)
	must(s.t, err)
	return cs.Subscription.ID
}

// month does up to four things at moments of its own, then renews.
func (s *shop) month(rnd *rand.Rand, sub string, book *ledger) {
	s.t.Helper()
	end := book.renewal(book.month + 1)
	next := int64(-1) // what is scheduled
	for range rnd.IntN(5) {
		left := end.Sub(s.box.Now())
		s.advance(time.Duration(rnd.Int64N(int64(left/time.Second))) * time.Second)
		n := rnd.Int64N(100)
		switch what := rnd.IntN(4); {
		case what == 0:
			s.set(sub, n)
			book.now(n, s.box.Now())
		case what == 1:
			must(s.t, s.box.SetQuantity(sub, "team_unit_month", n))
			book.later(n, s.box.Now())
		case what == 2 && next >= 0:
			must(s.t, s.box.ReleaseSchedule(sub))
			next = -1
		default:
			s.reduce(sub, book.units, n)
			next = n
		}
	}
	must(s.t, s.box.AdvanceTo(end))
	if next < 0 {
		next = book.units
	}
	book.renew(next)
	s.sums(sub, book)
	if got := s.sub(sub); got.Schedule != nil { // the product tidies up behind itself
		must(s.t, s.box.ReleaseSchedule(sub))
	}
}

// set changes the units now and charges the difference.
func (s *shop) set(sub string, n int64) {
	s.t.Helper()
	item := &stripe.SubscriptionItemsParams{Price: &s.teamUnit, Quantity: &n}
	if got := s.sub(sub); had(got, s.teamUnit) >= 0 {
		item = &stripe.SubscriptionItemsParams{ID: itemID(s.t, got, s.teamUnit), Quantity: &n}
	}
	_, err := s.update(sub, "always_invoice", item)
	must(s.t, err)
}

// reduce schedules n units from the renewal on, over whatever was scheduled.
func (s *shop) reduce(id string, has, n int64) {
	s.t.Helper()
	sub := s.sub(id)
	sc := sub.Schedule
	if sc == nil {
		sc = s.schedule(id)
	}
	sc, err := s.api.SubscriptionSchedules.Get(sc.ID, nil)
	must(s.t, err)
	_, err = s.plan(sc.ID, s.phase(sc.CurrentPhase.StartDate, sub.CurrentPeriodEnd, has), s.phase(0, 0, n))
	must(s.t, err)
	up, err := s.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Subscription: &id})
	must(s.t, err)
	equal(s.t, "announced", up.Lines.Data[len(up.Lines.Data)-1].Quantity, n)
}

// sums compares every charge and the balance.
func (s *shop) sums(sub string, book *ledger) {
	s.t.Helper()
	got := s.sub(sub)
	equal(s.t, "units", max(had(got, s.teamUnit), 0), book.units)
	equal(s.t, "balance", got.Customer.Balance, book.balance)
	equal(s.t, "end of the period", got.CurrentPeriodEnd, book.renewal(book.month+1).Unix())
	charges := s.box.Charges(got.Customer.ID)
	equal(s.t, "charges", len(charges), len(book.charges))
	for i := range min(len(charges), len(book.charges)) {
		equal(s.t, "charge "+strconv.Itoa(i), charges[i].Amount, book.charges[i])
	}
}
