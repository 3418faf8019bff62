package billing_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// lostHour is what happens to an org around a backup, and what has to be true
// after it was restored.
type lostHour struct {
	plan string // subscribed to long before
	// before is in the backup, meanwhile is not; then stands after all of it.
	before    func(t *testing.T, o *lostOrg)
	meanwhile func(t *testing.T, o *lostOrg)
	then      func(t *testing.T, o *lostOrg, sub billing.Subscription)
	// again is done by somebody who does not know of the lost hour. It charges
	// nothing.
	again func(t *testing.T, o *lostOrg)
	lost  bool // it is not taken up in the lost time, nor afterwards
}

// lostOrg is an org that lives through it; w is the world at the time.
type lostOrg struct {
	w *worldtest.World
	worldtest.Cast
	s       *seam
	request string // of an agent
	form    billing.Verdict
	chat    billing.Proposal
	page    string // of Checkout
	paid    int    // charges by the time of the restoration
}

func (o *lostOrg) does(t *testing.T, pr billing.Proposal, want billing.Status) {
	t.Helper()
	propose(t, o.w.Service, o.OwnerTool, pr, want, nil)
}

// asks lets the agent ask on the web, and keeps what an open page would send.
func (o *lostOrg) asks(pr billing.Proposal) func(t *testing.T, o *lostOrg) {
	return func(t *testing.T, o *lostOrg) {
		o.request = asked(t, o.w.Service, o.Agent, onWeb(pr)).Approval.ID
		o.form = formOf(opened(t, o.w.Service, o.Owner, o.request))
	}
}

func (o *lostOrg) approves(t *testing.T, _ *lostOrg) {
	t.Helper()
	_, err := pressed(t, o.w.Service, o.Owner, o.request)
	noError(t, err)
}

// cutOff begins a change whose process dies before (or after) Stripe hears of it.
func cutOff(pr billing.Proposal, after bool) func(t *testing.T, o *lostOrg) {
	return func(t *testing.T, o *lostOrg) {
		o.s.apply = func(_ billing.Order, do func() (billing.Applied, error)) (billing.Applied, error) {
			if after {
				_, _ = do()
			}
			return billing.Applied{}, errors.New("connection reset")
		}
		o.does(t, pr, billing.StatusPending)
		o.s.apply = nil
	}
}

// held begins a change while Stripe is away.
func held(pr billing.Proposal) func(t *testing.T, o *lostOrg) {
	return func(t *testing.T, o *lostOrg) {
		o.s.fetch = func(func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
			return billing.State{}, nil, billing.ErrStripeUnavailable
		}
		o.does(t, pr, billing.StatusPending)
		o.s.fetch = nil
	}
}

