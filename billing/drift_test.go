package billing_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// quiet is a Stripe whose list of events can be made to hold back, and whose
// readings can be counted and made to fail.
type quiet struct {
	billing.Processor
	mute   bool
	events error // of the list
	lists  int
	fetch  func(customer string) error
}

func (q *quiet) Events(ctx context.Context, since time.Time) ([]billing.Event, error) {
	q.lists++
	if q.mute || q.events != nil {
		return nil, q.events
	}
	return q.Processor.Events(ctx, since)
}

func (q *quiet) Fetch(ctx context.Context, customer string) (billing.State, []billing.Invoice, error) {
	if q.fetch != nil {
		if err := q.fetch(customer); err != nil {
			return billing.State{}, nil, err
		}
	}
	return q.Processor.Fetch(ctx, customer)
}

// settled is a world in which everything so far was read, and a pass was done.
func settled(t *testing.T, o worldtest.Options, orgs ...string) (*worldtest.World, *quiet, []worldtest.Cast) {
	t.Helper()
	q := &quiet{}
	o.Wrap = func(p billing.Processor) billing.Processor { q.Processor = p; return q }
	w := worldtest.New(t, o)
	w.Service.DontWait()
	var casts []worldtest.Cast
	for _, name := range orgs {
		casts = append(casts, w.NewCast(name, "pro", visa))
	}
	slices.SortFunc(casts, func(a, b worldtest.Cast) int { return strings.Compare(a.Org.ID, b.Org.ID) })
	noError(t, w.Service.Reconcile(ctx))
	noError(t, w.Service.SyncDirty(ctx))
	noError(t, w.Service.LookAtAll(ctx))
	w.Advance(24 * time.Hour)
	return w, q, casts
}

func TestDrift(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(w *worldtest.World, c worldtest.Cast, sub string)
		want   string // kinds, had, has
	}{
		{"nothing", func(*worldtest.World, worldtest.Cast, string) {}, ""},
		{"a schedule", func(w *worldtest.World, _ worldtest.Cast, sub string) {
			noError(t, w.Box.CancelAtPeriodEnd(sub, true))
		}, "schedule: nothing scheduled / ends with the period"},
		{"a card", func(w *worldtest.World, c worldtest.Cast, _ string) {
			noError(t, w.Box.GiveCard(c.Customer, "pm_card_mastercard"))
		}, "customer: visa ending 4242"},
		{"the end", func(w *worldtest.World, _ worldtest.Cast, sub string) {
			noError(t, w.Box.CancelAtPeriodEnd(sub, true))
			noError(t, w.Box.Advance(40*24*time.Hour))
		}, "plan: pro / free"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, q, c := settled(t, worldtest.Options{}, "acme")
			before := w.Service.DriftCounts()
			q.mute = true
			sub, err := w.Store.Subscription(ctx, c[0].Org.ID)
			noError(t, err)
			tc.change(w, c[0], sub.SubscriptionID)
			noError(t, w.Service.LookAtAll(ctx))
			equalsStripe(t, w, c[0])

			r, found, err := w.Service.Reconciliation(ctx, operatorOf(w))
			noError(t, err)
			if tc.want == "" {
				if len(found) != 0 || r.Drifted != 0 || r.Looked != 1 || r.Running {
					t.Fatalf("%+v, %+v", r, found)
				}
				return
			}
			if len(found) != 1 || r.Drifted != 1 || found[0].OrgName != "acme" && found[0].OrgName != c[0].Org.Name || found[0].Event != billing.EventDrift {
				t.Fatalf("%+v, %+v", r, found)
			}
			words := ""
			for _, d := range billing.DifferencesOf(found[0].AuditEvent) {
				words += string(d.Kind) + ": " + d.Had + " / " + d.Has + "\n"
				if w.Service.DriftCounts()[d.Kind] == before[d.Kind] || !strings.Contains(w.Log.String(), string(d.Kind)) {
					t.Errorf("%s was not counted or not logged", d.Kind)
				}
			}
			if !strings.HasPrefix(words, tc.want) {
				t.Errorf("found %q, want %q", words, tc.want)
			}
			w.Advance(24 * time.Hour)
			q.mute = false
			noError(t, w.Service.Reconcile(ctx))
			noError(t, w.Service.SyncDirty(ctx))
			noError(t, w.Service.LookAtAll(ctx))
			if _, found, err = w.Service.Reconciliation(ctx, operatorOf(w)); err != nil || len(found) != 1 {
				t.Errorf("found again: %+v, %v", found, err)
			}
		})
	}
}

