package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

const (
	alwaysInvoice       = "always_invoice"
	pendingIfIncomplete = "pending_if_incomplete"
	errorIfIncomplete   = "error_if_incomplete"
	noProration         = "none"
)

// Quote says what the change would cost with this proration date (used to the
// second). Errors: billing.ErrRejected if the change cannot be made,
// billing.ErrUnknownPlan, those of capacity units (ErrReductionPending,
// ErrNoReduction, ErrEndsAnyway, ErrForeignSchedule, ErrCapacityNotOffered,
// ErrTargetRange, ErrTargetNotGreater, ErrTargetNotLower), else
// ErrStripeUnavailable.
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
	if err := unobstructed(from.State, ch.Action); err != nil {
		return billing.Quote{}, err
	}
	switch ch.Action {
	case billing.ActionChangePlan, billing.ActionIncrease:
		return c.quoteItems(ctx, from.State, q)
	case billing.ActionResume, billing.ActionKeepCapacity:
		return c.quoteUnchanged(from.State, q)
	case billing.ActionReduce:
		return c.quoteReduction(from.State, q)
	case billing.ActionScheduleDowngrade:
		return c.quoteDowngrade(from.State, q)
	}
	return billing.Quote{}, fmt.Errorf("payments: no quote for action %q", ch.Action)
}

// unobstructed refuses a change beside another one that is scheduled, where
// Stripe leaves unclear what becomes of the two.
func unobstructed(from billing.State, a billing.Action) error {
	u := from.Units
	capacity := a == billing.ActionIncrease || a == billing.ActionReduce
	switch {
	case a == billing.ActionResume:
		return nil
	case u.Foreign:
		return billing.ErrForeignSchedule
	case u.Reducing() && (a == billing.ActionChangePlan || a == billing.ActionIncrease):
		return billing.ErrReductionPending
	case !u.Reducing() && a == billing.ActionKeepCapacity:
		return billing.ErrNoReduction
	case from.CancelAtPeriodEnd && capacity:
		return billing.ErrEndsAnyway
	}
	return nil
}

// quoteUnchanged: nothing now, and the next period is charged as the present one.
func (c *Client) quoteUnchanged(from billing.State, q billing.Quote) (billing.Quote, error) {
	plan, err := c.present(from)
	if err != nil {
		return billing.Quote{}, err
	}
	return between(q, from, plan, plan), nil
}

// quoteReduction: nothing now, and from the next period on less is charged.
func (c *Client) quoteReduction(from billing.State, q billing.Quote) (billing.Quote, error) {
	plan, err := c.present(from)
	if err != nil {
		return billing.Quote{}, err
	}
	to := plan.With(q.Change.Units)
	if err = sellable(from, to); err != nil {
		return billing.Quote{}, err
	}
	if to.Additional >= plan.Additional {
		return billing.Quote{}, billing.ErrTargetNotLower
	}
	q = between(q, from, plan, to)
	q.EffectiveAt = from.PeriodEnd
	return q, nil
}

// quoteDowngrade: nothing now or later; the period that is paid for runs out.
func (c *Client) quoteDowngrade(from billing.State, q billing.Quote) (billing.Quote, error) {
	free := c.catalog.Free()
	q.ToPlan, q.Interval = free.ID, free.Price.Interval
	q.FromUnits, q.LiftsReduction = from.Units.Additional, from.Units.Reducing()
	q.EffectiveAt = from.PeriodEnd
	return q, nil
}

// between is the frame of a quote: what is charged with each period from then on.
func between(q billing.Quote, state billing.State, from, to billing.Plan) billing.Quote {
	q.ToPlan, q.Recurring, q.Interval = to.ID, to.Recurring(), to.Price.Interval
	q.FromUnits, q.ToUnits = from.Additional, to.Additional
	q.NextChargeAt = state.PeriodEnd
	return q
}

