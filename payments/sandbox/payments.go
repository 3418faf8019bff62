package sandbox

import "time"

// paymentIntent is the attempt to collect one invoice.
type paymentIntent struct {
	ID, Secret, Customer, Invoice, Currency, Description string
	Amount, Received                                     int64
	Status, Method, Charge                               string
	Error                                                *paymentError
	Created, Canceled                                    int64
}

type paymentError struct{ Code, Decline, Message, Charge, Method string }

type charge struct {
	ID, Customer, Invoice, Intent, Method, Currency, Status string
	Amount, Refunded, Created                               int64
	FailureCode, FailureMessage, Description, Key           string
}

// Charge is an attempt to take money, for assertions such as "exactly one
// charge". Amount is in minor units of Currency; Status is "succeeded" or
// "failed".
type Charge struct {
	ID, Customer, Invoice, Currency, Status string
	Amount, Refunded                        int64
	Created                                 time.Time
	IdempotencyKey                          string // of the API request that caused it, if one did
}

// Charges returns a customer's charges, oldest first; "" means everyone's.
func (s *Server) Charges(customer string) []Charge {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Charge
	for _, ch := range s.st.Charges.oldest() {
		if customer == "" || ch.Customer == customer {
			out = append(out, Charge{
				ID: ch.ID, Customer: ch.Customer, Invoice: ch.Invoice, Currency: ch.Currency,
				Status: ch.Status, Amount: ch.Amount, Refunded: ch.Refunded, Created: time.Unix(ch.Created, 0).UTC(), IdempotencyKey: ch.Key,
			})
		}
	}
	return out
}

func (s *Server) viewIntent(p *paymentIntent) obj {
	if p == nil {
		return nil
	}
	out := obj{
		"id": p.ID, "object": "payment_intent", "amount": p.Amount, "amount_capturable": 0,
		"amount_details": obj{"tip": obj{}}, "amount_received": p.Received, "application": nil,
		"application_fee_amount": nil, "automatic_payment_methods": nil,
		"canceled_at": optTime(p.Canceled), "cancellation_reason": nil, "capture_method": "automatic",
		"client_secret": p.Secret, "confirmation_method": "automatic", "created": p.Created,
		"currency": p.Currency, "customer": p.Customer, "description": opt(p.Description),
		"invoice": opt(p.Invoice), "last_payment_error": nil, "latest_charge": opt(p.Charge),
		"livemode": false, "metadata": obj{}, "next_action": nil, "on_behalf_of": nil,
		"payment_method": opt(p.Method), "payment_method_configuration_details": nil,
		"payment_method_options": obj{"card": obj{
			"installments": nil, "mandate_options": nil, "network": nil, "request_three_d_secure": "automatic",
		}},
		"payment_method_types": []string{"card"}, "processing": nil, "receipt_email": nil,
		"review": nil, "setup_future_usage": "off_session", "shipping": nil,
		"statement_descriptor": nil, "statement_descriptor_suffix": nil, "status": p.Status,
		"transfer_data": nil, "transfer_group": nil,
	}
	if p.Canceled != 0 {
		out["cancellation_reason"] = "void_invoice"
	}
	if p.Error != nil {
		out["last_payment_error"] = s.viewError(p.Error)
	}
	if p.Status == "requires_action" {
		out["next_action"] = obj{"type": "use_stripe_sdk", "use_stripe_sdk": obj{
			"type": "three_d_secure_redirect", "stripe_js": s.invoiceURL(s.st.Invoices.get(p.Invoice)) + "/bank",
		}}
	}
	return out
}

func (s *Server) viewError(e *paymentError) obj {
	out := obj{"type": "card_error", "code": e.Code, "message": e.Message}
	if e.Decline != "" {
		out["decline_code"] = e.Decline
	}
	if e.Charge != "" {
		out["charge"] = e.Charge
	}
	if m := s.st.Methods.get(e.Method); m != nil {
		out["payment_method"] = s.viewMethod(m)
	}
	return out
}

