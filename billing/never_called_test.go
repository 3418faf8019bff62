package billing_test

import (
	"errors"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestAgreedButNeverCalled: a change of which Stripe could not be told waits for
// it, but not for ever: nobody expects it days later, and it keeps the org from
// every other change.
func TestAgreedButNeverCalled(t *testing.T) {
	down := func(func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		return billing.State{}, nil, billing.ErrStripeUnavailable
	}
	for name, row := range map[string]struct {
		noStripe bool
		want     string
	}{
		"Stripe was taken away":  {true, billing.ErrStripeNotSet.Code},
		"Stripe does not answer": {false, billing.ErrStripeUnavailable.Code},
	} {
		t.Run(name, func(t *testing.T) {
			engines(t, worldtest.Options{Catalog: "capacity", NoStripe: row.noStripe, Wrap: func(p billing.Processor) billing.Processor {
				return &seam{Processor: p, fetch: down}
			}}, func(t *testing.T, w *worldtest.World) {
				c := w.NewCast("acme", "", "")
				if _, err := w.Store.SetCustomer(ctx, c.Org.ID, "cus_1"); err != nil {
					t.Fatal(err)
				}
				i := billing.Intent{
					ID: "int_left", OrgID: c.Org.ID, Actor: c.Owner.Actor, DecidedBy: c.Owner.Actor, State: billing.IntentPending, CreatedAt: w.Service.Now(),
					Quote: billing.Quote{Change: billing.Change{Action: billing.ActionChangePlan, Plan: "team"}, FromPlan: "solo", ToPlan: "team"},
				}
				if _, err := w.Store.InsertIntent(ctx, i); err != nil {
					t.Fatal(err)
				}
				for _, step := range []struct {
					after time.Duration
					open  bool
				}{{time.Minute, true}, {20 * time.Hour, true}, {3 * time.Hour, false}} {
					w.Advance(step.after)
					if found, err := w.Service.Recover(ctx); !found || err != nil {
						t.Fatal(found, err)
					}
					if _, err := w.Store.OpenIntent(ctx, c.Org.ID); errors.Is(err, billing.ErrNotFound) == step.open {
						t.Fatalf("after %v more: %v", step.after, err)
					}
				}
				i, err := w.Store.Intent(ctx, c.Org.ID, i.ID)
				if err != nil || i.State != billing.IntentRefused || i.Result.Failure.Code != row.want {
					t.Errorf("%s %+v, %v", i.State, i.Result, err)
				}
				propose(t, w.Service, c.Owner, try("solo"), billing.StatusTrialStarted, nil)
			})
		})
	}
}
