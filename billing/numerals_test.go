package billing

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bojanz/currency"
)

// locales are one of each way to write numbers, and then some.
var locales = []string{
	"en", "en-US", "en-GB", "en-IN", "en-ZA", "en-CH", "de", "de-DE", "de-AT", "de-CH", "de-LI", "fr", "fr-CA", "fr-CH", "es", "es-AR", "es-MX",
	"es-419", "es-CR", "it", "it-CH", "nl", "nl-NL", "pt", "pt-BR", "pt-PT", "pl", "cs", "da", "sv-SE", "nb", "no", "fi", "et", "lt", "lv", "hu", "ro", "bg",
	"ru", "uk", "sr-Latn", "hr", "sl", "el", "tr", "he-IL", "ar", "ar-EG", "ar-AE", "ar-MA", "fa", "fa-AF", "ur", "ps", "hi-IN", "bn", "bn-BD", "bn-IN", "ta", "te",
	"ne", "mr", "my", "km", "lo", "th", "vi", "id", "ms", "ja", "ja-JP", "ko-KR", "zh", "zh-CN", "zh-Hant-TW", "sw", "zu", "af", "eu", "gl", "as", "ckb", "dz", "uz", "xx",
}

// TestNumeralsAreTheLibrarys: what is written fast is what the library writes,
// of every currency in every locale.
func TestNumeralsAreTheLibrarys(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	amounts := []int64{0, 5, 99, 123, 9999, 123456, 1234567, 12345678, math.MaxInt64, math.MinInt64}
	for _, tag := range locales {
		n := NewNumerals(tag)
		for _, code := range currency.GetCurrencyCodes() {
			for _, a := range append(slices.Clone(amounts), random.Int64N(1<<40)) {
				for _, a = range []int64{a, -a} {
					m := Money{a, strings.ToLower(code)}
					if got, want := n.Money(m), m.Format(tag); got != want {
						t.Fatalf("%s: %d %s is %q, and %q by the library", tag, a, code, got, want)
					}
				}
			}
		}
		for _, a := range amounts {
			want := Money{a, "jpy"}
			by := currency.NewFormatter(currency.NewLocale(tag))
			by.CurrencyDisplay = currency.DisplayNone
			if got, want := n.Count(a), strings.TrimFunc(want.format(by), spaceOrMark); strings.TrimFunc(got, spaceOrMark) != want {
				t.Errorf("%s: %d is %q, and %q by the library", tag, a, got, want)
			}
		}
	}
}

func spaceOrMark(r rune) bool { return strings.ContainsRune(" \u00a0\u200e\u200f\u061c", r) }

// TestNumerals says what some of them are, for those who read.
func TestNumerals(t *testing.T) {
	for _, tc := range []struct {
		tag, currency string
		amount        int64
		want, count   string
	}{
		{"en", "usd", 123456789, "$1,234,567.89", "123,456,789"},
		{"de-DE", "eur", 123456789, "1.234.567,89\u00a0€", "123.456.789"},
		{"de-DE", "eur", -450, "-4,50\u00a0€", "-450"},
		{"de-AT", "eur", 123456789, "€\u00a01.234.567,89", "123.456.789"},
		{"de-CH", "chf", 123456789, "CHF\u00a01'234'567.89", "123'456'789"},
		{"fr", "eur", 123456789, "1\u202f234\u202f567,89\u00a0€", "123\u202f456\u202f789"},
		{"es", "eur", 123456, "1234,56\u00a0€", "123.456"},
		{"es", "eur", 1234567, "12.345,67\u00a0€", "1.234.567"},
		{"ja-JP", "jpy", 1234567, "￥1,234,567", "1,234,567"},
		{"en", "kwd", 1234567, "KWD\u00a01,234.567", "1,234,567"},
		{"hi-IN", "inr", 1234567890, "₹1,23,45,678.90", "1,23,45,67,890"},
		{"ar-EG", "egp", 123456, "\u200f١٬٢٣٤٫٥٦\u00a0ج.م.\u200f", "١٢٣٬٤٥٦"},
		{"xx", "nok", 100, "NOK\u00a01.00", "100"},
	} {
		n := NewNumerals(tc.tag)
		if got := n.Money(Money{tc.amount, tc.currency}); got != tc.want {
			t.Errorf("%s: %+q, want %+q", tc.tag, got, tc.want)
		}
		if got := n.Count(tc.amount); strings.TrimFunc(got, spaceOrMark) != tc.count {
			t.Errorf("%s: count %+q, want %+q", tc.tag, got, tc.count)
		}
	}
	if got := NewNumerals("de").Money(Money{5, "zzz"}); got != `5 minor units of "zzz"` {
		t.Error(got)
	}
}

// TestNumeralsAtOnce: two may learn the same at the same time.
func TestNumeralsAtOnce(t *testing.T) {
	n := NewNumerals("de")
	t.Run("of", func(t *testing.T) {
		for i := range 4 {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				if got := n.Money(Money{1900, "eur"}); got != "19,00\u00a0€" {
					t.Error(got)
				}
			})
		}
	})
}

func BenchmarkNumerals(b *testing.B) {
	for _, tag := range []string{"en", "de", "hi-IN", "ar-EG"} {
		b.Run(tag, func(b *testing.B) {
			n, m := NewNumerals(tag), Money{1234567, "eur"}
			b.ReportAllocs()
			for b.Loop() {
				n.Money(m)
			}
		})
	}
}
