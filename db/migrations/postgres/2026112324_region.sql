-- +goose Up
-- Where an org's people are, for what they see: an IANA time zone and a BCP 47
-- tag. NULL: UTC and English.
ALTER TABLE orgs ADD COLUMN time_zone TEXT;
ALTER TABLE orgs ADD COLUMN locale TEXT;
