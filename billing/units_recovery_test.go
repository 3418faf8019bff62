package billing_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// unitsFlow is one way to change units, or to start a trial, to its end.
type unitsFlow struct {
	name   string
	plan   string // subscribed to; empty for a trial
	begin  func(t *testing.T, s *billing.Service, c worldtest.Cast)
	ask    func(s *billing.Service) billing.Proposal
	agent  bool // consent in chat, else a person's press
	web    bool // consent on the page
	done   billing.Status
	costs  int // charges
	stands func(sub billing.Subscription) bool
}

func unitsFlows() []unitsFlow {
	five := func(t *testing.T, s *billing.Service, c worldtest.Cast) {
		propose(t, s, c.OwnerTool, increase(5), billing.StatusCapacityIncreased, nil)
	}
	reducing := func(t *testing.T, s *billing.Service, c worldtest.Cast) {
		five(t, s, c)
		propose(t, s, c.OwnerTool, reduce(1), billing.StatusReductionScheduled, nil)
	}
	press := func(pr billing.Proposal) func(s *billing.Service) billing.Proposal {
		return func(s *billing.Service) billing.Proposal {
			pr.RequestKey = s.NewNonce()
			return pr
		}
	}
	wish := func(pr billing.Proposal) func(s *billing.Service) billing.Proposal {
		return func(*billing.Service) billing.Proposal { return pr }
	}
	has := func(units int64) func(sub billing.Subscription) bool {
		return func(sub billing.Subscription) bool { return sub.Units.Additional == units && !sub.Units.Reducing() }
	}
	reduces := func(to int64) func(sub billing.Subscription) bool {
		return func(sub billing.Subscription) bool {
			return sub.Units.Additional == 5 && sub.Units.Reducing() && sub.Units.ReduceTo == to
		}
	}
	ends := func(sub billing.Subscription) bool {
		return sub.CancelAtPeriodEnd && !sub.Units.Reducing() && sub.Units.ScheduleID == ""
	}
	tries := func(sub billing.Subscription) bool { return sub.Trial.Plan == "solo" && sub.Trial.ConvertedAt.IsZero() }
	return []unitsFlow{
		{"increase, press", "team", nil, press(increase(5)), false, false, billing.StatusCapacityIncreased, 1, has(5)},
		{"increase, chat", "team", nil, wish(increase(5)), true, false, billing.StatusCapacityIncreased, 1, has(5)},
		{"increase, page", "team", nil, wish(increase(5)), true, true, billing.StatusCapacityIncreased, 1, has(5)},
		{"reduce, press", "team", five, press(reduce(1)), false, false, billing.StatusReductionScheduled, 0, reduces(1)},
		{"reduce, chat", "team", five, wish(reduce(0)), true, false, billing.StatusReductionScheduled, 0, reduces(0)},
		{"replace, press", "team", reducing, press(reduce(3)), false, false, billing.StatusReductionScheduled, 0, reduces(3)},
		{"keep, press", "team", reducing, press(keep()), false, false, billing.StatusReductionCanceled, 0, has(5)},
		{"keep, page", "team", reducing, wish(keep()), true, true, billing.StatusReductionCanceled, 0, has(5)},
		{"downgrade beside a reduction", "team", reducing, press(downgrade()), false, false, billing.StatusDowngradeScheduled, 0, ends},
		{"trial, press", "", nil, press(try("solo")), false, false, billing.StatusTrialStarted, 0, tries},
		{"trial, chat", "", nil, wish(try("solo")), true, false, billing.StatusTrialStarted, 0, tries},
		{"trial, page", "", nil, wish(try("solo")), true, true, billing.StatusTrialStarted, 0, tries},
	}
}

// prepare asks for consent where that is needed, and returns what remains to do.
func (f unitsFlow) prepare(t *testing.T, s *billing.Service, c worldtest.Cast) func(s *billing.Service) (billing.Status, error) {
	t.Helper()
	pr := f.ask(s)
	switch {
	case f.web:
		id := asked(t, s, c.Agent, onWeb(pr)).Approval.ID
		return func(s *billing.Service) (billing.Status, error) {
			r, err := pressed(t, s, c.Owner, id)
			if err != nil || r.Approval.Result == nil {
				return "", err
			}
			return r.Approval.Result.Status, nil
		}
	case f.agent:
		pr = with(asked(t, s, c.Agent, pr).Token, pr)
		return func(s *billing.Service) (billing.Status, error) {
			out, err := s.Propose(ctx, c.Agent, pr)
			return out.Status, err
		}
	}
	return func(s *billing.Service) (billing.Status, error) {
		out, err := s.Propose(ctx, c.Owner, pr)
		return out.Status, err
	}
}

