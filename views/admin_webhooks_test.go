package views

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/countersignhq/countersign/billing"
)

func hookFrame() AdminFrame {
	return AdminFrame{Frame: Frame{Email: "op@host.test", FormToken: "ft", Sandbox: true}, Token: func(path string) string { return "for " + path }}
}

func delivery(st billing.DeliveryState, tries, status int, f billing.Fault) billing.Delivery {
	return billing.Delivery{
		OutboxEvent: billing.OutboxEvent{
			ID: "evt_1", OrgID: "org_1", Type: billing.EventPlanChanged, Payload: `{"id":"evt_1"}`, CreatedAt: now.Add(-time.Hour), State: st, Tries: tries,
			LastStatus: status, LastFault: f, FinishedAt: now.Add(-time.Minute),
		},
		OrgName: "Acme", NextAt: now.Add(30 * time.Second),
		Attempts: []billing.Attempt{{At: now, Took: 1500 * time.Millisecond, Fault: f, Status: status}, {At: now, Took: 12 * time.Millisecond, Status: 204}},
	}
}

func hookValues(list ...billing.Delivery) HooksValues {
	return HooksValues{Frame: hookFrame(), Health: billing.WebhookHealth{Configured: true}, List: list, Now: now}
}

func hookSamples() map[string]templ.Component {
	troubled := hookValues(delivery(billing.DeliveryPending, 3, 0, billing.FaultRefused), delivery(billing.DeliveryPending, 0, 0, ""), delivery(billing.DeliveryDelivered, 1, 200, ""), delivery(billing.DeliveryFailed, 9, 503, billing.FaultStatus))
	troubled.Health = billing.WebhookHealth{Configured: true, Pending: 1200, Failed: 3, Oldest: now.Add(-26 * time.Hour)}
	troubled.Held = []billing.Queue{{Head: troubled.List[0], Waiting: 1199}}
	troubled.Filter, troubled.Next = billing.DeliveryFilter{State: billing.DeliveryPending, Type: "old.type", OrgID: "org_1"}, "evt_1"
	gone := troubled
	gone.Health.GoneAt = now
	off := hookValues()
	off.Health.Configured = false
	received := []billing.InboxEvent{
		{Event: billing.Event{ID: "evt_a", Type: "invoice.paid"}, OrgID: "org_1", OrgName: "Acme", ReceivedAt: now, DoneAt: now},
		{Event: billing.Event{ID: "evt_b", Type: "invoice.paid"}, OrgID: "org_1", OrgName: "Acme", ReceivedAt: now},
		{Event: billing.Event{ID: "evt_c", Type: "invoice.paid"}, ReceivedAt: now},
	}
	return map[string]templ.Component{
		"hooks-empty": AdminHooks(NewAdminHooks(hookValues())), "hooks": AdminHooks(NewAdminHooks(troubled)), "hooks-gone": AdminHooks(NewAdminHooks(gone)), "hooks-off": AdminHooks(NewAdminHooks(off)),
		"hook-waiting": AdminHook(NewAdminHook(hookFrame(), troubled.List[0], true, now)), "hook-failed": AdminHook(NewAdminHook(hookFrame(), troubled.List[3], false, now)),
		"inbox": AdminInbox(NewAdminInbox(hookFrame(), true, received, "evt_c")), "inbox-empty": AdminInbox(NewAdminInbox(hookFrame(), false, nil, "")),
	}
}

