package sandbox

import (
	"fmt"
	"time"
)

// edit is one element of items[]: a new item, or a change of the one with ID.
type edit struct {
	ID, Price   string
	Quantity    int64
	HasQuantity bool
	Deleted     bool
	Metadata    patch
}

// change is what an update of a subscription's items amounts to: the items
// and the period afterwards, and the lines that make up for the difference.
type change struct {
	items              []item
	anchor, start, end int64
	lines              []line
	restarts           bool // another interval: a new period begins now
}

// edits reads items[] of an update, or subscription_items[] of a preview.
func (p params) edits(key string) []edit {
	var out []edit
	for _, e := range p.list(key) {
		out = append(out, edit{
			ID: e.str("id"), Price: e.str("price"), Quantity: e.int("quantity"),
			HasQuantity: e.has("quantity"), Deleted: e.bool("deleted"), Metadata: e.metadata(),
		})
		e.quantity(out[len(out)-1].Quantity, 0)
	}
	return out
}

// mostUnits keeps every sum far from overflow; Stripe's Checkout has the same limit.
const mostUnits = 999999

// quantity refuses a quantity out of range.
func (p params) quantity(n, least int64) {
	switch {
	case p.has("quantity") && n < least:
		p.fail(invalid("parameter_invalid_integer", p.name("quantity"), "This value must be greater than or equal to %d.", least))
	case n > mostUnits:
		p.fail(invalid("parameter_invalid_integer", p.name("quantity"), "This value must be less than or equal to %d.", mostUnits))
	}
}

// identify gives new items their ids, in the lines as well.
func (s *Server) identify(ch *change) {
	ch.items = s.identified(ch.items)
	for i, l := range ch.lines {
		for _, it := range ch.items {
			if l.SubItem == "" && l.Price == it.Price {
				ch.lines[i].SubItem = it.ID
			}
		}
	}
}

// plan works out an update at a moment without touching anything.
func (s *Server) plan(sub *subscription, edits []edit, param, behaviour string, at int64) (*change, *apiError) {
	items, fail := s.edited(sub, edits, param)
	if fail != nil {
		return nil, fail
	}
	return s.planned(sub, items, behaviour, at), nil
}

func (s *Server) planned(sub *subscription, items []item, behaviour string, at int64) *change {
	ch := &change{items: items, anchor: sub.Anchor, start: sub.PeriodStart, end: sub.PeriodEnd}
	was, is := s.st.Prices.get(sub.Items[0].Price), s.st.Prices.get(items[0].Price)
	ch.restarts = was.Interval != is.Interval || was.IntervalCount != is.IntervalCount
	if ch.restarts {
		ch.anchor, ch.start = at, at
		ch.end = periodAfter(at, at, is)
	}
	prorated := behaviour != "none" && sub.Status != "incomplete" && sub.Status != "unpaid"
	if prorated {
		ch.lines = s.credits(sub, items, at, ch.restarts)
	}
	switch {
	case ch.restarts:
		ch.lines = append(ch.lines, s.periodLines(sub, items, ch.start, ch.end)...)
	case prorated:
		ch.lines = append(ch.lines, s.debits(sub, items, at)...)
	}
	return ch
}

// edited applies edits to a copy of a subscription's items. As Stripe documents
// for subscription items, a new price sets the quantity to 1 unless one is sent.
func (s *Server) edited(sub *subscription, edits []edit, param string) ([]item, *apiError) {
	items := append([]item(nil), sub.Items...)
	for n, e := range edits {
		at := -1
		for i := range items {
			if items[i].ID == e.ID && e.ID != "" {
				at = i
			}
		}
		name := func(key string) string { return fmt.Sprintf("%s[%d][%s]", param, n, key) }
		switch {
		case e.ID != "" && at < 0:
			return nil, invalid("resource_missing", name("id"), "No such subscription_item: '%s'", e.ID)
		case e.ID == "" && e.Price == "":
			return nil, required(name("price"))
		case e.Deleted && at < 0:
			return nil, required(name("id"))
		case e.Deleted:
			items = append(items[:at], items[at+1:]...)
			continue
		case at < 0:
			items = append(items, item{Created: s.now()})
			at = len(items) - 1
		}
		if e.Price != "" && e.Price != items[at].Price {
			if fail := s.sellable(e.Price, name("price"), sub.Currency); fail != nil {
				return nil, fail
			}
			items[at].Price, items[at].Quantity = e.Price, 1
		}
		if e.HasQuantity {
			items[at].Quantity = e.Quantity
		}
		if e.Metadata.sent {
			items[at].Metadata = e.Metadata.apply(items[at].Metadata)
		}
	}
	return items, s.coherent(items)
}

