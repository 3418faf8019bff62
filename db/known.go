package db

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/countersignhq/countersign/billing"
)

// The JSON that comes with every overview was written by json.Marshal, so its
// members are in the order of the type. Read by hand in that order it takes a
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
	if r.comes(`,"lines":[`) {
		n.Lines = make([]billing.Line, 0, 4)
		for more := true; more && !r.lost; more = r.comes(`,`) {
			l := billing.Line{Description: r.text(`{"description":`), Amount: r.number(`,"amount":`)}
			l.Proration = r.comes(`,"proration":true`)
			r.skip(`}`)
			n.Lines = append(n.Lines, l)
		}
		r.skip(`]`)
	}
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
