-- +goose Up
-- What people are told by mail: a row for each of them, written together with the
-- fact. A sign-in link is in none.
CREATE TABLE mails (
    org_id      TEXT NOT NULL REFERENCES orgs (id),
    key         TEXT NOT NULL, -- the fact: nobody is told of one twice
    user_id     TEXT NOT NULL REFERENCES users (id),
    kind        TEXT NOT NULL,
    message     TEXT NOT NULL, -- JSON
    asker       TEXT, -- whose requests are counted, so that nobody floods an inbox
    created_at  TEXT NOT NULL,
    state       TEXT NOT NULL,
    tries       INTEGER NOT NULL,
    due_at      TEXT, -- when it is sent, or somebody else may try; NULL: finished
    finished_at TEXT,
    PRIMARY KEY (org_id, key, user_id)
) STRICT;
CREATE INDEX mails_due ON mails (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX mails_finished ON mails (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX mails_asker ON mails (org_id, asker, created_at) WHERE asker IS NOT NULL;
