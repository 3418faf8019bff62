-- +goose Up
-- The operator's list of what came, newest first.
CREATE INDEX webhook_inbox_newest ON webhook_inbox (received_at, id);
