package db

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// What is read is what was written, to the field, on both engines.

func TestOrgsRoundTrip(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		org := billing.Org{ID: "org_full", Name: "Full", DesignPartner: true, GivenPlan: "pro", CreatedAt: t0, Region: billing.Region{TimeZone: "Asia/Kathmandu", Locale: "ne-NP"}}
		must(t, s.InsertOrg(ctx, org, "free"))
		same(t, "org", ok(s.Org(ctx, org.ID))(t), org)
		sub := ok(s.Subscription(ctx, org.ID))(t)
		same(t, "subscription", sub, billing.Subscription{OrgID: org.ID, State: billing.State{Plan: "free"}, Version: 1, RowVersion: 1})
		same(t, "overview", ok(s.Overview(ctx, org.ID))(t), billing.Overview{Org: org, Subscription: sub})

		_, err := s.Org(ctx, "org_none")
		missing(t, "org", err)
		_, err = s.Overview(ctx, "org_none")
		missing(t, "overview", err)
		missing(t, "lock", s.LockOrg(ctx, "org_none"))
	})
}

func TestSubscriptionRoundTrip(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		want := billing.Subscription{
			OrgID: acme, Version: 7, RowVersion: 1, SyncedSeq: 0, SyncedAt: t0,
			State: billing.State{
				CustomerID: "cus_1", SubscriptionID: "sub_1", ItemID: "si_1", Status: billing.StatusActive, Plan: "pro",
				PeriodStart: t0, PeriodEnd: t0.AddDate(0, 1, 0), CancelAtPeriodEnd: true, Credit: 250, UnknownPrice: "price_x",
				Card: &billing.Card{Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2030},
				Next: &billing.NextInvoice{Date: t0, Amount: billing.Money{Amount: 1900, Currency: "usd"}},
				Action: &billing.PaymentAction{
					InvoiceID: "in_1", URL: "https://pay.test", Amount: billing.Money{Amount: 5, Currency: "usd"}, Failed: t0,
				},
			},
			ScheduledBy: &billing.Schedule{By: billing.Actor{Kind: billing.KindHuman, ID: owner, Name: "Ann"}, At: t0},
		}
		if !ok(s.SaveState(ctx, want, nil))(t) {
			t.Fatal("not saved")
		}
		want.RowVersion = 2
		same(t, "subscription", ok(s.Subscription(ctx, acme))(t), want)
		same(t, "overview", ok(s.Overview(ctx, acme))(t).Subscription, want)
	})
}

func TestApprovalRoundTrip(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		full := approval("apr_full")
		full.State = billing.ApprovalFailed
		full.OpenedAt, full.DecidedAt = t0.Add(time.Second), t0.Add(time.Minute)
		full.DecidedBy = billing.Actor{Kind: billing.KindHuman, ID: owner, Name: "Ann", CredentialID: "ses_1"}
		full.Assurance, full.IntentID, full.ReplacedBy = "human_session", "int_1", "apr_next"
		full.Denial = &billing.Denial{Reason: "other", Note: "no"}
		full.Result = &billing.Outcome{Status: billing.StatusFailed, Plan: "pro", Failure: &billing.Failure{Code: "c", Message: "m"}}
		for _, want := range []billing.Approval{approval("apr_bare"), full} {
			must(t, s.InsertApproval(ctx, want))
			same(t, want.ID, ok(s.Approval(ctx, acme, want.ID))(t), want)
		}
		_, err := s.Approval(ctx, other, "apr_bare")
		missing(t, "approval of another org", err)
	})
}

func TestIntentRoundTrip(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		full := intent("int_full")
		full.ApprovalID, full.RequestKey, full.State, full.Attempt = "apr_1", "nonce_1", billing.IntentDone, 2
		full.LeaseUntil, full.CalledAt, full.FinishedAt = t0.Add(1), t0.Add(time.Second), t0.Add(time.Minute)
		full.LeaseUntil = t0
		full.Result = &billing.Outcome{Status: billing.StatusSwitched, Plan: "scale", Charged: 1740, Currency: "usd", EffectiveAt: t0}
		for _, want := range []billing.Intent{intent("int_bare"), full} {
			if !ok(s.InsertIntent(ctx, want))(t) {
				t.Fatalf("%s: not stored", want.ID)
			}
			same(t, want.ID, ok(s.Intent(ctx, acme, want.ID))(t), want)
		}
		same(t, "by key", ok(s.IntentByRequestKey(ctx, acme, "nonce_1"))(t), full)
		same(t, "open", ok(s.OpenIntent(ctx, acme))(t).ID, "int_bare")
		_, err := s.IntentByRequestKey(ctx, other, "nonce_1")
		missing(t, "key of another org", err)
		_, err = s.Intent(ctx, other, "int_full")
		missing(t, "intent of another org", err)
		_, err = s.OpenIntent(ctx, other)
		missing(t, "open intent of another org", err)
	})
}

func TestAuditLog(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		var want []billing.AuditEvent
		for _, id := range []string{"evt_b", "evt_a", "evt_c"} { // the order of writing counts
			e := billing.AuditEvent{
				ID: id, OrgID: acme, At: t0, Actor: billing.Actor{Kind: billing.KindSystem, ID: "system", Name: "Countersign"},
				Event: "intent.done", Subject: "int_1", Facts: map[string]any{"plan": "scale"},
			}
			must(t, s.Audit(ctx, e))
			want = append([]billing.AuditEvent{e}, want...)
		}
		same(t, "log", ok(s.AuditLog(ctx, acme, 2))(t), want[:2])
		same(t, "other org", len(ok(s.AuditLog(ctx, other, 2))(t)), 0)
	})
}

func TestTimes(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		berlin := time.FixedZone("", 3600)
		cases := []struct{ in, want time.Time }{
			{t0.In(berlin), t0},
			{t0.Add(999 * time.Nanosecond), t0}, // cut, not rounded
			{time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(1999, 12, 31, 23, 59, 59, 0, time.UTC)},
			{time.Time{}, time.Time{}},
		}
		for _, c := range cases {
			must(t, s.SetEventCursor(ctx, c.in))
			if got := ok(s.EventCursor(ctx))(t); got != c.want {
				t.Errorf("%v came back as %v, want %v", c.in, got, c.want)
			}
		}
	})
}

func TestTimesSortAsText(t *testing.T) {
	times := []time.Time{
		t0.Add(-time.Hour), t0.Truncate(time.Second), t0.Add(-time.Microsecond), t0, t0.Add(time.Microsecond),
		t0.In(time.FixedZone("", -7200)).Add(time.Second), t0.AddDate(1, 0, 0),
	}
	last := ""
	for _, at := range times[1:] {
		v := ok(stamp(at).Value())(t).(string)
		if v <= last {
			t.Errorf("%s does not sort after %s", v, last)
		}
		last = v
	}
}
