package billing_test

import (
	"testing"

	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestAskAfterNews: with news of the org that nobody has looked at, what is asked
// for is worked out from what Stripe has now, and can be confirmed.
func TestAskAfterNews(t *testing.T) {
	unitsWorld(t, "solo", 2, func(t *testing.T, w *worldtest.World, _ *seam, c worldtest.Cast) {
		sub := w.Sync(c.Org.ID)
		noError(t, w.Box.SetQuantity(sub.SubscriptionID, "solo_unit_month", 4))
		noError(t, w.Store.MarkDirty(ctx, c.Org.ID))
		out := asked(t, w.Service, c.Agent, increase(5))
		if q := out.Approval.Quote; q.FromUnits != 4 || q.ToUnits != 5 {
			t.Errorf("asked to pay for %d to %d units", q.FromUnits, q.ToUnits)
		}
	})
}
