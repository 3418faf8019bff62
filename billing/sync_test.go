package billing_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestNewsInAnyOrder (I4): whatever happens to Stripe's events on the way, the
// row ends as what Stripe says.
func TestNewsInAnyOrder(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w, _, c := seamed(t, "pro", worldtest.Options{})
			r := rand.New(rand.NewPCG(seed, 1))
			events := history(t, w, c, r)
			// Some never come, some come twice, all come in any order.
			news := slices.Concat(events, events[:len(events)/2])
			r.Shuffle(len(news), func(i, j int) { news[i], news[j] = news[j], news[i] })
			for _, e := range news[:1+len(news)*2/3] {
				noError(t, w.Service.Receive(ctx, e))
				if r.IntN(3) == 0 {
					noError(t, w.Service.SyncDirty(ctx))
				}
			}
			noError(t, w.Service.SyncDirty(ctx))
			equalsStripe(t, w, c)
		})
	}
}

// history lets things happen at Stripe that we hear of by events only.
func history(t *testing.T, w *worldtest.World, c worldtest.Cast, r *rand.Rand) []billing.Event {
	t.Helper()
	since, sub := w.Box.Now(), w.Sync(c.Org.ID).SubscriptionID
	for range 6 {
		w.Advance(time.Duration(1+r.IntN(20*24)) * time.Hour)
		switch r.IntN(4) {
		case 0:
			noError(t, w.Box.GiveCard(c.Customer, "pm_card_mastercard"))
		case 1:
			w.Box.FailNextPayment(c.Customer)
		default: // an error when it is over: nothing more happens to it then
			_ = w.Box.CancelAtPeriodEnd(sub, r.IntN(2) == 0)
		}
	}
	events, err := w.Stripe.Events(ctx, since)
	if err != nil || len(events) == 0 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	return events
}

// equalsStripe compares the row with a reading of this moment.
func equalsStripe(t *testing.T, w *worldtest.World, c worldtest.Cast) {
	t.Helper()
	sub, err := w.Store.Subscription(ctx, c.Org.ID)
	noError(t, err)
	now, _, err := w.Stripe.Fetch(ctx, c.Customer)
	noError(t, err)
	if got, want := asText(sub.State), asText(now); got != want || sub.Dirty() {
		t.Errorf("row  %s\nsays %s\ndirty %v", got, want, sub.Dirty())
	}
}

// TestOlderReadingLoses (I5): a reading that was overtaken is thrown away.
func TestOlderReadingLoses(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	subID, reads := w.Sync(c.Org.ID).SubscriptionID, 0
	s.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		reads++
		if reads > 1 {
			return do()
		}
		old, invoices, err := do()
		noError(t, w.Box.CancelAtPeriodEnd(subID, true))
		if newer := w.Sync(c.Org.ID); !newer.CancelAtPeriodEnd {
			t.Error("the newer reading did not see the change")
		}
		return old, invoices, err
	}
	if sub := w.Sync(c.Org.ID); !sub.CancelAtPeriodEnd || reads != 3 {
		t.Errorf("ends %v after %d readings", sub.CancelAtPeriodEnd, reads)
	}
}

// TestNewsDuringASync: what arrives after the reading began is looked at again.
func TestNewsDuringASync(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	s.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		s.fetch = nil
		got, invoices, err := do()
		noError(t, w.Service.Receive(ctx, billing.Event{ID: "evt_late", Type: "invoice.paid", CustomerID: c.Customer, CreatedAt: w.Box.Now()}))
		return got, invoices, err
	}
	if sub := w.Sync(c.Org.ID); !sub.Dirty() {
		t.Error("the news counts as seen")
	}
	noError(t, w.Service.SyncDirty(ctx))
	equalsStripe(t, w, c)
}

// TestEventCountsOnce: the inbox knows events by their id.
func TestEventCountsOnce(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	seq := func() int64 {
		sub, err := w.Store.Subscription(ctx, c.Org.ID)
		noError(t, err)
		return sub.DirtySeq
	}
	before := seq()
	for i, e := range []struct {
		id, customer string
		more         int64
	}{
		{"evt_1", c.Customer, 1},
		{"evt_1", c.Customer, 1},
		{"evt_2", c.Customer, 2},
		{"evt_1", c.Customer, 2},
		{"evt_3", "cus_of_somebody_else", 2},
		{"evt_4", "", 2},
	} {
		noError(t, w.Service.Receive(ctx, billing.Event{ID: e.id, Type: "invoice.paid", CustomerID: e.customer, CreatedAt: w.Box.Now()}))
		if got := seq() - before; got != e.more {
			t.Errorf("after %d events: %d reasons to look, want %d", i+1, got, e.more)
		}
	}
}

// TestUnknownPrice (I16): a mistake in Stripe's dashboard neither raises nor
// lowers anybody's plan, and somebody is told.
func TestUnknownPrice(t *testing.T) {
	w, s, c := seamed(t, "scale", worldtest.Options{})
	before := w.Sync(c.Org.ID)
	s.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		st, invoices, err := do()
		st.Plan, st.UnknownPrice = "free", "price_mistake"
		return st, invoices, err
	}
	sub := w.Sync(c.Org.ID)
	sum, err := w.Service.Summary(ctx, c.Owner)
	noError(t, err)
	if sub.Plan != "scale" || sum.Plan.ID != "scale" || sub.Version == before.Version || !strings.Contains(w.Log.String(), "price_mistake") {
		t.Errorf("plan %s, in force %s, version %d→%d", sub.Plan, sum.Plan.ID, before.Version, sub.Version)
	}
	propose(t, w.Service, c.Owner, upgrade("pro"), "", billing.ErrRejected)
	s.fetch = nil
	if sub = w.Sync(c.Org.ID); sub.UnknownPrice != "" || sub.Plan != "scale" {
		t.Errorf("afterwards %+v", sub.State)
	}
}

