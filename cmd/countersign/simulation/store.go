package simulation

import (
	"context"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// store hands over around every transaction and every write, and before the
// reads that decisions are made from.
type store struct {
	billing.Store
	run *run
}

// InTx implements billing.Store. Inside, nobody else has a turn: SQLite has one
// writer.
func (s store) InTx(ctx context.Context, f func(billing.Tx) error) error {
	s.run.pass("transaction")
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.Store.InTx(ctx, func(tx billing.Tx) error { return f(watched{s.run.mutant.wrapTx(s.run, tx), s.run}) })
	s.run.pass("transaction done")
	return err
}

// watched sees which readings are stored.
type watched struct {
	billing.Tx
	run *run
}

// SaveState implements billing.Tx. An older reading never replaces a newer one
// (I5), and news that came after a reading began is not settled by it (I4).
func (w watched) SaveState(ctx context.Context, sub billing.Subscription, invoices []billing.Invoice) (bool, error) {
	saved, err := w.Tx.SaveState(ctx, sub, invoices)
	l := w.run.looked[w.run.turn]
	if err != nil || !saved || l == nil || l.customer != sub.CustomerID {
		return saved, err
	}
	if last := w.run.saved[sub.OrgID]; l.n < last {
		w.run.violate("I5", "the reading %d replaced the later one %d", l.n, last)
	}
	w.run.saved[sub.OrgID] = l.n
	if row, err := w.Subscription(ctx, sub.OrgID); err != nil || !row.Dirty() && w.run.news[sub.CustomerID] > l.news {
		w.run.violate("I4", "an event that came while Stripe was read counts as seen (%v)", err)
	}
	return saved, err
}

// InsertIntent implements billing.Tx.
func (w watched) InsertIntent(ctx context.Context, i billing.Intent) (bool, error) {
	w.run.agreed[i.ID] = w.run.clockwork
	return w.Tx.InsertIntent(ctx, i)
}

// ClaimIntent implements billing.Tx.
func (w watched) ClaimIntent(ctx context.Context, orgID, id string, now, until time.Time) (bool, error) {
	claimed, err := w.Tx.ClaimIntent(ctx, orgID, id, now, until)
	if claimed {
		w.run.leases[id] = until
	}
	return claimed, err
}

// write is a statement of its own that writes.
func write[T any](s store, what string, f func(tx billing.Tx) (T, error)) (T, error) {
	s.run.pass(what)
	v, err := f(s.run.mutant.wrapTx(s.run, s.Store))
	s.run.pass(what + " done")
	return v, err
}

func (s store) SaveState(ctx context.Context, sub billing.Subscription, invoices []billing.Invoice) (bool, error) {
	return write(s, "save", func(tx billing.Tx) (bool, error) { return tx.SaveState(ctx, sub, invoices) })
}

func (s store) StoreEvent(ctx context.Context, orgID string, e billing.Event, at time.Time) (bool, error) {
	return write(s, "store event", func(tx billing.Tx) (bool, error) {
		stored, err := tx.StoreEvent(ctx, orgID, e, at)
		if stored {
			s.run.news[e.CustomerID]++
		}
		return stored, err
	})
}

func (s store) SetEventCursor(ctx context.Context, at time.Time) error {
	_, err := write(s, "cursor", func(tx billing.Tx) (bool, error) { return true, tx.SetEventCursor(ctx, at) })
	return err
}

func (s store) SetCheckout(ctx context.Context, orgID string, seq int64, c *billing.Checkout) (bool, error) {
	return write(s, "checkout", func(tx billing.Tx) (bool, error) { return tx.SetCheckout(ctx, orgID, seq, c) })
}

func (s store) SetCustomer(ctx context.Context, orgID, customerID string) (bool, error) {
	return write(s, "customer", func(tx billing.Tx) (bool, error) { return tx.SetCustomer(ctx, orgID, customerID) })
}

func (s store) TakeStaleIntent(ctx context.Context, now, until time.Time, grace time.Duration) (billing.Intent, error) {
	return write(s, "take over", func(tx billing.Tx) (billing.Intent, error) {
		i, err := tx.TakeStaleIntent(ctx, now, until, grace)
		if lease := s.run.leases[i.ID]; err == nil && s.run.now().Before(lease) {
			s.run.violate("I1", "%s was taken from who is at it until %s", i.ID, lease)
		}
		s.run.leases[i.ID] = until
		return i, err
	})
}

func (s store) RetryIntent(ctx context.Context, orgID, id string, attempt int, until time.Time) (bool, error) {
	return write(s, "retry", func(tx billing.Tx) (bool, error) {
		retried, err := tx.RetryIntent(ctx, orgID, id, attempt, until)
		if retried {
			s.run.leases[id] = until
		}
		return retried, err
	})
}

func (s store) KillTokens(ctx context.Context, id string, at time.Time) error {
	_, err := write(s, "kill tokens", func(tx billing.Tx) (bool, error) { return true, tx.KillTokens(ctx, id, at) })
	return err
}

func (s store) MarkDirty(ctx context.Context, orgID string) error {
	_, err := write(s, "mark dirty", func(tx billing.Tx) (bool, error) { return true, tx.MarkDirty(ctx, orgID) })
	return err
}

func (s store) Org(ctx context.Context, orgID string) (billing.Org, error) {
	s.run.pass("read org")
	return s.Store.Org(ctx, orgID)
}

func (s store) Subscription(ctx context.Context, orgID string) (billing.Subscription, error) {
	s.run.pass("read subscription")
	return s.Store.Subscription(ctx, orgID)
}

func (s store) Approval(ctx context.Context, orgID, id string) (billing.Approval, error) {
	s.run.pass("read approval")
	return s.run.mutant.wrapTx(s.run, s.Store).Approval(ctx, orgID, id)
}

func (s store) Token(ctx context.Context, orgID string, hash []byte) (billing.ConfirmToken, error) {
	s.run.pass("read token")
	return s.run.mutant.wrapTx(s.run, s.Store).Token(ctx, orgID, hash)
}

func (s store) Intent(ctx context.Context, orgID, id string) (billing.Intent, error) {
	s.run.pass("read intent")
	return s.run.mutant.wrapTx(s.run, s.Store).Intent(ctx, orgID, id)
}

func (s store) IntentByRequestKey(ctx context.Context, orgID, key string) (billing.Intent, error) {
	s.run.pass("read intent")
	return s.Store.IntentByRequestKey(ctx, orgID, key)
}

func (s store) ClaimCall(ctx context.Context, c billing.CallRow, expired, stale time.Time) (bool, error) {
	return write(s, "claim call", func(tx billing.Tx) (bool, error) { return tx.ClaimCall(ctx, c, expired, stale) })
}

func (s store) FinishCall(ctx context.Context, c billing.CallRow) (bool, error) {
	return write(s, "finish call", func(tx billing.Tx) (bool, error) { return tx.FinishCall(ctx, c) })
}

func (s store) DropCall(ctx context.Context, c billing.Call) error {
	_, err := write(s, "drop call", func(tx billing.Tx) (bool, error) { return true, tx.DropCall(ctx, c) })
	return err
}
