package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/payments"
	"github.com/countersignhq/countersign/payments/sandbox"
	"github.com/countersignhq/countersign/views"
)

const (
	ownerEmail    = "ada@acme.test"
	operatorEmail = "op@countersign.test"
)

// demonstration holds the demo's parts while it seeds and runs.
type demonstration struct {
	state              *demoState
	app                *app
	box                *sandbox.Server
	stripe             *payments.Client
	stripeURL, baseURL string
	post               *mailbox
}

func (d *demonstration) topPlan() billing.Plan {
	plans := d.app.service.Catalog().Plans
	return plans[len(plans)-1]
}

// story is one org of the demo: how it came to the state that it shows.
type story struct {
	org, state  string
	owner       [2]string // email, name
	daysAgo     int       // when it subscribed, or began its trial
	plan        string    // empty: it never did
	units       int64     // additional ones
	reduceTo    *int64    // scheduled
	trial       string    // the plan that it tries or has tried
	cancel      bool      // at the period's end
	replaceCard string    // by one of the sandbox's, after the first payment
	removeCard  bool      // after the first payment
	partner     bool
	region      billing.Region
	usage       map[string]int64
	more        func(context.Context, *demonstration, *teller) error // what else happened then
	today       func(context.Context, *demonstration, *teller) error // and at the present
}

// stories are the states that exist, oldest subscription first.
func (d *demonstration) stories() []story {
	if d.app.service.Catalog().Capacity != nil {
		return d.unitStories()
	}
	first, _ := d.app.service.Catalog().FirstPaid()
	top := d.topPlan()
	return []story{
		{org: "Nettle & Vine", state: "Cancelled: nobody paid the renewal", owner: [2]string{"nell@nettle.test", "Nell Okoro"}, daysAgo: 65, plan: top.ID, replaceCard: "pm_card_chargeCustomerFail", usage: map[string]int64{"agents": 2}},
		{org: "Yarrow Mills", state: "Past due, and the grace is over", owner: [2]string{"yara@yarrow.test", "Yara Delgado"}, daysAgo: 50, plan: top.ID, replaceCard: "pm_card_chargeCustomerFail", usage: map[string]int64{"agents": 9, "rows": 7200}},
		{org: "Quill Press", state: "Cancelled: the subscription has ended", owner: [2]string{"quinn@quill.test", "Quinn Abara"}, daysAgo: 44, plan: first.ID, cancel: true},
		{org: "Umbra Studio", state: "Past due: the last payment failed", owner: [2]string{"uma@umbra.test", "Uma Lindqvist"}, daysAgo: 33, plan: top.ID, replaceCard: "pm_card_chargeCustomerFail", usage: map[string]int64{"agents": 17, "rows": 20480}},
		{org: "Jetty Marine", state: "Past due: the renewal waits for the bank", owner: [2]string{"june@jetty.test", "June Halvorsen"}, daysAgo: 32, plan: first.ID, replaceCard: "pm_card_authenticationRequired", usage: map[string]int64{"agents": 5}},
		{org: "Acme", state: "Active, with a card that works", owner: [2]string{ownerEmail, "Ada Okafor"}, daysAgo: 12, plan: first.ID, usage: map[string]int64{"agents": 9, "members": 6, "workspaces": 41, "rows": 4620, "api_calls": 61240, "webhooks": 812}},
		{org: "Borealis Labs", state: "Downgrade scheduled", owner: [2]string{"bo@borealis.test", "Bo Marchetti"}, daysAgo: 9, plan: top.ID, cancel: true, usage: map[string]int64{"agents": 12, "workspaces": 64, "rows": 9100, "api_calls": 202000}},
		{org: "Birke Verlag", state: "Active, in Berlin: times and amounts as they are written there", owner: [2]string{"bea@birke.test", "Bea Lorenz"}, daysAgo: 7, plan: top.ID, region: billing.Region{TimeZone: "Europe/Berlin", Locale: "de-DE"}, usage: map[string]int64{"agents": 11, "rows": 12480, "api_calls": 148210}},
		{org: "Dune Freight", state: "Active, with a card that will be declined", owner: [2]string{"dee@dune.test", "Dee Ramos"}, daysAgo: 6, plan: first.ID, replaceCard: "pm_card_chargeCustomerFail"},
		{org: "Lark & Co", state: "Active, with a card that asks for 3-D Secure", owner: [2]string{"lena@lark.test", "Lena Park"}, daysAgo: 5, plan: first.ID, replaceCard: "pm_card_authenticationRequired"},
		{org: "Ibis Outfitters", state: "A payment waits for the bank", owner: [2]string{"isa@ibis.test", "Isa Ferreira"}, daysAgo: 5, plan: first.ID, replaceCard: "pm_card_authenticationRequired", usage: map[string]int64{"agents": 7}, today: askBank},
		{org: "Heron Health", state: "An agent waits for an answer, and has a history", owner: [2]string{"hana@heron.test", "Hana Weiss"}, daysAgo: 4, plan: first.ID, usage: map[string]int64{"agents": 9, "rows": 4800}, more: askAround, today: askAgain},
		{org: "Kestrel Mail", state: "The operator looks at a change", owner: [2]string{"kai@kestrel.test", "Kai Brennan"}, daysAgo: 4, plan: first.ID, usage: map[string]int64{"agents": 4}, today: loseAnswer},
		{org: "Moss & Ember", state: "Active, without a card", owner: [2]string{"moe@moss.test", "Moe Aldana"}, daysAgo: 4, plan: first.ID, removeCard: true, usage: map[string]int64{"agents": 2}},
		{org: longName, state: "Long names and huge numbers", owner: [2]string{"wilhelmina.featherstonehaugh-cholmondeley@" + longHost, longPerson}, daysAgo: 3, plan: top.ID, usage: map[string]int64{"agents": 1_234_567_890, "members": 60, "workspaces": 9_007_199_254_740_991, "rows": 50_000, "api_calls": 987_654_321}},
		{org: "Tern Robotics", state: "On the largest plan", owner: [2]string{"teo@tern.test", "Teo Haddad"}, daysAgo: 3, plan: top.ID, usage: map[string]int64{"agents": 8, "members": 14, "workspaces": 210, "rows": 18000, "api_calls": 402117, "webhooks": 51000}, more: welcomeSol},
		{org: "Fern Garden", state: "Free, nothing used yet", owner: [2]string{"finn@fern.test", "Finn Osei"}},
		{org: "Sable Notes", state: "Free", owner: [2]string{"sol@sable.test", "Sol Ibarra"}, usage: map[string]int64{"agents": 1, "members": 2, "workspaces": 4, "rows": 120, "api_calls": 2310}},
		{org: "Capstan", state: "Free, at its caps", owner: [2]string{"cleo@capstan.test", "Cleo Varga"}, usage: map[string]int64{"agents": 3, "members": 6, "workspaces": 20, "rows": 498, "api_calls": 9912, "webhooks": 1000}},
		{org: "Overture", state: "Free, over its caps after a downgrade", owner: [2]string{"odile@overture.test", "Odile Brandt"}, usage: map[string]int64{"agents": 6, "members": 9, "workspaces": 23, "rows": 2210, "api_calls": 4000}},
		{org: "Pilot House", state: "Complimentary: a design partner", owner: [2]string{"pia@pilot.test", "Pia Novak"}, partner: true, usage: map[string]int64{"agents": 4, "members": 5}},
	}
}