func lostHours() map[string]lostHour {
	four, six := increase(4), increase(6)
	ask := func(pr billing.Proposal) func(t *testing.T, o *lostOrg) {
		return func(t *testing.T, o *lostOrg) { o.asks(pr)(t, o) }
	}
	approve := func(t *testing.T, o *lostOrg) { o.approves(t, o) }
	act := func(pr billing.Proposal, want billing.Status) func(t *testing.T, o *lostOrg) {
		return func(t *testing.T, o *lostOrg) { o.does(t, pr, want) }
	}
	has := func(plan string, units int64) func(t *testing.T, o *lostOrg, sub billing.Subscription) {
		return func(t *testing.T, _ *lostOrg, sub billing.Subscription) {
			if sub.Plan != plan || sub.Units.Additional != units {
				t.Errorf("%s with %d units, want %s with %d", sub.Plan, sub.Units.Additional, plan, units)
			}
		}
	}
	pressAgain := func(t *testing.T, o *lostOrg) {
		for what, press := range map[string]func() error{
			"the page that was open": func() error { _, err := o.w.Service.Decide(ctx, o.Owner, o.request, o.form); return err },
			"the page as it is now":  func() error { _, err := pressed(t, o.w.Service, o.Owner, o.request); return err },
		} {
			if err := press(); err == nil {
				t.Errorf("%s: approved a second time", what)
			}
		}
	}
	recovered := func(t *testing.T, o *lostOrg) {
		for found := true; found; {
			var err error
			found, err = o.w.Service.Recover(ctx)
			noError(t, err)
		}
	}
	none := func(*testing.T, *lostOrg) {}
	hours := map[string]lostHour{
		"nothing":              {plan: "solo", then: has("solo", 0)},
		"an upgrade":           {plan: "solo", meanwhile: act(upgrade("team"), billing.StatusSwitched), then: has("team", 0)},
		"an approved upgrade":  {plan: "solo", before: ask(upgrade("team")), meanwhile: approve, then: has("team", 0), again: pressAgain},
		"an approved increase": {plan: "team", before: ask(six), meanwhile: approve, then: has("team", 6), again: pressAgain},
		"an increase": {plan: "team", meanwhile: act(six, billing.StatusCapacityIncreased), then: has("team", 6), again: func(t *testing.T, o *lostOrg) {
			_, err := o.w.Service.Propose(ctx, o.OwnerTool, six)
			fails(t, err, billing.ErrTargetNotGreater)
		}},
		"a reduction": {
			plan: "team", before: act(six, billing.StatusCapacityIncreased), meanwhile: act(reduce(1), billing.StatusReductionScheduled),
			then: func(t *testing.T, _ *lostOrg, sub billing.Subscription) {
				if !sub.Units.Reducing() || sub.Units.ReduceTo != 1 {
					t.Errorf("units %+v, want a reduction to 1", sub.Units)
				}
			},
		},
		"a downgrade": {plan: "solo", meanwhile: act(downgrade(), billing.StatusDowngradeScheduled), then: func(t *testing.T, _ *lostOrg, sub billing.Subscription) {
			if !sub.CancelAtPeriodEnd {
				t.Error("the downgrade is forgotten")
			}
		}},
		"a token": {plan: "solo", before: func(t *testing.T, o *lostOrg) {
			o.chat = with(asked(t, o.w.Service, o.Agent, upgrade("team")).Token, upgrade("team"))
		}, meanwhile: func(t *testing.T, o *lostOrg) {
			propose(t, o.w.Service, o.Agent, o.chat, billing.StatusSwitched, nil)
		}, then: has("team", 0), again: func(t *testing.T, o *lostOrg) {
			_, err := o.w.Service.Propose(ctx, o.Agent, o.chat)
			fails(t, err, billing.ErrTokenInvalid)
		}},
		"a first subscription": {before: func(t *testing.T, o *lostOrg) {
			_, err := o.w.Service.Checkout(ctx, o.Owner, "solo")
			noError(t, err)
		}, meanwhile: func(t *testing.T, o *lostOrg) {
			_, err := o.w.Box.Subscribe(o.w.Org(o.Org.ID).CustomerID, "solo_month", visa)
			noError(t, err)
		}, then: has("solo", 0), again: func(t *testing.T, o *lostOrg) {
			_, err := o.w.Service.Checkout(ctx, o.Owner, "solo")
			fails(t, err, billing.ErrSubscriptionExists)
		}},
		"a customer": {meanwhile: func(t *testing.T, o *lostOrg) {
			customer, err := o.w.Stripe.EnsureCustomer(ctx, o.Org, "owner@example.test")
			noError(t, err)
			_, err = o.w.Box.Subscribe(customer, "solo_month", visa)
			noError(t, err)
		}, then: has("solo", 0)},
		"a Checkout page": {meanwhile: func(t *testing.T, o *lostOrg) {
			var err error
			o.page, err = o.w.Service.Checkout(ctx, o.Owner, "solo")
			noError(t, err)
		}, then: has("free", 0), again: func(t *testing.T, o *lostOrg) {
			if slices.Contains(o.w.OpenCheckouts(), o.page) {
				t.Error("the forgotten page can still be paid")
			}
			page, err := o.w.Service.Checkout(ctx, o.Owner, "solo")
			if err != nil || page == o.page || !slices.Contains(o.w.OpenCheckouts(), page) {
				t.Errorf("another page: %s (%v), open %v", page, err, o.w.OpenCheckouts())
			}
		}},
		"a call whose answer was lost":      {plan: "team", before: cutOff(four, true), then: has("team", 4)},
		"a call that was made after":        {plan: "team", before: cutOff(four, false), meanwhile: recovered, then: has("team", 4)},
		"a call that was never made":        {plan: "team", before: cutOff(four, false), then: has("team", 0), lost: true},
		"a press that came to Stripe after": {plan: "team", before: held(four), meanwhile: recovered, then: has("team", 4)},
		"a press that never came to Stripe": {plan: "team", before: held(four), then: has("team", 0), lost: true},
		"a trial":                           {before: func(t *testing.T, o *lostOrg) { o.does(t, try("solo"), billing.StatusTrialStarted) }, then: has("free", 0)},
	}
	for name, h := range hours {
		if h.before == nil {
			h.before = none
		}
		if h.meanwhile == nil {
			h.meanwhile = none
		}
		hours[name] = h
	}
	return hours
}

