package sandbox

import (
	"fmt"
	"slices"
)

const (
	mostPhases     = 10 // that run or wait
	mostIterations = 120
	mostYears      = 10 // that a phase may end ahead
)

// phaseEdit is one element of phases[], with what Stripe works out left at zero.
type phaseEdit struct {
	phase
	iterations int64
}

// moment reads a time that may be "now".
func (p params) moment(key string, now int64) int64 {
	if p.str(key) == "now" {
		return now
	}
	return p.int(key)
}

func (p params) phases(now int64) []phaseEdit {
	var out []phaseEdit
	for _, ph := range p.list("phases") {
		e := phaseEdit{iterations: ph.int("iterations"), phase: phase{
			Start: ph.moment("start_date", now), End: ph.moment("end_date", now),
			Proration: ph.enum("proration_behavior", "create_prorations", "always_invoice", "none"),
			DefaultPM: ph.str("default_payment_method"), Description: ph.str("description"), Metadata: ph.metadata().set,
		}}
		ph.enum("billing_cycle_anchor", "automatic")
		ph.enum("collection_method", "charge_automatically")
		switch {
		case ph.has("iterations") && ph.has("end_date"):
			ph.fail(invalid("", ph.path, "You may only specify one of these parameters: end_date, iterations."))
		case ph.has("iterations") && (e.iterations < 1 || e.iterations > mostIterations):
			ph.fail(invalid("parameter_invalid_integer", ph.name("iterations"), "This value must be between 1 and %d.", mostIterations))
		case len(ph.list("items")) == 0:
			ph.fail(required(ph.name("items")))
		}
		for _, it := range ph.list("items") {
			n := it.int("quantity")
			if !it.has("quantity") {
				n = 1
			}
			it.quantity(n, 0)
			e.Items = append(e.Items, phaseItem{it.need("price"), n, it.metadata().apply(nil)})
		}
		out = append(out, e)
	}
	return out
}

// updateSchedule replaces the phases that run or wait. A change of the running
// one changes the subscription at once.
func (s *Server) updateSchedule(c *call) (obj, *apiError) {
	edits, meta := c.p.phases(s.now()), c.p.metadata()
	proration := c.p.enum("proration_behavior", "create_prorations", "always_invoice", "none")
	ending := c.p.enum("end_behavior", "", "cancel", "release")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	sc, sub, fail := s.running(c, "update", "updated")
	if fail != nil {
		return nil, fail
	}
	phases, at := sc.Phases, sc.At
	if c.p.has("phases") {
		if phases, at, fail = s.replaced(sc, sub, edits); fail != nil {
			return nil, fail
		}
	}
	ch := s.planned(sub, s.itemsOf(sub, phases[at].Items), proration, s.now())
	before := s.viewSubscription(sub)
	s.change("subscription_schedule.updated", sc.ID, func() {
		entered := phases[at].Start != sc.Phases[sc.At].Start
		sc.Phases, sc.At = phases, at
		if meta.sent {
			sc.Metadata = meta.apply(sc.Metadata)
		}
		if ending != "" {
			sc.EndBehavior = ending
		}
		s.warnLater(sc)
		if entered {
			s.inherit(sub, phases[at])
		}
	})
	s.settleItems(sub, ch, proration)
	s.bindEnd(sc, sub)
	s.emitChange("customer.subscription.updated", before, s.viewSubscription(sub))
	return s.viewSchedule(sc), nil
}

// bindEnd makes a subscription end with its schedule, or not.
func (s *Server) bindEnd(sc *schedule, sub *subscription) {
	last := sc.Phases[len(sc.Phases)-1].End
	switch {
	case sc.EndBehavior == "cancel" && sub.CancelAt != last:
		s.cancelLater(sub)
		sub.CancelAt, sub.AtPeriodEnd = last, false
	case sc.EndBehavior == "release" && sub.CancelAt != 0:
		s.resume(sub)
	}
}

// settleItems writes a change of items that nobody waits for: what cannot be
// paid stays open.
func (s *Server) settleItems(sub *subscription, ch *change, proration string) {
	if sameItems(phaseItems(sub.Items), phaseItems(ch.items)) {
		return
	}
	s.identify(ch)
	if _, fail := s.updateItems(sub, update{hasItems: true, proration: proration, payment: "allow_incomplete"}, ch); fail != nil {
		panic("sandbox: phase: " + fail.msg) // only error_if_incomplete can fail
	}
}

