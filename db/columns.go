package db

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Each kind of row has one list of columns and one function that gives the
// fields for them in the same order. The fields are pointers that can be
// scanned into and bound alike, so reading and inserting cannot drift apart.

// text is a string whose empty value is NULL.
type text string

// Value is NULL for the empty string.
func (t text) Value() (driver.Value, error) {
	if t == "" {
		return nil, nil
	}
	return string(t), nil
}

// Scan reads NULL as the empty string.
func (t *text) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t = ""
	case string:
		*t = text(v)
	case []byte:
		*t = text(v)
	default:
		return fmt.Errorf("%T is not text", src)
	}
	return nil
}

// document is a column of JSON for what the pointer points to; its zero value
// is NULL.
type document struct{ to any }

// asJSON makes a field of what p points to.
func asJSON(p any) document { return document{to: p} }

// Value is the JSON text.
func (d document) Value() (driver.Value, error) {
	if reflect.ValueOf(d.to).Elem().IsZero() {
		return nil, nil
	}
	raw, err := json.Marshal(d.to)
	return string(raw), err
}

// Scan reads the JSON text; NULL leaves the zero value.
func (d document) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		return nil
	case string:
		return d.read(v)
	case []byte:
		return json.Unmarshal(v, d.to)
	}
	return fmt.Errorf("%T is not JSON text", src)
}

func (d document) read(part string) error {
	if known(d.to, part) {
		return nil
	}
	return json.Unmarshal([]byte(part), d.to)
}

// scopes is a part of a line that is JSON: a list of words.
type scopes []string

// read is for words that are plain, so that most lists need no parser.
func (s *scopes) read(all string) error {
	if inner, ok := strings.CutPrefix(all, `["`); ok && !strings.ContainsAny(inner, `\ `) {
		if inner, ok = strings.CutSuffix(inner, `"]`); ok && strings.Count(inner, `"`) == 2*strings.Count(inner, `","`) {
			*s = strings.Split(inner, `","`)
			return nil
		}
	}
	return json.Unmarshal([]byte(all), (*[]string)(s))
}
