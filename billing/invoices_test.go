package billing_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// archive counts how often the invoices of all times are read.
type archive struct {
	billing.Processor
	reads int
}

func (a *archive) AllInvoices(ctx context.Context, customer string) ([]billing.Invoice, error) {
	a.reads++
	return a.Processor.AllInvoices(ctx, customer)
}

// TestFirstSyncReadsAllInvoices: of a customer who was there before us; later
// syncs read the newest, and the others stay.
func TestFirstSyncReadsAllInvoices(t *testing.T) {
	old := &archive{}
	w := worldtest.New(t, worldtest.Options{Wrap: func(p billing.Processor) billing.Processor { old.Processor = p; return old }})
	org, err := w.Service.AddOrg(ctx, "acme", false)
	noError(t, err)
	customer, err := w.Stripe.EnsureCustomer(ctx, org, "owner@acme.test")
	noError(t, err)
	pro, _ := w.Service.Catalog().Plan("pro")
	_, err = w.Box.Subscribe(customer, pro.Price.LookupKey, visa)
	noError(t, err)
	w.Advance(35 * 31 * 24 * time.Hour)
	_, err = w.Store.SetCustomer(ctx, org.ID, customer)
	noError(t, err)
	mirror := func(reads int) []billing.Invoice {
		t.Helper()
		w.Sync(org.ID)
		list, err := w.Store.Invoices(ctx, org.ID, "", 1000)
		noError(t, err)
		truth, err := w.Stripe.AllInvoices(ctx, customer)
		noError(t, err)
		same := slices.EqualFunc(list, truth, func(a, b billing.Invoice) bool { return a.ID == b.ID && a.Status == b.Status && a.Amount == b.Amount })
		if !same || old.reads != reads {
			t.Fatalf("%d invoices after %d readings of all, Stripe has %d", len(list), old.reads, len(truth))
		}
		return list
	}
	if n := len(mirror(1)); n < 35 {
		t.Fatalf("%d invoices: the test proves nothing", n)
	}
	w.Advance(62 * 24 * time.Hour)
	if n := len(mirror(1)); n < 37 {
		t.Errorf("%d invoices after two months more", n)
	}
	fresh := w.NewCast("fresh", "pro", visa)
	if list, err := w.Store.Invoices(ctx, fresh.Org.ID, "", 10); err != nil || len(list) != 1 || old.reads != 1 {
		t.Errorf("a new customer: %d invoices, %d readings of all, %v", len(list), old.reads, err)
	}
}
