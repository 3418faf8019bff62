package billing

import (
	"context"
	"errors"
	"time"
)

// A database that was restored from a backup has forgotten what happened since,
// and Stripe has not. Restored makes it safe to go on: what is remembered of the
// lost time at Stripe is read again, what was promised before it is only looked
// for, and no key, token or number is used again that the lost time may have
// used.

// RestoreTx is what a restored database needs once.
type RestoreTx interface {
	// NewestMoment is the last moment that the database knows of; zero if none.
	NewestMoment(ctx context.Context) (time.Time, error)
	// Restore marks the open intents as not to be replayed and every org that
	// Stripe knows as dirty; moves the numbers of Checkout sessions and the
	// versions that consents are bound to beyond all that were used; ends tokens,
	// sign-in links and sessions, and mails that wait, and with revokeKeys all keys but the host's and
	// the requests that wait; and sets the event cursor to newest at the latest.
	Restore(ctx context.Context, now, newest time.Time, revokeKeys bool) (RestoreCounts, error)
}

// RestoreCounts are how many of each Restore found.
type RestoreCounts struct {
	Intents, Orgs, Tokens, Links, Sessions, Revoked int64
	// Keys, Pending and Outgoing live on: keys of every kind, requests that wait
	// for a decision, and webhooks that wait to be delivered.
	Keys, Pending, Outgoing int64
}

// Finder finds what only Stripe remembers.
type Finder interface {
	// CustomersSince lists the customers that were created for orgs, oldest first.
	CustomersSince(ctx context.Context, since time.Time) ([]FoundCustomer, error)
	// ExpireCheckouts ends every hosted page of ours that could still be paid, and
	// says how many.
	ExpireCheckouts(ctx context.Context) (int, error)
}

// FoundCustomer is a customer at Stripe with the org that it was created for.
type FoundCustomer struct{ CustomerID, OrgID string }

// RestoreOptions are an operator's choices.
type RestoreOptions struct {
	// Since is from when on customers are looked for; zero: an hour before the
	// newest moment that the database knows of.
	Since time.Time
	// RevokeKeys ends all keys of agents and members: which of them were revoked
	// in the lost time cannot be known.
	RevokeKeys bool
}

// Restoration is what Restored found and did.
type Restoration struct {
	RestoreCounts
	Newest    time.Time       // the last moment that the database knows of
	Linked    []FoundCustomer // customers that their orgs had forgotten
	Strangers []FoundCustomer // customers of orgs that are not here, or have another one
	Pages     int             // hosted pages that were ended
}

// foundBefore is how far customers are looked for before the newest moment: one
// may have been created before the database heard of it.
const foundBefore = time.Hour

// Restored makes a database that was restored from a backup safe to go on with.
// No server may run on it meanwhile. It may be repeated; f is nil without Stripe.
//
// Errors: ErrStripeUnavailable, and then nothing was written.
func (s *Service) Restored(ctx context.Context, f Finder, o RestoreOptions) (r Restoration, err error) {
	if r.Newest, err = s.store.NewestMoment(ctx); err != nil {
		return r, err
	}
	if o.Since.IsZero() {
		o.Since = r.Newest.Add(-foundBefore)
	}
	var found []FoundCustomer
	if f != nil {
		if found, err = f.CustomersSince(ctx, o.Since); err != nil {
			return r, err
		}
		if r.Pages, err = f.ExpireCheckouts(ctx); err != nil {
			return r, err
		}
	}
	err = s.store.InTx(ctx, func(tx Tx) error {
		r.Linked, r.Strangers = nil, nil
		for _, c := range found {
			if err := r.link(ctx, tx, c); err != nil {
				return err
			}
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		r.RestoreCounts, err = tx.Restore(ctx, now, r.Newest, o.RevokeKeys)
		return err
	})
	return r, err
}

// link gives a customer back to its org.
func (r *Restoration) link(ctx context.Context, tx Tx, c FoundCustomer) error {
	set, err := tx.SetCustomer(ctx, c.OrgID, c.CustomerID)
	if err != nil {
		return err
	}
	if set {
		r.Linked = append(r.Linked, c)
		return nil
	}
	owner, err := tx.OrgByCustomer(ctx, c.CustomerID)
	if errors.Is(err, ErrNotFound) || err == nil && owner != c.OrgID {
		r.Strangers = append(r.Strangers, c)
		return nil
	}
	return err
}
