// Package e2e holds the tests that drive the built product from outside: a real
// process, a real Chromium, real HTTP to the Stripe sandbox. It has no code of
// its own; it is a module apart so that chromedp never reaches the product.
//
// `go test ./...` needs Chromium and node_modules/axe-core, and fails without
// them. What the browser saw is left in artifacts/ at the repository's top.
package e2e
