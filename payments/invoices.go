package payments

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// What Project reads from a customer's invoices.

func (p *projector) invoices() []billing.Invoice {
	sorted := slices.SortedFunc(slices.Values(p.s.Invoices), newestFirst)
	out := make([]billing.Invoice, len(sorted))
	for i, inv := range sorted {
		out[i] = billing.Invoice{
			ID:          inv.ID,
			Number:      inv.Number,
			CreatedAt:   unix(inv.Created),
			Description: p.describe(inv),
			Amount:      billing.Money{Amount: inv.Total, Currency: string(inv.Currency)},
			Status:      invoiceStatus(inv),
			HostedURL:   inv.HostedInvoiceURL,
			PDFURL:      inv.InvoicePDF,
			Paid:        payment(inv),
		}
	}
	return out
}

// payment is how an invoice was paid; nil unless it was.
func payment(inv *stripe.Invoice) *billing.Payment {
	if inv.Status != stripe.InvoiceStatusPaid || inv.StatusTransitions == nil {
		return nil
	}
	p := &billing.Payment{
		At: unix(inv.StatusTransitions.PaidAt), Amount: billing.Money{Amount: inv.AmountPaid, Currency: string(inv.Currency)},
		Lines: lines(inv), Tax: inv.Tax,
	}
	if c := inv.Charge; c != nil && c.PaymentMethodDetails != nil && c.PaymentMethodDetails.Card != nil {
		used := c.PaymentMethodDetails.Card
		p.Card = &billing.Card{Brand: string(used.Brand), Last4: used.Last4, ExpMonth: int(used.ExpMonth), ExpYear: int(used.ExpYear)}
	}
	return p
}

// invoiceStatus is Stripe's word, or "refunded" for what was paid and given back
// whole, which Stripe tells by the charge.
func invoiceStatus(inv *stripe.Invoice) string {
	if inv.Status == stripe.InvoiceStatusPaid && inv.Charge != nil && inv.Charge.Refunded {
		return "refunded"
	}
	return string(inv.Status)
}

// describe says what an invoice is for in a word or two: the plan that it pays,
// or the units where it is only about those.
func (p *projector) describe(inv *stripe.Invoice) string {
	if inv.Description != "" {
		return inv.Description
	}
	var name string
	var units int64
	for _, l := range linesOf(inv) {
		plan, unit, ok := planOf(p.catalog, l.Price)
		switch {
		case !ok || l.Amount < 0:
		case unit:
			units = max(units, l.Quantity)
		default:
			name = max(name, plan.Name) // any total order will do
		}
	}
	switch {
	case name != "" && inv.BillingReason == stripe.InvoiceBillingReasonSubscriptionUpdate:
		return "Change to " + name
	case name != "":
		return name
	case units == 1:
		return "1 additional unit"
	case units > 1:
		return strconv.FormatInt(units, 10) + " additional units"
	}
	return "Invoice"
}

func newestFirst(a, b *stripe.Invoice) int {
	return cmp.Or(cmp.Compare(b.Created, a.Created), cmp.Compare(b.ID, a.ID))
}

func linesOf(inv *stripe.Invoice) []*stripe.InvoiceLineItem {
	if inv.Lines == nil {
		return nil
	}
	return inv.Lines.Data
}

func lines(inv *stripe.Invoice) []billing.Line {
	var out []billing.Line
	for _, l := range linesOf(inv) {
		if l.Amount == 0 && l.Quantity == 0 {
			continue // an item of which there are none
		}
		out = append(out, billing.Line{Description: l.Description, Amount: l.Amount, Proration: l.Proration})
	}
	return out
}

// openInvoice is the newest open invoice of the subscription; the one that a
// pending update waits for is always the newest.
func (p *projector) openInvoice(sub *stripe.Subscription) *stripe.Invoice {
	var found *stripe.Invoice
	for _, inv := range p.s.Invoices {
		open := inv.Status == stripe.InvoiceStatusOpen && inv.Subscription != nil && inv.Subscription.ID == sub.ID
		if open && (found == nil || newestFirst(inv, found) < 0) {
			found = inv
		}
	}
	return found
}

// owingSince is when the oldest unpaid invoice of the subscription was first
// asked for: at its finalization, or on its due date where it is not collected by
// itself. The invoice of a pending update, always the newest, is not owed. Where
// none is among the newest invoices, the period says it: a renewal begins it.
func (p *projector) owingSince(sub *stripe.Subscription) time.Time {
	var waits *stripe.Invoice
	if sub.PendingUpdate != nil {
		waits = p.openInvoice(sub)
	}
	since := sub.CurrentPeriodStart
	found := false
	for _, inv := range p.s.Invoices {
		if inv == waits || inv.Status != stripe.InvoiceStatusOpen || inv.Subscription == nil || inv.Subscription.ID != sub.ID {
			continue
		}
		if at := askedFor(inv); !found || at < since {
			since, found = at, true
		}
	}
	return unix(since)
}

// askedFor is when an invoice became due, in Unix seconds.
func askedFor(inv *stripe.Invoice) int64 {
	switch {
	case inv.DueDate != 0:
		return inv.DueDate
	case inv.StatusTransitions != nil && inv.StatusTransitions.FinalizedAt != 0:
		return inv.StatusTransitions.FinalizedAt
	}
	return inv.Created
}

func paymentAction(inv *stripe.Invoice) *billing.PaymentAction {
	a := &billing.PaymentAction{
		InvoiceID: inv.ID,
		URL:       inv.HostedInvoiceURL,
		Amount:    billing.Money{Amount: inv.AmountRemaining, Currency: string(inv.Currency)},
		NextTry:   unix(inv.NextPaymentAttempt),
	}
	// An invoice does not say when it was tried last. The first try comes with
	// its finalization, and that is the day people know the trouble by.
	if inv.Attempted && inv.StatusTransitions != nil {
		a.Failed = unix(inv.StatusTransitions.FinalizedAt)
	}
	return a
}
