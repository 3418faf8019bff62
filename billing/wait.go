package billing

import (
	"context"
	"time"
)

// Waiter lets time pass for a change that is under way. Whoever moves the Clock
// by hand moves this with it.
type Waiter interface {
	// Wait returns true at the first news, or after d without any, and false when
	// ctx ends before. A nil news never comes.
	Wait(ctx context.Context, d time.Duration, news <-chan struct{}) bool
	// WithTimeout is context.WithTimeout, by the time that Wait goes by.
	WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc)
}

// systemTime is the Waiter of every process that runs by itself.
type systemTime struct{}

// Wait implements Waiter.
func (systemTime) Wait(ctx context.Context, d time.Duration, news <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-news:
		return true
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// WithTimeout implements Waiter.
func (systemTime) WithTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

// pause waits, or returns false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool { return systemTime{}.Wait(ctx, d, nil) }
