package billing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// death ends a process at one of its steps: before or after each transaction
// and each call to Stripe. Zero is immortal.
type death struct{ step, at int }

func (d *death) passes() {
	if d.step++; d.step == d.at {
		panic(d)
	}
}

// dies runs f and reports whether the process died in it.
func (d *death) dies(at int, f func()) (died bool) {
	d.step, d.at = 0, at
	defer func() {
		d.at = 0
		r := recover()
		if died = r != nil; died && r != any(d) {
			panic(r)
		}
	}()
	f()
	return false
}

// mortalStore dies around writes.
type mortalStore struct {
	billing.Store
	*death
}

func (s mortalStore) InTx(ctx context.Context, f func(billing.Tx) error) error {
	s.passes()
	defer s.passes()
	return s.Store.InTx(ctx, f)
}

func (s mortalStore) SaveState(ctx context.Context, sub billing.Subscription, invoices []billing.Invoice) (bool, error) {
	s.passes()
	defer s.passes()
	return s.Store.SaveState(ctx, sub, invoices)
}

// mortalStripe dies around calls to Stripe.
type mortalStripe struct {
	billing.Processor
	*death
}

func (s mortalStripe) Fetch(ctx context.Context, customerID string) (billing.State, []billing.Invoice, error) {
	s.passes()
	defer s.passes()
	return s.Processor.Fetch(ctx, customerID)
}

func (s mortalStripe) Quote(ctx context.Context, from billing.Subscription, c billing.Change, at time.Time) (billing.Quote, error) {
	s.passes()
	return s.Processor.Quote(ctx, from, c, at)
}

func (s mortalStripe) Apply(ctx context.Context, o billing.Order) (billing.Applied, error) {
	s.passes()
	defer s.passes()
	return s.Processor.Apply(ctx, o)
}

// recoverAll does what the worker of another process does once leases are over.
func recoverAll(t *testing.T, w *worldtest.World, s *billing.Service) {
	t.Helper()
	w.Advance(26 * time.Second)
	for {
		found, err := s.Recover(ctx)
		noError(t, err)
		if !found {
			return
		}
	}
}

// TestDeathAtEveryStep (W19): wherever the process dies, another one brings the
// change to its end, it is paid for once, and no poll says anything untrue.
func TestDeathAtEveryStep(t *testing.T) {
	const enough = 200 // steps; no flow has as many
	for _, flow := range []struct {
		name  string
		first func(s *billing.Service, c worldtest.Cast) billing.Proposal // what happens before
		try   func(t *testing.T, s *billing.Service, c worldtest.Cast, pr billing.Proposal) (billing.Status, error)
	}{
		{"confirm", func(s *billing.Service, c worldtest.Cast) billing.Proposal {
			return with(asked(t, s, c.Agent, upgrade("scale")).Token, upgrade("scale"))
		}, func(_ *testing.T, s *billing.Service, c worldtest.Cast, pr billing.Proposal) (billing.Status, error) {
			out, err := s.Propose(ctx, c.Agent, pr)
			return out.Status, err
		}},
		{"approve", func(s *billing.Service, c worldtest.Cast) billing.Proposal {
			asked(t, s, c.Agent, onWeb(upgrade("scale")))
			return billing.Proposal{}
		}, func(t *testing.T, s *billing.Service, c worldtest.Cast, _ billing.Proposal) (billing.Status, error) {
			list, err := s.Approvals(ctx, c.Agent, billing.ApprovalFilter{})
			noError(t, err)
			_, err = pressed(t, s, c.Owner, list[0].ID)
			return billing.StatusSwitched, err
		}},
		{"click", func(s *billing.Service, _ worldtest.Cast) billing.Proposal {
			pr := upgrade("scale")
			pr.RequestKey = s.NewNonce()
			return pr
		}, func(_ *testing.T, s *billing.Service, c worldtest.Cast, pr billing.Proposal) (billing.Status, error) {
			out, err := s.Propose(ctx, c.Owner, pr)
			return out.Status, err
		}},
	} {
		t.Run(flow.name, func(t *testing.T) {
			d := &death{}
			w := worldtest.New(t, worldtest.Options{
				Wrap:      func(p billing.Processor) billing.Processor { return mortalStripe{p, d} },
				Configure: func(c *billing.Config) { c.Store = mortalStore{c.Store, d} },
			})
			other := w.Replica()
			for at := 1; ; at++ {
				c := w.NewCast(fmt.Sprint(flow.name, at), "pro", visa)
				w.Advance(time.Minute)
				pr := flow.first(w.Service, c)
				died := d.dies(at, func() {
					if status, err := flow.try(t, w.Service, c, pr); err != nil || status != billing.StatusSwitched {
						t.Fatalf("step %d: %s, %v", at, status, err)
					}
				})
				pollIsTrue(t, w, other, c, at)
				recoverAll(t, w, other)
				pollIsTrue(t, w, other, c, at)
				if charges(w, c) == 0 { // it had not been decided yet; now it is
					status, err := flow.try(t, other, c, pr)
					if err != nil || status != billing.StatusSwitched {
						t.Fatalf("step %d, second try: %s, %v", at, status, err)
					}
				}
				if sub := w.Sync(c.Org.ID); charges(w, c) != 1 || sub.Plan != "scale" {
					t.Fatalf("step %d: %d charges, plan %s", at, charges(w, c), sub.Plan)
				}
				if _, err := w.Store.OpenIntent(ctx, c.Org.ID); !errors.Is(err, billing.ErrNotFound) {
					t.Fatalf("step %d: an intent is still open (%v)", at, err)
				}
				if pr.RequestKey != "" {
					out, err := flow.try(t, other, c, pr)
					if err != nil || out != billing.StatusSwitched || charges(w, c) != 1 {
						t.Fatalf("step %d, pressed again: %s, %v, %d charges", at, out, err, charges(w, c))
					}
				}
				if !died {
					t.Logf("%d steps", at-1)
					if at < 12 {
						t.Error("too few: the deaths do not reach the code")
					}
					return
				}
				if at == enough {
					t.Fatal("no end of steps")
				}
			}
		})
	}
}

