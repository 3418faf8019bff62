package billing_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// ledger works out what an org must pay, by rules of its own: nothing in it comes
// from the product or the sandbox.
type ledger struct {
	anchor   time.Time
	month    int // periods begun since the anchor
	plan     string
	units    int64
	next     int64 // units from the next period on; -1: as they are
	balance  int64 // what is owed, carried to the next invoice; negative is credit
	invoices []int64
	charges  []int64
}

// tariff is a plan in cents a month, with the units that it includes.
type tariff struct{ base, unit, included int64 }

func (l *ledger) tariff() tariff {
	return map[string]tariff{"solo": {299, 100, 3}, "team": {4900, 400, 10}}[l.plan]
}

// renewal is the n-th one: the anchor's day, or the month's last.
func (l *ledger) renewal(n int) time.Time {
	y, m, d := l.anchor.Date()
	last := time.Date(y, m+time.Month(n+1), 0, 0, 0, 0, 0, time.UTC).Day()
	return time.Date(y, m+time.Month(n), min(d, last), l.anchor.Hour(), l.anchor.Minute(), l.anchor.Second(), 0, time.UTC)
}

func (l *ledger) end() time.Time { return l.renewal(l.month + 1) }

// share is what remains of an amount for a month at a moment in it, to the
// nearest cent, half a cent up.
func (l *ledger) share(amount int64, at time.Time) int64 {
	r := new(big.Rat).Mul(big.NewRat(amount, 1), big.NewRat(l.end().Unix()-at.Unix(), l.end().Unix()-l.renewal(l.month).Unix()))
	r.Add(r, big.NewRat(1, 2))
	return new(big.Int).Div(r.Num(), r.Denom()).Int64()
}

// bill writes an invoice and takes it with what is carried. Less than half a
// dollar is carried on, and so is credit.
func (l *ledger) bill(amount int64) (charged int64) {
	l.invoices = append(l.invoices, amount)
	due := amount + l.balance
	if l.balance = 0; due < 50 {
		l.balance = due
		return 0
	}
	l.charges = append(l.charges, due)
	return due
}

// become is a change at a moment: what is unused comes back, what is new is paid
// for the rest of the month.
func (l *ledger) become(plan string, units int64, at time.Time) (charged int64) {
	was := l.tariff()
	sum := -l.share(was.unit*l.units, at)
	if plan != l.plan {
		sum -= l.share(was.base, at)
	}
	changed := plan != l.plan
	l.plan, l.units = plan, units
	is := l.tariff()
	if sum += l.share(is.unit*units, at); changed {
		sum += l.share(is.base, at)
	}
	return l.bill(sum)
}

func (l *ledger) renew() {
	l.month++
	if l.next >= 0 {
		l.units, l.next = l.next, -1
	}
	l.bill(l.tariff().base + l.tariff().unit*l.units)
}

// year is an org that is led through it.
type year struct {
	t    *testing.T
	w    *worldtest.World
	c    worldtest.Cast
	rnd  *rand.Rand
	book *ledger
}

// TestUnitsAddUp leads orgs from a trial through its conversion and twelve months
// of renewals, increases, reductions that are replaced, taken back or left alone,
// and switches of the plan, by people and by agents. Every charge at Stripe and
// every invoice that we mirror is the one of the ledger, to the cent.
func TestUnitsAddUp(t *testing.T) {
	seeds := uint64(6)
	if raced {
		seeds = 3
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			y := &year{t: t, w: worldtest.New(t, worldtest.Options{Catalog: "capacity", Postgres: seed%3 == 2}), rnd: rand.New(rand.NewPCG(seed, 11))}
			y.c = y.w.NewCast("acme", "", "")
			y.convert(time.Date(2026, 3, 28+int(seed%4), 8, 30, 7, 0, time.UTC))
			for range 12 {
				for range y.rnd.IntN(5) {
					left := y.book.end().Sub(y.w.Box.Now()) / time.Second
					y.w.Advance(time.Duration(1+y.rnd.Int64N(int64(left)-1)) * time.Second)
					y.w.Sync(y.c.Org.ID)
					y.act()
					y.adds("a change")
				}
				y.w.Advance(y.book.end().Sub(y.w.Box.Now()))
				y.w.Sync(y.c.Org.ID)
				y.book.renew()
				y.adds("a renewal")
			}
		})
	}
}

