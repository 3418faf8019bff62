package api

import (
	"context"
	"net/url"
	"strconv"
)

// PreviewCapacity asks what so many additional capacity units in all would cost.
func (c *Client) PreviewCapacity(ctx context.Context, units int64) (Quote, error) {
	q := url.Values{"additional_capacity_units": {strconv.FormatInt(units, 10)}}
	return get[Quote](ctx, c, "/api/billing/preview", q)
}

// AskForMore asks the operator for a higher limit. A repeat joins the open request.
func (c *Client) AskForMore(ctx context.Context, in LimitAsk) (Logged, error) {
	return post[Logged](ctx, c, "/api/billing/request-limit-increase", in)
}

// LimitRequests reads a page of what was asked for; cursor is "" for the first.
func (c *Client) LimitRequests(ctx context.Context, cursor string) (List[LimitRequest], error) {
	return get[List[LimitRequest]](ctx, c, "/api/billing/limit-requests", given("cursor", cursor))
}
