package sandbox_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/payments/sandbox"
)

// plans are the phases of an update: the running one as it is, and what follows.
type plans = []*stripe.SubscriptionSchedulePhaseParams

// phase has Team and n units; end is left to Stripe if it is zero.
func (s *shop) phase(start, end int64, n int64) *stripe.SubscriptionSchedulePhaseParams {
	p := &stripe.SubscriptionSchedulePhaseParams{
		Items: []*stripe.SubscriptionSchedulePhaseItemParams{
			{Price: &s.team, Quantity: stripe.Int64(1)}, {Price: &s.teamUnit, Quantity: &n},
		},
		ProrationBehavior: stripe.String("none"),
	}
	if start != 0 {
		p.StartDate = &start
	}
	if end != 0 {
		p.EndDate = &end
	}
	return p
}

func (s *shop) schedule(sub string) *stripe.SubscriptionSchedule {
	s.t.Helper()
	sc, err := s.api.SubscriptionSchedules.New(&stripe.SubscriptionScheduleParams{FromSubscription: &sub})
	must(s.t, err)
	return sc
}

func (s *shop) plan(id string, phases ...*stripe.SubscriptionSchedulePhaseParams) (*stripe.SubscriptionSchedule, error) {
	return s.api.SubscriptionSchedules.Update(id, &stripe.SubscriptionScheduleParams{
		Phases: phases, EndBehavior: stripe.String("release"), Metadata: map[string]string{"intent": "int_1"},
	})
}

// reduced is a Team subscription with 5 units that will have n.
func (s *shop) reduced(n int64) (*stripe.Subscription, *stripe.SubscriptionSchedule) {
	s.t.Helper()
	sub := s.teamOf(5)
	sc := s.schedule(sub.ID)
	sc, err := s.plan(sc.ID, s.phase(sub.CurrentPeriodStart, sub.CurrentPeriodEnd, 5), s.phase(0, 0, n))
	must(s.t, err)
	return s.sub(sub.ID), sc
}

func (s *shop) events(prefix string) []string {
	var out []string
	for _, typ := range s.eventTypes() {
		if strings.HasPrefix(typ, prefix) {
			out = append(out, strings.TrimPrefix(typ, prefix))
		}
	}
	slices.Reverse(out)
	return out
}

func TestScheduleFromSubscription(t *testing.T) {
	s := newShop(t)
	sub := s.teamOf(5)
	s.advance(half)
	sc := s.schedule(sub.ID)
	equal(t, "status", sc.Status, stripe.SubscriptionScheduleStatusActive)
	equal(t, "end", sc.EndBehavior, stripe.SubscriptionScheduleEndBehaviorRelease)
	equal(t, "phases", len(sc.Phases), 1)
	equal(t, "from", sc.Phases[0].StartDate, sub.CurrentPeriodStart)
	equal(t, "to", sc.Phases[0].EndDate, sub.CurrentPeriodEnd)
	equal(t, "current", *sc.CurrentPhase, stripe.SubscriptionScheduleCurrentPhase{StartDate: sub.CurrentPeriodStart, EndDate: sub.CurrentPeriodEnd})
	equal(t, "units", sc.Phases[0].Items[1].Quantity, 5)
	equal(t, "the subscription knows", s.sub(sub.ID).Schedule.ID, sc.ID)
	p := &stripe.SubscriptionParams{}
	p.AddExpand("schedule.phases.items.price")
	full, err := s.api.Subscriptions.Get(sub.ID, p)
	must(t, err)
	equal(t, "expanded", full.Schedule.Phases[0].Items[1].Price.UnitAmount, 400)

	_, err = s.api.SubscriptionSchedules.New(&stripe.SubscriptionScheduleParams{FromSubscription: &sub.ID})
	equal(t, "twice", stripeError(t, err).Msg, "You cannot migrate a subscription that is already attached to a schedule: `"+sc.ID+"`.")
	_, err = s.api.SubscriptionSchedules.New(&stripe.SubscriptionScheduleParams{
		FromSubscription: &sub.ID, Metadata: map[string]string{"a": "b"},
	})
	equal(t, "with more", stripeError(t, err).Msg, "You cannot set `metadata` if `from_subscription` is set.")
	_, err = s.api.Subscriptions.Cancel(sub.ID, nil)
	must(t, err)
	_, err = s.api.SubscriptionSchedules.New(&stripe.SubscriptionScheduleParams{FromSubscription: &sub.ID})
	equal(t, "ended", stripeError(t, err).Msg, "You cannot migrate a subscription that is currently in the `canceled` status.")
	equal(t, "life", join(s.events("subscription_schedule.")), "created canceled")
}

