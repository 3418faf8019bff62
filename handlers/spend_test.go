package handlers_test

import (
	"encoding/csv"
	"fmt"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestSpend: what was paid by month is drawn when it is asked for, and the file
// says the same, to everybody in the org and to nobody else.
func TestSpend(t *testing.T) {
	for _, postgres := range []bool{false, true} {
		t.Run(fmt.Sprint("postgres ", postgres), func(t *testing.T) {
			t.Parallel()
			s := newSite(t, worldtest.Options{Postgres: postgres})
			p, q := s.people("acme", "pro", visa), s.people("zebra", "", "")
			if body := s.get(p.member, "/settings/billing").is(200, "").body; !strings.Contains(body, `href="/settings/billing?spend=months"`) || strings.Contains(body, `id="spend"`) {
				t.Errorf("closed: %s", body)
			}
			if body := s.get(p.member, "/settings/billing?spend=months").is(200, "").body; !strings.Contains(body, "Most in Mar 2026: $19.00.") || strings.Count(body, `role="img"`) != 1 {
				t.Errorf("opened: %s", body)
			}
			rows := s.spendRows(p.member)
			if len(rows) != 13 || strings.Join(rows[12], ",") != "2026-03,usd,1900,1" || strings.Join(rows[1], ",") != "2025-04,usd,0,0" {
				t.Errorf("%q", rows)
			}
			if rows = s.spendRows(q.owner); len(rows) != 1 {
				t.Errorf("of an org that paid nothing: %q", rows)
			}
			if body := s.get(q.owner, "/settings/billing?spend=months").is(200, "").body; !strings.Contains(body, "Nothing was paid") {
				t.Errorf("of an org that paid nothing: %s", body)
			}
			s.credit(p.Org.ID)
			if rows = s.spendRows(p.owner); strings.Join(rows[12], ",") != "2026-03,usd,-600,2" {
				t.Errorf("a credit reads %q", rows[12])
			}
		})
	}
}

func (s *site) spendRows(by caller) [][]string {
	s.t.Helper()
	a := s.get(by, "/settings/billing/spend.csv").is(200, "")
	rows, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	s.ok(err)
	return rows
}

// credit mirrors an invoice that gave back more than was paid.
func (s *site) credit(org string) {
	s.t.Helper()
	sub, err := s.Store.Subscription(s.t.Context(), org)
	s.ok(err)
	list, err := s.Store.Invoices(s.t.Context(), org, "", 10)
	s.ok(err)
	list = append(list, billing.Invoice{ID: "in_credit", CreatedAt: s.Box.Now(), Amount: billing.Money{Amount: -2500, Currency: "usd"}, Status: "paid"})
	_, err = s.Store.SaveState(s.t.Context(), sub, list)
	s.ok(err)
}
