package api

import _ "embed"

//go:embed openapi.json
var openAPI []byte

//go:embed llms.txt
var llms []byte

// LLMs returns what an agent has to know, in plain text. The caller must not
// change it.
func LLMs() []byte { return llms }

// OpenAPI returns the description of the whole interface as JSON (OpenAPI 3.1).
// The caller must not change it.
func OpenAPI() []byte { return openAPI }
