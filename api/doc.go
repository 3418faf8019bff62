// Package api owns the words of the HTTP interface: the bodies of requests and
// answers, the error body, and the OpenAPI description. It has no rules and
// knows no other package; servers and clients both speak through it.
//
// Spellings are those of the published interface, which mixes camel and snake
// case: existing clients depend on them. Money is integer minor units with a
// lower-case ISO 4217 currency, times are RFC 3339 in UTC.
//
// The tags of a request say all that its form demands: a field without
// omitempty is required; enum lists the values that a string may have; min and
// max bound an integer, both included.
package api
