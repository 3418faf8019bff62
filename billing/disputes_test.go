package billing_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// What is changed in Stripe's portal or dashboard while a change of ours is under
// way, and when.

// meddlers are who changes something at Stripe meanwhile.
func meddlers() []struct {
	name string
	do   func(w *worldtest.World, sub billing.Subscription)
} {
	return []struct {
		name string
		do   func(w *worldtest.World, sub billing.Subscription)
	}{
		{"cancels", func(w *worldtest.World, sub billing.Subscription) {
			noError(w.T, w.Box.CancelAtPeriodEnd(sub.SubscriptionID, true))
		}},
		{"buys units", func(w *worldtest.World, sub billing.Subscription) {
			noError(w.T, w.Box.SetQuantity(sub.SubscriptionID, "solo_unit_month", 7))
		}},
		{"switches", func(w *worldtest.World, sub billing.Subscription) {
			prices := w.CallStripe(http.MethodGet, "/v1/prices?lookup_keys[]=team_month", nil)["data"].([]any)
			w.CallStripe(http.MethodPost, "/v1/subscriptions/"+sub.SubscriptionID, url.Values{
				"items[0][id]": {sub.ItemID}, "items[0][price]": {prices[0].(map[string]any)["id"].(string)},
				"items[1][id]": {sub.Units.ItemID}, "items[1][deleted]": {"true"},
			})
		}},
		{"schedules", func(w *worldtest.World, sub billing.Subscription) {
			if w.Box.ReleaseSchedule(sub.SubscriptionID) != nil { // it drops ours, or there is none
				w.ScheduleAtStripe(sub.SubscriptionID)
			}
		}},
		{"ends it", func(w *worldtest.World, sub billing.Subscription) {
			w.CallStripe(http.MethodDelete, "/v1/subscriptions/"+sub.SubscriptionID, nil)
		}},
	}
}

// The moments of a change.
const (
	afterTheQuote   = "shown"       // the owner has the page open, and then presses
	afterTheConsent = "agreed"      // Stripe is away at the press; recovery finds it changed
	underTheCall    = "called"      // between our last look and the call
	afterTheCall    = "carried"     // it was carried out, and the answer is lost
	beforeTheRepeat = "undelivered" // it never arrived, and is to be repeated
)

// dispute plays one row: an agent's request on the page of an owner, on Solo with
// 5 additional units. It returns the end in one line.
func dispute(t *testing.T, w *worldtest.World, line *wire, name string, pr billing.Proposal, moment string, meddle func(*worldtest.World, billing.Subscription)) string {
	c := w.NewCast(name, "solo", visa)
	_, err := w.Service.Propose(ctx, c.OwnerTool, increase(5))
	noError(t, err)
	w.Advance(time.Hour)
	sub := w.Sync(c.Org.ID)
	paid, _ := w.Paid(c.Customer)
	id := asked(t, w.Service, c.Agent, onWeb(pr)).Approval.ID
	page := opened(t, w.Service, c.Owner, id)
	during := func(done bool) fault {
		return func(_ *wire, _ *http.Request, do func() (*http.Response, error)) (*http.Response, error) {
			if !done {
				meddle(w, sub)
				return do()
			}
			if moment == afterTheCall {
				res, err := do()
				noError(t, err)
				_ = res.Body.Close()
			}
			meddle(w, sub)
			return nil, errReset
		}
	}
	switch line.breakAt(0, nil); moment {
	case afterTheQuote:
		meddle(w, sub)
	case afterTheConsent:
		line.cut(true)
	case underTheCall:
		line.breakAt(1, during(false))
	default:
		line.breakAt(1, during(true))
	}
	_, pressErr := w.Service.Decide(ctx, c.Owner, id, formOf(page))
	if line.cut(false); moment == afterTheConsent {
		meddle(w, sub)
	}
	line.breakAt(0, nil)
	for range 3 {
		recoverAll(t, w, w.Service)
	}
	a, err := w.Store.Approval(ctx, c.Org.ID, id)
	noError(t, err)
	end := []string{string(a.State)}
	if pressErr != nil {
		end = append(end, "refused "+billing.CodeOf(pressErr))
	}
	if a.Result != nil && a.Result.Failure != nil {
		end = append(end, a.Result.Failure.Code)
	}
	if a.Result != nil && a.Result.AmountDiffers {
		end = append(end, "differs")
	}
	now := w.Sync(c.Org.ID)
	n, _ := w.Paid(c.Customer)
	end = append(end, fmt.Sprintf("| %s %s+%d, %d paid", now.Status, now.Plan, now.Units.Additional, n-paid))
	if now.CancelAtPeriodEnd {
		end = append(end, "ends")
	}
	if now.Units.Reducing() {
		end = append(end, fmt.Sprint("reduces to ", now.Units.ReduceTo))
	}
	return strings.Join(end, " ")
}

