-- +goose Up
-- That an org wants more of something. A repeat joins the one that is open.
CREATE TABLE limit_requests (
    id         TEXT PRIMARY KEY,
    org_id     TEXT NOT NULL REFERENCES orgs (id),
    kind       TEXT NOT NULL,
    plan       TEXT NOT NULL,
    desired    INTEGER NOT NULL, -- 0: not said
    reason     TEXT NOT NULL,
    asker      TEXT NOT NULL, -- JSON
    asks       INTEGER NOT NULL,
    state      TEXT NOT NULL,
    created_at TEXT NOT NULL,
    asked_at   TEXT NOT NULL,
    answer     TEXT -- JSON
) STRICT;
CREATE UNIQUE INDEX limit_requests_one_open ON limit_requests (org_id, kind) WHERE state = 'open';
CREATE INDEX limit_requests_newest ON limit_requests (org_id, created_at, id);
CREATE INDEX limit_requests_open ON limit_requests (kind, plan, created_at, id) WHERE state = 'open';

-- Operators are configured; these are their ways in, apart from those of orgs.
CREATE TABLE operator_links (
    hash       BLOB PRIMARY KEY,
    email      TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    used_at    TEXT
) STRICT;

CREATE TABLE operator_sessions (
    id         TEXT PRIMARY KEY,
    hash       BLOB NOT NULL UNIQUE,
    email      TEXT NOT NULL,
    created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    revoked_at TEXT
) STRICT;

-- A plan that an operator gives free of charge; NULL: none.
ALTER TABLE orgs ADD COLUMN given_plan TEXT;

-- By what operators search.
CREATE INDEX orgs_search_name ON orgs (lower(name), id);