func (s *Server) viewCharge(ch *charge) obj {
	if ch == nil {
		return nil
	}
	m := s.st.Methods.get(ch.Method)
	ok := ch.Status == "succeeded"
	captured := ch.Amount
	result := obj{
		"network_status": "approved_by_network", "reason": nil, "risk_level": "normal", "risk_score": 20,
		"seller_message": "Payment complete.", "type": "authorized",
	}
	if !ok {
		captured = 0
		result["network_status"], result["reason"] = "declined_by_network", "generic_decline"
		result["seller_message"], result["type"] = "The bank did not return any further details with this decline.", "issuer_declined"
	}
	return obj{
		"id": ch.ID, "object": "charge", "amount": ch.Amount, "amount_captured": captured,
		"amount_refunded": ch.Refunded, "application": nil, "application_fee": nil, "application_fee_amount": nil,
		"balance_transaction": nil, "billing_details": billing(m), "calculated_statement_descriptor": "SANDBOX",
		"captured": ok, "created": ch.Created, "currency": ch.Currency, "customer": ch.Customer,
		"description": opt(ch.Description), "disputed": false, "failure_balance_transaction": nil,
		"failure_code": opt(ch.FailureCode), "failure_message": opt(ch.FailureMessage),
		"fraud_details": obj{}, "invoice": opt(ch.Invoice), "livemode": false, "metadata": obj{},
		"on_behalf_of": nil, "outcome": result, "paid": ok, "payment_intent": opt(ch.Intent),
		"payment_method": ch.Method, "payment_method_details": obj{"type": "card", "card": chargedCard(m, ch.Amount)},
		"receipt_email": nil, "receipt_number": nil, "receipt_url": nil, "refunded": ch.Refunded == ch.Amount,
		"review": nil, "shipping": nil, "source_transfer": nil, "statement_descriptor": nil,
		"statement_descriptor_suffix": nil, "status": ch.Status, "transfer_data": nil, "transfer_group": nil,
	}
}

func chargedCard(m *paymentMethod, amount int64) obj {
	return obj{
		"amount_authorized": amount, "brand": m.Brand,
		"checks":  obj{"address_line1_check": nil, "address_postal_code_check": nil, "cvc_check": "pass"},
		"country": "US", "exp_month": m.ExpMonth, "exp_year": m.ExpYear, "fingerprint": "Sandbox" + m.Last4,
		"funding": "credit", "installments": nil, "last4": m.Last4, "mandate": nil, "network": m.Brand,
		"network_token": obj{"used": false}, "three_d_secure": nil, "wallet": nil,
	}
}

// newCharge records an attempt on a card.
func (s *Server) newCharge(in *invoice, m *paymentMethod, out outcome) *charge {
	ch := &charge{
		ID: s.newID("ch_", 24), Customer: in.Customer, Invoice: in.ID, Intent: in.Intent, Method: m.ID,
		Currency: in.Currency, Amount: in.AmountDue, Created: s.now(), Status: "succeeded", Description: in.purpose(),
	}
	if s.cur != nil {
		ch.Key = s.cur.key
	}
	if !out.ok {
		ch.Status, ch.FailureCode, ch.FailureMessage = "failed", "card_declined", out.message()
	}
	s.st.Charges.put(ch.ID, ch)
	return ch
}

func (s *Server) getIntent(c *call) (obj, *apiError) {
	secret := c.p.str("client_secret")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	p := s.st.Intents.get(c.r.PathValue("id"))
	if p == nil || secret != "" && secret != p.Secret {
		return nil, missing("payment_intent", "id", c.r.PathValue("id"))
	}
	return s.viewIntent(p), nil
}

func (s *Server) getCharge(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	ch := s.st.Charges.get(c.r.PathValue("id"))
	if ch == nil {
		return nil, missing("charge", "id", c.r.PathValue("id"))
	}
	return s.viewCharge(ch), nil
}

func (s *Server) listCharges(c *call) (obj, *apiError) {
	pg, customer, intent, created := c.p.page(), c.p.str("customer"), c.p.str("payment_intent"), c.p.created()
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	return s.cut(pg, "/v1/charges", ids(&s.st.Charges, func(ch *charge) bool {
		return (customer == "" || ch.Customer == customer) && (intent == "" || ch.Intent == intent) && created.holds(ch.Created)
	}))
}
