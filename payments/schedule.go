package payments

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// A reduction of units is a schedule at Stripe: the running period as it is, then
// one period with fewer units, then nothing more. Stripe makes the change with
// the renewal, and whatever becomes of us, nobody is charged for them again.

// reduce schedules fewer units from the period's end on. A schedule that is there
// already gets new phases, so a second reduction replaces the first. Only the
// update changes anything: a schedule as it is created goes on as things are.
func (c *Client) reduce(ctx context.Context, p applyParams) (billing.Applied, error) {
	sc, err := c.scheduleFor(ctx, p)
	if err != nil {
		return billing.Applied{}, err
	}
	sp, err := c.reductionParams(ctx, p, sc)
	if err != nil {
		return billing.Applied{}, burnt(err)
	}
	if _, err = c.schedules.Update(sc.ID, sp); err != nil {
		return billing.Applied{}, applyError(err, p.interactive)
	}
	return billing.Applied{EffectiveAt: p.from.PeriodEnd}, nil
}

// scheduleFor is the schedule that the subscription follows, or a new one.
func (c *Client) scheduleFor(ctx context.Context, p applyParams) (*stripe.SubscriptionSchedule, error) {
	if id := p.from.Units.ScheduleID; id != "" {
		sc, err := c.scheduled(ctx, id)
		if err != nil || !over(sc) {
			return sc, err
		}
	}
	sc, err := c.schedules.New(&stripe.SubscriptionScheduleParams{
		Params: params(ctx, p.key+":create"), FromSubscription: stripe.String(p.from.SubscriptionID), Expand: withPrices(),
	})
	switch {
	case err == nil:
		return sc, nil
	case status(err) == http.StatusBadRequest && !keyReused(err):
		return c.attached(ctx, p, err)
	}
	return nil, applyError(err, p.interactive)
}

// attached finds the schedule that keeps another one from being created. One that
// does nothing was left by an attempt that went no further, and will do.
func (c *Client) attached(ctx context.Context, p applyParams, why error) (*stripe.SubscriptionSchedule, error) {
	sub, err := c.subscriptions.Get(p.from.SubscriptionID, &stripe.SubscriptionParams{Params: params(ctx, "")})
	if err != nil {
		return nil, lookError(err)
	}
	if sub.Schedule == nil {
		return nil, applyError(why, p.interactive)
	}
	sc, err := c.scheduled(ctx, sub.Schedule.ID)
	if err != nil {
		return nil, err
	}
	if _, next, ok := phases(sc); !ok || len(next) > 0 {
		return nil, applyError(why, p.interactive)
	}
	return sc, nil
}

func (c *Client) scheduled(ctx context.Context, id string) (*stripe.SubscriptionSchedule, error) {
	sc, err := c.schedules.Get(id, &stripe.SubscriptionScheduleParams{Params: params(ctx, ""), Expand: withPrices()})
	if err != nil {
		return nil, lookError(err)
	}
	return sc, nil
}

func withPrices() []*string { return stripe.StringSlice([]string{"phases.items.price"}) }

// lookError maps the failure of a look in the middle of an order, which says
// nothing about the order: it is tried again in the same words.
func lookError(err error) error {
	if e := readError(err); errors.Is(e, billing.ErrStripeUnavailable) {
		return billing.ErrStripeBusy.Because(e)
	}
	return burnt(cause(err))
}

// reductionParams keeps the running phase as it is and lets one with fewer units
// follow. The error says that the schedule is not what the order was made for;
// perhaps because the order was carried out before.
func (c *Client) reductionParams(ctx context.Context, p applyParams, sc *stripe.SubscriptionSchedule) (*stripe.SubscriptionScheduleParams, error) {
	cur, _, ok := phases(sc)
	if !ok || cur.StartDate >= p.from.PeriodEnd.Unix() {
		return nil, fmt.Errorf("payments: schedule %s is in another phase than the order", sc.ID)
	}
	now, next := phaseParams(cur), phaseParams(cur)
	var units int64
	for _, it := range cur.Items {
		if plan, unit, ok := planOf(c.catalog, it.Price); ok && unit && plan.ID == p.from.Plan {
			units += it.Quantity
			if p.quote.ToUnits > 0 {
				next.Items = append(next.Items, phaseItem(it, p.quote.ToUnits))
			}
		} else if it.Quantity > 0 {
			next.Items = append(next.Items, phaseItem(it, it.Quantity))
		}
		now.Items = append(now.Items, phaseItem(it, it.Quantity))
	}
	if units != p.from.Units.Additional {
		return nil, fmt.Errorf("payments: schedule %s has %d units, the order was made for %d", sc.ID, units, p.from.Units.Additional)
	}
	now.StartDate, now.EndDate = stripe.Int64(cur.StartDate), stripe.Int64(p.from.PeriodEnd.Unix())
	next.Iterations = stripe.Int64(1)
	if cur.TrialEnd > 0 {
		now.TrialEnd = stripe.Int64(cur.TrialEnd)
	}
	return &stripe.SubscriptionScheduleParams{
		Params: params(ctx, p.key), Phases: []*stripe.SubscriptionSchedulePhaseParams{now, next},
		EndBehavior: stripe.String(string(stripe.SubscriptionScheduleEndBehaviorRelease)), ProrationBehavior: stripe.String(noProration),
		Metadata: map[string]string{metaIntent: p.intentID},
	}, nil
}

