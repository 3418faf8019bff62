package simulation

import (
	"maps"
	"slices"
	"testing"
)

// often is what a run of many seeds has to reach at least once: a test that
// never gets there proves nothing about it.
var often = []string{
	"fault: request lost", "fault: answer lost", "fault: 429", "fault: 409", "fault: 500", "fault: 500 although carried out", "fault: 502",
	"fault: crash", "fault: clock jumps", "fault: key revoked", "fault: approver demoted", "fault: payment declined", "fault: bank asked",
	"fault: pm_card_visa", "fault: pm_card_chargeCustomerFail", "fault: pm_card_authenticationRequired",
	"fault: change in the portal", "fault: change in the dashboard", "fault: events lost", "fault: event twice", "fault: events reordered",
	"fault: forged event", "page opened by a mail scanner", "answer too late", "recovery of an intent", "checkout paid",
	"approval: pending", "approval: succeeded", "approval: failed", "approval: indeterminate", "approval: denied", "approval: expired",
	"approval: canceled", "approval: superseded", "approval: invalidated",
	"intent: done", "intent: failed", "intent: refused", "intent: needs_review",
	"subscription: ", "subscription: active", "subscription: past_due", "subscription: canceled",
	"outcome: switched", "outcome: resumed", "outcome: downgrade-scheduled", "outcome: checkout-required", "outcome: confirmation_required",
	"outcome: web-approve-required", "outcome: capacity-increased", "outcome: capacity-reduction-scheduled",
	"outcome: pending",
	"error: quote_changed", "error: another_change_in_progress", "error: consent_token_expired", "error: consent_token_invalid",
	"error: payment_failed", "error: payment_action_required", "error: stripe_unavailable", "error: already_decided", "error: key_paused",
	"outcome: capacity-reduction-canceled", "outcome: trial-started", "error: trial_not_available", "error: trial_conversion_required",
	"error: plan_below_trial", "error: payment_past_due", "trial runs", "trial is over", "trial converted", "grace runs", "grace is over",
	"fault: clock at a boundary", "poll was told", "poll in vain",
	"call: 2xx", "call: 4xx", "call: 5xx", "call to be repeated", "call repeated",
}

// enough is the number of seeds from which on all of it has to be reached.
const enough uint64 = 2000

func sometimes(t *testing.T, all tally) {
	t.Helper()
	reached := all.Reached
	var never []string
	for _, what := range often {
		if reached[what] == 0 {
			never = append(never, what)
		}
	}
	if len(never) > 0 && uint64(all.Seeds) >= enough {
		t.Errorf("never reached: %q", never)
	}
	for _, what := range slices.Sorted(maps.Keys(reached)) {
		t.Logf("%6d  %s", reached[what], what)
	}
	if len(never) > 0 {
		t.Logf("not reached: %q", never)
	}
}
