package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// metaIntent marks at Stripe which intent a change came from.
const metaIntent = "countersign_intent"

// errInvalidOrder is our own fault, and nothing has happened.
var errInvalidOrder = &billing.Error{Kind: billing.KindInternal, Code: "internal", Message: "The change was not carried out."}

// Apply carries out an order with one call of Stripe, under the order's
// idempotency key. See billing.Processor for its errors.
func (c *Client) Apply(ctx context.Context, o billing.Order) (billing.Applied, error) {
	if !o.Valid() {
		return billing.Applied{}, errInvalidOrder.Because(errors.New("payments: an order without a claimed intent"))
	}
	return c.apply(ctx, applyParams{
		key: o.Key(), intentID: o.IntentID(), interactive: o.Interactive(), quote: o.Quote(), from: o.From(),
	})
}

// applyParams is what an order says.
type applyParams struct {
	key, intentID string
	interactive   bool
	quote         billing.Quote
	from          billing.State
}

func (c *Client) apply(ctx context.Context, p applyParams) (billing.Applied, error) {
	switch p.quote.Change.Action {
	case billing.ActionChangePlan:
		return c.changePlan(ctx, p)
	case billing.ActionScheduleDowngrade:
		sub, err := c.setCancel(ctx, p, true)
		if err != nil {
			return billing.Applied{}, err
		}
		return billing.Applied{EffectiveAt: unix(sub.CurrentPeriodEnd)}, nil
	case billing.ActionResume:
		_, err := c.setCancel(ctx, p, false)
		return billing.Applied{}, err
	}
	return billing.Applied{}, errInvalidOrder.Because(fmt.Errorf("payments: no such action %q", p.quote.Change.Action))
}

func (c *Client) setCancel(ctx context.Context, p applyParams, cancel bool) (*stripe.Subscription, error) {
	sub, err := c.subscriptions.Update(p.from.SubscriptionID, &stripe.SubscriptionParams{
		Params:            params(ctx, p.key),
		CancelAtPeriodEnd: stripe.Bool(cancel),
		Metadata:          map[string]string{metaIntent: p.intentID},
	})
	if err != nil {
		return nil, applyError(err)
	}
	return sub, nil
}

func (c *Client) changePlan(ctx context.Context, p applyParams) (billing.Applied, error) {
	priceID, err := c.prepare(ctx, p)
	if err != nil {
		return billing.Applied{}, err
	}
	sub, err := c.subscriptions.Update(p.from.SubscriptionID, changeParams(ctx, p, priceID))
	if err != nil {
		return billing.Applied{}, applyError(err)
	}
	return c.settle(ctx, p, sub)
}

// prepare finds the target's price. The quote has checked all of this a moment
// ago; if it no longer holds, this may be the repetition of a call that
// succeeded, so it is no refusal.
func (c *Client) prepare(ctx context.Context, p applyParams) (priceID string, err error) {
	plan, err := c.target(p.from, p.quote.Change.Plan)
	if err == nil {
		priceID, err = c.priceID(ctx, plan.Price)
	}
	switch {
	case err == nil:
		return priceID, nil
	case errors.Is(err, billing.ErrStripeUnavailable):
		return "", billing.ErrStripeBusy.After(time.Second).Because(err)
	}
	return "", burnt(err)
}

// changeParams never asks for allow_incomplete, which would switch the plan and
// leave the payment for later.
//
// A pending update takes few parameters: no metadata and no cancellation. Such a
// change is traced back to its intent by the idempotency key, which Stripe keeps
// in its request log and in request.idempotency_key of every event that the call
// caused. Where a cancellation is scheduled, the same call lifts it (who changes
// the plan wants to stay), so the payment then succeeds at once or not at all.
func changeParams(ctx context.Context, p applyParams, priceID string) *stripe.SubscriptionParams {
	sp := &stripe.SubscriptionParams{
		Params:            params(ctx, p.key),
		Items:             []*stripe.SubscriptionItemsParams{{ID: stripe.String(p.from.ItemID), Price: stripe.String(priceID)}},
		ProrationBehavior: stripe.String(alwaysInvoice),
		ProrationDate:     stripe.Int64(p.quote.ProrationDate.Unix()),
		Expand:            stripe.StringSlice([]string{"latest_invoice.payment_intent"}),
	}
	if p.interactive && !p.from.CancelAtPeriodEnd {
		sp.PaymentBehavior = stripe.String(pendingIfIncomplete)
		return sp
	}
	sp.PaymentBehavior = stripe.String(errorIfIncomplete)
	sp.OffSession = stripe.Bool(!p.interactive)
	sp.Metadata = map[string]string{metaIntent: p.intentID}
	if p.from.CancelAtPeriodEnd {
		sp.CancelAtPeriodEnd = stripe.Bool(false)
	}
	return sp
}

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
	a.Plan, a.Failed = p.quote.Change.Plan, time.Time{}
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
