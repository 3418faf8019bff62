-- +goose NO TRANSACTION
-- +goose Up
-- What waits is listed with every page of an org, however much has ended.
DROP INDEX CONCURRENTLY IF EXISTS approvals_waiting;
CREATE INDEX CONCURRENTLY approvals_waiting ON approvals (org_id, created_at, id) WHERE state = 'pending';
