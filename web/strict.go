package web

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how far arrays and objects nest.
const maxDepth = 8

// DecodeStrict reads one JSON object into the struct that dst points to.
// Unlike encoding/json it refuses unknown, repeated and differently spelled
// names, null, a byte order mark, broken UTF-8 and surrogates, and NUL; and it
// holds the values to the struct's tags (see package api). An error names the
// field in its details. What a json.RawMessage takes is left as it is; it shares
// the body's memory.
func DecodeStrict(body []byte, dst any) error {
	if !utf8.Valid(body) || !json.Valid(body) || brokenEscape(body) {
		return errJSON
	}
	into := reflect.ValueOf(dst).Elem()
	w := walker{doc: body}
	return w.object(shapeOf(into.Type()), into, "", 1)
}

// DecodePart is DecodeStrict for a part of what Decode has read, which is known
// to be valid.
func DecodePart(part json.RawMessage, dst any) error {
	into := reflect.ValueOf(dst).Elem()
	w := walker{doc: part}
	return w.object(shapeOf(into.Type()), into, "", 1)
}

// walker goes through a document that is valid JSON.
type walker struct {
	doc []byte
	at  int
}

// peek returns the next byte that is not white space.
func (w *walker) peek() byte {
	for {
		switch c := w.doc[w.at]; c {
		case ' ', '\t', '\r', '\n':
			w.at++
		default:
			return c
		}
	}
}

// more moves to the next member of an object or array, or past its end.
func (w *walker) more() bool {
	switch w.peek() {
	case '}', ']':
		w.at++
		return false
	case ',':
		w.at++
		w.peek()
	}
	return true
}

// quoted moves past a string and returns it as it is written.
func (w *walker) quoted() (as []byte, escaped bool) {
	start := w.at
	for w.at++; w.doc[w.at] != '"'; w.at++ {
		if w.doc[w.at] == '\\' {
			escaped = true
			w.at++
		}
	}
	w.at++
	return w.doc[start:w.at], escaped
}

// text reads a string.
func (w *walker) text() string {
	as, escaped := w.quoted()
	if !escaped {
		return string(as[1 : len(as)-1])
	}
	var s string
	_ = json.Unmarshal(as, &s) // it is valid
	return s
}

// name reads the name of a field, and finds it if it is known.
func (w *walker) name(s *shape) (name string, f *field) {
	start := w.at
	if as, escaped := w.quoted(); !escaped {
		if f = s.fields[string(as[1:len(as)-1])]; f != nil { // makes no string of it
			return f.name, f
		}
	}
	w.at = start
	name = w.text()
	return name, s.fields[name]
}

// literal reads a number, true, false or null.
func (w *walker) literal() string {
	start := w.at
	for w.at < len(w.doc) && strings.IndexByte(" \t\r\n,]}", w.doc[w.at]) < 0 {
		w.at++
	}
	return string(w.doc[start:w.at])
}

// skip moves past a value of any kind.
func (w *walker) skip() {
	for open := 0; ; {
		switch w.peek() {
		case '"':
			w.quoted()
		case '{', '[':
			open++
			w.at++
			continue
		case '}', ']':
			open--
			w.at++
		case ',', ':':
			w.at++
			continue
		default:
			w.literal()
		}
		if open == 0 {
			return
		}
	}
}

// object reads an object whose names are those of the shape.
func (w *walker) object(s *shape, into reflect.Value, at string, depth int) error {
	if w.peek() != '{' {
		if at == "" {
			return errJSON
		}
		return badField(strings.TrimSuffix(at, "."), "must be an object")
	}
	w.at++
	var seen uint64
	for w.more() {
		name, f := w.name(s)
		if f == nil {
			full := short(at + name)
			return errUnknownField.With("field", full).Say("The field %q is not known here.", full)
		}
		if seen&f.bit != 0 {
			full := at + name
			return errDuplicateField.With("field", full).Say("The field %q is given more than once.", full)
		}
		seen |= f.bit
		w.peek()
		w.at++ // the colon
		if err := w.value(&f.rule, into.Field(f.index), at+name, depth+1); err != nil {
			return err
		}
	}
	for _, f := range s.required {
		if seen&f.bit == 0 {
			return MissingField(at + f.name)
		}
	}
	return nil
}

// value reads the value of a field.
func (w *walker) value(r *rule, into reflect.Value, at string, depth int) error {
	if depth > maxDepth+1 {
		return errJSON.Say("The body is nested too deeply.")
	}
	c := w.peek()
	if into.Kind() == reflect.Pointer && c != 'n' {
		into.Set(reflect.New(r.of))
		into = into.Elem()
	}
	switch {
	case r.raw:
		start := w.at
		w.skip()
		into.SetBytes(w.doc[start:w.at:w.at])
		return nil
	case r.object != nil:
		return w.object(r.object, into, at+".", depth)
	case r.elem != nil:
		return w.array(r.elem, into, at, depth)
	case c == 'n':
		return badField(at, "must not be null; leave it out instead")
	case c == '"' && into.Kind() == reflect.String:
		return r.setString(into, w.text(), at)
	case (c == 't' || c == 'f') && into.Kind() == reflect.Bool:
		into.SetBool(w.literal() == "true")
		return nil
	case (c == '-' || c >= '0' && c <= '9') && into.CanInt():
		return r.setInt(into, w.literal(), at)
	}
	return badField(at, "must be "+r.words())
}

func (w *walker) array(elem *rule, into reflect.Value, at string, depth int) error {
	if w.peek() != '[' {
		return badField(at, "must be an array")
	}
	w.at++
	into.Set(reflect.MakeSlice(into.Type(), 0, 0))
	for i := 0; w.more(); i++ {
		into.Grow(1)
		into.SetLen(i + 1)
		name := at
		if !elem.raw {
			name += "[" + strconv.Itoa(i) + "]"
		}
		if err := w.value(elem, into.Index(i), name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// brokenEscape finds half of a surrogate pair written as an escape, which
// encoding/json quietly turns into another character. The body is valid JSON.
func brokenEscape(body []byte) bool {
	for i := 0; i+1 < len(body); i++ {
		if body[i] != '\\' {
			continue
		}
		i++
		if body[i] != 'u' {
			continue
		}
		switch first := hex4(body[i+1:]); {
		case first >= 0xdc00 && first <= 0xdfff:
			return true
		case first >= 0xd800 && first <= 0xdbff:
			rest := body[i+5:]
			if !bytes.HasPrefix(rest, []byte(`\u`)) || hex4(rest[2:])>>10 != 0xdc00>>10 {
				return true
			}
			i += 6
		}
		i += 4
	}
	return false
}

func hex4(b []byte) uint64 {
	n, _ := strconv.ParseUint(string(b[:4]), 16, 16)
	return n
}