// pollIsTrue compares what the agent hears with what Stripe has done.
func pollIsTrue(t *testing.T, w *worldtest.World, s *billing.Service, c worldtest.Cast, at int) {
	t.Helper()
	list, err := s.Approvals(ctx, c.Agent, billing.ApprovalFilter{})
	noError(t, err)
	for _, a := range list {
		a, err = s.Status(ctx, c.Agent, a.ID, 0)
		noError(t, err)
		paid := charges(w, c)
		switch a.State {
		case billing.ApprovalPending, billing.ApprovalApproved:
			if paid != 0 {
				t.Fatalf("step %d: poll says %s after the charge", at, a.State)
			}
		case billing.ApprovalExecuting: // before or after
		case billing.ApprovalSucceeded:
			if paid != 1 || a.Result == nil || a.Result.Charged == 0 {
				t.Fatalf("step %d: poll says %s %+v with %d charges", at, a.State, a.Result, paid)
			}
		default:
			t.Fatalf("step %d: poll says %s", at, a.State)
		}
	}
}

// trail records the calls that matter, as "fetch" and "apply:1", and lets a
// test answer for Stripe.
func trail(s *seam, answer func(n int, do func() (billing.Applied, error)) (billing.Applied, error)) *[]string {
	var calls []string
	n := 0
	s.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		calls = append(calls, "fetch")
		return do()
	}
	s.apply = func(o billing.Order, do func() (billing.Applied, error)) (billing.Applied, error) {
		calls = append(calls, "apply"+o.Key()[strings.LastIndex(o.Key(), ":"):])
		n++
		return answer(n, do)
	}
	return &calls
}

