package billing_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// manyTrials makes orgs whose trials all end with the same second, an hour ahead.
func manyTrials(t testing.TB, w *worldtest.World, n int) (ends time.Time) {
	t.Helper()
	ends = worldtest.Start.Add(time.Hour)
	at := func(when time.Time) string { return when.Format("'2006-01-02T15:04:05.000000Z'") }
	numbers := fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d)`, n-1)
	w.Exec(numbers + ` INSERT INTO orgs (id, name, design_partner, checkout_seq, created_at)
		SELECT 'org_' || (1000000 + i), 'Acme', FALSE, 0, ` + at(worldtest.Start) + ` FROM n`)
	w.Exec(`INSERT INTO subscriptions (org_id, plan, cancel_at_period_end, credit, version, row_version, dirty_seq, synced_seq,
			trial_plan, trial_started_at, trial_ends_at, trial_reminded)
		SELECT id, 'free', FALSE, 0, 1, 1, 0, 0, 'solo', ` + at(ends.AddDate(0, 0, -30)) + `, ` + at(ends) + `, 1 FROM orgs`)
	return ends
}

func trialOrg(i int) string { return fmt.Sprint("org_", 1000000+i) }

// readTrial reads an org as its agent does, and asserts what is in force.
func readTrial(w *worldtest.World, i int, plan, state string) error {
	id := trialOrg(i)
	p := billing.Principal{Actor: billing.Actor{Kind: billing.KindAgent, ID: "agt"}, OrgID: id, Scopes: []string{billing.ScopeRead}}
	sum, err := w.Service.Summary(ctx, p)
	if err == nil && (sum.Plan.ID != plan || sum.BillingState() != state) {
		return fmt.Errorf("%s: %s, %q", id, sum.Plan.ID, sum.BillingState())
	}
	return err
}

// TestManyTrialsEnd: more than one batch, whose readers do not wait for it; each
// is told once, by whichever of two replicas.
func TestManyTrialsEnd(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		const n = 1100
		w, h := told(t, worldtest.Options{Catalog: "capacity", OnDisk: !postgres, Postgres: postgres})
		manyTrials(t, w, n)
		w.Advance(time.Hour - time.Second)
		noError(t, w.Service.EndTrials(ctx))
		noError(t, readTrial(w, n-1, "solo", "trialing"))
		w.Advance(time.Second)
		for i := range n {
			noError(t, readTrial(w, i, "free", "trial_expired"))
		}
		var all sync.WaitGroup
		for _, s := range []*billing.Service{w.Service, w.Replica()} {
			all.Go(func() {
				if err := s.EndTrials(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		told := map[string]int{}
		for _, line := range news(t, w, h) {
			told[line[:len("trial.expired")]]++
		}
		if told["trial.expired"] != n || told["billing.plan_"] != n || len(told) != 2 {
			t.Errorf("told %v", told)
		}
		for i := range n {
			noError(t, readTrial(w, i, "free", "trial_expired"))
		}
	}
}

// BenchmarkManyTrialsEnd: 100,000 trials end in one moment. Reads are measured by
// turns with nothing beside them and while the ends are written down.
//
//	go test ./billing -run xxx -bench ManyTrials -benchtime 1x
func BenchmarkManyTrialsEnd(b *testing.B) {
	const (
		n     = 100_000
		turns = 6
		span  = 4 * time.Second
	)
	for _, postgres := range []bool{false, true} {
		b.Run(map[bool]string{false: "sqlite", true: "postgres"}[postgres], func(b *testing.B) {
			for b.Loop() {
				w := worldtest.New(b, worldtest.Options{
					Catalog: "capacity", OnDisk: !postgres, Postgres: postgres,
					Configure: func(c *billing.Config) { c.Deliverer, c.Wall = &host{}, billing.ClockFunc(time.Now) },
				})
				manyTrials(b, w, n)
				w.Advance(time.Hour)
				for range 1000 {
					noError(b, readTrial(w, rand.IntN(n), "free", "trial_expired"))
				}
				var alone, beside []float64
				var worked time.Duration
				for range turns {
					alone = append(alone, readTrials(b, w, n, span))
					ctx, cancel := context.WithCancel(b.Context())
					done := make(chan struct{})
					started := time.Now()
					go func() {
						defer close(done)
						_ = w.Service.EndTrials(ctx) // cut off at the end of the turn
					}()
					beside = append(beside, readTrials(b, w, n, span))
					cancel()
					<-done
					worked += time.Since(started)
				}
				written := w.Count(`SELECT count(*) FROM subscriptions WHERE trial_expired_at IS NOT NULL`)
				slower := make([]float64, turns) // by pairs: neighbours on the machine change by the second
				for i := range turns {
					slower[i] = 100 * (1 - beside[i]/alone[i])
				}
				b.ReportMetric(middle(alone), "reads/s-alone")
				b.ReportMetric(middle(beside), "reads/s-beside")
				b.ReportMetric(middle(slower), "%slower")
				b.ReportMetric(float64(written)/worked.Seconds(), "ended/s")
			}
		})
	}
}

func middle(list []float64) float64 {
	slices.Sort(list)
	return (list[(len(list)-1)/2] + list[len(list)/2]) / 2
}

// readTrials reads random orgs from four places for a while, and returns how many
// in a second.
func readTrials(t testing.TB, w *worldtest.World, n int, span time.Duration) float64 {
	var reads atomic.Int64
	var all sync.WaitGroup
	started := time.Now()
	for range 4 {
		all.Go(func() {
			for time.Since(started) < span {
				if err := readTrial(w, rand.IntN(n), "free", "trial_expired"); err != nil {
					t.Error(err)
					return
				}
				reads.Add(1)
			}
		})
	}
	all.Wait()
	return float64(reads.Load()) / time.Since(started).Seconds()
}
