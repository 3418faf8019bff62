package sandbox

import (
	"net/http"
	"strings"
)

// cardForm is what a person typed, to be shown again after a mistake. The
// number is not kept: as at Stripe, it never leaves the card field.
type cardForm struct {
	Name, Email, Error string
}

// readCard turns the form into a payment method that is not stored yet.
func (s *Server) readCard(r *http.Request) (*paymentMethod, cardForm) {
	form := cardForm{Name: strings.TrimSpace(r.FormValue("name")), Email: strings.TrimSpace(r.FormValue("email"))}
	t, ok := cardByNumber(r.FormValue("number"))
	if !ok {
		form.Error = "This is not one of the sandbox's test cards. Nothing was charged. Use one of the numbers listed below."
		return nil, form
	}
	m := s.newMethod(t)
	m.Name, m.Email = form.Name, form.Email
	return m, form
}

type checkoutPage struct {
	Lines                     []line
	Total                     int64
	Currency, Every, Customer string
	Cancel                    string
	AskEmail                  bool
	Card                      cardForm
	Cards                     []cardHint
}

type cardHint struct{ Number, Does string }

// hints lists the test cards that a page offers.
func hints() []cardHint {
	return []cardHint{
		{"4242 4242 4242 4242", "pays"},
		{"4000 0000 0000 0002", "is declined at once"},
		{"4000 0000 0000 0341", "is accepted, declines when charged later"},
		{"4000 0025 0000 3155", "asks for 3-D Secure once"},
		{"4000 0027 6000 3184", "asks for 3-D Secure every time"},
	}
}

// openCheckout finds a session that can still be paid, or says why not.
func (s *Server) openCheckout(r *http.Request) (*checkout, answer) {
	cs := s.st.Checkouts.get(r.PathValue("id"))
	switch {
	case cs == nil:
		return nil, message(http.StatusNotFound, "No such page", "This Checkout page does not exist.")
	case cs.Status == "complete":
		return nil, goTo(cs.success())
	case cs.Status == "expired":
		return nil, gone("This Checkout page has expired")
	}
	return cs, answer{}
}

func (s *Server) showCheckout(r *http.Request) answer {
	cs, a := s.openCheckout(r)
	if cs == nil {
		return a
	}
	return s.checkoutAnswer(cs, 0, cardForm{})
}

func (s *Server) checkoutAnswer(cs *checkout, status int, form cardForm) answer {
	pg := checkoutPage{Cancel: cs.CancelURL, Card: form, Cards: hints(), AskEmail: cs.Customer == ""}
	if cus := s.st.Customers.get(cs.Customer); cus != nil {
		pg.Customer = cus.Email
	}
	for _, it := range cs.Items {
		p := s.st.Prices.get(it.Price)
		pg.Lines = append(pg.Lines, line{Description: s.named(item{Price: it.Price, Quantity: it.Quantity}), Amount: p.UnitAmount * it.Quantity})
		pg.Total += p.UnitAmount * it.Quantity
		pg.Currency, pg.Every = p.Currency, every(p)
	}
	return answer{status: status, page: "checkout", title: "Subscribe", body: checkoutView(pg)}
}

func (s *Server) payCheckout(r *http.Request) answer {
	cs, a := s.openCheckout(r)
	if cs == nil {
		return a
	}
	m, form := s.readCard(r)
	if m == nil {
		return s.checkoutAnswer(cs, http.StatusUnprocessableEntity, form)
	}
	out := s.ask(s.payingCustomer(cs.Customer), m)
	if m.Conduct == refusedLater { // this card's first payment goes through
		out = outcome{ok: true}
	}
	switch {
	case out.action:
		cs.Method = m
		return goTo(s.checkoutURL(cs) + "/bank")
	case !out.ok:
		form.Error = out.message() + " You have not been charged and nothing has changed. Use another card."
		return s.checkoutAnswer(cs, http.StatusPaymentRequired, form)
	}
	return s.completed(cs, m)
}

// payingCustomer stands in for one that Checkout will create.
func (s *Server) payingCustomer(id string) *customer {
	if c := s.st.Customers.get(id); c != nil {
		return c
	}
	return &customer{}
}

func (s *Server) completed(cs *checkout, m *paymentMethod) answer {
	if fail := s.complete(cs, m); fail != nil {
		return message(http.StatusConflict, "This subscription cannot start", fail.msg)
	}
	return goTo(cs.success())
}

type bankPage struct {
	Amount          int64
	Currency, Last4 string
}

func (s *Server) showCheckoutBank(r *http.Request) answer {
	cs, a := s.openCheckout(r)
	if cs == nil {
		return a
	}
	if cs.Method == nil {
		return goTo(s.checkoutURL(cs))
	}
	pg := bankPage{Last4: cs.Method.Last4}
	for _, it := range cs.Items {
		p := s.st.Prices.get(it.Price)
		pg.Amount, pg.Currency = pg.Amount+p.UnitAmount*it.Quantity, p.Currency
	}
	return answer{page: "bank", title: "Your bank", body: bankView(pg)}
}

