-- +goose Up
-- SQLite's only: PostgreSQL's tables are not kept in the order of a key.
SELECT 1;
