package sandbox

import "slices"

// item is one price of a subscription.
type item struct {
	ID, Price string
	Quantity  int64
	Created   int64
	Metadata  map[string]string
}

type subscription struct {
	ID, Customer, Status, Currency, DefaultPM, Latest, Description string
	Schedule                                                       string
	Items                                                          []item
	Metadata                                                       map[string]string
	Anchor, PeriodStart, PeriodEnd, Created                        int64
	AtPeriodEnd                                                    bool
	CancelAt, Canceled, Ended                                      int64
	Reason, Comment, Feedback                                      string
	Update                                                         *pendingUpdate
}

// pendingUpdate waits for its invoice to be paid.
type pendingUpdate struct {
	Invoice            string
	Expires            int64
	Items              []item
	Anchor, Start, End int64
}

func (sub *subscription) live() bool {
	return sub.Status != "canceled" && sub.Status != "incomplete_expired"
}

func (s *Server) viewItems(sub *subscription, items []item) []obj {
	var out []obj
	for _, it := range items {
		out = append(out, obj{
			"id": it.ID, "object": "subscription_item", "billing_thresholds": nil, "created": it.Created,
			"metadata": copyMeta(it.Metadata), "price": s.viewPrice(s.st.Prices.get(it.Price)),
			"quantity": it.Quantity, "subscription": sub.ID, "tax_rates": []obj{},
		})
	}
	return out
}

func (s *Server) viewSubscription(sub *subscription) obj {
	if sub == nil {
		return nil
	}
	out := obj{
		"id": sub.ID, "object": "subscription", "application": nil, "application_fee_percent": nil,
		"automatic_tax": obj{"enabled": false, "liability": nil}, "billing_cycle_anchor": sub.Anchor,
		"billing_cycle_anchor_config": nil, "billing_thresholds": nil, "cancel_at": optTime(sub.CancelAt),
		"cancel_at_period_end": sub.AtPeriodEnd, "canceled_at": optTime(sub.Canceled),
		"cancellation_details": obj{"comment": opt(sub.Comment), "feedback": opt(sub.Feedback), "reason": opt(sub.Reason)},
		"collection_method":    "charge_automatically", "created": sub.Created, "currency": sub.Currency,
		"current_period_end": sub.PeriodEnd, "current_period_start": sub.PeriodStart, "customer": sub.Customer,
		"days_until_due": nil, "default_payment_method": opt(sub.DefaultPM), "default_source": nil,
		"default_tax_rates": []obj{}, "description": opt(sub.Description), "discount": nil,
		"ended_at":       optTime(sub.Ended),
		"items":          listOf("/v1/subscription_items?subscription="+sub.ID, s.viewItems(sub, sub.Items)),
		"latest_invoice": opt(sub.Latest), "livemode": false, "metadata": copyMeta(sub.Metadata),
		"next_pending_invoice_item_invoice": nil, "on_behalf_of": nil, "pause_collection": nil,
		"payment_settings":              obj{"payment_method_options": nil, "payment_method_types": nil, "save_default_payment_method": "off"},
		"pending_invoice_item_interval": nil, "pending_setup_intent": nil, "pending_update": nil,
		"schedule": opt(sub.Schedule), "start_date": sub.Created, "status": sub.Status, "test_clock": nil,
		"transfer_data": nil, "trial_end": nil,
		"trial_settings": obj{"end_behavior": obj{"missing_payment_method": "create_invoice"}}, "trial_start": nil,
	}
	if u := sub.Update; u != nil {
		var anchor any
		if u.Anchor != sub.Anchor {
			anchor = u.Anchor
		}
		out["pending_update"] = obj{
			"billing_cycle_anchor": anchor, "expires_at": u.Expires,
			"subscription_items": s.viewItems(sub, u.Items), "trial_end": nil, "trial_from_plan": nil,
		}
	}
	return out
}

