package db

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// TestRecent: the lists are those that are read one by one, whatever people
// write into them.
func TestRecent(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		ctx := t.Context()
		same(t, "of nothing", ok(s.Recent(ctx, acme, billing.RecentLimits{Invoices: 9, Limits: 9, Waiting: 9}))(t), billing.Recent{})

		const words = "a\x1fb\x1e\n%s|é'\"\\u001f"
		var invoices []billing.Invoice
		for n := range 4 {
			invoices = append(invoices, billing.Invoice{
				ID: fmt.Sprint("in_", n), Number: fmt.Sprint("A-", n), CreatedAt: t0.Add(time.Duration(n/2) * time.Hour), Description: words,
				Amount: billing.Money{Amount: int64(-n), Currency: "usd"}, Status: "paid", HostedURL: "https://a.test/?b=c%20d",
			})
		}
		ok(s.SaveState(ctx, ok(s.Subscription(ctx, acme))(t), invoices))(t)
		for n := range 3 {
			l := limitRequest(fmt.Sprint("lir_", n), acme, fmt.Sprint("kind_", n))
			l.Reason, l.CreatedAt = words, t0.Add(time.Duration(n)*time.Minute)
			ok(s.PutLimitRequest(ctx, l))(t)
		}
		for n, state := range []billing.ApprovalState{billing.ApprovalPending, billing.ApprovalDenied, billing.ApprovalPending} {
			a := approval(fmt.Sprint("apr_", n))
			a.Actor.ID, a.Actor.Name, a.KeyBy, a.Reason, a.State = fmt.Sprint("agt_", n), words, words, words, state
			must(t, s.InsertApproval(ctx, a))
		}
		waiting := ok(s.Approvals(ctx, acme, billing.ApprovalFilter{State: billing.ApprovalPending}))(t)
		if len(waiting) != 2 || waiting[0].Reason != words {
			t.Fatalf("waiting: %+v", waiting)
		}
		for _, most := range []billing.RecentLimits{{Invoices: 9, Limits: 9, Waiting: 9}, {Invoices: 3, Limits: 2, Waiting: 1}, {Limits: 1}} {
			got := ok(s.Recent(ctx, acme, most))(t)
			same(t, "invoices", len(got.Invoices), min(most.Invoices, 4))
			for i, v := range ok(s.Invoices(ctx, acme, "", most.Invoices))(t) {
				same(t, "invoice", got.Invoices[i], v)
			}
			same(t, "limits", len(got.Limits), min(most.Limits, 3))
			for i, v := range ok(s.LimitRequests(ctx, acme, "", most.Limits))(t) {
				same(t, "limit", got.Limits[i], v)
			}
			same(t, "waiting", len(got.Waiting), min(most.Waiting, 2))
			for i, v := range got.Waiting {
				same(t, "request", v, waiting[i])
			}
		}
		same(t, "another org's", ok(s.Recent(ctx, other, billing.RecentLimits{Invoices: 9, Limits: 9, Waiting: 9}))(t), billing.Recent{})
	})
}

// TestRecentFindsItsRows: what has ended is not gone through, however much it is.
func TestRecentFindsItsRows(t *testing.T) {
	s := onSQLite(t)
	plan := strings.Join(ok(many(t.Context(), s.queries, planFields, `EXPLAIN QUERY PLAN `+selectRecent, acme, 9, 9, 9))(t), "\n")
	for _, index := range []string{"invoices_newest", "limit_requests_newest", "approvals_waiting", "intents_in_review"} {
		if !strings.Contains(plan, index) {
			t.Errorf("the index %s is not used:\n%s", index, plan)
		}
	}
	if strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "SCAN invoices") {
		t.Errorf("rows are sorted or all gone through:\n%s", plan)
	}
}
