package sandbox

import (
	"cmp"
	"net/http"
	"strings"
)

// conduct is what a test card does when money is asked of it.
type conduct string

const (
	pays         conduct = "pays"
	refused      conduct = "refused"       // declined at once, cannot even be attached
	refusedLater conduct = "refused later" // attaches, then declines
	asksOnce     conduct = "asks once"     // 3-D Secure until it was done once
	asksAlways   conduct = "asks always"   // 3-D Secure for every payment
)

// testCard is one of Stripe's documented test cards.
type testCard struct {
	number, token, brand string
	conduct              conduct
	decline              string
}

// testCards follows https://docs.stripe.com/testing. A number that is not
// listed is refused: no real card can be entered.
func testCards() []testCard {
	return []testCard{
		{"4242424242424242", "pm_card_visa", "visa", pays, ""},
		{"4000056655665556", "pm_card_visa_debit", "visa", pays, ""},
		{"5555555555554444", "pm_card_mastercard", "mastercard", pays, ""},
		{"378282246310005", "pm_card_amex", "amex", pays, ""},
		{"4000000000000002", "pm_card_chargeDeclined", "visa", refused, "generic_decline"},
		{"4000000000009995", "pm_card_chargeDeclinedInsufficientFunds", "visa", refused, "insufficient_funds"},
		{"4000000000000341", "pm_card_chargeCustomerFail", "visa", refusedLater, "generic_decline"},
		{"4000002500003155", "pm_card_authenticationRequiredOnSetup", "visa", asksOnce, ""},
		{"4000002760003184", "pm_card_authenticationRequired", "visa", asksAlways, ""},
	}
}

func cardByNumber(number string) (testCard, bool) {
	number = strings.NewReplacer(" ", "", "-", "").Replace(number)
	for _, t := range testCards() {
		if t.number == number {
			return t, true
		}
	}
	return testCard{}, false
}

func cardByToken(token string) (testCard, bool) {
	for _, t := range testCards() {
		if t.token == token {
			return t, true
		}
	}
	return testCard{}, false
}

type paymentMethod struct {
	ID, Customer, Brand, Last4, Name, Email string
	Conduct                                 conduct
	Decline                                 string
	Authenticated                           bool // 3-D Secure was done once
	ExpMonth, ExpYear                       int
	Created                                 int64
	Metadata                                map[string]string
}

func (s *Server) viewMethod(m *paymentMethod) obj {
	if m == nil {
		return nil
	}
	return obj{
		"id": m.ID, "object": "payment_method", "type": "card", "livemode": false,
		"created": m.Created, "customer": opt(m.Customer), "metadata": copyMeta(m.Metadata),
		"billing_details": billing(m),
		"card": obj{
			"brand": m.Brand, "display_brand": m.Brand, "country": "US",
			"checks":    obj{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "pass"},
			"exp_month": m.ExpMonth, "exp_year": m.ExpYear, "fingerprint": "Sandbox" + m.Last4,
			"funding": "credit", "generated_from": nil, "last4": m.Last4,
			"networks":             obj{"available": []string{m.Brand}, "preferred": nil},
			"three_d_secure_usage": obj{"supported": true}, "wallet": nil,
		},
	}
}

func billing(m *paymentMethod) obj {
	return obj{
		"address": obj{"city": nil, "country": nil, "line1": nil, "line2": nil, "postal_code": nil, "state": nil},
		"email":   opt(m.Email), "name": opt(m.Name), "phone": nil,
	}
}

// newMethod makes a payment method of a test card. It is not stored yet.
func (s *Server) newMethod(t testCard) *paymentMethod {
	return &paymentMethod{
		ID: s.newID("pm_", 24), Brand: t.brand, Last4: t.number[len(t.number)-4:],
		Conduct: t.conduct, Decline: t.decline, Created: s.now(),
		ExpMonth: 12, ExpYear: s.time().Year() + 4,
	}
}

// claim gives a test token's card, or a detached payment method, to a customer.
func (s *Server) claim(token, customer string) (*paymentMethod, *apiError) {
	m := s.st.Methods.get(token)
	if m == nil {
		t, ok := cardByToken(token)
		if !ok {
			return nil, missing("PaymentMethod", "id", token)
		}
		if t.conduct == refused {
			return nil, declined(t.decline).apiError()
		}
		m = s.newMethod(t)
	}
	if m.Customer != "" && m.Customer != customer {
		return nil, invalid("", "", "The payment method you provided has already been attached to a customer.")
	}
	m.Customer = customer
	s.st.Methods.put(m.ID, m)
	return m, nil
}