// TestUnclearAnswers: what is done about each way in which a call can end
// without saying whether it was carried out.
func TestUnclearAnswers(t *testing.T) {
	none := billing.Applied{}
	lost := errors.New("connection reset")
	type applier = func(w *worldtest.World, n int, do func() (billing.Applied, error)) (billing.Applied, error)
	for _, tc := range []struct {
		name    string
		answer  applier
		at      billing.ApprovalState // right after the press
		want    billing.ApprovalState // after recovery
		charges int
		calls   string
	}{
		{
			"lost on the way back",
			func(w *worldtest.World, n int, do func() (billing.Applied, error)) (billing.Applied, error) {
				if n == 1 {
					w.Box.LoseNextAnswer()
				}
				return do()
			},
			billing.ApprovalExecuting, billing.ApprovalSucceeded, 1,
			"fetch apply:1 | fetch apply:1 fetch",
		},
		{
			"lost on the way there",
			func(_ *worldtest.World, n int, do func() (billing.Applied, error)) (billing.Applied, error) {
				if n == 1 {
					return none, lost
				}
				return do()
			},
			billing.ApprovalExecuting, billing.ApprovalSucceeded, 1,
			"fetch apply:1 | fetch apply:1 fetch",
		},
		{
			"a fault of Stripe's, nothing done: it is looked, then tried under a new key",
			func(w *worldtest.World, n int, do func() (billing.Applied, error)) (billing.Applied, error) {
				if n == 1 {
					w.Box.FailNext(500, 1)
				}
				return do()
			},
			billing.ApprovalExecuting, billing.ApprovalSucceeded, 1,
			"fetch apply:1 | fetch apply:1 fetch fetch apply:2 fetch",
		},
		{
			"a fault of Stripe's, although it was done: it is looked, and seen",
			func(_ *worldtest.World, n int, do func() (billing.Applied, error)) (billing.Applied, error) {
				if n == 1 {
					_, _ = do()
				}
				return none, billing.ErrStripeFault
			},
			billing.ApprovalExecuting, billing.ApprovalSucceeded, 1,
			"fetch apply:1 | fetch apply:1 fetch fetch",
		},
		{
			"faults without end, and no event: it did not happen",
			func(*worldtest.World, int, func() (billing.Applied, error)) (billing.Applied, error) {
				return none, billing.ErrStripeFault
			},
			billing.ApprovalExecuting, billing.ApprovalFailed, 0,
			"fetch apply:1 | fetch apply:1 fetch fetch apply:2 fetch fetch apply:3 fetch fetch apply:4 fetch fetch apply:5 fetch fetch",
		},
		{
			"busy twice: the same key",
			func(w *worldtest.World, n int, do func() (billing.Applied, error)) (billing.Applied, error) {
				if n <= 2 {
					w.Box.FailNext([]int{429, 409}[n-1], 1)
				}
				return do()
			},
			billing.ApprovalSucceeded, billing.ApprovalSucceeded, 1,
			"fetch apply:1 apply:1 apply:1 fetch |",
		},
		{
			"busy for long: the same key later",
			func(_ *worldtest.World, n int, do func() (billing.Applied, error)) (billing.Applied, error) {
				if n <= 4 {
					return none, billing.ErrStripeBusy
				}
				return do()
			},
			billing.ApprovalExecuting, billing.ApprovalSucceeded, 1,
			"fetch apply:1 apply:1 apply:1 apply:1 | fetch apply:1 fetch",
		},
		{
			"refused when asked again: nothing was done",
			func(_ *worldtest.World, n int, _ func() (billing.Applied, error)) (billing.Applied, error) {
				if n == 1 {
					return none, lost
				}
				return none, billing.ErrPaymentFailed
			},
			billing.ApprovalExecuting, billing.ApprovalFailed, 0,
			"fetch apply:1 | fetch apply:1 fetch",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, s, c := seamed(t, "pro", worldtest.Options{})
			w.Service.DontWait()
			w.Advance(time.Hour)
			out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
			calls := trail(s, func(n int, do func() (billing.Applied, error)) (billing.Applied, error) { return tc.answer(w, n, do) })
			r, err := pressed(t, w.Service, c.Owner, out.Approval.ID)
			if err != nil || r.Approval.State != tc.at {
				t.Fatalf("the page says %s, %v", r.Approval.State, err)
			}
			*calls = append(*calls, "|")
			if found, err := w.Service.Recover(ctx); found || err != nil {
				t.Fatalf("taken over within the lease (%v)", err)
			}
			for range 5 { // with a pause between faults in a row
				recoverAll(t, w, w.Replica())
			}
			if got := strings.Join(*calls, " "); got != tc.calls {
				t.Errorf("calls %s\n want %s", got, tc.calls)
			}
			if a := state(t, w, out.Approval, tc.want); charges(w, c) != tc.charges || a.Result == nil {
				t.Errorf("%d charges, want %d; result %+v", charges(w, c), tc.charges, a.Result)
			}
		})
	}
}

