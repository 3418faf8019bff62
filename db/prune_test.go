package db

import (
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// TestPrune deletes what is old, no more at once than it may, and nothing else.
func TestPrune(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		old, young := t0.AddDate(-1, 0, 0), t0
		for i, at := range []time.Time{old, old.Add(time.Second), old.Add(time.Minute), young} {
			id := string(rune('a' + i))
			ok(s.CountEvents(ctx, []billing.CountedEvent{happened(acme, id, 1, at)}))(t)
			must(t, s.PutUsageDays(ctx, acme, []billing.UsageDay{{Resource: "rows", Day: at.AddDate(0, 0, -i)}}))
			must(t, s.SetUsage(ctx, acme, "windows", at, 1, at))
			must(t, s.InsertSignInLink(ctx, billing.SignInLink{Hash: []byte(id), Email: "a@b.test", CreatedAt: at, ExpiresAt: at}))
			must(t, s.InsertSession(ctx, billing.Session{ID: "ses_" + id, Hash: []byte(id), UserID: owner, OrgID: acme, CreatedAt: at, LastSeenAt: at, ExpiresAt: at}))
			must(t, s.InsertTokenFailure(ctx, acme, agent, at))
			ok(s.StoreEvent(ctx, acme, billing.Event{ID: "evt_" + id, Type: "x", CustomerID: "cus_1", CreatedAt: at}, at))(t)
			ok(s.StoreEvent(ctx, "", billing.Event{ID: "evt_stranger_" + id, Type: "x", CustomerID: "cus_2", CreatedAt: at}, at))(t)
		}
		must(t, s.SetUsage(ctx, acme, "gauge", time.Time{}, 5, old))
		must(t, s.InsertApproval(ctx, approval("apr_1")))
		must(t, s.InsertToken(ctx, billing.ConfirmToken{Hash: []byte("h"), OrgID: acme, ApprovalID: "apr_1", PrincipalID: agent, CredentialID: key, CreatedAt: old, ExpiresAt: young}))
		must(t, s.exec(ctx, `UPDATE webhook_inbox SET done_at = received_at WHERE id <> 'evt_a' AND org_id IS NOT NULL`))
		for what, want := range map[billing.Prunable]int64{
			billing.PruneUsageKeys: 3, billing.PruneUsageDays: 4, billing.PruneUsageWindows: 4, billing.PruneSignInLinks: 3,
			billing.PruneSessions: 3, billing.PruneTokens: 1, billing.PruneTokenFailures: 3, billing.PruneInbox: 5, // evt_a waits still, however old
		} {
			var all int64
			for {
				n := ok(s.Prune(ctx, what, t0.AddDate(0, -1, 0), 2))(t)
				if n > 2 {
					t.Errorf("%s: %d rows at once", what, n)
				}
				if all += n; n == 0 {
					break
				}
			}
			if all != want {
				t.Errorf("%s: %d rows were deleted, want %d", what, all, want)
			}
		}
		same(t, "the gauge", s.used(t, "gauge"), int64(5))
		if _, err := s.Prune(ctx, "orgs", t0, 1); err == nil {
			t.Error("orgs can be pruned")
		}
	})
}
