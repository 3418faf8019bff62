package api

import (
	"context"
	"encoding/json"
	"net/http"
)

// Do makes any call and returns the answer as it came, for those who pass it
// on. path may have a query; in is the body, nil for a call without one.
func (c *Client) Do(ctx context.Context, method, path string, in any) (json.RawMessage, error) {
	if method == http.MethodGet || in == nil {
		return call[json.RawMessage](ctx, c, method, path, nil)
	}
	return send[json.RawMessage](ctx, c, method, path, "", in)
}
