package db

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// The benchmarks compare each hot read with its bare statement: the same text on
// a connection of its own, scanned and thrown away. What is between the two is
// this package's part.
//
//	go test -bench . -run ^$ ./db
func eachEngineBench(b *testing.B, f func(b *testing.B, s fixture)) {
	for _, e := range []engine{sqliteEngine, postgresEngine} {
		b.Run(string(e), func(b *testing.B) {
			s := fixture{Store: openAt(b, newURL(b, e), Options{})}
			s.seed(b)
			ctx := b.Context()
			month := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
			for i := range 3 {
				must(b, s.SetUsage(ctx, acme, fmt.Sprint("gauge_", i), time.Time{}, 3, t0))
				must(b, s.SetUsage(ctx, acme, fmt.Sprint("counter_", i), month, 3, t0))
			}
			must(b, s.InsertSession(ctx, session("ses_1")))
			must(b, s.InsertApproval(ctx, approval("apr_1")))
			sub := ok(s.Subscription(ctx, acme))(b)
			sub.State = billing.State{
				CustomerID: "cus_1", SubscriptionID: "sub_1", ItemID: "si_1", Status: billing.StatusActive, Plan: "pro",
				PeriodStart: t0, PeriodEnd: t0.AddDate(0, 1, 0), Card: &billing.Card{Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2030},
				Next: &billing.NextInvoice{Date: t0, Amount: billing.Money{Amount: 1900, Currency: "usd"}},
			}
			ok(s.SaveState(ctx, sub, nil))(b)
			f(b, s)
		})
	}
}

// parallel runs f from 16 goroutines, as 16 connections would, under a context
// that can end, as a request's can.
func parallel(b *testing.B, f func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.ReportAllocs()
	b.SetParallelism(8)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := f(ctx); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

func BenchmarkBareSelectOfOneColumn(b *testing.B) {
	eachEngineBench(b, func(b *testing.B, s fixture) {
		parallel(b, func(ctx context.Context) error {
			var name string
			return s.readers.QueryRowContext(ctx, `SELECT name FROM orgs WHERE id = $1`, acme).Scan(&name)
		})
	})
}

func BenchmarkKeyPrincipal(b *testing.B) {
	eachEngineBench(b, func(b *testing.B, s fixture) {
		parallel(b, func(ctx context.Context) error {
			_, _, err := s.KeyPrincipal(ctx, []byte("hash-1"))
			return err
		})
	})
}

func BenchmarkSessionPrincipal(b *testing.B) {
	eachEngineBench(b, func(b *testing.B, s fixture) {
		parallel(b, func(ctx context.Context) error {
			_, _, err := s.SessionPrincipal(ctx, []byte("ses_1"), t0, t0)
			return err
		})
	})
}

func BenchmarkOverview(b *testing.B) {
	eachEngineBench(b, func(b *testing.B, s fixture) {
		parallel(b, func(ctx context.Context) error {
			_, err := s.Overview(ctx, acme)
			return err
		})
	})
}

func BenchmarkApproval(b *testing.B) {
	eachEngineBench(b, func(b *testing.B, s fixture) {
		parallel(b, func(ctx context.Context) error {
			_, err := s.Approval(ctx, acme, "apr_1")
			return err
		})
	})
}

// BenchmarkSummary is what GET /api/billing reads.
func BenchmarkSummary(b *testing.B) {
	eachEngineBench(b, func(b *testing.B, s fixture) {
		parallel(b, func(ctx context.Context) error {
			if _, _, err := s.KeyPrincipal(ctx, []byte("hash-1")); err != nil {
				return err
			}
			_, err := s.Overview(ctx, acme)
			return err
		})
	})
}

// BenchmarkRecent is what Settings → Billing lists.
func BenchmarkRecent(b *testing.B) {
	eachEngineBench(b, func(b *testing.B, s fixture) {
		var invoices []billing.Invoice
		for n := range 13 {
			invoices = append(invoices, billing.Invoice{
				ID: fmt.Sprint("in_", n), Number: fmt.Sprint("ACME-", n), CreatedAt: t0.AddDate(0, -n, 0), Description: "Pro, monthly",
				Amount: billing.Money{Amount: 1900, Currency: "usd"}, Status: "paid", HostedURL: "https://invoice.stripe.com/i/acct_1/live_1",
			})
		}
		ok(s.SaveState(b.Context(), ok(s.Subscription(b.Context(), acme))(b), invoices))(b)
		parallel(b, func(ctx context.Context) error {
			r, err := s.Recent(ctx, acme, billing.RecentLimits{Invoices: 13, Limits: 20, Waiting: 1})
			if len(r.Invoices) != 13 || len(r.Waiting) != 1 {
				b.Errorf("%d invoices, %d requests", len(r.Invoices), len(r.Waiting))
			}
			return err
		})
	})
}

func BenchmarkOpen(b *testing.B) {
	for _, e := range []engine{sqliteEngine, postgresEngine} {
		b.Run(string(e)+"/new", func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				url := "sqlite:" + b.TempDir() + "/new.db"
				if e == postgresEngine {
					url = emptyPostgres(b)
				}
				b.StartTimer()
				s, err := Open(b.Context(), url, Options{})
				must(b, err)
				b.StopTimer()
				must(b, s.Close())
				b.StartTimer()
			}
		})
		b.Run(string(e)+"/again", func(b *testing.B) {
			url := newURL(b, e)
			openAt(b, url, Options{})
			for b.Loop() {
				s, err := Open(b.Context(), url, Options{})
				must(b, err)
				must(b, s.Close())
			}
		})
	}
}
