package billing_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestCheckoutEachCallEachFault (I13): whatever goes wrong at whichever call on
// the way to the page, the next press leads to the one page that can be paid, of
// the one customer that the org has.
func TestCheckoutEachCallEachFault(t *testing.T) {
	w, line := wired(t, worldtest.Options{})
	other := w.Replica()
	n := 0
	for _, first := range []string{"", "scale"} { // no page yet; one of another plan
		for name, fault := range map[string]fault{
			"never sent": neverSent, "answer lost": answerLost, "409": answers(http.StatusConflict), "429": answers(http.StatusTooManyRequests),
			"500, not done": fiveHundred(false), "500, done": fiveHundred(true), "503": answers(http.StatusServiceUnavailable),
		} {
			for at := 1; at <= 3; at++ {
				n++
				what := fmt.Sprintf("%s at call %d after %q", name, at, first)
				c := w.NewCast(fmt.Sprint("org", n), "", "")
				if line.breakAt(0, nil); first != "" {
					_, err := w.Service.Checkout(ctx, c.Owner, first)
					noError(t, err)
				}
				before := len(w.OpenCheckouts())
				line.breakAt(at, fault)
				if _, err := w.Service.Checkout(ctx, c.Owner, "pro"); err != nil && billing.CodeOf(err) != billing.ErrStripeUnavailable.Code {
					t.Errorf("%s: %v", what, err)
				}
				w.Advance(time.Second)
				page, err := other.Checkout(ctx, c.Owner, "pro")
				if err != nil || page != w.Org(c.Org.ID).Checkout.URL {
					t.Errorf("%s, pressed again: %q, %v", what, page, err)
					continue
				}
				payPage(t, w, page)
				w.Sync(c.Org.ID)
				if paid, _ := w.Paid(w.Org(c.Org.ID).CustomerID); paid != 1 || w.Plan(c.Org.ID) != "pro" {
					t.Errorf("%s: paid %d times, on %s", what, paid, w.Plan(c.Org.ID))
				}
				if left := len(w.OpenCheckouts()); left > before {
					t.Errorf("%s: %d pages are open, %d before", what, left, before)
				}
			}
		}
	}
}
