package db

import (
	"errors"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// TestPass: one at a time, from where it stopped, and no oftener than is due.
func TestPass(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		take := func(due, now time.Time, want error) billing.Pass {
			t.Helper()
			p, err := s.TakePass(t.Context(), billing.PassTurn{Due: due, At: now, Now: now, LeaseUntil: now.Add(time.Minute)})
			if !errors.Is(err, want) {
				t.Fatalf("%+v, %v, want %v", p, err, want)
			}
			return p
		}
		p := take(t0, t0, nil)
		if !p.Running || !p.StartedAt.Equal(t0) || !p.LeaseUntil.Equal(t0.Add(time.Minute)) {
			t.Fatalf("%+v", p)
		}
		take(t0, t0.Add(59*time.Second), billing.ErrNotFound) // somebody is at it
		p.LastOrg, p.Looked, p.Drifted = acme, 7, 2
		if ok, err := s.AdvancePass(t.Context(), p, t0.Add(2*time.Minute)); err != nil || !ok {
			t.Fatal(ok, err)
		}
		if ok, err := s.AdvancePass(t.Context(), p, t0.Add(3*time.Minute)); err != nil || ok {
			t.Fatal("an old lease counts", ok, err)
		}
		q := take(t0, t0.Add(2*time.Minute), nil)
		if q.LastOrg != acme || q.Looked != 7 || q.Drifted != 2 || !q.StartedAt.Equal(t0) {
			t.Errorf("it does not go on: %+v", q)
		}
		q.Running, q.FinishedAt = false, t0.Add(time.Hour)
		if ok, err := s.AdvancePass(t.Context(), q, time.Time{}); err != nil || !ok {
			t.Fatal(ok, err)
		}
		take(t0, t0.Add(time.Hour), billing.ErrNotFound) // not due
		if err := s.WantPass(t.Context()); err != nil {
			t.Fatal(err)
		}
		if p = take(t0, t0.Add(time.Hour), nil); p.LastOrg != "" || p.Looked != 0 || !p.StartedAt.Equal(t0.Add(time.Hour)) {
			t.Errorf("it does not begin anew: %+v", p)
		}
		if err := s.WantPass(t.Context()); err != nil { // while one is under way
			t.Fatal(err)
		}
		p = take(t0, t0.Add(2*time.Hour), nil)
		p.Running = false
		if ok, err := s.AdvancePass(t.Context(), p, time.Time{}); err != nil || !ok {
			t.Fatal(ok, err)
		}
		take(t0, t0.Add(2*time.Hour), nil) // the one that is wanted
		r, err := s.Reconciliation(t.Context())
		if err != nil || !r.Running || !r.EventsAt.IsZero() {
			t.Errorf("%+v, %v", r, err)
		}
		if err = s.SetEventCursor(t.Context(), t0); err != nil {
			t.Fatal(err)
		}
		if r, err = s.Reconciliation(t.Context()); err != nil || r.EventsAt.IsZero() {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

func TestCustomerOrgs(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		same(t, "customer", ok(s.SetCustomer(t.Context(), acme, "cus_acme"))(t), true)
		var all []string
		for after := ""; ; {
			page, err := s.CustomerOrgs(t.Context(), after, 1)
			if err != nil || len(page) > 1 {
				t.Fatal(page, err)
			}
			if len(page) == 0 {
				break
			}
			after = page[0]
			all = append(all, after)
		}
		if len(all) != 1 || all[0] != acme {
			t.Errorf("%v", all)
		}
	})
}

// TestMarkRead: a reading that changed nothing is noted, unless the row was
// written since, and stands in no sync's way.
func TestMarkRead(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		sub := ok(s.Subscription(ctx, acme))(t)
		read := sub
		read.SyncedAt = t0.Add(time.Hour)
		must(t, s.MarkRead(ctx, read))
		now := ok(s.Subscription(ctx, acme))(t)
		if !now.SyncedAt.Equal(read.SyncedAt) || now.RowVersion != sub.RowVersion {
			t.Errorf("%+v", now)
		}
		same(t, "saved", ok(s.SaveState(ctx, sub, nil))(t), true)
		must(t, s.MarkRead(ctx, read))
		if now = ok(s.Subscription(ctx, acme))(t); now.SyncedAt.Equal(read.SyncedAt) {
			t.Error("an older reading is noted as the last")
		}
	})
}
