package payments

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// calledWithin is how long after its consent, or after its first call if that came
// later, an intent's calls may come: it may wait for 23 hours, and be repeated for
// as long.
const calledWithin = 48 * time.Hour

// traceTypes are the events that the call which makes a change leaves behind. (The
// endings of second subscriptions are looked at one by one instead.)
func traceTypes() []string {
	return []string{"customer.subscription.updated", "subscription_schedule.updated", "subscription_schedule.released"}
}

// Trace implements billing.Processor: by request.idempotency_key, which every event
// carries that a call of the API caused.
func (c *Client) Trace(ctx context.Context, o billing.Order) (billing.Applied, error) {
	return c.trace(ctx, applyParams{intentID: o.IntentID(), interactive: o.Interactive(), quote: o.Quote(), from: o.From()}, o.AgreedAt(), o.CalledAt())
}

func (c *Client) trace(ctx context.Context, p applyParams, agreed, called time.Time) (billing.Applied, error) {
	until := agreed.Add(calledWithin)
	if late := called.Add(calledWithin); late.After(until) {
		until = late
	}
	caused, err := c.causedBy(ctx, p.intentID, agreed.Truncate(time.Second), until)
	if err != nil {
		return billing.Applied{}, err
	}
	var calls []string // that made the change: their keys have nothing behind the attempt
	for key := range caused {
		if strings.Count(key, ":") == 2 {
			calls = append(calls, key)
		}
	}
	switch len(calls) {
	case 0:
		return billing.Applied{}, billing.ErrNoTrace
	case 1:
		p.key = calls[0]
		return c.became(ctx, p, caused)
	}
	return billing.Applied{}, billing.ErrTraceUnclear.Because(fmt.Errorf("payments: Stripe has carried out %q", calls))
}

// causedBy is the newest event of each of the intent's calls, by their keys.
func (c *Client) causedBy(ctx context.Context, intentID string, since, until time.Time) (map[string]*stripe.Event, error) {
	it := c.events.List(&stripe.EventListParams{
		ListParams:   stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)},
		CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: max(since.Unix(), 1), LesserThanOrEqual: until.Unix()},
		Types:        stripe.StringSlice(traceTypes()),
	})
	caused, prefix := map[string]*stripe.Event{}, "cs:"+intentID+":"
	for read := 0; it.Next(); read++ {
		if read == maxEvents {
			return nil, billing.ErrTraceUnclear.Because(fmt.Errorf("payments: more than %d events since %s", maxEvents, since))
		}
		e := it.Event()
		if e.Request == nil || !strings.HasPrefix(e.Request.IdempotencyKey, prefix) || caused[e.Request.IdempotencyKey] != nil {
			continue
		}
		caused[e.Request.IdempotencyKey] = e
	}
	if err := it.Err(); err != nil {
		return nil, readError(err)
	}
	return caused, nil
}

// became reads what has become of a change since Stripe has taken it in.
func (c *Client) became(ctx context.Context, p applyParams, caused map[string]*stripe.Event) (billing.Applied, error) {
	switch p.quote.Change.Action {
	case billing.ActionChangePlan, billing.ActionIncrease:
	case billing.ActionScheduleDowngrade:
		return billing.Applied{EffectiveAt: p.quote.EffectiveAt}, nil
	case billing.ActionResume:
		sub, err := subscriptionIn(caused[p.key])
		if err == nil && endsWithPeriod(sub) && caused[p.key+":date"] == nil {
			return billing.Applied{}, billing.ErrNoTrace // of its second half
		}
		return billing.Applied{}, err
	default:
		return billing.Applied{}, nil
	}
	sub, err := subscriptionIn(caused[p.key])
	if err != nil || sub.LatestInvoice == nil {
		return billing.Applied{}, err
	}
	inv, err := c.invoice(ctx, sub.LatestInvoice.ID)
	switch {
	case err != nil:
		return billing.Applied{}, readError(err)
	case sub.PendingUpdate == nil, inv.Status == stripe.InvoiceStatusPaid:
		return applied(p, inv), nil
	case inv.Status == stripe.InvoiceStatusVoid:
		return billing.Applied{}, paymentFailed(inv)
	}
	return billing.Applied{InvoiceID: inv.ID, Action: pendingAction(p, inv)}, nil
}

// subscriptionIn is the subscription as it was right after the call.
func subscriptionIn(e *stripe.Event) (*stripe.Subscription, error) {
	sub := &stripe.Subscription{}
	if e == nil || e.Data == nil {
		return nil, billing.ErrTraceUnclear.Because(fmt.Errorf("payments: an event without an object"))
	}
	if err := json.Unmarshal(e.Data.Raw, sub); err != nil {
		return nil, billing.ErrTraceUnclear.Because(fmt.Errorf("payments: the object of %s: %w", e.ID, err))
	}
	return sub, nil
}
