package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// What the host application calls, with its csh_ key.

// Check asks whether the org may have more of the resource. A refusal is a
// *CallError with status 402 and the code over_limit. Nothing is counted: of two
// callers who ask for the last place at once, both hear yes. Consume is exact.
func (c *Client) Check(ctx context.Context, in CheckRequest) (Allowance, error) {
	return post[Allowance](ctx, c, "/api/host/check", in)
}

// Consume checks and counts in one step. It may be repeated with the same Key.
func (c *Client) Consume(ctx context.Context, in ConsumeRequest) (Allowance, error) {
	return post[Allowance](ctx, c, "/api/host/consume", in)
}

// ReportUsage counts 1 to 1,000 events. It may be repeated: an event's Key
// counts once. What is wrong with one event is in the answer, not an error.
func (c *Client) ReportUsage(ctx context.Context, events []UsageEvent) (Accepted, error) {
	in := UsageReport{Events: make([]json.RawMessage, 0, len(events))}
	for _, e := range events {
		raw, err := json.Marshal(e)
		if err != nil {
			return Accepted{}, err
		}
		in.Events = append(in.Events, raw)
	}
	return post[Accepted](ctx, c, "/api/host/usage", in)
}

// SetGauge says how many of the resource there are now.
func (c *Client) SetGauge(ctx context.Context, org, resource string, value int64) (Usage, error) {
	path := "/api/host/usage/" + url.PathEscape(org) + "/" + url.PathEscape(resource)
	return send[Usage](ctx, c, http.MethodPut, path, "", GaugeRequest{Value: value})
}

// PutOrg creates or updates an org, and its members if they are given.
func (c *Client) PutOrg(ctx context.Context, org string, in HostOrgRequest) (HostOrg, error) {
	return send[HostOrg](ctx, c, http.MethodPut, "/api/host/orgs/"+url.PathEscape(org), "", in)
}

// CreateAgent issues an agent's key. With an idempotencyKey, "" for none, it may
// be repeated.
func (c *Client) CreateAgent(ctx context.Context, org, idempotencyKey string, in HostAgentRequest) (HostAgent, error) {
	return send[HostAgent](ctx, c, http.MethodPost, "/api/host/orgs/"+url.PathEscape(org)+"/agents", idempotencyKey, in)
}

// RevokeAgent takes an agent's keys away.
func (c *Client) RevokeAgent(ctx context.Context, org, id string) error {
	path := "/api/host/orgs/" + url.PathEscape(org) + "/agents/" + url.PathEscape(id)
	_, err := call[struct{}](ctx, c, http.MethodDelete, path, nil)
	return err
}

// SSO makes a sign-in link for the host's own user: single use, 60 seconds.
func (c *Client) SSO(ctx context.Context, in SSORequest) (SSO, error) {
	return post[SSO](ctx, c, "/api/host/sso", in)
}
