package db

import (
	"testing"

	"github.com/countersignhq/countersign/billing"
)

func TestReviews(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		i := intent("int_unclear")
		i.State = billing.IntentNeedsReview
		same(t, "stored", ok(s.InsertIntent(t.Context(), i))(t), true)
		list := ok(s.Reviews(t.Context(), 10))(t)
		if len(list) != 1 || list[0].ID != i.ID || list[0].OrgName != "Acme" {
			t.Fatalf("%+v", list)
		}
		one := ok(s.Review(t.Context(), i.ID))(t)
		same(t, "quote", one.Quote.ToPlan, i.Quote.ToPlan)
		for n, subject := range []string{i.ID, "apr_1", "int_other"} {
			must(t, s.Audit(t.Context(), billing.AuditEvent{ID: "evt_" + subject, OrgID: acme, At: t0, Event: "e", Subject: subject, Facts: map[string]any{"n": n}}))
		}
		log := ok(s.AuditAbout(t.Context(), acme, [2]string{i.ID, "apr_1"}, 10))(t)
		if len(log) != 2 || log[0].Subject != i.ID || log[1].Subject != "apr_1" {
			t.Errorf("%+v", log)
		}
		same(t, "limited", len(ok(s.AuditAbout(t.Context(), acme, [2]string{i.ID, "apr_1"}, 1))(t)), 1)
		i.State, i.Result = billing.IntentFailed, &billing.Outcome{Status: billing.StatusFailed}
		same(t, "settled", ok(s.SettleIntent(t.Context(), i, billing.IntentNeedsReview))(t), true)
		same(t, "left", len(ok(s.Reviews(t.Context(), 10))(t)), 0)
		same(t, "still there", ok(s.Review(t.Context(), i.ID))(t).State, billing.IntentFailed)
		_, err := s.Review(t.Context(), "int_none")
		missing(t, "review", err)
	})
}

func TestDrifts(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		for _, e := range []string{billing.EventDrift, "other", billing.EventDrift} {
			must(t, s.Audit(t.Context(), billing.AuditEvent{ID: "evt_" + e + t0.String() + string(rune('a'+len(ok(s.Drifts(t.Context(), 9))(t)))), OrgID: acme, At: t0, Event: e, Subject: acme, Facts: map[string]any{"differences": []billing.Difference{{Kind: billing.DriftPlan, Had: "pro", Has: "free"}}}}))
		}
		list := ok(s.Drifts(t.Context(), 9))(t)
		if len(list) != 2 || list[0].OrgName != "Acme" || billing.DifferencesOf(list[0].AuditEvent)[0].Has != "free" {
			t.Errorf("%+v", list)
		}
	})
}
