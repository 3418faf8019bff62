package db

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/countersignhq/countersign/billing"
)

// The JSON of what is read most was written by json.Marshal, so its members are in
// the order of the type. Read by hand in that order it takes a
// tenth of the library's time; whatever is not quite so is left to the library.

// known reads a value that is written as it is known to be; false leaves it
// unread.
func known(to any, raw string) bool {
	switch v := to.(type) {
	case **billing.Card:
		return knownCard(v, raw)
	case **billing.NextInvoice:
		return knownNext(v, raw)
	case *billing.BoughtUnits:
		return knownUnits(v, raw)
	case *billing.Quote:
		return knownQuote(v, raw)
	}
	return false
}

func knownCard(to **billing.Card, raw string) bool {
	r, c := reading{rest: raw}, billing.Card{}
	c.Brand = r.text(`{"brand":`)
	c.Last4 = r.text(`,"last4":`)
	c.ExpMonth = int(r.number(`,"exp_month":`))
	c.ExpYear = int(r.number(`,"exp_year":`))
	if r.skip(`}`); r.lost || r.rest != "" {
		return false
	}
	*to = &c
	return true
}

func knownNext(to **billing.NextInvoice, raw string) bool {
	r, n := reading{rest: raw}, billing.NextInvoice{}
	n.Date = r.time(`{"date":`)
	n.Amount.Amount = r.number(`,"amount":{"amount":`)
	n.Amount.Currency = r.text(`,"currency":`)
	r.skip(`}`)
	n.Lines = r.lines()
	if r.skip(`}`); r.lost || r.rest != "" {
		return false
	}
	*to = &n
	return true
}

// knownUnits reads units of which nothing is to become of by itself.
func knownUnits(to *billing.BoughtUnits, raw string) bool {
	r, u := reading{rest: raw}, billing.BoughtUnits{}
	u.Additional = r.number(`{"additional":`)
	u.ItemID = r.text(`,"item_id":`)
	if r.skip(`}`); r.lost || r.rest != "" {
		return false
	}
	*to = u
	return true
}

// knownQuote reads what a request would change and cost.
func knownQuote(to *billing.Quote, raw string) bool {
	r, q := reading{rest: raw}, billing.Quote{}
	q.Change.Action = billing.Action(r.text(`{"change":{"action":`))
	if r.next(`,"plan":`) {
		q.Change.Plan = r.text(`,"plan":`)
	}
	q.Change.Units = r.someNumber(`,"additional_capacity_units":`)
	q.Currency = r.text(`},"currency":`)
	q.FromPlan = r.text(`,"from_plan":`)
	q.ToPlan = r.text(`,"to_plan":`)
	q.FromUnits = r.someNumber(`,"from_units":`)
	q.ToUnits = r.someNumber(`,"to_units":`)
	q.DueNow = r.number(`,"due_now":`)
	q.Credit = r.someNumber(`,"credit":`)
	q.BalanceUsed = r.someNumber(`,"balance_used":`)
	q.Tax = r.someNumber(`,"tax":`)
	q.LiftsDowngrade = r.comes(`,"lifts_downgrade":true`)
	q.LiftsReduction = r.comes(`,"lifts_reduction":true`)
	q.TrialDays = int(r.someNumber(`,"trial_days":`))
	q.Lines = r.lines()
	q.Recurring = r.number(`,"recurring":`)
	q.Interval = r.text(`,"interval":`)
	q.EffectiveAt = r.someTime(`,"effective_at":`)
	q.NextChargeAt = r.someTime(`,"next_charge_at":`)
	q.ProrationDate = r.someTime(`,"proration_date":`)
	q.SubscriptionVersion = r.number(`,"subscription_version":`)
	q.CatalogVersion = r.text(`,"catalog_version":`)
	if r.skip(`}`); r.lost || r.rest != "" {
		return false
	}
	*to = q
	return true
}

// reading is what is left of a text. It is lost where the text was not as expected.
type reading struct {
	rest string
	lost bool
}

// comes skips what may be next.
func (r *reading) comes(s string) (ok bool) {
	r.rest, ok = strings.CutPrefix(r.rest, s)
	return ok
}

func (r *reading) next(s string) bool { return strings.HasPrefix(r.rest, s) }

func (r *reading) skip(s string) {
	if !r.comes(s) {
		r.lost = true
	}
}

// text reads a string behind its name: one without escapes.
func (r *reading) text(name string) string {
	r.skip(name)
	r.skip(`"`)
	end := strings.IndexByte(r.rest, '"')
	if end < 0 {
		r.lost = true
		return ""
	}
	s := r.rest[:end]
	for _, c := range []byte(s) {
		if c < ' ' || c == '\\' {
			r.lost = true
		}
	}
	r.lost = r.lost || !utf8.ValidString(s)
	r.rest = r.rest[end+1:]
	return s
}

func (r *reading) number(name string) int64 {
	r.skip(name)
	end := 0
	for end < len(r.rest) && (r.rest[end] == '-' || '0' <= r.rest[end] && r.rest[end] <= '9') {
		end++
	}
	n, err := strconv.ParseInt(r.rest[:end], 10, 64)
	r.lost = r.lost || err != nil
	r.rest = r.rest[end:]
	return n
}

func (r *reading) time(name string) time.Time {
	t, ok := plainTime(r.text(name))
	r.lost = r.lost || !ok
	return t
}

// someNumber is 0, and someTime the zero time, where there is none.
func (r *reading) someNumber(name string) int64 {
	if !r.next(name) {
		return 0
	}
	return r.number(name)
}

func (r *reading) someTime(name string) time.Time {
	if !r.next(name) {
		return time.Time{}
	}
	return r.time(name)
}

// lines reads those of a quote or an invoice, if there are any.
func (r *reading) lines() (all []billing.Line) {
	if !r.comes(`,"lines":[`) {
		return nil
	}
	for more := true; more && !r.lost; more = r.comes(`,`) {
		l := billing.Line{Description: r.text(`{"description":`), Amount: r.number(`,"amount":`)}
		l.Proration = r.comes(`,"proration":true`)
		r.skip(`}`)
		all = append(all, l)
	}
	r.skip(`]`)
	return all
}
