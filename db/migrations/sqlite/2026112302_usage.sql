-- +goose Up
-- What was counted, by the caller's key: a retry finds itself here. There is no
-- foreign key, which would cost as much again as the row; the counter that is
-- written with it has one.
CREATE TABLE usage_keys (
    org_id   TEXT NOT NULL,
    key      TEXT NOT NULL,
    resource TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    at       TEXT NOT NULL,
    active   INTEGER, -- what a consume answered; NULL for an event
    cap      INTEGER, -- NULL for an event, and where there was none
    PRIMARY KEY (org_id, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_keys_age ON usage_keys (at);

-- A line a day for the plots.
CREATE TABLE usage_days (
    org_id   TEXT NOT NULL,
    resource TEXT NOT NULL,
    day      TEXT NOT NULL, -- 00:00 UTC
    value    INTEGER NOT NULL, -- a gauge's most, a counter's sum
    closing  INTEGER NOT NULL, -- a gauge's last, a counter's sum
    PRIMARY KEY (org_id, resource, day)
) STRICT, WITHOUT ROWID;
CREATE INDEX usage_days_age ON usage_days (day);

-- A limit of an org's own instead of its plan's.
CREATE TABLE overrides (
    id         TEXT PRIMARY KEY,
    org_id     TEXT NOT NULL REFERENCES orgs (id),
    resource   TEXT NOT NULL,
    cap        INTEGER, -- NULL is unlimited
    raises     INTEGER NOT NULL, -- else it lowers
    reason     TEXT NOT NULL,
    author     TEXT NOT NULL, -- JSON
    created_at TEXT NOT NULL,
    expires_at TEXT, -- NULL is never
    ended_at   TEXT
) STRICT;
CREATE UNIQUE INDEX overrides_one_open ON overrides (org_id, resource) WHERE ended_at IS NULL;
CREATE INDEX overrides_newest ON overrides (org_id, created_at);

-- By what old rows are found and deleted.
-- Not for gauges, whose windows all began in the year 1: nobody shall look for
-- an org's rows among theirs.
CREATE INDEX usage_counters_age ON usage_counters (started_at) WHERE started_at > '1900-01-01';
CREATE INDEX sessions_age ON sessions (expires_at);
CREATE INDEX signin_links_age ON signin_links (expires_at);
CREATE INDEX confirm_tokens_age ON confirm_tokens (created_at);
CREATE INDEX token_failures_age ON token_failures (at);
CREATE INDEX webhook_inbox_age ON webhook_inbox (done_at) WHERE done_at IS NOT NULL;
