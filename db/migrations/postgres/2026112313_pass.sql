-- +goose Up
-- The walk over every subscription, one row, and when Stripe's list of events
-- was read last.
ALTER TABLE event_cursor ADD COLUMN looked_at TIMESTAMPTZ;
CREATE TABLE pass (
    id          INTEGER PRIMARY KEY CHECK (id = 1),
    running     BOOLEAN NOT NULL,
    wanted      BOOLEAN NOT NULL, -- another one, that begins later
    started_at  TIMESTAMPTZ,
    finished_at TIMESTAMPTZ, -- of the last that came to its end
    last_org    TEXT NOT NULL,
    looked      BIGINT NOT NULL,
    drifted     BIGINT NOT NULL,
    lease_until TIMESTAMPTZ -- of the replica that is at it
);
INSERT INTO pass (id, running, wanted, last_org, looked, drifted) VALUES (1, FALSE, FALSE, '', 0, 0);
CREATE INDEX audit_log_drift ON audit_log (seq) WHERE event = 'drift.found';
