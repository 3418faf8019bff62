package billing_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

const (
	// realTrials of them go through the whole sandbox.
	realTrials   = 10
	trialsAtOnce = 8
)

// till is a Stripe that answers at once and counts what was carried out.
type till struct {
	billing.Processor
	mu      sync.Mutex
	plans   map[string]string // by customer; pro to begin with
	applied map[string]int
}

func (s *till) Fetch(_ context.Context, customer string) (billing.State, []billing.Invoice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return tillState(customer, s.plans[customer]), nil, nil
}

func tillState(customer, plan string) billing.State {
	if plan == "" {
		plan = "pro"
	}
	return billing.State{
		CustomerID: customer, SubscriptionID: "sub_" + customer, ItemID: "si_" + customer, Status: billing.StatusActive, Plan: plan,
		PeriodStart: worldtest.Start, PeriodEnd: worldtest.Start.AddDate(0, 1, 0),
	}
}

func (s *till) Quote(_ context.Context, from billing.Subscription, c billing.Change, at time.Time) (billing.Quote, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := billing.Quote{Change: c, Currency: "usd", FromPlan: from.Plan, ToPlan: c.Plan, Recurring: 4900, Interval: "month", ProrationDate: at}
	if s.plans[from.CustomerID] != c.Plan { // as Stripe: what is there already costs nothing
		q.DueNow = 3000
	}
	return q, nil
}

func (s *till) Apply(_ context.Context, o billing.Order) (billing.Applied, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	customer := o.From().CustomerID
	s.plans[customer] = o.Quote().ToPlan
	s.applied[customer]++
	return billing.Applied{Charged: o.Quote().DueNow, InvoiceID: "in_" + customer}, nil
}

func (s *till) count(c worldtest.Cast) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.applied[c.Customer]
}

// arena is two replicas on one database, with an org for each trial.
type arena struct {
	w        *worldtest.World
	replicas [2]*billing.Service
	casts    []worldtest.Cast
	count    func(c worldtest.Cast) int // executions
}

// race runs f in every org of an arena, on both databases, first with the till
// and then with the sandbox.
func race(t *testing.T, f func(t *testing.T, a *arena, c worldtest.Cast)) {
	for _, postgres := range []bool{false, true} {
		for _, sandbox := range []bool{false, true} {
			name := map[bool]string{false: "SQLite", true: "PostgreSQL"}[postgres] + map[bool]string{true: " and the sandbox"}[sandbox]
			t.Run(name, func(t *testing.T) {
				a := newArena(t, postgres, sandbox)
				var wg sync.WaitGroup
				free := make(chan struct{}, trialsAtOnce)
				for _, c := range a.casts {
					free <- struct{}{}
					wg.Go(func() {
						defer func() { <-free }()
						f(t, a, c)
						if n := a.count(c); n != 1 {
							t.Errorf("%s: %d executions, want 1", c.Org.ID, n)
						}
					})
				}
				wg.Wait()
			})
		}
	}
}

func newArena(t *testing.T, postgres, sandbox bool) *arena {
	t.Helper()
	s := &till{plans: map[string]string{}, applied: map[string]int{}}
	o := worldtest.Options{Postgres: postgres}
	if !sandbox {
		o.Wrap = func(p billing.Processor) billing.Processor {
			s.Processor = p
			return s
		}
	}
	a := &arena{w: worldtest.New(t, o)}
	a.replicas = [2]*billing.Service{a.w.Service, a.w.Replica()}
	if sandbox {
		a.count = func(c worldtest.Cast) int { return charges(a.w, c) }
		for i := range realTrials {
			a.casts = append(a.casts, a.w.NewCast(fmt.Sprint("org", i), "pro", visa))
		}
		a.w.Advance(time.Hour)
		return a
	}
	a.count = s.count
	noError(t, a.w.Store.InTx(ctx, a.populate))
	return a
}