// TestStatusDecidesThePlan (I16): which statuses keep the caps up.
func TestStatusDecidesThePlan(t *testing.T) {
	for status, entitled := range map[billing.SubscriptionStatus]bool{
		billing.StatusActive: true, billing.StatusTrialing: true, billing.StatusPastDue: true, billing.StatusUnpaid: false,
		billing.StatusIncomplete: false, billing.StatusIncompleteExpired: false, billing.StatusPaused: false,
		billing.StatusCanceled: false, "word_of_tomorrow": false,
	} {
		t.Run(string(status), func(t *testing.T) {
			w, s, c := seamed(t, "scale", worldtest.Options{})
			s.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
				st, invoices, err := do()
				if st.Status = status; status == billing.StatusPastDue {
					st.PastDueSince = w.Box.Now()
				}
				return st, invoices, err
			}
			w.Sync(c.Org.ID)
			sum, err := w.Service.Summary(ctx, c.Owner)
			if want := map[bool]string{true: "scale", false: "free"}[entitled]; err != nil || sum.Plan.ID != want {
				t.Errorf("plan %s, want %s (%v)", sum.Plan.ID, want, err)
			}
		})
	}
}

// TestReconcile finds what no webhook told.
func TestReconcile(t *testing.T) {
	w, _, c := seamed(t, "pro", worldtest.Options{})
	noError(t, w.Service.Reconcile(ctx)) // everything so far
	noError(t, w.Service.SyncDirty(ctx))
	w.Advance(time.Hour)
	noError(t, w.Box.CancelAtPeriodEnd(w.Sync(c.Org.ID).SubscriptionID, true))

	cursor, err := w.Store.EventCursor(ctx)
	noError(t, err)
	w.Box.FailNext(503, 1)
	fails(t, w.Service.Reconcile(ctx), billing.ErrStripeUnavailable)
	if now, err := w.Store.EventCursor(ctx); err != nil || !now.Equal(cursor) {
		t.Errorf("the cursor moved from %v to %v without an answer", cursor, now)
	}
	noError(t, w.Service.Reconcile(ctx))
	sub, err := w.Store.Subscription(ctx, c.Org.ID)
	if err != nil || !sub.Dirty() || sub.CancelAtPeriodEnd {
		t.Fatalf("dirty %v, ends %v, %v", sub.Dirty(), sub.CancelAtPeriodEnd, err)
	}
	noError(t, w.Service.SyncDirty(ctx))
	equalsStripe(t, w, c)
	noError(t, w.Service.Reconcile(ctx)) // the same ones again
	if sub, err = w.Store.Subscription(ctx, c.Org.ID); err != nil || sub.Dirty() || !sub.CancelAtPeriodEnd {
		t.Errorf("dirty %v, ends %v, %v", sub.Dirty(), sub.CancelAtPeriodEnd, err)
	}
}

// TestOneOrgsTroubleIsItsOwn: the others are looked at all the same.
func TestOneOrgsTroubleIsItsOwn(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	other := w.NewCast("other", "pro", visa)
	for _, x := range []worldtest.Cast{c, other} {
		noError(t, w.Box.CancelAtPeriodEnd(w.Sync(x.Org.ID).SubscriptionID, true))
		noError(t, w.Store.MarkDirty(ctx, x.Org.ID))
		w.Advance(time.Second)
	}
	s.fetch = func(func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		s.fetch = nil
		return billing.State{}, nil, errors.New("dial tcp: no route")
	}
	fails(t, w.Service.SyncDirty(ctx), billing.ErrStripeUnavailable)
	equalsStripe(t, w, other)
	if sub, err := w.Store.Subscription(ctx, c.Org.ID); err != nil || !sub.Dirty() {
		t.Errorf("the one that failed is forgotten (%v)", err)
	}
	noError(t, w.Service.SyncDirty(ctx))
	equalsStripe(t, w, c)
}

// hangsUp is a caller who has gone by the time that Stripe is asked.
type hangsUp struct {
	billing.Processor
	hangUp context.CancelFunc
}

func (h *hangsUp) Quote(ctx context.Context, from billing.Subscription, c billing.Change, at time.Time) (billing.Quote, error) {
	h.hangUp()
	return h.Processor.Quote(ctx, from, c, at)
}

// TestHangingUpIsNoOutage: one caller's impatience does not tell every other
// org that its figures are old.
func TestHangingUpIsNoOutage(t *testing.T) {
	h := &hangsUp{}
	w := worldtest.New(t, worldtest.Options{Wrap: func(p billing.Processor) billing.Processor { h.Processor = p; return h }})
	c, other := w.NewCast("acme", "pro", visa), w.NewCast("other", "pro", visa)
	impatient, cancel := context.WithCancel(ctx)
	h.hangUp = cancel
	if _, err := w.Service.Preview(impatient, c.Agent, "scale"); !errors.Is(err, context.Canceled) {
		t.Fatalf("error = %v, want a cancellation", err)
	}
	if sum, err := w.Service.Summary(ctx, other.Owner); err != nil || sum.Stale {
		t.Errorf("stale %v, %v", sum.Stale, err)
	}
}
