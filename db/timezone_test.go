package db

import (
	"net/url"
	"testing"
)

// TestTimesAreReadInUTC also where the database's address asks for another zone:
// what is read as a line has its times as text.
func TestTimesAreReadInUTC(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		if s.engine != postgresEngine {
			return // it keeps times as text
		}
		must(t, s.SetGauge(t.Context(), acme, "agents", 3, t0))
		u, err := url.Parse(s.url)
		must(t, err)
		for _, zone := range []string{"Asia/Kolkata", "Europe/Berlin"} {
			q := u.Query()
			q.Set("timezone", zone)
			u.RawQuery = q.Encode()
			elsewhere := openAt(t, u.String(), Options{})
			over, err := elsewhere.Overview(t.Context(), acme)
			must(t, err)
			if len(over.Usage) != 1 || !over.Usage[0].Start.IsZero() || !over.Usage[0].ReportedAt.Equal(t0) || !over.Org.CreatedAt.Equal(t0) {
				t.Errorf("%s: %+v", zone, over)
			}
		}
	})
}
