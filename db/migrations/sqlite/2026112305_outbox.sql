-- +goose Up
-- What the host application is told. An event is written together with the
-- fact that it tells of, and delivered afterwards, in order per org.
CREATE TABLE outbox (
    id          TEXT PRIMARY KEY, -- the webhook-id, the same in every attempt
    org_id      TEXT NOT NULL REFERENCES orgs (id),
    seq         INTEGER NOT NULL, -- the order within the org
    type        TEXT NOT NULL,
    payload     TEXT NOT NULL, -- JSON, byte by byte as it is sent
    created_at  TEXT NOT NULL,
    state       TEXT NOT NULL,
    tries       INTEGER NOT NULL, -- since it was written, or replayed
    first_at    TEXT, -- of these tries
    last_at     TEXT,
    last_status INTEGER NOT NULL, -- HTTP; 0 without an answer
    last_fault  TEXT,
    finished_at TEXT
) STRICT;
CREATE UNIQUE INDEX outbox_order ON outbox (org_id, seq);
CREATE INDEX outbox_head ON outbox (org_id, seq) WHERE state = 'pending';
CREATE INDEX outbox_newest ON outbox (created_at, id);
CREATE INDEX outbox_waiting ON outbox (created_at) WHERE state = 'pending';
CREATE INDEX outbox_failed ON outbox (created_at) WHERE state = 'failed';
CREATE INDEX outbox_finished ON outbox (finished_at) WHERE finished_at IS NOT NULL;

-- One row an org that was ever told anything: whoever holds its lease delivers
-- the org's oldest pending event.
CREATE TABLE outbox_lanes (
    org_id      TEXT PRIMARY KEY REFERENCES orgs (id),
    last_seq    INTEGER NOT NULL,
    due_at      TEXT, -- when the oldest may be sent; NULL: nothing waits
    lease       INTEGER NOT NULL, -- counts those who took it
    lease_until TEXT
) STRICT;
CREATE INDEX outbox_lanes_due ON outbox_lanes (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE outbox_attempts (
    event_id TEXT NOT NULL REFERENCES outbox (id) ON DELETE CASCADE,
    at       TEXT NOT NULL,
    status   INTEGER NOT NULL,
    fault    TEXT,
    micros   INTEGER NOT NULL -- how long it took
) STRICT;
CREATE INDEX outbox_attempts_event ON outbox_attempts (event_id, at);
CREATE INDEX outbox_attempts_at ON outbox_attempts (at);

-- Targets that have said that they are gone.
CREATE TABLE outbox_gone (
    target TEXT PRIMARY KEY, -- SHA-256 of the address, hex
    at     TEXT NOT NULL
) STRICT;

-- Who asked for a change is read from the org's newest intent.
CREATE INDEX intents_newest ON intents (org_id, created_at);
