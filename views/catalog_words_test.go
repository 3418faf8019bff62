package views

import (
	"reflect"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// TestCatalogWordsAreKept: a page says the same with the words that are kept, in
// each locale and of each catalogue by turns.
func TestCatalogWordsAreKept(t *testing.T) {
	var locales Locales
	other, err := billing.Builtin("capacity")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, region := range []billing.Region{{}, {Locale: "de"}, {Locale: "ar-EG", TimeZone: "Africa/Cairo"}, {Locale: "en"}} {
			v := busy(t)
			for _, c := range []*billing.Catalog{v.Catalog, other} {
				v.Catalog, v.Locale, v.Offers = c, NewLocale(region), nil
				for _, p := range c.Plans {
					v.Offers = append(v.Offers, billing.Offer{Plan: p}, billing.Offer{Plan: p.With(3)})
				}
				v.kept = nil
				want := NewBilling(v)
				if v.Locale = locales.Of(region); v.kept == nil {
					t.Fatalf("nothing is kept for %v", region)
				}
				if got := NewBilling(v); !reflect.DeepEqual(got.Plans, want.Plans) || !reflect.DeepEqual(got.Usage, want.Usage) {
					t.Errorf("%v: %+v\nwant %+v", region, got.Plans, want.Plans)
				}
			}
		}
	}
}

// TestAppendDay: the fast way and the library's say the same.
func TestAppendDay(t *testing.T) {
	at := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, at := range []time.Time{at, at.AddDate(998, 11, 8), at.AddDate(999, 1, 0), at.AddDate(2025, 8, 30), at.AddDate(9998, 11, 30), at.AddDate(9999, 0, 0)} {
		for _, format := range []string{formatDay, formatShortDay, formatDayMonth, formatDayAndMonth, formatTime, formatShortTime} {
			if got, want := string(appendDay(nil, at, format)), at.Format(format); got != want {
				t.Errorf("%q instead of %q", got, want)
			}
		}
	}
}
