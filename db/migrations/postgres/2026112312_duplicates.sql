-- +goose Up
-- A second subscription of a customer's is ended by an intent of its own, which
-- stands in the way of no other change. Each is ended once.
ALTER TABLE intents ADD COLUMN duplicate TEXT NOT NULL DEFAULT '';
DROP INDEX intents_one_open;
CREATE UNIQUE INDEX intents_one_open ON intents (org_id)
    WHERE state IN ('pending', 'calling', 'needs_review') AND duplicate = '';
CREATE UNIQUE INDEX intents_duplicate ON intents (org_id, duplicate) WHERE duplicate <> '';
