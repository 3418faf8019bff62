package billing_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// unclear is a change whose answer never came: an agent asked for Scale and an
// owner agreed.
type unclear struct {
	*worldtest.World
	worldtest.Cast
	seam     *seam
	op       billing.Principal
	approval *billing.Approval
	intent   string
}

// newUnclear makes one; meanwhile is what happens at Stripe after we gave up.
func newUnclear(t *testing.T, happens bool) unclear {
	t.Helper()
	w, s, c := seamed(t, "pro", worldtest.Options{})
	w.Advance(time.Hour)
	u := unclear{World: w, Cast: c, seam: s}
	out := asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	s.apply = func(_ billing.Order, do func() (billing.Applied, error)) (billing.Applied, error) {
		if happens {
			if _, err := do(); err != nil {
				t.Error(err)
			}
		}
		return billing.Applied{}, context.DeadlineExceeded
	}
	// What Stripe has done is not to be seen for as long as we look.
	s.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		st, inv, err := do()
		st.Plan = "pro"
		return st, inv, err
	}
	_, err := pressed(t, w.Service, c.Owner, out.Approval.ID)
	noError(t, err)
	w.Advance(24 * time.Hour)
	s.forgetful = true
	recoverAll(t, w, w.Service)
	u.approval, u.op = out.Approval, operatorOf(w)
	a := state(t, w, out.Approval, billing.ApprovalIndeterminate)
	u.intent = a.IntentID
	s.fetch = nil
	s.apply = func(billing.Order, func() (billing.Applied, error)) (billing.Applied, error) {
		t.Error("a review called Stripe to change something")
		return billing.Applied{}, context.DeadlineExceeded
	}
	return u
}

func (u unclear) shown(t *testing.T) billing.ReviewCase {
	t.Helper()
	c, err := u.Service.ReviewCase(ctx, u.op, u.intent)
	noError(t, err)
	return c
}

func TestReviewEnds(t *testing.T) {
	type act = func(u unclear) error
	look := func(u unclear) error { _, err := u.Service.LookAgain(ctx, u.op, u.intent); return err }
	happened := func(reason string) act {
		return func(u unclear) error { return u.Service.ItHappened(ctx, u.op, u.intent, reason) }
	}
	didNot := func(reason string) act {
		return func(u unclear) error { return u.Service.ItDidNotHappen(ctx, u.op, u.intent, reason) }
	}
	elsewhere := func(u unclear) error { // somebody cancels in Stripe's portal
		sub, err := u.Store.Subscription(ctx, u.Cast.Org.ID)
		return errors.Join(err, u.Box.CancelAtPeriodEnd(sub.SubscriptionID, true))
	}
	// Stripe's events are to be had; what the subscription shows tells nothing.
	told := func(u unclear) error {
		u.seam.forgetful = false
		u.seam.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
			st, inv, err := do()
			st.Plan = "pro" // the customer went back
			return st, inv, err
		}
		return nil
	}
	for _, tc := range []struct {
		name    string
		happens bool
		first   act
		do      act
		want    error
		state   billing.ApprovalState
	}{
		{"look, and there it is", true, nil, look, nil, billing.ApprovalSucceeded},
		{"look, and it is not", false, nil, look, nil, billing.ApprovalIndeterminate},
		{"look, and Stripe's events say that it was made", true, told, look, nil, billing.ApprovalSucceeded},
		{"look, and Stripe's events say that it was not", false, told, look, nil, billing.ApprovalFailed},
		{"it happened, and there it is", true, nil, happened(""), nil, billing.ApprovalSucceeded},
		{"it happened, not to be seen, no reason", false, nil, happened(" "), billing.ErrInvalid, billing.ApprovalIndeterminate},
		{"it happened, not to be seen, with a reason", false, nil, happened("the customer moved back in the portal"), nil, billing.ApprovalSucceeded},
		{"it did not, as is to be seen", false, nil, didNot("Stripe's log has no such call"), nil, billing.ApprovalFailed},
		{"it did not, no reason", false, nil, didNot(""), billing.ErrInvalid, billing.ApprovalIndeterminate},
		{"it did not, but it did", true, nil, didNot("I think so"), billing.ErrNotAsBefore, billing.ApprovalSucceeded},
		{"it did not, but something did", false, elsewhere, didNot("I think so"), billing.ErrNotAsBefore, billing.ApprovalIndeterminate},
		{"it happened, and something else since", true, elsewhere, happened(""), nil, billing.ApprovalSucceeded},
		{"Stripe is away", false, func(u unclear) error { u.Box.FailNext(503, 9); return nil }, didNot("r"), billing.ErrStripeUnavailable, billing.ApprovalIndeterminate},
	} {
		t.Run(tc.name, func(t *testing.T) {
			u := newUnclear(t, tc.happens)
			if tc.first != nil {
				noError(t, tc.first(u))
			}
			paid := charges(u.World, u.Cast)
			if err := tc.do(u); !errors.Is(err, tc.want) {
				t.Fatalf("error %v, want %v", err, tc.want)
			}
			a := state(t, u.World, u.approval, tc.state)
			if charges(u.World, u.Cast) != paid {
				t.Error("money was moved")
			}
			c := u.shown(t)
			if c.Open() != (tc.state == billing.ApprovalIndeterminate) {
				t.Errorf("intent %s, request %s", c.State, a.State)
			}
			if c.Open() {
				return
			}
			var by []string // operators
			for _, e := range c.Log {
				if e.Actor.Kind == billing.KindOperator {
					by = append(by, e.Event)
				}
			}
			if a.Result == nil || (a.State == billing.ApprovalFailed) != (a.Result.Failure != nil) || len(by) != 1 && tc.want == nil {
				t.Errorf("%v, %+v", by, a.Result)
			}
			u.seam.apply, u.seam.fetch = nil, nil
			u.Sync(u.Cast.Org.ID)
			propose(t, u.Service, u.Owner, downgrade(), billing.StatusDowngradeScheduled, nil) // the org is free again
			for name, again := range map[string]act{"look": look, "yes": happened("r"), "no": didNot("r")} {
				if err := again(u); !errors.Is(err, billing.ErrReviewed) {
					t.Errorf("%s once more: %v", name, err)
				}
			}
		})
	}
}

