package billing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// givenNews is what the host is told when an operator puts another plan in force.
func givenNews(from, to, status string) string {
	return fmt.Sprintf(`billing.plan_changed {"from":%q,"to":%q,"status":%q,"actor":{"kind":"operator","name":%q}}`, from, to, status, worldtest.Operator)
}

// givenWorld is a world with what an operator does to its org.
func givenWorld(t *testing.T, o worldtest.Options, plan string) (w *worldtest.World, h *host, c worldtest.Cast, give func(plan string), partner func(on bool)) {
	w, h = told(t, o)
	c = w.NewCast("acme", plan, visa)
	op, _ := w.SignInOperator()
	news(t, w, h)
	give = func(plan string) {
		t.Helper()
		noError(t, w.Service.GivePlan(ctx, op, c.Org.ID, plan, "a friend"))
	}
	partner = func(on bool) {
		t.Helper()
		noError(t, w.Service.SetDesignPartner(ctx, op, c.Org.ID, on, "a friend"))
	}
	return w, h, c, give, partner
}

// TestGivenPlanIsTold when it puts another plan in force, and only then.
func TestGivenPlanIsTold(t *testing.T) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		w, h, c, give, partner := givenWorld(t, o, "")
		partner(true)
		says(t, w, h, givenNews("free", "scale", "none"))
		partner(true)
		give("scale") // is in force already
		says(t, w, h)
		give("pro")
		says(t, w, h, givenNews("scale", "pro", "none"))
		partner(false) // was not in force
		says(t, w, h)
		give("")
		says(t, w, h, givenNews("pro", "free", "none"))

		op, _ := w.SignInOperator()
		fails(t, w.Service.GivePlan(ctx, op, c.Org.ID, "gold", "a friend"), billing.ErrUnknownPlan)
		fails(t, w.Service.GivePlan(ctx, op, c.Org.ID, "pro", ""), billing.ErrInvalid)
		fails(t, w.Service.SetDesignPartner(ctx, c.Owner, c.Org.ID, true, "me"), billing.ErrForbidden)
		says(t, w, h)
	})
}

// TestGivenPlanAndStripe: what changes at Stripe under a given plan changes none
// in force; when the gift ends, the plan of then is told.
func TestGivenPlanAndStripe(t *testing.T) {
	w, h, c, give, _ := givenWorld(t, worldtest.Options{}, "scale")
	propose(t, w.Service, c.Owner, downgrade(), billing.StatusDowngradeScheduled, nil)
	give("pro")
	says(t, w, h, givenNews("scale", "pro", "active"))
	w.Advance(31 * 24 * time.Hour)
	w.Sync(c.Org.ID)
	says(t, w, h, `billing.state_changed {"from":"active","to":"canceled","plan":"pro"}`)
	give("")
	says(t, w, h, givenNews("pro", "free", "canceled"))
}

// TestGivenWithoutHost: nobody listens and nothing is kept.
func TestGivenWithoutHost(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "", "")
	op, _ := w.SignInOperator()
	noError(t, w.Service.GivePlan(ctx, op, c.Org.ID, "pro", "a friend"))
	if list, err := w.Service.Deliveries(ctx, billing.DeliveryFilter{}); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}