func operatorOf(w *worldtest.World) billing.Principal {
	p, _ := w.SignInOperator()
	return p
}

// TestLateNewsIsNoDrift: what Stripe's list tells of is only late, and what was
// told already is no drift either.
func TestLateNewsIsNoDrift(t *testing.T) {
	w, q, c := settled(t, worldtest.Options{}, "acme", "other")
	for _, x := range c {
		sub, err := w.Store.Subscription(ctx, x.Org.ID)
		noError(t, err)
		noError(t, w.Box.CancelAtPeriodEnd(sub.SubscriptionID, true))
	}
	noError(t, w.Store.MarkDirty(ctx, c[1].Org.ID))
	lists := q.lists
	noError(t, w.Service.LookAtAll(ctx))
	noError(t, w.Service.SyncDirty(ctx)) // the list told of both
	for _, x := range c {
		equalsStripe(t, w, x)
	}
	r, found, err := w.Service.Reconciliation(ctx, operatorOf(w))
	if err != nil || len(found) != 0 || r.Looked != 2 || r.Drifted != 0 || q.lists != lists+1 {
		t.Errorf("%+v, %+v, the list was read %d times, %v", r, found, q.lists-lists, err)
	}
}

// TestOurOwnChangeIsNoDrift: what a call of ours changes is known before its
// answer is.
func TestOurOwnChangeIsNoDrift(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	w.Service.DontWait()
	noError(t, w.Service.LookAtAll(ctx))
	w.Advance(24 * time.Hour)
	out := asked(t, w.Service, c.Agent, upgrade("scale"))
	s.apply = func(_ billing.Order, do func() (billing.Applied, error)) (billing.Applied, error) {
		a, err := do()
		noError(t, w.Service.LookAtAll(ctx))
		return a, err
	}
	propose(t, w.Service, c.Agent, with(out.Token, upgrade("scale")), billing.StatusSwitched, nil)
	if r, found, err := w.Service.Reconciliation(ctx, operatorOf(w)); err != nil || len(found) != 0 || r.Looked != 1 {
		t.Errorf("%+v, %+v, %v", r, found, err)
	}
}

// TestPassGoesOn: a pass stops while Stripe is away, goes on where it was, by
// whoever comes first, and is due once a night.
func TestPassGoesOn(t *testing.T) {
	w, q, c := settled(t, worldtest.Options{}, "a", "b", "c")
	looked := map[string]int{}
	away := map[string]error{c[1].Customer: billing.ErrStripeUnavailable, c[2].Customer: billing.ErrStripeRefused}
	q.fetch = func(customer string) error { looked[customer]++; return away[customer] }
	order := []string{}
	for _, x := range c {
		order = append(order, x.Org.ID)
	}
	other := w.Replica()
	other.DontWait()
	if err := w.Service.LookAtAll(ctx); !errors.Is(err, billing.ErrStripeUnavailable) {
		t.Fatal(err)
	}
	r, err := w.Service.Reconciled(ctx)
	if err != nil || !r.Running || r.LastOrg != c[1].Org.ID || !r.LeaseUntil.IsZero() {
		t.Fatalf("%+v, %v (orgs %v)", r, err, order)
	}
	if sub, err := w.Store.Subscription(ctx, c[1].Org.ID); err != nil || !sub.Dirty() {
		t.Errorf("the one without an answer is forgotten (%v)", err)
	}
	noError(t, other.LookAtAll(ctx))
	noError(t, w.Service.LookAtAll(ctx)) // not due
	if r, err = w.Service.Reconciled(ctx); err != nil || r.Running || r.Looked != 3 || looked[c[0].Customer] != 1 || looked[c[2].Customer] != 1 {
		t.Errorf("%+v, %v, looked %v", r, err, looked)
	}
	clear(away)
	noError(t, w.Store.WantPass(ctx))
	noError(t, w.Service.LookAtAll(ctx))
	if looked[c[0].Customer] != 2 {
		t.Errorf("a pass that was wanted was not done: %v", looked)
	}
}

