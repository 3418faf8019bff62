package billing

import (
	"context"
	"errors"
	"time"
)

// checkoutLife is Stripe's minimum. An older session is expired before another
// one is opened, so at most one can be paid.
const checkoutLife = 31 * time.Minute

// Checkout opens a hosted page on which a person enters a card and subscribes.
// The card is the consent, so agents may ask for the page too.
//
// Errors: ErrStripeNotSet, ErrDesignPartner, ErrSubscriptionExists,
// ErrUnknownPlan, ErrUseDowngrade, ErrTrialRank, ErrStripeUnavailable.
func (s *Service) Checkout(ctx context.Context, p Principal, plan string) (string, error) {
	if s.processor == nil {
		return "", ErrStripeNotSet
	}
	if err := mayPropose(p); err != nil {
		return "", err
	}
	if _, err := s.paidPlan(plan); err != nil {
		return "", err
	}
	org, sub, err := s.load(ctx, p.OrgID)
	switch {
	case err != nil:
		return "", err
	case org.Complimentary():
		return "", ErrDesignPartner
	case sub.Status.Live():
		return "", ErrSubscriptionExists
	}
	return s.openCheckout(ctx, p, org, sub, plan)
}

// mayConvert: a trial leads to its own plan or a higher one.
func (s *Service) mayConvert(sub Subscription, to Plan) error {
	tried, ok := s.trialPlan(sub)
	if ok && tried.Above(to) {
		return ErrTrialRank.With("trial", tried.ID).With("plan", to.ID).With("ends_at", sub.Trial.EndsAt)
	}
	return nil
}

// openCheckout reuses the org's live session for the plan or replaces it. Two
// racing calls use the same idempotency key and meet in one session.
func (s *Service) openCheckout(ctx context.Context, p Principal, org Org, sub Subscription, planID string) (string, error) {
	plan, err := s.paidPlan(planID)
	if err != nil {
		return "", err
	}
	if err = s.mayConvert(sub, plan); err != nil {
		return "", err
	}
	for range 3 {
		if c := org.Checkout; c != nil && c.Plan == plan.ID && s.Now().Before(c.ExpiresAt.Add(-time.Minute)) {
			return c.URL, nil
		}
		c, err := s.newCheckout(ctx, p, org, plan)
		if errors.Is(err, errReleased) { // a deleted customer buys nothing: with a new one
			if org, err = s.store.Org(ctx, org.ID); err != nil {
				return "", err
			}
			continue
		}
		if err != nil {
			return "", s.stripe(err)
		}
		won, err := s.store.SetCheckout(ctx, org.ID, org.CheckoutSeq, &c)
		if err != nil {
			return "", err
		}
		if won {
			return c.URL, nil
		}
		if org, err = s.store.Org(ctx, org.ID); err != nil {
			return "", err
		}
		if org.Checkout == nil || org.Checkout.ID != c.ID {
			_ = s.processor.ExpireCheckout(ctx, c.ID) // the other call's session is the one that counts
		}
	}
	return "", ErrChangeInProgress.After(time.Second)
}

func (s *Service) newCheckout(ctx context.Context, p Principal, org Org, plan Plan) (Checkout, error) {
	if org.Checkout != nil {
		if err := s.processor.ExpireCheckout(ctx, org.Checkout.ID); err != nil {
			return Checkout{}, err
		}
	}
	// Now that the older page can no longer be paid: it may have been, a moment
	// ago. A second subscription would charge the org twice.
	sub, err := s.SyncOrg(ctx, org.ID)
	switch {
	case err != nil:
		return Checkout{}, err
	case sub.Status.Live():
		return Checkout{}, ErrSubscriptionExists
	case org.CustomerID != "" && sub.CustomerID == "":
		return Checkout{}, errReleased
	}
	customer, err := s.customer(ctx, p, org)
	if err != nil {
		return Checkout{}, err
	}
	return s.processor.OpenCheckout(ctx, CheckoutRequest{
		OrgID: org.ID, CustomerID: customer, Plan: plan, Seq: org.CheckoutSeq,
		SuccessURL: s.baseURL + "/settings/billing/success?session_id={CHECKOUT_SESSION_ID}",
		CancelURL:  s.baseURL + "/settings/billing",
		ExpiresAt:  s.Now().Add(checkoutLife),
	})
}

