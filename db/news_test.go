package db

import (
	"fmt"
	"testing"

	"github.com/countersignhq/countersign/billing"
)

func TestPlainNews(t *testing.T) {
	for name, c := range map[string]struct {
		types []string // "" is a reason that is no event
		want  bool
	}{
		"nothing":              {nil, false},
		"a card":               {[]string{"payment_method.attached"}, true},
		"several":              {[]string{"customer.updated", "customer.subscription.updated"}, true},
		"an invoice":           {[]string{"invoice.paid"}, false},
		"an invoice among":     {[]string{"customer.updated", "invoice.paid", "customer.updated"}, false},
		"a checkout":           {[]string{"checkout.session.completed"}, false},
		"a reason of our own":  {[]string{""}, false},
		"an event and another": {[]string{"customer.updated", ""}, false},
	} {
		t.Run(name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, s fixture) {
				ctx := t.Context()
				for i, kind := range c.types {
					if kind == "" {
						must(t, s.MarkDirty(ctx, acme))
						continue
					}
					ok(s.StoreEvent(ctx, acme, billing.Event{ID: fmt.Sprint("evt_", i), Type: kind, CreatedAt: t0}, t0))(t)
				}
				sub := ok(s.Subscription(ctx, acme))(t)
				if got := ok(s.PlainNews(ctx, acme, sub.SyncedSeq, sub.DirtySeq))(t); got != c.want {
					t.Errorf("plain %v, want %v", got, c.want)
				}
				// What comes after the row was read is not among what was asked about.
				ok(s.StoreEvent(ctx, acme, billing.Event{ID: "evt_late", Type: "invoice.paid", CreatedAt: t0}, t0))(t)
				if got := ok(s.PlainNews(ctx, acme, sub.SyncedSeq, sub.DirtySeq))(t); got != c.want {
					t.Errorf("plain %v after a later event, want %v", got, c.want)
				}
				sub.SyncedSeq, sub.SyncedAt = sub.DirtySeq, t0
				ok(s.SaveState(ctx, sub, nil))(t)
				if ok(s.PlainNews(ctx, acme, sub.SyncedSeq, sub.DirtySeq+1))(t) {
					t.Error("the later event counts as plain")
				}
			})
		})
	}
}