// TestReviewShows: the page's case has all that is known.
func TestReviewShows(t *testing.T) {
	u := newUnclear(t, true)
	list, err := u.Service.Reviews(ctx, u.op)
	if err != nil || len(list) != 1 || list[0].ID != u.intent || list[0].OrgName != u.Cast.Org.Name {
		t.Fatalf("%+v, %v", list, err)
	}
	if r, err := u.Service.Recent(ctx, u.Owner, billing.RecentLimits{}); err != nil || !r.InReview {
		t.Errorf("the org does not learn of it (%v)", err)
	}
	c := u.shown(t)
	if !c.Open() || c.Approval == nil || c.Approval.ID != u.approval.ID || c.CalledAt.IsZero() || c.Attempt != 1 || c.Sight != billing.SightOther {
		t.Errorf("%+v", c)
	}
	if len(c.Invoices) != 1 || c.Invoices[0].Amount.Amount != c.Quote.DueNow {
		t.Errorf("invoices since: %+v", c.Invoices)
	}
	var events []string
	for _, e := range c.Log {
		events = append(events, e.Event)
	}
	if got := strings.Join(events, " "); !strings.HasPrefix(got, "approval.requested ") || !strings.HasSuffix(got, " change.needs_review") {
		t.Errorf("the log: %s", got)
	}
	if _, err = u.Service.ReviewCase(ctx, u.op, "int_none"); !errors.Is(err, billing.ErrNotFound) {
		t.Error(err)
	}
	for _, p := range []billing.Principal{u.Owner, u.Agent, {}} {
		for name, call := range map[string]func() error{
			"list":     func() error { _, err := u.Service.Reviews(ctx, p); return err },
			"case":     func() error { _, err := u.Service.ReviewCase(ctx, p, u.intent); return err },
			"look":     func() error { _, err := u.Service.LookAgain(ctx, p, u.intent); return err },
			"happened": func() error { return u.Service.ItHappened(ctx, p, u.intent, "r") },
			"not":      func() error { return u.Service.ItDidNotHappen(ctx, p, u.intent, "r") },
			"pass":     func() error { _, _, err := u.Service.Reconciliation(ctx, p); return err },
		} {
			if err := call(); !errors.Is(err, billing.ErrForbidden) {
				t.Errorf("%s by %q: %v", name, p.Kind, err)
			}
		}
	}
}

// TestReviewByTwo: what moved since the look is not decided on, and of two
// operators one wins.
func TestReviewByTwo(t *testing.T) {
	u := newUnclear(t, false)
	meddle := true
	u.seam.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		st, inv, err := do()
		if meddle {
			meddle = false
			noError(t, u.Service.ItDidNotHappen(ctx, u.op, u.intent, "I was first"))
		}
		return st, inv, err
	}
	if err := u.Service.ItHappened(ctx, u.op, u.intent, "I was second"); err != nil && !errors.Is(err, billing.ErrReviewed) {
		t.Error(err)
	}
	state(t, u.World, u.approval, billing.ApprovalFailed)
	if c := u.shown(t); c.State != billing.IntentFailed {
		t.Errorf("%s", c.State)
	}
}
