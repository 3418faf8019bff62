package payments

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/stripe/stripe-go/v76"
	"golang.org/x/sync/errgroup"

	"github.com/countersignhq/countersign/billing"
)

// AllInvoices reads pageOfInvoices at a time, which is all that Stripe gives, and
// at most so many pages.
const (
	pageOfInvoices  = 100
	pagesOfInvoices = 10
)

// Fetch reads a customer in two rounds: the customer with its subscriptions and
// card, then at once the invoices and what comes next. It changes nothing. A
// customer that Stripe does not know at all is an error, not an empty state: it
// more likely means another account's key than that everybody cancelled.
func (c *Client) Fetch(ctx context.Context, customerID string) (billing.State, []billing.Invoice, error) {
	s, err := c.snapshot(ctx, customerID)
	if err != nil {
		return billing.State{}, nil, readError(err)
	}
	p := c.project(s)
	return p.State, p.Invoices, nil
}

// project is Project, with what an operator has to look at in the log.
func (c *Client) project(s Snapshot) Projection {
	p := Project(c.catalog, s)
	for _, w := range p.Warnings {
		c.log.Warn("stripe state needs attention", "warning", string(w.Code), "customer", s.Customer.ID, "objects", w.IDs)
	}
	return p
}

func (c *Client) snapshot(ctx context.Context, customerID string) (Snapshot, error) {
	cus, err := c.customer(ctx, customerID)
	if err != nil || cus.Deleted {
		return Snapshot{Customer: cus}, err
	}
	s := Snapshot{Customer: cus}
	if cus.Subscriptions != nil {
		s.Subscriptions = cus.Subscriptions.Data
	}
	sub := renewing(s.Subscriptions)
	g, ctx := c.reads(ctx)
	g.Go(func() (err error) {
		s.Invoices, err = c.listInvoices(ctx, customerID)
		return err
	})
	if len(s.Subscriptions) == 0 {
		// A customer object lists no cancelled subscriptions.
		g.Go(func() (err error) {
			s.Subscriptions, err = c.cancelled(ctx, customerID)
			return err
		})
	}
	if sub != nil {
		g.Go(func() (err error) {
			s.Upcoming, err = c.upcoming(ctx, customerID, sub)
			return err
		})
	}
	// Whether the payment of an unpaid renewal was declined or waits for the bank is
	// said by itself only.
	if sub != nil && behind(billing.SubscriptionStatus(sub.Status)) && sub.LatestInvoice != nil {
		g.Go(func() (err error) {
			s.Owed, err = c.invoices.Get(sub.LatestInvoice.ID, &stripe.InvoiceParams{Params: params(ctx, ""), Expand: stripe.StringSlice([]string{"payment_intent"})})
			return err
		})
	}
	err = g.Wait()
	return s, err
}

// group runs reads that do not need each other, and returns the first error.
type group interface {
	Go(read func() error)
	Wait() error
}

func (c *Client) reads(ctx context.Context) (group, context.Context) {
	if c.oneByOne {
		return &sequence{}, ctx
	}
	return errgroup.WithContext(ctx)
}

// sequence is the group that runs them one after the other, on the caller's own
// goroutine.
type sequence struct{ err error }

// Go implements group.
func (s *sequence) Go(read func() error) {
	if s.err == nil {
		s.err = read()
	}
}

// Wait implements group.
func (s *sequence) Wait() error { return s.err }

// customerParts are what is read of a customer besides the customer itself.
func customerParts() []string {
	return []string{
		"subscriptions", "subscriptions.data.default_payment_method", "subscriptions.data.schedule",
		"invoice_settings.default_payment_method",
	}
}

func (c *Client) customer(ctx context.Context, id string) (*stripe.Customer, error) {
	cus, err := c.customers.Get(id, &stripe.CustomerParams{
		Params: params(ctx, ""),
		Expand: stripe.StringSlice(customerParts()),
	})
	if status(err) != http.StatusBadRequest {
		return cus, err
	}
	// What remains of a deleted customer has nothing that could be expanded.
	bare, bareErr := c.customers.Get(id, &stripe.CustomerParams{Params: params(ctx, "")})
	if bareErr == nil && bare.Deleted {
		return bare, nil
	}
	return nil, err
}

// renewing is the subscription that counts, if it will be charged again.
func renewing(subs []*stripe.Subscription) *stripe.Subscription {
	live, _ := splitLive(subs)
	if len(live) == 0 {
		return nil
	}
	if sub := slices.MinFunc(live, byAge); !endsWithPeriod(sub) {
		return sub
	}
	return nil
}