// replaced works out the phases of an update and which of them runs.
func (s *Server) replaced(sc *schedule, sub *subscription, edits []phaseEdit) ([]phase, int, *apiError) {
	current := sc.Phases[sc.At]
	for len(edits) > 0 && edits[0].End != 0 && edits[0].End <= current.Start {
		edits = edits[1:] // a past phase may be sent again, or not
	}
	anchored := slices.ContainsFunc(edits, func(e phaseEdit) bool { return e.Start != 0 })
	switch {
	case !anchored:
		return nil, 0, invalid("", "phases", "The subscription schedule update is missing at least one phase with a `start_date` to anchor end dates to.")
	case edits[0].Start != current.Start:
		return nil, 0, invalid("", "phases[0][start_date]", "You can not modify the start date of the current phase.")
	case len(edits) > mostPhases:
		return nil, 0, invalid("", "phases", "A subscription schedule can have at most %d current or future phases.", mostPhases)
	}
	phases, at := slices.Clone(sc.Phases[:sc.At]), sc.At
	for i := range edits {
		if fail := s.dated(sub, edits, i); fail != nil {
			return nil, 0, fail
		}
		if fail := s.stocked(sub, edits[i].phase, i); fail != nil {
			return nil, 0, fail
		}
		phases = append(phases, edits[i].phase)
	}
	switch first := edits[0].End; {
	case first < s.now(), first == s.now() && len(edits) == 1:
		return nil, 0, invalid("", "phases[0][end_date]", "You can only adjust the end date to a future date for the current phase.")
	case first == s.now():
		at++
	}
	return phases, at, nil
}

// dated settles when a phase starts and ends: by its own dates, by iterations
// of its interval, where the next one starts, or after one interval.
func (s *Server) dated(sub *subscription, edits []phaseEdit, i int) *apiError {
	e := &edits[i]
	name := func(key string) string { return fmt.Sprintf("phases[%d][%s]", i, key) }
	if i > 0 {
		before := edits[i-1].End
		if e.Start != 0 && e.Start != before {
			return invalid("", name("start_date"), "The start date of a phase must be the end date of the phase before it (%d).", before)
		}
		e.Start = before
	}
	if e.End == 0 && e.iterations == 0 && i+1 < len(edits) {
		e.End = edits[i+1].Start
	}
	if p := s.st.Prices.get(e.Items[0].Price); e.End == 0 && p != nil {
		e.End = after(sub.Anchor, e.Start, p, max(1, e.iterations))
	}
	switch {
	case e.End <= e.Start:
		return invalid("", name("end_date"), "The end date of a phase must be after its start date.")
	case e.End > s.now()+mostYears*366*day:
		return invalid("", name("end_date"), "The end date of a phase must be within %d years.", mostYears)
	}
	return nil
}

// after is n intervals after start: renewals where start is one, so that a
// phase ends with a period.
func after(anchor, start int64, p *price, n int64) int64 {
	if start != anchor && periodAfter(anchor, start-1, p) != start {
		anchor = start
	}
	for range n {
		start = periodAfter(anchor, start, p)
	}
	return start
}

// stocked holds the rules on a subscription's items against a phase.
func (s *Server) stocked(sub *subscription, ph phase, i int) *apiError {
	var items []item
	for n, it := range ph.Items {
		if _, ok := priced(sub.Items, it.Price); !ok {
			if fail := s.sellable(it.Price, fmt.Sprintf("phases[%d][items][%d][price]", i, n), sub.Currency); fail != nil {
				return fail
			}
		}
		items = append(items, item{Price: it.Price})
	}
	if m := s.st.Methods.get(ph.DefaultPM); ph.DefaultPM != "" && (m == nil || m.Customer != sub.Customer) {
		return missing("PaymentMethod", fmt.Sprintf("phases[%d][default_payment_method]", i), ph.DefaultPM)
	}
	return s.coherent(items)
}

func priced(items []item, price string) (item, bool) {
	i := slices.IndexFunc(items, func(it item) bool { return it.Price == price })
	if i < 0 {
		return item{}, false
	}
	return items[i], true
}

// sameItems tells whether two sets have the same prices and quantities.
func sameItems(a, b []phaseItem) bool {
	if len(a) != len(b) {
		return false
	}
	for _, it := range a {
		if !slices.ContainsFunc(b, func(o phaseItem) bool { return o.Price == it.Price && o.Quantity == it.Quantity }) {
			return false
		}
	}
	return true
}

// itemsOf are a phase's items on a subscription: one stays the same item as long
// as its price does.
func (s *Server) itemsOf(sub *subscription, want []phaseItem) []item {
	var out []item
	for _, w := range want {
		it, ok := priced(sub.Items, w.Price)
		if !ok {
			it = item{Price: w.Price, Created: s.now()}
		}
		it.Quantity = w.Quantity
		if len(w.Metadata) > 0 {
			it.Metadata = w.Metadata
		}
		out = append(out, it)
	}
	return out
}
