package db

import (
	"context"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// StartTrial implements billing.TrialTx. The row's version moves on: whoever
// counts against the caps of before has to look again.
func (q queries) StartTrial(ctx context.Context, orgID string, version int64, t billing.Trial) (bool, error) {
	days := int64(t.EndsAt.Sub(t.StartedAt) / (24 * time.Hour)) // it is told of its end only when fewer are left
	return q.guarded(ctx, `UPDATE subscriptions SET trial_plan = $2, trial_started_at = $3, trial_ends_at = $4, trial_reminded = $5,
		row_version = row_version + 1
		WHERE org_id = $1 AND version = $6 AND trial_plan IS NULL AND (status IS NULL OR status NOT IN ('active', 'trialing', 'past_due', 'unpaid'))`,
		orgID, t.Plan, stamp(t.StartedAt), stamp(t.EndsAt), days, version)
}

// ConvertTrial implements billing.TrialTx.
func (q queries) ConvertTrial(ctx context.Context, orgID string, at time.Time) error {
	return q.exec(ctx, `UPDATE subscriptions SET trial_converted_at = $2, trial_expired_at = NULL
		WHERE org_id = $1 AND trial_plan IS NOT NULL AND trial_converted_at IS NULL`, orgID, stamp(at))
}

// openTrial is the condition of the index subscriptions_trial_end.
const openTrial = `trial_plan IS NOT NULL AND trial_converted_at IS NULL AND trial_expired_at IS NULL`

// ExpireTrials implements billing.TrialTx.
func (q queries) ExpireTrials(ctx context.Context, now time.Time, limit int) ([]billing.Subscription, error) {
	return q.markTrials(ctx, `UPDATE subscriptions SET trial_expired_at = trial_ends_at, row_version = row_version + 1
		WHERE org_id IN (SELECT org_id FROM subscriptions WHERE `+openTrial+` AND trial_ends_at <= $1
			ORDER BY trial_ends_at LIMIT $2 {skip_locked})
		RETURNING org_id, trial_plan, trial_started_at, trial_ends_at`, stamp(now), limit)
}

// RemindTrials implements billing.TrialTx.
func (q queries) RemindTrials(ctx context.Context, days int, now, endBy time.Time, limit int) ([]billing.Subscription, error) {
	return q.markTrials(ctx, `UPDATE subscriptions SET trial_reminded = $3
		WHERE org_id IN (SELECT org_id FROM subscriptions WHERE `+openTrial+` AND trial_ends_at > $1 AND trial_ends_at <= $2
			AND trial_reminded > $3 ORDER BY trial_ends_at LIMIT $4 {skip_locked})
		RETURNING org_id, trial_plan, trial_started_at, trial_ends_at`, stamp(now), stamp(endBy), days, limit)
}

func (q queries) markTrials(ctx context.Context, query string, args ...any) ([]billing.Subscription, error) {
	return writtenMany(ctx, q, func(s *billing.Subscription) []any {
		return []any{&s.OrgID, (*text)(&s.Trial.Plan), (*stamp)(&s.Trial.StartedAt), (*stamp)(&s.Trial.EndsAt)}
	}, query, args...)
}
