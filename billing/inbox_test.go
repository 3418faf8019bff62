package billing_test

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestOperatorSeesWebhooks: both directions, and nobody but operators.
func TestOperatorSeesWebhooks(t *testing.T) {
	w, h := told(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	op, _ := w.SignInOperator()
	for _, p := range []billing.Principal{c.Owner, c.OwnerTool, c.Agent, hostApp(w), {}} {
		_, err := w.Service.Inbox(ctx, p, billing.InboxFilter{})
		fails(t, err, billing.ErrForbidden)
		_, err = w.Service.HeldUp(ctx, p)
		fails(t, err, billing.ErrForbidden)
	}
	noError(t, w.Service.Receive(ctx, billing.Event{ID: "evt_1", Type: "invoice.paid", CustomerID: "cus_none", CreatedAt: w.Box.Now()}))
	list, err := w.Service.Inbox(ctx, op, billing.InboxFilter{Limit: 5})
	if noError(t, err); len(list) != 1 || list[0].ID != "evt_1" || list[0].OrgID != "" || !list[0].ReceivedAt.Equal(w.Box.Now()) {
		t.Errorf("received: %+v", list)
	}

	queue(t, w, c.Org.ID, "evt_a", "evt_b")
	h.answer = func(string, string) billing.Receipt { return billing.Receipt{Fault: billing.FaultTLS} }
	drained(t, w.Service, h)
	held, err := w.Service.HeldUp(ctx, op)
	if noError(t, err); len(held) != 1 || held[0].Head.ID != "evt_a" || held[0].Waiting != 2 || !held[0].Head.NextAt.Equal(w.Box.Now().Add(5*time.Second)) {
		t.Errorf("held up: %+v", held)
	}
	h.answer = nil
	noError(t, w.Service.Replay(ctx, op.Actor, "evt_a")) // what the page's button does
	sent(t, "tried now", drained(t, w.Service, h), "evt_a", "evt_b")
	held, err = w.Service.HeldUp(ctx, op)
	if noError(t, err); len(held) != 0 {
		t.Errorf("still held up: %+v", held)
	}
}