// TestStripeStaysAway: recovery comes back until Stripe answers.
func TestStripeStaysAway(t *testing.T) {
	w, s, c := seamed(t, "pro", worldtest.Options{})
	w.Advance(time.Hour)
	out := asked(t, w.Service, c.Agent, upgrade("scale"))
	s.fetch = func(func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		return billing.State{}, nil, billing.ErrStripeUnavailable
	}
	propose(t, w.Service, c.Agent, with(out.Token, upgrade("scale")), billing.StatusPending, nil)
	state(t, w, out.Approval, billing.ApprovalApproved)
	for range 3 {
		w.Advance(26 * time.Second)
		if found, err := w.Service.Recover(ctx); !found || err != nil {
			t.Fatalf("found %v, %v", found, err)
		}
		state(t, w, out.Approval, billing.ApprovalApproved)
	}
	s.fetch = nil
	recoverAll(t, w, w.Service)
	if state(t, w, out.Approval, billing.ApprovalSucceeded); charges(w, c) != 1 {
		t.Errorf("%d charges", charges(w, c))
	}
}

// TestTooOldToRepeat: Stripe forgets keys, so after 23 hours a call is never
// repeated; its events decide, and after 30 days what is to be seen, or a person.
func TestTooOldToRepeat(t *testing.T) {
	for _, tc := range []struct {
		name    string
		happens bool
		after   time.Duration
		want    billing.ApprovalState
		applies int
	}{
		{"it had happened", true, 24 * time.Hour, billing.ApprovalSucceeded, 1},
		{"it had not", false, 24 * time.Hour, billing.ApprovalFailed, 1},
		{"it had happened, long ago", true, 31 * 24 * time.Hour, billing.ApprovalSucceeded, 1},
		{"it had not, as far as anybody knows", false, 31 * 24 * time.Hour, billing.ApprovalIndeterminate, 1},
		{"just young enough", false, 22 * time.Hour, billing.ApprovalSucceeded, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, s, c := seamed(t, "pro", worldtest.Options{})
			w.Advance(time.Hour)
			out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
			calls := trail(s, func(n int, do func() (billing.Applied, error)) (billing.Applied, error) {
				if n > 1 || tc.happens {
					if applied, err := do(); n > 1 {
						return applied, err
					}
				}
				return billing.Applied{}, context.DeadlineExceeded
			})
			_, err := pressed(t, w.Service, c.Owner, out.Approval.ID)
			noError(t, err)
			w.Advance(tc.after)
			recoverAll(t, w, w.Service)
			a := state(t, w, out.Approval, tc.want)
			applies := len(slices.DeleteFunc(*calls, func(c string) bool { return c == "fetch" }))
			paid := charges(w, c) - int(tc.after/(30*24*time.Hour)) // but for the renewal
			if applies != tc.applies || (paid == 1) != (tc.want == billing.ApprovalSucceeded) {
				t.Errorf("%d calls, %d charges", applies, paid)
			}
			if tc.want != billing.ApprovalIndeterminate {
				return
			}
			i, err := w.Store.Intent(ctx, c.Org.ID, a.IntentID)
			if err != nil || i.State != billing.IntentNeedsReview || !strings.Contains(w.Log.String(), "operator") {
				t.Errorf("intent %s, %v; the operator was told: %v", i.State, err, strings.Contains(w.Log.String(), "operator"))
			}
			_, err = w.Service.Propose(ctx, c.Owner, downgrade())
			if !errors.Is(err, billing.ErrChangeInProgress) || !strings.Contains(err.Error(), "operator") {
				t.Errorf("another change meanwhile: %v", err)
			}
		})
	}
}

// TestLeftLyingAndStale: a change that was agreed to and never begun is refused
// once the price is another one, and done if it is not.
func TestLeftLyingAndStale(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(w *worldtest.World, s *seam, c worldtest.Cast)
		want   billing.ApprovalState
	}{
		{"nothing changed", func(*worldtest.World, *seam, worldtest.Cast) {}, billing.ApprovalSucceeded},
		{"the price", func(_ *worldtest.World, s *seam, _ worldtest.Cast) { s.dearer() }, billing.ApprovalFailed},
		{"the subscription", func(w *worldtest.World, _ *seam, c worldtest.Cast) {
			noError(t, w.Box.CancelAtPeriodEnd(w.Sync(c.Org.ID).SubscriptionID, true))
		}, billing.ApprovalFailed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, s, c := seamed(t, "pro", worldtest.Options{})
			w.Advance(time.Hour)
			out := asked(t, w.Service, c.Agent, upgrade("scale"))
			s.fetch = func(func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
				return billing.State{}, nil, billing.ErrStripeUnavailable
			}
			propose(t, w.Service, c.Agent, with(out.Token, upgrade("scale")), billing.StatusPending, nil)
			s.fetch = nil
			w.Advance(4 * time.Second)
			if found, err := w.Service.Recover(ctx); found || err != nil {
				t.Fatalf("taken over within the grace (%v)", err)
			}
			tc.change(w, s, c)
			recoverAll(t, w, w.Replica())
			a := state(t, w, out.Approval, tc.want)
			if tc.want == billing.ApprovalSucceeded {
				if charges(w, c) != 1 {
					t.Errorf("%d charges", charges(w, c))
				}
				return
			}
			i, err := w.Store.Intent(ctx, c.Org.ID, a.IntentID)
			if err != nil || i.State != billing.IntentRefused || a.Result.Failure.Code != billing.ErrQuoteChanged.Code || charges(w, c) != 0 {
				t.Errorf("intent %s (%v), %+v, %d charges", i.State, err, a.Result, charges(w, c))
			}
		})
	}
}

