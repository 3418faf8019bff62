package billing_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// The table of docs/capacity.md is what this test runs: each action in each
// state, in an org of its own, and the answer that is promised there.

// unitsConditions make an org of each column. Where a state takes a month to
// reach, several orgs reach it together.
var unitsConditions = map[string]struct {
	plan  string
	units int64
	make  func(t *testing.T, w *worldtest.World, c worldtest.Cast)
	all   func(t *testing.T, w *worldtest.World, all []worldtest.Cast)
}{
	"free":   {},
	"active": {plan: "team", units: 5},
	"reduction pending": {plan: "team", units: 5, make: func(t *testing.T, w *worldtest.World, c worldtest.Cast) {
		propose(t, w.Service, c.OwnerTool, reduce(1), billing.StatusReductionScheduled, nil)
	}},
	"cancellation scheduled": {plan: "team", units: 5, make: func(t *testing.T, w *worldtest.World, c worldtest.Cast) {
		propose(t, w.Service, c.OwnerTool, downgrade(), billing.StatusDowngradeScheduled, nil)
	}},
	"past due": {plan: "team", units: 5, all: func(t *testing.T, w *worldtest.World, all []worldtest.Cast) {
		unpaidRenewals(t, w, all, billing.StatusPastDue)
	}},
	"unpaid": {plan: "team", units: 5, all: func(t *testing.T, w *worldtest.World, all []worldtest.Cast) {
		unpaidRenewals(t, w, all, billing.StatusUnpaid)
	}},
	"payment pending": {plan: "team", units: 5, make: func(t *testing.T, w *worldtest.World, c worldtest.Cast) {
		noError(t, w.Box.GiveCard(c.Customer, "pm_card_authenticationRequired"))
		propose(t, w.Service, c.Owner, increase(6), "", billing.ErrPaymentAction)
	}},
	"trial": {make: func(t *testing.T, w *worldtest.World, c worldtest.Cast) {
		propose(t, w.Service, c.OwnerTool, try("solo"), billing.StatusTrialStarted, nil)
	}},
	"complimentary": {make: given},
	"complimentary and paying": {plan: "team", units: 5, make: func(t *testing.T, w *worldtest.World, c worldtest.Cast) {
		given(t, w, c)
	}},
	"schedule of Stripe's dashboard": {plan: "team", units: 5, make: func(_ *testing.T, w *worldtest.World, c worldtest.Cast) {
		w.ScheduleAtStripe(w.Sync(c.Org.ID).SubscriptionID)
		w.Sync(c.Org.ID)
	}},
}

func given(t *testing.T, w *worldtest.World, c worldtest.Cast) {
	t.Helper()
	op, _ := w.SignInOperator()
	noError(t, w.Service.GivePlan(ctx, op, c.Org.ID, "team", "a friend"))
}

// unpaidRenewals lets renewals fail until the subscriptions are in a status.
func unpaidRenewals(t *testing.T, w *worldtest.World, all []worldtest.Cast, until billing.SubscriptionStatus) {
	t.Helper()
	for _, c := range all {
		noError(t, w.Box.GiveCard(c.Customer, "pm_card_chargeCustomerFail"))
	}
	for range 60 {
		done := 0
		for _, c := range all {
			if w.Sync(c.Org.ID).Status == until {
				done++
			}
		}
		if done == len(all) {
			return
		}
		w.Advance(24 * 60 * 60 * 1e9)
	}
	t.Fatalf("no subscription became %s", until)
}

// unitsActions are the rows.
var unitsActions = map[string]billing.Proposal{
	"increase":         increase(7),
	"reduce":           reduce(2),
	"cancel reduction": keep(),
	"switch plan":      upgrade("solo"),
	"downgrade":        downgrade(),
	"keep the plan":    upgrade("team"),
	"start a trial":    try("team"),
}

var inCode = regexp.MustCompile("`([^`]*)`")

// promised reads the table: the answer by state and action.
func promised(t *testing.T) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile("../docs/capacity.md")
	noError(t, err)
	_, table, found := strings.Cut(string(text), "| state |")
	if !found {
		t.Fatal("no table of states in docs/capacity.md")
	}
	lines := strings.Split(table, "\n")
	cells := func(line string) (out []string) {
		for _, c := range strings.Split(strings.Trim(line, "|"), "|") {
			out = append(out, strings.TrimSpace(c))
		}
		return out
	}
	actions, answers := cells(lines[0]), map[string]map[string]string{}
	for _, line := range lines[2:] {
		if !strings.HasPrefix(line, "|") {
			break
		}
		row := cells(line)
		answers[row[0]] = map[string]string{}
		for i, a := range actions {
			word := inCode.FindStringSubmatch(row[i+1])
			if word == nil {
				t.Fatalf("%s, %s: no answer in %q", row[0], a, row[i+1])
			}
			answers[row[0]][a] = word[1]
		}
	}
	return answers
}

func TestUnitsTable(t *testing.T) {
	table := promised(t)
	if len(table) != len(unitsConditions) {
		t.Errorf("%d states in the table, want %d", len(table), len(unitsConditions))
	}
	for state, cond := range unitsConditions {
		t.Run(state, func(t *testing.T) {
			w := worldtest.New(t, worldtest.Options{Catalog: "capacity", Unpaid: state == "unpaid"})
			casts := map[string]worldtest.Cast{}
			var all []worldtest.Cast
			for action := range unitsActions {
				c := w.NewCast(strings.ReplaceAll(action, " ", ""), cond.plan, visa)
				if cond.units > 0 {
					propose(t, w.Service, c.OwnerTool, increase(cond.units), billing.StatusCapacityIncreased, nil)
				}
				if cond.make != nil {
					cond.make(t, w, c)
				}
				casts[action], all = c, append(all, c)
			}
			if cond.all != nil {
				cond.all(t, w, all)
			}
			for action, pr := range unitsActions {
				out, err := w.Service.Propose(ctx, casts[action].OwnerTool, pr)
				got := string(out.Status)
				if err != nil {
					got = billing.CodeOf(err)
				}
				if want := table[state][action]; got != want {
					t.Errorf("%s: answered %q, promised %q (%v)", action, got, want, err)
				}
				sub := w.Sync(casts[action].Org.ID)
				if sub.Units.Reducing() && sub.CancelAtPeriodEnd {
					t.Errorf("%s: two pending changes: %+v", action, sub.State)
				}
			}
		})
	}
}
