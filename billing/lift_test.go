package billing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestLiftedDowngradeIsSaid: a switch lifts a downgrade that somebody scheduled,
// so whoever agrees to the switch is told, and agrees to that too.
func TestLiftedDowngradeIsSaid(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "scale", visa)
	w.Advance(time.Hour)
	plain := propose(t, w.Service, c.Agent, upgrade("pro"), billing.StatusConfirmationRequired, nil)
	if plain.Approval.Quote.LiftsDowngrade || strings.Contains(w.Service.Message("acme", *plain.Approval), "lifted") {
		t.Error("a plain switch says that it lifts a downgrade")
	}
	propose(t, w.Service, c.Owner, downgrade(), billing.StatusDowngradeScheduled, nil)
	lifting := propose(t, w.Service, c.Agent, upgrade("pro"), billing.StatusConfirmationRequired, nil)
	if !lifting.Approval.Quote.LiftsDowngrade || !strings.Contains(w.Service.Message("acme", *lifting.Approval), "The scheduled downgrade is lifted.") {
		t.Errorf("message %q", w.Service.Message("acme", *lifting.Approval))
	}
	if plain.Approval.OpDigest == lifting.Approval.OpDigest {
		t.Error("both are agreed to by one digest")
	}
}

// TestAgentsFirstWordsStand: an agent that asks again does not exchange the
// reason under a page that somebody may be reading.
func TestAgentsFirstWordsStand(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	ask := billing.Proposal{Verb: billing.VerbUpgrade, Plan: "scale", Mode: billing.ModeWeb, Reason: "more rows"}
	first := propose(t, w.Service, c.Agent, ask, billing.StatusWebApproveRequired, nil)
	ask.Reason = "the owner told me to"
	again := propose(t, w.Service, c.Agent, ask, billing.StatusWebApproveRequired, nil)
	if again.Approval.ID != first.Approval.ID || again.Approval.Reason != "more rows" {
		t.Errorf("reason is %q on %s, was %q on %s", again.Approval.Reason, again.Approval.ID, first.Approval.Reason, first.Approval.ID)
	}
}
