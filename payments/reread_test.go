package payments

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// TestReread: whatever became of a subscription, a second reading says what a
// first one would, and takes one call where nothing is unusual.
func TestReread(t *testing.T) {
	for name, c := range map[string]struct {
		happens          func(r *room, sub billing.Subscription)
		calls, withCalls int // without and with the invoices
	}{
		"nothing":      {func(*room, billing.Subscription) {}, 1, 2},
		"another card": {func(r *room, sub billing.Subscription) { r.useCard(sub.CustomerID, "pm_card_mastercard") }, 1, 2},
		"another plan": {func(r *room, sub billing.Subscription) { r.do(sub, changeTo("scale"), true) }, 1, 2},
		"a renewal":    {func(r *room, _ billing.Subscription) { r.clock.pass(31 * 24 * time.Hour) }, 1, 2},
		"a downgrade":  {func(r *room, sub billing.Subscription) { r.ok(r.server.CancelAtPeriodEnd(sub.SubscriptionID, true)) }, 3, 4},
		"an unpaid one": {func(r *room, sub billing.Subscription) {
			r.server.FailNextPayment(sub.CustomerID)
			r.clock.pass(31 * 24 * time.Hour)
		}, 5, 6},
		"its end": {func(r *room, sub billing.Subscription) {
			_, err := r.subscriptions.Cancel(sub.SubscriptionID, &stripe.SubscriptionCancelParams{Params: params(r.ctx, "")})
			r.ok(err)
		}, 4, 5},
		"another one": {func(r *room, sub billing.Subscription) {
			_, err := r.server.Subscribe(sub.CustomerID, "scale_month", "pm_card_visa")
			r.ok(err)
		}, 4, 5},
		"a deleted customer": {func(r *room, sub billing.Subscription) {
			_, err := r.customers.Del(sub.CustomerID, &stripe.CustomerParams{Params: params(r.ctx, "")})
			r.ok(err)
		}, 3, 4},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			before := r.subscribe("pro", "pm_card_visa")
			r.clock.pass(time.Hour)
			c.happens(r, before)
			want, invoices, err := r.Fetch(r.ctx, before.CustomerID)
			r.ok(err)
			for with, calls := range map[bool]int{false: c.calls, true: c.withCalls} {
				begun := len(r.server.Calls())
				st, list, err := r.Reread(r.ctx, before.State, with)
				r.ok(err)
				if n := len(r.server.Calls()) - begun; n > calls {
					t.Errorf("invoices %v: %d calls, want %d", with, n, calls)
				}
				if asJSON(st) != asJSON(want) {
					t.Errorf("invoices %v:\n%s, want\n%s", with, asJSON(st), asJSON(want))
				}
				if (with || list != nil) && asJSON(list) != asJSON(invoices) {
					t.Errorf("invoices %v:\n%s, want\n%s", with, asJSON(list), asJSON(invoices))
				}
			}
		})
	}
}

// TestRereadWithoutStripe: no answer is no state.
func TestRereadWithoutStripe(t *testing.T) {
	r := newRoom(t)
	before := r.subscribe("pro", "pm_card_visa")
	for _, status := range []int{429, 500, 503} {
		r.server.FailNext(status, 1)
		if st, list, err := r.Reread(r.ctx, before.State, false); err == nil {
			t.Errorf("%d: %+v, %v", status, st, list)
		}
	}
}

func (r *room) ok(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
