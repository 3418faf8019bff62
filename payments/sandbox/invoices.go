package sandbox

import "fmt"

// line is one line of an invoice; amounts in minor units, times in Unix seconds.
type line struct {
	ID, Item, SubItem, Sub, Price, Description string
	Amount, Quantity, Start, End               int64
	Proration                                  bool
}

// pendingItem is a proration that waits for the next invoice.
type pendingItem struct {
	Customer, Sub string
	Line          line
}

type invoice struct {
	ID, Number, Token, Customer, Sub, Currency, Reason, Status string
	Lines                                                      []line
	SubMetadata                                                map[string]string
	Total, StartBalance, EndBalance, AmountDue, AmountPaid     int64
	Attempts, NextAttempt                                      int64
	Retries                                                    int
	Attempted                                                  bool
	Created, PeriodStart, PeriodEnd                            int64
	Finalized, Paid, Voided                                    int64
	Intent, Charge                                             string
	ProrationDate                                              int64 // previews only
}

func (in *invoice) purpose() string {
	switch in.Reason {
	case "subscription_create":
		return "Subscription creation"
	case "subscription_update":
		return "Subscription update"
	}
	return "Subscription renewal"
}

// total sums the lines and applies the customer's balance. An amount that is
// negative or too small to charge goes to the balance instead.
func (in *invoice) total(balance int64) {
	in.Total = 0
	for _, l := range in.Lines {
		in.Total += l.Amount
	}
	in.StartBalance, in.EndBalance = balance, 0
	in.AmountDue = in.Total + balance
	if in.AmountDue < minimum(in.Currency) {
		in.EndBalance, in.AmountDue = in.AmountDue, 0
	}
}

func (in *invoice) remaining() int64 { return in.AmountDue - in.AmountPaid }

// draft prepares an invoice of a subscription: the lines given and whatever
// waited for the next invoice. Nothing is stored.
func (s *Server) draft(sub *subscription, reason string, lines []line) *invoice {
	in := &invoice{
		Customer: sub.Customer, Sub: sub.ID, Currency: sub.Currency, Reason: reason, Status: "draft",
		Created: s.now(), PeriodStart: s.now(), PeriodEnd: s.now(), SubMetadata: sub.Metadata,
	}
	for _, p := range s.st.Pending {
		if p.Sub == sub.ID {
			in.Lines = append(in.Lines, p.Line)
		}
	}
	in.Lines = append(in.Lines, lines...)
	in.total(s.st.Customers.get(sub.Customer).Balance)
	return in
}

// issue stores and finalizes an invoice: it gets its number, takes the
// customer's balance and, if money is due, a payment intent.
func (s *Server) issue(in *invoice) {
	c := s.st.Customers.get(in.Customer)
	in.ID, in.Token = s.newID("in_", 24), s.newID("test_", 40)
	for i := range in.Lines {
		in.Lines[i].ID = s.newID("il_", 24)
		if in.Lines[i].Proration && in.Lines[i].Item == "" {
			in.Lines[i].Item = s.newID("ii_", 24)
		}
	}
	s.takePending(in.Sub)
	in.total(c.Balance)
	s.st.Invoices.put(in.ID, in)
	if sub := s.st.Subs.get(in.Sub); sub != nil {
		sub.Latest = in.ID
	}
	s.emit("invoice.created", s.viewInvoice(in), nil)
	s.change("customer.updated", c.ID, func() {
		c.Invoices++
		c.Balance = in.EndBalance
		if c.Currency == "" {
			c.Currency = in.Currency
		}
	})
	in.Number = fmt.Sprintf("%s-%04d", c.Prefix, c.Invoices)
	in.Status, in.Finalized = "open", s.now()
	if in.AmountDue > 0 {
		s.newIntent(in)
	}
	s.emit("invoice.finalized", s.viewInvoice(in), nil)
}

func (s *Server) newIntent(in *invoice) {
	p := &paymentIntent{
		ID: s.newID("pi_", 24), Customer: in.Customer, Invoice: in.ID, Currency: in.Currency,
		Amount: in.AmountDue, Status: "requires_payment_method", Created: s.now(), Description: in.purpose(),
	}
	p.Secret = p.ID + s.newID("_secret_", 24)
	in.Intent = p.ID
	s.st.Intents.put(p.ID, p)
	s.emit("payment_intent.created", s.viewIntent(p), nil)
}

func (s *Server) takePending(sub string) {
	var kept []pendingItem
	for _, p := range s.st.Pending {
		if p.Sub != sub {
			kept = append(kept, p)
		}
	}
	s.st.Pending = kept
}

// settleInvoice writes the bank's answer into an open invoice. What a paid
// invoice does to its subscription follows from it.
func (s *Server) settleInvoice(in *invoice, m *paymentMethod, out outcome) {
	in.Attempted = true
	if in.AmountDue == 0 {
		s.paid(in)
		return
	}
	p := s.st.Intents.get(in.Intent)
	if out.missing {
		p.Status = "requires_payment_method"
		s.emit("invoice.payment_failed", s.viewInvoice(in), nil)
		return
	}
	in.Attempts++
	p.Method, p.Error = m.ID, nil
	if out.ok {
		ch := s.newCharge(in, m, out)
		p.Status, p.Charge, p.Received, in.Charge = "succeeded", ch.ID, p.Amount, ch.ID
		s.emit("charge.succeeded", s.viewCharge(ch), nil)
		s.emit("payment_intent.succeeded", s.viewIntent(p), nil)
		in.AmountPaid = in.AmountDue
		s.paid(in)
		return
	}
	s.refusedBy(in, p, m, out)
}

