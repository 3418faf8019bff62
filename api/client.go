package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Client calls a Countersign server. The zero HTTP client waits longer than a
// poll may be held.
type Client struct {
	BaseURL string // like "https://billing.example.com"
	Key     string // csa_… or csm_…; csh_… for what the host application does
	HTTP    *http.Client
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 4 << 20

// CallError is an answer that is not a success.
type CallError struct {
	Status     int
	RetryAfter time.Duration // 0 if the server did not say
	Body       Error         // Code is empty if the answer was not one of Countersign
	Raw        []byte        // the body as it came, to pass on
}

func (e *CallError) Error() string {
	if e.Body.Code == "" {
		return fmt.Sprintf("the server answered %d", e.Status)
	}
	return fmt.Sprintf("%s: %s", e.Body.Code, e.Body.Message)
}

// Billing reads the summary.
func (c *Client) Billing(ctx context.Context) (Summary, error) {
	return get[Summary](ctx, c, "/api/billing", nil)
}

// Checkout opens a page to enter a card.
func (c *Client) Checkout(ctx context.Context, in CheckoutRequest) (Link, error) {
	return post[Link](ctx, c, "/api/billing/checkout", in)
}

// Portal opens the customer portal.
func (c *Client) Portal(ctx context.Context) (Link, error) {
	return post[Link](ctx, c, "/api/billing/portal", struct{}{})
}

// Upgrade switches the plan, or asks for it.
func (c *Client) Upgrade(ctx context.Context, in UpgradeRequest) (Change, error) {
	return post[Change](ctx, c, "/api/billing/upgrade", in)
}

// Downgrade schedules the free plan, or asks for it.
func (c *Client) Downgrade(ctx context.Context, in DowngradeRequest) (Change, error) {
	return post[Change](ctx, c, "/api/billing/downgrade", in)
}

// Preview asks what a change to the plan would cost; "" is the first paid one.
func (c *Client) Preview(ctx context.Context, plan string) (Quote, error) {
	return get[Quote](ctx, c, "/api/billing/preview", given("plan", plan))
}

// Invoices reads a page of invoices; cursor is "" for the first.
func (c *Client) Invoices(ctx context.Context, cursor string) (List[Invoice], error) {
	return get[List[Invoice]](ctx, c, "/api/billing/invoices", given("cursor", cursor))
}

// ApprovalStatus polls a request, held by the server for at most wait.
func (c *Client) ApprovalStatus(ctx context.Context, request string, wait time.Duration) (ApprovalStatus, error) {
	q := url.Values{"request": {request}}
	if wait > 0 {
		q.Set("wait", strconv.Itoa(int(wait.Seconds())))
	}
	return get[ApprovalStatus](ctx, c, "/api/web-approve/status", q)
}

// CancelApproval withdraws a request.
func (c *Client) CancelApproval(ctx context.Context, request string) (ApprovalStatus, error) {
	return post[ApprovalStatus](ctx, c, "/api/web-approve/cancel", CancelRequest{Request: request})
}

// Approvals reads a page of requests in the state, "" for any.
func (c *Client) Approvals(ctx context.Context, state, cursor string) (List[Approval], error) {
	q := given("state", state)
	for k, v := range given("cursor", cursor) {
		q[k] = v
	}
	return get[List[Approval]](ctx, c, "/api/approvals", q)
}

func given(name, value string) url.Values {
	if value == "" {
		return url.Values{}
	}
	return url.Values{name: {value}}
}

func get[T any](ctx context.Context, c *Client, path string, q url.Values) (T, error) {
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return call[T](ctx, c, http.MethodGet, path, nil)
}

func post[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	return send[T](ctx, c, http.MethodPost, path, "", in)
}

// send makes a request with a body; key is its Idempotency-Key, "" for none.
func send[T any](ctx context.Context, c *Client, method, path, key string, in any) (T, error) {
	body, err := json.Marshal(in)
	if err != nil {
		var none T
		return none, err
	}
	head := []string{"Content-Type", "application/json"}
	if key != "" {
		head = append(head, "Idempotency-Key", key)
	}
	return call[T](ctx, c, method, path, body, head...)
}

// call makes one request; head lists names and values. It never retries: only
// the caller knows what a second one would mean.
func call[T any](ctx context.Context, c *Client, method, path string, body []byte, head ...string) (out T, err error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(c.BaseURL, "/")+path, bytes.NewReader(body))
	if err != nil {
		return out, err
	}
	req.Header.Set("Authorization", "Bearer "+c.Key)
	req.Header.Set("Accept", "application/json")
	for i := 0; i+1 < len(head); i += 2 {
		req.Header.Set(head[i], head[i+1])
	}
	client := c.HTTP
	if client == nil {
		client = &http.Client{Timeout: time.Minute}
	}
	res, err := client.Do(req)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case err != nil:
		return out, err
	case res.StatusCode >= http.StatusMultipleChoices:
		return out, callError(res, answer)
	case res.StatusCode == http.StatusNoContent:
		return out, nil
	}
	return out, json.Unmarshal(answer, &out)
}

func callError(res *http.Response, answer []byte) error {
	e := &CallError{Status: res.StatusCode, Raw: answer}
	if json.Unmarshal(answer, &e.Body) != nil { // a proxy's own page
		e.Body = Error{}
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}
