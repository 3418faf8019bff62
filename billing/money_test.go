package billing

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/bojanz/currency"
	"pgregory.net/rapid"
)

func TestMoneyFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount           int64
		currency, locale string
		want             string
	}{
		{1900, "usd", "en", "$19.00"},
		{299, "usd", "en-US", "$2.99"},
		{0, "usd", "en", "$0.00"},
		{1, "usd", "en", "$0.01"},
		{-450, "usd", "en", "-$4.50"},
		{123456789, "usd", "en", "$1,234,567.89"},
		{math.MaxInt64, "usd", "en", "$92,233,720,368,547,758.07"},
		{1900, "jpy", "en", "¥1,900"},
		{1990, "kwd", "en", "KWD\u00a01.990"},
		{1900, "eur", "de", "19,00\u00a0€"},
		{123456, "chf", "de-CH", "CHF\u00a01'234.56"},
		{1900, "usd", "fr", "19,00\u00a0$US"},
		{1900, "cad", "en", "CA$19.00"},
		{1900, "usd", "", "$19.00"},
		{1900, "usd", "xx", "$19.00"},
		{1900, "usd", "-US", "$19.00"},
		{1900, "zzz", "en", `1900 minor units of "zzz"`},
		{1900, "", "en", `1900 minor units of ""`},
	} {
		m := Money{Amount: c.amount, Currency: c.currency}
		if got := m.Format(c.locale); got != c.want {
			t.Errorf("%d %s in %q = %q, want %q", c.amount, c.currency, c.locale, got, c.want)
		}
		if c.locale == "en" && m.String() != c.want {
			t.Errorf("String() = %q, want %q", m.String(), c.want)
		}
	}
}

// Whatever a browser sends as its language, the digits are there.
func TestMoneyFormatAnyLocale(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		got := Money{Amount: 1234, Currency: "usd"}.Format(rapid.String().Draw(t, "locale"))
		if strings.IndexFunc(got, unicode.IsDigit) < 0 {
			t.Fatalf("no digits in %q", got)
		}
	})
}

// The short way to English says what the long way does, in every currency.
func TestMoneyStringIsFormatInEnglish(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := Money{
			Amount:   rapid.Int64().Draw(t, "amount"),
			Currency: strings.ToLower(rapid.SampledFrom(currency.GetCurrencyCodes()).Draw(t, "currency")),
		}
		if got, want := m.String(), m.Format("en"); got != want {
			t.Fatalf("%d %s: %q instead of %q", m.Amount, m.Currency, got, want)
		}
	})
	for _, m := range []Money{{0, "usd"}, {math.MinInt64, "usd"}, {-1, "jpy"}, {1, "zzz"}, {100, ""}} {
		if got, want := m.String(), m.Format("en"); got != want {
			t.Errorf("%d %q: %q instead of %q", m.Amount, m.Currency, got, want)
		}
	}
}

func BenchmarkMoney(b *testing.B) {
	m := Money{Amount: 123_456_00, Currency: "usd"}
	b.Run("String", func(b *testing.B) {
		for b.Loop() {
			_ = m.String()
		}
	})
	b.Run("Format", func(b *testing.B) {
		for b.Loop() {
			_ = m.Format("en")
		}
	})
}

func TestMoneyArithmetic(t *testing.T) {
	t.Parallel()
	usd := func(n int64) Money { return Money{Amount: n, Currency: "usd"} }
	for _, c := range []struct {
		name     string
		a, b     Money
		sum, dif int64
		errSum   error
		errDif   error
	}{
		{"plain", usd(1900), usd(299), 2199, 1601, nil, nil},
		{"credit", usd(1900), usd(-4900), -3000, 6800, nil, nil},
		{"zero", usd(0), usd(0), 0, 0, nil, nil},
		{"to the edge", usd(math.MaxInt64 - 1), usd(1), math.MaxInt64, math.MaxInt64 - 2, nil, nil},
		{"over the edge", usd(math.MaxInt64), usd(1), 0, math.MaxInt64 - 1, ErrMoneyOverflow, nil},
		{"far over", usd(math.MaxInt64), usd(math.MaxInt64), 0, 0, ErrMoneyOverflow, nil},
		{"under the edge", usd(-math.MaxInt64), usd(-1), 0, -math.MaxInt64 + 1, ErrMoneyOverflow, nil},
		{"far under", usd(-math.MaxInt64), usd(math.MaxInt64), 0, 0, nil, ErrMoneyOverflow},
		{"without a negative", usd(0), usd(math.MinInt64), 0, 0, ErrMoneyOverflow, ErrMoneyOverflow},
		{"twice without a negative", usd(math.MinInt64), usd(math.MinInt64), 0, 0, ErrMoneyOverflow, ErrMoneyOverflow},
		{"two currencies", usd(1), Money{Amount: 1, Currency: "eur"}, 0, 0, ErrCurrencyMismatch, ErrCurrencyMismatch},
	} {
		check := func(op string, got Money, err error, want int64, wantErr error) {
			if !errors.Is(err, wantErr) || err == nil && got != usd(want) {
				t.Errorf("%s: %s = %v, %v; want %d, %v", c.name, op, got, err, want, wantErr)
			}
		}
		sum, err := c.a.Add(c.b)
		check("sum", sum, err, c.sum, c.errSum)
		dif, err := c.a.Sub(c.b)
		check("difference", dif, err, c.dif, c.errDif)
	}
	if got := usd(450).Neg(); got != usd(-450) {
		t.Errorf("Neg() = %v", got)
	}
}

