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
func Handler(s *mcp.Server, log *slog.Logger) http.Handler {
	sdk := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{
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
		default:
			req.Body = io.NopCloser(bytes.NewReader(body))
			req.Header.Set("Accept", "application/json, text/event-stream") // it is JSON, whatever was asked for
			sdk.ServeHTTP(&private{ResponseWriter: w}, req)
		}
	})
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

// private keeps answers out of every cache: some carry a confirm_token.
type private struct {
	http.ResponseWriter
	begun bool
}

func (p *private) begin() {
	if !p.begun {
		p.begun = true
		p.Header().Set("Cache-Control", "no-store")
	}
}

func (p *private) WriteHeader(status int) { p.begin(); p.ResponseWriter.WriteHeader(status) }

func (p *private) Write(b []byte) (int, error) { p.begin(); return p.ResponseWriter.Write(b) }

// Unwrap lets http.ResponseController reach the connection.
func (p *private) Unwrap() http.ResponseWriter { return p.ResponseWriter }
