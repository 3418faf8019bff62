package billing_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// unitsRaces is how often each race of units is run on each database, every time
// in an org of its own and through the whole sandbox.
const unitsRaces = 10

// raceUnits lets two replicas race in orgs that hold 5 additional units.
func raceUnits(t *testing.T, f func(t *testing.T, a *arena, c worldtest.Cast)) {
	eachDatabase(t, func(t *testing.T, o worldtest.Options) {
		o.Catalog = "capacity"
		a := &arena{w: worldtest.New(t, o)}
		a.replicas = [2]*billing.Service{a.w.Service, a.w.Replica()}
		for i := range unitsRaces {
			c := a.w.NewCast(fmt.Sprint("org", i), "team", visa)
			propose(t, a.w.Service, c.OwnerTool, increase(5), billing.StatusCapacityIncreased, nil)
			a.casts = append(a.casts, c)
		}
		a.w.Advance(time.Hour)
		var wg sync.WaitGroup
		free := make(chan struct{}, trialsAtOnce)
		for _, c := range a.casts {
			free <- struct{}{}
			wg.Go(func() {
				defer func() { <-free }()
				f(t, a, c)
			})
		}
		wg.Wait()
	})
}

// unitsRaceWishes are what is raced for, with what it costs and leaves.
var unitsRaceWishes = []struct {
	name    string
	pr      billing.Proposal
	done    billing.Status
	charges int
	units   int64
	reduced int64
}{
	{"increase", increase(7), billing.StatusCapacityIncreased, 1, 7, -1},
	{"reduce", reduce(1), billing.StatusReductionScheduled, 0, 5, 1},
}

// oneIntent asserts that of all the racers one was carried out.
func oneIntent(t *testing.T, a *arena, c worldtest.Cast, charges int, units, reduced int64) {
	t.Helper()
	if n, _ := a.w.Paid(c.Customer); n != 2+charges {
		t.Errorf("%s: %d charges, want %d", c.Org.ID, n, 2+charges)
	}
	sub := a.w.Sync(c.Org.ID)
	got := int64(-1)
	if sub.Units.Reducing() {
		got = sub.Units.ReduceTo
	}
	if sub.Units.Additional != units || got != reduced {
		t.Errorf("%s: units %+v", c.Org.ID, sub.Units)
	}
	log, err := a.w.Store.AuditLog(ctx, c.Org.ID, 100)
	done := 0
	for _, e := range log {
		if e.Event == "change.done" {
			done++
		}
	}
	if err != nil || done != 2 { // the five units, and what was raced for
		t.Errorf("%s: %d changes were carried out, %v", c.Org.ID, done-1, err)
	}
}

// TestRacingConfirmsOfUnits: one token comes back eight times.
func TestRacingConfirmsOfUnits(t *testing.T) {
	for _, row := range unitsRaceWishes {
		t.Run(row.name, func(t *testing.T) {
			raceUnits(t, func(t *testing.T, a *arena, c worldtest.Cast) {
				if a.confirms(t, c, row.pr, row.done) {
					oneIntent(t, a, c, row.charges, row.units, row.reduced)
				}
			})
		})
	}
}

// TestRacingApprovalsOfUnits: two people press Approve, four times each.
func TestRacingApprovalsOfUnits(t *testing.T) {
	for _, row := range unitsRaceWishes {
		t.Run(row.name, func(t *testing.T) {
			raceUnits(t, func(t *testing.T, a *arena, c worldtest.Cast) {
				if a.approvals(t, c, row.pr) {
					oneIntent(t, a, c, row.charges, row.units, row.reduced)
				}
			})
		})
	}
}

// TestRacingWishesOfUnits: people who want different things at the same moment.
// One change at a time, whichever is first, and never two schedules.
func TestRacingWishesOfUnits(t *testing.T) {
	raceUnits(t, func(t *testing.T, a *arena, c worldtest.Cast) {
		wishes := []billing.Proposal{increase(7), reduce(1), downgrade(), upgrade("solo"), increase(9), reduce(3), keep(), increase(7)}
		a.together(8, func(i int, s *billing.Service) {
			_, err := s.Propose(ctx, c.OwnerTool, wishes[i])
			if e, ok := errors.AsType[*billing.Error](err); err != nil && (!ok || e.Kind != billing.KindConflict) {
				t.Errorf("%s: %v", wishes[i].Verb, err)
			}
		})
		sub := a.w.Sync(c.Org.ID)
		if sub.CancelAtPeriodEnd && (sub.Units.Reducing() || sub.Units.ScheduleID != "") || sub.Units.Foreign || sub.UnknownPrice != "" || !sub.Status.Live() {
			t.Errorf("%s: %+v", c.Org.ID, sub.State)
		}
		if _, err := a.w.Store.OpenIntent(ctx, c.Org.ID); !errors.Is(err, billing.ErrNotFound) {
			t.Errorf("%s: an intent is open (%v)", c.Org.ID, err)
		}
	})
}