// finished asserts the end: it stands as it was asked for, paid for once, with
// nothing open, and the poll says so.
func (f unitsFlow) finished(t *testing.T, w *worldtest.World, s *billing.Service, c worldtest.Cast, paid int, what string) {
	t.Helper()
	sub := w.Sync(c.Org.ID)
	if n, _ := w.Paid(c.Customer); !f.stands(sub) || n-paid != f.costs {
		t.Fatalf("%s: %d charges, units %+v, ends %v, trial %+v", what, n-paid, sub.Units, sub.CancelAtPeriodEnd, sub.Trial)
	}
	if i, err := w.Store.OpenIntent(ctx, c.Org.ID); !errors.Is(err, billing.ErrNotFound) {
		t.Fatalf("%s: intent %s is still %s (%v)", what, i.ID, i.State, err)
	}
	if !f.agent {
		return
	}
	list, err := s.Approvals(ctx, c.Agent, billing.ApprovalFilter{})
	if err != nil || len(list) != 1 || list[0].State != billing.ApprovalSucceeded || list[0].Result.Status != f.done {
		t.Fatalf("%s: requests %+v, %v", what, list, err)
	}
}

// TestUnitsDeathAtEveryStep: wherever the process dies, another one brings the
// change to its end, once.
func TestUnitsDeathAtEveryStep(t *testing.T) {
	const enough = 200
	for _, f := range unitsFlows() {
		t.Run(f.name, func(t *testing.T) {
			d := &death{}
			w := worldtest.New(t, worldtest.Options{
				Catalog:   "capacity",
				Wrap:      func(p billing.Processor) billing.Processor { return mortalStripe{p, d} },
				Configure: func(c *billing.Config) { c.Store = mortalStore{c.Store, d} },
			})
			other := w.Replica()
			for at := 1; at < enough; at++ {
				what := fmt.Sprint("step ", at)
				c := w.NewCast(fmt.Sprint("org", at), f.plan, visa)
				if f.begin != nil {
					f.begin(t, w.Service, c)
				}
				w.Advance(time.Minute)
				w.Sync(c.Org.ID)
				paid, _ := w.Paid(c.Customer)
				act := f.prepare(t, w.Service, c)
				died := d.dies(at, func() {
					if status, err := act(w.Service); err != nil || status != f.done {
						t.Fatalf("%s: %s, %v", what, status, err)
					}
				})
				recoverAll(t, w, other)
				if !f.stands(w.Sync(c.Org.ID)) { // it had not been decided yet; now it is
					if status, err := act(other); err != nil || status != f.done {
						t.Fatalf("%s, second try: %s, %v", what, status, err)
					}
				}
				f.finished(t, w, other, c, paid, what)
				if !f.agent { // pressed again, it is the same press
					if status, err := act(other); err != nil || status != f.done {
						t.Fatalf("%s, pressed again: %s, %v", what, status, err)
					}
					f.finished(t, w, other, c, paid, what+", pressed again")
				}
				if !died {
					t.Logf("%d steps", at-1)
					if at < map[bool]int{true: 12, false: 3}[f.plan != ""] {
						t.Error("too few: the deaths do not reach the code")
					}
					return
				}
			}
			t.Fatal("no end of steps")
		})
	}
}

// TestUnitsLostAnswers: Stripe has done it, or not, and the answer never came.
func TestUnitsLostAnswers(t *testing.T) {
	lost := errors.New("connection reset")
	for _, f := range unitsFlows() {
		if f.plan == "" {
			continue // no word to Stripe
		}
		for name, answer := range map[string]func(n int, do func() (billing.Applied, error)) (billing.Applied, error){
			"after it was done": func(n int, do func() (billing.Applied, error)) (billing.Applied, error) {
				applied, err := do()
				if n == 1 {
					return billing.Applied{}, lost
				}
				return applied, err
			},
			"before it was done": func(n int, do func() (billing.Applied, error)) (billing.Applied, error) {
				if n == 1 {
					return billing.Applied{}, lost
				}
				return do()
			},
			"a fault that Stripe remembers": func(n int, do func() (billing.Applied, error)) (billing.Applied, error) {
				if n <= 2 { // the first key's answer, twice
					return billing.Applied{}, billing.ErrStripeFault
				}
				return do()
			},
			"a fault after it was done": func(_ int, do func() (billing.Applied, error)) (billing.Applied, error) {
				if _, err := do(); err != nil {
					return billing.Applied{}, err
				}
				return billing.Applied{}, billing.ErrStripeFault
			},
		} {
			t.Run(f.name+", "+name, func(t *testing.T) {
				w, s, c := seamed(t, f.plan, worldtest.Options{Catalog: "capacity"})
				w.Service.DontWait()
				if f.begin != nil {
					f.begin(t, w.Service, c)
				}
				w.Advance(time.Hour)
				w.Sync(c.Org.ID)
				paid, _ := w.Paid(c.Customer)
				calls := trail(s, answer)
				act := f.prepare(t, w.Service, c)
				if status, err := act(w.Service); err == nil && status != billing.StatusPending && status != "" {
					t.Fatalf("at once: %s, %v", status, err)
				}
				for range 4 {
					recoverAll(t, w, w.Replica())
				}
				f.finished(t, w, w.Service, c, paid, strings.Join(*calls, " "))
			})
		}
	}
}