func TestReductionTakesEffectWithTheRenewal(t *testing.T) {
	s := newShop(t)
	sub, sc := s.reduced(2)
	unit := itemID(t, sub, s.teamUnit)
	equal(t, "second phase", sc.Phases[1].StartDate, sub.CurrentPeriodEnd)
	equal(t, "one month long", sc.Phases[1].EndDate, time.Unix(sub.CurrentPeriodEnd, 0).UTC().AddDate(0, 1, 0).Unix())
	equal(t, "metadata", sc.Metadata["intent"], "int_1")
	equal(t, "not yet", had(sub, s.teamUnit), 5)
	for _, p := range []*stripe.InvoiceUpcomingParams{{Subscription: &sub.ID}, {Customer: &sub.Customer.ID}, {Schedule: &sc.ID}} {
		up, err := s.api.Invoices.Upcoming(p)
		must(t, err)
		equal(t, "announced", up.Total, 4900+2*400)
		equal(t, "quantity", up.Lines.Data[1].Quantity, 2)
	}
	s.advance(30*24*time.Hour - time.Second)
	equal(t, "a second before", had(s.sub(sub.ID), s.teamUnit), 5)
	s.advance(time.Second)
	got := s.sub(sub.ID)
	equal(t, "now", had(got, s.teamUnit), 2)
	equal(t, "same item", *itemID(t, got, s.teamUnit), *unit)
	equal(t, "renewal", got.LatestInvoice.Total, 4900+2*400)
	equal(t, "no proration", slices.ContainsFunc(got.LatestInvoice.Lines.Data, func(l *stripe.InvoiceLineItem) bool { return l.Proration }), false)
	equal(t, "one new charge", len(s.box.Charges("")), 2)
	equal(t, "still scheduled", got.Schedule.ID, sc.ID)

	s.advance(31 * 24 * time.Hour)
	got = s.sub(sub.ID)
	equal(t, "released after the last phase", got.Schedule == nil, true)
	equal(t, "units stay", had(got, s.teamUnit), 2)
	sc, err := s.api.SubscriptionSchedules.Get(sc.ID, nil)
	must(t, err)
	equal(t, "status", sc.Status, stripe.SubscriptionScheduleStatusReleased)
	equal(t, "when", sc.ReleasedAt, got.CurrentPeriodStart)
	equal(t, "of whom", sc.ReleasedSubscription.ID, sub.ID)
	equal(t, "no more", sc.Subscription == nil && sc.CurrentPhase == nil, true)
	equal(t, "life", join(s.events("subscription_schedule.")), "created updated updated expiring updated released")
	s.advance(31 * 24 * time.Hour)
	equal(t, "goes on", s.sub(sub.ID).LatestInvoice.Total, 4900+2*400)
}

func TestUnitsToNothingAndPlanSwitchAtTheRenewal(t *testing.T) {
	s := newShop(t)
	sub := s.teamOf(5)
	sc := s.schedule(sub.ID)
	last := &stripe.SubscriptionSchedulePhaseParams{
		Items:      []*stripe.SubscriptionSchedulePhaseItemParams{{Price: &s.solo}},
		Iterations: stripe.Int64(2), Metadata: map[string]string{"plan": "solo"},
	}
	sc, err := s.plan(sc.ID, s.phase(sub.CurrentPeriodStart, sub.CurrentPeriodEnd, 5), last)
	must(t, err)
	equal(t, "two months", sc.Phases[1].EndDate, time.Unix(sub.CurrentPeriodEnd, 0).UTC().AddDate(0, 2, 0).Unix())
	s.advance(30 * 24 * time.Hour)
	got := s.sub(sub.ID)
	equal(t, "items", len(got.Items.Data), 1)
	equal(t, "solo", had(got, s.solo), 1)
	equal(t, "renewal", got.LatestInvoice.Total, 299)
	equal(t, "metadata of the phase", got.Metadata["plan"], "solo")
}

func TestScheduleForbidsDirectCancellation(t *testing.T) {
	s := newShop(t)
	sub, sc := s.reduced(2)
	for _, on := range []bool{true, false} {
		_, err := s.api.Subscriptions.Update(sub.ID, &stripe.SubscriptionParams{CancelAtPeriodEnd: &on})
		equal(t, "refused", stripeError(t, err).Msg, "The subscription is managed by the subscription schedule `"+sc.ID+"`, and updating any cancelation behavior directly is not allowed. Please update the schedule instead.")
	}
	must(t, s.box.ReleaseSchedule(sub.ID))
	equal(t, "units stay", had(s.sub(sub.ID), s.teamUnit), 5)
	if err := s.box.ReleaseSchedule(sub.ID); err == nil {
		t.Error("released twice")
	}
	_, err := s.api.SubscriptionSchedules.Release(sc.ID, nil)
	has(t, stripeError(t, err).Msg, "currently in the `released` status")
	_, err = s.plan(sc.ID, s.phase(sub.CurrentPeriodStart, 0, 1))
	has(t, stripeError(t, err).Msg, "currently in the `released` status")
	must(t, s.box.CancelAtPeriodEnd(sub.ID, true))
	sc = s.schedule(sub.ID)
	equal(t, "a schedule of one that ends", sc.EndBehavior, stripe.SubscriptionScheduleEndBehaviorCancel)
	s.advance(30 * 24 * time.Hour)
	equal(t, "ended", s.sub(sub.ID).Status, stripe.SubscriptionStatusCanceled)
	equal(t, "life", join(s.events("subscription_schedule.")), "created updated updated released created expiring completed")
	equal(t, "no second charge", len(s.box.Charges("")), 1)
}

