package db

import (
	"context"

	"github.com/countersignhq/countersign/billing"
)

type openCount struct {
	state billing.IntentState
	n     int
}

// Backlog implements billing.SubscriptionTx. Every count is over a partial index
// of what is open, so it costs no more when there is more history.
func (q queries) Backlog(ctx context.Context) (billing.Backlog, error) {
	b, err := one(ctx, q, func(b *billing.Backlog) []any { return []any{&b.DirtyOrgs, (*stamp)(&b.DirtySince), &b.Inbox} },
		`SELECT count(*), min(dirty_since), (SELECT count(*) FROM webhook_inbox WHERE done_at IS NULL AND org_id IS NOT NULL)
		FROM subscriptions WHERE dirty_seq > synced_seq`)
	if err != nil {
		return b, err
	}
	states, err := many(ctx, q, func(c *openCount) []any { return []any{&c.state, &c.n} },
		`SELECT state, count(*) FROM intents WHERE state IN ('pending', 'calling', 'needs_review') GROUP BY state`)
	b.Intents = map[billing.IntentState]int{billing.IntentPending: 0, billing.IntentCalling: 0, billing.IntentNeedsReview: 0}
	for _, c := range states {
		b.Intents[c.state] = c.n
	}
	return b, err
}
