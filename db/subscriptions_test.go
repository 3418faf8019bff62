package db

import (
	"fmt"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestSaveStateComparesAndSets(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		first := ok(s.Subscription(ctx, acme))(t)
		second := first
		first.Plan, second.Plan = "pro", "scale"
		if !ok(s.SaveState(ctx, first, nil))(t) {
			t.Fatal("the first reading was not saved")
		}
		if ok(s.SaveState(ctx, second, []billing.Invoice{invoice(1)}))(t) {
			t.Error("an older reading overwrote a newer one")
		}
		if sub := ok(s.Subscription(ctx, acme))(t); sub.Plan != "pro" || sub.RowVersion != first.RowVersion+1 {
			t.Errorf("subscription: %+v", sub)
		}
		same(t, "invoices", len(ok(s.Invoices(ctx, acme, "", 9))(t)), 0)

		// A schedule that is set during a sync must not be written over by it.
		during := ok(s.Subscription(ctx, acme))(t)
		by := &billing.Schedule{By: billing.Actor{Kind: billing.KindAgent, ID: agent, Name: "Robo"}, ApprovedBy: "Ann", At: t0}
		must(t, s.SetSchedule(ctx, acme, by))
		if ok(s.SaveState(ctx, during, nil))(t) {
			t.Error("a sync wrote over a schedule that it had not seen")
		}
		same(t, "schedule", ok(s.Subscription(ctx, acme))(t).ScheduledBy, by)
		must(t, s.SetSchedule(ctx, acme, nil))
		same(t, "no schedule", ok(s.Subscription(ctx, acme))(t).ScheduledBy, (*billing.Schedule)(nil))
	})
}

func invoice(n int) billing.Invoice {
	return billing.Invoice{
		ID: fmt.Sprint("in_", n), Number: fmt.Sprint("A-", n), CreatedAt: t0.Add(time.Duration(n/2) * time.Second), Description: "Pro",
		Amount: billing.Money{Amount: 1900, Currency: "usd"}, Status: "open", HostedURL: "https://i.test", PDFURL: "https://i.test/pdf",
	}
}

// TestInvoicesAreMirrored: a reading holds the newest invoices. For the time that
// it covers the mirror becomes equal to it; what is older stays.
func TestInvoicesAreMirrored(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		save := func(list ...billing.Invoice) {
			t.Helper()
			if !ok(s.SaveState(ctx, ok(s.Subscription(ctx, acme))(t), list))(t) {
				t.Fatal("not saved")
			}
		}
		save(invoice(1), invoice(2), invoice(3), invoice(4))
		paid := invoice(2)
		paid.Status = "paid"
		// in_4 is gone, in_2 changed, in_6 is new; in_1 is out of sight, and so may be
		// in_3, which is of the same moment as the oldest that was read.
		save(invoice(6), paid)
		same(t, "mirror", ok(s.Invoices(ctx, acme, "", 9))(t), []billing.Invoice{invoice(6), invoice(3), paid, invoice(1)})
		same(t, "page 1", ok(s.Invoices(ctx, acme, "", 3))(t), []billing.Invoice{invoice(6), invoice(3), paid})
		same(t, "page 2", ok(s.Invoices(ctx, acme, "in_2", 2))(t), []billing.Invoice{invoice(1)})
		same(t, "another org's", len(ok(s.Invoices(ctx, other, "", 9))(t)), 0)
		save()
		same(t, "nothing in sight", len(ok(s.Invoices(ctx, acme, "", 9))(t)), 4)
	})
}

// openEvents lists the inbox rows that wait for a sync.
func openEvents(t *testing.T, s fixture) []string {
	t.Helper()
	return ok(many(t.Context(), s.queries, scalar[string], `SELECT id FROM webhook_inbox WHERE done_at IS NULL ORDER BY id`))(t)
}

func TestInboxAndDirtySequences(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		store := func(org, id string) bool {
			e := billing.Event{ID: id, Type: "invoice.paid", CustomerID: "cus_1", CreatedAt: t0}
			return ok(s.StoreEvent(ctx, org, e, t0))(t)
		}
		if !store(acme, "evt_1") || store(acme, "evt_1") {
			t.Error("an event is stored once")
		}
		reading := ok(s.Subscription(ctx, acme))(t) // a sync begins …
		if reading.DirtySeq != 1 || !reading.Dirty() {
			t.Errorf("after one event: %+v", reading)
		}
		store(acme, "evt_2") // … and this comes during it
		store("", "evt_stranger")
		must(t, s.MarkDirty(ctx, acme))

		reading.SyncedSeq, reading.SyncedAt = reading.DirtySeq, t0.Add(time.Second)
		if !ok(s.SaveState(ctx, reading, nil))(t) {
			t.Fatal("an event during a sync must not undo it")
		}
		same(t, "open events", openEvents(t, s), []string{"evt_2", "evt_stranger"})
		after := ok(s.Subscription(ctx, acme))(t)
		if after.DirtySeq != 3 || after.SyncedSeq != 1 || !after.Dirty() {
			t.Errorf("after the sync: %+v", after)
		}
		after.SyncedSeq = after.DirtySeq
		ok(s.SaveState(ctx, after, nil))(t)
		same(t, "open events", openEvents(t, s), []string{"evt_stranger"})
		same(t, "dirty", len(ok(s.DirtyOrgs(ctx, 9))(t)), 0)
	})
}

func TestDirtyOrgsOldestFirst(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		must(t, s.MarkDirty(ctx, other))
		s.clock.advance(time.Second)
		must(t, s.MarkDirty(ctx, acme))
		s.clock.advance(time.Second)
		must(t, s.MarkDirty(ctx, other)) // another reason does not make it younger
		must(t, s.MarkDirty(ctx, "org_none"))
		same(t, "orgs", ok(s.DirtyOrgs(ctx, 9))(t), []string{other, acme})
		same(t, "first", ok(s.DirtyOrgs(ctx, 1))(t), []string{other})
	})
}
