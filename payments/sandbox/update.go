package sandbox

import (
	"slices"
	"strings"
)

const pendingHours = 23 // a pending update and an incomplete subscription live so long

// update holds the parameters of POST /v1/subscriptions/{id}.
type update struct {
	edits                   []edit
	proration, payment      string
	at                      int64
	meta                    patch
	pm, desc                string
	atEnd                   bool
	hasItems, hasEnd, hasPM bool
	hasDesc, hasDate        bool
	comment, feedback       string
}

// pendingParams are the parameters that go with pending_if_incomplete
// (https://stripe.com/docs/billing/pending-updates-reference).
func pendingParams() []string {
	return []string{
		"expand", "payment_behavior", "proration_behavior", "proration_date", "billing_cycle_anchor",
		"items", "trial_end", "trial_from_plan", "add_invoice_items",
	}
}

func readUpdate(p params) update {
	details := p.sub("cancellation_details")
	u := update{
		edits: p.edits("items"), hasItems: p.has("items"),
		proration: p.enum("proration_behavior", "create_prorations", "always_invoice", "none"),
		payment:   p.enum("payment_behavior", "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"),
		at:        p.int("proration_date"), hasDate: p.has("proration_date"), meta: p.metadata(),
		pm: p.str("default_payment_method"), hasPM: p.has("default_payment_method"),
		desc: p.str("description"), hasDesc: p.has("description"),
		atEnd: p.bool("cancel_at_period_end"), hasEnd: p.has("cancel_at_period_end"),
		comment: details.str("comment"), feedback: details.str("feedback"),
	}
	p.bool("off_session")
	if u.payment == "pending_if_incomplete" {
		for _, name := range sortedKeys(p.n.kids) {
			if !slices.Contains(pendingParams(), name) {
				p.fail(notPending(name))
			}
		}
		for _, e := range p.list("items") {
			for _, name := range sortedKeys(e.n.kids) {
				if !slices.Contains([]string{"id", "price", "quantity"}, name) {
					p.fail(notPending("items[" + name + "]"))
				}
			}
		}
	}
	return u
}

func notPending(name string) *apiError {
	return invalid("", "", "When `payment_behavior` is set to `pending_if_incomplete`, you can only pass supported params. `%s` is not supported. See https://stripe.com/docs/billing/subscriptions/pending-updates-reference#supported-attributes for more details.", name)
}

func sortedKeys(m map[string]*node) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, strings.Compare)
	return keys
}

func (s *Server) updateSubscription(c *call) (obj, *apiError) {
	u := readUpdate(c.p)
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	sub := s.st.Subs.get(c.r.PathValue("id"))
	if sub == nil {
		return nil, missing("subscription", "id", c.r.PathValue("id"))
	}
	if fail := s.updatable(sub, &u); fail != nil {
		return nil, fail
	}
	ch, fail := s.plan(sub, u.edits, "items", u.proration, u.at)
	if fail != nil {
		return nil, fail
	}
	s.identify(ch)
	before := s.viewSubscription(sub)
	pended, fail := s.updateItems(sub, u, ch)
	if fail != nil {
		return nil, fail
	}
	if !pended {
		s.updateFields(sub, u)
	}
	s.emitChange("customer.subscription.updated", before, s.viewSubscription(sub))
	return s.viewSubscription(sub), nil
}

// updatable checks an update against the subscription and settles its date.
func (s *Server) updatable(sub *subscription, u *update) *apiError {
	if !sub.live() {
		return invalid("", "", "A canceled subscription can only update its cancellation_details and metadata.")
	}
	if sc := s.scheduleOf(sub); sc != nil && u.hasEnd {
		return managed(sc)
	}
	if !u.hasDate {
		u.at = s.now()
	}
	if u.at < sub.PeriodStart || u.at > sub.PeriodEnd {
		return invalid("", "proration_date", "Cannot specify a `proration_date` outside of the current period (%d to %d).", sub.PeriodStart, sub.PeriodEnd)
	}
	if m := s.st.Methods.get(u.pm); u.pm != "" && (m == nil || m.Customer != sub.Customer) {
		return missing("PaymentMethod", "default_payment_method", u.pm)
	}
	return nil
}

