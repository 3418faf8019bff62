package payments

import (
	"context"
	"errors"
	"fmt"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// metaIntent marks at Stripe which intent a change came from.
const metaIntent = "countersign_intent"

// errInvalidOrder is our own fault, and nothing has happened.
var errInvalidOrder = &billing.Error{Kind: billing.KindInternal, Code: "internal", Message: "The change was not carried out."}

// Apply carries out an order under its idempotency key, with one call of Stripe
// that makes the change. Where something has to be put in place before or tidied
// up afterwards, that is a call of its own under a key made from the first, so
// that a repetition repeats both. See billing.Processor for the errors.
func (c *Client) Apply(ctx context.Context, o billing.Order) (billing.Applied, error) {
	if !o.Valid() {
		return billing.Applied{}, errInvalidOrder.Because(errors.New("payments: an order without a claimed intent"))
	}
	return c.apply(ctx, applyParams{
		key: o.Key(), intentID: o.IntentID(), interactive: o.Interactive(), quote: o.Quote(), from: o.From(), duplicate: o.Duplicate(),
	})
}

// applyParams is what an order says.
type applyParams struct {
	key, intentID string
	duplicate     string
	interactive   bool
	quote         billing.Quote
	from          billing.State
}

func (c *Client) apply(ctx context.Context, p applyParams) (billing.Applied, error) {
	switch p.quote.Change.Action {
	case billing.ActionCancelDuplicate:
		return c.endDuplicate(ctx, p)
	case billing.ActionReduce:
		return c.reduce(ctx, p)
	case billing.ActionKeepCapacity:
		return c.keepCapacity(ctx, p)
	}
	if err := c.detach(ctx, p); err != nil {
		return billing.Applied{}, err
	}
	switch p.quote.Change.Action {
	case billing.ActionChangePlan, billing.ActionIncrease:
		return c.changeItems(ctx, p)
	case billing.ActionScheduleDowngrade:
		sub, err := c.setCancel(ctx, p, true)
		if err != nil {
			return billing.Applied{}, c.reattach(ctx, p, err)
		}
		return billing.Applied{EffectiveAt: unix(sub.CurrentPeriodEnd)}, nil
	case billing.ActionResume:
		return billing.Applied{}, c.resume(ctx, p)
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
		return nil, applyError(err, p.interactive)
	}
	return sub, nil
}

// resume lifts the scheduled cancellation. One that was set as a date, as the
// dashboard can do it, stays when the flag is lifted and takes a second call.
func (c *Client) resume(ctx context.Context, p applyParams) error {
	sub, err := c.setCancel(ctx, p, false)
	if err != nil || !endsWithPeriod(sub) {
		return err
	}
	lift := &stripe.SubscriptionParams{Params: params(ctx, p.key+":date")}
	lift.AddExtra("cancel_at", "")
	if sub, err = c.subscriptions.Update(p.from.SubscriptionID, lift); err != nil {
		return applyError(err, p.interactive)
	}
	if endsWithPeriod(sub) {
		return billing.ErrRejected.Because(fmt.Errorf("payments: %s still ends at %s", sub.ID, unix(sub.CancelAt)))
	}
	return nil
}

func (c *Client) changeItems(ctx context.Context, p applyParams) (billing.Applied, error) {
	items, err := c.prepare(ctx, p)
	if err != nil {
		return billing.Applied{}, err
	}
	sub, err := c.subscriptions.Update(p.from.SubscriptionID, changeParams(ctx, p, items))
	if err != nil {
		return billing.Applied{}, applyError(err, p.interactive)
	}
	return c.settle(ctx, p, sub)
}

// prepare finds the target's prices. The quote found them a moment ago; if they
// are not there now, this may be the repetition of a call that succeeded, so it
// is no refusal.
func (c *Client) prepare(ctx context.Context, p applyParams) (items []*stripe.SubscriptionItemsParams, err error) {
	to, err := c.target(p.from, p.quote.Change)
	if err == nil {
		items, err = c.items(ctx, p.from, p.quote.Change.Action, to)
	}
	switch {
	case err == nil:
		return items, nil
	case errors.Is(err, billing.ErrStripeUnavailable):
		return nil, billing.ErrStripeBusy.Because(err)
	}
	return nil, burnt(err)
}

// changeParams never asks for allow_incomplete, which would switch the plan and
// leave the payment for later.
//
// A pending update takes few parameters: no metadata and no cancellation. Such a
// change is traced back to its intent by the idempotency key, which Stripe keeps
// in its request log and in request.idempotency_key of every event that the call
// caused. Where a cancellation is scheduled, the same call lifts it (who changes
// the plan wants to stay), so the payment then succeeds at once or not at all.
func changeParams(ctx context.Context, p applyParams, items []*stripe.SubscriptionItemsParams) *stripe.SubscriptionParams {
	sp := &stripe.SubscriptionParams{
		Params:            params(ctx, p.key),
		Items:             items,
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
