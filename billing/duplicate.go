package billing

import "context"

// A customer with two live subscriptions pays twice. It can come from two
// Checkout pages that were paid at the same moment. The older one counts; the
// newer one is ended and refunded by an intent of the system's own.

// Duplicate is a live subscription beside the one that counts.
type Duplicate struct {
	SubscriptionID string
	Plan           string // of the catalogue; empty if none has its price
	// Ours says that both came from our own Checkout and that nothing else makes
	// it unclear which one is wanted. Others are an operator's to decide about.
	Ours bool
}

// systemActor is who does what nobody asked for.
func systemActor() Actor { return Actor{Kind: KindSystem, Name: "Countersign"} }

// endDuplicates writes, with the reading that shows them, an intent for each
// second subscription, once for ever, and alerts the operator. The worker carries
// the intents out. They stand beside the org's own open intent, as they concern
// another subscription: neither waits for the other.
func (s *Service) endDuplicates(ctx context.Context, tx Tx, sub Subscription) error {
	for _, d := range sub.Duplicates {
		if !d.Ours {
			s.alert("somebody has to decide at Stripe which one stays", sub, d)
			continue
		}
		i := s.newIntent(sub, systemActor(), systemActor(), "", Quote{
			Change: Change{Action: ActionCancelDuplicate, Plan: d.Plan}, Currency: s.catalog.Currency,
			FromPlan: sub.Plan, ToPlan: sub.Plan, SubscriptionVersion: sub.Version, CatalogVersion: s.catalog.Version,
		})
		i.Duplicate = d.SubscriptionID
		won, err := tx.InsertIntent(ctx, i)
		if err != nil {
			return err
		}
		s.alert("it is ended and refunded", sub, d)
		if !won {
			continue
		}
		facts := map[string]any{"action": ActionCancelDuplicate, "plan": d.Plan, "subscription": d.SubscriptionID, "kept": sub.SubscriptionID}
		if err = s.audit(ctx, tx, sub.OrgID, systemActor(), "change.requested", i.ID, facts); err != nil {
			return err
		}
	}
	return nil
}

// PaidTwice is what becomes of a second subscription that was found a moment ago;
// ok is false if there was none. Refunded is 0 while that is under way.
func (s *Service) PaidTwice(ctx context.Context, p Principal) (out Outcome, ok bool, err error) {
	i, err := s.store.NewestDuplicate(ctx, p.OrgID)
	switch {
	case CodeOf(err) == ErrNotFound.Code:
		return out, false, nil
	case err != nil || s.Now().Sub(i.CreatedAt) > checkoutLife:
		return out, false, err
	}
	out = Outcome{Status: StatusDuplicateCanceled, Plan: i.Quote.FromPlan, Currency: i.Quote.Currency, IntentID: i.ID}
	if i.Result != nil {
		out.Refunded = i.Result.Refunded
	}
	return out, i.State != IntentFailed && i.State != IntentRefused, nil
}

// alert tells the operator of a second subscription, once in a process.
func (s *Service) alert(what string, sub Subscription, d Duplicate) {
	if _, told := s.alerted.LoadOrStore(d.SubscriptionID, true); told {
		return
	}
	s.duplicates.Add(1)
	s.log.Error("a second live subscription", "what", what, "org", sub.OrgID, "customer", sub.CustomerID, "subscription", d.SubscriptionID, "kept", sub.SubscriptionID)
}

// holds reports by an error that what an intent was agreed for is not so any
// more. Nobody agreed to a price for a duplicate; whether it is still one, Apply
// looks for itself.
func (s *Service) holds(ctx context.Context, sub Subscription, i Intent) error {
	if i.Duplicate != "" {
		return nil
	}
	_, err := s.requote(ctx, sub, i.Quote)
	return err
}

// tellOfDuplicate tells the host, or the operator if it did not work.
func (s *Service) tellOfDuplicate(ctx context.Context, tx Tx, i Intent, out Outcome) error {
	switch {
	case i.Duplicate == "":
		return nil
	case i.State != IntentDone:
		s.log.Error("a second subscription could not be ended and refunded", "intent", i.ID, "org", i.OrgID, "subscription", i.Duplicate, "state", i.State)
		return nil
	}
	return s.emit(ctx, tx, i.OrgID, EventDuplicateCanceled, DuplicateCanceled{
		Plan: i.Quote.Change.Plan, Refunded: out.Refunded, Currency: out.Currency,
	})
}
