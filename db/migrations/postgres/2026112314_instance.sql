-- +goose Up
-- One row: what this database is. Another home than the one noted here means
-- that this is a copy.
CREATE TABLE instance (
    id               INTEGER PRIMARY KEY CHECK (id = 1),
    compatible_since BIGINT NOT NULL, -- the oldest migration that a binary may end with and work on this schema
    home             TEXT,
    restored_at      TIMESTAMPTZ
);
INSERT INTO instance (id, compatible_since) VALUES (1, 2026112314);

-- An intent that a backup held open: its key is never used again.
ALTER TABLE intents ADD COLUMN restored_at TIMESTAMPTZ;
