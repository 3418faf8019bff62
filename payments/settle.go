package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// settle reads what became of a change that Stripe accepted. A replayed answer
// tells how things stood at the first call; the invoice is then read again.
func (c *Client) settle(ctx context.Context, p applyParams, sub *stripe.Subscription) (billing.Applied, error) {
	inv := sub.LatestInvoice
	if sub.PendingUpdate == nil {
		return applied(p, inv), nil
	}
	if inv == nil {
		return billing.Applied{}, fmt.Errorf("payments: %s has a pending update without an invoice, outcome unknown", sub.ID)
	}
	if replayed(sub) {
		fresh, err := c.invoice(ctx, inv.ID)
		if err != nil {
			return billing.Applied{}, err
		}
		inv = fresh
	}
	switch {
	case inv.Status == stripe.InvoiceStatusPaid:
		return applied(p, inv), nil
	case inv.Status == stripe.InvoiceStatusVoid:
		return billing.Applied{}, paymentFailed(inv)
	case inv.PaymentIntent != nil && inv.PaymentIntent.Status == stripe.PaymentIntentStatusRequiresPaymentMethod:
		return c.takeBack(ctx, p, inv)
	}
	return billing.Applied{InvoiceID: inv.ID, Action: pendingAction(p, inv)}, nil
}

func replayed(sub *stripe.Subscription) bool {
	return sub.LastResponse != nil && sub.LastResponse.Header.Get("Idempotent-Replayed") == "true"
}

// takeBack voids the invoice of a change whose card was declined, which also
// drops the pending update: the person reads "declined" and nothing stays open
// that could be paid by surprise. If somebody was faster and paid it, the change
// has happened.
func (c *Client) takeBack(ctx context.Context, p applyParams, inv *stripe.Invoice) (billing.Applied, error) {
	_, err := c.invoices.VoidInvoice(inv.ID, &stripe.InvoiceVoidInvoiceParams{Params: params(ctx, p.key+":void")})
	if err == nil {
		return billing.Applied{}, paymentFailed(inv)
	}
	if busy(err) {
		return billing.Applied{}, billing.ErrStripeBusy.After(retryAfter(err)).Because(cause(err))
	}
	fresh, getErr := c.invoice(ctx, inv.ID)
	switch {
	case getErr != nil:
		return billing.Applied{}, getErr
	case fresh.Status == stripe.InvoiceStatusPaid:
		return applied(p, fresh), nil
	case fresh.Status == stripe.InvoiceStatusVoid:
		return billing.Applied{}, paymentFailed(inv)
	}
	return billing.Applied{}, fmt.Errorf("payments: the invoice %s of a declined change is still open: %w", inv.ID, cause(err))
}

func (c *Client) invoice(ctx context.Context, id string) (*stripe.Invoice, error) {
	inv, err := c.invoices.Get(id, &stripe.InvoiceParams{
		Params: params(ctx, ""), Expand: stripe.StringSlice([]string{"payment_intent"}),
	})
	if err != nil {
		return nil, fmt.Errorf("payments: the invoice %s could not be read, outcome unknown: %w", id, cause(err))
	}
	return inv, nil
}

// applied reads the money from the change's own invoice. The newest invoice may
// be an older one: a change without any proration makes none.
func applied(p applyParams, inv *stripe.Invoice) billing.Applied {
	if inv == nil || !forChange(inv, p.quote.ProrationDate) {
		return billing.Applied{}
	}
	return billing.Applied{InvoiceID: inv.ID, Charged: inv.AmountPaid, Credited: max(0, -inv.Total)}
}

// forChange reports whether the invoice holds a proration from this very second.
func forChange(inv *stripe.Invoice, prorationDate time.Time) bool {
	for _, l := range linesOf(inv) {
		if l.Proration && l.Period != nil && l.Period.Start == prorationDate.Unix() {
			return true
		}
	}
	return false
}

// pendingAction says where a person can answer the bank's question.
func pendingAction(p applyParams, inv *stripe.Invoice) *billing.PaymentAction {
	a := paymentAction(inv)
	a.Plan, a.Failed = p.quote.ToPlan, time.Time{}
	if a.URL == "" && inv.PaymentIntent != nil && inv.PaymentIntent.NextAction != nil && inv.PaymentIntent.NextAction.RedirectToURL != nil {
		a.URL = inv.PaymentIntent.NextAction.RedirectToURL.URL
	}
	return a
}

func paymentFailed(inv *stripe.Invoice) error {
	var reason *stripe.Error
	if inv.PaymentIntent != nil {
		reason = inv.PaymentIntent.LastPaymentError
	}
	return withDecline(billing.ErrPaymentFailed, reason)
}
