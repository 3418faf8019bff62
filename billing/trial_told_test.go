package billing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func planNews(from, to, status, kind, name string) string {
	return fmt.Sprintf(`billing.plan_changed {"from":%q,"to":%q,"status":%q,"actor":{"kind":%q,"name":%q}}`, from, to, status, kind, name)
}

func trialEndNews(plan string, started time.Time) string {
	return fmt.Sprintf(`trial.expired {"plan":%q,"started_at":%q,"ends_at":%q,"days_remaining":0}`,
		plan, started.Format(time.RFC3339), started.AddDate(0, 0, 30).Format(time.RFC3339))
}

// TestTrialEndTellsThePlanInForce: the end of a trial that something else has
// taken the place of, before the worker came to it, takes no plan away.
func TestTrialEndTellsThePlanInForce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		o.Catalog = "capacity"
		w, h := told(t, o)
		given, bought, over := w.NewCast("given", "", ""), w.NewCast("bought", "", ""), w.NewCast("over", "", "")
		for _, c := range []worldtest.Cast{given, bought, over} {
			propose(t, w.Service, c.Owner, try("solo"), billing.StatusTrialStarted, nil)
		}
		op, _ := w.SignInOperator()
		noError(t, w.Service.GivePlan(ctx, op, given.Org.ID, "team", "a friend"))
		w.Advance(30 * 24 * time.Hour)
		w.Subscribe(bought.Org, "solo", visa)
		news(t, w, h)

		noError(t, w.Service.EndTrials(ctx))
		ended := trialEndNews("solo", worldtest.Start)
		got := map[string]int{}
		for _, line := range news(t, w, h) {
			got[line]++
		}
		free := planNews("solo", "free", "trial_expired", "system", "Countersign")
		if len(got) != 2 || got[ended] != 3 || got[free] != 1 {
			t.Errorf("told %v, want three times\n %s\nand once\n %s", got, ended, free)
		}
		if s := summary(t, w, given); s.Plan.ID != "team" {
			t.Errorf("given %s", s.Plan.ID)
		}
		if s := summary(t, w, bought); s.Plan.ID != "solo" {
			t.Errorf("bought %s", s.Plan.ID)
		}
	})
}

// TestTrialConversionIsTold from the plan that was in force, and not at all where
// that stays.
func TestTrialConversionIsTold(t *testing.T) {
	const active = `billing.state_changed {"from":"none","to":"active","plan":%q}`
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		o.Catalog = "capacity"
		w, h := told(t, o)
		same, higher := w.NewCast("same", "", ""), w.NewCast("higher", "", "")
		propose(t, w.Service, same.Owner, try("solo"), billing.StatusTrialStarted, nil)
		propose(t, w.Service, higher.Owner, try("solo"), billing.StatusTrialStarted, nil)
		news(t, w, h)
		_, err := w.Service.Checkout(ctx, same.Owner, "solo")
		noError(t, err)
		w.Sync(same.Org.ID)
		says(t, w, h) // a customer and a page that nobody has paid
		w.Subscribe(w.Org(same.Org.ID), "solo", visa)
		says(t, w, h, fmt.Sprintf(active, "solo"))
		w.Subscribe(higher.Org, "team", visa)
		says(t, w, h, planNews("solo", "team", "active", "system", "Stripe"), fmt.Sprintf(active, "team"))
	})
}
