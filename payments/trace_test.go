package payments

import (
	"errors"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// traced is what the events say of a change that was agreed to when the test began.
func (r *room) traced(p applyParams) (billing.Applied, error) {
	p.key = "" // it is read from the events
	return r.trace(r.ctx, p, p.quote.ProrationDate, time.Time{})
}

// TestTrace: what the events of a call tell later is what its answer told.
func TestTrace(t *testing.T) {
	for name, tc := range map[string]struct {
		action      billing.Action
		interactive bool
	}{
		"a person's upgrade": {billing.ActionChangePlan, true},
		"an agent's upgrade": {billing.ActionChangePlan, false},
		"a downgrade":        {billing.ActionScheduleDowngrade, true},
		"kept after all":     {billing.ActionResume, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			sub := r.subscribe("pro", "pm_card_visa")
			r.clock.pass(halfway)
			if tc.action == billing.ActionResume {
				r.mustApply(r.order(sub, r.quote(sub, billing.Change{Action: billing.ActionScheduleDowngrade}), true))
				sub = r.state(sub.CustomerID)
			}
			c := billing.Change{Action: tc.action}
			if tc.action == billing.ActionChangePlan {
				c = changeTo("scale")
			}
			p := r.order(sub, r.quote(sub, c), tc.interactive)
			if _, err := r.traced(p); !errors.Is(err, billing.ErrNoTrace) {
				t.Fatalf("before the call: %v", err)
			}
			want := r.mustApply(p)
			r.clock.pass(26 * time.Hour) // its key is forgotten
			got, err := r.traced(p)
			if err != nil || got.Charged != want.Charged || got.InvoiceID != want.InvoiceID || !got.EffectiveAt.Equal(want.EffectiveAt) {
				t.Errorf("%+v (%v), want %+v", got, err, want)
			}
			other := r.order(sub, p.quote, tc.interactive)
			if _, err := r.traced(other); !errors.Is(err, billing.ErrNoTrace) {
				t.Errorf("another order: %v", err)
			}
		})
	}
}

// TestTraceOfALateCall: a process that slept between the consent and its call has
// left a trace where it woke up.
func TestTraceOfALateCall(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	p := r.order(sub, r.quote(sub, changeTo("scale")), true)
	r.clock.pass(20 * 24 * time.Hour)
	called := r.clock.Now()
	want := r.mustApply(p)
	r.clock.pass(time.Hour)
	agreed := p.quote.ProrationDate
	p.key = ""
	got, err := r.trace(r.ctx, p, agreed, called)
	if err != nil || got.InvoiceID != want.InvoiceID {
		t.Errorf("%+v (%v), want %+v", got, err, want)
	}
}

// TestTraceOfTwo: a change that was carried out under two keys is nobody's to judge
// but a person's.
func TestTraceOfTwo(t *testing.T) {
	r := newRoom(t)
	sub := r.subscribe("pro", "pm_card_visa")
	p := r.order(sub, r.quote(sub, billing.Change{Action: billing.ActionScheduleDowngrade}), true)
	r.mustApply(p)
	if err := r.server.CancelAtPeriodEnd(sub.SubscriptionID, false); err != nil {
		t.Fatal(err)
	}
	p.key = "cs:" + p.intentID + ":2"
	r.mustApply(p)
	if _, err := r.traced(p); !errors.Is(err, billing.ErrTraceUnclear) {
		t.Errorf("%v, want that two were carried out", err)
	}
}

// TestTraceOfPayments: a change that waited for the bank ended as its invoice did.
func TestTraceOfPayments(t *testing.T) {
	for name, tc := range map[string]struct {
		card  string
		after time.Duration
		code  string
	}{
		"it waits":       {"pm_card_authenticationRequired", time.Hour, ""},
		"nobody paid":    {"pm_card_authenticationRequired", 25 * time.Hour, billing.ErrPaymentFailed.Code},
		"it was refused": {"pm_card_chargeCustomerFail", time.Hour, billing.ErrPaymentFailed.Code},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			sub := r.subscribe("pro", "pm_card_visa")
			if err := r.server.GiveCard(sub.CustomerID, tc.card); err != nil {
				t.Fatal(err)
			}
			r.clock.pass(halfway)
			p := r.order(sub, r.quote(sub, changeTo("scale")), true)
			applied, err := r.apply(r.ctx, p)
			r.clock.pass(tc.after)
			got, traceErr := r.traced(p)
			if tc.code != "" {
				if billing.CodeOf(traceErr) != tc.code {
					t.Errorf("%+v, %v, want %s (the call: %v)", got, traceErr, tc.code, err)
				}
				return
			}
			if traceErr != nil || got.Action == nil || got.Action.URL == "" || got.InvoiceID != applied.InvoiceID {
				t.Errorf("%+v (%v), want what the call told: %+v", got, traceErr, applied)
			}
		})
	}
}
