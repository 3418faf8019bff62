-- +goose Up
CREATE TABLE orgs (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    customer_id    TEXT UNIQUE,
    design_partner BOOLEAN NOT NULL,
    checkout_seq   BIGINT NOT NULL,
    checkout       TEXT, -- JSON: the live Checkout session
    created_at     TIMESTAMPTZ NOT NULL
);

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    email      TEXT NOT NULL UNIQUE,
    name       TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL
);

CREATE TABLE members (
    org_id  TEXT NOT NULL REFERENCES orgs (id),
    user_id TEXT NOT NULL REFERENCES users (id),
    role    TEXT NOT NULL,
    PRIMARY KEY (org_id, user_id)
);
CREATE INDEX members_user ON members (user_id);

CREATE TABLE sessions (
    id           TEXT PRIMARY KEY,
    hash         BYTEA NOT NULL UNIQUE,
    user_id      TEXT NOT NULL REFERENCES users (id),
    org_id       TEXT NOT NULL REFERENCES orgs (id),
    created_at   TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    expires_at   TIMESTAMPTZ NOT NULL,
    revoked_at   TIMESTAMPTZ
);
CREATE INDEX sessions_user ON sessions (user_id);

CREATE TABLE signin_links (
    hash       BYTEA PRIMARY KEY,
    email      TEXT NOT NULL,
    next       TEXT NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    expires_at TIMESTAMPTZ NOT NULL,
    used_at    TIMESTAMPTZ
);

CREATE TABLE credentials (
    id           TEXT PRIMARY KEY,
    kind         TEXT NOT NULL,
    org_id       TEXT REFERENCES orgs (id), -- NULL for a host key
    principal_id TEXT NOT NULL,
    name         TEXT NOT NULL,
    hash         BYTEA NOT NULL UNIQUE,
    prefix       TEXT NOT NULL,
    scopes       TEXT, -- JSON: list of words
    created_by   TEXT NOT NULL,
    created_at   TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ,
    paused_at    TIMESTAMPTZ,
    revoked_at   TIMESTAMPTZ
);
CREATE INDEX credentials_org ON credentials (org_id);

-- One row an org: what Stripe says, and the bookkeeping around it.
CREATE TABLE subscriptions (
    org_id               TEXT PRIMARY KEY REFERENCES orgs (id),
    customer_id          TEXT,
    subscription_id      TEXT,
    item_id              TEXT,
    status               TEXT,
    plan                 TEXT NOT NULL,
    period_start         TIMESTAMPTZ,
    period_end           TIMESTAMPTZ,
    cancel_at_period_end BOOLEAN NOT NULL,
    credit               BIGINT NOT NULL, -- minor units
    unknown_price        TEXT,
    card                 TEXT, -- JSON
    next_invoice         TEXT, -- JSON
    action               TEXT, -- JSON: the invoice that a person has to settle
    scheduled_by         TEXT, -- JSON
    version              BIGINT NOT NULL, -- of what a consent is bound to
    row_version          BIGINT NOT NULL, -- of the row, for compare-and-set
    dirty_seq            BIGINT NOT NULL, -- reasons to look at Stripe so far
    synced_seq           BIGINT NOT NULL, -- reasons that the last sync had seen
    synced_at            TIMESTAMPTZ,
    dirty_since          TIMESTAMPTZ
);
CREATE INDEX subscriptions_dirty ON subscriptions (dirty_since) WHERE dirty_seq > synced_seq;

CREATE TABLE usage_counters (
    org_id      TEXT NOT NULL REFERENCES orgs (id),
    resource    TEXT NOT NULL,
    started_at  TIMESTAMPTZ NOT NULL, -- of the window; year 1 for a gauge
    value       BIGINT NOT NULL,
    reported_at TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (org_id, resource, started_at)
);

CREATE TABLE approvals (
    id            TEXT PRIMARY KEY,
    org_id        TEXT NOT NULL REFERENCES orgs (id),
    state         TEXT NOT NULL,
    mode          TEXT NOT NULL,
    actor_kind    TEXT NOT NULL,
    principal_id  TEXT NOT NULL,
    actor_name    TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    key_prefix    TEXT NOT NULL,
    key_by        TEXT NOT NULL,
    reason        TEXT NOT NULL,
    action        TEXT NOT NULL,
    quote         TEXT NOT NULL, -- JSON
    nonce         TEXT NOT NULL,
    base_digest   TEXT NOT NULL,
    op_digest     TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL,
    opened_at     TIMESTAMPTZ,
    decided_at    TIMESTAMPTZ,
    decided_by    TEXT, -- JSON
    assurance     TEXT,
    denial        TEXT, -- JSON
    intent_id     TEXT,
    result        TEXT, -- JSON
    replaced_by   TEXT,
    moved_at      TIMESTAMPTZ -- by the execution, last
);
CREATE UNIQUE INDEX approvals_one_pending ON approvals (org_id, principal_id, action) WHERE state = 'pending';
CREATE UNIQUE INDEX approvals_one_moving ON approvals (org_id) WHERE state IN ('approved', 'executing', 'indeterminate');
CREATE INDEX approvals_newest ON approvals (org_id, created_at, id);
CREATE INDEX approvals_principal ON approvals (org_id, principal_id, created_at);
CREATE INDEX approvals_expiry ON approvals (expires_at) WHERE state = 'pending';
CREATE INDEX approvals_credential ON approvals (credential_id) WHERE state = 'pending';

