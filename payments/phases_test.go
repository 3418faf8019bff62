package payments

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"

	"github.com/countersignhq/countersign/billing"
)

// reducing is an order from 5 units of Team to the number.
func reducing(to int64) applyParams {
	return applyParams{
		key: "cs:int_1:1", intentID: "int_1", quote: billing.Quote{Change: reduceTo(to), FromUnits: 5, ToUnits: to},
		from: billing.State{SubscriptionID: "sub_1", Plan: "team", PeriodEnd: time.Unix(periodEnd, 0).UTC(), Units: billing.BoughtUnits{Additional: 5}},
	}
}

func said(it *stripe.Price, n int64) *stripe.SubscriptionSchedulePhaseItem {
	return &stripe.SubscriptionSchedulePhaseItem{Price: it, Quantity: n}
}

// TestPhasesOfAReduction: the running phase is repeated with all that it says,
// since Stripe drops what is left out, and so is what follows.
func TestPhasesOfAReduction(t *testing.T) {
	g := someGoods(t)
	c := &Client{catalog: g.c}
	method := stripe.SubscriptionCollectionMethodChargeAutomatically
	cur := phaseOf(1790000000, periodEnd, said(g.team, 1), said(g.teamUnit, 5), said(g.soloUnit, 0))
	cur.Items[0].TaxRates, cur.Items[1].Metadata = []*stripe.TaxRate{{ID: "txr_2"}}, map[string]string{"b": "2"}
	cur.Coupon, cur.DefaultTaxRates, cur.CollectionMethod = &stripe.Coupon{ID: "half"}, []*stripe.TaxRate{{ID: "txr_1"}}, &method
	cur.DefaultPaymentMethod, cur.Description = &stripe.PaymentMethod{ID: "pm_1"}, "as agreed"
	cur.AutomaticTax, cur.Metadata, cur.TrialEnd = &stripe.SubscriptionAutomaticTax{Enabled: true}, map[string]string{"a": "1"}, 1790000009

	sp, err := c.reductionParams(t.Context(), reducing(2), scheduleOf(1, phaseOf(1780000000, 1790000000), cur))
	if err != nil {
		t.Fatal(err)
	}
	sp.Params = stripe.Params{}
	var values form.Values
	form.AppendTo(&values, sp)
	terms := func(i, units string) []string {
		p := "phases[" + i + "]"
		return []string{
			p + "[automatic_tax][enabled]=true", p + "[collection_method]=charge_automatically", p + "[coupon]=half", p + "[default_payment_method]=pm_1",
			p + "[default_tax_rates][0]=txr_1", p + "[description]=as agreed", p + "[items][0][price]=p_team", p + "[items][0][quantity]=1",
			p + "[items][0][tax_rates][0]=txr_2", p + "[items][1][metadata][b]=2", p + "[items][1][price]=p_team_unit", p + "[items][1][quantity]=" + units,
			p + "[metadata][a]=1", p + "[proration_behavior]=none",
		}
	}
	want := slices.Concat(terms("0", "5"), terms("1", "2"), []string{
		"end_behavior=release", "metadata[countersign_intent]=int_1", "proration_behavior=none",
		"phases[0][start_date]=1790000000", "phases[0][end_date]=1797984000", "phases[0][trial_end]=1790000009",
		"phases[0][items][2][price]=p_solo_unit", "phases[0][items][2][quantity]=0", // kept as it is, and gone then
		"phases[1][iterations]=1",
	})
	var got []string
	for key, list := range values.ToValues() {
		got = append(got, key+"="+strings.Join(list, ","))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestPhasesOfAnotherState: a schedule that is not what the order was made for is
// neither changed nor called a refusal.
func TestPhasesOfAnotherState(t *testing.T) {
	g := someGoods(t)
	c := &Client{catalog: g.c}
	team, five := said(g.team, 1), said(g.teamUnit, 5)
	ended := scheduleOf(0, phaseOf(periodStart, periodEnd, team, five))
	ended.Status = "released"
	for name, tc := range map[string]struct {
		schedule *stripe.SubscriptionSchedule
		ok       bool
	}{
		"as ordered":             {scheduleOf(0, phaseOf(periodStart, periodEnd, team, five)), true},
		"for another length":     {scheduleOf(0, phaseOf(periodStart, periodEnd+day, team, five)), true},
		"of a later period":      {scheduleOf(0, phaseOf(periodEnd, periodEnd+day, team, five)), false},
		"with other units":       {scheduleOf(0, phaseOf(periodStart, periodEnd, team, said(g.teamUnit, 4))), false},
		"of another plan's unit": {scheduleOf(0, phaseOf(periodStart, periodEnd, team, said(g.soloUnit, 5))), false},
		"ended":                  {ended, false},
	} {
		sp, err := c.reductionParams(t.Context(), reducing(2), tc.schedule)
		if (err == nil) != tc.ok || tc.ok && *sp.Phases[0].EndDate != periodEnd {
			t.Errorf("%s: %v", name, err)
		}
	}
}