func (s *Server) checkoutBank(r *http.Request) answer {
	cs, a := s.openCheckout(r)
	if cs == nil {
		return a
	}
	m := cs.Method
	if m == nil {
		return goTo(s.checkoutURL(cs))
	}
	cs.Method = nil
	if r.FormValue("outcome") != "complete" {
		return s.checkoutAnswer(cs, http.StatusPaymentRequired, cardForm{
			Name: m.Name, Email: m.Email,
			Error: "Your bank could not confirm that it was you. You have not been charged and nothing has changed. Try again or use another card.",
		})
	}
	m.Authenticated = true
	return s.completed(cs, m)
}

type invoicePage struct {
	Invoice      *invoice
	Method       *paymentMethod
	Error, PDF   string
	Paid, Void   bool
	NeedsBank    bool
	Bank, Action string
	Cards        []cardHint
	Card         cardForm
}

func (s *Server) hosted(r *http.Request) (*invoice, answer) {
	for _, in := range s.st.Invoices.newest() {
		if in.Token == r.PathValue("token") {
			return in, answer{}
		}
	}
	return nil, message(http.StatusNotFound, "No such page", "This invoice does not exist.")
}

func (s *Server) showInvoice(r *http.Request) answer {
	in, a := s.hosted(r)
	if in == nil {
		return a
	}
	return s.invoiceAnswer(in, 0, cardForm{})
}

func (s *Server) invoiceAnswer(in *invoice, status int, form cardForm) answer {
	pg := invoicePage{
		Invoice: in, Paid: in.Status == "paid", Void: in.Status == "void", Error: form.Error, Card: form,
		PDF: s.invoiceURL(in) + "/pdf", Bank: s.invoiceURL(in) + "/bank", Action: s.invoiceURL(in), Cards: hints(),
		Method: s.payer(s.st.Subs.get(in.Sub), in.Customer),
	}
	if p := s.st.Intents.get(in.Intent); p != nil {
		pg.NeedsBank = p.Status == "requires_action"
	}
	return answer{status: status, page: "invoice", title: "Invoice " + in.Number, body: invoiceView(pg)}
}

// payHosted pays an open invoice with the card on file or with another one,
// which then becomes the customer's.
func (s *Server) payHosted(r *http.Request) answer {
	in, a := s.hosted(r)
	if in == nil {
		return a
	}
	if in.Status != "open" {
		return goTo(s.invoiceURL(in))
	}
	m, form := s.payer(s.st.Subs.get(in.Sub), in.Customer), cardForm{}
	if r.FormValue("number") != "" {
		if m, form = s.readCard(r); m == nil {
			return s.invoiceAnswer(in, http.StatusUnprocessableEntity, form)
		}
		if m.Conduct != refused {
			s.adopt(in.Customer, m)
		}
	}
	out := s.ask(s.st.Customers.get(in.Customer), m)
	if m != nil && m.Conduct == refused {
		form.Error = out.message() + " Nothing was charged. Use another card."
		return s.invoiceAnswer(in, http.StatusPaymentRequired, form)
	}
	s.settleInvoice(in, m, out)
	switch {
	case out.action:
		return goTo(s.invoiceURL(in) + "/bank")
	case out.missing:
		form.Error = "There is no card on file. Enter one below."
	case !out.ok:
		form.Error = out.message() + " Nothing was charged. Use another card."
	}
	if !out.ok {
		return s.invoiceAnswer(in, http.StatusPaymentRequired, form)
	}
	return goTo(s.invoiceURL(in))
}

// adopt makes a card the customer's default and that of its subscriptions.
func (s *Server) adopt(customer string, m *paymentMethod) {
	cus := s.st.Customers.get(customer)
	m.Customer = customer
	s.st.Methods.put(m.ID, m)
	s.emit("payment_method.attached", s.viewMethod(m), nil)
	s.change("customer.updated", customer, func() { cus.DefaultPM = m.ID })
	for _, sub := range s.st.Subs.oldest() {
		if sub.Customer == customer && sub.live() && sub.DefaultPM != "" {
			s.change("customer.subscription.updated", sub.ID, func() { sub.DefaultPM = m.ID })
		}
	}
}

func (s *Server) showInvoiceBank(r *http.Request) answer {
	in, a := s.hosted(r)
	if in == nil {
		return a
	}
	p := s.st.Intents.get(in.Intent)
	if in.Status != "open" || p == nil || p.Status != "requires_action" {
		return goTo(s.invoiceURL(in))
	}
	return answer{page: "bank", title: "Your bank", body: bankView(bankPage{
		Amount: in.remaining(), Currency: in.Currency, Last4: s.st.Methods.get(p.Method).Last4,
	})}
}

func (s *Server) invoiceBank(r *http.Request) answer {
	in, a := s.hosted(r)
	if in == nil {
		return a
	}
	p := s.st.Intents.get(in.Intent)
	if in.Status != "open" || p == nil || p.Status != "requires_action" {
		return goTo(s.invoiceURL(in))
	}
	m := s.st.Methods.get(p.Method)
	if r.FormValue("outcome") != "complete" {
		p.Status = "requires_payment_method"
		p.Error = &paymentError{Code: "payment_intent_authentication_failure", Message: "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent again.", Method: m.ID}
		p.Method = ""
		s.emit("payment_intent.payment_failed", s.viewIntent(p), nil)
		return s.invoiceAnswer(in, http.StatusPaymentRequired, cardForm{Error: "Your bank could not confirm that it was you. Nothing was charged. Try again or use another card."})
	}
	m.Authenticated = true
	s.settleInvoice(in, m, outcome{ok: true})
	return goTo(s.invoiceURL(in))
}
