package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

// What we write on Stripe's objects, to find our own by.
const (
	metaOrg  = "countersign_org"
	metaSeq  = "countersign_checkout"
	metaPlan = "countersign_plan"
	metaUnit = "countersign_unit"
)

// EnsureCustomer creates the org's customer once, whoever asks and however
// often. The idempotent call carries nothing that could differ between two
// callers, who may be different people with different emails; those follow in a
// second call.
func (c *Client) EnsureCustomer(ctx context.Context, org billing.Org, email string) (string, error) {
	var cus *stripe.Customer
	var err error
	for _, key := range keysAfterFaults(customerKey(org)) {
		cus, err = c.customers.New(&stripe.CustomerParams{Params: params(ctx, key), Metadata: map[string]string{metaOrg: org.ID}})
		if status(err) < http.StatusInternalServerError {
			break
		}
	}
	if err != nil {
		return "", readError(err)
	}
	p := &stripe.CustomerParams{Params: params(ctx, ""), Name: stripe.String(org.Name)}
	if email != "" {
		p.Email = stripe.String(email)
	}
	if _, err := c.customers.Update(cus.ID, p); err != nil {
		return "", readError(err)
	}
	return cus.ID, nil
}

// customerKey differs after each customer that was deleted: the same key would
// only be answered with that one again.
func customerKey(org billing.Org) string {
	if org.FormerCustomer == "" {
		return "cust:" + org.ID
	}
	return "cust:" + org.ID + ":" + org.FormerCustomer
}

// OpenCheckout opens the session of this sequence number and plan, or finds the
// one that a racing call has just opened. Stripe wants ExpiresAt to be 30
// minutes to 24 hours away.
func (c *Client) OpenCheckout(ctx context.Context, r billing.CheckoutRequest) (billing.Checkout, error) {
	priceID, err := c.priceID(ctx, r.Plan.Price)
	if err != nil {
		return billing.Checkout{}, err
	}
	p := sessionParams(ctx, r, priceID)
	s, err := c.newSession(ctx, r, p)
	if keyReused(err) || status(err) == http.StatusConflict { // another call was first, or is at it
		s, err = c.standingSession(ctx, r, p, err)
	}
	if status(err) == http.StatusBadRequest {
		if gone := c.sells(ctx, r.Plan.Price); errors.Is(gone, billing.ErrRejected) {
			return billing.Checkout{}, gone
		}
	}
	if err != nil {
		return billing.Checkout{}, readError(err)
	}
	return billing.Checkout{ID: s.ID, URL: s.URL, Plan: r.Plan.ID, ExpiresAt: unix(s.ExpiresAt)}, nil
}

// keysAfterFaults are the keys to try in turn. Stripe remembers a fault of its own
// under the key for a day, and everybody who tries finds it there and goes on to
// the same next one.
func keysAfterFaults(key string) []string { return []string{key, key + ":2", key + ":3"} }

// newSession opens a session, after a fault of Stripe's under another key unless
// it has opened one all the same.
func (c *Client) newSession(ctx context.Context, r billing.CheckoutRequest, p *stripe.CheckoutSessionParams) (*stripe.CheckoutSession, error) {
	s, err := c.checkouts.New(p)
	for _, key := range keysAfterFaults(*p.IdempotencyKey)[1:] {
		if status(err) < http.StatusInternalServerError {
			break
		}
		last, lookErr := c.lastSession(ctx, r)
		if lookErr != nil || last != nil && last.Status == stripe.CheckoutSessionStatusOpen {
			return last, lookErr
		}
		p.SetIdempotencyKey(key)
		s, err = c.checkouts.New(p)
	}
	return s, err
}

func sessionParams(ctx context.Context, r billing.CheckoutRequest, priceID string) *stripe.CheckoutSessionParams {
	meta := map[string]string{metaOrg: r.OrgID, metaPlan: r.Plan.ID, metaSeq: strconv.FormatInt(r.Seq, 10)}
	return &stripe.CheckoutSessionParams{
		Params:            params(ctx, fmt.Sprintf("checkout:%s:%d:%s", r.OrgID, r.Seq, r.Plan.ID)),
		Mode:              stripe.String(string(stripe.CheckoutSessionModeSubscription)),
		Customer:          stripe.String(r.CustomerID),
		ClientReferenceID: stripe.String(r.OrgID),
		LineItems:         []*stripe.CheckoutSessionLineItemParams{{Price: stripe.String(priceID), Quantity: stripe.Int64(1)}},
		SubscriptionData:  &stripe.CheckoutSessionSubscriptionDataParams{Metadata: meta},
		Metadata:          meta,
		SuccessURL:        stripe.String(r.SuccessURL),
		CancelURL:         stripe.String(r.CancelURL),
		ExpiresAt:         stripe.Int64(r.ExpiresAt.Unix()),
	}
}

// standingSession finds the session that took the key of p. If it has ended,
// because nobody got to know of it, the next one is opened under a key that all
// who find it ended agree on. Without a session that helps, the error is why.
func (c *Client) standingSession(ctx context.Context, r billing.CheckoutRequest, p *stripe.CheckoutSessionParams, why error) (*stripe.CheckoutSession, error) {
	last, err := c.lastSession(ctx, r)
	switch {
	case err != nil:
		return nil, err
	case last != nil && last.Status == stripe.CheckoutSessionStatusOpen:
		return last, nil
	case last == nil || last.Status != stripe.CheckoutSessionStatusExpired:
		return nil, why
	}
	p.SetIdempotencyKey(*p.IdempotencyKey + ":" + last.ID)
	return c.checkouts.New(p)
}

// lastSession is the newest session of the request's number and plan, nil if
// there is none.
func (c *Client) lastSession(ctx context.Context, r billing.CheckoutRequest) (*stripe.CheckoutSession, error) {
	it := c.checkouts.List(&stripe.CheckoutSessionListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(10), Single: true},
		Customer:   stripe.String(r.CustomerID),
	})
	if err := it.Err(); err != nil {
		return nil, err
	}
	for _, s := range it.CheckoutSessionList().Data { // newest first
		if s.Metadata[metaSeq] == strconv.FormatInt(r.Seq, 10) && s.Metadata[metaPlan] == r.Plan.ID {
			return s, nil
		}
	}
	return nil, nil
}

// ExpireCheckout ends an open session. Stripe refuses to expire one that was
// completed or expired, and does not find one that is long gone: both are what
// the caller wants.
func (c *Client) ExpireCheckout(ctx context.Context, id string) error {
	_, err := c.checkouts.Expire(id, &stripe.CheckoutSessionExpireParams{Params: params(ctx, "")})
	if s := status(err); err == nil || s == http.StatusBadRequest || s == http.StatusNotFound {
		return nil
	}
	return readError(err)
}

// OpenPortal opens Stripe's customer portal, whose address is a power of its
// own: it goes to a signed-in person's browser and nowhere else.
func (c *Client) OpenPortal(ctx context.Context, customerID, returnURL string) (string, error) {
	s, err := c.portals.New(&stripe.BillingPortalSessionParams{
		Params:    params(ctx, ""),
		Customer:  stripe.String(customerID),
		ReturnURL: stripe.String(returnURL),
	})
	if err != nil {
		return "", readError(err)
	}
	if s.URL == "" {
		return "", billing.ErrStripeUnavailable.Because(errors.New("payments: a portal session without an address"))
	}
	return s.URL, nil
}