// phaseParams repeats what a phase says besides its dates and items, since what
// an update does not repeat is gone.
func phaseParams(ph *stripe.SubscriptionSchedulePhase) *stripe.SubscriptionSchedulePhaseParams {
	out := &stripe.SubscriptionSchedulePhaseParams{
		ProrationBehavior: stripe.String(noProration), DefaultTaxRates: repeated(taxRates(ph.DefaultTaxRates)), Metadata: ph.Metadata,
	}
	if ph.Coupon != nil {
		out.Coupon = stripe.String(ph.Coupon.ID)
	}
	if ph.CollectionMethod != nil {
		out.CollectionMethod = stripe.String(string(*ph.CollectionMethod))
	}
	if ph.DefaultPaymentMethod != nil {
		out.DefaultPaymentMethod = stripe.String(ph.DefaultPaymentMethod.ID)
	}
	if ph.Description != "" {
		out.Description = stripe.String(ph.Description)
	}
	if ph.AutomaticTax != nil {
		out.AutomaticTax = &stripe.SubscriptionSchedulePhaseAutomaticTaxParams{Enabled: stripe.Bool(ph.AutomaticTax.Enabled)}
	}
	return out
}

func phaseItem(it *stripe.SubscriptionSchedulePhaseItem, quantity int64) *stripe.SubscriptionSchedulePhaseItemParams {
	return &stripe.SubscriptionSchedulePhaseItemParams{
		Price: stripe.String(priceID(it.Price)), Quantity: stripe.Int64(quantity),
		TaxRates: repeated(taxRates(it.TaxRates)), Metadata: it.Metadata,
	}
}

// repeated is a list to send; an empty one is not sent at all.
func repeated(ids []string) []*string {
	if len(ids) == 0 {
		return nil
	}
	return stripe.StringSlice(ids)
}

// keepCapacity takes a scheduled reduction back: without its schedule the
// subscription goes on as it is.
func (c *Client) keepCapacity(ctx context.Context, p applyParams) (billing.Applied, error) {
	sc, err := c.release(ctx, p, p.key)
	switch {
	case err != nil:
		return billing.Applied{}, err
	case sc.Status != stripe.SubscriptionScheduleStatusReleased, sc.ReleasedAt >= p.from.Units.ReduceAt.Unix():
		return billing.Applied{}, billing.ErrRejected.
			Say("The reduction took effect before it could be cancelled. More units can be bought again.").
			Because(fmt.Errorf("payments: schedule %s is %s since %s", sc.ID, sc.Status, unix(sc.ReleasedAt)))
	}
	return billing.Applied{}, nil
}

// detach releases the schedule of a subscription that is about to be changed in
// another way. One that a reduction has left behind does nothing any more, but
// Stripe would refuse a cancellation beside it. A downgrade takes the place of a
// reduction that is still to come.
func (c *Client) detach(ctx context.Context, p applyParams) error {
	u := p.from.Units
	switch {
	case u.ScheduleID == "" || u.Foreign:
		return nil
	case u.Reducing() && p.quote.Change.Action != billing.ActionScheduleDowngrade:
		return billing.ErrRejected.Because(errors.New("payments: a reduction of units is scheduled"))
	}
	_, err := c.release(ctx, p, p.key+":release")
	return err
}

// reattach schedules the reduction again that a refused downgrade was to take the
// place of: a refusal means that nothing has changed.
func (c *Client) reattach(ctx context.Context, p applyParams, refusal error) error {
	if !p.from.Units.Reducing() || !errors.Is(refusal, billing.ErrRejected) {
		return refusal
	}
	p.key += ":again"
	p.quote.ToUnits, p.from.Units.ScheduleID = p.from.Units.ReduceTo, ""
	_, err := c.reduce(ctx, p)
	if errors.Is(err, billing.ErrRejected) {
		return billing.ErrRejected.
			Say("Stripe refused the downgrade, and dropped the scheduled reduction of capacity for it. Schedule the reduction again if it is still wanted.").
			Because(errors.Join(refusal, err))
	}
	return cmp.Or(err, refusal)
}

// release ends the schedule and leaves the subscription as it is. Somebody else
// may have ended it: the schedule that is returned says how.
func (c *Client) release(ctx context.Context, p applyParams, key string) (*stripe.SubscriptionSchedule, error) {
	sc, err := c.schedules.Release(p.from.Units.ScheduleID, &stripe.SubscriptionScheduleReleaseParams{Params: params(ctx, key)})
	if err == nil {
		return sc, nil
	}
	if status(err) == http.StatusBadRequest && !keyReused(err) {
		if sc, getErr := c.scheduled(ctx, p.from.Units.ScheduleID); getErr != nil || over(sc) {
			return sc, getErr
		}
	}
	return nil, applyError(err, p.interactive)
}