// AllInvoices implements billing.Processor. Of a customer with more than a
// thousand invoices it reads the newest thousand, and says so in the log.
//
// Errors: billing.ErrStripeUnavailable.
func (c *Client) AllInvoices(ctx context.Context, customerID string) ([]billing.Invoice, error) {
	it := c.invoices.List(&stripe.InvoiceListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(pageOfInvoices)},
		Customer:   stripe.String(customerID),
		Expand:     withCharges(),
	})
	var all []*stripe.Invoice
	for len(all) < pageOfInvoices*pagesOfInvoices && it.Next() {
		all = append(all, it.Invoice())
	}
	if err := it.Err(); err != nil {
		return nil, readError(err)
	}
	if len(all) == pageOfInvoices*pagesOfInvoices && it.Meta().HasMore {
		c.log.Warn("older invoices stay at Stripe", "customer", customerID, "read", len(all))
	}
	return Project(c.catalog, Snapshot{Invoices: all}).Invoices, nil
}

func (c *Client) listInvoices(ctx context.Context, customerID string) ([]*stripe.Invoice, error) {
	it := c.invoices.List(&stripe.InvoiceListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(billing.NewestInvoices), Single: true},
		Customer:   stripe.String(customerID),
		Expand:     withCharges(),
	})
	return it.InvoiceList().Data, it.Err()
}

// withCharges: only the charge tells that an invoice was paid back.
func withCharges() []*string { return stripe.StringSlice([]string{"data.charge"}) }

func (c *Client) cancelled(ctx context.Context, customerID string) ([]*stripe.Subscription, error) {
	it := c.subscriptions.List(&stripe.SubscriptionListParams{
		ListParams: stripe.ListParams{Context: ctx, Limit: stripe.Int64(1), Single: true},
		Customer:   stripe.String(customerID),
		Status:     stripe.String("canceled"),
	})
	return it.SubscriptionList().Data, it.Err()
}

// upcoming is the next renewal's invoice; nil without error when there is none.
// Where a schedule is to change the subscription, it is asked for by the schedule.
func (c *Client) upcoming(ctx context.Context, customerID string, sub *stripe.Subscription) (*stripe.Invoice, error) {
	p := &stripe.InvoiceUpcomingParams{Params: params(ctx, ""), Customer: stripe.String(customerID)}
	if changes(sub.Schedule) {
		p.Schedule = stripe.String(sub.Schedule.ID)
	} else {
		p.Subscription = stripe.String(sub.ID)
	}
	inv, err := c.invoices.Upcoming(p)
	if hasCode(err, stripe.ErrorCodeInvoiceUpcomingNone) {
		return nil, nil
	}
	return inv, err
}

// EventTypes are the events that can mean a change of what Project reads. The
// webhook endpoint and the reconciler ask for the same ones. Stripe lists at most
// 20 types at once, so none is among them that another one always comes with: a
// draft is finalized within the hour, and a schedule that is created or that ends
// with its subscription makes an event of the subscription.
func EventTypes() []string {
	return []string{
		"checkout.session.completed",
		"customer.deleted", "customer.updated",
		"customer.subscription.created", "customer.subscription.updated", "customer.subscription.deleted",
		"customer.subscription.pending_update_applied", "customer.subscription.pending_update_expired",
		"invoice.finalized", "invoice.paid", "invoice.payment_failed",
		"invoice.payment_action_required", "invoice.voided", "invoice.marked_uncollectible", "invoice.updated",
		"subscription_schedule.updated", "subscription_schedule.released",
		"payment_method.attached", "payment_method.detached", "payment_method.updated",
	}
}

// maxEvents is how many events are read one by one: a hundred calls.
const maxEvents = 10_000

// Events lists the events since the time (Stripe keeps 30 days), oldest first.
//
// Errors: billing.ErrTooManyEvents, billing.ErrStripeUnavailable.
func (c *Client) Events(ctx context.Context, since time.Time) ([]billing.Event, error) {
	it := c.events.List(&stripe.EventListParams{
		ListParams:   stripe.ListParams{Context: ctx, Limit: stripe.Int64(100)},
		CreatedRange: &stripe.RangeQueryParams{GreaterThanOrEqual: max(since.Unix(), 1)},
		Types:        stripe.StringSlice(EventTypes()),
	})
	var out []billing.Event
	for it.Next() {
		if len(out) == maxEvents {
			return nil, billing.ErrTooManyEvents
		}
		e := it.Event()
		ev := billing.Event{ID: e.ID, Type: string(e.Type), CreatedAt: unix(e.Created)}
		if e.Data != nil {
			ev.CustomerID = customerOf(e.Data.Raw)
		}
		out = append(out, ev)
	}
	if err := it.Err(); err != nil {
		return nil, readError(err)
	}
	slices.Reverse(out) // Stripe's order is newest first; equal times keep theirs
	return out, nil
}

// customerOf is the customer that an event's object belongs to, "" if none: its
// own id when it is one, else its customer, which may be an id or an object.
func customerOf(object json.RawMessage) string {
	var o struct {
		ID       string          `json:"id"`
		Object   string          `json:"object"`
		Customer json.RawMessage `json:"customer"`
	}
	if json.Unmarshal(object, &o) != nil {
		return ""
	}
	if o.Object == "customer" {
		return o.ID
	}
	var id string
	if json.Unmarshal(o.Customer, &id) == nil {
		return id
	}
	var expanded struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(o.Customer, &expanded) // neither: no customer
	return expanded.ID
}
