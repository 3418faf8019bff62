-- +goose Up
-- Since when which plan and how many units are in force.
CREATE INDEX audit_log_terms ON audit_log (org_id, at) WHERE event IN ('plan.changed', 'capacity.changed');
