// Package jsontext writes the values of JSON that is made by hand where it is
// made often: as encoding/json writes them, in a fraction of the time. What is
// not plain is left to the library.
package jsontext

import (
	"encoding/json"
	"time"
)

// AppendString writes a string.
func AppendString(to []byte, s string) []byte {
	for _, c := range []byte(s) {
		if c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			to, _ = AppendValue(to, s) // a string can always be written
			return to
		}
	}
	return append(append(append(to, '"'), s...), '"')
}

// AppendTime writes a time. Its error is the library's, for a year that has no
// four digits.
func AppendTime(to []byte, t time.Time) ([]byte, error) {
	if t.Location() != time.UTC || t.Year() < 0 || t.Year() > 9999 {
		return AppendValue(to, t)
	}
	return append(t.AppendFormat(append(to, '"'), time.RFC3339Nano), '"'), nil
}

// AppendValue writes whatever the library can, and nothing if it cannot.
func AppendValue(to []byte, v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	return append(to, raw...), err
}
