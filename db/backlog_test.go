package db

import (
	"testing"

	"github.com/countersignhq/countersign/billing"
)

func TestBacklog(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		before := ok(s.Backlog(t.Context()))(t)
		must(t, s.MarkDirty(t.Context(), acme))
		must(t, s.MarkDirty(t.Context(), acme))
		same(t, "intent", ok(s.InsertIntent(t.Context(), intent("int_1")))(t), true)
		ok(s.StoreEvent(t.Context(), acme, billing.Event{ID: "evt_1", Type: "x", CustomerID: "cus_1", CreatedAt: t0}, t0))(t)
		ok(s.StoreEvent(t.Context(), "", billing.Event{ID: "evt_stranger", Type: "x", CustomerID: "cus_2", CreatedAt: t0}, t0))(t)
		b := ok(s.Backlog(t.Context()))(t)
		same(t, "intents", b.Intents[billing.IntentPending], before.Intents[billing.IntentPending]+1)
		same(t, "states", len(b.Intents), 3)
		same(t, "inbox", b.Inbox, before.Inbox+1)
		if b.DirtyOrgs < 1 || b.DirtySince.IsZero() || b.DirtyOrgs > 2 {
			t.Errorf("%+v", b)
		}
	})
}
