package billing

import "context"

// Rereader is a Processor that reads a customer again in fewer calls, given what
// it said before.
type Rereader interface {
	// Reread is Fetch of the customer that before is about. Without invoices these
	// are left out (nil) where the state can be told without them.
	Reread(ctx context.Context, before State, invoices bool) (State, []Invoice, error)
}

// readStripe reads what Stripe says about an org. For news it reads only what the news
// can be about, if the processor knows how: an invoice that is new or has changed
// makes an event of its own.
func (s *Service) readStripe(ctx context.Context, org Org, sub Subscription, news bool) (State, []Invoice, error) {
	known := sub.CustomerID == org.CustomerID
	if r, able := s.processor.(Rereader); able && news && known {
		plain, err := s.store.PlainNews(ctx, org.ID, sub.SyncedSeq, sub.DirtySeq)
		if err != nil {
			return State{}, nil, err
		}
		return r.Reread(ctx, sub.State, !plain)
	}
	state, invoices, err := s.processor.Fetch(ctx, org.CustomerID)
	if err == nil && !known && len(invoices) >= NewestInvoices {
		invoices, err = s.processor.AllInvoices(ctx, org.CustomerID) // its first reading
	}
	return state, invoices, err
}
