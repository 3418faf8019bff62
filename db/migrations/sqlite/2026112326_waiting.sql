-- +goose Up
-- What waits is listed with every page of an org, however much has ended.
CREATE INDEX approvals_waiting ON approvals (org_id, created_at, id) WHERE state = 'pending';
