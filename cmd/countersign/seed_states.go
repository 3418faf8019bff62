package main

import (
	"context"
	"errors"

	"github.com/countersignhq/countersign/billing"
)

// Names as long as people have them.
const (
	longName   = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft & Sons International Holdings of Llanfairpwllgwyngyll"
	longHost   = "mail.donaudampfschifffahrtsgesellschaft.test"
	longPerson = "Wilhelmina Anastasia Featherstonehaugh-Cholmondeley of Bassenthwaite"
)

// teller is an org whose story is told, with who acts for it.
type teller struct {
	org      billing.Org
	owner    billing.Principal
	customer string // at Stripe, if it ever was one
	// bot and twin are one agent with two keys.
	bot, twin billing.Principal
}

// welcomeSol makes somebody a member who has an organisation already.
func welcomeSol(ctx context.Context, d *demonstration, t *teller) error {
	_, err := d.app.service.AddMember(ctx, t.org.ID, "sol@sable.test", "Sol Ibarra", billing.RoleMember)
	return err
}

// askBank presses an upgrade that the bank wants to confirm.
func askBank(ctx context.Context, d *demonstration, t *teller) error {
	_, err := d.app.service.Propose(ctx, t.owner, billing.Proposal{Verb: billing.VerbUpgrade, Plan: d.topPlan().ID})
	if errors.Is(err, billing.ErrPaymentAction) {
		return nil
	}
	return errors.Join(errors.New("the bank did not ask"), err)
}

// loseAnswer leaves a change that nobody knows the end of, for the operator: an
// agent asked, the owner approved, and Stripe never said what became of it.
func loseAnswer(ctx context.Context, d *demonstration, t *teller) error {
	s := scene{ctx: ctx, demonstration: d, teller: t}
	s.hire()
	id := s.ask(t.bot, s.upgrade("The queue holds more mail than rows are left."))
	s.then(func() error {
		r, err := d.app.service.OpenRequest(ctx, t.owner, id)
		if err != nil {
			return err
		}
		return d.app.store.InTx(ctx, func(tx billing.Tx) error { return lose(ctx, tx, r, t.owner.Actor) })
	})
	return s.err
}

// lose writes what stands after an approval whose answer never came.
func lose(ctx context.Context, tx billing.Tx, r billing.Request, by billing.Actor) error {
	a, at := r.Approval, r.Now
	i := billing.Intent{
		ID: "int_demo_lost", OrgID: a.OrgID, ApprovalID: a.ID, Actor: a.Actor, DecidedBy: by, Quote: r.Quote, From: r.Subscription.State,
		State: billing.IntentNeedsReview, Attempt: 1, CreatedAt: at, CalledAt: at, FinishedAt: at,
	}
	won, err := tx.Approve(ctx, billing.Decision{
		OrgID: a.OrgID, ApprovalID: a.ID, At: at, By: by, Assurance: billing.AssuranceSession, Quote: r.Quote, OpDigest: r.OpDigest,
		BaseDigest: a.BaseDigest, SubscriptionVersion: r.Quote.SubscriptionVersion, IntentID: i.ID,
	})
	if err == nil && won {
		won, err = tx.InsertIntent(ctx, i)
	}
	if err == nil && won {
		won, err = tx.MoveApproval(ctx, a.OrgID, a.ID, billing.ApprovalIndeterminate, &billing.Outcome{Status: billing.StatusPending, Plan: i.Quote.FromPlan, IntentID: i.ID}, at)
	}
	if err == nil && !won {
		err = errors.New("the request could not be left open")
	}
	if err != nil {
		return err
	}
	return errors.Join(
		tx.Audit(ctx, billing.AuditEvent{ID: "evt_demo_approved", OrgID: a.OrgID, At: at, Actor: by, Event: "approval.approved", Subject: a.ID, Facts: map[string]any{"due_now": i.Quote.DueNow}}),
		tx.Audit(ctx, billing.AuditEvent{ID: "evt_demo_lost", OrgID: a.OrgID, At: at, Actor: by, Event: "change.needs_review", Subject: i.ID, Facts: map[string]any{"request": a.ID}}),
	)
}

