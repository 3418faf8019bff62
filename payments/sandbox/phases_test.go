package sandbox_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"
)

func TestDirectChangeSplitsThePhase(t *testing.T) {
	s := newShop(t)
	sub, sc := s.reduced(2)
	s.advance(half)
	_, err := s.update(sub.ID, "always_invoice", &stripe.SubscriptionItemsParams{ID: itemID(t, sub, s.teamUnit), Quantity: stripe.Int64(9)})
	must(t, err)
	sc, err = s.api.SubscriptionSchedules.Get(sc.ID, nil)
	must(t, err)
	equal(t, "phases", len(sc.Phases), 3)
	now := s.box.Now().Unix()
	for i, want := range []struct{ start, end, units int64 }{
		{sub.CurrentPeriodStart, now, 5}, {now, sub.CurrentPeriodEnd, 9}, {sub.CurrentPeriodEnd, sc.Phases[2].EndDate, 2},
	} {
		equal(t, "start", sc.Phases[i].StartDate, want.start)
		equal(t, "end", sc.Phases[i].EndDate, want.end)
		equal(t, "units", sc.Phases[i].Items[1].Quantity, want.units)
	}
	equal(t, "current", sc.CurrentPhase.StartDate, now)
	s.advance(half)
	equal(t, "the schedule overrules it", had(s.sub(sub.ID), s.teamUnit), 2)
}

func TestScheduleUpdateOfTheRunningPhase(t *testing.T) {
	s := newShop(t)
	sub, sc := s.reduced(2)
	s.advance(half)
	sc, err := s.api.SubscriptionSchedules.Update(sc.ID, &stripe.SubscriptionScheduleParams{
		Phases:            plans{s.phase(sub.CurrentPeriodStart, sub.CurrentPeriodEnd, 7), s.phase(0, 0, 2)},
		ProrationBehavior: stripe.String("always_invoice"),
	})
	must(t, err)
	got := s.sub(sub.ID)
	equal(t, "at once", had(got, s.teamUnit), 7)
	equal(t, "prorated", got.LatestInvoice.Total, 2*200)
	equal(t, "not split", len(sc.Phases), 2)

	now := s.phase(0, sub.CurrentPeriodEnd, 8)
	now.StartDateNow = stripe.Bool(true)
	then := s.phase(sub.CurrentPeriodStart, 0, 7)
	then.EndDateNow = stripe.Bool(true)
	sc, err = s.plan(sc.ID, then, now, s.phase(0, 0, 1))
	must(t, err)
	equal(t, "a new phase", sc.CurrentPhase.StartDate, s.box.Now().Unix())
	equal(t, "its units", had(s.sub(sub.ID), s.teamUnit), 8)
	up, err := s.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Subscription: &sub.ID})
	must(t, err)
	equal(t, "one unit for half a month, then one unit", up.Total, 200+4900+400)
	s.advance(half)
	equal(t, "charged so", s.sub(sub.ID).LatestInvoice.Total, 200+4900+400)
}

func TestPhaseWithinAPeriodIsProrated(t *testing.T) {
	s := newShop(t)
	sub := s.teamOf(5)
	sc := s.schedule(sub.ID)
	middle := time.Unix(sub.CurrentPeriodStart, 0).Add(half).Unix()
	second := s.phase(middle, sub.CurrentPeriodEnd, 1)
	second.ProrationBehavior = stripe.String("always_invoice")
	_, err := s.plan(sc.ID, s.phase(sub.CurrentPeriodStart, middle, 5), second)
	must(t, err)
	s.advance(half - time.Second)
	s.useCard(sub.Customer.ID, "pm_card_authenticationRequired")
	_, err = s.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{
		Items:             []*stripe.SubscriptionItemsParams{{ID: itemID(t, sub, s.teamUnit), Quantity: stripe.Int64(90)}},
		ProrationBehavior: stripe.String("always_invoice"), PaymentBehavior: stripe.String("pending_if_incomplete"),
	})
	must(t, err)
	s.advance(time.Second)
	got := s.sub(sub.ID)
	equal(t, "units", had(got, s.teamUnit), 1)
	equal(t, "credit", got.LatestInvoice.Total, -4*200)
	equal(t, "balance", got.Customer.Balance, -800)
	equal(t, "pending update is discarded", got.PendingUpdate == nil, true)
	has(t, join(s.eventTypes()), "customer.subscription.pending_update_expired")
}

func TestAScheduledSubscriptionStillTakesPayments(t *testing.T) {
	units := func(s *shop, sub *stripe.Subscription, behaviour string) error {
		_, err := s.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{
			Items:             []*stripe.SubscriptionItemsParams{{ID: itemID(t, sub, s.teamUnit), Quantity: stripe.Int64(9)}},
			ProrationBehavior: stripe.String("always_invoice"), PaymentBehavior: &behaviour,
		})
		return err
	}
	phases := func(s *shop, id string) int {
		sc, err := s.api.SubscriptionSchedules.Get(id, nil)
		must(t, err)
		return len(sc.Phases)
	}
	t.Run("declined", func(t *testing.T) {
		s := newShop(t)
		sub, sc := s.reduced(2)
		s.advance(half)
		s.useCard(sub.Customer.ID, "pm_card_chargeCustomerFail")
		equal(t, "refused", stripeError(t, units(s, sub, "error_if_incomplete")).HTTPStatusCode, 402)
		equal(t, "nothing is split", phases(s, sc.ID), 2)
		equal(t, "units", had(s.sub(sub.ID), s.teamUnit), 5)
	})
	t.Run("paid later", func(t *testing.T) {
		s := newShop(t)
		sub, sc := s.reduced(2)
		s.advance(half)
		s.useCard(sub.Customer.ID, "pm_card_authenticationRequired")
		must(t, units(s, sub, "pending_if_incomplete"))
		equal(t, "not yet split", phases(s, sc.ID), 2)
		s.advance(time.Hour)
		(&browser{r: s.rig}).post(s.sub(sub.ID).LatestInvoice.HostedInvoiceURL+"/bank", "outcome", "complete")
		equal(t, "units", had(s.sub(sub.ID), s.teamUnit), 9)
		sc, err := s.api.SubscriptionSchedules.Get(sc.ID, nil)
		must(t, err)
		equal(t, "split when paid", sc.CurrentPhase.StartDate, s.box.Now().Unix())
		_, err = s.plan(sc.ID, s.phase(sc.Phases[0].StartDate, sc.Phases[0].EndDate, 5),
			s.phase(sc.CurrentPhase.StartDate, sub.CurrentPeriodEnd, 9), s.phase(0, 0, 3))
		must(t, err)
		equal(t, "a past phase may be sent again", phases(s, sc.ID), 3)
	})
}