// convert tries a plan, and buys it or a higher one at a moment of the trial.
func (y *year) convert(at time.Time) {
	y.t.Helper()
	tried := []string{"solo", "team"}[y.rnd.IntN(2)]
	y.w.Advance(at.AddDate(0, 0, -y.rnd.IntN(25)).Sub(y.w.Box.Now()))
	propose(y.t, y.w.Service, y.c.OwnerTool, try(tried), billing.StatusTrialStarted, nil)
	y.w.Advance(at.Sub(y.w.Box.Now()))
	plan := tried
	if y.rnd.IntN(2) == 0 {
		plan = "team"
	}
	page, err := y.w.Service.Checkout(ctx, y.c.Owner, plan)
	noError(y.t, err)
	form := url.Values{"number": {"4242424242424242"}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, page, strings.NewReader(form.Encode()))
	noError(y.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	noError(y.t, err)
	noError(y.t, res.Body.Close())
	y.c.Customer = y.w.Org(y.c.Org.ID).CustomerID
	y.book = &ledger{anchor: at, plan: plan, next: -1}
	y.book.bill(y.book.tariff().base)
	if sub := y.w.Sync(y.c.Org.ID); !sub.Trial.ConvertedAt.Equal(at) || sub.Trial.Plan != tried {
		y.t.Fatalf("not converted: %+v", sub.Trial)
	}
	y.adds("the conversion")
}

// act does one thing of those that are possible now.
func (y *year) act() {
	y.t.Helper()
	b := y.book
	switch what := y.rnd.IntN(5); {
	case b.next >= 0 && what < 2:
		y.propose(keep(), billing.StatusReductionCanceled, 0)
		b.next = -1
	case b.units > 0 && (b.next >= 0 || what < 2): // also in the place of another one
		b.next = y.rnd.Int64N(b.units)
		y.propose(reduce(b.next), billing.StatusReductionScheduled, 0)
	case what == 4:
		to := map[string]string{"solo": "team", "team": "solo"}[b.plan]
		total := b.tariff().included + b.units
		carried := max(0, min(b.units, total-(&ledger{plan: to}).tariff().included))
		y.propose(upgrade(to), billing.StatusSwitched, b.become(to, carried, y.w.Box.Now()))
	case b.units < 99:
		n := b.units + 1 + y.rnd.Int64N(min(99-b.units, 20))
		y.propose(increase(n), billing.StatusCapacityIncreased, b.become(b.plan, n, y.w.Box.Now()))
	}
}

// propose lets a person or an agent do it, and compares the answer.
func (y *year) propose(pr billing.Proposal, done billing.Status, charged int64) {
	y.t.Helper()
	by := []billing.Principal{y.c.Owner, y.c.OwnerTool, y.c.Agent}[y.rnd.IntN(3)]
	if by.Kind == billing.KindAgent {
		out := asked(y.t, y.w.Service, by, pr)
		if out.Approval.Quote.DueNow != charged {
			y.t.Errorf("%s: asked for %d, want %d", pr.Verb, out.Approval.Quote.DueNow, charged)
		}
		pr = with(out.Token, pr)
	}
	if out := propose(y.t, y.w.Service, by, pr, done, nil); out.Charged != charged || out.AmountDiffers {
		y.t.Errorf("%s: charged %d, want %d (%+v)", pr.Verb, out.Charged, charged, out)
	}
}

// adds compares everything that was ever charged with the ledger.
func (y *year) adds(after string) {
	y.t.Helper()
	b, sub := y.book, y.w.Sync(y.c.Org.ID)
	reduced := int64(-1)
	if sub.Units.Reducing() {
		reduced = sub.Units.ReduceTo
	}
	if sub.Plan != b.plan || sub.Units.Additional != b.units || reduced != b.next || !sub.PeriodEnd.Equal(b.end()) || sub.Credit != max(0, -b.balance) {
		y.t.Fatalf("after %s: %s with %+v until %v, credit %d; want %+v until %v", after, sub.Plan, sub.Units, sub.PeriodEnd, sub.Credit, *b, b.end())
	}
	var charges []int64
	for _, ch := range y.w.Box.Charges(y.c.Customer) {
		if ch.Status == "succeeded" {
			charges = append(charges, ch.Amount)
		}
	}
	if !slices.Equal(charges, b.charges) {
		y.t.Fatalf("after %s: charged %v, want %v", after, charges, b.charges)
	}
	mirrored, want := y.mirrored(), slices.Sorted(slices.Values(b.invoices))
	if !slices.Equal(mirrored, want) {
		y.t.Fatalf("after %s: invoices %v, want %v", after, mirrored, want)
	}
}

// mirrored are the amounts of all invoices that we keep, sorted.
func (y *year) mirrored() (amounts []int64) {
	y.t.Helper()
	for cursor := ""; ; {
		list, err := y.w.Service.Invoices(ctx, y.c.OwnerTool, cursor, 50)
		noError(y.t, err)
		for _, i := range list {
			amounts = append(amounts, i.Amount.Amount)
			cursor = i.ID
		}
		if len(list) < 50 {
			slices.Sort(amounts)
			return amounts
		}
	}
}