func (s *Server) refusedBy(in *invoice, p *paymentIntent, m *paymentMethod, out outcome) {
	if out.action {
		p.Status = "requires_action"
		s.emit("payment_intent.requires_action", s.viewIntent(p), nil)
		s.emit("invoice.payment_action_required", s.viewInvoice(in), nil)
	} else {
		ch := s.newCharge(in, m, out)
		p.Status, p.Charge, in.Charge = "requires_payment_method", ch.ID, ch.ID
		p.Error = &paymentError{Code: "card_declined", Decline: out.decline, Message: out.message(), Charge: ch.ID, Method: m.ID}
		p.Method = ""
		s.emit("charge.failed", s.viewCharge(ch), nil)
		s.emit("payment_intent.payment_failed", s.viewIntent(p), nil)
	}
	s.emit("invoice.payment_failed", s.viewInvoice(in), nil)
}

// paid closes an invoice and lets its subscription follow.
func (s *Server) paid(in *invoice) {
	in.Status, in.Paid, in.NextAttempt = "paid", s.now(), 0
	s.emit("invoice.paid", s.viewInvoice(in), nil)
	s.emit("invoice.payment_succeeded", s.viewInvoice(in), nil)
	sub := s.st.Subs.get(in.Sub)
	if sub == nil {
		return
	}
	if sub.Update != nil && sub.Update.Invoice == in.ID {
		s.applyPending(sub)
	}
	switch sub.Status {
	case "incomplete", "past_due", "unpaid":
		if !s.owes(sub.ID) {
			s.change("customer.subscription.updated", sub.ID, func() { sub.Status = "active" })
		}
	}
}

// owes tells whether a subscription has an open invoice that is not merely
// that of a pending update.
func (s *Server) owes(sub string) bool {
	u := s.st.Subs.get(sub).Update
	for _, in := range s.st.Invoices.newest() {
		if in.Sub == sub && in.Status == "open" && (u == nil || u.Invoice != in.ID) {
			return true
		}
	}
	return false
}

// void closes an unpaid invoice for good and gives back the balance it took.
func (s *Server) void(in *invoice) {
	in.Status, in.Voided, in.NextAttempt = "void", s.now(), 0
	c := s.st.Customers.get(in.Customer)
	s.change("customer.updated", c.ID, func() { c.Balance += in.StartBalance - in.EndBalance })
	if p := s.st.Intents.get(in.Intent); p != nil {
		p.Status, p.Canceled = "canceled", s.now()
		s.emit("payment_intent.canceled", s.viewIntent(p), nil)
	}
	s.emit("invoice.voided", s.viewInvoice(in), nil)
	if sub := s.st.Subs.get(in.Sub); sub != nil && sub.Update != nil && sub.Update.Invoice == in.ID {
		s.change("customer.subscription.updated", sub.ID, func() { sub.Update = nil })
	}
}

func (s *Server) invoice(c *call) (*invoice, *apiError) {
	in := s.st.Invoices.get(c.r.PathValue("id"))
	if in == nil {
		return nil, missing("invoice", "id", c.r.PathValue("id"))
	}
	return in, nil
}

func (s *Server) getInvoice(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	in, fail := s.invoice(c)
	if fail != nil {
		return nil, fail
	}
	return s.viewInvoice(in), nil
}

func (s *Server) listInvoices(c *call) (obj, *apiError) {
	pg, created := c.p.page(), c.p.created()
	customer, sub, status := c.p.str("customer"), c.p.str("subscription"), c.p.str("status")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	return s.cut(pg, "/v1/invoices", ids(&s.st.Invoices, func(in *invoice) bool {
		return (customer == "" || in.Customer == customer) && (sub == "" || in.Sub == sub) &&
			(status == "" || in.Status == status) && created.holds(in.Created)
	}))
}

func (s *Server) listLines(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	in, fail := s.invoice(c)
	if fail != nil {
		return nil, fail
	}
	return s.viewLines(in), nil
}

func (s *Server) payInvoice(c *call) (obj, *apiError) {
	method := c.p.str("payment_method")
	c.p.bool("off_session")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	in, fail := s.invoice(c)
	if fail != nil {
		return nil, fail
	}
	switch in.Status {
	case "paid":
		return nil, invalid("", "", "Invoice is already paid")
	case "void":
		return nil, invalid("", "", "This invoice can no longer be paid")
	}
	m := s.payer(s.st.Subs.get(in.Sub), in.Customer)
	if method != "" {
		if m = s.st.Methods.get(method); m == nil || m.Customer != in.Customer {
			return nil, missing("PaymentMethod", "payment_method", method)
		}
	}
	out := s.ask(s.st.Customers.get(in.Customer), m)
	s.settleInvoice(in, m, out)
	if !out.ok {
		return nil, out.forKind("invoice")
	}
	return s.viewInvoice(in), nil
}

func (s *Server) voidInvoice(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	in, fail := s.invoice(c)
	if fail != nil {
		return nil, fail
	}
	if in.Status != "open" {
		return nil, invalid("", "", "You can only pass in open invoices. This invoice isn't open.")
	}
	s.void(in)
	return s.viewInvoice(in), nil
}
