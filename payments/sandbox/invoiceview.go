package sandbox

import "strconv"

func (s *Server) viewLines(in *invoice) obj {
	var data []obj
	for _, l := range in.Lines {
		data = append(data, s.viewLine(in, l))
	}
	return listOf("/v1/invoices/"+in.ID+"/lines", data)
}

func (s *Server) viewLine(in *invoice, l line) obj {
	kind := "subscription"
	if l.Proration {
		kind = "invoiceitem"
	}
	id := l.ID
	if id == "" {
		id = "il_tmp_" + strconv.FormatInt(l.Start, 36) + l.SubItem + strconv.FormatInt(l.Amount, 36)
	}
	pr := s.st.Prices.get(l.Price)
	out := obj{
		"id": id, "object": "line_item", "amount": l.Amount, "amount_excluding_tax": l.Amount,
		"currency": in.Currency, "description": opt(l.Description), "discount_amounts": []obj{},
		"discountable": !l.Proration, "discounts": []string{}, "invoice": opt(in.ID), "livemode": false,
		"metadata": copyMeta(in.SubMetadata), "period": obj{"start": l.Start, "end": l.End},
		"price": s.viewPrice(pr), "proration": l.Proration,
		"proration_details": obj{"credited_items": nil}, "quantity": l.Quantity,
		"subscription": opt(l.Sub), "subscription_item": l.SubItem, "tax_amounts": []obj{},
		"tax_rates": []obj{}, "type": kind, "unit_amount_excluding_tax": nil,
	}
	if l.Item != "" {
		out["invoice_item"] = l.Item
	}
	if !l.Proration {
		out["unit_amount_excluding_tax"] = strconv.FormatInt(pr.UnitAmount, 10)
	}
	return out
}

// viewInvoice renders an invoice; a preview is one without an id.
func (s *Server) viewInvoice(in *invoice) obj {
	if in == nil {
		return nil
	}
	c := s.st.Customers.get(in.Customer)
	out := obj{
		"object": "invoice", "account_country": "US", "account_name": "Sandbox", "account_tax_ids": nil,
		"amount_due": in.AmountDue, "amount_paid": in.AmountPaid, "amount_remaining": in.remaining(),
		"amount_shipping": 0, "application": nil, "application_fee_amount": nil,
		"attempt_count": in.Attempts, "attempted": in.Attempted, "auto_advance": in.Status == "open",
		"automatic_tax":  obj{"enabled": false, "liability": nil, "status": nil},
		"billing_reason": in.Reason, "charge": opt(in.Charge), "collection_method": "charge_automatically",
		"created": in.Created, "currency": in.Currency, "custom_fields": nil, "customer": in.Customer,
		"customer_address": nil, "customer_email": opt(c.Email), "customer_name": opt(c.Name),
		"customer_phone": opt(c.Phone), "customer_shipping": nil, "customer_tax_exempt": "none",
		"customer_tax_ids": []obj{}, "default_payment_method": nil, "default_source": nil,
		"default_tax_rates": []obj{}, "description": nil, "discount": nil, "discounts": []string{},
		"due_date": nil, "effective_at": optTime(in.Finalized), "ending_balance": nil, "footer": nil,
		"from_invoice": nil, "hosted_invoice_url": nil, "invoice_pdf": nil, "issuer": obj{"type": "self"},
		"last_finalization_error": nil, "latest_revision": nil, "lines": s.viewLines(in), "livemode": false,
		"metadata": obj{}, "next_payment_attempt": optTime(in.NextAttempt), "number": opt(in.Number),
		"on_behalf_of": nil, "paid": in.Status == "paid", "paid_out_of_band": false,
		"payment_intent":   opt(in.Intent),
		"payment_settings": obj{"default_mandate": nil, "payment_method_options": nil, "payment_method_types": nil},
		"period_end":       in.PeriodEnd, "period_start": in.PeriodStart,
		"post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0, "quote": nil,
		"receipt_number": nil, "rendering": nil, "shipping_cost": nil, "shipping_details": nil,
		"starting_balance": in.StartBalance, "statement_descriptor": nil, "status": in.Status,
		"status_transitions": obj{
			"finalized_at": optTime(in.Finalized), "marked_uncollectible_at": nil,
			"paid_at": optTime(in.Paid), "voided_at": optTime(in.Voided),
		},
		"subscription": opt(in.Sub), "subscription_details": obj{"metadata": copyMeta(in.SubMetadata)},
		"subtotal": in.Total, "subtotal_excluding_tax": in.Total, "tax": nil, "test_clock": nil,
		"total": in.Total, "total_discount_amounts": []obj{}, "total_excluding_tax": in.Total,
		"total_tax_amounts": []obj{}, "transfer_data": nil, "webhooks_delivered_at": nil,
	}
	if in.ID != "" {
		out["id"] = in.ID
	}
	if in.Finalized != 0 {
		out["ending_balance"] = in.EndBalance
		out["hosted_invoice_url"] = s.invoiceURL(in)
		out["invoice_pdf"] = s.invoiceURL(in) + "/pdf"
	}
	if in.ProrationDate != 0 {
		out["subscription_proration_date"] = in.ProrationDate
	}
	return out
}

func (s *Server) invoiceURL(in *invoice) string {
	return s.opt.PublicURL + "/pay/i/" + in.Token
}