func TestPhaseMistakes(t *testing.T) {
	s := newShop(t)
	sub, sc := s.reduced(2)
	s.advance(half)
	from, to := sub.CurrentPeriodStart, sub.CurrentPeriodEnd
	both := s.phase(from, to, 5)
	both.Iterations = stripe.Int64(1)
	empty := &stripe.SubscriptionSchedulePhaseParams{StartDate: &from}
	foreign := s.phase(0, 0, 1)
	foreign.Items[1].Price = stripe.String("price_x")
	twice := s.phase(0, 0, 1)
	twice.Items[1].Price = &s.team
	for name, c := range map[string]struct {
		phases plans
		want   string
	}{
		"no date at all":      {plans{s.phase(0, 0, 5)}, "missing at least one phase with a `start_date` to anchor end dates to"},
		"another start":       {plans{s.phase(from+1, to, 5)}, "You can not modify the start date of the current phase."},
		"ends in the past":    {plans{s.phase(from, from+1, 5)}, "You can only adjust the end date to a future date"},
		"a gap":               {plans{s.phase(from, to, 5), s.phase(to+1, 0, 2)}, "must be the end date of the phase before it"},
		"backwards":           {plans{s.phase(from, to, 5), s.phase(to, to-1, 2)}, "must be after its start date"},
		"end and iterations":  {plans{both}, "only specify one of these parameters: end_date, iterations"},
		"no items":            {plans{empty}, "Missing required param: phases[0][items]"},
		"unknown price":       {plans{s.phase(from, to, 5), foreign}, "No such price: 'price_x'"},
		"one price twice":     {plans{s.phase(from, to, 5), twice}, "Cannot add multiple subscription items"},
		"no iterations":       {plans{s.phase(from, to, 5), {Items: both.Items, Iterations: stripe.Int64(0)}}, "between 1 and 120"},
		"endless iterations":  {plans{s.phase(from, to, 5), {Items: both.Items, Iterations: stripe.Int64(1 << 40)}}, "between 1 and 120"},
		"endless":             {plans{s.phase(from, 1<<60, 5), s.phase(0, 0, 2)}, "within 10 years"},
		"negative":            {plans{s.phase(from, to, -1)}, "greater than or equal to 0"},
		"more than ten":       {slices.Repeat(plans{s.phase(from, to, 5)}, 11), "at most 10"},
		"no phases, no start": {nil, ""},
	} {
		before := len(s.eventTypes())
		_, err := s.plan(sc.ID, c.phases...)
		if c.want == "" {
			must(t, err)
			continue
		}
		has(t, name+": "+stripeError(t, err).Msg, c.want)
		equal(t, name+": events", len(s.eventTypes()), before)
	}
}

func TestMalformedPhases(t *testing.T) {
	s := newShop(t)
	_, sc := s.reduced(2)
	for body, want := range map[string]string{
		"phases=x":                      "Invalid hash",
		"phases=":                       "missing at least one phase",
		"phases[0]=x":                   "Invalid hash",
		"phases[a][start_date]=1":       "Invalid array",
		"phases[0][start_date]=x":       "Invalid integer: x",
		"phases[0][items]=":             "Missing required param: phases[0][items]",
		"phases[0][items][0]=x":         "Invalid hash",
		"phases[0][items][0][price]=":   "phases[0][items][0][price]",
		"phases[0][items][0][price][]=": "Invalid string",
		"phases[0][items][0][price]=price_x&phases[0][start_date]=-1":                    "You can not modify the start date",
		"phases[0][items][0][price]=price_x&phases[0][items][0][quantity]=1.5":           "Invalid integer: 1.5",
		"phases[0][items][0][price]=price_x&phases[0][trial]=true":                       "Received unknown parameter: phases[0][trial]",
		"phases[0][items][0][price]=price_x&phases[0][proration_behavior]=x":             "must be one of create_prorations",
		"phases[0][items][0][price]=price_x&phases[0][billing_cycle_anchor]=phase_start": "must be one of automatic",
		"end_behavior=forget": "Invalid end_behavior",
	} {
		status, answer, _ := s.raw("POST", "/v1/subscription_schedules/"+sc.ID, body)
		equal(t, body, status, 400)
		has(t, answer, want)
	}
	status, answer, _ := s.raw("POST", "/v1/subscription_schedules", "customer=cus_x")
	equal(t, "not from a subscription", status, 400)
	has(t, answer, "Missing required param: from_subscription")
}
