-- +goose Up
-- Calls with an Idempotency-Key and what they were answered. The answer may hold
-- a secret, so it is encrypted with a key that is not in the database.
CREATE TABLE idempotency (
    credential_id TEXT NOT NULL,
    key           TEXT NOT NULL,
    request       BYTEA NOT NULL, -- SHA-256 of method, address, org and body
    claim         TEXT NOT NULL, -- who runs it
    status        INTEGER NOT NULL, -- 0 while it runs
    content_type  TEXT NOT NULL,
    sealed        BYTEA,
    created_at    TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (credential_id, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);
