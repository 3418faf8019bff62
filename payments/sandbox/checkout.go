package sandbox

import (
	"fmt"
	"net/url"
	"strings"
)

// checkout is a Checkout session in subscription mode.
type checkout struct {
	ID, Customer, Email, Reference, SuccessURL, CancelURL, Status string
	Items                                                         []edit
	Metadata, SubMetadata                                         map[string]string
	Created, Expires                                              int64
	Sub, Invoice                                                  string
	Method                                                        *paymentMethod // waits for 3-D Secure
}

func (s *Server) viewCheckout(cs *checkout) obj {
	if cs == nil {
		return nil
	}
	var total int64
	currency := ""
	for _, it := range cs.Items {
		p := s.st.Prices.get(it.Price)
		total, currency = total+p.UnitAmount*it.Quantity, p.Currency
	}
	out := obj{
		"id": cs.ID, "object": "checkout.session", "after_expiration": nil, "allow_promotion_codes": nil,
		"amount_subtotal": total, "amount_total": total,
		"automatic_tax":              obj{"enabled": false, "liability": nil, "status": nil},
		"billing_address_collection": nil, "cancel_url": opt(cs.CancelURL), "client_reference_id": opt(cs.Reference),
		"client_secret": nil, "consent": nil, "consent_collection": nil, "created": cs.Created,
		"currency": currency, "currency_conversion": nil, "custom_fields": []obj{},
		"custom_text": obj{"after_submit": nil, "shipping_address": nil, "submit": nil, "terms_of_service_acceptance": nil},
		"customer":    opt(cs.Customer), "customer_creation": nil, "customer_details": nil,
		"customer_email": opt(cs.Email), "expires_at": cs.Expires, "invoice": opt(cs.Invoice),
		"invoice_creation": nil, "livemode": false, "locale": nil, "metadata": copyMeta(cs.Metadata),
		"mode": "subscription", "payment_intent": nil, "payment_link": nil,
		"payment_method_collection": "always", "payment_method_configuration_details": nil,
		"payment_method_options": nil, "payment_method_types": []string{"card"}, "payment_status": "unpaid",
		"phone_number_collection": obj{"enabled": false}, "recovered_from": nil, "setup_intent": nil,
		"shipping_address_collection": nil, "shipping_cost": nil, "shipping_details": nil,
		"shipping_options": []obj{}, "status": cs.Status, "submit_type": nil, "subscription": opt(cs.Sub),
		"success_url": opt(cs.SuccessURL), "total_details": obj{"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
		"ui_mode": "hosted", "url": nil,
	}
	if cs.Status == "open" {
		out["url"] = s.checkoutURL(cs)
	}
	if cs.Status == "complete" {
		out["payment_status"] = "paid"
	}
	if cus := s.st.Customers.get(cs.Customer); cus != nil {
		out["customer_details"] = obj{
			"address": nil, "email": opt(cus.Email), "name": opt(cus.Name), "phone": opt(cus.Phone),
			"tax_exempt": "none", "tax_ids": []obj{},
		}
	}
	return out
}

func (s *Server) checkoutURL(cs *checkout) string { return s.opt.PublicURL + "/pay/c/" + cs.ID }

func (s *Server) checkoutItems(cs *checkout) []obj {
	var out []obj
	for _, it := range cs.Items {
		p := s.st.Prices.get(it.Price)
		sum := p.UnitAmount * it.Quantity
		out = append(out, obj{
			"id": "li_" + strings.TrimPrefix(p.ID, "price_"), "object": "item", "amount_discount": 0,
			"amount_subtotal": sum, "amount_tax": 0, "amount_total": sum, "currency": p.Currency,
			"description": s.st.Products.get(p.Product).Name, "price": s.viewPrice(p), "quantity": it.Quantity,
		})
	}
	return out
}

func (s *Server) createCheckout(c *call) (obj, *apiError) {
	cs := &checkout{
		Customer: c.p.str("customer"), Email: c.p.str("customer_email"), Reference: c.p.str("client_reference_id"),
		SuccessURL: c.p.need("success_url"), CancelURL: c.p.str("cancel_url"), Expires: c.p.int("expires_at"),
		Status: "open", Created: s.now(),
	}
	c.p.need("mode")
	if c.p.str("mode") != "subscription" {
		c.p.fail(invalid("", "mode", "This sandbox supports mode `subscription` only."))
	}
	for _, li := range c.p.list("line_items") {
		cs.Items = append(cs.Items, edit{Price: li.need("price"), Quantity: li.int("quantity"), HasQuantity: true})
		if !li.has("quantity") {
			c.p.fail(invalid("", li.name("quantity"), "Quantity is required. Add `quantity` to `%s`", li.path))
		}
		li.quantity(li.int("quantity"), 1)
	}
	meta, data := c.p.metadata(), c.p.sub("subscription_data")
	subMeta := data.metadata()
	c.p.strs("payment_method_types")
	c.p.enum("payment_method_collection", "always", "if_required")
	c.p.enum("locale", "auto", "en")
	s.checkCheckout(c, cs)
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	if cs.Customer != "" {
		if _, fail := s.customer("customer", cs.Customer); fail != nil {
			return nil, fail
		}
	}
	for i, it := range cs.Items {
		if fail := s.sellable(it.Price, fmt.Sprintf("line_items[%d][price]", i), ""); fail != nil {
			return nil, fail
		}
	}
	if _, fail := s.edited(&subscription{}, cs.Items, "line_items"); fail != nil {
		return nil, fail
	}
	cs.ID, cs.Metadata, cs.SubMetadata = s.newID("cs_test_a1", 56), meta.apply(nil), subMeta.apply(nil)
	s.st.Checkouts.put(cs.ID, cs)
	return s.viewCheckout(cs), nil
}

func (s *Server) checkCheckout(c *call, cs *checkout) {
	switch {
	case len(cs.Items) == 0:
		c.p.fail(required("line_items"))
	case cs.Customer != "" && cs.Email != "":
		c.p.fail(invalid("", "customer_email", "You may only specify one of these parameters: customer, customer_email."))
	case !c.p.has("expires_at"):
		cs.Expires = cs.Created + 24*3600
	case cs.Expires < cs.Created+30*60:
		c.p.fail(invalid("", "expires_at", "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation."))
	case cs.Expires > cs.Created+24*3600:
		c.p.fail(invalid("", "expires_at", "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation."))
	}
}

func (s *Server) getCheckout(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	cs := s.st.Checkouts.get(c.r.PathValue("id"))
	if cs == nil {
		return nil, missing("checkout.session", "id", c.r.PathValue("id"))
	}
	return s.viewCheckout(cs), nil
}

func (s *Server) listCheckouts(c *call) (obj, *apiError) {
	pg, customer, sub, status := c.p.page(), c.p.str("customer"), c.p.str("subscription"), c.p.str("status")
	created := c.p.created()
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	return s.cut(pg, "/v1/checkout/sessions", ids(&s.st.Checkouts, func(cs *checkout) bool {
		return (customer == "" || cs.Customer == customer) && (sub == "" || cs.Sub == sub) &&
			(status == "" || cs.Status == status) && created.holds(cs.Created)
	}))
}

func (s *Server) listCheckoutItems(c *call) (obj, *apiError) {
	c.p.page()
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	cs := s.st.Checkouts.get(c.r.PathValue("id"))
	if cs == nil {
		return nil, missing("checkout.session", "id", c.r.PathValue("id"))
	}
	return listOf("/v1/checkout/sessions/"+cs.ID+"/line_items", s.checkoutItems(cs)), nil
}

func (s *Server) expireCheckout(c *call) (obj, *apiError) {
	if fail := c.ready(); fail != nil {
		return nil, fail
	}
	cs := s.st.Checkouts.get(c.r.PathValue("id"))
	if cs == nil {
		return nil, missing("checkout.session", "id", c.r.PathValue("id"))
	}
	if cs.Status != "open" {
		return nil, invalid("", "", "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status of `%s`.", cs.Status)
	}
	s.expire(cs)
	return s.viewCheckout(cs), nil
}

func (s *Server) expire(cs *checkout) {
	cs.Status = "expired"
	s.emit("checkout.session.expired", s.viewCheckout(cs), nil)
}

// complete pays an open session with a card that the bank accepted: the
// customer gets the card, the subscription and the paid invoice.
func (s *Server) complete(cs *checkout, m *paymentMethod) *apiError {
	cus := s.st.Customers.get(cs.Customer)
	if cus == nil || cus.Deleted {
		cus = s.newCustomer()
		cus.Email, cus.Name = m.Email, m.Name
		s.st.Customers.put(cus.ID, cus)
		cs.Customer = cus.ID
		s.emit("customer.created", s.viewCustomer(cus), nil)
	}
	sub, fail := s.newSubscription(cus, cs.Items, cs.SubMetadata)
	if fail != nil {
		return fail
	}
	m.Customer = cus.ID
	s.st.Methods.put(m.ID, m)
	s.emit("payment_method.attached", s.viewMethod(m), nil)
	s.change("customer.updated", cus.ID, func() { cus.DefaultPM = m.ID })
	sub.DefaultPM = m.ID
	in := s.draft(sub, "subscription_create", s.periodLines(sub, sub.Items, sub.PeriodStart, sub.PeriodEnd))
	s.begin(sub, in, m, outcome{ok: true}, false)
	cs.Status, cs.Sub, cs.Invoice, cs.Method = "complete", sub.ID, sub.Latest, nil
	s.emit("checkout.session.completed", s.viewCheckout(cs), nil)
	return nil
}

// success is where the browser goes after payment.
func (cs *checkout) success() string {
	return strings.ReplaceAll(cs.SuccessURL, "{CHECKOUT_SESSION_ID}", url.PathEscape(cs.ID))
}
