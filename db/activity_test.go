package db

import (
	"fmt"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestActivity(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for i, kind := range []billing.PrincipalKind{
			billing.KindHuman, billing.KindAgent, billing.KindSystem, billing.KindMember, billing.KindOperator, billing.KindHost, "",
		} {
			for _, org := range []string{acme, other} {
				must(t, s.Audit(ctx, billing.AuditEvent{
					ID: fmt.Sprint("evt_", org, i), OrgID: org, At: t0, Actor: billing.Actor{Kind: kind, Name: `"kind":"human"`}, Event: fmt.Sprint("e", i), Subject: "x",
				}))
			}
		}
		for _, tc := range []struct {
			f    billing.ActivityFilter
			want string
		}{
			{billing.ActivityFilter{Limit: 9}, "e6 e5 e4 e3 e2 e1 e0 "},
			{billing.ActivityFilter{Limit: 2}, "e6 e5 "},
			{billing.ActivityFilter{Limit: 9, Before: "evt_" + acme + "2"}, "e1 e0 "},
			{billing.ActivityFilter{Limit: 9, Before: "evt_" + other + "2"}, ""}, // of another org
			{billing.ActivityFilter{Limit: 9, Before: "evt_none"}, ""},
			{billing.ActivityFilter{Limit: 9, Group: billing.GroupPerson}, "e3 e0 "},
			{billing.ActivityFilter{Limit: 9, Group: billing.GroupPerson, Before: "evt_" + acme + "3"}, "e0 "},
			{billing.ActivityFilter{Limit: 9, Group: billing.GroupAgent}, "e1 "},
			{billing.ActivityFilter{Limit: 9, Group: billing.GroupSystem}, "e2 "},
			{billing.ActivityFilter{Limit: 9, Group: billing.GroupOperator}, "e4 "},
			{billing.ActivityFilter{Limit: 9, Group: billing.GroupHost}, "e5 "},
		} {
			got := ""
			for _, e := range ok(s.Activity(ctx, acme, tc.f))(t) {
				if got += e.Event + " "; e.OrgID != acme {
					t.Errorf("%+v: an event of %s", tc.f, e.OrgID)
				}
			}
			same(t, fmt.Sprintf("%+v", tc.f), got, tc.want)
		}
	})
}

func TestTermsLog(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for i, event := range []string{"plan.changed", "change.done", "capacity.changed", "plan.changed"} {
			for _, org := range []string{acme, other} {
				must(t, s.Audit(ctx, billing.AuditEvent{
					ID: fmt.Sprint("evt_", org, i), OrgID: org, At: t0.Add(time.Duration(i) * time.Hour), Event: event, Facts: map[string]any{"from": "pro", "from_units": i},
				}))
			}
		}
		got := ok(s.TermsLog(ctx, acme, t0.Add(time.Hour)))(t)
		if len(got) != 2 || got[0].Facts["from_units"] != float64(2) || got[1].Facts["from_units"] != float64(3) || got[0].OrgID != acme {
			t.Errorf("%+v", got)
		}
		same(t, "from the moment itself", len(ok(s.TermsLog(ctx, acme, t0))(t)), 3)
	})
}

func TestTeam(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		for id, role := range map[string]billing.Role{"usr_m": billing.RoleMember, "usr_a": billing.RoleBillingAdmin} {
			ok(s.PutMember(ctx, acme, billing.User{ID: id, Email: id + "@acme.test", Name: id, CreatedAt: t0}, role))(t)
			ok(s.PutMember(ctx, other, billing.User{ID: id, Email: id + "@acme.test", CreatedAt: t0}, role))(t)
		}
		for i, org := range []string{acme, acme, other} { // the newest is of another org
			must(t, s.InsertSession(ctx, billing.Session{
				ID: fmt.Sprint("ses_", i), Hash: []byte{byte(i), 7}, UserID: "usr_m", OrgID: org, CreatedAt: t0,
				LastSeenAt: t0.Add(time.Duration(i) * time.Hour), ExpiresAt: t0.Add(24 * time.Hour),
			}))
		}
		got := ""
		for _, m := range ok(s.Team(ctx, acme))(t) {
			if got += string(m.Role) + " "; (m.User.ID == "usr_m") != m.SeenAt.Equal(t0.Add(time.Hour)) || m.User.ID == "usr_a" && !m.SeenAt.IsZero() {
				t.Errorf("%s was seen at %v", m.User.ID, m.SeenAt)
			}
		}
		same(t, "roles", got, "owner billing_admin member ")
	})
}

func TestPaidSince(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		invoice := func(id, status string, ago time.Duration, amount int64) billing.Invoice {
			return billing.Invoice{ID: id, CreatedAt: t0.Add(-ago), Amount: billing.Money{Amount: amount, Currency: "usd"}, Status: status}
		}
		for _, org := range []string{acme, other} {
			sub := ok(s.Subscription(ctx, org))(t)
			ok(s.SaveState(ctx, sub, []billing.Invoice{
				invoice("in_old", "paid", 2*time.Hour, 1), invoice("in_edge", "paid", time.Hour, 2), invoice("in_open", "open", time.Minute, 4),
				invoice("in_back", "refunded", time.Minute, 8), invoice("in_credit", "paid", time.Second, -16),
			}))(t)
		}
		var got []int64
		for _, i := range ok(s.PaidSince(ctx, acme, t0.Add(-time.Hour)))(t) {
			got = append(got, i.Amount.Amount)
		}
		same(t, "paid", got, []int64{2, -16})
	})
}
