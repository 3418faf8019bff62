//go:build !race

package billing_test

const (
	raced = false
	// raceTrials is how often each race is run on each database, every time in an
	// org of its own. It is part of what the product promises: do not lower it.
	raceTrials = 500
)
