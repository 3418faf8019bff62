package billing

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/bojanz/currency"
)

// Numerals writes amounts and counts as the readers of one locale expect them.
// The zero value is English. It is safe for concurrent use.
//
// It says what the currency library says. The library looks up and replaces on
// every call; this asks it once for each currency how an amount looks, and goes
// by that.
type Numerals struct{ learnt *learnt }

type learnt struct {
	amounts, counts currency.Formatter
	count           shape
	shapes          sync.Map // of each currency's code
}

// NewNumerals returns those of a BCP 47 tag; of one that is not known, English.
func NewNumerals(tag string) Numerals {
	locale := currency.NewLocale(tag)
	if locale.Language == "" || tag == DefaultLocale || tag == "en-US" {
		return Numerals{}
	}
	l := &learnt{amounts: *currency.NewFormatter(locale), counts: *currency.NewFormatter(locale)}
	l.counts.CurrencyDisplay = currency.DisplayNone
	l.count, _ = shapeOf(&l.counts, &l.counts, "JPY")
	return Numerals{l}
}

// Money writes an amount.
func (n Numerals) Money(m Money) string {
	if n.learnt == nil {
		return m.String()
	}
	s, ok := n.learnt.shape(m.Currency)
	if !ok {
		return m.format(&n.learnt.amounts)
	}
	return s.write(m.Amount)
}

// Count writes a number of things with its thousands apart.
func (n Numerals) Count(count int64) string {
	if n.learnt == nil {
		if 0 <= count && count < 1000 { // most of them
			return strconv.FormatInt(count, 10)
		}
		return englishCount.write(count)
	}
	return n.learnt.count.write(count)
}

func (l *learnt) shape(of string) (shape, bool) {
	if s, ok := l.shapes.Load(of); ok {
		return s.(shape), true
	}
	s, ok := shapeOf(&l.amounts, &l.counts, strings.ToUpper(of))
	if ok { // so there are as many as there are currencies
		l.shapes.Store(of, s)
	}
	return s, ok
}

// shape is what an amount looks like around its digits and between them.
type shape struct {
	before, after           string // of an amount
	minusBefore, minusAfter string // of a negative one
	point                   string
	decimals                int
	comma                   string
	group, groups           int  // digits in the last group of the whole ones, and in those before
	grouped                 int  // how many whole digits it takes to be put in groups
	zero                    rune // first of ten digits
}

var englishCount = shape{comma: ",", group: 3, groups: 3, grouped: 4, minusBefore: "-", zero: '0'}

// shapeOf learns from what the library makes of a few amounts; bare is without
// the currency.
func shapeOf(full, bare *currency.Formatter, code string) (s shape, ok bool) {
	digits, ok := currency.GetDigits(code)
	if !ok {
		return s, false
	}
	s.decimals = int(digits)
	minor := strings.Repeat("1", s.decimals)
	text := func(f *currency.Formatter, whole string) string {
		number := whole
		if minor != "" {
			number += "." + minor
		}
		amount, err := currency.NewAmount(number, code)
		ok = ok && err == nil
		return f.Format(amount)
	}
	const nine = "111111111"
	trim := func(r rune) bool { return !unicode.IsDigit(r) }
	number := strings.TrimFunc(text(bare, nine), trim)
	var found bool
	s.before, s.after, found = strings.Cut(text(full, nine), number)
	ok = ok && found
	s.minusBefore, s.minusAfter, found = strings.Cut(text(full, "-"+nine), number)
	ok = ok && found
	one, _ := utf8.DecodeRuneInString(number)
	s.zero = one - 1

	runs := strings.FieldsFunc(number, func(r rune) bool { return !unicode.IsDigit(r) })
	gaps := strings.FieldsFunc(number, unicode.IsDigit)
	if s.decimals > 0 && len(gaps) > 0 {
		s.point = gaps[len(gaps)-1]
		runs = runs[:len(runs)-1]
	}
	if len(runs) > 1 {
		s.comma = gaps[0]
		s.group, s.groups = utf8.RuneCountInString(runs[len(runs)-1]), utf8.RuneCountInString(runs[len(runs)-2])
		s.grouped = s.group + 1
		for ; s.grouped < len(nine) && !strings.Contains(text(bare, nine[:s.grouped]), s.comma+strings.Repeat(string(one), s.group)); s.grouped++ {
		}
	}
	return s, ok
}

// write writes minor units.
func (s shape) write(amount int64) string {
	before, after := s.before, s.after
	size := uint64(amount)
	if amount < 0 {
		before, after, size = s.minusBefore, s.minusAfter, -size
	}
	digits := strconv.AppendUint(make([]byte, 0, 24), size, 10)
	for len(digits) <= s.decimals {
		digits = slices.Insert(digits, 0, '0')
	}
	whole := len(digits) - s.decimals
	out := append(make([]byte, 0, 48), before...)
	for i := range whole {
		if left := whole - i; i > 0 && s.group > 0 && whole >= s.grouped && left >= s.group && (left-s.group)%s.groups == 0 {
			out = append(out, s.comma...)
		}
		out = s.digit(out, digits[i])
	}
	if s.decimals > 0 {
		out = append(out, s.point...)
	}
	for i := whole; i < len(digits); i++ {
		out = s.digit(out, digits[i])
	}
	return string(append(out, after...))
}

func (s shape) digit(out []byte, c byte) []byte {
	if s.zero == '0' {
		return append(out, c)
	}
	return utf8.AppendRune(out, s.zero+rune(c-'0'))
}
