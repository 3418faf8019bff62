-- +goose Up

-- A key is made once for a request: the SHA-256 of what names the request.
ALTER TABLE credentials ADD COLUMN request_key BLOB;
CREATE UNIQUE INDEX credentials_request ON credentials (request_key) WHERE request_key IS NOT NULL;

-- A link from the host's menu signs in to one org; NULL: whichever the person has.
ALTER TABLE signin_links ADD COLUMN org_id TEXT REFERENCES orgs (id);
