package sandbox

// refund gives money of a charge back, amounts in minor units.
type refund struct {
	ID, Charge, Intent, Currency, Reason string
	Amount, Created                      int64
	Metadata                             map[string]string
}

func (s *Server) viewRefund(r *refund) obj {
	if r == nil {
		return nil
	}
	return obj{
		"id": r.ID, "object": "refund", "amount": r.Amount, "balance_transaction": nil, "charge": r.Charge,
		"created": r.Created, "currency": r.Currency, "metadata": copyMeta(r.Metadata),
		"payment_intent": opt(r.Intent), "reason": opt(r.Reason), "receipt_number": nil,
		"source_transfer_reversal": nil, "status": "succeeded", "transfer_reversal": nil,
	}
}

func (s *Server) createRefund(c *call) (obj, *apiError) {
	chargeID, intent, amount, meta := c.p.str("charge"), c.p.str("payment_intent"), c.p.int("amount"), c.p.metadata()
	reason := c.p.enum("reason", "", "duplicate", "fraudulent", "requested_by_customer")
	if chargeID == "" && intent == "" {
		c.p.fail(invalid("parameter_missing", "charge", "One of the following params should be provided for this request: payment_intent or charge."))
	}
	if c.p.has("amount") && amount < 1 {
		c.p.fail(invalid("parameter_invalid_integer", "amount", "This value must be greater than or equal to 1."))
	}
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	ch, fail := s.refundable(chargeID, intent)
	if fail != nil {
		return nil, fail
	}
	left := ch.Amount - ch.Refunded
	if amount == 0 {
		amount = left
	}
	switch {
	case left == 0:
		return nil, invalid("charge_already_refunded", "", "Charge %s has already been refunded.", ch.ID)
	case amount > left:
		return nil, invalid("", "amount", "Refund amount (%s) is greater than unrefunded amount on charge (%s)", money(amount, ch.Currency), money(left, ch.Currency))
	}
	r := &refund{
		ID: s.newID("re_", 24), Charge: ch.ID, Intent: ch.Intent, Currency: ch.Currency, Reason: reason,
		Amount: amount, Created: s.now(), Metadata: meta.apply(nil),
	}
	s.st.Refunds.put(r.ID, r)
	s.change("charge.refunded", ch.ID, func() { ch.Refunded += amount })
	return s.viewRefund(r), nil
}

// refundable finds the successful charge that a refund names.
func (s *Server) refundable(id, intent string) (*charge, *apiError) {
	if id == "" {
		p := s.st.Intents.get(intent)
		if p == nil {
			return nil, missing("payment_intent", "payment_intent", intent)
		}
		if p.Status != "succeeded" {
			return nil, invalid("", "", "This PaymentIntent (%s) does not have a successful charge to refund.", intent)
		}
		id = p.Charge
	}
	ch := s.st.Charges.get(id)
	if ch == nil {
		return nil, missing("charge", "charge", id)
	}
	if ch.Status != "succeeded" {
		return nil, invalid("", "", "Charge %s failed and cannot be refunded.", id)
	}
	return ch, nil
}

func (s *Server) getRefund(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	r := s.st.Refunds.get(c.r.PathValue("id"))
	if r == nil {
		return nil, missing("refund", "id", c.r.PathValue("id"))
	}
	return s.viewRefund(r), nil
}

func (s *Server) listRefunds(c *call) (obj, *apiError) {
	pg, chargeID, intent := c.p.page(), c.p.str("charge"), c.p.str("payment_intent")
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	return s.cut(pg, "/v1/refunds", ids(&s.st.Refunds, func(r *refund) bool {
		return (chargeID == "" || r.Charge == chargeID) && (intent == "" || r.Intent == intent)
	}))
}