// quoteItems asks Stripe what another plan or more units cost at once.
func (c *Client) quoteItems(ctx context.Context, from billing.State, q billing.Quote) (billing.Quote, error) {
	to, err := c.target(from, q.Change)
	if err != nil {
		return billing.Quote{}, err
	}
	items, err := c.items(ctx, from, q.Change.Action, to)
	if err != nil {
		return billing.Quote{}, err
	}
	p := &stripe.InvoiceUpcomingParams{
		Params:                        params(ctx, ""),
		Customer:                      stripe.String(from.CustomerID),
		Subscription:                  stripe.String(from.SubscriptionID),
		SubscriptionItems:             items,
		SubscriptionProrationBehavior: stripe.String(alwaysInvoice),
		SubscriptionProrationDate:     stripe.Int64(q.ProrationDate.Unix()),
	}
	if q.LiftsDowngrade = from.CancelAtPeriodEnd; q.LiftsDowngrade {
		p.SubscriptionCancelAtPeriodEnd = stripe.Bool(false)
	}
	preview, err := c.invoices.Upcoming(p)
	if status(err) == http.StatusBadRequest {
		if gone := c.sells(ctx, soldAt(to)...); errors.Is(gone, billing.ErrRejected) {
			return billing.Quote{}, gone
		}
	}
	if err != nil {
		return billing.Quote{}, quoteError(err)
	}
	if renewalInside(preview, from.PeriodEnd) {
		return billing.Quote{}, billing.ErrRejected.Because(fmt.Errorf("payments: the preview of %s also holds the renewal", from.SubscriptionID))
	}
	present, _ := c.catalog.Plan(from.Plan)
	return withAmounts(between(q, from, present.With(from.Units.Additional), to), preview), nil
}

// items is what changes in the subscription on the way to the plan with its
// units, in a preview and in the change alike. A plan is had once, whatever
// quantity the dashboard has set. An item of units is never deleted, which a
// change that waits for the bank cannot do, but left with a quantity of nothing.
func (c *Client) items(ctx context.Context, from billing.State, a billing.Action, to billing.Plan) ([]*stripe.SubscriptionItemsParams, error) {
	var items []*stripe.SubscriptionItemsParams
	if a == billing.ActionChangePlan {
		priceID, err := c.priceID(ctx, to.Price)
		if err != nil {
			return nil, err
		}
		items = append(items, &stripe.SubscriptionItemsParams{
			ID: stripe.String(from.ItemID), Price: stripe.String(priceID), Quantity: stripe.Int64(1),
		})
	}
	if from.Units.ItemID == "" && to.Additional == 0 {
		return items, nil
	}
	units := &stripe.SubscriptionItemsParams{Quantity: stripe.Int64(to.Additional)}
	if from.Units.ItemID != "" {
		units.ID = stripe.String(from.Units.ItemID)
	}
	if to.Units != nil {
		priceID, err := c.priceID(ctx, to.Units.Price)
		if err != nil {
			return nil, err
		}
		units.Price = stripe.String(priceID)
	}
	return append(items, units), nil
}

// target is the plan that a change leads to, with its units. It checks what
// Stripe leaves unclear or would do differently from what a quote can say, and
// refuses it.
func (c *Client) target(from billing.State, ch billing.Change) (billing.Plan, error) {
	if from.UnknownPrice != "" || from.ItemID == "" {
		return billing.Plan{}, billing.ErrRejected.Say("The present price is not in the catalogue, so the change cannot be made here. Ask the operator.")
	}
	present, known := c.catalog.Plan(from.Plan)
	present = present.With(from.Units.Additional)
	if ch.Action == billing.ActionIncrease {
		if ch.Units <= present.Additional {
			return billing.Plan{}, billing.ErrTargetNotGreater
		}
		return present.With(ch.Units), sellable(from, present.With(ch.Units))
	}
	plan, ok := c.catalog.Plan(ch.Plan)
	if !ok || !plan.Paid() {
		return billing.Plan{}, billing.ErrUnknownPlan
	}
	if known && present.Paid() && present.Price.Interval != plan.Price.Interval {
		return billing.Plan{}, billing.ErrRejected.Say("A change between monthly and yearly billing cannot be made here. Ask the operator.")
	}
	plan = plan.With(plan.Carry(present))
	if plan.Additional > 0 {
		return plan, sellable(from, plan)
	}
	return plan, nil
}

// present is the subscription's own plan with the units that it has.
func (c *Client) present(from billing.State) (billing.Plan, error) {
	plan, ok := c.catalog.Plan(from.Plan)
	if !ok {
		return billing.Plan{}, billing.ErrUnknownPlan
	}
	return plan.With(from.Units.Additional), nil
}

// sellable reports why a plan cannot be had with its additional units.
func sellable(from billing.State, plan billing.Plan) error {
	switch {
	case plan.Units == nil:
		return billing.ErrCapacityNotOffered
	case from.UnknownPrice != "":
		return billing.ErrRejected.Say("The present price is not in the catalogue, so the change cannot be made here. Ask the operator.")
	case plan.Additional < 0 || plan.Additional > plan.Units.MaxAdditional:
		return billing.ErrTargetRange
	case plan.Units.Price.Interval != plan.Price.Interval:
		return billing.ErrRejected.Say("The plan and its units are not charged in the same rhythm, so the change cannot be made here. Ask the operator.")
	}
	return nil
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