func (s *Server) sellable(id, param, currency string) *apiError {
	p := s.st.Prices.get(id)
	switch {
	case p == nil:
		return missing("price", param, id)
	case !p.Active:
		return invalid("", param, "The price specified is inactive. This field only accepts active prices.")
	case currency != "" && p.Currency != currency:
		return invalid("", param, "The price specified supports currencies of `%s`. This doesn't match the expected currency: `%s`.", p.Currency, currency)
	}
	return nil
}

// coherent holds Stripe's rules on a set of items.
func (s *Server) coherent(items []item) *apiError {
	if len(items) == 0 {
		return invalid("", "items", "A subscription must have at least one active plan.")
	}
	first := s.st.Prices.get(items[0].Price)
	seen := map[string]bool{}
	for _, it := range items {
		p := s.st.Prices.get(it.Price)
		switch {
		case seen[it.Price]:
			return invalid("", "items", "Cannot add multiple subscription items with the same plan: %s", it.Price)
		case p.Interval != first.Interval || p.IntervalCount != first.IntervalCount:
			return invalid("", "items", "Currently, all prices on a subscription must have the same `recurring.interval` and `recurring.interval_count`. If you meant to update an existing subscription item instead of creating a new one, make sure to include the subscription item ID in your request.")
		case p.Currency != first.Currency:
			return invalid("", "items", "All prices on a subscription must have the same currency.")
		}
		seen[it.Price] = true
	}
	return nil
}

// credits gives back the unused time of every item that goes or changes.
func (s *Server) credits(sub *subscription, items []item, at int64, all bool) []line {
	var out []line
	for _, old := range sub.Items {
		now, ok := find(items, old.ID)
		if !all && ok && now.Price == old.Price && now.Quantity == old.Quantity {
			continue
		}
		out = append(out, s.prorated(sub, old, at, -1)...)
	}
	return out
}

// debits charges the remaining time of every item that is new or changed.
func (s *Server) debits(sub *subscription, items []item, at int64) []line {
	var out []line
	for _, it := range items {
		old, ok := find(sub.Items, it.ID)
		if ok && old.Price == it.Price && old.Quantity == it.Quantity {
			continue
		}
		out = append(out, s.prorated(sub, it, at, 1)...)
	}
	return out
}

// prorated is a line even for a quantity of 0, as at Stripe.
func (s *Server) prorated(sub *subscription, it item, at, sign int64) []line {
	p := s.st.Prices.get(it.Price)
	amount := prorate(sign*p.UnitAmount*it.Quantity, sub.PeriodEnd-at, sub.PeriodEnd-sub.PeriodStart)
	word := "Remaining time on"
	if sign < 0 {
		word = "Unused time on"
	}
	return []line{{
		Sub: sub.ID, SubItem: it.ID, Price: it.Price, Quantity: it.Quantity, Amount: amount, Proration: true,
		Start: at, End: sub.PeriodEnd,
		Description: fmt.Sprintf("%s %s after %s", word, s.named(it), time.Unix(at, 0).UTC().Format("02 Jan 2006")),
	}}
}

// periodLines charges whole periods.
func (s *Server) periodLines(sub *subscription, items []item, start, end int64) []line {
	var out []line
	for _, it := range items {
		p := s.st.Prices.get(it.Price)
		out = append(out, line{
			Sub: sub.ID, SubItem: it.ID, Price: it.Price, Quantity: it.Quantity,
			Amount: p.UnitAmount * it.Quantity, Start: start, End: end,
			Description: fmt.Sprintf("%d × %s (at %s / %s)", it.Quantity, s.st.Products.get(p.Product).Name, money(p.UnitAmount, p.Currency), every(p)),
		})
	}
	return out
}

func (s *Server) named(it item) string {
	name := s.st.Products.get(s.st.Prices.get(it.Price).Product).Name
	if it.Quantity == 1 {
		return name
	}
	return fmt.Sprintf("%d × %s", it.Quantity, name)
}

func find(items []item, id string) (item, bool) {
	for _, it := range items {
		if it.ID == id && id != "" {
			return it, true
		}
	}
	return item{}, false
}
