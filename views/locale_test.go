package views

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

func in(t *testing.T, zone, locale string) Locale {
	t.Helper()
	if _, err := billing.ParseTimeZone(zone); err != nil {
		t.Fatal(err)
	}
	return NewLocale(billing.Region{TimeZone: zone, Locale: locale})
}

func TestTimesInZones(t *testing.T) {
	for _, tc := range []struct{ zone, at, day, moment, short string }{
		{"UTC", "2026-12-31T23:30:00Z", "31 December 2026", "31 December 2026, 23:30 UTC", "31 Dec"},
		{"Europe/Berlin", "2026-12-31T23:30:00Z", "1 January 2027", "1 January 2027, 00:30 CET", "1 Jan"},
		{"Europe/Berlin", "2026-06-30T21:59:59Z", "30 June 2026", "30 June 2026, 23:59 CEST", "30 Jun"},
		{"Europe/Berlin", "2026-06-30T22:00:00Z", "1 July 2026", "1 July 2026, 00:00 CEST", "1 Jul"},
		{"Europe/Berlin", "2026-10-25T00:30:00Z", "25 October 2026", "25 October 2026, 02:30 CEST", "25 Oct"}, // the hour that comes twice
		{"Europe/Berlin", "2026-10-25T01:30:00Z", "25 October 2026", "25 October 2026, 02:30 CET", "25 Oct"},
		{"Asia/Kathmandu", "2026-11-23T18:14:59Z", "23 November 2026", "23 November 2026, 23:59 UTC+05:45", "23 Nov"},
		{"Asia/Kathmandu", "2026-11-23T18:15:00Z", "24 November 2026", "24 November 2026, 00:00 UTC+05:45", "24 Nov"},
		{"America/St_Johns", "2026-12-01T03:29:00Z", "30 November 2026", "30 November 2026, 23:59 NST", "30 Nov"},
		{"America/St_Johns", "2026-07-01T02:30:00Z", "1 July 2026", "1 July 2026, 00:00 NDT", "1 Jul"},
		{"Pacific/Auckland", "2026-12-01T11:00:00Z", "2 December 2026", "2 December 2026, 00:00 NZDT", "2 Dec"},
		{"Pacific/Auckland", "2026-07-01T11:00:00Z", "1 July 2026", "1 July 2026, 23:00 NZST", "1 Jul"},
		{"America/Sao_Paulo", "2027-01-01T02:59:00Z", "31 December 2026", "31 December 2026, 23:59 UTC-03:00", "31 Dec"},
		{"Etc/GMT+5", "2026-03-01T04:00:00Z", "28 February 2026", "28 February 2026, 23:00 UTC-05:00", "28 Feb"},
	} {
		at, err := time.Parse(time.RFC3339, tc.at)
		if err != nil {
			t.Fatal(err)
		}
		l := in(t, tc.zone, "")
		if got := l.day(at); got.Text != tc.day || got.ISO != tc.at {
			t.Errorf("%s: day %+v, want %s", tc.zone, got, tc.day)
		}
		if got := l.momentFrom(at, at.Add(-time.Hour)); got.Text != tc.moment || got.ISO != tc.at || got.Relative != "in 1 hour" {
			t.Errorf("%s: moment %+v, want %s", tc.zone, got, tc.moment)
		}
		if got := l.dayOnly(at); got != tc.short {
			t.Errorf("%s: %s, want %s", tc.zone, got, tc.short)
		}
	}
	if got := (Locale{}).day(time.Time{}); got != (Time{}) {
		t.Errorf("no time is %+v", got)
	}
}

// TestCalendarMonthIsInUTC: when a counter begins again is not for an org's zone
// to say, so where that is at another hour the page says which.
func TestCalendarMonthIsInUTC(t *testing.T) {
	start, end := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for zone, want := range map[string][2]string{
		"UTC": {"1 Nov", "1 Dec"}, "Africa/Abidjan": {"1 Nov", "1 Dec"}, "America/St_Johns": {"31 Oct", "30 Nov, 20:30 NST"},
		"Asia/Kathmandu": {"1 Nov", "1 Dec, 05:45 UTC+05:45"}, "Pacific/Auckland": {"1 Nov", "1 Dec, 13:00 NZDT"},
	} {
		since, until := in(t, zone, "").span(start, end)
		if since.Text != want[0] || until.Text != want[1] || until.ISO != "2026-12-01T00:00:00Z" {
			t.Errorf("%s: %+v to %+v, want %v", zone, since, until, want)
		}
	}
	// A period of a subscription ends at any hour, and its day is one of theirs.
	if _, until := in(t, "Pacific/Auckland", "").span(start, end.Add(15*time.Hour)); until.Text != "2 Dec" {
		t.Error(until)
	}
}