// populate makes the orgs in one transaction, which is all that makes them cheap.
func (a *arena) populate(tx billing.Tx) error {
	for i := range raceTrials {
		name := fmt.Sprintf("%04d", i)
		org := billing.Org{ID: "org_" + name, Name: name, CreatedAt: worldtest.Start}
		c := worldtest.Cast{
			Org: org, Customer: "cus_" + name,
			Owner: person(org, "usr_owner"+name, billing.RoleOwner),
			Admin: person(org, "usr_admin"+name, billing.RoleBillingAdmin),
			Agent: billing.Principal{
				Actor: billing.Actor{Kind: billing.KindAgent, ID: "agt_" + name, Name: "bot", CredentialID: "key_" + name},
				OrgID: org.ID, OrgName: name, Scopes: []string{billing.ScopeRead, billing.ScopeRequest},
			},
		}
		err := tx.InsertOrg(ctx, org, "free")
		for _, p := range []billing.Principal{c.Owner, c.Admin} {
			_, merr := tx.PutMember(ctx, org.ID, billing.User{ID: p.ID, Email: p.ID + "@x.test", Name: p.Name, CreatedAt: worldtest.Start}, p.Role)
			err = errors.Join(err, merr)
		}
		err = errors.Join(err, tx.InsertCredential(ctx, billing.Credential{
			ID: c.Agent.CredentialID, Kind: billing.KindAgent, OrgID: org.ID, PrincipalID: c.Agent.ID, Name: "bot", Hash: []byte(name),
			Prefix: "csa_0000", Scopes: c.Agent.Scopes, CreatedBy: "test", CreatedAt: worldtest.Start, LastUsedAt: worldtest.Start,
		}))
		_, cerr := tx.SetCustomer(ctx, org.ID, c.Customer)
		sub, serr := tx.Subscription(ctx, org.ID)
		sub.State = tillState(c.Customer, "")
		_, saveErr := tx.SaveState(ctx, sub, nil)
		if err = errors.Join(err, cerr, serr, saveErr); err != nil {
			return err
		}
		a.casts = append(a.casts, c)
	}
	return nil
}

func person(org billing.Org, id string, role billing.Role) billing.Principal {
	return billing.Principal{
		Actor: billing.Actor{Kind: billing.KindHuman, ID: id, Name: id, CredentialID: "ses_" + id},
		OrgID: org.ID, OrgName: org.Name, Role: role, SignedInAt: worldtest.Start,
	}
}

// together lets n calls go at the same moment, on the replicas in turn.
func (a *arena) together(n int, f func(i int, s *billing.Service)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			f(i, a.replicas[i%2])
		})
	}
	close(start)
	wg.Wait()
}

// tally counts the answers of racers by what they say.
type tally struct {
	mu sync.Mutex
	n  map[string]int
}

func (y *tally) add(what string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.n == nil {
		y.n = map[string]int{}
	}
	y.n[what]++
}

func (y *tally) want(t *testing.T, c worldtest.Cast, want map[string]int) {
	t.Helper()
	if fmt.Sprint(y.n) != fmt.Sprint(want) {
		t.Errorf("%s: the racers heard %v, want %v", c.Org.ID, y.n, want)
	}
}

// TestRacingConfirms (C4): one token comes back eight times.
func TestRacingConfirms(t *testing.T) {
	race(t, func(t *testing.T, a *arena, c worldtest.Cast) {
		a.confirms(t, c, upgrade("scale"), billing.StatusSwitched)
	})
}

// confirms has an agent's token come back eight times: one call carries it out,
// and the others are told where to look. It reports whether there was a race.
func (a *arena) confirms(t *testing.T, c worldtest.Cast, pr billing.Proposal, done billing.Status) bool {
	out, err := a.w.Service.Propose(ctx, c.Agent, pr)
	if err != nil {
		t.Error(err)
		return false
	}
	var heard tally
	a.together(8, func(_ int, s *billing.Service) {
		got, err := s.Propose(ctx, c.Agent, with(out.Token, pr))
		e, _ := errors.AsType[*billing.Error](err)
		switch {
		case err == nil:
			heard.add(string(got.Status))
		case errors.Is(err, billing.ErrTokenInvalid) && e.Details["request"] == out.Approval.ID:
			heard.add(fmt.Sprint(e.Details["reason"]))
		default:
			heard.add(err.Error())
		}
	})
	heard.want(t, c, map[string]int{string(done): 1, "used": 7})
	return true
}

