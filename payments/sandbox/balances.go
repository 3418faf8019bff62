package sandbox

// balanceTx is a correction of a customer's balance by hand, in minor units;
// negative is credit. What invoices take from it and add to it is not listed.
type balanceTx struct {
	ID, Customer, Currency, Description string
	Amount, Ending, Created             int64
	Metadata                            map[string]string
}

func (s *Server) viewBalanceTx(b *balanceTx) obj {
	if b == nil {
		return nil
	}
	return obj{
		"id": b.ID, "object": "customer_balance_transaction", "amount": b.Amount, "created": b.Created, "credit_note": nil,
		"currency": b.Currency, "customer": b.Customer, "description": opt(b.Description), "ending_balance": b.Ending,
		"invoice": nil, "livemode": false, "metadata": copyMeta(b.Metadata), "type": "adjustment",
	}
}

func (s *Server) createBalanceTx(c *call) (obj, *apiError) {
	amount, currency, desc, meta := c.p.int("amount"), c.p.need("currency"), c.p.str("description"), c.p.metadata()
	if !c.p.has("amount") {
		c.p.fail(required("amount"))
	}
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	cus, fail := s.customer("id", c.r.PathValue("id"))
	if fail != nil {
		return nil, fail
	}
	if cus.Currency != "" && cus.Currency != currency {
		return nil, invalid("", "currency", "The customer's currency is %s.", cus.Currency)
	}
	b := &balanceTx{
		ID: s.newID("cbtxn_", 24), Customer: cus.ID, Currency: currency, Description: desc, Amount: amount,
		Ending: cus.Balance + amount, Created: s.now(), Metadata: meta.apply(nil),
	}
	s.st.Balances.put(b.ID, b)
	s.change("customer.updated", cus.ID, func() { cus.Balance, cus.Currency = b.Ending, currency })
	return s.viewBalanceTx(b), nil
}

func (s *Server) listBalanceTxs(c *call) (obj, *apiError) {
	pg := c.p.page()
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	cus, fail := s.customer("id", c.r.PathValue("id"))
	if fail != nil {
		return nil, fail
	}
	return s.cut(pg, "/v1/customers/"+cus.ID+"/balance_transactions", ids(&s.st.Balances, func(b *balanceTx) bool { return b.Customer == cus.ID }))
}