// TestRestored: the database is lost, a backup of an hour ago takes its place,
// and Stripe has moved on in every way that there is. Afterwards what we know is
// what Stripe says, nothing is charged twice and nothing hangs.
func TestRestored(t *testing.T) {
	for name, o := range map[string]worldtest.Options{"SQLite": {OnDisk: true}, "PostgreSQL": {Postgres: true}} {
		t.Run(name, func(t *testing.T) {
			s := &seam{}
			o.Catalog = "capacity"
			o.Wrap = func(p billing.Processor) billing.Processor { s.Processor = p; return s }
			w := worldtest.New(t, o)
			w.Service.DontWait()
			cases := lostHours()
			orgs := map[string]*lostOrg{}
			each := func(f func(t *testing.T, c lostHour, o *lostOrg)) {
				for _, name := range slices.Sorted(maps.Keys(cases)) {
					t.Run(name, func(t *testing.T) { f(t, cases[name], orgs[name]) })
				}
			}
			for i, name := range slices.Sorted(maps.Keys(cases)) {
				orgs[name] = &lostOrg{w: w, s: s, Cast: w.NewCast(fmt.Sprint("org", i), cases[name].plan, visa)}
			}
			w.Advance(time.Hour)
			each(func(t *testing.T, c lostHour, o *lostOrg) { c.before(t, o) })
			backup := w.Backup()
			for name, o := range orgs {
				if cases[name].lost {
					w.Exec(`DELETE FROM intents WHERE org_id = '` + o.Org.ID + `'`)
				}
			}
			w.Advance(30 * time.Second) // leases last 25, tokens 60
			each(func(t *testing.T, c lostHour, o *lostOrg) { c.meanwhile(t, o) })
			w.Advance(10 * time.Minute) // hosted pages live on

			back := w.Restore(backup)
			for _, o := range orgs {
				o.w = back
				o.paid, _ = back.Paid(back.CustomerAtStripe(o.Org.ID))
			}
			r, err := back.Service.Restored(ctx, back.Stripe, billing.RestoreOptions{})
			if err != nil || len(r.Linked) != 2 || r.Pages != 2 || r.Intents != 5 || r.Tokens == 0 || r.Sessions == 0 || len(r.Strangers) > 0 {
				t.Errorf("%+v, %v", r, err)
			}
			// Whoever is not sure runs it again.
			if r, err = back.Service.Restored(ctx, back.Stripe, billing.RestoreOptions{}); err != nil || len(r.Linked) != 0 || r.Intents != 5 || r.Sessions > 0 {
				t.Errorf("again: %+v, %v", r, err)
			}
			each(func(t *testing.T, c lostHour, o *lostOrg) { o.endures(t, c) })
		})
	}
}

// endures runs what a server does, in one org, and asserts the end.
func (o *lostOrg) endures(t *testing.T, c lostHour) {
	t.Helper()
	if c.again != nil { // by somebody who is faster than the worker
		c.again(t, o)
	}
	noError(t, o.w.Service.SyncDirty(ctx))
	recoverAll(t, o.w, o.w.Service)
	noError(t, o.w.Service.Reconcile(ctx))
	noError(t, o.w.Service.SyncDirty(ctx))
	if c.again != nil {
		c.again(t, o)
	}
	sub, err := o.w.Store.Subscription(ctx, o.Org.ID)
	noError(t, err)
	c.then(t, o, sub)
	customer := o.w.CustomerAtStripe(o.Org.ID)
	if paid, _ := o.w.Paid(customer); paid != o.paid {
		t.Errorf("%d charges after it, %d before", paid, o.paid)
	}
	if customer != "" {
		says, _, err := o.w.Stripe.Fetch(ctx, customer)
		noError(t, err)
		if says.Plan == "" {
			says.Plan = sub.Plan
		}
		if asText(says) != asText(sub.State) || sub.Dirty() {
			t.Errorf("stored %s\nStripe %s", asText(sub.State), asText(says))
		}
	}
	open, err := o.w.Store.OpenIntent(ctx, o.Org.ID)
	if !errors.Is(err, billing.ErrNotFound) { // Stripe's events have told of each
		t.Errorf("open: %+v, %v", open, err)
	}
	if _, err = o.w.Service.Session(ctx, o.OwnerCookie); err == nil {
		t.Error("a session lives on that may have been ended")
	}
}
