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
	return s.sync(ctx, orgID, nil)
}

// sync is SyncOrg; w, if there is one, hears what was different.
func (s *Service) sync(ctx context.Context, orgID string, w *watch) (Subscription, error) {
	return s.look(ctx, orgID, w, false)
}

// look is sync; for news there has to be some, and only that is read which it can
// be about.
func (s *Service) look(ctx context.Context, orgID string, w *watch, news bool) (Subscription, error) {
	for {
		org, sub, err := s.load(ctx, orgID)
		if err != nil {
			return sub, err
		}
		if org.CustomerID == "" || s.processor == nil {
			return sub, s.nothingToSync(ctx, sub)
		}
		if news && !sub.Dirty() {
			return sub, nil // somebody was faster
		}
		state, invoices, err := s.readStripe(ctx, org, sub, news)
		if err = s.stripe(err); err != nil {
			return sub, err
		}
		before := sub
		sub = s.apply(sub, state)
		again := false
		if w != nil {
			again, err = w.compare(ctx, s, before, sub, invoices)
		}
		saved := false
		switch {
		case err != nil || again:
		case w.unchanged():
			saved, err = s.isStill(ctx, before)
		default:
			saved, err = s.inTurn(news, func() (bool, error) { return s.save(ctx, org, before, sub, invoices, w) })
		}
		if err != nil {
			return sub, err
		}
		if !saved {
			continue // a newer row is there: what was fetched may be older than it
		}
		w.count(s, orgID)
		if s.usageChanged(orgID); sub.Version != before.Version || !sub.PastDueSince.Equal(before.PastDueSince) {
			s.capsChanged(ctx, orgID)
		}
		if sub.Status.Live() && org.Checkout != nil {
			if err = s.closeCheckout(ctx, org); err != nil {
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

// isStill reports whether nobody has written the row since.
func (s *Service) isStill(ctx context.Context, before Subscription) (bool, error) {
	now, err := s.store.Subscription(ctx, before.OrgID)
	return now.RowVersion == before.RowVersion, err
}

// save writes a reading and, with it, tells the host what it changed.
func (s *Service) save(ctx context.Context, org Org, before, sub Subscription, invoices []Invoice, w *watch) (saved bool, err error) {
	err = s.store.InTx(ctx, func(tx Tx) error {
		paid, err := s.newlyPaid(ctx, tx, org, before, invoices)
		if err != nil {
			return err
		}
		if saved, err = tx.SaveState(ctx, sub, invoices); err != nil || !saved {
			return err
		}
		if err = w.record(ctx, s, tx, org.ID); err != nil {
			return err
		}
		if err = s.releaseCustomer(ctx, tx, org, sub); err != nil {
			return err
		}
		if err = s.convertTrial(ctx, tx, before, sub); err != nil {
			return err
		}
		if err = s.endDuplicates(ctx, tx, sub); err != nil {
			return err
		}
		if err = s.mailMoney(ctx, tx, org, before, sub, paid); err != nil {
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
	sub.LapsedAt = s.lapsedAt(sub, sub.SyncedAt)
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
	i := Intent{ID: a.IntentID, OrgID: a.OrgID, ApprovalID: a.ID, Actor: a.Actor, DecidedBy: a.DecidedBy, Quote: a.Quote, FinishedAt: s.Now()}
	if achieved(i, sub) {
		to, event = ApprovalSucceeded, IntentDone
		out = done(i, asAgreed(a.Quote))
	}
	err := s.store.InTx(ctx, func(tx Tx) error {
		moved, err := tx.MoveApproval(ctx, a.OrgID, a.ID, to, &out, s.Now())
		if err != nil || !moved {
			return err
		}
		facts := map[string]any{"status": out.Status, "charged": out.Charged, "credited": out.Credited, "request": a.ID}
		if err = s.audit(ctx, tx, a.OrgID, systemActor(), "change."+string(event), a.IntentID, facts); err != nil {
			return err
		}
		return s.mailChange(ctx, tx, i, out)
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
	// firstLook is how far back a server looks that never read Stripe's list. It
	// knows no customer by then, or a pass over all of them is due (see LookAtAll).
	firstLook = time.Hour
	overlap   = 5 * time.Minute // events appear in Stripe's list a little late
	// eventsKept is how long the list is relied on; Stripe keeps 30 days.
	eventsKept = 29 * aDay
)

// ErrTooManyEvents: more happened at Stripe than is worth reading one by one.
var ErrTooManyEvents = errors.New("billing: too many events to read")

// Reconcile reads Stripe's own list of events since the last time, for the
// webhooks that never came. The cursor moves on only once all of them are
// stored. Where the list does not tell of everything since then, or of too much,
// every subscription is looked at instead.
//
// Errors: ErrStripeUnavailable.
func (s *Service) Reconcile(ctx context.Context) error {
	if s.processor == nil {
		return nil
	}
	since, err := s.store.EventCursor(ctx)
	if err != nil {
		return err
	}
	last, err := s.store.Reconciliation(ctx)
	if err != nil {
		return err
	}
	if !last.EventsAt.IsZero() && s.Now().Sub(last.EventsAt) > eventsKept {
		return s.lookInstead(ctx)
	}
	if since.IsZero() {
		since = s.Now().Add(-firstLook)
	}
	events, err := s.processor.Events(ctx, since.Add(-overlap))
	if errors.Is(err, ErrTooManyEvents) {
		return s.lookInstead(ctx)
	}
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

// lookInstead asks for a pass and goes on with the events from now on: the pass
// begins later, so it sees all that was before.
func (s *Service) lookInstead(ctx context.Context) error {
	s.log.Warn("Stripe's list of events is too long or too old: every subscription is looked at instead")
	return s.store.InTx(ctx, func(tx Tx) error {
		if err := tx.WantPass(ctx); err != nil {
			return err
		}
		return tx.SetEventCursor(ctx, s.Now())
	})
}
