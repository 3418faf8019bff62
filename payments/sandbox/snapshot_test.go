package sandbox_test

import (
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// TestRestore: what happened after a snapshot is undone, and what happens after a
// restore does not reach the snapshot.
func TestRestore(t *testing.T) {
	r := newRig(t)
	id := r.customer("pm_card_visa")
	kept := r.box.Snapshot()
	for range 2 {
		_, err := r.api.Customers.Update(id, &stripe.CustomerParams{Name: stripe.String("later"), Metadata: map[string]string{"k": "v"}})
		must(t, err)
		must(t, r.box.GiveCard(id, "pm_card_chargeCustomerFail"))
		must(t, r.box.Restore(kept))
		c, err := r.api.Customers.Get(id, &stripe.CustomerParams{Expand: stripe.StringSlice([]string{"invoice_settings.default_payment_method"})})
		must(t, err)
		if c.Name != "" || len(c.Metadata) != 0 || c.InvoiceSettings.DefaultPaymentMethod.Card.Last4 != "4242" {
			t.Errorf("%q %v %v", c.Name, c.Metadata, c.InvoiceSettings.DefaultPaymentMethod.Card.Last4)
		}
	}
}