// payer is the card that a subscription is charged to, nil if there is none.
func (s *Server) payer(sub *subscription, customer string) *paymentMethod {
	if sub != nil && sub.DefaultPM != "" {
		return s.st.Methods.get(sub.DefaultPM)
	}
	return s.st.Methods.get(s.st.Customers.get(customer).DefaultPM)
}

func (s *Server) getSubscription(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	sub := s.st.Subs.get(c.r.PathValue("id"))
	if sub == nil {
		return nil, missing("subscription", "id", c.r.PathValue("id"))
	}
	return s.viewSubscription(sub), nil
}

// listSubscriptions leaves canceled ones out unless status asks for them.
func (s *Server) listSubscriptions(c *call) (obj, *apiError) {
	pg, customer, pr, created := c.p.page(), c.p.str("customer"), c.p.str("price"), c.p.created()
	status := c.p.enum("status", "", "all", "active", "past_due", "canceled", "unpaid", "incomplete", "incomplete_expired", "ended", "trialing", "paused")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	return s.cut(pg, "/v1/subscriptions", ids(&s.st.Subs, func(sub *subscription) bool {
		match := sub.Status == status
		switch status {
		case "":
			match = sub.Status != "canceled"
		case "all":
			match = true
		case "ended":
			match = !sub.live()
		}
		has := pr == "" || slices.ContainsFunc(sub.Items, func(it item) bool { return it.Price == pr })
		return match && has && (customer == "" || sub.Customer == customer) && created.holds(sub.Created)
	}))
}

func (s *Server) createSubscription(c *call) (obj, *apiError) {
	customer, items, meta := c.p.need("customer"), c.p.edits("items"), c.p.metadata()
	pm, desc, atEnd := c.p.str("default_payment_method"), c.p.str("description"), c.p.bool("cancel_at_period_end")
	behaviour := c.p.enum("payment_behavior", "allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete")
	c.p.enum("proration_behavior", "create_prorations", "always_invoice", "none")
	c.p.bool("off_session")
	c.p.enum("collection_method", "charge_automatically")
	if !c.p.has("items") {
		c.p.fail(required("items"))
	}
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	cus, fail := s.customer("customer", customer)
	if fail != nil {
		return nil, fail
	}
	if m := s.st.Methods.get(pm); pm != "" && (m == nil || m.Customer != cus.ID) {
		return nil, missing("PaymentMethod", "default_payment_method", pm)
	}
	sub, fail := s.newSubscription(cus, items, meta.apply(nil))
	if fail != nil {
		return nil, fail
	}
	sub.DefaultPM, sub.Description = pm, desc
	if fail := s.start(sub, behaviour); fail != nil {
		return nil, fail
	}
	if atEnd {
		s.change("customer.subscription.updated", sub.ID, func() { s.cancelLater(sub) })
	}
	return s.viewSubscription(sub), nil
}

// newSubscription prepares a subscription from now on. Nothing is stored.
func (s *Server) newSubscription(cus *customer, edits []edit, meta map[string]string) (*subscription, *apiError) {
	sub := &subscription{Customer: cus.ID, Metadata: meta, Currency: cus.Currency, Created: s.now(), Anchor: s.now(), PeriodStart: s.now()}
	items, fail := s.edited(sub, edits, "items")
	if fail != nil {
		return nil, fail
	}
	p := s.st.Prices.get(items[0].Price)
	sub.ID, sub.Currency, sub.Items = s.newID("sub_", 24), p.Currency, s.identified(items)
	sub.PeriodEnd = periodAfter(sub.Anchor, sub.PeriodStart, p)
	return sub, nil
}

func (s *Server) identified(items []item) []item {
	for i := range items {
		if items[i].ID == "" {
			items[i].ID = s.newID("si_", 14)
		}
	}
	return items
}

