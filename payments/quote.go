package payments

import (
	"context"
	"fmt"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

const (
	alwaysInvoice       = "always_invoice"
	pendingIfIncomplete = "pending_if_incomplete"
	errorIfIncomplete   = "error_if_incomplete"
)

// Quote says what the change would cost with this proration date (used to the
// second). Errors: billing.ErrRejected if the change cannot be made,
// billing.ErrUnknownPlan, else ErrStripeUnavailable.
func (c *Client) Quote(ctx context.Context, from billing.Subscription, ch billing.Change, prorationDate time.Time) (billing.Quote, error) {
	if !from.Status.Live() || from.SubscriptionID == "" {
		return billing.Quote{}, billing.ErrRejected.Say("There is no subscription that could be changed.")
	}
	q := billing.Quote{
		Change:              ch,
		Currency:            c.catalog.Currency,
		FromPlan:            from.Plan,
		ProrationDate:       prorationDate.UTC().Truncate(time.Second),
		SubscriptionVersion: from.Version,
		CatalogVersion:      c.catalog.Version,
	}
	switch ch.Action {
	case billing.ActionChangePlan:
		return c.quoteChange(ctx, from.State, q)
	case billing.ActionResume:
		return c.quoteResume(from.State, q)
	case billing.ActionScheduleDowngrade:
		return c.quoteDowngrade(from.State, q)
	}
	return billing.Quote{}, fmt.Errorf("payments: no quote for action %q", ch.Action)
}

// quoteResume: nothing now, and the next period is charged after all.
func (c *Client) quoteResume(from billing.State, q billing.Quote) (billing.Quote, error) {
	plan, ok := c.catalog.Plan(from.Plan)
	if !ok {
		return billing.Quote{}, billing.ErrUnknownPlan
	}
	q.ToPlan, q.Recurring, q.Interval = plan.ID, plan.Price.Amount, plan.Price.Interval
	q.NextChargeAt = from.PeriodEnd
	return q, nil
}

// quoteDowngrade: nothing now or later; the period that is paid for runs out.
func (c *Client) quoteDowngrade(from billing.State, q billing.Quote) (billing.Quote, error) {
	q.ToPlan = c.catalog.Free().ID
	if plan, ok := c.catalog.Plan(from.Plan); ok {
		q.Interval = plan.Price.Interval
	}
	q.EffectiveAt = from.PeriodEnd
	return q, nil
}

func (c *Client) quoteChange(ctx context.Context, from billing.State, q billing.Quote) (billing.Quote, error) {
	plan, err := c.target(from, q.Change.Plan)
	if err != nil {
		return billing.Quote{}, err
	}
	priceID, err := c.priceID(ctx, plan.Price)
	if err != nil {
		return billing.Quote{}, err
	}
	p := &stripe.InvoiceUpcomingParams{
		Params:                        params(ctx, ""),
		Customer:                      stripe.String(from.CustomerID),
		Subscription:                  stripe.String(from.SubscriptionID),
		SubscriptionItems:             switched(from, priceID),
		SubscriptionProrationBehavior: stripe.String(alwaysInvoice),
		SubscriptionProrationDate:     stripe.Int64(q.ProrationDate.Unix()),
	}
	if q.LiftsDowngrade = from.CancelAtPeriodEnd; q.LiftsDowngrade {
		p.SubscriptionCancelAtPeriodEnd = stripe.Bool(false)
	}
	preview, err := c.invoices.Upcoming(p)
	if err != nil {
		return billing.Quote{}, quoteError(err)
	}
	if renewalInside(preview, from.PeriodEnd) {
		return billing.Quote{}, billing.ErrRejected.Because(fmt.Errorf("payments: the preview of %s also holds the renewal", from.SubscriptionID))
	}
	q.ToPlan, q.Recurring, q.Interval = plan.ID, plan.Price.Amount, plan.Price.Interval
	q.NextChargeAt = from.PeriodEnd
	return withAmounts(q, preview), nil
}

// switched is the subscription's item at its new price, in a preview and in the
// change alike. A plan is had once, whatever quantity the dashboard has set.
func switched(from billing.State, priceID string) []*stripe.SubscriptionItemsParams {
	return []*stripe.SubscriptionItemsParams{{
		ID: stripe.String(from.ItemID), Price: stripe.String(priceID), Quantity: stripe.Int64(1),
	}}
}

// target checks what Stripe leaves unclear or would do differently from what a
// quote can say, and refuses it.
func (c *Client) target(from billing.State, planID string) (billing.Plan, error) {
	plan, ok := c.catalog.Plan(planID)
	if !ok || !plan.Paid() {
		return billing.Plan{}, billing.ErrUnknownPlan
	}
	if from.UnknownPrice != "" || from.ItemID == "" {
		return billing.Plan{}, billing.ErrRejected.Say("The present price is not in the catalogue, so the change cannot be made here. Ask the operator.")
	}
	if present, ok := c.catalog.Plan(from.Plan); ok && present.Paid() && present.Price.Interval != plan.Price.Interval {
		return billing.Plan{}, billing.ErrRejected.Say("A change between monthly and yearly billing cannot be made here. Ask the operator.")
	}
	return plan, nil
}

// renewalInside reports whether a preview is not of the invoice that the change
// makes at once but of the next renewal with the prorations added to it. Its
// total would be far from the charge.
func renewalInside(preview *stripe.Invoice, periodEnd time.Time) bool {
	for _, l := range linesOf(preview) {
		if !l.Proration && l.Period != nil && l.Period.Start >= periodEnd.Unix() {
			return true
		}
	}
	return false
}

// withAmounts reads the money from a preview. The total is what the change
// costs; the amount due is what remains of it after the customer's balance (kept
// by Stripe with the sign of a debt: credit is negative). A negative total is
// given back as balance, and then nothing is due. Stripe knows the balance after
// an invoice only once that is final, so none of this reads ending_balance.
func withAmounts(q billing.Quote, preview *stripe.Invoice) billing.Quote {
	if preview.Currency != "" {
		q.Currency = string(preview.Currency)
	}
	q.DueNow = max(0, preview.AmountDue)
	q.Credit = max(0, -preview.Total)
	q.BalanceUsed = min(max(0, preview.Total-preview.AmountDue), max(0, -preview.StartingBalance))
	q.Tax = preview.Tax
	q.Lines = lines(preview)
	return q
}