CREATE TABLE confirm_tokens (
    hash          BYTEA PRIMARY KEY,
    org_id        TEXT NOT NULL REFERENCES orgs (id),
    approval_id   TEXT NOT NULL REFERENCES approvals (id),
    principal_id  TEXT NOT NULL,
    credential_id TEXT NOT NULL,
    created_at    TIMESTAMPTZ NOT NULL,
    expires_at    TIMESTAMPTZ NOT NULL,
    used_at       TIMESTAMPTZ,
    dead_at       TIMESTAMPTZ
);
CREATE INDEX confirm_tokens_approval ON confirm_tokens (approval_id);

CREATE TABLE token_failures (
    org_id       TEXT NOT NULL REFERENCES orgs (id),
    principal_id TEXT NOT NULL,
    at           TIMESTAMPTZ NOT NULL
);
CREATE INDEX token_failures_principal ON token_failures (org_id, principal_id, at);

CREATE TABLE intents (
    id          TEXT PRIMARY KEY,
    org_id      TEXT NOT NULL REFERENCES orgs (id),
    approval_id TEXT,
    request_key TEXT,
    actor       TEXT NOT NULL, -- JSON
    decided_by  TEXT, -- JSON
    assurance   TEXT,
    quote       TEXT NOT NULL, -- JSON
    from_state  TEXT, -- JSON: what the quote was made from
    interactive BOOLEAN NOT NULL,
    state       TEXT NOT NULL,
    attempt     BIGINT NOT NULL,
    lease_until TIMESTAMPTZ,
    created_at  TIMESTAMPTZ NOT NULL,
    called_at   TIMESTAMPTZ,
    finished_at TIMESTAMPTZ,
    result      TEXT -- JSON
);
CREATE UNIQUE INDEX intents_one_open ON intents (org_id) WHERE state IN ('pending', 'calling', 'needs_review');
CREATE UNIQUE INDEX intents_request_key ON intents (org_id, request_key) WHERE request_key IS NOT NULL;
CREATE INDEX intents_stale ON intents (created_at) WHERE state IN ('pending', 'calling');

-- That something happened at Stripe; never what.
CREATE TABLE webhook_inbox (
    id          TEXT PRIMARY KEY, -- Stripe's event id
    type        TEXT NOT NULL,
    customer_id TEXT,
    org_id      TEXT REFERENCES orgs (id), -- NULL for a customer that is not ours
    created_at  TIMESTAMPTZ NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    dirty_seq   BIGINT, -- the sync that has seen this one has seen the event
    done_at     TIMESTAMPTZ
);
CREATE INDEX webhook_inbox_open ON webhook_inbox (org_id) WHERE done_at IS NULL;

CREATE TABLE invoices (
    org_id      TEXT NOT NULL REFERENCES orgs (id),
    id          TEXT NOT NULL,
    number      TEXT NOT NULL,
    created_at  TIMESTAMPTZ NOT NULL,
    description TEXT NOT NULL,
    amount      BIGINT NOT NULL, -- minor units
    currency    TEXT NOT NULL,
    status      TEXT NOT NULL,
    hosted_url  TEXT NOT NULL,
    pdf_url     TEXT NOT NULL,
    PRIMARY KEY (org_id, id)
);
CREATE INDEX invoices_newest ON invoices (org_id, created_at, id);

CREATE TABLE audit_log (
    seq     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id      TEXT NOT NULL UNIQUE,
    org_id  TEXT NOT NULL REFERENCES orgs (id),
    at      TIMESTAMPTZ NOT NULL,
    actor   TEXT, -- JSON
    event   TEXT NOT NULL,
    subject TEXT NOT NULL,
    facts   TEXT -- JSON
);
CREATE INDEX audit_log_newest ON audit_log (org_id, seq);

-- How far the reconciler has read Stripe's list of events: one row.
CREATE TABLE event_cursor (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at TIMESTAMPTZ
);
