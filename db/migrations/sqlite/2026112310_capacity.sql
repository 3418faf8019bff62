-- +goose Up
-- Units bought on top of a plan, and the one trial that an org may have.
ALTER TABLE subscriptions ADD COLUMN units TEXT; -- JSON; NULL when there is nothing to say
ALTER TABLE subscriptions ADD COLUMN trial_plan TEXT;
ALTER TABLE subscriptions ADD COLUMN trial_started_at TEXT;
ALTER TABLE subscriptions ADD COLUMN trial_ends_at TEXT;
ALTER TABLE subscriptions ADD COLUMN trial_converted_at TEXT;
ALTER TABLE subscriptions ADD COLUMN trial_expired_at TEXT;
ALTER TABLE subscriptions ADD COLUMN trial_reminded INTEGER; -- days before the end that were told last
CREATE INDEX subscriptions_trial_end ON subscriptions (trial_ends_at)
    WHERE trial_plan IS NOT NULL AND trial_converted_at IS NULL AND trial_expired_at IS NULL;
