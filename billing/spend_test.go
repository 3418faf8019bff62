package billing_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

// TestSpend: paid invoices less credits, by month in UTC and by currency.
func TestSpend(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{}) // 2 March 2026, noon
	c, other := w.NewCast("acme", "", ""), w.NewCast("zebra", "pro", visa)
	s := w.Service
	put := func(list ...billing.Invoice) {
		t.Helper()
		for i := range list {
			if list[i].Status == "" {
				list[i].Status = "paid"
			}
			list[i].ID = fmt.Sprint("in_", i)
		}
		sub, err := w.Store.Subscription(ctx, c.Org.ID)
		noError(t, err)
		saved, err := w.Store.SaveState(ctx, sub, list)
		if noError(t, err); !saved {
			t.Fatal("not saved")
		}
	}
	in := func(at string, amount int64, currency string) billing.Invoice {
		day, err := time.Parse(time.RFC3339, at)
		noError(t, err)
		return billing.Invoice{CreatedAt: day, Amount: billing.Money{Amount: amount, Currency: currency}}
	}
	read := func(p billing.Principal, months int) (out string) {
		t.Helper()
		list, err := s.Spend(ctx, p, months)
		noError(t, err)
		for _, sp := range list {
			out += sp.Currency
			for _, m := range sp.Months {
				out += fmt.Sprintf(" %s %d/%d", m.Start.Format("1.06"), m.Amount, m.Invoices)
			}
			out += "; "
		}
		return out
	}
	if got := read(c.Owner, 12); got != "" {
		t.Errorf("before the first invoice: %s", got)
	}
	refunded, open := in("2026-02-03T00:00:00Z", 500, "usd"), in("2026-02-04T00:00:00Z", 900, "usd")
	refunded.Status, open.Status = "refunded", "open"
	put(
		in("2025-12-31T23:59:59.999Z", 7, "usd"), in("2026-01-01T00:00:00Z", 1900, "eur"), in("2026-01-31T23:59:59Z", 1000, "usd"),
		in("2026-01-20T12:00:00Z", -2500, "usd"), refunded, open, in("2026-03-01T00:00:00Z", math.MaxInt64, "usd"), in("2026-03-02T00:00:00Z", 5, "usd"),
		in("2026-01-05T00:00:00Z", 3, "aud"), in("2026-04-01T00:00:00Z", 3, "usd"),
	)
	for _, tc := range []struct{ got, want string }{
		{read(c.Owner, 3), "usd 1.26 -1500/2 2.26 0/0 3.26 9223372036854775807/2; aud 1.26 3/1 2.26 0/0 3.26 0/0; eur 1.26 1900/1 2.26 0/0 3.26 0/0; "},
		{read(c.Member, 1), "usd 3.26 9223372036854775807/2; "},
		{read(c.Agent, 1), "usd 3.26 9223372036854775807/2; "},
		{read(other.Owner, 2), "usd 2.26 0/0 3.26 1900/1; "},
	} {
		if tc.got != tc.want {
			t.Errorf("%s\nwant %s", tc.got, tc.want)
		}
	}
	noError(t, w.Store.SetRegion(ctx, c.Org.ID, billing.Region{TimeZone: "Asia/Tokyo"})) // 9 hours ahead
	if got, want := read(c.Owner, 3), "usd 1.26 -2493/2 2.26 1000/1 3.26 9223372036854775807/2; aud 1.26 3/1 2.26 0/0 3.26 0/0; eur 1.26 1900/1 2.26 0/0 3.26 0/0; "; got != want {
		t.Errorf("in Tokyo %s\nwant %s", got, want)
	}
	for _, months := range []int{0, -1, 37} {
		_, err := s.Spend(ctx, c.Owner, months)
		fails(t, err, billing.ErrInvalid)
	}
	_, err := s.Spend(ctx, hostApp(w), 12)
	fails(t, err, billing.ErrForbidden)
	asker, _ := w.Key(billing.NewKey{Kind: billing.KindAgent, OrgID: c.Org.ID, Name: "asker", Scopes: []string{billing.ScopeRequest}})
	_, err = s.Spend(ctx, asker, 12)
	fails(t, err, billing.ErrScope)
}
