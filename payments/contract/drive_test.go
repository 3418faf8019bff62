package contract_test

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// propose makes a proposal and wants it to end so.
func (p *product) propose(who billing.Principal, pr billing.Proposal, want billing.Status) billing.Outcome {
	p.t.Helper()
	out, err := p.Service.Propose(p.t.Context(), who, pr)
	if err != nil || out.Status != want || out.AmountDiffers {
		p.t.Fatalf("%s %s: %+v, %v; want %s", pr.Verb, pr.Plan, out, err, want)
	}
	return out
}

func (p *product) refused(who billing.Principal, pr billing.Proposal, want error) {
	p.t.Helper()
	if out, err := p.Service.Propose(p.t.Context(), who, pr); !errors.Is(err, want) {
		p.t.Fatalf("%s %s: %+v, %v; want %v", pr.Verb, pr.Plan, out, err, want)
	}
}

// chat is an agent's proposal and its second call with the token.
func (p *product) chat(org worldtest.Cast, pr billing.Proposal, want billing.Status) {
	p.t.Helper()
	pr.ConfirmToken = p.propose(org.Agent, pr, billing.StatusConfirmationRequired).Token
	p.propose(org.Agent, pr, want)
}

// approve is an agent's request for a plan that the owner approves on the page.
func (p *product) approve(org worldtest.Cast, plan string) billing.Approval {
	p.t.Helper()
	out := p.propose(org.Agent, billing.Proposal{Verb: billing.VerbUpgrade, Plan: plan, Mode: billing.ModeWeb}, billing.StatusWebApproveRequired)
	page, err := p.Service.OpenRequest(p.t.Context(), org.Owner, out.Approval.ID)
	must(p.t, err)
	done, err := p.Service.Decide(p.t.Context(), org.Owner, out.Approval.ID, billing.Verdict{Approve: true, OpDigest: page.OpDigest, Sealed: page.Sealed})
	must(p.t, err)
	return done.Approval
}

func (p *product) card(org worldtest.Cast, token string) {
	p.t.Helper()
	must(p.t, p.Box.GiveCard(org.Customer, token))
}

// bank says yes to the payment that waits.
func (p *product) bank(org worldtest.Cast) {
	p.t.Helper()
	sub := p.Sync(org.Org.ID)
	if sub.Action == nil {
		p.t.Fatalf("no payment waits: %+v", sub.State)
	}
	p.press(sub.Action.URL+"/bank", url.Values{"outcome": {"complete"}})
}

func (p *product) wants(org worldtest.Cast, plan string) {
	p.t.Helper()
	if got := p.Plan(org.Org.ID); got != plan {
		p.t.Fatalf("the plan is %q, want %q", got, plan)
	}
}

// press submits a form of a hosted page, which answers with a redirect.
func (p *product) press(page string, form url.Values) {
	p.t.Helper()
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.PostForm(page, form)
	must(p.t, err)
	must(p.t, res.Body.Close())
	if res.StatusCode != http.StatusSeeOther {
		p.t.Fatalf("%s answered %s", page, res.Status)
	}
}