// start stores a new subscription and collects its first invoice.
func (s *Server) start(sub *subscription, behaviour string) *apiError {
	in := s.draft(sub, "subscription_create", s.periodLines(sub, sub.Items, sub.PeriodStart, sub.PeriodEnd))
	m := s.payer(sub, sub.Customer)
	later := behaviour == "default_incomplete"
	out := outcome{ok: in.AmountDue == 0}
	if in.AmountDue > 0 && !later {
		out = s.ask(s.st.Customers.get(sub.Customer), m)
		if out.missing || !out.ok && behaviour == "error_if_incomplete" {
			return out.forKind("subscription")
		}
	}
	s.begin(sub, in, m, out, later)
	return nil
}

// begin stores a subscription whose first payment had this outcome.
func (s *Server) begin(sub *subscription, in *invoice, m *paymentMethod, out outcome, later bool) {
	sub.Status = "incomplete"
	if out.ok {
		sub.Status = "active"
	}
	s.st.Subs.put(sub.ID, sub)
	s.issue(in)
	s.emit("customer.subscription.created", s.viewSubscription(sub), nil)
	if out.ok || !later {
		s.settleInvoice(in, m, out)
	}
}

// cancelLater and resume are the two ends of cancel_at_period_end.
func (s *Server) cancelLater(sub *subscription) {
	sub.AtPeriodEnd, sub.CancelAt, sub.Canceled = true, sub.PeriodEnd, s.now()
	sub.Reason = "cancellation_requested"
}

func (s *Server) resume(sub *subscription) {
	sub.AtPeriodEnd, sub.CancelAt, sub.Canceled, sub.Reason = false, 0, 0, ""
}

// end stops a subscription now.
func (s *Server) end(sub *subscription, status, reason string) {
	s.dropPending(sub)
	sub.Status, sub.Ended = status, s.now()
	if sub.Canceled == 0 {
		sub.Canceled = s.now()
	}
	if sub.Reason == "" {
		sub.Reason = reason
	}
	for _, in := range s.st.Invoices.oldest() {
		if in.Sub == sub.ID && in.Status == "open" {
			in.NextAttempt = 0
		}
	}
	typ := "customer.subscription.deleted"
	if status == "incomplete_expired" {
		typ = "customer.subscription.updated"
	}
	s.emit(typ, s.viewSubscription(sub), nil)
	s.endWith(sub, reason)
}

func (s *Server) cancelSubscription(c *call) (obj, *apiError) {
	now, prorated := c.p.bool("invoice_now"), c.p.bool("prorate")
	details := c.p.sub("cancellation_details")
	comment, feedback := details.str("comment"), details.str("feedback")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	sub := s.st.Subs.get(c.r.PathValue("id"))
	if sub == nil || !sub.live() {
		return nil, missing("subscription", "id", c.r.PathValue("id"))
	}
	sub.Comment, sub.Feedback = comment, feedback
	s.cancelNow(sub, now, prorated)
	return s.viewSubscription(sub), nil
}

// cancelNow ends a subscription, with a credit for the time not used and an
// invoice of all that waited for one, if so wanted.
func (s *Server) cancelNow(sub *subscription, now, prorated bool) {
	if prorated {
		for _, l := range s.credits(sub, nil, s.now(), true) {
			s.st.Pending = append(s.st.Pending, pendingItem{Customer: sub.Customer, Sub: sub.ID, Line: l})
		}
	}
	s.end(sub, "canceled", "cancellation_requested")
	if now {
		in := s.draft(sub, "subscription_update", nil)
		if len(in.Lines) > 0 {
			m := s.payer(sub, sub.Customer)
			s.issue(in)
			s.settleInvoice(in, m, s.askFor(in, m))
		}
	}
}

// askFor asks the bank only if money is due.
func (s *Server) askFor(in *invoice, m *paymentMethod) outcome {
	if in.AmountDue == 0 {
		return outcome{ok: true}
	}
	return s.ask(s.st.Customers.get(in.Customer), m)
}
