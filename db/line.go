package db

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// What is read on every request comes as a line: the columns of a row put
// together by the database as one text, and taken apart here. Both engines and
// their drivers spend more on handing over a column than on what is in it.
//
// A line holds no text that people write, which might contain the separator:
// such columns are selected beside it. JSON never contains it.

// separator is between the columns of a line.
const separator = "\x1f"

// lineOf is the expression that puts columns together. NULL becomes empty. A
// column that is never NULL says so with {!}, which is a step less for SQLite;
// if it were NULL after all, the line would be too short to be read.
func lineOf(columns string) string {
	all, begin := apart(columns), "{whole line}"
	for i, c := range all {
		if !strings.HasSuffix(c, "{!}") {
			all[i], begin = "{maybe}"+c+"{or empty}", "{line "+strconv.Itoa(len(all))+"}"
		}
	}
	return begin + strings.Join(all, ", ") + ") AS line"
}

// apart cuts a list of columns at its own commas.
func apart(columns string) (all []string) {
	from, depth := 0, 0
	for i, c := range columns {
		switch {
		case c == '(':
			depth++
		case c == ')':
			depth--
		case c == ',' && depth == 0:
			all = append(all, strings.TrimSpace(columns[from:i]))
			from = i + 1
		}
	}
	return append(all, strings.TrimSpace(columns[from:]))
}

// widest is how many columns a line has at most.
const widest = 80

// lineWords are the words of lineOf, by how the engine puts texts together:
// PostgreSQL formats faster than it concatenates, and SQLite takes twice as long.
// The function that concatenates leaves out what is NULL. Where nothing is,
// PostgreSQL uses it too: it knows in the next row how to write each column, which
// the other looks up again.
func lineWords(format bool) []string {
	const concat = "concat_ws('" + separator + "', "
	words := []string{"{!}", "", "{whole line}", concat, "{maybe}", "ifnull(", "{or empty}", ", '')"}
	if format {
		words = []string{"{!}", "", "{whole line}", concat, "{maybe}", "", "{or empty}", ""}
	}
	for n := range widest {
		begin := concat
		if format {
			begin = "format('%s" + strings.Repeat(separator+"%s", n) + "', "
		}
		words = append(words, "{line "+strconv.Itoa(n+1)+"}", begin)
	}
	return words
}

// line is the fields that a line is scanned into, in the order of its columns:
// the pointers that a row would be scanned into.
type line []any

// Scan takes the line apart. What is empty leaves the zero value.
func (l line) Scan(src any) error {
	var all text
	if err := all.Scan(src); err != nil {
		return err
	}
	return l.take(string(all))
}

func (l line) take(rest string) error {
	for i, field := range l {
		part, end := rest, strings.IndexByte(rest, separator[0])
		if last := i == len(l)-1; last == (end >= 0) {
			return errLine
		}
		if end >= 0 {
			part, rest = rest[:end], rest[end+1:]
		}
		if part == "" {
			continue
		}
		if err := setField(field, part); err != nil {
			return err
		}
	}
	return nil
}

var errLine = errors.New("a line of another length")

// lineFrom makes a line of all fields behind the first n.
func lineFrom(n int, fields []any) []any { return append(fields[:n:n], line(fields[n:])) }

// reader is a field that reads a part of a line, which is never empty.
type reader interface{ read(part string) error }

func setField(field any, part string) (err error) {
	switch f := field.(type) {
	case *string:
		*f = part
	case *bool:
		*f = part == "t" || part == "1"
	case *int:
		*f, err = strconv.Atoi(part)
	case *int64:
		*f, err = strconv.ParseInt(part, 10, 64)
	case *text:
		*f = text(part)
	case *stamp:
		var t time.Time
		t, err = parseTime(part)
		*f = stamp(t)
	case reader:
		return f.read(part)
	case sql.Scanner:
		return f.Scan(part)
	default: // a word with a type of its own
		v := reflect.ValueOf(field)
		if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.String {
			return fmt.Errorf("%T is no field of a line", field)
		}
		v.Elem().SetString(part)
	}
	return err
}
