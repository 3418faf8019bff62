-- +goose Up
-- What is in review is looked for with every page of an org, and never much.
CREATE INDEX intents_in_review ON intents (org_id) WHERE state = 'needs_review';