// TestOnePassAtATime: while one replica is at it, others stay away; whoever has
// lost the lease stops.
func TestOnePassAtATime(t *testing.T) {
	w, q, c := settled(t, worldtest.Options{}, "a", "b")
	other := w.Replica()
	other.DontWait()
	n := 0
	q.fetch = func(customer string) error {
		if n++; n == 1 {
			noError(t, other.LookAtAll(ctx))
			if n != 1 {
				t.Error("two at a time")
			}
			w.Advance(3 * time.Minute) // too long: the lease is over
			noError(t, other.LookAtAll(ctx))
			if n != 3 {
				t.Errorf("nobody took over: %d readings", n)
			}
		}
		return nil
	}
	noError(t, w.Service.LookAtAll(ctx))
	r, err := w.Service.Reconciled(ctx)
	if err != nil || r.Running || r.Looked != 2 {
		t.Errorf("%+v, %v of %d", r, err, len(c))
	}
}

// TestTooMuchToRead: where Stripe's list cannot tell of everything, every
// subscription is looked at.
func TestTooMuchToRead(t *testing.T) {
	for name, prepare := range map[string]func(w *worldtest.World, q *quiet){
		"too many": func(_ *worldtest.World, q *quiet) { q.events = billing.ErrTooManyEvents },
		"too old":  func(w *worldtest.World, _ *quiet) { w.Advance(30 * 24 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			w, q, c := settled(t, worldtest.Options{}, "acme")
			noError(t, w.Service.LookAtAll(ctx)) // tonight's
			sub, err := w.Store.Subscription(ctx, c[0].Org.ID)
			noError(t, err)
			noError(t, w.Box.CancelAtPeriodEnd(sub.SubscriptionID, true))
			prepare(w, q)
			noError(t, w.Service.Reconcile(ctx))
			at, err := w.Store.EventCursor(ctx)
			if err != nil || !at.Equal(w.Service.Now()) {
				t.Errorf("the cursor is at %v, %v", at, err)
			}
			q.mute, q.events = true, nil
			noError(t, w.Service.LookAtAll(ctx))
			equalsStripe(t, w, c[0])
		})
	}
}

// TestSyncNowSays what was different.
func TestSyncNowSays(t *testing.T) {
	w, q, c := settled(t, worldtest.Options{}, "acme")
	op := operatorOf(w)
	if d, err := w.Service.SyncNow(ctx, op, c[0].Org.ID); err != nil || len(d) != 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	q.mute = true
	sub, err := w.Store.Subscription(ctx, c[0].Org.ID)
	noError(t, err)
	noError(t, w.Box.CancelAtPeriodEnd(sub.SubscriptionID, true))
	d, err := w.Service.SyncNow(ctx, op, c[0].Org.ID)
	if err != nil || len(d) != 1 || d[0].Kind != billing.DriftSchedule {
		t.Fatalf("%+v, %v", d, err)
	}
	log, err := w.Store.AuditLog(ctx, c[0].Org.ID, 2)
	noError(t, err)
	for i, event := range []string{billing.EventSynced, billing.EventDrift} {
		if got := billing.DifferencesOf(log[i]); log[i].Event != event || log[i].Actor.Name != op.Actor.Name || len(got) != 1 || got[0] != d[0] {
			t.Errorf("%+v, %+v", log[i], got)
		}
	}
	q.fetch = func(string) error { return billing.ErrStripeUnavailable }
	if _, err = w.Service.SyncNow(ctx, op, c[0].Org.ID); !errors.Is(err, billing.ErrStripeUnavailable) {
		t.Error(err)
	}
}
