package api

import _ "embed"

//go:embed openapi.json
var openAPI []byte

// OpenAPI returns the description of the whole interface as JSON (OpenAPI 3.1).
// The caller must not change it.
func OpenAPI() []byte { return openAPI }
