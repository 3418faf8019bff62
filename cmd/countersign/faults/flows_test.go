package faults

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
)

// flow is a way in which something changes, from the moment that it is agreed to.
type flow struct {
	name  string
	plan  string // what the org has before; empty: nothing
	units int64
	// prepare brings the org into the state that the flow begins in.
	prepare func(w *world, s *billing.Service, o *org) error
	// method, path and body are how an agent asks for it.
	method, path, body string
	checkout           bool
	// stands reports whether a subscription is what the flow leads to.
	stands func(billing.Subscription) bool
}

// flows are all of them; those of agents end in chat or on the web.
var flows = []flow{
	{name: "change plan", plan: "solo", units: 2, method: http.MethodPost, path: "/api/billing/upgrade", body: `"plan":"team"`, stands: func(s billing.Subscription) bool { return s.Plan == "team" }},
	{name: "resume", plan: "solo", prepare: leaving, method: http.MethodPost, path: "/api/billing/upgrade", body: `"plan":"solo"`, stands: func(s billing.Subscription) bool { return s.Status.Live() && !s.CancelAtPeriodEnd }},
	{name: "downgrade", plan: "solo", units: 2, method: http.MethodPost, path: "/api/billing/downgrade", stands: func(s billing.Subscription) bool { return s.CancelAtPeriodEnd }},
	{name: "increase", plan: "solo", units: 2, method: http.MethodPost, path: increase, body: `"target_additional_capacity_units":5`, stands: func(s billing.Subscription) bool { return s.Units.Additional == 5 }},
	{name: "reduce", plan: "solo", units: 2, method: http.MethodPost, path: reduction, body: `"target_additional_capacity_units":1`, stands: func(s billing.Subscription) bool { return s.Units.Reducing() && s.Units.ReduceTo == 1 }},
	{name: "keep capacity", plan: "solo", units: 2, prepare: reducing, method: http.MethodDelete, path: reduction, stands: func(s billing.Subscription) bool { return !s.Units.Reducing() && s.Units.Additional == 2 }},
	{name: "trial start", method: http.MethodPost, path: "/v1/billing/trial/start", body: `"target_plan":"solo"`, stands: func(s billing.Subscription) bool { return s.Trial.Plan == "solo" }},
	{name: "checkout opened", checkout: true, stands: func(s billing.Subscription) bool { return s.Status.Live() && s.Plan == "solo" }},
	{name: "checkout completed", checkout: true, prepare: paying, stands: func(s billing.Subscription) bool { return s.Status.Live() && s.Plan == "solo" }},
}

const reduction = "/v1/billing/capacity/scheduled-reduction"

// leaving ends the subscription with its period.
func leaving(w *world, s *billing.Service, o *org) error {
	if err := w.box.CancelAtPeriodEnd(w.subscription(o), true); err != nil {
		return err
	}
	_, err := s.SyncOrg(w.t.Context(), o.id)
	return err
}

// reducing schedules a reduction.
func reducing(w *world, s *billing.Service, o *org) error {
	one := int64(1)
	out, err := s.Propose(w.t.Context(), o.owner, billing.Proposal{Verb: billing.VerbReduce, Units: &one})
	if err == nil && out.Status != billing.StatusReductionScheduled {
		err = fmt.Errorf("prepare: %s", out.Status)
	}
	return err
}

// paying finishes a Checkout at the sandbox; nobody has come back from it yet.
func paying(w *world, s *billing.Service, o *org) error {
	page, err := s.Checkout(w.t.Context(), o.owner, "solo")
	if err != nil {
		return err
	}
	return w.pay(page)
}

// pay does what somebody with a good card does at Checkout.
func (w *world) pay(page string) error {
	card := url.Values{"number": {"4242 4242 4242 4242"}, "expiry": {"12/40"}, "cvc": {"123"}, "name": {"Ada Okafor"}, "email": {"ada@acme.test"}}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, page, strings.NewReader(card.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := w.client.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSeeOther {
		return fmt.Errorf("pay: %s", res.Status)
	}
	return nil
}

// cell is a flow in an org of its own that is cut off at one point.
type cell struct {
	flow
	web bool
	at  point
	o   *org
	// form is the approve page's, token the chat's.
	form  url.Values
	burnt bool
}

// String names the cell.
func (c *cell) String() string {
	how := map[bool]string{true: "on the web", false: "in chat"}[c.web]
	if c.checkout {
		how = ""
	}
	when := map[bool]string{true: "after", false: "before"}[c.at.after]
	what := map[bool]string{true: "commit", false: "call of Stripe"}[c.at.commit]
	return fmt.Sprintf("%s %s, %s %s %d", c.name, how, when, what, c.at.n)
}

// populateCell makes the cell's org.
func (w *world) populateCell(s *billing.Service, store *db.Store, c *cell, name string) error {
	var err error
	if c.o, err = w.settle(s, store, name, 1, c.plan, c.units); err == nil && c.prepare != nil {
		err = c.prepare(w, s, c.o)
	}
	return err
}

// ask gets as far as the decision: an agent has asked, and a person looks at the
// page.
func (c *cell) ask(ctx context.Context) error {
	if c.checkout {
		return nil
	}
	body := c.body
	if body != "" {
		body += ","
	}
	mode := map[bool]string{true: "web", false: "chat"}[c.web]
	a, err := c.o.agent(ctx, 0, c.method, c.path, "{"+body+`"mode":"`+mode+`"}`)
	if err != nil || a.code != http.StatusOK || a.Request == "" {
		return fmt.Errorf("ask: %d %s %w", a.code, a.raw, errors.Join(err))
	}
	c.o.under = &consent{request: a.Request, token: a.ConfirmToken, web: c.web}
	if !c.web {
		return nil
	}
	page, err := c.o.page(ctx, c.o.approve())
	if err != nil {
		return err
	}
	var ok bool
	if c.form, ok = form(page.raw, c.o.approve(), `value="approve"`); !ok {
		return fmt.Errorf("no form: %d %s", page.code, page.raw)
	}
	c.form.Set("decision", "approve")
	return nil
}

// decide is the flow itself.
func (c *cell) decide(ctx context.Context) (answer, error) {
	switch {
	case c.checkout && c.prepare == nil:
		return c.o.agent(ctx, 0, http.MethodPost, "/api/billing/checkout", `{"plan":"solo"}`)
	case c.checkout:
		return c.o.page(ctx, "/settings/billing/success")
	case c.web:
		return c.o.post(ctx, c.o.approve(), c.form)
	}
	return c.o.agent(ctx, 0, c.method, c.path, `{"confirm_token":"`+c.o.under.token+`"}`)
}
