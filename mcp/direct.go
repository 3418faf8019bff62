package mcp

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// The short way. The library opens a session for every request over HTTP and
// reads each message about ten times, which takes longer than most calls. A call
// of a tool that reads, in the plainest form, needs none of that. Whatever is
// unusual about a message goes the library's way, which also words the errors.

// direct runs a tool with arguments that fit; false if they have to be looked at.
type direct func(ctx context.Context, h http.Header, arguments json.RawMessage) (*mcp.CallToolResult, bool)

// answered is a response, in the members that such a call has.
type answered struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  struct {
		Meta       map[string]any `json:"_meta,omitempty"`
		Content    []mcp.Content  `json:"content"`
		Structured any            `json:"structuredContent,omitempty"`
		Failed     bool           `json:"isError,omitempty"`
		Type       string         `json:"resultType,omitempty"`
	} `json:"result"`
}

// shortly answers a message in the short way; nil if it has to go the long one.
func (s *Server) shortly(req *http.Request, body []byte) []byte {
	kind, _, _ := strings.Cut(req.Header.Get("Content-Type"), ";")
	envelope := members(body, "jsonrpc", "id", "method", "params")
	if envelope == nil || kind != "application/json" || string(envelope["jsonrpc"]) != `"2.0"` || string(envelope["method"]) != `"tools/call"` || !plainID(envelope["id"]) || req.Header.Get("Last-Event-Id") != "" {
		return nil
	}
	params := members(envelope["params"], "name", "arguments", "_meta")
	var name string
	if params == nil || json.Unmarshal(params["name"], &name) != nil || s.short[name] == nil || !revisionFits(req.Header, name, params["_meta"]) {
		return nil
	}
	res, ok := s.short[name](req.Context(), req.Header, params["arguments"])
	if !ok {
		return nil
	}
	out := answered{Version: "2.0", ID: envelope["id"]}
	out.Result.Content, out.Result.Structured, out.Result.Failed = res.Content, res.StructuredContent, res.IsError
	if params["_meta"] != nil {
		out.Result.Type, out.Result.Meta = "complete", map[string]any{mcp.MetaKeyServerInfo: s.named}
	}
	raw, err := json.Marshal(out)
	if err != nil {
		return nil
	}
	return raw
}

// members are those of a JSON object that has no others; nil if it has.
func members(raw json.RawMessage, known ...string) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil || m == nil {
		return nil
	}
	for name := range m {
		if !slices.Contains(known, name) {
			return nil
		}
	}
	return m
}

// plainID reports whether an id is a text or a number, as it has to be.
func plainID(id json.RawMessage) bool {
	return len(id) > 0 && strings.IndexByte(`"-0123456789`, id[0]) >= 0
}

// revisionFits reports whether a call is in order in the revision that it names:
// before the newest, a header is all there is; since then, headers and members
// have to say the same.
func revisionFits(h http.Header, tool string, meta json.RawMessage) bool {
	switch revision := h.Get("Mcp-Protocol-Version"); revision {
	case "", "2025-03-26", "2025-06-18", "2025-11-25":
		return meta == nil
	case multiRound:
		m := members(meta, mcp.MetaKeyProtocolVersion, mcp.MetaKeyClientInfo, mcp.MetaKeyClientCapabilities)
		return len(m) == 3 && string(m[mcp.MetaKeyProtocolVersion]) == `"`+revision+`"` && m[mcp.MetaKeyClientCapabilities][0] == '{' && m[mcp.MetaKeyClientInfo][0] == '{' &&
			h.Get("Mcp-Method") == "tools/call" && h.Get("Mcp-Name") == tool
	}
	return false
}

// fitting reads arguments that are in order; false for all others.
func fitting[In any](raw json.RawMessage) (in In, ok bool) {
	if len(raw) == 0 {
		raw = json.RawMessage("{}")
	}
	fields := reflect.VisibleFields(reflect.TypeFor[In]())
	names := make([]string, 0, len(fields))
	for _, f := range fields {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	given := members(raw, names...)
	if given == nil {
		return in, false
	}
	for _, f := range fields {
		name, rest, _ := strings.Cut(f.Tag.Get("json"), ",")
		value, there := given[name]
		if there && string(value) == "null" || !there && rest != "omitempty" {
			return in, false
		}
	}
	return in, json.Unmarshal(raw, &in) == nil
}
