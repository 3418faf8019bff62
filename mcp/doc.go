// Package mcp offers the API to agents as tools of the Model Context Protocol.
//
// It owns the tools' names, arguments and words, and how an agent's wish becomes
// a link that its user opens. Each tool is one call of api.Client: over the wire
// for `countersign mcp`, inside the process for /mcp. What a caller may do, and
// what needs consent, is decided behind that call and nowhere here; an answer to
// an elicitation is never a decision.
package mcp
