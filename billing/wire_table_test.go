package billing_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// wireFlows are the changes of the units' flows and those of plans.
func wireFlows() []unitsFlow {
	press := func(pr billing.Proposal) func(s *billing.Service) billing.Proposal {
		return func(s *billing.Service) billing.Proposal {
			pr.RequestKey = s.NewNonce()
			return pr
		}
	}
	wish := func(pr billing.Proposal) func(s *billing.Service) billing.Proposal {
		return func(*billing.Service) billing.Proposal { return pr }
	}
	on := func(plan string) func(sub billing.Subscription) bool {
		return func(sub billing.Subscription) bool { return sub.Plan == plan && !sub.CancelAtPeriodEnd }
	}
	ends := func(sub billing.Subscription) bool { return sub.Plan == "solo" && sub.CancelAtPeriodEnd }
	ending := func(t *testing.T, s *billing.Service, c worldtest.Cast) {
		propose(t, s, c.OwnerTool, downgrade(), billing.StatusDowngradeScheduled, nil)
	}
	flows := slices.DeleteFunc(unitsFlows(), func(f unitsFlow) bool { return f.plan == "" })
	return append(flows,
		unitsFlow{"switch, press", "solo", nil, press(upgrade("team")), false, false, billing.StatusSwitched, 1, on("team")},
		unitsFlow{"switch, chat", "solo", nil, wish(upgrade("team")), true, false, billing.StatusSwitched, 1, on("team")},
		unitsFlow{"switch, page", "solo", nil, wish(upgrade("team")), true, true, billing.StatusSwitched, 1, on("team")},
		unitsFlow{"switch that lifts a downgrade", "solo", ending, press(upgrade("team")), false, false, billing.StatusSwitched, 1, on("team")},
		unitsFlow{"downgrade, press", "solo", nil, press(downgrade()), false, false, billing.StatusDowngradeScheduled, 0, ends},
		unitsFlow{"downgrade, chat", "solo", nil, wish(downgrade()), true, false, billing.StatusDowngradeScheduled, 0, ends},
		unitsFlow{"undo a downgrade", "solo", ending, press(upgrade("solo")), false, false, billing.StatusResumed, 0, on("solo")},
	)
}

// ready makes an org in which the flow can be tried, and the try.
func (f unitsFlow) ready(t *testing.T, w *worldtest.World, name string) (c worldtest.Cast, paid int, act func(s *billing.Service) (billing.Status, error)) {
	t.Helper()
	c = w.NewCast(name, f.plan, visa)
	if f.begin != nil {
		f.begin(t, w.Service, c)
	}
	w.Advance(time.Minute)
	w.Sync(c.Org.ID)
	paid, _ = w.Paid(c.Customer)
	return c, paid, f.prepare(t, w.Service, c)
}

// TestEachCallEachFault: every flow, with every fault of the line, of Stripe and
// of the process, at every call that changes something. It ends as it was agreed,
// paid for once, or, where Stripe has refused it, with nothing changed.
func TestEachCallEachFault(t *testing.T) {
	d := &death{}
	for _, f := range wireFlows() {
		t.Run(f.name, func(t *testing.T) {
			w, line := wired(t, worldtest.Options{Catalog: "capacity"})
			w.Service.DontWait()
			other := w.Replica()
			other.DontWait()
			_, _, act := f.ready(t, w, "first")
			line.breakAt(0, nil)
			if status, err := act(w.Service); err != nil || status != f.done {
				t.Fatalf("%s, %v", status, err)
			}
			calls := len(line.calls())
			if calls == 0 {
				t.Fatal("nothing was said to Stripe")
			}
			n := 0
			for name, fault := range map[string]fault{
				"never sent": neverSent, "answer lost": answerLost, "409": answers(http.StatusConflict), "429": answers(http.StatusTooManyRequests),
				"500, not done": fiveHundred(false), "500, done": fiveHundred(true), "503": answers(http.StatusServiceUnavailable),
				"401": answers(http.StatusUnauthorized), "dies before": processDies(d, false), "dies after": processDies(d, true),
			} {
				for at := 1; at <= calls; at++ {
					if n++; raced && n%5 != 0 {
						continue
					}
					what := fmt.Sprintf("%s at call %d", name, at)
					c, paid, act := f.ready(t, w, fmt.Sprint("org", n))
					line.breakAt(at, fault)
					d.dies(0, func() { _, _ = act(w.Service) })
					for range 3 {
						recoverAll(t, w, other)
					}
					f.finished(t, w, other, c, paid, what)
				}
			}
			for at := 1; at <= calls; at++ {
				f.refusedAt(t, w, line, at)
			}
		})
	}
}

// refusedAt asserts that a refusal of Stripe's at this call changes nothing.
func (f unitsFlow) refusedAt(t *testing.T, w *worldtest.World, line *wire, at int) {
	t.Helper()
	c, paid, act := f.ready(t, w, fmt.Sprint("refused", at))
	before := w.Sync(c.Org.ID)
	line.breakAt(at, answers(http.StatusBadRequest))
	status, err := act(w.Service)
	if status == f.done {
		return // the call was of no importance, and the flow went on
	}
	line.breakAt(0, nil)
	recoverAll(t, w, w.Service)
	after := w.Sync(c.Org.ID)
	n, _ := w.Paid(c.Customer)
	same := after.Plan == before.Plan && after.CancelAtPeriodEnd == before.CancelAtPeriodEnd && after.Units.Additional == before.Units.Additional &&
		after.Units.Reducing() == before.Units.Reducing() && after.Units.ReduceTo == before.Units.ReduceTo
	if !same || n != paid {
		t.Errorf("refused at call %d (%s, %v): %d charges, %+v, was %+v", at, status, err, n-paid, after.State, before.State)
	}
	if i, err := w.Store.OpenIntent(ctx, c.Org.ID); !errors.Is(err, billing.ErrNotFound) {
		t.Errorf("refused at call %d: intent %s is %s", at, i.ID, i.State)
	}
}
