package main

import (
	"context"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/payments/sandbox"
)

// unitStories are the states of a catalogue that is sold in units and can be
// tried, the oldest first.
func (d *demonstration) unitStories() []story {
	first, _ := d.app.service.Catalog().FirstPaid()
	top := d.topPlan()
	two := int64(2)
	use := func(requests, events, bundles, projects int64) map[string]int64 {
		return map[string]int64{
			"monthly_bundle_requests": requests, "monthly_raw_ingested_events": events, "retained_bundle_cap": bundles, "active_projects": projects,
			"monthly_remote_activations": requests / 40, "monthly_alert_deliveries": requests / 20, "monthly_webhook_deliveries": requests / 4,
		}
	}
	return []story{
		{org: "Quill Press", state: "Cancelled: the subscription has ended", owner: [2]string{"quinn@quill.test", "Quinn Abara"}, daysAgo: 44, plan: first.ID, cancel: true},
		{org: "Marlow & Sons", state: "The trial has ended", owner: [2]string{"mo@marlow.test", "Mo Marlow"}, daysAgo: 40, trial: first.ID, usage: use(212, 3100, 171, 3)},
		{org: "Umbra Studio", state: "Past due, with additional units", owner: [2]string{"uma@umbra.test", "Uma Lindqvist"}, daysAgo: 33, plan: top.ID, units: 4, replaceCard: "pm_card_chargeCustomerFail", usage: use(2104, 40210, 3320, 12)},
		{org: "Wren Analytics", state: "On trial, 5 days left", owner: [2]string{"wes@wren.test", "Wes Imani"}, daysAgo: 25, trial: first.ID, usage: use(640, 9020, 412, 4)},
		{org: "Linden Row", state: "On trial, 18 days left", owner: [2]string{"liv@linden.test", "Liv Aster"}, daysAgo: 12, trial: top.ID, usage: use(320, 4100, 240, 3)},
		{org: "Acme", state: "Active with two additional units and a card that works", owner: [2]string{ownerEmail, "Ada Okafor"}, daysAgo: 12, plan: first.ID, units: 2, usage: use(2110, 12400, 1290, 7)},
		{org: "Borealis Labs", state: "A reduction of units is scheduled", owner: [2]string{"bo@borealis.test", "Bo Marchetti"}, daysAgo: 9, plan: top.ID, units: 6, reduceTo: &two, usage: use(3050, 51000, 3900, 22)},
		{org: "Pine Street", state: "Downgrade scheduled, with additional units", owner: [2]string{"pat@pine.test", "Pat Sorel"}, daysAgo: 8, plan: first.ID, units: 1, cancel: true, usage: use(700, 6000, 380, 2)},
		{org: "Dune Freight", state: "Active, with a card that will be declined", owner: [2]string{"dee@dune.test", "Dee Ramos"}, daysAgo: 6, plan: first.ID, replaceCard: "pm_card_chargeCustomerFail"},
		{org: "Lark & Co", state: "Active, with a card that asks for 3-D Secure", owner: [2]string{"lena@lark.test", "Lena Park"}, daysAgo: 5, plan: first.ID, replaceCard: "pm_card_authenticationRequired"},
		{org: "Tern Robotics", state: "As many units as can be bought", owner: [2]string{"teo@tern.test", "Teo Haddad"}, daysAgo: 3, plan: top.ID, units: top.Units.MaxAdditional, usage: use(41020, 512000, 20400, 140)},
		{org: "Fern Garden", state: "Free, nothing used yet, a trial can be had", owner: [2]string{"finn@fern.test", "Finn Osei"}},
		{org: "Capstan", state: "Free, at its caps", owner: [2]string{"cleo@capstan.test", "Cleo Varga"}, usage: use(250, 3500, 150, 2)},
		{org: "Pilot House", state: "Complimentary: a design partner", owner: [2]string{"pia@pilot.test", "Pia Novak"}, partner: true, usage: use(900, 20000, 800, 9)},
	}
}

// items are what a story's Checkout would have sold.
func (st story) items(plan billing.Plan) []sandbox.Item {
	items := []sandbox.Item{{LookupKey: plan.Price.LookupKey, Quantity: 1}}
	if st.units > 0 {
		items = append(items, sandbox.Item{LookupKey: plan.Units.Price.LookupKey, Quantity: st.units})
	}
	return items
}

// decide does what the owner did on Settings → Billing.
func (d *demonstration) decide(ctx context.Context, t *teller, st story) error {
	var wish billing.Proposal
	switch {
	case st.trial != "":
		wish = billing.Proposal{Verb: billing.VerbStartTrial, Plan: st.trial}
	case st.reduceTo != nil:
		if _, err := d.app.service.SyncOrg(ctx, t.org.ID); err != nil {
			return err
		}
		wish = billing.Proposal{Verb: billing.VerbReduce, Units: st.reduceTo}
	default:
		return nil
	}
	_, err := d.app.service.Propose(ctx, t.owner, wish)
	return err
}
