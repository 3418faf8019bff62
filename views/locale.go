package views

import (
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/countersignhq/countersign/billing"
)

// Locale is how the people of one org read times, amounts and counts. What a
// page is made of carries it, so that a page has one zone and one way to write
// numbers. The zero value is UTC and English, as operators read.
type Locale struct {
	zone     *time.Location // nil is UTC
	numerals billing.Numerals
	kept     *keptWords // nil: none are
}

// NewLocale makes that of a region. What this server does not know is as if it
// was not said.
func NewLocale(r billing.Region) Locale {
	var at Locales
	return at.Of(r)
}

// Locales keeps those that were asked for: zones and tables are not read for
// every page. The zero value is empty. It is safe for concurrent use.
type Locales struct{ zones, numerals, words sync.Map }

// Of is NewLocale.
func (l *Locales) Of(r billing.Region) (in Locale) {
	if r.TimeZone != "" && r.TimeZone != billing.DefaultTimeZone {
		in.zone = kept(&l.zones, r.TimeZone, func(name string) *time.Location {
			zone, _ := billing.ParseTimeZone(name)
			return zone
		})
	}
	if r.Locale == billing.DefaultLocale {
		r.Locale = ""
	}
	if r.Locale != "" {
		in.numerals = kept(&l.numerals, r.Locale, billing.NewNumerals)
	}
	in.kept = kept(&l.words, r.Locale, noWords)
	return in
}

func noWords(string) *keptWords { return new(keptWords) }

func kept[T any](in *sync.Map, key string, load func(string) T) T {
	if v, ok := in.Load(key); ok {
		return v.(T)
	}
	v, _ := in.LoadOrStore(key, load(key))
	return v.(T)
}

// Formats of dates. Days stand alone where the hour does not matter; moments
// carry their zone.
const (
	formatDay         = "2 January 2006"
	formatShortDay    = "2 Jan 2006"
	formatDayMonth    = "2 Jan"
	formatDayAndMonth = "2 January"
	formatTime        = "2 January 2006, 15:04"
	formatShortTime   = "2 Jan, 15:04"
	formatMoment      = formatTime + " UTC" // of a time in UTC
)

func (in Locale) day(t time.Time) Time      { return in.timeAs(t, formatDay) }
func (in Locale) shortDay(t time.Time) Time { return in.timeAs(t, formatShortDay) }
func (in Locale) moment(t time.Time) Time   { return in.timeAs(t, formatTime) }

// dayOnly is a day of this year, as people say it in a sentence.
func (in Locale) dayOnly(t time.Time) string { return in.local(t).Format(formatDayMonth) }

func (in Locale) dayAndMonth(t time.Time) string { return in.local(t).Format(formatDayAndMonth) }

// place is where the people are.
func (in Locale) place() *time.Location {
	if in.zone == nil {
		return time.UTC
	}
	return in.zone
}

// local is the time on their clocks.
func (in Locale) local(t time.Time) time.Time { return t.In(in.place()) }

// timeAs writes a time for people and for machines. With hours goes the zone.
func (in Locale) timeAs(t time.Time, format string) Time {
	if t.IsZero() {
		return Time{}
	}
	at := in.local(t)
	text := t.UTC().AppendFormat(make([]byte, 0, 80), time.RFC3339)
	iso := len(text)
	text = appendDay(text, at, format)
	if strings.HasSuffix(format, ":04") {
		text = appendZone(append(text, ' '), at)
	}
	both := string(text)
	return Time{ISO: both[:iso], Text: both[iso:]}
}

// appendDay is time.AppendFormat, in a third of its time for the dates that pages
// are full of.
func appendDay(text []byte, at time.Time, format string) []byte {
	year, month, day := at.Date()
	name := month.String()
	switch format {
	case formatShortDay, formatDayMonth:
		name = name[:3]
	case formatDay, formatDayAndMonth:
	default:
		return at.AppendFormat(text, format)
	}
	if year < 1000 || year > 9999 {
		return at.AppendFormat(text, format)
	}
	text = strconv.AppendInt(text, int64(day), 10)
	text = append(append(text, ' '), name...)
	if format == formatDay || format == formatShortDay {
		text = strconv.AppendInt(append(text, ' '), int64(year), 10)
	}
	return text
}

// appendZone writes the abbreviation of a time's zone, or how far it is from UTC
// where there is none.
func appendZone(text []byte, at time.Time) []byte {
	name, _ := at.Zone()
	if name != "" && name[0] != '+' && name[0] != '-' {
		return append(text, name...)
	}
	return at.AppendFormat(append(text, "UTC"...), "-07:00")
}

// momentFrom is a moment with its distance from now.
func (in Locale) momentFrom(t, now time.Time) Time {
	out := in.moment(t)
	if !t.IsZero() {
		out.Relative = relative(t, now)
	}
	return out
}

// span is that of a counter. A calendar month is one in UTC: where that is not
// midnight on people's clocks, the hour is said.
func (in Locale) span(start, end time.Time) (since, until Time) {
	since, until = in.timeAs(start, formatDayMonth), in.timeAs(end, formatDayMonth)
	if at := in.local(end); end.Equal(end.UTC().Truncate(24*time.Hour)) && (at.Hour() != 0 || at.Minute() != 0) {
		until = in.timeAs(end, formatShortTime)
	}
	return since, until
}

// money writes minor units of a currency: "$19.00", "−$9.50".
func (in Locale) money(amount int64, currency string) string {
	return minus(in.numerals.Money(billing.Money{Amount: amount, Currency: currency}), amount)
}

// number writes a count with its thousands apart: "10,000".
func (in Locale) number(n int64) string { return minus(in.numerals.Count(n), n) }

// digits writes a figure that is not a count, such as a year, in the locale's
// numerals.
func (in Locale) digits(s string) string {
	if in.numerals == (billing.Numerals{}) {
		return s
	}
	zero, _ := utf8.DecodeLastRuneInString(in.numerals.Count(0)) // a mark of direction may come before
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return zero + r - '0'
		}
		return r
	}, s)
}

// minus puts the sign for the hyphen that keyboards have.
func minus(s string, n int64) string {
	if n >= 0 {
		return s
	}
	return strings.Replace(s, "-", "−", 1)
}

// price writes a recurring price: "$19.00 a month".
func (in Locale) price(amount int64, currency, interval string) string {
	return strings.TrimSpace(in.money(amount, currency) + " " + per(interval))
}

// limitOf writes what a plan allows of a resource: "10 agents",
// "10,000 API calls a month", "Unlimited rows".
func (in Locale) limitOf(r billing.Resource, l billing.Limit) string {
	if l.Unlimited {
		return "Unlimited " + r.Plural
	}
	if r.Kind == billing.Counter {
		return in.number(l.Value) + " " + r.Label(l.Value) + " a month"
	}
	return in.number(l.Value) + " " + r.Label(l.Value)
}

// Moment is a time as operators read it.
func Moment(t time.Time) Time { return moment(t) }

// What operators read: UTC and English, whatever org it is about. No page of an
// org may use these.
func day(t time.Time) Time                       { return Locale{}.day(t) }
func moment(t time.Time) Time                    { return Locale{}.moment(t) }
func momentFrom(t, now time.Time) Time           { return Locale{}.momentFrom(t, now) }
func timeAs(t time.Time, format string) Time     { return Locale{}.timeAs(t, format) }
func money(amount int64, currency string) string { return Locale{}.money(amount, currency) }
func number(n int64) string                      { return Locale{}.number(n) }
func chipOf(s billing.Subscription) Chip         { return Locale{}.chipOf(s) }