// TestPendingChangeBecameImpossible: a change that was agreed to before Stripe
// could be asked, and that Stripe would refuse by the time it can, is over. It
// does not stand in the way of the org's next one for ever.
func TestPendingChangeBecameImpossible(t *testing.T) {
	for _, tc := range []struct {
		name   string
		become func(t *testing.T, w *worldtest.World, c worldtest.Cast)
	}{
		{"the period is over", func(_ *testing.T, w *worldtest.World, _ worldtest.Cast) { w.Advance(32 * 24 * time.Hour) }},
		{"the subscription is gone", func(t *testing.T, w *worldtest.World, c worldtest.Cast) {
			sub, err := w.Store.Subscription(ctx, c.Org.ID)
			noError(t, err)
			noError(t, w.Box.CancelAtPeriodEnd(sub.SubscriptionID, true))
			w.Advance(32 * 24 * time.Hour)
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, s, c := seamed(t, "pro", worldtest.Options{})
			request := asked(t, w.Service, c.Agent, onWeb(upgrade("scale"))).Approval.ID
			s.fetch = func(func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
				return billing.State{}, nil, errors.New("dial tcp: no route")
			}
			if r, err := pressed(t, w.Service, c.Owner, request); err != nil || r.Approval.State != billing.ApprovalApproved {
				t.Fatalf("%s, %v", r.Approval.State, err)
			}
			s.fetch = nil
			paid, _ := w.Paid(w.Org(c.Org.ID).CustomerID)
			tc.become(t, w, c)
			renewed, _ := w.Paid(w.Org(c.Org.ID).CustomerID)
			recoverAll(t, w, w.Service)
			a, err := w.Service.Status(ctx, c.Agent, request, 0)
			if err != nil || a.State != billing.ApprovalFailed || a.Result == nil || a.Result.Failure == nil {
				t.Errorf("the poll says %s, %+v, %v", a.State, a.Result, err)
			}
			if _, err = w.Store.OpenIntent(ctx, c.Org.ID); !errors.Is(err, billing.ErrNotFound) {
				t.Errorf("still open: %v", err)
			}
			if n, _ := w.Paid(w.Org(c.Org.ID).CustomerID); n != renewed || renewed-paid > 1 {
				t.Errorf("%d payments, then %d, then %d", paid, renewed, n)
			}
		})
	}
}

// TestOneIntentsTroubleIsItsOwn: an intent that cannot be recovered keeps none of
// the later ones waiting.
func TestOneIntentsTroubleIsItsOwn(t *testing.T) {
	w, s, bad := seamed(t, "pro", worldtest.Options{})
	lost := func(billing.Order, func() (billing.Applied, error)) (billing.Applied, error) {
		return billing.Applied{}, errors.New("connection reset")
	}
	casts := []worldtest.Cast{bad, w.NewCast("second", "pro", visa), w.NewCast("third", "pro", visa)}
	s.apply = lost
	for _, c := range casts {
		propose(t, w.Service, c.Owner, downgrade(), billing.StatusPending, nil)
		w.Advance(time.Second)
	}
	s.apply = func(o billing.Order, do func() (billing.Applied, error)) (billing.Applied, error) {
		if o.From().CustomerID == bad.Customer {
			return lost(o, do)
		}
		return do()
	}
	w.Advance(26 * time.Second)
	if err := w.Service.RecoverAll(ctx); err == nil {
		t.Error("the trouble is not told")
	}
	for i, c := range casts {
		if sub := w.Sync(c.Org.ID); sub.CancelAtPeriodEnd != (i > 0) {
			t.Errorf("org %d: ends %v", i, sub.CancelAtPeriodEnd)
		}
	}
}
