package billing

import (
	"context"
	"time"
)

// Prunable names rows that are of no use after some time.
type Prunable string

// What grows with traffic and is not a record of what was decided or paid.
const (
	PruneUsageKeys     Prunable = "usage_keys"
	PruneUsageDays     Prunable = "usage_days"
	PruneUsageWindows  Prunable = "usage_counters" // not gauges
	PruneSignInLinks   Prunable = "signin_links"
	PruneSessions      Prunable = "sessions"
	PruneTokens        Prunable = "confirm_tokens"
	PruneTokenFailures Prunable = "token_failures"
	PruneInbox         Prunable = "webhook_inbox" // done ones, and those of strangers
	PruneCalls         Prunable = "idempotency"
	PruneMails         Prunable = "mails" // sent ones, and those that were given up
)

const (
	aDay = 24 * time.Hour
	// eventAge is how late an event may be reported. Its key is kept a day longer
	// than that, so a retry that is still accepted still finds itself.
	eventAge   = 35 * aDay
	keyLife    = eventAge + aDay
	usageLife  = 400 * aDay
	accessLife = 30 * aDay // after the end
	pruneBatch = 1000      // rows at once, so that nobody waits for long
)

// retention says how long each is kept.
var retention = []struct {
	what Prunable
	life time.Duration
}{
	{PruneUsageKeys, keyLife},
	{PruneUsageDays, usageLife},
	{PruneUsageWindows, usageLife},
	{PruneSignInLinks, accessLife},
	{PruneSessions, accessLife},
	{PruneTokens, accessLife},
	{PruneTokenFailures, accessLife},
	{PruneInbox, accessLife},
	{PruneCalls, ReplayLife},
	{PruneMails, keepMails},
}

// Prune deletes what is older than it has to be kept, in small batches. Any
// number of replicas may do so at once.
func (s *Service) Prune(ctx context.Context) error {
	for _, r := range retention {
		for {
			n, err := s.store.Prune(ctx, r.what, s.Now().Add(-r.life), pruneBatch)
			if err != nil {
				return err
			}
			if n < pruneBatch {
				break
			}
		}
	}
	return nil
}

// firstPrune is how long after the start old rows are deleted for the first time.
const firstPrune = 30 * time.Second

func (s *Service) pruneHourly(ctx context.Context) {
	for next := time.NewTimer(firstPrune); ; next.Reset(time.Hour) {
		select {
		case <-next.C:
			s.must("prune", s.Prune(ctx))
			s.must("prune events", s.PruneEvents(ctx))
		case <-ctx.Done():
			return
		}
	}
}
