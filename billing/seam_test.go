package billing_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// seam stands between the service and Stripe, where a test can look on and
// meddle. Set its hooks while nothing else runs.
type seam struct {
	billing.Processor
	quote func(*billing.Quote)
	apply func(o billing.Order, do func() (billing.Applied, error)) (billing.Applied, error)
	fetch func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error)
	// forgetful: Stripe's events tell nothing any more.
	forgetful bool
}

func (s *seam) Trace(ctx context.Context, o billing.Order) (billing.Applied, error) {
	if s.forgetful {
		return billing.Applied{}, billing.ErrTraceUnclear
	}
	return s.Processor.Trace(ctx, o)
}

func (s *seam) Quote(ctx context.Context, from billing.Subscription, c billing.Change, at time.Time) (billing.Quote, error) {
	q, err := s.Processor.Quote(ctx, from, c, at)
	if err == nil && s.quote != nil {
		s.quote(&q)
	}
	return q, err
}

func (s *seam) Apply(ctx context.Context, o billing.Order) (billing.Applied, error) {
	do := func() (billing.Applied, error) { return s.Processor.Apply(ctx, o) }
	if s.apply == nil {
		return do()
	}
	return s.apply(o, do)
}

func (s *seam) Fetch(ctx context.Context, customerID string) (billing.State, []billing.Invoice, error) {
	do := func() (billing.State, []billing.Invoice, error) { return s.Processor.Fetch(ctx, customerID) }
	if s.fetch == nil {
		return do()
	}
	return s.fetch(do)
}

// dearer makes everything cost a dollar more from now on.
func (s *seam) dearer() { s.quote = func(q *billing.Quote) { q.DueNow += 100 } }

// seamed builds a world with a seam, and one org with a subscription in it.
func seamed(t testing.TB, plan string, o worldtest.Options) (*worldtest.World, *seam, worldtest.Cast) {
	t.Helper()
	s := &seam{}
	o.Wrap = func(p billing.Processor) billing.Processor {
		s.Processor = p
		return s
	}
	w := worldtest.New(t, o)
	return w, s, w.NewCast("acme", plan, visa)
}

// onWeb is a proposal that asks for an owner's approval on the page.
func onWeb(pr billing.Proposal) billing.Proposal {
	pr.Mode = billing.ModeWeb
	return pr
}

// with is the second call, which brings the token back.
func with(token string, pr billing.Proposal) billing.Proposal {
	pr.ConfirmToken = token
	return pr
}

// asked is an agent's first call in chat.
func asked(t testing.TB, s *billing.Service, p billing.Principal, pr billing.Proposal) billing.Outcome {
	t.Helper()
	out, err := s.Propose(ctx, p, pr)
	if err != nil || out.Approval == nil {
		t.Fatalf("ask: %+v, %v", out, err)
	}
	return out
}

// pressed opens the page and presses Approve at once.
func pressed(t testing.TB, s *billing.Service, p billing.Principal, id string) (billing.Request, error) {
	t.Helper()
	return s.Decide(ctx, p, id, formOf(opened(t, s, p, id)))
}

func opened(t testing.TB, s *billing.Service, p billing.Principal, id string) billing.Request {
	t.Helper()
	r, err := s.OpenRequest(ctx, p, id)
	if err != nil {
		t.Fatalf("OpenRequest: %v", err)
	}
	return r
}

// formOf is what the page's Approve button sends.
func formOf(r billing.Request) billing.Verdict {
	return billing.Verdict{Approve: true, OpDigest: r.OpDigest, Sealed: r.Sealed}
}

// state asserts where a request stands, and returns it.
func state(t testing.TB, w *worldtest.World, a *billing.Approval, want billing.ApprovalState) billing.Approval {
	t.Helper()
	got, err := w.Store.Approval(ctx, a.OrgID, a.ID)
	if err != nil || got.State != want {
		t.Fatalf("request is %s (%v), want %s", got.State, err, want)
	}
	return got
}

// fails asserts an error by its code and some of its details.
func fails(t testing.TB, err, want error, details ...any) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error = %v, want %v", err, want)
	}
	e, _ := errors.AsType[*billing.Error](err)
	for i := 0; i < len(details); i += 2 {
		if got := e.Details[details[i].(string)]; got != details[i+1] {
			t.Errorf("details[%v] = %v, want %v", details[i], got, details[i+1])
		}
	}
}

// asText makes values comparable that hold pointers.
func asText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func noError(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// charges counts what the customer has paid for beyond the first invoice.
func charges(w *worldtest.World, c worldtest.Cast) int {
	n, _ := w.Paid(c.Customer)
	return n - 1
}

// threePlans is a catalogue with a third paid plan, giant.
func threePlans(t testing.TB) string {
	t.Helper()
	flat, err := os.ReadFile("catalogs/flat.yaml")
	noError(t, err)
	path := filepath.Join(t.TempDir(), "three.yaml")
	noError(t, os.WriteFile(path, append(flat, `
  giant:
    name: Giant
    price: {amount: "99.00", per: month, lookup_key: giant_month}
    limits: {agents: 100, members: 100, workspaces: 2000, rows: 90000, api_calls: 2000000, webhooks: 200000}
`...), 0o600))
	return path
}
