package billing

import (
	"context"
	"errors"
)

// What became of an org's customer at Stripe.

// errReleased: the org's customer turned out to be deleted, and was let go.
var errReleased = errors.New("billing: the customer is gone")

// EventCustomerReleased is a deleted customer in the audit log.
const EventCustomerReleased = "customer.released"

// releaseCustomer lets go of a customer that was deleted at Stripe, with the
// reading that shows it: its subscriptions ended with it, an open Checkout page
// cannot be paid any more, and who buys again is made a new customer.
func (s *Service) releaseCustomer(ctx context.Context, tx Tx, org Org, sub Subscription) error {
	if org.CustomerID == "" || sub.CustomerID != "" {
		return nil
	}
	released, err := tx.ReleaseCustomer(ctx, org.ID, org.CustomerID)
	if err != nil || !released {
		return err
	}
	s.log.Warn("the customer was deleted at Stripe", "org", org.ID, "customer", org.CustomerID)
	facts := map[string]any{"customer": org.CustomerID}
	return s.audit(ctx, tx, org.ID, Actor{Kind: KindSystem, Name: "Stripe"}, EventCustomerReleased, org.CustomerID, facts)
}
