// Package clients holds the tests that drive the tools with programs of the MCP
// project: its inspector and its conformance suites. It has no code of its own;
// it is a module apart, with npm packages that never reach the product.
package clients