// disputes are the ends: the request, what the press was answered, what the agent
// reads, and how the subscription stands. Nothing is paid twice, and Stripe's events
// leave nothing to be asked of an operator.
func disputes() map[string]string {
	return map[string]string{
		"switch, cancels, shown":             "failed quote_changed | active solo+5, 0 paid ends",
		"switch, cancels, agreed":            "pending refused stripe_unavailable | active solo+5, 0 paid ends",
		"switch, cancels, called":            "succeeded | active team+0, 1 paid ends",
		"switch, cancels, carried":           "succeeded | active team+0, 1 paid ends",
		"switch, cancels, undelivered":       "failed quote_changed | active solo+5, 0 paid ends",
		"switch, buys units, shown":          "failed quote_changed | active solo+7, 0 paid",
		"switch, buys units, agreed":         "pending refused stripe_unavailable | active solo+7, 0 paid",
		"switch, buys units, called":         "succeeded | active team+0, 1 paid",
		"switch, buys units, carried":        "succeeded | active solo+5, 1 paid",
		"switch, buys units, undelivered":    "failed quote_changed | active solo+7, 0 paid",
		"switch, switches, shown":            "pending refused change_rejected | active team+0, 0 paid",
		"switch, switches, agreed":           "pending refused stripe_unavailable | active team+0, 0 paid",
		"switch, switches, called":           "failed change_rejected | active team+0, 0 paid",
		"switch, switches, carried":          "succeeded | active team+0, 1 paid",
		"switch, switches, undelivered":      "failed change_rejected | active team+0, 0 paid",
		"switch, schedules, shown":           "failed scheduled_at_stripe | active solo+5, 0 paid",
		"switch, schedules, agreed":          "pending refused stripe_unavailable | active solo+5, 0 paid",
		"switch, schedules, called":          "succeeded | active team+0, 1 paid",
		"switch, schedules, carried":         "succeeded | active team+0, 1 paid",
		"switch, schedules, undelivered":     "failed quote_changed | active solo+5, 0 paid",
		"switch, ends it, shown":             "pending refused change_rejected | canceled free+0, 0 paid",
		"switch, ends it, agreed":            "pending refused stripe_unavailable | canceled free+0, 0 paid",
		"switch, ends it, called":            "failed change_rejected | canceled free+0, 0 paid",
		"switch, ends it, carried":           "succeeded | canceled free+0, 1 paid",
		"switch, ends it, undelivered":       "failed quote_changed | canceled free+0, 0 paid",
		"increase, cancels, shown":           "failed downgrade_scheduled | active solo+5, 0 paid ends",
		"increase, cancels, agreed":          "pending refused stripe_unavailable | active solo+5, 0 paid ends",
		"increase, cancels, called":          "succeeded | active solo+8, 1 paid ends",
		"increase, cancels, carried":         "succeeded | active solo+8, 1 paid ends",
		"increase, cancels, undelivered":     "failed quote_changed | active solo+5, 0 paid ends",
		"increase, buys units, shown":        "failed quote_changed | active solo+7, 0 paid",
		"increase, buys units, agreed":       "pending refused stripe_unavailable | active solo+7, 0 paid",
		"increase, buys units, called":       "succeeded | active solo+8, 1 paid",
		"increase, buys units, carried":      "succeeded | active solo+7, 1 paid",
		"increase, buys units, undelivered":  "failed quote_changed | active solo+7, 0 paid",
		"increase, switches, shown":          "pending refused change_rejected | active team+0, 0 paid",
		"increase, switches, agreed":         "pending refused stripe_unavailable | active team+0, 0 paid",
		"increase, switches, called":         "failed change_rejected | active team+0, 0 paid",
		"increase, switches, carried":        "succeeded | active team+0, 1 paid",
		"increase, switches, undelivered":    "failed quote_changed | active team+0, 0 paid",
		"increase, schedules, shown":         "failed scheduled_at_stripe | active solo+5, 0 paid",
		"increase, schedules, agreed":        "pending refused stripe_unavailable | active solo+5, 0 paid",
		"increase, schedules, called":        "succeeded | active solo+8, 1 paid",
		"increase, schedules, carried":       "succeeded | active solo+8, 1 paid",
		"increase, schedules, undelivered":   "failed quote_changed | active solo+5, 0 paid",
		"increase, ends it, shown":           "pending refused change_rejected | canceled free+0, 0 paid",
		"increase, ends it, agreed":          "pending refused stripe_unavailable | canceled free+0, 0 paid",
		"increase, ends it, called":          "failed change_rejected | canceled free+0, 0 paid",
		"increase, ends it, carried":         "succeeded | canceled free+0, 1 paid",
		"increase, ends it, undelivered":     "failed quote_changed | canceled free+0, 0 paid",
		"reduce, cancels, shown":             "failed downgrade_scheduled | active solo+5, 0 paid ends",
		"reduce, cancels, agreed":            "failed downgrade_scheduled | active solo+5, 0 paid ends",
		"reduce, cancels, called":            "failed quote_changed | active solo+5, 0 paid ends",
		"reduce, cancels, carried":           "failed quote_changed | active solo+5, 0 paid ends",
		"reduce, cancels, undelivered":       "failed quote_changed | active solo+5, 0 paid ends",
		"reduce, buys units, shown":          "failed quote_changed | active solo+7, 0 paid",
		"reduce, buys units, agreed":         "failed quote_changed | active solo+7, 0 paid",
		"reduce, buys units, called":         "failed quote_changed | active solo+7, 0 paid",
		"reduce, buys units, carried":        "failed quote_changed | active solo+7, 0 paid",
		"reduce, buys units, undelivered":    "failed quote_changed | active solo+7, 0 paid",
		"reduce, switches, shown":            "failed target_not_lower | active team+0, 0 paid",
		"reduce, switches, agreed":           "failed target_not_lower | active team+0, 0 paid",
		"reduce, switches, called":           "failed quote_changed | active team+0, 0 paid",
		"reduce, switches, carried":          "failed quote_changed | active team+0, 0 paid",
		"reduce, switches, undelivered":      "failed quote_changed | active team+0, 0 paid",
		"reduce, schedules, shown":           "failed scheduled_at_stripe | active solo+5, 0 paid",
		"reduce, schedules, agreed":          "failed scheduled_at_stripe | active solo+5, 0 paid",
		"reduce, schedules, called":          "failed change_rejected | active solo+5, 0 paid",
		"reduce, schedules, carried":         "failed change_rejected | active solo+5, 0 paid",
		"reduce, schedules, undelivered":     "failed quote_changed | active solo+5, 0 paid",
		"reduce, ends it, shown":             "failed change_rejected | canceled free+0, 0 paid",
		"reduce, ends it, agreed":            "failed change_rejected | canceled free+0, 0 paid",
		"reduce, ends it, called":            "failed change_rejected | canceled free+0, 0 paid",
		"reduce, ends it, carried":           "failed quote_changed | canceled free+0, 0 paid",
		"reduce, ends it, undelivered":       "failed quote_changed | canceled free+0, 0 paid",
		"downgrade, cancels, shown":          "failed quote_changed | active solo+5, 0 paid ends",
		"downgrade, cancels, agreed":         "failed quote_changed | active solo+5, 0 paid ends",
		"downgrade, cancels, called":         "succeeded | active solo+5, 0 paid ends",
		"downgrade, cancels, carried":        "succeeded | active solo+5, 0 paid ends",
		"downgrade, cancels, undelivered":    "succeeded | active solo+5, 0 paid ends",
		"downgrade, buys units, shown":       "failed quote_changed | active solo+7, 0 paid",
		"downgrade, buys units, agreed":      "failed quote_changed | active solo+7, 0 paid",
		"downgrade, buys units, called":      "succeeded | active solo+7, 0 paid ends",
		"downgrade, buys units, carried":     "succeeded | active solo+7, 0 paid ends",
		"downgrade, buys units, undelivered": "failed quote_changed | active solo+7, 0 paid",
		"downgrade, switches, shown":         "failed quote_changed | active team+0, 0 paid",
		"downgrade, switches, agreed":        "failed quote_changed | active team+0, 0 paid",
		"downgrade, switches, called":        "succeeded | active team+0, 0 paid ends",
		"downgrade, switches, carried":       "succeeded | active team+0, 0 paid ends",
		"downgrade, switches, undelivered":   "failed quote_changed | active team+0, 0 paid",
		"downgrade, schedules, shown":        "failed scheduled_at_stripe | active solo+5, 0 paid",
		"downgrade, schedules, agreed":       "failed scheduled_at_stripe | active solo+5, 0 paid",
		"downgrade, schedules, called":       "failed change_rejected | active solo+5, 0 paid",
		"downgrade, schedules, carried":      "succeeded | active solo+5, 0 paid",
		"downgrade, schedules, undelivered":  "failed quote_changed | active solo+5, 0 paid",
		"downgrade, ends it, shown":          "failed change_rejected | canceled free+0, 0 paid",
		"downgrade, ends it, agreed":         "failed change_rejected | canceled free+0, 0 paid",
		"downgrade, ends it, called":         "failed change_rejected | canceled free+0, 0 paid",
		"downgrade, ends it, carried":        "succeeded | canceled free+0, 0 paid",
		"downgrade, ends it, undelivered":    "failed change_rejected | canceled free+0, 0 paid",
	}
}

// TestDisputesOfOrder: whoever changes what at Stripe in the middle of a change of
// ours, at whichever moment: the exact end.
func TestDisputesOfOrder(t *testing.T) {
	rows := 0
	for _, flow := range []struct {
		name string
		pr   billing.Proposal
	}{
		{"switch", upgrade("team")}, {"increase", increase(8)}, {"reduce", reduce(1)}, {"downgrade", downgrade()},
	} {
		t.Run(flow.name, func(t *testing.T) {
			w, line := wired(t, worldtest.Options{Catalog: "capacity"})
			w.Service.DontWait()
			n := 0
			defer func() { rows += n }()
			for _, m := range meddlers() {
				for _, moment := range []string{afterTheQuote, afterTheConsent, underTheCall, afterTheCall, beforeTheRepeat} {
					n++
					got := dispute(t, w, line, fmt.Sprint("org", n), flow.pr, moment, m.do)
					what := strings.Join([]string{flow.name, m.name, moment}, ", ")
					if want := disputes()[what]; got != want {
						t.Errorf("%s: %q, want %q", what, got, want)
					}
				}
			}
		})
	}
	if rows != len(disputes()) {
		t.Errorf("%d rows were played, %d are written", rows, len(disputes()))
	}
}
