package billing_test

import (
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func increase(units int64) billing.Proposal {
	return billing.Proposal{Verb: billing.VerbIncrease, Units: &units}
}

func reduce(units int64) billing.Proposal {
	return billing.Proposal{Verb: billing.VerbReduce, Units: &units}
}

func keep() billing.Proposal { return billing.Proposal{Verb: billing.VerbKeepCapacity} }

// TestCarry: what is bought comes along as far as the new plan does not include
// it already.
func TestCarry(t *testing.T) {
	c, err := billing.Builtin("capacity")
	if err != nil {
		t.Fatal(err)
	}
	plan := func(id string) billing.Plan { p, _ := c.Plan(id); return p }
	for _, row := range []struct {
		from   string
		bought int64
		to     string
		want   int64
	}{
		{"solo", 0, "team", 0},
		{"solo", 5, "team", 0},   // 8 in all, Team includes 10
		{"solo", 9, "team", 2},   // 12 in all
		{"solo", 99, "team", 92}, //
		{"team", 0, "solo", 0},   // who goes down wants less
		{"team", 5, "solo", 5},   // and keeps what was bought
		{"team", 99, "solo", 99}, //
		{"solo", 5, "free", 0},   //
		{"free", 0, "solo", 0},   //
	} {
		from := plan(row.from).With(row.bought)
		if got := plan(row.to).Carry(from); got != row.want {
			t.Errorf("%s + %d to %s: %d, want %d", row.from, row.bought, row.to, got, row.want)
		}
	}
	if got := plan("solo").With(2).Recurring(); got != 499 {
		t.Errorf("Solo with 2 units costs %d", got)
	}
}

// TestUnknownPriceKeepsUnits: the units are kept beside the plan.
func TestUnknownPriceKeepsUnits(t *testing.T) {
	w, s, c := seamed(t, "solo", worldtest.Options{Catalog: "capacity"})
	propose(t, w.Service, c.Owner, increase(4), billing.StatusCapacityIncreased, nil)
	s.fetch = func(do func() (billing.State, []billing.Invoice, error)) (billing.State, []billing.Invoice, error) {
		st, invoices, err := do()
		st.Plan, st.UnknownPrice, st.Units.Additional = "", "price_mistake", 0
		return st, invoices, err
	}
	if sub := w.Sync(c.Org.ID); sub.Plan != "solo" || sub.Units.Additional != 4 {
		t.Errorf("%s with %d units, want what there was", sub.Plan, sub.Units.Additional)
	}
	propose(t, w.Service, c.Owner, increase(5), "", billing.ErrRejected)
}
