-- +goose NO TRANSACTION
-- +goose Up
-- Since when which plan and how many units are in force.
DROP INDEX CONCURRENTLY IF EXISTS audit_log_terms;
CREATE INDEX CONCURRENTLY audit_log_terms ON audit_log (org_id, at) WHERE event IN ('plan.changed', 'capacity.changed');
