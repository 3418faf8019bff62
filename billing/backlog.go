package billing

import (
	"context"
	"time"
)

// Backlog is how far behind we are, over all orgs.
type Backlog struct {
	Intents    map[IntentState]int // open ones
	DirtyOrgs  int                 // that Stripe may know something new of
	DirtySince time.Time           // of the longest waiting one; zero if there is none
	Inbox      int                 // Stripe's events that no sync has seen yet
}

// Backlog reads how far behind we are.
func (s *Service) Backlog(ctx context.Context) (Backlog, error) { return s.store.Backlog(ctx) }

// SyncLag is how long the longest waiting org has been out of date.
func (s *Service) SyncLag(b Backlog) time.Duration {
	if b.DirtySince.IsZero() {
		return 0
	}
	return max(0, s.Now().Sub(b.DirtySince))
}

// Duplicates counts the second live subscriptions that were found since the start.
func (s *Service) Duplicates() int64 { return s.duplicates.Load() }

// StripeErrors counts the calls to Stripe that had no usable answer since the
// start.
func (s *Service) StripeErrors() int64 { return s.stripeErrors.Load() }
