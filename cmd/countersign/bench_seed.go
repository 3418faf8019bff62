package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/db"
)

// instant is a Stripe that answers at once and out of memory: what is measured
// then is ours.
type instant struct {
	catalog *billing.Catalog
	begun   time.Time // of everybody's period
	mu      sync.Mutex
	moved   map[string]string // customers that changed, and their plan
}

// The plans of flat that a change is between, and what everybody has besides.
const (
	planBefore = "pro"
	planAfter  = "scale"
	invoices   = 12
	extraUnits = 5 // bought on top, where plans are sold in units
)

func newInstant(c *billing.Catalog) *instant {
	return &instant{catalog: c, begun: time.Now().UTC().Truncate(time.Second).AddDate(0, 0, -9), moved: map[string]string{}}
}

func (p *instant) plan(customer string) billing.Plan {
	p.mu.Lock()
	id, changed := p.moved[customer]
	p.mu.Unlock()
	plan, _ := p.catalog.FirstPaid()
	if changed {
		plan, _ = p.catalog.Plan(id)
	}
	if plan.Units != nil {
		return plan.With(extraUnits)
	}
	return plan
}

// Fetch implements billing.Processor.
func (p *instant) Fetch(_ context.Context, customer string) (billing.State, []billing.Invoice, error) {
	plan := p.plan(customer)
	end := p.begun.AddDate(0, 1, 0)
	state := billing.State{
		CustomerID: customer, SubscriptionID: "sub_" + customer, ItemID: "si_" + customer, Status: billing.StatusActive, Plan: plan.ID,
		PeriodStart: p.begun, PeriodEnd: end,
		Card:  &billing.Card{Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2031},
		Units: billing.BoughtUnits{Additional: plan.Additional},
		Next:  &billing.NextInvoice{Date: end, Amount: plan.Price.Money, Lines: []billing.Line{{Description: "1 × " + plan.Name, Amount: plan.Price.Amount}}},
	}
	var list []billing.Invoice
	if plan.ID == planAfter {
		list = append(list, p.invoice(customer, invoices, "Remaining time on "+plan.Name, time.Hour))
	}
	for n := range invoices {
		list = append(list, p.invoice(customer, n, plan.Name, -time.Duration(n)*30*24*time.Hour))
	}
	return state, list, nil
}

func (p *instant) invoice(customer string, n int, what string, since time.Duration) billing.Invoice {
	id := fmt.Sprintf("in_%s_%02d", customer, n)
	return billing.Invoice{
		ID: id, Number: fmt.Sprintf("BENCH-%04d", n), CreatedAt: p.begun.Add(since), Description: what,
		Amount: billing.Money{Amount: 1900, Currency: p.catalog.Currency}, Status: "paid",
		HostedURL: "https://invoice.stripe.com/i/" + id, PDFURL: "https://invoice.stripe.com/i/" + id + "/pdf",
	}
}

// Quote implements billing.Processor.
func (p *instant) Quote(_ context.Context, from billing.Subscription, c billing.Change, at time.Time) (billing.Quote, error) {
	plan, _ := p.catalog.Plan(c.Plan)
	return billing.Quote{
		Change: c, Currency: p.catalog.Currency, FromPlan: from.Plan, ToPlan: plan.ID, DueNow: 2100, Recurring: plan.Price.Amount,
		Interval: plan.Price.Interval, NextChargeAt: from.PeriodEnd, ProrationDate: at,
		Lines: []billing.Line{
			{Description: "Unused time on Pro", Amount: -1330, Proration: true},
			{Description: "Remaining time on " + plan.Name, Amount: 3430, Proration: true},
		},
	}, nil
}

// Apply implements billing.Processor.
func (p *instant) Apply(_ context.Context, o billing.Order) (billing.Applied, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.moved[o.From().CustomerID] = o.Quote().ToPlan
	return billing.Applied{Charged: o.Quote().DueNow, InvoiceID: "in_" + o.From().CustomerID}, nil
}

// EnsureCustomer implements billing.Processor.
func (p *instant) EnsureCustomer(_ context.Context, org billing.Org, _ string) (string, error) {
	return "cus_" + strings.TrimPrefix(org.ID, "org_"), nil
}

