package billing_test

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestTrialAsAgreed: a trial that another process takes up later is the one that
// was agreed to, or none.
func TestTrialAsAgreed(t *testing.T) {
	for name, row := range map[string]struct {
		agreed func(q *billing.Quote)
		then   func(t *testing.T, w *worldtest.World, c worldtest.Cast)
		want   string
	}{
		"as it was": {want: ""},
		"of another length": {
			agreed: func(q *billing.Quote) { q.TrialDays = 60 },
			want:   billing.ErrQuoteChanged.Code,
		},
		"void, because an operator gave a plan meanwhile": {
			then: func(t *testing.T, w *worldtest.World, c worldtest.Cast) {
				op, _ := w.SignInOperator()
				noError(t, w.Service.GivePlan(ctx, op, c.Org.ID, "team", "a friend"))
				noError(t, w.Service.GivePlan(ctx, op, c.Org.ID, "", "no more"))
			},
			want: billing.ErrQuoteChanged.Code,
		},
	} {
		t.Run(name, func(t *testing.T) {
			engines(t, worldtest.Options{Catalog: "capacity"}, func(t *testing.T, w *worldtest.World) {
				c := w.NewCast("acme", "", "")
				quote := propose(t, w.Service, c.Agent, try("solo"), billing.StatusConfirmationRequired, nil).Approval.Quote
				if row.agreed != nil {
					row.agreed(&quote)
				}
				i := billing.Intent{
					ID: "int_left", OrgID: c.Org.ID, Actor: c.Owner.Actor, DecidedBy: c.Owner.Actor, Quote: quote,
					State: billing.IntentPending, CreatedAt: w.Service.Now(),
				}
				if _, err := w.Store.InsertIntent(ctx, i); err != nil {
					t.Fatal(err)
				}
				if row.then != nil {
					row.then(t, w, c)
				}
				w.Advance(time.Minute)
				if found, err := w.Service.Recover(ctx); !found || err != nil {
					t.Fatal(found, err)
				}
				i, err := w.Store.Intent(ctx, c.Org.ID, i.ID)
				noError(t, err)
				got := ""
				if i.Result != nil && i.Result.Failure != nil {
					got = i.Result.Failure.Code
				}
				if used := summary(t, w, c).Subscription.Trial.Used(); i.Open() || got != row.want || used != (row.want == "") {
					t.Errorf("%s: %q, want %q; trial used %v", i.State, got, row.want, used)
				}
			})
		})
	}
}

// TestTrialStartsFromWhatWasAgreed: the write itself looks once more, for what
// changes between the last look and it.
func TestTrialStartsFromWhatWasAgreed(t *testing.T) {
	engines(t, worldtest.Options{Catalog: "capacity"}, func(t *testing.T, w *worldtest.World) {
		c := w.NewCast("acme", "", "")
		before := w.Sync(c.Org.ID).Version
		op, _ := w.SignInOperator()
		noError(t, w.Service.GivePlan(ctx, op, c.Org.ID, "team", "a friend"))
		trial := billing.Trial{Plan: "solo", StartedAt: worldtest.Start, EndsAt: worldtest.Start.AddDate(0, 0, 30)}
		for version, want := range map[int64]bool{before: false, before + 1: true} {
			if started, err := w.Store.StartTrial(ctx, c.Org.ID, version, trial); err != nil || started != want {
				t.Errorf("version %d: %v, %v", version, started, err)
			}
		}
	})
}
