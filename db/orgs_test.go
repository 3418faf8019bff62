package db

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func TestCustomer(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		_, err := s.OrgByCustomer(ctx, "cus_1")
		missing(t, "customer", err)
		if !ok(s.SetCustomer(ctx, acme, "cus_1"))(t) || ok(s.SetCustomer(ctx, acme, "cus_2"))(t) {
			t.Error("a customer is set once")
		}
		same(t, "org", ok(s.OrgByCustomer(ctx, "cus_1"))(t), acme)
	})
}

func TestCheckout(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		c := &billing.Checkout{ID: "cs_1", URL: "https://pay.test/1", Plan: "pro", ExpiresAt: t0}
		set := func(seq int64, c *billing.Checkout) bool { return ok(s.SetCheckout(ctx, acme, seq, c))(t) }
		if !set(0, c) || set(0, &billing.Checkout{ID: "cs_late"}) {
			t.Error("the second of two calls must not replace the session")
		}
		o := ok(s.Org(ctx, acme))(t)
		same(t, "checkout", o.Checkout, c)
		if set(0, nil) || !set(1, nil) {
			t.Error("cleared by sequence")
		}
		o = ok(s.Org(ctx, acme))(t)
		if o.Checkout != nil || o.CheckoutSeq != 1 {
			t.Errorf("cleared: %+v", o)
		}
	})
}

func TestMembers(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		put := func(org, id, email, name string, role billing.Role) billing.User {
			return ok(s.PutMember(ctx, org, billing.User{ID: id, Email: email, Name: name, CreatedAt: t0}, role))(t)
		}
		put(acme, "usr_zoe", "zoe@acme.test", "Zoe", billing.RoleOwner)
		put(acme, "usr_cy", "cy@acme.test", "cy", billing.RoleMember)
		put(acme, "usr_bo", "bo@acme.test", "Bo", billing.RoleBillingAdmin)
		known := put(other, "usr_again", "bo@acme.test", "", billing.RoleMember)
		same(t, "known by email", known, billing.User{ID: "usr_bo", Email: "bo@acme.test", Name: "Bo", CreatedAt: t0})
		put(acme, "usr_bo", "bo@acme.test", "Bob", billing.RoleMember)

		var got []string
		for _, m := range ok(s.Members(ctx, acme))(t) {
			got = append(got, m.User.Name+" "+string(m.Role))
		}
		same(t, "members", got, []string{"Ann owner", "Zoe owner", "Bob member", "cy member"})
		same(t, "memberships", ok(s.Memberships(ctx, "usr_bo"))(t), []billing.Membership{
			{OrgID: acme, OrgName: "Acme", User: billing.User{ID: "usr_bo", Email: "bo@acme.test", Name: "Bob", CreatedAt: t0}, Role: billing.RoleMember},
			{OrgID: other, OrgName: "Other", User: billing.User{ID: "usr_bo", Email: "bo@acme.test", Name: "Bob", CreatedAt: t0}, Role: billing.RoleMember},
		})
		same(t, "by email", ok(s.UserByEmail(ctx, "bo@acme.test"))(t).ID, "usr_bo")
		_, err := s.UserByEmail(ctx, "nobody@acme.test")
		missing(t, "user", err)
	})
}

func TestOverview(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		month := func(m time.Month) time.Time { return time.Date(2026, m, 1, 0, 0, 0, 0, time.UTC) }
		must(t, s.SetUsage(ctx, acme, "projects", time.Time{}, 3, t0))
		must(t, s.SetUsage(ctx, acme, "projects", time.Time{}, 4, t0.Add(time.Second)))
		must(t, s.SetUsage(ctx, acme, "calls", month(10), 900, t0))
		must(t, s.SetUsage(ctx, acme, "calls", month(11), 100, t0))
		must(t, s.SetUsage(ctx, acme, "calls", month(10), 950, t0)) // a late report
		must(t, s.SetUsage(ctx, other, "calls", month(12), 7, t0))
		waiting := approval("apr_1")
		must(t, s.InsertApproval(ctx, waiting))
		expired := approval("apr_2")
		expired.Actor.ID, expired.ExpiresAt = "agt_2", t0
		must(t, s.InsertApproval(ctx, expired))

		o := ok(s.Overview(ctx, acme))(t)
		same(t, "org", o.Org.Name, "Acme")
		same(t, "pending", o.Pending, 1)
		got := map[string]billing.UsageRow{}
		for _, u := range o.Usage {
			got[u.Resource] = u
		}
		same(t, "usage", got, map[string]billing.UsageRow{
			"projects": {Resource: "projects", Value: 4, ReportedAt: t0.Add(time.Second)},
			"calls":    {Resource: "calls", Start: month(11), Value: 100, ReportedAt: t0},
		})
		s.clock.advance(time.Hour)
		same(t, "pending, an hour later", ok(s.Overview(ctx, acme))(t).Pending, 0)
	})
}
