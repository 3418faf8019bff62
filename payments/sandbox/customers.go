package sandbox

import "strings"

// customer is whoever pays. Balance is in minor units; negative is credit.
type customer struct {
	ID, Email, Name, Description, Phone string
	Metadata                            map[string]string
	Created, Balance                    int64
	Currency, DefaultPM, Prefix         string
	Deleted                             bool
	Invoices                            int64 // numbers given out
	FailNext                            int   // payments that will be declined
}

func (s *Server) viewCustomer(c *customer) obj {
	if c == nil {
		return nil
	}
	if c.Deleted {
		return obj{"id": c.ID, "object": "customer", "deleted": true}
	}
	return obj{
		"id": c.ID, "object": "customer", "address": nil, "balance": c.Balance,
		"created": c.Created, "currency": opt(c.Currency), "default_source": nil,
		"delinquent": s.delinquent(c.ID), "description": opt(c.Description),
		"discount": nil, "email": opt(c.Email), "invoice_prefix": c.Prefix,
		"invoice_settings": obj{
			"custom_fields": nil, "default_payment_method": opt(c.DefaultPM),
			"footer": nil, "rendering_options": nil,
		},
		"livemode": false, "metadata": copyMeta(c.Metadata), "name": opt(c.Name),
		"next_invoice_sequence": c.Invoices + 1, "phone": opt(c.Phone),
		"preferred_locales": []string{}, "shipping": nil, "tax_exempt": "none",
		"test_clock": nil,
	}
}

// delinquent tells whether the latest automatic charge failed and is still open.
func (s *Server) delinquent(id string) bool {
	for _, in := range s.st.Invoices.newest() {
		if in.Customer == id && in.Status == "open" && in.Attempts > 0 {
			return true
		}
	}
	return false
}

// customerFields reads what create and update share. The write happens in the
// returned function, after all checks.
func (s *Server) customerFields(p params) func(*customer) {
	email, name, desc, phone := p.str("email"), p.str("name"), p.str("description"), p.str("phone")
	if p.has("email") && email != "" && !strings.Contains(email, "@") {
		p.fail(invalid("email_invalid", "email", "Invalid email address: %s", email))
	}
	meta := p.metadata()
	settings := p.sub("invoice_settings")
	pm := settings.str("default_payment_method")
	balance := p.int("balance")
	return func(c *customer) {
		for key, field := range map[string]struct {
			to  *string
			val string
		}{
			"email": {&c.Email, email}, "name": {&c.Name, name},
			"description": {&c.Description, desc}, "phone": {&c.Phone, phone},
		} {
			if p.has(key) {
				*field.to = field.val
			}
		}
		if settings.has("default_payment_method") {
			c.DefaultPM = pm
		}
		if p.has("balance") {
			c.Balance = balance
		}
		if meta.sent {
			c.Metadata = meta.apply(c.Metadata)
		}
	}
}

func (s *Server) createCustomer(c *call) (obj, *apiError) {
	write := s.customerFields(c.p)
	token := c.p.str("payment_method")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	cus := s.newCustomer()
	write(cus)
	var m *paymentMethod
	if token != "" {
		var fail *apiError
		if m, fail = s.claim(token, cus.ID); fail != nil {
			return nil, fail
		}
		if cus.DefaultPM == token {
			cus.DefaultPM = m.ID
		}
	}
	if cus.DefaultPM != "" && (m == nil || cus.DefaultPM != m.ID) {
		return nil, missing("PaymentMethod", "invoice_settings[default_payment_method]", cus.DefaultPM)
	}
	s.st.Customers.put(cus.ID, cus)
	s.emit("customer.created", s.viewCustomer(cus), nil)
	if m != nil {
		s.emit("payment_method.attached", s.viewMethod(m), nil)
	}
	return s.viewCustomer(cus), nil
}

func (s *Server) newCustomer() *customer {
	id := s.newID("cus_", 14)
	return &customer{ID: id, Created: s.now(), Prefix: strings.ToUpper(s.newID("", 8))}
}

// customer finds a live customer named by a parameter.
func (s *Server) customer(param, id string) (*customer, *apiError) {
	c := s.st.Customers.get(id)
	if c == nil || c.Deleted {
		return nil, missing("customer", param, id)
	}
	return c, nil
}

func (s *Server) getCustomer(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	cus := s.st.Customers.get(c.r.PathValue("id"))
	if cus == nil {
		return nil, missing("customer", "id", c.r.PathValue("id"))
	}
	return s.viewCustomer(cus), nil
}

func (s *Server) updateCustomer(c *call) (obj, *apiError) {
	write := s.customerFields(c.p)
	pm := c.p.sub("invoice_settings").str("default_payment_method")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	cus, fail := s.customer("id", c.r.PathValue("id"))
	if fail != nil {
		return nil, fail
	}
	if pm != "" {
		if m := s.st.Methods.get(pm); m == nil || m.Customer != cus.ID {
			return nil, missing("PaymentMethod", "invoice_settings[default_payment_method]", pm)
		}
	}
	s.change("customer.updated", cus.ID, func() { write(cus) })
	return s.viewCustomer(cus), nil
}

func (s *Server) deleteCustomer(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	cus, fail := s.customer("id", c.r.PathValue("id"))
	if fail != nil {
		return nil, fail
	}
	for _, sub := range s.st.Subs.oldest() {
		if sub.Customer == cus.ID && sub.live() {
			s.end(sub, "canceled", "cancellation_requested")
		}
	}
	before := s.viewCustomer(cus)
	cus.Deleted = true
	s.emit("customer.deleted", before, nil)
	return s.viewCustomer(cus), nil
}

func (s *Server) listCustomers(c *call) (obj, *apiError) {
	pg, created, email := c.p.page(), c.p.created(), c.p.str("email")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	return s.cut(pg, "/v1/customers", ids(&s.st.Customers, func(cus *customer) bool {
		return !cus.Deleted && created.holds(cus.Created) && (email == "" || cus.Email == email)
	}))
}

func (s *Server) getAccount(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	return obj{
		"id": accountID, "object": "account", "business_type": nil, "charges_enabled": true,
		"country": "US", "default_currency": "usd", "details_submitted": true,
		"email": "sandbox@example.com", "metadata": obj{}, "payouts_enabled": true, "type": "standard",
	}, nil
}

const accountID = "acct_1Sandbox000000000"

func (s *Server) getBalance(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	sums := map[string]int64{"usd": 0}
	for _, ch := range s.st.Charges.oldest() {
		if ch.Status == "succeeded" {
			sums[ch.Currency] += ch.Amount - ch.Refunded
		}
	}
	available := []obj{}
	for cur, sum := range sums {
		available = append(available, obj{"amount": sum, "currency": cur, "source_types": obj{"card": sum}})
	}
	return obj{"object": "balance", "available": available, "pending": []obj{}, "livemode": false}, nil
}
