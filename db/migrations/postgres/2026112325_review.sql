-- +goose NO TRANSACTION
-- +goose Up
-- What is in review is looked for with every page of an org, and never much.
DROP INDEX CONCURRENTLY IF EXISTS intents_in_review;
CREATE INDEX CONCURRENTLY intents_in_review ON intents (org_id) WHERE state = 'needs_review';
