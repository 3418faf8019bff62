package payments_test

import (
	"slices"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestPagesShowWhatStripeSays: what a page works out by itself is what Stripe's
// own preview says, so that pressing the button does what the page showed.
func TestPagesShowWhatStripeSays(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{Catalog: "capacity"})
	for _, plan := range []string{"solo", "team"} {
		org := w.NewCast("org-"+plan, plan, "pm_card_visa")
		compare(t, w, org, 5)
		for _, step := range []billing.Proposal{
			increase(7), reduce(4), reduce(0),
			{Verb: billing.VerbKeepCapacity},
			{Verb: billing.VerbDowngrade},
			{Verb: billing.VerbResume},
			reduce(2),
		} {
			w.Advance(3*24*time.Hour + 7*time.Second)
			if _, err := w.Service.Propose(t.Context(), org.Owner, step); err != nil {
				t.Fatalf("%s: %v", step.Verb, err)
			}
			compare(t, w, org, 0, 1, 3, 7, 50, 99)
		}
		w.Advance(31 * 24 * time.Hour) // the reduction has taken effect
		w.Sync(org.Org.ID)
		compare(t, w, org, 0, 1, 3, 99)
	}
}

func units(v billing.Verb, n int64) billing.Proposal { return billing.Proposal{Verb: v, Units: &n} }
func increase(n int64) billing.Proposal              { return units(billing.VerbIncrease, n) }
func reduce(n int64) billing.Proposal                { return units(billing.VerbReduce, n) }

// compare holds all that is offered at this moment against Stripe's own figures.
func compare(t *testing.T, w *worldtest.World, org worldtest.Cast, targets ...int64) {
	t.Helper()
	sum, err := w.Service.Summary(t.Context(), org.Owner)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range w.Service.Offers(org.Owner, sum) {
		if o.Quote.Change.Action == "" {
			continue
		}
		review, err := w.Service.Review(t.Context(), org.Owner, sum, o.Plan.ID)
		same(t, o, review, err)
	}
	for _, n := range targets {
		o, err := w.Service.CapacityOffer(org.Owner, sum, n)
		review, reviewErr := w.Service.CapacityReview(t.Context(), org.Owner, sum, n)
		if err != nil || o.Kind == billing.OfferCurrent {
			if billing.CodeOf(err) != billing.CodeOf(reviewErr) || review.Kind != o.Kind {
				t.Errorf("to %d: offered %v, Stripe says %v", n, err, reviewErr)
			}
			continue
		}
		same(t, o, review, reviewErr)
	}
}

func same(t *testing.T, o, review billing.Offer, err error) {
	t.Helper()
	amounts := func(q billing.Quote) (out []int64) {
		for _, l := range q.Lines {
			out = append(out, l.Amount)
		}
		return out
	}
	if err != nil || !o.Quote.SamePrice(review.Quote) || o.Quote.BalanceUsed != review.Quote.BalanceUsed || !slices.Equal(amounts(o.Quote), amounts(review.Quote)) {
		t.Errorf("%s %s: %v\nshown  %+v\nStripe %+v", o.Kind, o.Plan.ID, err, o.Quote, review.Quote)
	}
}
