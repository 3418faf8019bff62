package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/bojanz/currency"
)

// clean keeps what others have written, such as names and notes, from steering
// the terminal.
type clean struct{ w io.Writer }

func (c clean) Write(p []byte) (int, error) {
	_, err := c.w.Write(bytes.Map(harmless, p))
	return len(p), err
}

// harmless drops what steers a terminal.
func harmless(r rune) rune {
	if r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf) {
		return -1
	}
	return r
}

// columns prints rows of cells.
func columns(w io.Writer, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	for _, cells := range rows {
		for i, cell := range cells {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, strings.Join(strings.Fields(cell), " "))
		}
		fmt.Fprintln(t)
	}
	_ = t.Flush()
}

// facts are the rows of a table with two columns; what is empty is left out.
type facts [][]string

func (f *facts) add(name, format string, args ...any) {
	if text := fmt.Sprintf(format, args...); text != "" {
		*f = append(*f, []string{name, text})
	}
}

func (f facts) print(w io.Writer) { columns(w, f) }

// money is an amount in minor units as people read it: "$19.00".
func money(minor int64, code string) string {
	amount, err := currency.NewAmountFromInt64(minor, strings.ToUpper(code))
	if err != nil {
		return fmt.Sprintf("%d minor units of %q", minor, code)
	}
	return currency.NewFormatter(currency.NewLocale("en")).Format(amount)
}

// when is a time in the zone of who reads it.
func when(t time.Time) string { return t.Local().Format("2 Jan 2006 15:04 MST") }

func whenOr(t *time.Time, otherwise string) string {
	if t == nil {
		return otherwise
	}
	return when(*t)
}

// orDash is a text that may be missing.
func orDash(s *string) string {
	if s == nil || *s == "" {
		return "-"
	}
	return *s
}

// limit is a limit; none is unlimited.
func limit(n *int64) string {
	if n == nil {
		return "unlimited"
	}
	return fmt.Sprint(*n)
}