// TestHookWords: every way in which an attempt can go has words of its own, and
// none of them is code's.
func TestHookWords(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range []billing.Fault{
		billing.FaultNone, billing.FaultStatus, billing.FaultRedirect, billing.FaultTimeout, billing.FaultRefused, billing.FaultName, billing.FaultTLS, billing.FaultConnection,
	} {
		words := outcome(503, f)
		if seen[words] && f != billing.FaultStatus || strings.Contains(words, "_") {
			t.Errorf("%q: %q", f, words)
		}
		seen[words] = true
	}
	for n, want := range map[int]string{1: "tried once", 2: "tried twice", 3: "tried 3 times", 1200: "tried 1,200 times"} {
		if got := tried(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "any moment", -time.Hour: "any moment", time.Millisecond: "in 1 s", 5 * time.Second: "in 5 s", 59900 * time.Millisecond: "in 60 s", time.Minute: "in 1 minute", 6 * time.Hour: "in 6 hours"} {
		if got := nextTry(now.Add(d), now).Relative; got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{0: "0 ms", 12 * time.Millisecond: "12 ms", time.Second: "1.0 s", 15 * time.Second: "15.0 s"} {
		if got := took(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if indented("{") != "{" || indented(`{"a":1}`) != "{\n  \"a\": 1\n}" {
		t.Error("the body is not shown as it is")
	}
}

// TestHookPageOffersWhatHelps: no press is offered that does nothing.
func TestHookPageOffersWhatHelps(t *testing.T) {
	waiting := delivery(billing.DeliveryPending, 3, 0, billing.FaultTimeout)
	base := hookValues(waiting)
	base.Held = []billing.Queue{{Head: waiting, Waiting: 2}}
	for name, c := range map[string]struct {
		health               billing.WebhookHealth
		hurry, resume, queue bool
	}{
		"sending": {billing.WebhookHealth{Configured: true}, true, false, true},
		"gone":    {billing.WebhookHealth{Configured: true, GoneAt: now}, false, true, false},
		"off":     {billing.WebhookHealth{}, false, false, false},
	} {
		v := base
		v.Health = c.health
		p := NewAdminHooks(v)
		if (p.Hurry != nil) != c.hurry || (p.Notice != nil && len(p.Notice.Actions) > 0) != c.resume || (len(p.Queues) > 0) != c.queue || p.Rows[0].Next.IsZero() == c.queue {
			t.Errorf("%s: %+v", name, p)
		}
		if c.resume && p.Notice.Actions[0].Form.Fields[0] != (Field{"form_token", "for /admin/webhooks/resume"}) {
			t.Errorf("%s: the form's token is %v", name, p.Notice.Actions[0].Form.Fields)
		}
	}
	if p := NewAdminHooks(hookValues()); p.Hurry != nil || p.Empty.Text != copyHooksNone || p.Figures[1].Text != copyHooksNobody {
		t.Errorf("nothing to do: %+v", p)
	}
	for st, button := range map[billing.DeliveryState]string{billing.DeliveryPending: copyHooksTryNow, billing.DeliveryDelivered: copyHooksReplay, billing.DeliveryFailed: copyHooksReplay} {
		if p := NewAdminHook(hookFrame(), delivery(st, 1, 0, ""), true, now); p.Form.Button != button {
			t.Errorf("%s: %q", st, p.Form.Button)
		}
	}
}

// TestHookFilterKeepsWhatWasChosen, also a type that the list does not have.
func TestHookFilterKeepsWhatWasChosen(t *testing.T) {
	v := hookValues()
	v.Filter, v.Next = billing.DeliveryFilter{State: billing.DeliveryFailed, Type: "old.type", OrgID: "org_1"}, "evt_9"
	p := NewAdminHooks(v)
	d := render(t, AdminHooks(p))
	for id, want := range map[string]string{"state": "failed", "type": "old.type"} {
		found := false
		for o := range d.id(id).Descendants() {
			if _, chosen := lookup(o, "selected"); chosen {
				found = attr(o, "value") == want
			}
		}
		if !found {
			t.Errorf("%s is not %q", id, want)
		}
	}
	if attr(d.id("org"), "value") != "org_1" || p.Next != "/admin/webhooks?before=evt_9&org=org_1&state=failed&type=old.type" || p.Empty.Text != copyHooksNoMatch || p.Empty.Next == nil {
		t.Errorf("%q, %q", p.Next, p.Empty.Text)
	}
}
