//go:build race

package billing_test

// raced: the race detector makes everything five times slower. Long tables thin out
// under it; make test runs them whole without it as well.
const (
	raced      = true
	raceTrials = 100
)
