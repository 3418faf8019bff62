package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestPassWritesLittle: of an org that is as it was, a pass writes only when it
// was read, with its own progress; every other one is written whole, even if what
// changed is no drift.
func TestPassWritesLittle(t *testing.T) {
	w, q, c := settled(t, worldtest.Options{}, "a", "b", "c", "d")
	changed, raced, tried := c[1], c[2], 0
	sub := func(of worldtest.Cast) billing.Subscription {
		t.Helper()
		s, err := w.Store.Subscription(ctx, of.Org.ID)
		noError(t, err)
		return s
	}
	was := map[string]billing.Subscription{}
	for _, x := range c {
		was[x.Org.ID] = sub(x)
	}
	noError(t, w.Box.GiveCard(changed.Customer, "pm_card_mastercard"))
	noError(t, w.Store.MarkDirty(ctx, c[3].Org.ID))
	q.fetch = func(customer string) error {
		switch customer {
		case changed.Customer:
			// What was looked at before is not written yet.
			if s := sub(c[0]); !s.SyncedAt.Equal(was[c[0].Org.ID].SyncedAt) {
				t.Error("written by itself")
			}
		case raced.Customer:
			if tried++; tried == 1 { // the row is written while it is read at Stripe
				noError(t, w.Store.SetSchedule(ctx, raced.Org.ID, &billing.Schedule{}))
			}
		}
		return nil
	}
	noError(t, w.Service.LookAtAll(ctx))
	q.fetch = nil
	now := w.Service.Now()
	for i, written := range []bool{false, true, true, true} {
		s, before := sub(c[i]), was[c[i].Org.ID]
		if !s.SyncedAt.Equal(now) || s.Dirty() || (s.RowVersion != before.RowVersion) != written {
			t.Errorf("%d: read at %v, row version %d, was %d", i, s.SyncedAt, s.RowVersion, before.RowVersion)
		}
		equalsStripe(t, w, c[i])
	}
	if s := sub(raced); s.ScheduledBy != nil {
		t.Errorf("what was written meanwhile was not looked at: %+v", s.ScheduledBy)
	}
	if r, err := w.Service.Reconciled(ctx); err != nil || r.Looked != 4 || r.Running {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestPassBeginsABatchAgain: what was looked at by one who then stopped for good
// is looked at by the next.
func TestPassBeginsABatchAgain(t *testing.T) {
	w, q, c := settled(t, worldtest.Options{}, "a", "b")
	first, _ := w.Store.Subscription(ctx, c[0].Org.ID)
	crash := errors.New("gone")
	looked := map[string]int{}
	q.fetch = func(customer string) error {
		if looked[customer]++; customer == c[1].Customer && looked[customer] == 1 {
			panic(crash)
		}
		return nil
	}
	func() {
		defer func() {
			if r := recover(); r != crash { //nolint:errorlint // the very one
				panic(r)
			}
		}()
		_ = w.Service.LookAtAll(ctx)
	}()
	w.Advance(3 * time.Minute) // the lease ends
	noError(t, w.Replica().LookAtAll(ctx))
	s, err := w.Store.Subscription(ctx, c[0].Org.ID)
	r, err2 := w.Service.Reconciled(ctx)
	if err = errors.Join(err, err2); err != nil || looked[c[0].Customer] != 2 || !s.SyncedAt.After(first.SyncedAt) || r.Running || r.Looked != 2 {
		t.Errorf("looked %v, %+v, read at %v, %v", looked, r, s.SyncedAt, err)
	}
}