// Trace implements billing.Processor.
func (p *instant) Trace(context.Context, billing.Order) (billing.Applied, error) {
	return billing.Applied{}, billing.ErrNoTrace
}

// Events implements billing.Processor.
func (p *instant) Events(context.Context, time.Time) ([]billing.Event, error) { return nil, nil }

// The rest of billing.Processor is not part of what is measured.

func (p *instant) AllInvoices(context.Context, string) ([]billing.Invoice, error) {
	return nil, billing.ErrStripeUnavailable
}

func (p *instant) OpenCheckout(context.Context, billing.CheckoutRequest) (billing.Checkout, error) {
	return billing.Checkout{}, billing.ErrStripeUnavailable
}
func (p *instant) ExpireCheckout(context.Context, string) error { return nil }
func (p *instant) OpenPortal(context.Context, string, string) (string, error) {
	return "", billing.ErrStripeUnavailable
}

// tenant is an org of the benchmark, and the ways into it.
type tenant struct {
	Org   string
	Key   string // of its agent
	Login string // path of its owner's sign-in link
	Host  string // key of the host application
}

// seed makes orgs in one transaction: each with an owner, an agent, a
// subscription with a card and a next charge, invoices, and usage of every
// resource.
func seed(ctx context.Context, store *db.Store, stripe *instant, n int) (made []tenant, err error) {
	err = store.InTx(ctx, func(tx billing.Tx) error {
		clock := billing.ClockFunc(time.Now)
		s := billing.New(billing.Config{Store: batch{tx}, Catalog: stripe.catalog, Clock: clock})
		made = make([]tenant, 0, n)
		_, host, err := s.IssueKey(ctx, billing.NewKey{Kind: billing.KindHost, Name: "host application", CreatedBy: "bench"})
		if err != nil {
			return fmt.Errorf("seed: %w", err)
		}
		for range n {
			t, err := seedOne(ctx, s, tx, stripe)
			if err != nil {
				return fmt.Errorf("seed: %w", err)
			}
			t.Host = host
			made = append(made, t)
		}
		return nil
	})
	return made, err
}

func seedOne(ctx context.Context, s *billing.Service, tx billing.Tx, stripe *instant) (t tenant, err error) {
	org, err := s.AddOrg(ctx, "Acme", false)
	if err != nil {
		return t, err
	}
	t.Org = org.ID
	email := org.ID + "@bench.test"
	if _, err = s.AddMember(ctx, org.ID, email, "Ada Okafor", billing.RoleOwner); err != nil {
		return t, err
	}
	if t.Login, _, err = s.SignInURL(ctx, email, "", time.Hour); err != nil {
		return t, err
	}
	_, t.Key, err = s.IssueKey(ctx, billing.NewKey{
		Kind: billing.KindAgent, OrgID: org.ID, Name: "deploy-bot", Scopes: []string{billing.ScopeRead, billing.ScopeRequest}, CreatedBy: "Ada Okafor",
	})
	if err != nil {
		return t, err
	}
	if err = subscribeBench(ctx, tx, stripe, org, email); err != nil {
		return t, err
	}
	for i, r := range stripe.catalog.Resources {
		if err = s.ReportUsage(ctx, org.ID, r.ID, int64(100*i+7)); err != nil {
			return t, err
		}
	}
	return t, nil
}

func subscribeBench(ctx context.Context, tx billing.Tx, stripe *instant, org billing.Org, email string) error {
	customer, err := stripe.EnsureCustomer(ctx, org, email)
	if err != nil {
		return err
	}
	if _, err = tx.SetCustomer(ctx, org.ID, customer); err != nil {
		return err
	}
	sub, err := tx.Subscription(ctx, org.ID)
	if err != nil {
		return err
	}
	state, list, err := stripe.Fetch(ctx, customer)
	if err != nil {
		return err
	}
	sub.State, sub.SyncedAt = state, time.Now().UTC()
	_, err = tx.SaveState(ctx, sub, list)
	return err
}

// batch is a store that is inside of a transaction already.
type batch struct{ billing.Tx }

func (b batch) InTx(_ context.Context, f func(billing.Tx) error) error { return f(b.Tx) }
func (b batch) Ping(context.Context) error                             { return nil }
