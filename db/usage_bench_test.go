package db

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// latencies runs f from some goroutines for a while and reports the median and
// the 99th percentile.
func latencies(b *testing.B, goroutines int, f func(ctx context.Context, n int64) error) {
	var n atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	b.ResetTimer()
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			var mine []time.Duration
			for i := n.Add(1); i <= int64(b.N); i = n.Add(1) {
				started := time.Now()
				if err := f(b.Context(), i); err != nil {
					b.Error(err)
					return
				}
				mine = append(mine, time.Since(started))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
		})
	}
	wg.Wait()
	slices.Sort(all)
	if len(all) > 0 {
		b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-µs")
	}
}

// BenchmarkConsume is held against BenchmarkBareUpdate: one committed UPDATE of
// the counter that it counts in.
func BenchmarkConsume(b *testing.B) {
	for _, goroutines := range []int{1, 16} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			eachEngineBench(b, func(b *testing.B, s fixture) {
				version := ok(s.Subscription(b.Context(), acme))(b).RowVersion
				latencies(b, goroutines, func(ctx context.Context, n int64) error {
					c := billing.Consumption{
						UsageKey: billing.UsageKey{OrgID: acme, Key: fmt.Sprint(b.N, "-", n)}, Resource: "counter_0", Quantity: 1, At: t0,
						Start: november, Cap: billing.Limit{Unlimited: true}, Basis: billing.Basis{RowVersion: version},
					}
					_, done, err := s.Consume(ctx, c)
					if err == nil && !done {
						return fmt.Errorf("not counted")
					}
					return err
				})
			})
		})
	}
}

func BenchmarkBareUpdate(b *testing.B) {
	for _, goroutines := range []int{1, 16} {
		b.Run(fmt.Sprint(goroutines), func(b *testing.B) {
			eachEngineBench(b, func(b *testing.B, s fixture) {
				latencies(b, goroutines, func(ctx context.Context, _ int64) error {
					return s.BareUpdate(ctx, acme, "gauge_0")
				})
			})
		})
	}
}

// BenchmarkCountEvents counts 1,000 events; BenchmarkBareUpsert
// writes as many rows as one statement of the same kind.
func BenchmarkCountEvents(b *testing.B) {
	eachEngineBench(b, func(b *testing.B, s fixture) {
		n := 0
		for b.Loop() {
			events := make([]billing.CountedEvent, 1000)
			for i := range events {
				n++
				events[i] = happened([]string{acme, other}[i%2], fmt.Sprintf("key-%09d", n), 1, t0)
			}
			if len(ok(s.CountEvents(b.Context(), events))(b)) == 0 {
				b.Fatal("not counted")
			}
		}
	})
}

func BenchmarkBareUpsert(b *testing.B) {
	eachEngineBench(b, func(b *testing.B, s fixture) {
		n := 0
		for b.Loop() {
			keys := make([]string, 1000)
			for i := range keys {
				n++
				keys[i] = fmt.Sprintf("key-%09d", n)
			}
			must(b, s.BareUpsert(b.Context(), []string{acme, other}, keys, "calls"))
		}
	})
}