func (s *Server) attachMethod(c *call) (obj, *apiError) {
	customer := c.p.need("customer")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	if _, fail := s.customer("customer", customer); fail != nil {
		return nil, fail
	}
	m, fail := s.claim(c.r.PathValue("id"), customer)
	if fail != nil {
		return nil, fail
	}
	s.emit("payment_method.attached", s.viewMethod(m), nil)
	return s.viewMethod(m), nil
}

func (s *Server) detachMethod(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	m := s.st.Methods.get(c.r.PathValue("id"))
	if m == nil || m.Customer == "" {
		return nil, missing("PaymentMethod", "id", c.r.PathValue("id"))
	}
	cus := s.st.Customers.get(m.Customer)
	m.Customer = ""
	s.emit("payment_method.detached", s.viewMethod(m), nil)
	if cus.DefaultPM == m.ID {
		s.change("customer.updated", cus.ID, func() { cus.DefaultPM = "" })
	}
	for _, sub := range s.st.Subs.oldest() {
		if sub.DefaultPM == m.ID {
			s.change("customer.subscription.updated", sub.ID, func() { sub.DefaultPM = "" })
		}
	}
	return s.viewMethod(m), nil
}

func (s *Server) getMethod(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	m := s.st.Methods.get(c.r.PathValue("id"))
	if m == nil {
		return nil, missing("PaymentMethod", "id", c.r.PathValue("id"))
	}
	return s.viewMethod(m), nil
}

// listMethods serves /v1/payment_methods?customer= and /v1/customers/{id}/payment_methods.
func (s *Server) listMethods(c *call) (obj, *apiError) {
	pg, kind := c.p.page(), c.p.enum("type", "card")
	customer, param := c.r.PathValue("id"), "id"
	if customer == "" {
		customer, param = c.p.need("customer"), "customer"
	}
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	if _, fail := s.customer(param, customer); fail != nil {
		return nil, fail
	}
	return s.cut(pg, c.r.URL.Path, ids(&s.st.Methods, func(m *paymentMethod) bool {
		return m.Customer == customer && kind == "card"
	}))
}

// outcome is the answer of the pretended bank.
type outcome struct {
	ok      bool
	action  bool   // 3-D Secure is asked for
	decline string // decline code
	missing bool   // there is no card at all
}

func declined(code string) outcome { return outcome{decline: cmp.Or(code, "generic_decline")} }

// ask asks the bank. It changes nothing but the customer's count of payments
// that are to fail.
func (s *Server) ask(c *customer, m *paymentMethod) outcome {
	switch {
	case m == nil:
		return outcome{missing: true}
	case c.FailNext > 0:
		c.FailNext--
		s.dirty = true
		return declined("")
	case m.Conduct == refused || m.Conduct == refusedLater:
		return declined(m.Decline)
	case m.Conduct == asksAlways, m.Conduct == asksOnce && !m.Authenticated:
		return outcome{action: true}
	}
	return outcome{ok: true}
}

const overview = "Additional information is available here: https://stripe.com/docs/billing/subscriptions/overview#requires-action"

// message is what Stripe says of an outcome.
func (o outcome) message() string {
	switch {
	case o.action:
		return "Your card was declined. This transaction requires authentication."
	case o.decline == "insufficient_funds":
		return "Your card has insufficient funds."
	}
	return "Your card was declined."
}

// apiError is the answer to a request whose payment failed outright.
func (o outcome) apiError() *apiError {
	if o.missing {
		return invalid("resource_missing", "", "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.")
	}
	return &apiError{status: http.StatusPaymentRequired, kind: "card_error", code: "card_declined", decline: o.decline, msg: o.message()}
}

// forKind is apiError with the code that subscriptions and invoices use when
// 3-D Secure is needed.
func (o outcome) forKind(kind string) *apiError {
	if !o.action {
		return o.apiError()
	}
	object := "subscription.latest_invoice"
	if kind == "invoice" {
		object = "invoice.payment_intent"
	}
	return &apiError{
		status: http.StatusPaymentRequired, kind: "card_error", code: kind + "_payment_intent_requires_action",
		msg: "Payment for this " + kind + " requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with `" + object + "`. " + overview,
	}
}
