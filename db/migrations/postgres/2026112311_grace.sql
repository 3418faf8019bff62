-- +goose Up
-- What a past-due subscription still entitles to, and for how long.
ALTER TABLE subscriptions ADD COLUMN past_due_since TIMESTAMPTZ; -- when the oldest unpaid invoice was first asked for
ALTER TABLE subscriptions ADD COLUMN ended_unpaid_at TIMESTAMPTZ; -- Stripe gave up and cancelled
ALTER TABLE subscriptions ADD COLUMN lapsed_at TIMESTAMPTZ; -- the plan is out of force for want of payment, and that was told
CREATE INDEX subscriptions_grace ON subscriptions (past_due_since)
    WHERE status = 'past_due' AND lapsed_at IS NULL;
-- The next reading has it from Stripe; until then, what Stripe's renewals begin with.
UPDATE subscriptions SET past_due_since = period_start WHERE status IN ('past_due', 'unpaid');
UPDATE subscriptions SET lapsed_at = synced_at WHERE status = 'unpaid';
-- What follows a customer that was deleted at Stripe: the one to come is made anew.
ALTER TABLE orgs ADD COLUMN former_customer_id TEXT;