// seed makes the demo's orgs. It starts in the past and moves the sandbox's
// clock to the present, so that renewals, failures and endings really happened.
func (d *demonstration) seed(ctx context.Context) error {
	if _, err := d.stripe.PushCatalog(ctx, d.app.service.Catalog()); err != nil {
		return err
	}
	today := time.Now().UTC()
	stories := d.stories()
	tellers := make([]*teller, len(stories))
	for i, st := range stories {
		if st.daysAgo > 0 && (i == 0 || st.daysAgo != stories[i-1].daysAgo) {
			if err := d.box.AdvanceTo(today.AddDate(0, 0, -st.daysAgo)); err != nil {
				return err
			}
		}
		var err error
		if tellers[i], err = d.tell(ctx, st); err != nil {
			return fmt.Errorf("%s: %w", st.org, err)
		}
	}
	if err := d.box.AdvanceTo(time.Now()); err != nil {
		return err
	}
	for i, st := range stories {
		if err := d.present(ctx, st, tellers[i]); err != nil {
			return fmt.Errorf("%s: %w", st.org, err)
		}
	}
	return nil
}

// present brings an org to the present.
func (d *demonstration) present(ctx context.Context, st story, t *teller) error {
	if _, err := d.app.service.SyncOrg(ctx, t.org.ID); err != nil {
		return err
	}
	if err := d.use(ctx, t.org.ID, st); err != nil || st.today == nil {
		return err
	}
	return st.today(ctx, d, t)
}

// tell makes one org at the sandbox's present moment.
func (d *demonstration) tell(ctx context.Context, st story) (t *teller, err error) {
	s, t := d.app.service, &teller{}
	if t.org, err = s.AddOrg(ctx, st.org, st.partner); err != nil {
		return t, err
	}
	if err = d.app.store.SetRegion(ctx, t.org.ID, st.region); err != nil {
		return t, err
	}
	owner, err := s.AddMember(ctx, t.org.ID, st.owner[0], st.owner[1], billing.RoleOwner)
	if err != nil {
		return t, err
	}
	t.owner = billing.Principal{
		Actor: billing.Actor{Kind: billing.KindHuman, ID: owner.ID, Name: owner.Name}, OrgID: t.org.ID, OrgName: t.org.Name, Role: billing.RoleOwner,
	}
	d.state.Seats = append(d.state.Seats, seat{Org: st.org, State: st.state, Email: st.owner[0]})
	if st.owner[0] == ownerEmail {
		if err = d.staffAcme(ctx, t.org, owner); err != nil {
			return t, err
		}
	}
	if st.plan != "" {
		if err = d.subscribe(ctx, t, st); err != nil {
			return t, err
		}
	}
	if st.more != nil {
		return t, st.more(ctx, d, t)
	}
	return t, d.decide(ctx, t, st)
}

