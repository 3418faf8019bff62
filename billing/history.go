package billing

import (
	"context"
	"time"
)

// UsageHistory is a resource's use on each of the last days, oldest first, the
// present one last.
type UsageHistory struct {
	Resource Resource
	// Days holds every day of the span. Days before the first report are missing
	// at the front; later ones without a report are filled in: a gauge stays what
	// it was, a counter counts nothing.
	Days []UsageDay
	// Limits are those at the end of each of the days, of the present one now. An
	// org's plans and its own limits are stored; what a plan allows is what it
	// allows today.
	Limits []Limit
	// Changes are the moments in these days at which the limit became another one.
	Changes []LimitChange
}

// maxHistory bounds how many days can be asked for.
const maxHistory = 400

// UsageHistory reads the last days of every resource, in the catalogue's order.
//
// Errors: ErrScope for an agent without billing:read, ErrForbidden for a host
// key, ErrInvalid for days outside of 1 to 400.
func (s *Service) UsageHistory(ctx context.Context, p Principal, days int) ([]UsageHistory, error) {
	if err := p.mayRead(); err != nil {
		return nil, err
	}
	if days < 1 || days > maxHistory {
		return nil, ErrInvalid.With("field", "days")
	}
	today := s.Now().Truncate(aDay)
	from := today.AddDate(0, 0, 1-days)
	lines, err := s.store.UsageDays(ctx, p.OrgID, from)
	if err != nil {
		return nil, err
	}
	line, err := s.timeline(ctx, p, from)
	if err != nil {
		return nil, err
	}
	byResource := map[string][]UsageDay{}
	for _, l := range lines {
		byResource[l.Resource] = append(byResource[l.Resource], l)
	}
	out := make([]UsageHistory, len(s.catalog.Resources))
	for i, r := range s.catalog.Resources {
		h := UsageHistory{Resource: r, Days: fillDays(r, byResource[r.ID], from, today)}
		if len(h.Days) > 0 {
			h.Limits = line.limitsOf(r.ID, h.Days, s.Now())
			h.Changes = line.limitChanges(r.ID, h.Days[0].Day, s.Now())
		}
		out[i] = h
	}
	return out, nil
}

// fillDays gives every day from the first report on its line. The lines are in
// order; those before from only say what a gauge began with.
func fillDays(r Resource, lines []UsageDay, from, today time.Time) []UsageDay {
	var out []UsageDay
	at, known, closing := 0, false, int64(0)
	for ; at < len(lines) && lines[at].Day.Before(from); at++ {
		known, closing = true, lines[at].Closing
	}
	for d := from; !d.After(today); d = d.AddDate(0, 0, 1) {
		line := UsageDay{Resource: r.ID, Day: d}
		if r.Kind == Gauge {
			line.Value, line.Closing = closing, closing
		}
		if at < len(lines) && lines[at].Day.Equal(d) {
			// A gauge that was more at midnight was that much in the day.
			line.Value, line.Closing = max(lines[at].Value, line.Value), lines[at].Closing
			at, known = at+1, true
		}
		if closing = line.Closing; known {
			out = append(out, line)
		}
	}
	return out
}

// ImportUsageDays writes the history that an org brings along. Lines that are
// there already are replaced; what is used now stays as it is.
func (s *Service) ImportUsageDays(ctx context.Context, orgID string, days []UsageDay) error {
	for _, d := range days {
		if _, err := s.resourceIndex(d.Resource); err != nil {
			return err
		}
	}
	return s.store.PutUsageDays(ctx, orgID, days)
}