func TestPortalCancelsOverASchedule(t *testing.T) {
	s := newShop(t)
	sub, _ := s.reduced(2)
	p, err := s.api.BillingPortalSessions.New(&stripe.BillingPortalSessionParams{Customer: &sub.Customer.ID, ReturnURL: stripe.String("http://app.test")})
	must(t, err)
	b := &browser{r: s.rig}
	_, page := b.get(p.URL)
	has(t, page, "Team, 5 × Team unit")
	has(t, page, "$69.00 / month")
	has(t, page, "From 23 December 2026: Team, 2 × Team unit.")
	_, page = b.post(p.URL+"/cancel", "subscription", sub.ID)
	has(t, page, "Ends on 23 December 2026.")
	got := s.sub(sub.ID)
	equal(t, "cancels", got.CancelAtPeriodEnd, true)
	equal(t, "no schedule", got.Schedule == nil, true)
	_, page = b.get(s.web.URL)
	has(t, page, "Team, 5 × Team unit")
}

func TestScheduleEnds(t *testing.T) {
	t.Run("canceled by its call", func(t *testing.T) {
		s := newShop(t)
		sub, sc := s.reduced(2)
		s.advance(half)
		sc, err := s.api.SubscriptionSchedules.Cancel(sc.ID, nil)
		must(t, err)
		equal(t, "status", sc.Status, stripe.SubscriptionScheduleStatusCanceled)
		got := s.sub(sub.ID)
		equal(t, "subscription", got.Status, stripe.SubscriptionStatusCanceled)
		equal(t, "credit for half a month", got.Customer.Balance, -(2450 + 1000))
		_, err = s.api.SubscriptionSchedules.Cancel(sc.ID, nil)
		equal(t, "twice", stripeError(t, err).Msg, "You cannot cancel a subscription schedule that is currently in the `canceled` status. It must be in `not_started, active` status to be canceled.")
	})
	t.Run("delinquent", func(t *testing.T) {
		s := newShop(t)
		sub, _ := s.reduced(2)
		s.useCard(sub.Customer.ID, "pm_card_chargeCustomerFail")
		s.advance(45 * 24 * time.Hour)
		equal(t, "subscription", s.sub(sub.ID).Status, stripe.SubscriptionStatusCanceled)
		equal(t, "what was billed", s.sub(sub.ID).LatestInvoice.Total, 4900+800)
		has(t, join(s.events("subscription_schedule.")), "aborted")
	})
	t.Run("with a date", func(t *testing.T) {
		s := newShop(t)
		sub := s.teamOf(5)
		sc := s.schedule(sub.ID)
		_, err := s.api.SubscriptionSchedules.Update(sc.ID, &stripe.SubscriptionScheduleParams{EndBehavior: stripe.String("cancel")})
		must(t, err)
		equal(t, "cancel at", s.sub(sub.ID).CancelAt, sub.CurrentPeriodEnd)
		_, err = s.api.Invoices.Upcoming(&stripe.InvoiceUpcomingParams{Schedule: &sc.ID})
		equal(t, "no next invoice", stripeError(t, err).Code, stripe.ErrorCodeInvoiceUpcomingNone)
		_, err = s.api.SubscriptionSchedules.Release(sc.ID, nil)
		must(t, err)
		equal(t, "the date goes with it", s.sub(sub.ID).CancelAt, 0)
	})
}

func TestScheduleOutlivesARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	keep := func(o *sandbox.Options) { o.StatePath = path }
	s := newShop(t, keep)
	sub, _ := s.reduced(2)
	must(t, s.box.Close())
	s.rig = newRig(t, keep)
	s.advance(30 * 24 * time.Hour)
	equal(t, "units", had(s.sub(sub.ID), s.teamUnit), 2)
}

func TestListSchedules(t *testing.T) {
	s := newShop(t)
	first, one := s.reduced(2)
	_, two := s.reduced(3)
	list := func(p stripe.SubscriptionScheduleListParams) string {
		var out []string
		for it := s.api.SubscriptionSchedules.List(&p); it.Next(); {
			out = append(out, it.SubscriptionSchedule().ID)
		}
		return join(out)
	}
	equal(t, "all, newest first", list(stripe.SubscriptionScheduleListParams{}), join([]string{two.ID, one.ID}))
	equal(t, "a customer's", list(stripe.SubscriptionScheduleListParams{Customer: &first.Customer.ID}), one.ID)
	equal(t, "not started", list(stripe.SubscriptionScheduleListParams{Scheduled: stripe.Bool(true)}), "")
	_, err := s.api.SubscriptionSchedules.Get("sub_sched_x", nil)
	equal(t, "none", stripeError(t, err).HTTPStatusCode, 404)
}