func (s *Server) updateFields(sub *subscription, u update) {
	if u.meta.sent {
		sub.Metadata = u.meta.apply(sub.Metadata)
	}
	if u.hasPM {
		sub.DefaultPM = u.pm
	}
	if u.hasDesc {
		sub.Description = u.desc
	}
	switch {
	case u.hasEnd && u.atEnd && !sub.AtPeriodEnd:
		s.cancelLater(sub)
	case u.hasEnd && !u.atEnd && sub.AtPeriodEnd:
		s.resume(sub)
	}
	if u.comment != "" {
		sub.Comment = u.comment
	}
	if u.feedback != "" {
		sub.Feedback = u.feedback
	}
}

// updateItems applies a change, with an invoice now or lines for later. It
// reports whether the change became a pending update instead.
func (s *Server) updateItems(sub *subscription, u update, ch *change) (bool, *apiError) {
	if !u.hasItems {
		return false, nil
	}
	invoiced := ch.restarts || u.proration == "always_invoice" && len(ch.lines) > 0
	if !invoiced {
		s.dropPending(sub)
		s.apply(sub, ch)
		for _, l := range ch.lines {
			s.st.Pending = append(s.st.Pending, pendingItem{Customer: sub.Customer, Sub: sub.ID, Line: l})
		}
		return false, nil
	}
	in := s.draft(sub, "subscription_update", ch.lines)
	m := s.payer(sub, sub.Customer)
	later := u.payment == "default_incomplete" && in.AmountDue > 0
	var out outcome
	if !later {
		out = s.askFor(in, m)
	}
	if !out.ok && u.payment == "error_if_incomplete" {
		return false, out.forKind("subscription")
	}
	s.dropPending(sub)
	if !out.ok && u.payment == "pending_if_incomplete" {
		s.pend(sub, ch, in, m, out)
		return true, nil
	}
	s.apply(sub, ch)
	s.issue(in)
	if !later {
		s.settleInvoice(in, m, out)
	}
	if !out.ok {
		sub.Status = "past_due"
	}
	return false, nil
}

// apply writes a change into a subscription.
func (s *Server) apply(sub *subscription, ch *change) {
	sub.Items = ch.items
	sub.Anchor, sub.PeriodStart, sub.PeriodEnd = ch.anchor, ch.start, ch.end
	if sub.AtPeriodEnd {
		sub.CancelAt = sub.PeriodEnd
	}
	s.split(sub)
}

// pend keeps a change until its invoice is paid. It does not outlive the
// period that its prorations belong to.
func (s *Server) pend(sub *subscription, ch *change, in *invoice, m *paymentMethod, out outcome) {
	s.issue(in)
	sub.Update = &pendingUpdate{
		Invoice: in.ID, Expires: min(s.now()+pendingHours*3600, sub.PeriodEnd),
		Items: ch.items, Anchor: ch.anchor, Start: ch.start, End: ch.end,
	}
	s.settleInvoice(in, m, out)
}

func (s *Server) applyPending(sub *subscription) {
	u := sub.Update
	s.change("customer.subscription.updated", sub.ID, func() {
		sub.Update = nil
		s.apply(sub, &change{items: u.Items, anchor: u.Anchor, start: u.Start, end: u.End})
	})
	s.emit("customer.subscription.pending_update_applied", s.viewSubscription(sub), nil)
}

// dropPending discards a pending update and voids its invoice.
func (s *Server) dropPending(sub *subscription) {
	if sub.Update == nil {
		return
	}
	in := s.st.Invoices.get(sub.Update.Invoice)
	sub.Update = nil
	if in.Status == "open" {
		s.void(in)
	}
}
