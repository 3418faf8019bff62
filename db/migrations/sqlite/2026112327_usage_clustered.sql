-- +goose Up
-- An org's usage is read with every summary. Without row ids its rows lie side by
-- side; else each is on a page of its own, which the index only points to.
CREATE TABLE usage_clustered (
    org_id      TEXT NOT NULL REFERENCES orgs (id),
    resource    TEXT NOT NULL,
    started_at  TEXT NOT NULL, -- of the window; year 1 for a gauge
    value       INTEGER NOT NULL,
    reported_at TEXT NOT NULL,
    PRIMARY KEY (org_id, resource, started_at)
) STRICT, WITHOUT ROWID;
INSERT INTO usage_clustered (org_id, resource, started_at, value, reported_at)
    SELECT org_id, resource, started_at, value, reported_at FROM usage_counters ORDER BY org_id, resource, started_at;
DROP TABLE usage_counters;
ALTER TABLE usage_clustered RENAME TO usage_counters;
CREATE INDEX usage_counters_age ON usage_counters (started_at) WHERE started_at > '1900-01-01';