// closeCheckout ends the org's page, where something else has taken its place: a
// subscription, or a trial that leads to another plan. A page that Stripe cannot
// be told to end ends by itself, within checkoutLife; what is paid on it counts.
func (s *Service) closeCheckout(ctx context.Context, org Org) error {
	if org.Checkout == nil || s.processor == nil {
		return nil
	}
	if err := s.processor.ExpireCheckout(ctx, org.Checkout.ID); err != nil {
		s.log.Warn("a Checkout page could not be closed", "org", org.ID, "until", org.Checkout.ExpiresAt, "error", err)
		return nil
	}
	_, err := s.store.SetCheckout(ctx, org.ID, org.CheckoutSeq, nil)
	return err
}

// customer returns the org's customer at Stripe, made once.
func (s *Service) customer(ctx context.Context, p Principal, org Org) (string, error) {
	if org.CustomerID != "" {
		return org.CustomerID, nil
	}
	former, err := s.store.FormerCustomer(ctx, org.ID)
	if err != nil {
		return "", err
	}
	org.FormerCustomer = former
	id, err := s.processor.EnsureCustomer(ctx, org, s.payer(ctx, p))
	if err != nil {
		return "", err
	}
	err = s.store.InTx(ctx, func(tx Tx) error {
		set, err := tx.SetCustomer(ctx, org.ID, id)
		if err != nil || !set {
			return err
		}
		return tx.MarkDirty(ctx, org.ID) // events that came before it was known whose they are
	})
	if err != nil {
		return "", err
	}
	org, err = s.store.Org(ctx, org.ID)
	return org.CustomerID, err
}

// payer is the address that Stripe sends receipts to: the caller's, or the
// first owner's when an agent asks.
func (s *Service) payer(ctx context.Context, p Principal) string {
	if p.Email != "" {
		return p.Email
	}
	if members, err := s.store.Members(ctx, p.OrgID); err == nil && len(members) > 0 {
		return members[0].User.Email
	}
	return ""
}

// FinishCheckout looks at Stripe after a person came back from the hosted page.
// It reports whether the subscription is there; until then no button to buy is
// to be shown.
func (s *Service) FinishCheckout(ctx context.Context, p Principal) (bool, error) {
	if s.processor == nil {
		return false, ErrStripeNotSet
	}
	sub, err := s.SyncOrg(ctx, p.OrgID)
	return sub.Status.Live(), err
}

// Portal opens Stripe's customer portal. An agent gets the address of our own
// page instead, where a person has to be signed in: the link alone carries no
// power.
//
// Errors: ErrStripeNotSet, ErrNoCustomer, ErrStripeUnavailable.
func (s *Service) Portal(ctx context.Context, p Principal) (string, error) {
	if s.processor == nil {
		return "", ErrStripeNotSet
	}
	if err := mayPropose(p); err != nil {
		return "", err
	}
	org, err := s.store.Org(ctx, p.OrgID)
	if err != nil {
		return "", err
	}
	if org.CustomerID == "" {
		return "", ErrNoCustomer
	}
	if !p.CanManage() {
		return s.baseURL + "/settings/billing/portal", nil
	}
	url, err := s.processor.OpenPortal(ctx, org.CustomerID, s.baseURL+"/settings/billing")
	if errors.Is(err, ErrStripeRefused) { // perhaps the customer was deleted there
		if sub, serr := s.SyncOrg(ctx, org.ID); serr == nil && sub.CustomerID == "" {
			return "", ErrNoCustomer
		}
	}
	return url, s.stripe(err)
}