// TestPlotsCountUTC: where a day of a plot is not one of the people's, it says so.
func TestPlotsCountUTC(t *testing.T) {
	v := onPro(t)
	h := history(v.Summary.Usage[0].Resource, now, 3, 4)
	for zone, want := range map[string]bool{"UTC": false, "Asia/Kathmandu": true} {
		p := in(t, zone, "").newUsagePlot(h, billing.Limit{Value: 10}, now)
		if strings.Contains(p.Note, copyPlotUTC) != want {
			t.Errorf("%s: %q", zone, p.Note)
		}
	}
}

func TestUnknownRegionsReadAsEnglishInUTC(t *testing.T) {
	l := NewLocale(billing.Region{TimeZone: "Mars/Olympus", Locale: "qq"})
	if l.moment(now).Text != "23 November 2026, 10:05 UTC" || l.number(12345) != "12,345" {
		t.Errorf("%s, %s", l.moment(now).Text, l.number(12345))
	}
}

func TestLocalesAreKept(t *testing.T) {
	var kept Locales
	r := billing.Region{TimeZone: "Asia/Kathmandu", Locale: "hi-IN"}
	if a, b := kept.Of(r), kept.Of(r); a != b || a.zone == nil {
		t.Errorf("%+v and %+v", a, b)
	}
	if allocs := testing.AllocsPerRun(100, func() { kept.Of(r) }); allocs > 2 {
		t.Errorf("%v allocations", allocs)
	}
}

// abroad is an org that everything there is to tell of happened to, in a currency
// and a region.
func abroad(t *testing.T, currency string, l Locale) BillingValues {
	v := busy(t)
	c := *v.Catalog
	c.Currency = currency
	v.Locale, v.Catalog = l, &c
	v.Summary.Subscription.PeriodEnd = time.Date(2026, 12, 31, 22, 40, 0, 0, time.UTC)
	v.Summary.Subscription.Next = &billing.NextInvoice{Date: v.Summary.Subscription.PeriodEnd, Amount: billing.Money{Amount: 1234567, Currency: currency}}
	v.Summary.Stale, v.Summary.Subscription.SyncedAt = true, now
	for i := range v.Summary.Usage {
		v.Summary.Usage[i].Active = 9876543
	}
	start, end := v.Summary.UsageWindow()
	for i, u := range v.Summary.Usage {
		if u.Resource.Kind == billing.Counter {
			v.Summary.Usage[i].ResetsAt = end
		}
	}
	if start.IsZero() {
		t.Fatal("no window")
	}
	for i := range v.Invoices {
		v.Invoices[i].Amount.Currency = currency
	}
	for i := range v.Offers {
		v.Offers[i].Quote.Currency = currency
		v.Offers[i].Quote.EffectiveAt = v.Summary.Subscription.PeriodEnd
	}
	v.Waiting[0].Quote.Currency = currency
	return v
}

var clock = regexp.MustCompile(`\d\d:\d\d ([A-Z]+[A-Z0-9:+-]*)`)

// TestPagesAbroad: a page is in one zone and writes all of its numbers one way.
func TestPagesAbroad(t *testing.T) {
	for _, tc := range []struct {
		zone, locale, currency string
		abbreviation           string
		says                   []string
	}{
		{"Europe/Berlin", "de-DE", "eur", "CET", []string{"12.345,67 €", "Renews on 31 December 2026", "9.876.543", "Upgrade, pay 15,00 € now", "24 November 2026, 10:05 CET"}},
		{"Asia/Tokyo", "ja-JP", "jpy", "JST", []string{"￥1,234,567", "Renews on 1 January 2027", "9,876,543", "Upgrade, pay ￥1,500 now", "24 November 2026, 18:05 JST"}},
		{"Africa/Cairo", "ar-EG", "kwd", "EET", []string{"١٬٢٣٤٫٥٦٧", "Renews on 1 January 2027", "٩٬٨٧٦٬٥٤٣", "24 November 2026, 11:05 EET"}},
		{"Asia/Kolkata", "hi-IN", "inr", "IST", []string{"₹12,345.67", "98,76,543", "Renews on 1 January 2027", "24 November 2026, 14:35 IST"}},
		{"Asia/Kathmandu", "en", "gbp", "UTC+05:45", []string{"£12,345.67", "Renews on 1 January 2027", "24 November 2026, 14:50 UTC+05:45"}},
		{"UTC", "en", "usd", "UTC", []string{"$12,345.67", "Renews on 31 December 2026", "24 November 2026, 09:05 UTC"}},
	} {
		l := in(t, tc.zone, tc.locale)
		v := abroad(t, tc.currency, l)
		approve := requestValues(t)
		approve.Locale, approve.Request.Approval.ExpiresAt = l, now.Add(23*time.Hour)
		pages := map[string]doc{
			"billing": render(t, Billing(NewBilling(v))),
			"approve": render(t, Approve(NewApprove(approve))),
			"approvals": render(t, Approvals(NewApprovals(ApprovalsValues{
				Locale: l, Frame: v.Frame, Catalog: v.Catalog, Now: now,
				List: []billing.Approval{v.Waiting[0], {ID: "apr_2", State: billing.ApprovalDenied, DecidedAt: now, Quote: upgradeQuote()}},
			}))),
			"invoices": render(t, InvoicesList(NewInvoices(InvoicesValues{Locale: l, Frame: v.Frame, List: v.Invoices}))),
		}
		for name, page := range pages {
			words := text(page.root)
			for _, found := range clock.FindAllStringSubmatch(words, -1) {
				if found[1] != tc.abbreviation {
					t.Errorf("%s, %s: a time in %s: %q", tc.zone, name, found[1], found[0])
				}
			}
			if tc.abbreviation != "UTC" && strings.Contains(words, " UTC ") {
				t.Errorf("%s, %s: speaks of UTC", tc.zone, name)
			}
			for _, n := range page.tag("time") {
				at, err := time.Parse(time.RFC3339, attr(n, "datetime"))
				if _, offset := at.Zone(); err != nil || offset != 0 {
					t.Errorf("%s, %s: datetime %q", tc.zone, name, attr(n, "datetime"))
				}
			}
			if lang := attr(page.tag("html")[0], "lang"); lang != "en" {
				t.Errorf("%s: language %q", name, lang)
			}
		}
		words := spaced(text(pages["billing"].root) + " " + text(pages["approve"].root))
		for _, want := range tc.says {
			if !strings.Contains(words, want) {
				t.Errorf("%s, %s: the page does not say %q in\n%s", tc.zone, tc.locale, want, words)
			}
		}
	}
}

