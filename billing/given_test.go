package billing_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// gifts are the two ways in which an operator makes an org complimentary, with
// the plan that is in force then.
var gifts = map[string]struct {
	plan string
	give func(s *billing.Service, op billing.Principal, org string) error
}{
	"design partner": {"scale", func(s *billing.Service, op billing.Principal, org string) error {
		return s.SetDesignPartner(ctx, op, org, true, "a friend")
	}},
	"a plan": {"pro", func(s *billing.Service, op billing.Principal, org string) error {
		return s.GivePlan(ctx, op, org, "pro", "a friend")
	}},
}

// TestPayingOrgIsGivenAPlan: who pays and is given a plan can stop paying, and
// take that back; the given plan is in force all the while.
func TestPayingOrgIsGivenAPlan(t *testing.T) {
	for name, gift := range gifts {
		t.Run(name, func(t *testing.T) {
			w := worldtest.New(t, worldtest.Options{})
			c := w.NewCast("acme", "pro", visa)
			op, _ := w.SignInOperator()
			if err := gift.give(w.Service, op, c.Org.ID); err != nil {
				t.Fatal(err)
			}
			holds := func(scheduled, live bool, offers string) {
				t.Helper()
				sum, err := w.Service.Summary(ctx, c.Owner)
				if err != nil || sum.Plan.ID != gift.plan || !sum.DesignPartner || sum.Subscription.Status.Live() != live || len(sum.Scheduled) == 1 != scheduled {
					t.Fatalf("%s, live %v, %+v, %v", sum.Plan.ID, sum.Subscription.Status.Live(), sum.Scheduled, err)
				}
				if scheduled && sum.Scheduled[0].Plan != gift.plan {
					t.Errorf("what follows is %q, not the given plan", sum.Scheduled[0].Plan)
				}
				if got := offered(w.Service, c.Owner, sum); got != offers {
					t.Errorf("offers %q, want %q", got, offers)
				}
				if got := offered(w.Service, c.Member, sum); got != "" {
					t.Errorf("a member is offered %q", got)
				}
				for _, by := range []billing.Principal{c.Owner, c.OwnerTool, c.Agent} {
					if out := propose(t, w.Service, by, upgrade("pro"), billing.StatusDesignPartner, nil); out.Plan != gift.plan {
						t.Errorf("an upgrade answers %+v", out)
					}
				}
				if w.Sync(c.Org.ID).CancelAtPeriodEnd != scheduled {
					t.Error("an upgrade has touched the subscription")
				}
			}
			holds(false, true, "free:downgrade")
			propose(t, w.Service, c.Member, downgrade(), "", billing.ErrForbidden)
			ask := propose(t, w.Service, c.Agent, downgrade(), billing.StatusConfirmationRequired, nil)
			holds(false, true, "free:downgrade")
			propose(t, w.Service, c.Agent, billing.Proposal{Verb: billing.VerbDowngrade, ConfirmToken: ask.Token}, billing.StatusDowngradeScheduled, nil)
			holds(true, true, "pro:resume")
			propose(t, w.Service, c.Owner, billing.Proposal{Verb: billing.VerbResume}, billing.StatusResumed, nil)
			holds(false, true, "free:downgrade")
			paid, _ := w.Paid(c.Customer)
			for range 2 { // the second finds it scheduled
				propose(t, w.Service, c.OwnerTool, downgrade(), billing.StatusDowngradeScheduled, nil)
			}
			holds(true, true, "pro:resume")
			w.Advance(32 * 24 * time.Hour)
			w.Sync(c.Org.ID)
			for _, by := range []billing.Principal{c.Owner, c.OwnerTool, c.Agent} {
				propose(t, w.Service, by, downgrade(), "", billing.ErrDesignPartner)
			}
			if sum, err := w.Service.Summary(ctx, c.Owner); err != nil || sum.Plan.ID != gift.plan || sum.Subscription.Status.Live() || offered(w.Service, c.Owner, sum) != "" {
				t.Errorf("after the end: %+v, %v", sum, err)
			}
			if again, _ := w.Paid(c.Customer); again != paid {
				t.Errorf("%d charges, were %d", again, paid)
			}
		})
	}
}

// offered lists what can be pressed: "plan:kind plan:kind".
func offered(s *billing.Service, p billing.Principal, sum billing.Summary) (out string) {
	for _, o := range s.Offers(p, sum) {
		if o.Kind != billing.OfferNone && o.Kind != billing.OfferCurrent {
			out += " " + o.Plan.ID + ":" + string(o.Kind)
		}
	}
	return strings.TrimSpace(out)
}

// TestPreviewWithAGivenPlan: there is a price for the end of what is paid for,
// and for nothing else.
func TestPreviewWithAGivenPlan(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	op, _ := w.SignInOperator()
	for _, plan := range []string{"", "pro"} {
		c := w.NewCast("org"+plan, plan, visa)
		if err := w.Service.GivePlan(ctx, op, c.Org.ID, "scale", "a friend"); err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{"", "pro", "scale"} {
			if q, err := w.Service.Preview(ctx, c.Agent, to); !errors.Is(err, billing.ErrDesignPartner) {
				t.Errorf("paying for %q, to %q: %+v, %v", plan, to, q, err)
			}
		}
		q, err := w.Service.Preview(ctx, c.Agent, "free")
		if plan == "" && !errors.Is(err, billing.ErrDesignPartner) {
			t.Errorf("nothing paid for, to free: %+v, %v", q, err)
		}
		if plan != "" && (err != nil || q.Change.Action != billing.ActionScheduleDowngrade || q.DueNow != 0 || q.EffectiveAt.IsZero()) {
			t.Errorf("paying for %q, to free: %+v, %v", plan, q, err)
		}
	}
}