// subscribe does at the sandbox what a finished Checkout does.
func (d *demonstration) subscribe(ctx context.Context, t *teller, st story) (err error) {
	if t.customer, err = d.stripe.EnsureCustomer(ctx, t.org, st.owner[0]); err != nil {
		return err
	}
	if _, err = d.app.store.SetCustomer(ctx, t.org.ID, t.customer); err != nil {
		return err
	}
	plan, _ := d.app.service.Catalog().Plan(st.plan)
	sub, err := d.box.SubscribeTo(t.customer, "pm_card_visa", st.items(plan)...)
	if err != nil {
		return err
	}
	// Who pays has the plan from then on. What goes wrong later is found today.
	if st.replaceCard == "" {
		if _, err = d.app.service.SyncOrg(ctx, t.org.ID); err != nil {
			return err
		}
	}
	if st.cancel {
		err = d.box.CancelAtPeriodEnd(sub, true)
	}
	if err == nil && st.replaceCard != "" {
		err = d.box.GiveCard(t.customer, st.replaceCard)
	}
	if err == nil && st.removeCard {
		err = d.box.RemoveCards(t.customer)
	}
	return err
}

// staffAcme gives Acme its people and its keys: those of demo.env.
func (d *demonstration) staffAcme(ctx context.Context, org billing.Org, owner billing.User) error {
	s := d.app.service
	for _, m := range []struct {
		email, name string
		role        billing.Role
		state       string
	}{
		{"ben@acme.test", "Ben Castillo", billing.RoleBillingAdmin, "Billing admin of Acme"},
		{"mia@acme.test", "Mia Tanaka", billing.RoleMember, "Member of Acme, without the right to decide"},
	} {
		if _, err := s.AddMember(ctx, org.ID, m.email, m.name, m.role); err != nil {
			return err
		}
		d.state.Seats = append(d.state.Seats, seat{Org: org.Name, State: m.state, Email: m.email})
	}
	var err error
	issue := func(k billing.NewKey, into *string) {
		if err == nil {
			_, *into, err = s.IssueKey(ctx, k)
		}
	}
	issue(billing.NewKey{Kind: billing.KindAgent, OrgID: org.ID, Name: "deploy-bot", Scopes: []string{billing.ScopeRead, billing.ScopeRequest}, CreatedBy: owner.Name}, &d.state.AgentKey)
	issue(billing.NewKey{Kind: billing.KindMember, OrgID: org.ID, PrincipalID: owner.ID, Name: owner.Name, CreatedBy: owner.Name}, &d.state.MemberToken)
	issue(billing.NewKey{Kind: billing.KindHost, Name: "host application", CreatedBy: "demo"}, &d.state.HostKey)
	if err != nil {
		return err
	}
	return d.oldAgents(ctx, org, owner)
}

// oldAgents gives Acme an agent that is paused and one that was revoked.
func (d *demonstration) oldAgents(ctx context.Context, org billing.Org, owner billing.User) error {
	s := d.app.service
	by := billing.Principal{
		Actor: billing.Actor{Kind: billing.KindHuman, ID: owner.ID, Name: owner.Name}, OrgID: org.ID, Role: billing.RoleOwner,
	}
	reader, err := s.IssueAgentKey(ctx, by, billing.AgentKey{Name: "cost-watcher", Scopes: []string{billing.ScopeRead}})
	if err != nil {
		return err
	}
	if err = s.PauseKey(ctx, by, reader.Credential.ID, true); err != nil {
		return err
	}
	old, err := s.IssueAgentKey(ctx, by, billing.AgentKey{Name: "old-importer"})
	if err != nil {
		return err
	}
	_, err = s.RevokeKey(ctx, by, old.Credential.ID)
	return err
}

// rank puts Acme first: it is the one that the printed lines are about.
func rank(s seat) int {
	if s.Org == "Acme" {
		return 0
	}
	return 1
}

// mailboxPage shows who can sign in where, with a fresh link each, and the mails
// that were sent. It exists in the demo only.
func (d *demonstration) mailboxPage(ctx context.Context) (views.MailboxPage, error) {
	var page views.MailboxPage
	seats := slices.Clone(d.state.Seats)
	slices.SortStableFunc(seats, func(a, b seat) int { return rank(a) - rank(b) })
	for _, s := range seats {
		link, _, err := d.app.service.SignInURL(ctx, s.Email, "/settings/billing", time.Hour)
		if err != nil {
			return page, err
		}
		page.Orgs = append(page.Orgs, views.MailboxOrg{Name: s.Org, State: s.State, Email: s.Email, Href: link})
	}
	link, _, err := d.app.service.OperatorSignInURL(ctx, operatorEmail, time.Hour)
	if err != nil {
		return page, err
	}
	page.Orgs = append(page.Orgs, views.MailboxOrg{Name: "Countersign", State: "Operator: runs this server", Email: operatorEmail, Href: link})
	page.Mails = d.post.list()
	return page, nil
}
