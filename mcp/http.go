package mcp

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// Handler serves the tools over HTTP, one request at a time: it keeps no
// sessions, so any replica answers any request. Whoever calls it has found out
// who is calling, and bounded the body.
func Handler(s *Server, log *slog.Logger) http.Handler {
	sdk := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s.Server }, &mcp.StreamableHTTPOptions{
		Stateless: true, JSONResponse: true, PropagateRequestCancellation: true, Logger: log,
		// The door checks who is calling, by a key that no page of another site has, and
		// the server may stand behind a proxy on the same machine.
		DisableLocalhostProtection: true,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		switch {
		case err != nil:
			refuse(w, err)
		case bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("[")):
			// One call would be hundreds, and nobody sends them: no revision since 2025-06-18 has them.
			answerError(w, http.StatusBadRequest, invalidRequest, "Send one message at a time: batches are not taken.")
		case !json.Valid(body): // two of them, too
			answerError(w, http.StatusBadRequest, parseError, "Send exactly one message, in JSON.")
		case repeats(json.NewDecoder(bytes.NewReader(body))):
			answerError(w, http.StatusBadRequest, invalidRequest, "An object in the message has the same name twice.")
		default:
			a := &answer{head: w.Header(), status: http.StatusOK}
			if short := s.shortly(req, body); short != nil {
				a.head.Set("Content-Type", "application/json")
				_, _ = a.body.Write(short)
				a.send(w)
				return
			}
			req.Body = io.NopCloser(bytes.NewReader(body))
			req.Header.Set("Accept", "application/json, text/event-stream") // it is JSON, whatever was asked for
			sdk.ServeHTTP(a, req)
			a.send(w)
		}
	})
}

// repeats reports whether an object has a name twice, which two readers could
// understand differently. What d reads is valid JSON.
func repeats(d *json.Decoder) bool {
	open, _ := d.Token()
	if open != json.Delim('{') && open != json.Delim('[') {
		return false
	}
	seen := map[json.Token]bool{}
	for d.More() {
		if open == json.Delim('{') {
			name, _ := d.Token()
			if seen[name] {
				return true
			}
			seen[name] = true
		}
		if repeats(d) {
			return true
		}
	}
	_, _ = d.Token() // the end
	return false
}

// The codes of JSON-RPC for what never became a message.
const (
	invalidRequest = -32600
	parseError     = -32700
)

func refuse(w http.ResponseWriter, err error) {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		answerError(w, http.StatusRequestEntityTooLarge, invalidRequest, "The message is too large.")
		return
	}
	answerError(w, http.StatusBadRequest, parseError, "The message did not arrive whole.")
}

func answerError(w http.ResponseWriter, status, code int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // nobody is left to tell
		"jsonrpc": "2.0", "id": nil, "error": map[string]any{"code": code, "message": message},
	})
}
