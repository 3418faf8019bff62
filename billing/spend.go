package billing

import (
	"context"
	"math"
	"slices"
	"strings"
	"time"
)

// Spend is what an org paid in one currency, month by month.
type Spend struct {
	Currency string
	// Months holds every month of the span, oldest first, the present one last.
	Months []SpendMonth
}

// SpendMonth is a month in the org's time zone.
type SpendMonth struct {
	Start time.Time
	// Amount is the sum of the paid invoices of the month in minor units, less what
	// was credited: it may be negative. An invoice that was refunded whole is none.
	Amount   int64
	Invoices int
}

// maxSpend bounds how many months can be asked for.
const maxSpend = 36

// Spend reads what the org paid in the last months, by the date of the invoice in
// its time zone: of the catalogue's currency first, then of others that old
// invoices have. It is empty if nothing was paid. It reads the mirror: Stripe is
// not asked.
//
// Errors: ErrScope for an agent without billing:read, ErrForbidden for a host key,
// ErrInvalid for months outside of 1 to 36.
func (s *Service) Spend(ctx context.Context, p Principal, months int) ([]Spend, error) {
	if err := p.mayRead(); err != nil {
		return nil, err
	}
	if months < 1 || months > maxSpend {
		return nil, ErrInvalid.With("field", "months")
	}
	org, err := s.orgOf(ctx, p)
	if err != nil {
		return nil, err
	}
	from := monthOf(s.Now().In(org.Region.place())).AddDate(0, 1-months, 0)
	paid, err := s.store.PaidSince(ctx, p.OrgID, from)
	return spendOf(paid, from, months, s.catalog.Currency), err
}

// orgOf is the caller's org, as it was read with the caller if it was.
func (s *Service) orgOf(ctx context.Context, p Principal) (Org, error) {
	if p.Overview != nil && p.Overview.Org.ID == p.OrgID {
		return p.Overview.Org, nil
	}
	return s.store.Org(ctx, p.OrgID)
}

// place is the region's time zone; UTC if it names none that is known.
func (r Region) place() *time.Location {
	if zone, err := ParseTimeZone(r.TimeZone); err == nil {
		return zone
	}
	return time.UTC
}

// spendOf sorts invoices into months and currencies.
func spendOf(paid []Invoice, from time.Time, months int, first string) []Spend {
	var out []Spend
	for _, i := range paid {
		n := monthsFrom(from, i.CreatedAt)
		if n < 0 || n >= months {
			continue // dated ahead by Stripe's clock
		}
		at := slices.IndexFunc(out, func(s Spend) bool { return s.Currency == i.Amount.Currency })
		if at < 0 {
			at = len(out)
			out = append(out, emptySpend(i.Amount.Currency, from, months))
		}
		m := &out[at].Months[n]
		m.Amount, m.Invoices = SaturatingSum(m.Amount, i.Amount.Amount), m.Invoices+1
	}
	slices.SortFunc(out, func(a, b Spend) int {
		switch {
		case a.Currency == first:
			return -1
		case b.Currency == first:
			return 1
		}
		return strings.Compare(a.Currency, b.Currency)
	})
	return out
}

func emptySpend(currency string, from time.Time, months int) Spend {
	s := Spend{Currency: currency, Months: make([]SpendMonth, months)}
	for n := range s.Months {
		s.Months[n].Start = from.AddDate(0, n, 0)
	}
	return s
}

// monthOf is the first moment of the month where the time is told.
func monthOf(t time.Time) time.Time {
	y, m, _ := t.Date()
	return time.Date(y, m, 1, 0, 0, 0, 0, t.Location())
}

func monthsFrom(from, t time.Time) int {
	t = t.In(from.Location())
	return 12*(t.Year()-from.Year()) + int(t.Month()) - int(from.Month())
}

// SaturatingSum adds amounts and stays at the bounds of what can be counted.
func SaturatingSum(a, b int64) int64 {
	switch sum := a + b; {
	case b > 0 && sum < a:
		return math.MaxInt64
	case b < 0 && sum > a:
		return math.MinInt64
	default:
		return sum
	}
}
