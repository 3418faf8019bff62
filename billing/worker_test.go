package billing_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// deaf is a Stripe that knows nothing of one customer.
type deaf struct {
	billing.Processor
	customer string
	reads    int
}

func (d *deaf) Fetch(ctx context.Context, customer string) (billing.State, []billing.Invoice, error) {
	if customer == d.customer {
		d.reads++
		return billing.State{}, nil, billing.ErrStripeRefused
	}
	return d.Processor.Fetch(ctx, customer)
}

// TestOneOrgsTrouble: an org that always fails is tried less and less often,
// keeps no other waiting and makes no other stale.
func TestOneOrgsTrouble(t *testing.T) {
	d := &deaf{}
	w := worldtest.New(t, worldtest.Options{Wrap: func(p billing.Processor) billing.Processor { d.Processor = p; return d }})
	bad, good := w.NewCast("bad", "pro", visa), w.NewCast("good", "pro", visa)
	d.customer = bad.Customer
	both := func() {
		t.Helper()
		for _, id := range []string{bad.Org.ID, good.Org.ID} {
			if err := w.Store.MarkDirty(ctx, id); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 20 { // twenty rounds within one second
		both()
		if err := w.Service.SyncDirty(ctx); err != nil && !errors.Is(err, billing.ErrStripeRefused) {
			t.Fatal(err)
		}
	}
	if d.reads != 2 {
		t.Errorf("the failing org was read %d times in a second, want 2", d.reads)
	}
	sum, err := w.Service.Summary(ctx, good.Owner)
	if err != nil || sum.Stale || sum.Subscription.Dirty() {
		t.Errorf("the other org: stale %v, dirty %v, %v", sum.Stale, sum.Subscription.Dirty(), err)
	}
	d.customer = ""
	w.Advance(time.Hour)
	if err := w.Service.SyncDirty(ctx); err != nil {
		t.Fatal(err)
	}
	if sub := w.Sync(bad.Org.ID); sub.Dirty() {
		t.Error("an org that works again stays dirty")
	}
}

// TestDrainEndsPolls: a process that is to end does not wait for those who wait.
func TestDrainEndsPolls(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	out := propose(t, w.Service, c.Agent, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", Mode: billing.ModeWeb}, billing.StatusWebApproveRequired, nil)
	answered := make(chan billing.Approval)
	go func() {
		a, _ := w.Service.Status(ctx, c.Agent, out.Approval.ID, 25*time.Second)
		answered <- a
	}()
	w.Service.Drain()
	w.Service.Drain() // twice does no harm
	select {
	case a := <-answered:
		if a.State != billing.ApprovalPending {
			t.Errorf("the poll says %s", a.State)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the poll goes on")
	}
}

// TestBlockedRequestSaysWhy: an open invoice stands in the way of an approval,
// and the page is told so rather than that the request is out of date.
func TestBlockedRequestSaysWhy(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	w.Advance(time.Hour)
	out := propose(t, w.Service, c.Agent, billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", Mode: billing.ModeWeb, ExpiresIn: 604800}, billing.StatusWebApproveRequired, nil)
	if err := w.Box.GiveCard(c.Customer, "pm_card_authenticationRequired"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Service.Propose(ctx, c.Owner, upgrade("scale")); !errors.Is(err, billing.ErrPaymentAction) {
		t.Fatalf("the bank did not ask: %v", err)
	}
	r, err := w.Service.OpenRequest(ctx, c.Owner, out.Approval.ID)
	if err != nil || r.Outdated || !errors.Is(r.Blocked, billing.ErrPaymentPending) || r.Sealed != "" {
		t.Errorf("outdated %v, blocked by %v, sealed %d bytes, %v", r.Outdated, r.Blocked, len(r.Sealed), err)
	}
}
