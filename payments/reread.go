package payments

import (
	"context"
	"net/http"

	"github.com/stripe/stripe-go/v76"

	"github.com/countersignhq/countersign/billing"
)

var _ billing.Rereader = (*Client)(nil)

// Reread implements billing.Rereader. The next renewal's invoice is asked for with
// the customer in it, and with the customer all that Fetch reads in a call of its
// own: one read for an ordinary subscription, one more for the invoices. Whatever
// is not ordinary is left to Fetch.
//
// Errors: those of Fetch.
func (c *Client) Reread(ctx context.Context, before billing.State, invoices bool) (billing.State, []billing.Invoice, error) {
	if !ordinary(before) {
		return c.Fetch(ctx, before.CustomerID)
	}
	s, err := c.renewal(ctx, before, invoices)
	switch sub := renewing(s.Subscriptions); {
	case err != nil && !gone(err):
		return billing.State{}, nil, readError(err)
	case err != nil, sub == nil, !plain(s, sub), s.Upcoming.Subscription == nil || s.Upcoming.Subscription.ID != sub.ID:
		return c.Fetch(ctx, before.CustomerID)
	}
	p := c.project(s)
	if !invoices {
		return p.State, nil, nil
	}
	return p.State, p.Invoices, nil
}

// ordinary: there was a subscription, it was paid for and nothing else was to
// come than its renewal.
func ordinary(st billing.State) bool {
	return st.SubscriptionID != "" && settled(stripe.SubscriptionStatus(st.Status)) && !st.CancelAtPeriodEnd && st.Action == nil && st.Units.ScheduleID == ""
}

// plain: it is so still, and the customer's only one.
func plain(s Snapshot, sub *stripe.Subscription) bool {
	return len(s.Subscriptions) == 1 && settled(sub.Status) && sub.PendingUpdate == nil && sub.Schedule == nil
}

func settled(s stripe.SubscriptionStatus) bool {
	return s == stripe.SubscriptionStatusActive || s == stripe.SubscriptionStatusTrialing
}

// gone reports an answer that says that what was asked for is not there, or not
// there any more.
func gone(err error) bool {
	s := status(err)
	return s == http.StatusBadRequest || s == http.StatusNotFound
}

// renewal reads the next renewal with its customer and, if they are wanted, the
// invoices so far.
func (c *Client) renewal(ctx context.Context, before billing.State, invoices bool) (s Snapshot, err error) {
	g, ctx := c.reads(ctx)
	g.Go(func() (err error) {
		p := &stripe.InvoiceUpcomingParams{
			Params: params(ctx, ""), Customer: stripe.String(before.CustomerID), Subscription: stripe.String(before.SubscriptionID),
		}
		for _, name := range customerParts() {
			p.AddExpand("customer." + name) // four names deep at most, which is what Stripe allows
		}
		s.Upcoming, err = c.invoices.Upcoming(p)
		return err
	})
	if invoices {
		g.Go(func() (err error) {
			s.Invoices, err = c.listInvoices(ctx, before.CustomerID)
			return err
		})
	}
	if err = g.Wait(); err != nil {
		return Snapshot{}, err
	}
	if s.Customer = s.Upcoming.Customer; s.Customer != nil && s.Customer.Subscriptions != nil {
		s.Subscriptions = s.Customer.Subscriptions.Data
	}
	return s, nil
}