// askAround lets an agent ask for this and that: its requests end in most of
// the ways that there are.
func askAround(ctx context.Context, d *demonstration, t *teller) error {
	s := scene{ctx: ctx, demonstration: d, teller: t}
	s.sync()
	s.then(func() error { // who is mailed what Hana decides
		_, err := d.app.service.AddMember(ctx, t.org.ID, "hugo@heron.test", "Hugo Brandt", billing.RoleBillingAdmin)
		return err
	})
	s.hire()
	s.ask(t.bot, s.downgrade()) // superseded by the next, which comes with another key
	id := s.ask(t.twin, s.downgrade())
	s.answer(id, billing.Verdict{Approve: true})
	s.propose(billing.Proposal{Verb: billing.VerbResume})
	s.withdraw(s.ask(t.bot, s.downgrade()))
	id = s.ask(t.bot, s.upgrade("The nightly import needs more rows."))
	s.answer(id, billing.Verdict{Reason: "too_expensive", Note: "After the audit."})
	s.ask(t.bot, s.downgrade()) // nobody answers
	return s.err
}

// askAgain has a card declined, and leaves a request that waits.
func askAgain(ctx context.Context, d *demonstration, t *teller) error {
	s := scene{ctx: ctx, demonstration: d, teller: t}
	s.card("pm_card_chargeCustomerFail")
	s.answer(s.ask(t.bot, s.upgrade("The import stops at 5,000 rows.")), billing.Verdict{Approve: true})
	s.card("pm_card_visa")
	s.sync()
	s.ask(t.bot, s.upgrade("The import stops at 5,000 rows, and there are 4,800."))
	return s.err
}

// scene is a part of a story in which several people act. After an error nothing
// more happens.
type scene struct {
	*demonstration
	*teller
	ctx context.Context //nolint:containedctx // it lives as long as the call
	err error
}

func (s *scene) then(step func() error) {
	if s.err == nil {
		s.err = step()
	}
}

func (s *scene) sync() {
	s.then(func() error { _, err := s.app.service.SyncOrg(s.ctx, s.org.ID); return err })
}

func (s *scene) card(card string) {
	s.then(func() error { return s.box.GiveCard(s.customer, card) })
}

// hire makes an agent with two keys.
func (s *scene) hire() {
	for _, p := range []*billing.Principal{&s.bot, &s.twin} {
		s.then(func() error {
			_, key, err := s.app.service.IssueKey(s.ctx, billing.NewKey{
				Kind: billing.KindAgent, OrgID: s.org.ID, PrincipalID: s.bot.ID, Name: "import-bot",
				Scopes: []string{billing.ScopeRead, billing.ScopeRequest}, CreatedBy: s.owner.Name,
			})
			if err == nil {
				*p, err = s.app.service.Authenticate(s.ctx, key)
			}
			return err
		})
	}
}

func (s *scene) upgrade(reason string) billing.Proposal {
	return billing.Proposal{Verb: billing.VerbUpgrade, Plan: s.topPlan().ID, Mode: billing.ModeWeb, Reason: reason}
}

func (s *scene) downgrade() billing.Proposal {
	return billing.Proposal{Verb: billing.VerbDowngrade, Mode: billing.ModeWeb, Reason: "Nobody has used the paid plan for a month."}
}

// propose is the owner's own press.
func (s *scene) propose(wish billing.Proposal) {
	s.then(func() error { _, err := s.app.service.Propose(s.ctx, s.owner, wish); return err })
}

// ask is an agent's, and returns the request's id.
func (s *scene) ask(bot billing.Principal, wish billing.Proposal) (id string) {
	s.then(func() error {
		out, err := s.app.service.Propose(s.ctx, bot, wish)
		if err == nil {
			id = out.Approval.ID
		}
		return err
	})
	return id
}

// answer is the owner's press on the approve page.
func (s *scene) answer(id string, v billing.Verdict) {
	s.then(func() error {
		r, err := s.app.service.OpenRequest(s.ctx, s.owner, id)
		if err == nil {
			v.OpDigest, v.Sealed = r.OpDigest, r.Sealed
			_, err = s.app.service.Decide(s.ctx, s.owner, id, v)
		}
		return err
	})
}

func (s *scene) withdraw(id string) {
	s.then(func() error { _, err := s.app.service.CancelApproval(s.ctx, s.bot, id); return err })
}
