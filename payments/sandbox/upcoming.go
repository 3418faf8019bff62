package sandbox

// getUpcoming previews the next invoice, or what an update would invoice now.
func (s *Server) getUpcoming(c *call) (obj, *apiError) {
	customer, id, schedule := c.p.str("customer"), c.p.str("subscription"), c.p.str("schedule")
	edits, changes := c.p.edits("subscription_items"), c.p.has("subscription_items")
	at, hasDate := c.p.int("subscription_proration_date"), c.p.has("subscription_proration_date")
	behaviour := c.p.enum("subscription_proration_behavior", "create_prorations", "always_invoice", "none")
	atEnd, hasEnd := c.p.bool("subscription_cancel_at_period_end"), c.p.has("subscription_cancel_at_period_end")
	if customer == "" && id == "" && schedule == "" {
		c.p.fail(invalid("", "customer", "You must specify at least one of `customer`, `subscription` or `schedule`."))
	}
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	sub, fail := s.previewed(customer, id, schedule)
	if fail != nil {
		return nil, fail
	}
	if sc := s.scheduleOf(sub); sc != nil && hasEnd {
		return nil, managed(sc)
	}
	if !hasDate {
		at = s.now()
	}
	if hasDate && (at < sub.PeriodStart || at > sub.PeriodEnd) {
		return nil, invalid("", "subscription_proration_date", "Cannot specify a `subscription_proration_date` outside of the current period (%d to %d).", sub.PeriodStart, sub.PeriodEnd)
	}
	ends := sub.CancelAt != 0 && sub.CancelAt <= sub.PeriodEnd
	if hasEnd {
		ends = atEnd
	}
	if !changes && ends {
		return nil, noUpcoming(sub.Customer)
	}
	in, fail := s.preview(sub, edits, changes, behaviour, at, ends)
	if fail != nil {
		return nil, fail
	}
	if changes && behaviour != "none" {
		in.ProrationDate = at
	}
	return s.viewInvoice(in), nil
}

// previewed finds the subscription that a preview is about.
func (s *Server) previewed(customer, id, schedule string) (*subscription, *apiError) {
	if schedule != "" {
		sc := s.st.Schedules.get(schedule)
		if sc == nil || customer != "" && sc.Customer != customer || id != "" && sc.Sub != id {
			return nil, missing("subscription schedule", "schedule", schedule)
		}
		if sc.Status != "active" {
			return nil, noUpcoming(sc.Customer)
		}
		id = sc.Sub
	}
	if id != "" {
		sub := s.st.Subs.get(id)
		if sub == nil || customer != "" && sub.Customer != customer {
			return nil, missing("subscription", "subscription", id)
		}
		if !sub.live() {
			return nil, noUpcoming(sub.Customer)
		}
		return sub, nil
	}
	if _, fail := s.customer("customer", customer); fail != nil {
		return nil, fail
	}
	for _, sub := range s.st.Subs.newest() {
		if sub.Customer == customer && sub.live() && !sub.AtPeriodEnd {
			return sub, nil
		}
	}
	return nil, noUpcoming(customer)
}

func noUpcoming(customer string) *apiError {
	e := invalid("invoice_upcoming_none", "", "No upcoming invoices for customer: %s", customer)
	e.status = 404
	return e
}

// preview builds the invoice without storing it: the prorations alone if they
// would be invoiced now, else the next renewal with whatever waits for it.
func (s *Server) preview(sub *subscription, edits []edit, changes bool, behaviour string, at int64, ends bool) (*invoice, *apiError) {
	ch := &change{items: sub.Items, anchor: sub.Anchor, start: sub.PeriodStart, end: sub.PeriodEnd}
	if changes {
		var fail *apiError
		if ch, fail = s.plan(sub, edits, "subscription_items", behaviour, at); fail != nil {
			return nil, fail
		}
	}
	now := changes && (behaviour == "always_invoice" || ch.restarts)
	lines := ch.lines
	if !now && !ends {
		items := s.itemsAt(sub, ch.items, ch.end)
		next := periodAfter(ch.anchor, ch.end, s.st.Prices.get(items[0].Price))
		lines = append(lines, s.periodLines(sub, items, ch.end, next)...)
	}
	in := s.draft(sub, "upcoming", lines)
	if now {
		in.PeriodStart, in.PeriodEnd = sub.PeriodStart, at
		return in, nil
	}
	in.Created, in.NextAttempt = ch.end, ch.end+3600
	in.PeriodStart, in.PeriodEnd = ch.start, ch.end
	return in, nil
}