func TestParseDecimal(t *testing.T) {
	t.Parallel()
	const usdRule = `usd has 2 decimals, as in "19.00"`
	const digitsRule = "only digits and one point are allowed"
	for _, c := range []struct {
		in, currency string
		want         int64
		err          string // after the words for the amount; "" if it is one
	}{
		{"19.00", "usd", 1900, ""},
		{"2.99", "usd", 299, ""},
		{"0.00", "usd", 0, ""},
		{"0.01", "usd", 1, ""},
		{"1900", "jpy", 1900, ""},
		{"0", "jpy", 0, ""},
		{"1.990", "kwd", 1990, ""},
		{"92233720368547758.07", "usd", math.MaxInt64, ""},
		{"92233720368547758.08", "usd", 0, "too large"},
		{strings.Repeat("9", 400) + ".00", "usd", 0, "too large"},
		{"", "usd", 0, "there is no number"},
		{"19", "usd", 0, usdRule},
		{"19.0", "usd", 0, usdRule},
		{"19.000", "usd", 0, usdRule},
		{"1900.00", "jpy", 0, `jpy has no decimals, as in "1900"`},
		{"1.99", "kwd", 0, `kwd has 3 decimals, as in "19.000"`},
		{"19.", "usd", 0, digitsRule},
		{"1900.", "jpy", 0, digitsRule},
		{".50", "usd", 0, digitsRule},
		{".", "usd", 0, digitsRule},
		{"1.2.3", "usd", 0, digitsRule},
		{"-19.00", "usd", 0, digitsRule},
		{"+19.00", "usd", 0, digitsRule},
		{"1e3", "usd", 0, digitsRule},
		{"1.9e1", "usd", 0, digitsRule},
		{"0x10", "jpy", 0, digitsRule},
		{"1,900.00", "usd", 0, digitsRule},
		{"1_900.00", "usd", 0, digitsRule},
		{"19,00", "usd", 0, digitsRule},
		{" 19.00", "usd", 0, digitsRule},
		{"19.00 ", "usd", 0, digitsRule},
		{"19.00\n", "usd", 0, digitsRule},
		{"$19.00", "usd", 0, digitsRule},
		{"١٩.٠٠", "usd", 0, digitsRule},
		{"NaN", "usd", 0, digitsRule},
		{"019.00", "usd", 0, "leading zeros are not allowed"},
		{"00.00", "usd", 0, "leading zeros are not allowed"},
		{"19.00", "USD", 0, `unknown currency "USD"`},
		{"19.00", "zzz", 0, `unknown currency "zzz"`},
		{"19.00", "", 0, `unknown currency ""`},
	} {
		got, err := ParseDecimal(c.in, c.currency)
		switch {
		case c.err == "" && (err != nil || got != Money{Amount: c.want, Currency: c.currency}):
			t.Errorf("ParseDecimal(%q, %q) = %v, %v; want %d", c.in, c.currency, got, err, c.want)
		case c.err != "" && (err == nil || err.Error() != "amount "+strconv.Quote(c.in)+": "+c.err):
			t.Errorf("ParseDecimal(%q, %q) error is %v; want %s", c.in, c.currency, err, c.err)
		}
	}
}

// Every amount survives being written and read, in a currency of each length.
func TestParseDecimalRoundTrip(t *testing.T) {
	t.Parallel()
	decimals := map[string]int{"usd": 2, "jpy": 0, "kwd": 3}
	rapid.Check(t, func(t *rapid.T) {
		want := Money{
			Amount:   rapid.Int64Range(0, math.MaxInt64).Draw(t, "amount"),
			Currency: rapid.SampledFrom([]string{"usd", "jpy", "kwd"}).Draw(t, "currency"),
		}
		written := writeDecimal(want.Amount, decimals[want.Currency])
		if got, err := ParseDecimal(written, want.Currency); err != nil || got != want {
			t.Fatalf("ParseDecimal(%q) = %v, %v; want %v", written, got, err, want)
		}
	})
}

// Whatever is accepted is written in exactly one way.
func TestParseDecimalIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[-+ ]?[0-9]{0,21}[.,e]?[0-9]{0,4}`).Draw(t, "text")
		if m, err := ParseDecimal(s, "usd"); err == nil && writeDecimal(m.Amount, 2) != s {
			t.Fatalf("%q was read as %d", s, m.Amount)
		}
	})
}

// writeDecimal is the test's own inverse of ParseDecimal.
func writeDecimal(amount int64, decimals int) string {
	s := strconv.FormatInt(amount, 10)
	if decimals == 0 {
		return s
	}
	if len(s) <= decimals {
		s = strings.Repeat("0", decimals-len(s)+1) + s
	}
	return s[:len(s)-decimals] + "." + s[len(s)-decimals:]
}
