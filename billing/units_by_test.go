package billing_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestScheduledByIsOfItsOwnChange: who scheduled a reduction has not scheduled
// the cancellation that somebody made at Stripe in its place. An agent may take
// back without consent what an agent scheduled, and nothing else.
func TestScheduledByIsOfItsOwnChange(t *testing.T) {
	unitsWorld(t, "team", 5, func(t *testing.T, w *worldtest.World, _ *seam, c worldtest.Cast) {
		out := propose(t, w.Service, c.Agent, reduce(1), billing.StatusConfirmationRequired, nil)
		pr := reduce(1)
		pr.ConfirmToken = out.Token
		propose(t, w.Service, c.Agent, pr, billing.StatusReductionScheduled, nil)
		sub := w.Sync(c.Org.ID)
		if sub.ScheduledBy == nil || sub.ScheduledBy.By.ID != c.Agent.ID {
			t.Fatalf("the reduction is by %+v", sub.ScheduledBy)
		}
		w.CallStripe(http.MethodPost, "/v1/subscription_schedules/"+sub.Units.ScheduleID+"/release", nil)
		w.CallStripe(http.MethodPost, "/v1/subscriptions/"+sub.SubscriptionID, url.Values{"cancel_at_period_end": {"true"}})
		if sub = w.Sync(c.Org.ID); !sub.CancelAtPeriodEnd || sub.ScheduledBy != nil {
			t.Errorf("ends %v, by %+v", sub.CancelAtPeriodEnd, sub.ScheduledBy)
		}
		propose(t, w.Service, c.Agent, upgrade("team"), billing.StatusConfirmationRequired, nil)
	})
}

// TestScheduledByOfTheDowngradeThatTookOver: a downgrade drops a reduction, and
// the record says who scheduled which.
func TestScheduledByOfTheDowngradeThatTookOver(t *testing.T) {
	unitsWorld(t, "team", 5, func(t *testing.T, w *worldtest.World, _ *seam, c worldtest.Cast) {
		propose(t, w.Service, c.OwnerTool, reduce(1), billing.StatusReductionScheduled, nil)
		propose(t, w.Service, c.Admin, downgrade(), billing.StatusDowngradeScheduled, nil)
		sub := w.Sync(c.Org.ID)
		if by := sub.ScheduledBy; by == nil || by.By.ID != c.Admin.ID {
			t.Errorf("the downgrade is by %+v", by)
		}
		w.Advance(time.Minute)
		if sub = w.Sync(c.Org.ID); sub.ScheduledBy == nil {
			t.Error("the next reading forgets who scheduled it")
		}
	})
}

// TestWhoReducedHasNotEnded: a subscription that is ended at Stripe at once was
// not ended by who had scheduled fewer units.
func TestWhoReducedHasNotEnded(t *testing.T) {
	w, h := told(t, worldtest.Options{Catalog: "capacity"})
	c := w.NewCast("acme", "team", visa)
	propose(t, w.Service, c.OwnerTool, increase(5), billing.StatusCapacityIncreased, nil)
	propose(t, w.Service, c.OwnerTool, reduce(1), billing.StatusReductionScheduled, nil)
	sub := w.Sync(c.Org.ID)
	news(t, w, h)
	w.CallStripe(http.MethodDelete, "/v1/subscriptions/"+sub.SubscriptionID, nil)
	w.Sync(c.Org.ID)
	if got, want := news(t, w, h)[0], planNews("team", "free", "canceled", "system", "Stripe"); got != want {
		t.Errorf("told %s\nwant %s", got, want)
	}
}
