package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// A second live subscription of a customer's: which one may be ended without
// asking anybody, and how that is done.

const metaInvoice = "countersign_invoice"

// duplicates are the live subscriptions beside the one that counts, the newest
// first.
func (p *projector) duplicates(live []*stripe.Subscription, kept *stripe.Subscription) []billing.Duplicate {
	var out []billing.Duplicate
	for _, sub := range slices.SortedFunc(slices.Values(live), func(a, b *stripe.Subscription) int { return byAge(b, a) }) {
		if sub == kept {
			continue
		}
		twin := projector{catalog: p.catalog}
		twin.items(sub)
		out = append(out, billing.Duplicate{SubscriptionID: sub.ID, Plan: twin.out.State.Plan, Ours: p.plainlyTwice(kept, sub)})
	}
	return out
}

// plainlyTwice reports whether two subscriptions can only mean that two Checkout
// pages of ours were paid: both carry the org's mark, the newer one is in its
// first period, and the older one is paid and goes on. Of anything else somebody
// may have wanted the newer one.
func (p *projector) plainlyTwice(kept, twin *stripe.Subscription) bool {
	org := p.s.Customer.Metadata[metaOrg]
	paid := kept.Status == stripe.SubscriptionStatusActive || kept.Status == stripe.SubscriptionStatusTrialing
	return org != "" && kept.Metadata[metaOrg] == org && twin.Metadata[metaOrg] == org &&
		paid && kept.CancelAt == 0 && !endsWithPeriod(kept) && twin.CurrentPeriodStart == twin.StartDate
}

// endDuplicate ends the order's second subscription and gives back what was paid
// for it. It looks before each step, so a repetition goes on where an earlier try
// broke off, under whichever key: Stripe itself ends a subscription once and
// refunds a charge once.
func (c *Client) endDuplicate(ctx context.Context, p applyParams) (billing.Applied, error) {
	if err := c.cancelTwin(ctx, p); err != nil {
		return billing.Applied{}, err
	}
	it := c.invoices.List(&stripe.InvoiceListParams{
		ListParams:   stripe.ListParams{Context: ctx, Limit: stripe.Int64(pageOfInvoices)},
		Subscription: stripe.String(p.duplicate),
	})
	var out billing.Applied
	for it.Next() {
		back, err := c.giveBack(ctx, p, it.Invoice())
		if err != nil {
			return billing.Applied{}, err
		}
		out.Refunded += back
	}
	if err := it.Err(); err != nil {
		return billing.Applied{}, lookError(err)
	}
	return out, nil
}

// cancelTwin ends the second subscription unless that has been done. It is the
// last moment to see that the first one is gone: then nothing is changed.
func (c *Client) cancelTwin(ctx context.Context, p applyParams) error {
	twin, err := c.subscription(ctx, p.duplicate)
	if err != nil || !billing.SubscriptionStatus(twin.Status).Live() {
		return err
	}
	kept, err := c.subscription(ctx, p.from.SubscriptionID)
	switch {
	case err != nil:
		return err
	case !billing.SubscriptionStatus(kept.Status).Live():
		return billing.ErrRejected.Because(fmt.Errorf("payments: %s has ended, so %s is no second one", kept.ID, twin.ID))
	}
	// Stripe heeds no key here: ending it twice is refused, and seen next time.
	_, err = c.subscriptions.Cancel(twin.ID, &stripe.SubscriptionCancelParams{
		Params: params(ctx, p.key), InvoiceNow: stripe.Bool(false), Prorate: stripe.Bool(false),
		CancellationDetails: &stripe.SubscriptionCancelCancellationDetailsParams{
			Comment: stripe.String("Paid twice; " + kept.ID + " goes on. " + metaIntent + " " + p.intentID),
		},
	})
	if status(err) == http.StatusNotFound {
		return burnt(cause(err)) // somebody was faster: look again
	}
	if err != nil {
		return applyError(err, false)
	}
	return nil
}

func (c *Client) subscription(ctx context.Context, id string) (*stripe.Subscription, error) {
	sub, err := c.subscriptions.Get(id, &stripe.SubscriptionParams{Params: params(ctx, "")})
	if err != nil {
		return nil, lookError(err)
	}
	return sub, nil
}

// giveBack returns what an invoice of the ended subscription took, in minor
// units: from the card, and from the customer's credit. One that is still open
// must not be paid any more.
func (c *Client) giveBack(ctx context.Context, p applyParams, inv *stripe.Invoice) (int64, error) {
	switch inv.Status {
	case stripe.InvoiceStatusOpen:
		_, err := c.invoices.VoidInvoice(inv.ID, &stripe.InvoiceVoidInvoiceParams{Params: params(ctx, p.key+":void:"+inv.ID)})
		return 0, halfDone(err)
	case stripe.InvoiceStatusPaid:
		if err := c.refund(ctx, p, inv); err != nil {
			return 0, err
		}
		credit, err := c.returnCredit(ctx, p, inv)
		return inv.AmountPaid + credit, err
	}
	return 0, nil
}

// refund asks for all of the payment that has not been refunded yet.
func (c *Client) refund(ctx context.Context, p applyParams, inv *stripe.Invoice) error {
	if inv.AmountPaid == 0 {
		return nil
	}
	if inv.PaymentIntent == nil {
		return burnt(fmt.Errorf("payments: %s was paid, but not by a card", inv.ID))
	}
	_, err := c.refunds.New(&stripe.RefundParams{
		Params:        params(ctx, p.key+":refund:"+inv.ID),
		PaymentIntent: stripe.String(inv.PaymentIntent.ID),
		Reason:        stripe.String(string(stripe.RefundReasonDuplicate)),
		Metadata:      map[string]string{metaIntent: p.intentID, metaInvoice: inv.ID},
	})
	if hasCode(err, stripe.ErrorCodeChargeAlreadyRefunded) {
		return nil
	}
	return halfDone(err)
}

// returnCredit gives back the credit that paid a part of the invoice. Nothing at
// Stripe keeps that from being done twice, so it is looked for first, and its key
// is the same in every attempt.
func (c *Client) returnCredit(ctx context.Context, p applyParams, inv *stripe.Invoice) (int64, error) {
	used := inv.EndingBalance - inv.StartingBalance
	if used <= 0 || inv.Customer == nil {
		return 0, nil
	}
	it := c.balances.List(&stripe.CustomerBalanceTransactionListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(pageOfInvoices)}, Customer: stripe.String(inv.Customer.ID),
	})
	for it.Next() {
		if it.CustomerBalanceTransaction().Metadata[metaInvoice] == inv.ID {
			return used, nil
		}
	}
	if err := it.Err(); err != nil {
		return 0, lookError(err)
	}
	_, err := c.balances.New(&stripe.CustomerBalanceTransactionParams{
		Params: params(ctx, "cs:"+p.intentID+":credit:"+inv.ID), Customer: stripe.String(inv.Customer.ID),
		Amount: stripe.Int64(-used), Currency: stripe.String(string(inv.Currency)),
		Description: stripe.String("Credit that a second subscription had used"),
		Metadata:    map[string]string{metaIntent: p.intentID, metaInvoice: inv.ID},
	})
	return used, halfDone(err)
}

// halfDone maps the failure of a step after the subscription was ended: no
// refusal means any more that nothing has changed.
func halfDone(err error) error {
	if err == nil {
		return nil
	}
	mapped := applyError(err, false)
	if _, unclear := errors.AsType[*billing.Error](mapped); unclear && !busy(err) {
		return burnt(cause(err))
	}
	return mapped
}
