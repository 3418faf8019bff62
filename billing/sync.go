package billing

import (
	"context"
	"errors"
	"time"
)

// State comes in by one function. Webhooks, the page after a checkout, our own
// changes and the worker all say only "look again", and SyncOrg looks.

// SyncOrg reads what Stripe says about the org now and stores it, unless
// somebody stored a later reading meanwhile; then it reads again. It returns
// the row as it stands afterwards.
//
// Errors: ErrStripeUnavailable.
func (s *Service) SyncOrg(ctx context.Context, orgID string) (Subscription, error) {
	for {
		org, sub, err := s.load(ctx, orgID)
		if err != nil {
			return sub, err
		}
		if org.CustomerID == "" || s.processor == nil {
			return sub, s.nothingToSync(ctx, sub)
		}
		state, invoices, err := s.processor.Fetch(ctx, org.CustomerID)
		if err == nil && sub.CustomerID != org.CustomerID && len(invoices) >= NewestInvoices {
			invoices, err = s.processor.AllInvoices(ctx, org.CustomerID) // its first reading
		}
		if err = s.stripe(err); err != nil {
			return sub, err
		}
		before := sub
		sub = s.apply(sub, state)
		saved, err := s.save(ctx, org, before, sub, invoices)
		if err != nil {
			return sub, err
		}
		if !saved {
			continue // a newer row is there: what was fetched may be older than it
		}
		if s.usageChanged(orgID); sub.Version != before.Version {
			s.capsChanged(ctx, orgID)
		}
		if sub.Status.Live() && org.Checkout != nil {
			if _, err = s.store.SetCheckout(ctx, orgID, org.CheckoutSeq, nil); err != nil {
				return sub, err
			}
		}
		if sub, err = s.store.Subscription(ctx, orgID); err == nil {
			err = s.settleBank(ctx, sub)
		}
		if err == nil && sub.Version != before.Version {
			err = s.settleReviewed(ctx, sub)
		}
		return sub, err
	}
}

// save writes a reading and, with it, tells the host what it changed.
func (s *Service) save(ctx context.Context, org Org, before, sub Subscription, invoices []Invoice) (saved bool, err error) {
	err = s.store.InTx(ctx, func(tx Tx) error {
		if saved, err = tx.SaveState(ctx, sub, invoices); err != nil || !saved {
			return err
		}
		if err = s.convertTrial(ctx, tx, before, sub); err != nil {
			return err
		}
		return s.emitChanges(ctx, tx, org, before, sub)
	})
	return saved, err
}

// nothingToSync clears the dirty mark of an org that Stripe does not know.
func (s *Service) nothingToSync(ctx context.Context, sub Subscription) error {
	if !sub.Dirty() || s.processor == nil {
		return nil
	}
	sub.SyncedSeq, sub.SyncedAt = sub.DirtySeq, s.Now()
	_, err := s.store.SaveState(ctx, sub, nil)
	return err
}

// apply puts a reading into the row. A price that no plan has changes neither
// plan nor units: caps must not rise or fall by a mistake in Stripe's dashboard.
func (s *Service) apply(sub Subscription, state State) Subscription {
	if state.UnknownPrice != "" {
		s.log.Error("the subscription has a price that the catalogue does not know", "org", sub.OrgID, "price", state.UnknownPrice)
		state.Plan, state.Units.Additional = sub.Plan, sub.Units.Additional
	}
	if !sameTerms(sub.State, state) {
		sub.Version++
	}
	if sub.ScheduledBy != nil && !sub.ScheduledBy.standsIn(state) {
		sub.ScheduledBy = nil
	}
	sub.State = state
	sub.SyncedSeq, sub.SyncedAt = sub.DirtySeq, s.Now()
	return sub
}

// settleBank ends the requests whose payment waited for the bank, once nothing
// waits any more. Only a reading counts that began after the wait: its start
// marked the org dirty (see settle), so an older one leaves the row dirty.
func (s *Service) settleBank(ctx context.Context, sub Subscription) error {
	if sub.Dirty() || sub.Action != nil && sub.Action.Plan != "" {
		return nil
	}
	open, err := s.store.Approvals(ctx, sub.OrgID, ApprovalFilter{State: ApprovalIndeterminate, Limit: 10})
	if err != nil {
		return err
	}
	for _, a := range open {
		if a.Result == nil || !a.Result.waitsForBank() {
			continue
		}
		if err = s.bankAnswered(ctx, a, sub); err != nil {
			return err
		}
	}
	return nil
}

// bankAnswered writes the end of one such request: the plan has switched, or the
// bank did not agree in time.
func (s *Service) bankAnswered(ctx context.Context, a Approval, sub Subscription) error {
	to, event := ApprovalFailed, IntentFailed
	out := Outcome{
		Status: StatusFailed, Plan: sub.Plan, IntentID: a.IntentID,
		Failure: &Failure{Code: ErrPaymentFailed.Code, Message: "The bank did not confirm the payment in time. The plan has not changed."},
	}
	if i := (Intent{ID: a.IntentID, Quote: a.Quote}); achieved(i, sub) {
		to, event = ApprovalSucceeded, IntentDone
		out = done(i, asAgreed(a.Quote))
	}
	err := s.store.InTx(ctx, func(tx Tx) error {
		moved, err := tx.MoveApproval(ctx, a.OrgID, a.ID, to, &out, s.Now())
		if err != nil || !moved {
			return err
		}
		facts := map[string]any{"status": out.Status, "charged": out.Charged, "credited": out.Credited}
		return s.audit(ctx, tx, a.OrgID, Actor{Kind: KindSystem, Name: "Countersign"}, "change."+string(event), a.IntentID, facts)
	})
	s.notifier.Notify(ctx, a.ID)
	return err
}

// Receive takes in a verified webhook. Only the fact is stored, and the org is
// marked; the worker looks at Stripe, not at the event.
func (s *Service) Receive(ctx context.Context, e Event) error {
	orgID := ""
	if e.CustomerID != "" {
		var err error
		orgID, err = s.store.OrgByCustomer(ctx, e.CustomerID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	fresh, err := s.store.StoreEvent(ctx, orgID, e, s.Now())
	if fresh && orgID != "" {
		s.wake()
	}
	return err
}

const (
	firstLook = time.Hour
	overlap   = 5 * time.Minute // events appear in Stripe's list a little late
)

// Reconcile reads Stripe's own list of events since the last time, for the
// webhooks that never came.
func (s *Service) Reconcile(ctx context.Context) error {
	if s.processor == nil {
		return nil
	}
	since, err := s.store.EventCursor(ctx)
	if err != nil {
		return err
	}
	if since.IsZero() {
		since = s.Now().Add(-firstLook) // what is older, the syncs have seen
	}
	events, err := s.processor.Events(ctx, since.Add(-overlap))
	if err = s.stripe(err); err != nil {
		return err
	}
	for _, e := range events {
		if err = s.Receive(ctx, e); err != nil {
			return err
		}
		if e.CreatedAt.After(since) {
			since = e.CreatedAt
		}
	}
	return s.store.SetEventCursor(ctx, since)
}