// TestFiguresAbroad: what is no count has the locale's numerals as well.
func TestFiguresAbroad(t *testing.T) {
	for tag, want := range map[string][5]string{
		"en":    {"04/2030", "in 5 days", "18 days left", "Start 30-day trial", "No charge, free for 30 days"},
		"de-DE": {"04/2030", "in 5 days", "18 days left", "Start 30-day trial", "No charge, free for 30 days"},
		"ar-EG": {"٠٤/٢٠٣٠", "in ٥ days", "١٨ days left", "Start ٣٠-day trial", "No charge, free for ٣٠ days"},
		"fa":    {"۰۴/۲۰۳۰", "in ۵ days", "۱۸ days left", "Start ۳۰-day trial", "No charge, free for ۳۰ days"},
		"bn-BD": {"০৪/২০৩০", "in ৫ days", "১৮ days left", "Start ৩০-day trial", "No charge, free for ৩০ days"},
	} {
		l, v := in(t, "UTC", tag), onPro(t)
		v.Locale, v.Summary.Subscription.Card = l, &billing.Card{Brand: "visa", Last4: "4242", ExpMonth: 4, ExpYear: 2030}
		got := [5]string{
			cardOf(&v).Expiry, l.soon(5), l.daysLeft(18), trialButton(&v, &billing.Offer{TrialDays: 30}).Label,
			l.costOf(billing.Quote{Change: billing.Change{Action: billing.ActionStartTrial}, TrialDays: 30}),
		}
		for i := range got {
			if words := marks.Replace(got[i]); words != want[i] {
				t.Errorf("%s: %q, want %q", tag, words, want[i])
			}
		}
	}
}

// marks of direction are not seen.
var marks = strings.NewReplacer("\u200e", "", "\u200f", "", "\u061c", "")

// spaced has plain spaces, for comparing.
func spaced(s string) string { return strings.NewReplacer("\u00a0", " ", "\u202f", " ").Replace(s) }

// TestAmountsAreNotBroken: no line ends between an amount and its currency.
func TestAmountsAreNotBroken(t *testing.T) {
	for _, tag := range []string{"de-DE", "fr-FR", "sv-SE", "en-ZA", "pl"} {
		if got := NewLocale(billing.Region{Locale: tag}).money(-123456789, "eur"); strings.Contains(got, " ") || strings.Contains(got, "-") {
			t.Errorf("%s: %q", tag, got)
		}
	}
}

// TestOrgsAreToldInTheirRegion: only operators' pages may write times and numbers
// without an org's.
func TestOrgsAreToldInTheirRegion(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	bare := regexp.MustCompile(`(?m)^[^/\n]*[^.\w)](day|moment|momentFrom|timeAs|money|number|chipOf)\(`)
	for _, file := range files {
		operators := strings.HasPrefix(file, "admin") || slices.Contains([]string{"locale.go", "components_samples.go"}, file)
		if operators || strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, "_templ.go") {
			continue
		}
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range bare.FindAllString(string(source), -1) {
			if !strings.HasPrefix(found, "func ") {
				t.Errorf("%s: %s", file, found)
			}
		}
	}
}

func BenchmarkNewBillingAbroad(b *testing.B) {
	var kept Locales
	v := busy(b)
	b.ReportAllocs()
	for b.Loop() {
		v.Locale = kept.Of(billing.Region{TimeZone: "Asia/Kathmandu", Locale: "hi-IN"})
		NewBilling(v)
	}
}
