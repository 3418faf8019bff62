package api

import (
	"context"
	"errors"
	"net/http"
	"testing"
)

func TestHostCalls(t *testing.T) {
	ctx := context.Background()
	for want, call := range map[heard]func(c *Client) error{
		{method: "POST", uri: "/api/host/check", body: `{"org":"o","resource":"agents"}`}: func(c *Client) error {
			_, err := c.Check(ctx, CheckRequest{Org: "o", Resource: "agents"})
			return err
		},
		{method: "POST", uri: "/api/host/consume", body: `{"org":"o","resource":"agents","quantity":2,"key":"k"}`}: func(c *Client) error {
			_, err := c.Consume(ctx, ConsumeRequest{Org: "o", Resource: "agents", Quantity: 2, Key: "k"})
			return err
		},
		{method: "POST", uri: "/api/host/usage", body: `{"events":[{"org":"o","resource":"calls","quantity":1,"key":"k"}]}`}: func(c *Client) error {
			_, err := c.ReportUsage(ctx, []UsageEvent{{Org: "o", Resource: "calls", Quantity: 1, Key: "k"}})
			return err
		},
		{method: "POST", uri: "/api/host/usage", body: `{"events":[]}`}:           func(c *Client) error { _, err := c.ReportUsage(ctx, nil); return err },
		{method: "PUT", uri: "/api/host/usage/a%2Fb/agents", body: `{"value":0}`}: func(c *Client) error { _, err := c.SetGauge(ctx, "a/b", "agents", 0); return err },
		{method: "PUT", uri: "/api/host/orgs/a%3Fb", body: `{"name":"Acme"}`}:     func(c *Client) error { _, err := c.PutOrg(ctx, "a?b", HostOrgRequest{Name: "Acme"}); return err },
		{method: "POST", uri: "/api/host/orgs/o/agents", body: `{"name":"bot"}`}: func(c *Client) error {
			_, err := c.CreateAgent(ctx, "o", "", HostAgentRequest{Name: "bot"})
			return err
		},
		{method: "DELETE", uri: "/api/host/orgs/o/agents/agt_1"}:                       func(c *Client) error { return c.RevokeAgent(ctx, "o", "agt_1") },
		{method: "POST", uri: "/api/host/sso", body: `{"org":"o","email":"a@b.test"}`}: func(c *Client) error { _, err := c.SSO(ctx, SSORequest{Org: "o", Email: "a@b.test"}); return err },
	} {
		status, answer := 200, `{}`
		if want.method == "DELETE" {
			status, answer = 204, ``
		} else {
			want.contentType = "application/json"
		}
		c, got := serve(t, status, answer)
		if err := call(c); err != nil {
			t.Errorf("%s: %v", want.uri, err)
		}
		want.auth = "Bearer csa_k"
		if *got != want {
			t.Errorf("sent %+v, want %+v", *got, want)
		}
	}
}

func TestHostAnswers(t *testing.T) {
	ctx := context.Background()
	c, _ := serve(t, 200, `{"allowed":true,"active":2,"cap":null}`)
	if a, err := c.Check(ctx, CheckRequest{}); err != nil || !a.Allowed || a.Active != 2 || a.Cap != nil {
		t.Errorf("%+v, %v", a, err)
	}
	c, _ = serve(t, 202, `{"accepted":1,"duplicate":2,"rejected":[{"index":3,"error":"not_found","message":"No."}]}`)
	if a, err := c.ReportUsage(ctx, nil); err != nil || a.Accepted != 1 || a.Duplicate != 2 || len(a.Rejected) != 1 || a.Rejected[0].Index != 3 {
		t.Errorf("%+v, %v", a, err)
	}
	c, _ = serve(t, 402, overLimit)
	_, err := c.Consume(ctx, ConsumeRequest{})
	if e, ok := errors.AsType[*CallError](err); !ok || e.Body.Code != "over_limit" || string(e.Raw) != overLimit {
		t.Errorf("%+v", err)
	}
}

// TestAgentIsMadeOnce: the key of a repeat travels.
func TestAgentIsMadeOnce(t *testing.T) {
	for _, key := range []string{"", "create-42"} {
		var got http.Header
		c, _ := serve(t, 201, `{"id":"agt_1","key":{"secret":"csa_s"}}`)
		c.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			got = r.Header
			return http.DefaultTransport.RoundTrip(r)
		})}
		a, err := c.CreateAgent(context.Background(), "o", key, HostAgentRequest{Name: "bot"})
		if err != nil || a.ID != "agt_1" || a.Key.Secret != "csa_s" || got.Get("Idempotency-Key") != key {
			t.Errorf("%+v, %v, sent %v", a, err, got)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
