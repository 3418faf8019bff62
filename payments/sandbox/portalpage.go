package sandbox

import (
	"net/http"
	"strings"
)

type portalPage struct {
	Customer *customer
	Return   string
	Base     string
	Method   *paymentMethod
	Subs     []portalSub
	Invoices []portalInvoice
	Card     cardForm
	Cards    []cardHint
}

type portalSub struct {
	ID, Names, Price, Next string
	NextAt                 int64
	Sub                    *subscription
}

type portalInvoice struct {
	*invoice
	URL string
}

func (s *Server) opened(r *http.Request) (*portal, answer) {
	p := s.portalByToken(r.PathValue("token"))
	if p == nil {
		return nil, gone("This portal link has expired")
	}
	return p, answer{}
}

func (s *Server) showPortal(r *http.Request) answer {
	p, a := s.opened(r)
	if p == nil {
		return a
	}
	return s.portalAnswer(p, 0, cardForm{})
}

func (s *Server) portalAnswer(p *portal, status int, form cardForm) answer {
	pg := portalPage{
		Customer: s.st.Customers.get(p.Customer), Return: p.ReturnURL, Base: s.portalPath(p),
		Method: s.payer(nil, p.Customer), Card: form, Cards: hints(),
	}
	for _, sub := range s.st.Subs.newest() {
		if sub.Customer == p.Customer && sub.live() {
			pg.Subs = append(pg.Subs, s.portalSub(sub))
		}
	}
	for _, in := range s.st.Invoices.newest() {
		if in.Customer == p.Customer {
			pg.Invoices = append(pg.Invoices, portalInvoice{in, s.invoiceURL(in)})
		}
	}
	return answer{status: status, page: "portal", title: "Billing", body: portalView(pg)}
}

func (s *Server) portalPath(p *portal) string { return s.opt.PublicURL + "/portal/" + p.Token }

func (s *Server) portalSub(sub *subscription) portalSub {
	out := portalSub{ID: sub.ID, Sub: sub, Names: s.namedAll(sub.Items)}
	out.NextAt, out.Next = s.nextPhase(sub)
	var sum int64
	for _, it := range sub.Items {
		sum += s.st.Prices.get(it.Price).UnitAmount * it.Quantity
	}
	out.Price = money(sum, sub.Currency) + " / " + every(s.st.Prices.get(sub.Items[0].Price))
	return out
}

func (s *Server) namedAll(items []item) string {
	names := make([]string, 0, len(items))
	for _, it := range items {
		names = append(names, s.named(it))
	}
	return strings.Join(names, ", ")
}

func (s *Server) portalCard(r *http.Request) answer {
	p, a := s.opened(r)
	if p == nil {
		return a
	}
	m, form := s.readCard(r)
	if m == nil {
		return s.portalAnswer(p, http.StatusUnprocessableEntity, form)
	}
	if m.Conduct == refused {
		form.Error = declined(m.Decline).message() + " Your card on file has not changed."
		return s.portalAnswer(p, http.StatusPaymentRequired, form)
	}
	m.Authenticated = m.Conduct == asksOnce // the portal sets a card up for later use
	s.adopt(p.Customer, m)
	return goTo(s.portalPath(p))
}

func (s *Server) portalCancel(r *http.Request) answer {
	return s.portalChange(r, func(sub *subscription) {
		if !sub.AtPeriodEnd {
			s.cancelLater(sub)
		}
	})
}

func (s *Server) portalResume(r *http.Request) answer {
	return s.portalChange(r, s.resume)
}

func (s *Server) portalChange(r *http.Request, mutate func(*subscription)) answer {
	p, a := s.opened(r)
	if p == nil {
		return a
	}
	sub := s.st.Subs.get(r.FormValue("subscription"))
	if sub == nil || sub.Customer != p.Customer || !sub.live() {
		return message(http.StatusNotFound, "No such subscription", "It may have ended in the meantime. Nothing changed.")
	}
	s.change("customer.subscription.updated", sub.ID, func() {
		if sc := s.scheduleOf(sub); sc != nil { // who decides here, decides over what was scheduled
			s.release(sc, sub, false)
		}
		mutate(sub)
	})
	return goTo(s.portalPath(p))
}
