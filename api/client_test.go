package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// heard is what the server got.
type heard struct{ method, uri, auth, contentType, body string }

func serve(t *testing.T, status int, answer string, head ...string) (*Client, *heard) {
	t.Helper()
	var h heard
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h = heard{r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)}
		for i := 0; i+1 < len(head); i += 2 {
			w.Header().Set(head[i], head[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(srv.Close)
	return &Client{BaseURL: srv.URL + "/", Key: "csa_k"}, &h
}

func TestClientCalls(t *testing.T) {
	ctx := context.Background()
	for want, call := range map[heard]func(c *Client) error{
		{method: "GET", uri: "/api/billing"}:                                          func(c *Client) error { _, err := c.Billing(ctx); return err },
		{method: "POST", uri: "/api/billing/checkout", body: `{}`}:                    func(c *Client) error { _, err := c.Checkout(ctx, CheckoutRequest{}); return err },
		{method: "POST", uri: "/api/billing/portal", body: `{}`}:                      func(c *Client) error { _, err := c.Portal(ctx); return err },
		{method: "POST", uri: "/api/billing/upgrade", body: `{"plan":"scale"}`}:       func(c *Client) error { _, err := c.Upgrade(ctx, UpgradeRequest{Plan: "scale"}); return err },
		{method: "POST", uri: "/api/billing/downgrade", body: `{"mode":"web"}`}:       func(c *Client) error { _, err := c.Downgrade(ctx, DowngradeRequest{Mode: "web"}); return err },
		{method: "GET", uri: "/api/billing/preview?plan=a%26b"}:                       func(c *Client) error { _, err := c.Preview(ctx, "a&b"); return err },
		{method: "GET", uri: "/api/billing/preview"}:                                  func(c *Client) error { _, err := c.Preview(ctx, ""); return err },
		{method: "GET", uri: "/api/billing/invoices?cursor=in_1"}:                     func(c *Client) error { _, err := c.Invoices(ctx, "in_1"); return err },
		{method: "GET", uri: "/api/web-approve/status?request=apr_1&wait=25"}:         func(c *Client) error { _, err := c.ApprovalStatus(ctx, "apr_1", 25*time.Second); return err },
		{method: "GET", uri: "/api/web-approve/status?request=apr_1"}:                 func(c *Client) error { _, err := c.ApprovalStatus(ctx, "apr_1", 0); return err },
		{method: "POST", uri: "/api/web-approve/cancel", body: `{"request":"apr_1"}`}: func(c *Client) error { _, err := c.CancelApproval(ctx, "apr_1"); return err },
		{method: "GET", uri: "/api/approvals?cursor=apr_1&state=pending"}:             func(c *Client) error { _, err := c.Approvals(ctx, "pending", "apr_1"); return err },
	} {
		c, got := serve(t, 200, `{}`)
		if err := call(c); err != nil {
			t.Errorf("%s: %v", want.uri, err)
		}
		want.auth = "Bearer csa_k"
		if want.method == "POST" {
			want.contentType = "application/json"
		}
		if *got != want {
			t.Errorf("sent %+v, want %+v", *got, want)
		}
	}
}

func TestClientReads(t *testing.T) {
	c, _ := serve(t, 202, `{"status":"switched","plan":"scale","amountChargedCents":0,"receipt":null,"new":1}`)
	got, err := c.Upgrade(context.Background(), UpgradeRequest{})
	if err != nil || got.Status != "switched" || got.AmountChargedCents == nil {
		t.Errorf("%+v, %v", got, err)
	}
	c, _ = serve(t, 200, `not JSON`)
	if _, err = c.Billing(context.Background()); err == nil {
		t.Error("takes what is not JSON")
	}
}

func TestClientErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		answer string
		head   []string
		want   CallError
		words  string
	}{
		{409, `{"error":"no_customer","message":"Start.","details":{"a":1},"status":409}`, nil, CallError{Status: 409, Body: Error{Code: "no_customer"}}, "no_customer: Start."},
		{429, `{"error":"slow_down","message":"Wait."}`, []string{"Retry-After", "10"}, CallError{Status: 429, RetryAfter: 10 * time.Second, Body: Error{Code: "slow_down"}}, "slow_down: Wait."},
		{502, `<html>bad gateway</html>`, nil, CallError{Status: 502}, "the server answered 502"},
		{302, ``, nil, CallError{Status: 302}, "the server answered 302"},
	} {
		client, _ := serve(t, c.status, c.answer, c.head...)
		_, err := client.Billing(context.Background())
		got, ok := errors.AsType[*CallError](err)
		if !ok || got.Status != c.want.Status || got.RetryAfter != c.want.RetryAfter || got.Body.Code != c.want.Body.Code || got.Error() != c.words {
			t.Errorf("%d: %+v", c.status, err)
		}
	}
	if _, err := (&Client{BaseURL: "http://127.0.0.1:1"}).Billing(context.Background()); err == nil {
		t.Error("nobody answers, and that is no error")
	}
}

func TestDescriptionIsJSON(t *testing.T) {
	var d struct {
		OpenAPI string `json:"openapi"`
	}
	if err := json.Unmarshal(OpenAPI(), &d); err != nil || d.OpenAPI != "3.1.0" {
		t.Errorf("%+v, %v", d, err)
	}
}