// TestRacingApprovals (W9, W10): two people press Approve, four times each.
func TestRacingApprovals(t *testing.T) {
	race(t, func(t *testing.T, a *arena, c worldtest.Cast) { a.approvals(t, c, upgrade("scale")) })
}

// approvals has two people press Approve on an agent's request, four times each:
// one press carries it out. It reports whether there was a race.
func (a *arena) approvals(t *testing.T, c worldtest.Cast, pr billing.Proposal) bool {
	out, err := a.w.Service.Propose(ctx, c.Agent, onWeb(pr))
	if err != nil {
		t.Error(err)
		return false
	}
	people := []billing.Principal{c.Owner, c.Admin}
	var forms [2]billing.Verdict
	for i, p := range people {
		r, err := a.w.Service.OpenRequest(ctx, p, out.Approval.ID)
		if err != nil {
			t.Error(err)
			return false
		}
		forms[i] = formOf(r)
	}
	var heard tally
	a.together(8, func(i int, s *billing.Service) {
		r, err := s.Decide(ctx, people[i/4], out.Approval.ID, forms[i/4])
		switch {
		case err == nil:
			heard.add(string(r.Approval.State))
		case errors.Is(err, billing.ErrAlreadyDecided):
			heard.add("decided")
		default:
			heard.add(err.Error())
		}
	})
	heard.want(t, c, map[string]int{"succeeded": 1, "decided": 7})
	return true
}

// TestRacingVerdicts (W10): one says yes and one says no at the same moment.
func TestRacingVerdicts(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		a := newArena(t, postgres, false)
		for i, c := range a.casts[:100] {
			out := asked(t, a.w.Service, c.Agent, onWeb(upgrade("scale")))
			form := formOf(opened(t, a.w.Service, c.Owner, out.Approval.ID))
			var errs [2]error
			a.together(2, func(j int, s *billing.Service) {
				if j == i%2 {
					_, errs[0] = s.Decide(ctx, c.Owner, out.Approval.ID, form)
				} else {
					_, errs[1] = s.Decide(ctx, c.Admin, out.Approval.ID, billing.Verdict{Reason: "not_now"})
				}
			})
			want := billing.ApprovalSucceeded
			if errs[1] == nil {
				want = billing.ApprovalDenied
			}
			if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs[:]...), billing.ErrAlreadyDecided) {
				t.Fatalf("approve: %v, deny: %v", errs[0], errs[1])
			}
			if state(t, a.w, out.Approval, want); a.count(c) != map[billing.ApprovalState]int{billing.ApprovalSucceeded: 1}[want] {
				t.Errorf("%s: %d executions", want, a.count(c))
			}
		}
	}
}

// TestRacingPosts: one press of a button arrives fifty times, and every one of
// them is told the same.
func TestRacingPosts(t *testing.T) {
	race(t, func(t *testing.T, a *arena, c worldtest.Cast) {
		pr := upgrade("scale")
		pr.RequestKey = a.w.Service.NewNonce()
		o, err := a.w.Service.Review(ctx, c.Owner, summary(t, a.w, c), "scale")
		if err != nil {
			t.Error(err)
			return
		}
		pr.Sealed = o.Sealed
		var heard tally
		a.together(50, func(_ int, s *billing.Service) {
			got, err := s.Propose(ctx, c.Owner, pr)
			switch {
			case err != nil:
				heard.add(err.Error())
			case got.Replayed:
				heard.add("replayed " + string(got.Status))
			default:
				heard.add(string(got.Status))
			}
		})
		heard.want(t, c, map[string]int{"switched": 1, "replayed switched": 49})
	})
}
