package simulation

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/stripe/stripe-go/v76"
)

// reading reads an answer of the sandbox into stripe-go's types, as encoding/json
// and their UnmarshalJSON methods do, but in one pass: those go over every level
// twice, and again for each level around it. What it does not know it leaves to
// them. It trusts the sandbox to write JSON.
type reading struct {
	raw  []byte
	text string // the same; strings are parts of it
	at   int
}

// reader reads the value that begins at the reading's place.
type reader func(r *reading, into reflect.Value) error

// readers are made once for each type. They belong to one world.
type readers map[reflect.Type]reader

var (
	eventData = reflect.TypeFor[stripe.EventData]()
	rawText   = reflect.TypeFor[json.RawMessage]()
	resource  = reflect.TypeFor[stripe.APIResource]()
	decodes   = reflect.TypeFor[json.Unmarshaler]()
)

func (rs readers) read(raw []byte, into reflect.Value) error {
	r := &reading{raw: raw, text: string(raw)}
	return rs.of(into.Type())(r, into)
}

func (rs readers) of(t reflect.Type) reader {
	known := rs[t]
	if known == nil {
		rs[t] = func(r *reading, into reflect.Value) error { return rs[t](r, into) } // of a type within itself
		known = rs.make(t)
		rs[t] = known
	}
	return known
}

func (rs readers) make(t reflect.Type) reader {
	switch {
	case t == rawText:
		return func(r *reading, into reflect.Value) error {
			from := r.at
			r.skip()
			into.SetBytes(r.raw[from:r.at:r.at])
			return nil
		}
	case t == eventData: // as far as the product reads it
		return rs.object(t, false)
	case reflect.PointerTo(t).Implements(decodes):
		if id, ok := t.FieldByName("ID"); ok && id.Type.Kind() == reflect.String && !hides(t) {
			return rs.object(t, true)
		}
		return leave
	}
	switch t.Kind() {
	case reflect.String:
		return readString
	case reflect.Bool:
		return func(r *reading, into reflect.Value) error {
			if !r.null() {
				into.SetBool(r.text[r.at] == 't')
				r.skip()
			}
			return nil
		}
	case reflect.Int64:
		return readInt
	case reflect.Pointer:
		return rs.pointer(t)
	case reflect.Slice:
		return rs.slice(t)
	case reflect.Struct:
		return rs.object(t, false)
	case reflect.Map:
		if t.Key().Kind() == reflect.String && t.Elem().Kind() == reflect.String {
			return readMap
		}
	}
	return leave
}

// hides reports whether a type's own method reads more than its fields tell.
func hides(t reflect.Type) bool {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("json") == "-" && f.Type != resource {
			return true
		}
	}
	return false
}

// leave lets encoding/json read the value.
func leave(r *reading, into reflect.Value) error {
	from := r.at
	r.skip()
	return json.Unmarshal(r.raw[from:r.at], into.Addr().Interface())
}

func readString(r *reading, into reflect.Value) error {
	if r.null() {
		return nil
	}
	if r.text[r.at] != '"' {
		return leave(r, into)
	}
	s, err := r.string()
	into.SetString(s)
	return err
}

func readInt(r *reading, into reflect.Value) error {
	if r.null() {
		return nil
	}
	from := r.at
	r.skip()
	n, err := strconv.ParseInt(r.text[from:r.at], 10, 64)
	into.SetInt(n)
	return err
}

func readMap(r *reading, into reflect.Value) error {
	if r.null() {
		into.SetZero()
		return nil
	}
	out := reflect.MakeMap(into.Type())
	into.Set(out)
	return r.each('}', func() error {
		key, err := r.key()
		if err != nil {
			return err
		}
		value, err := r.string()
		out.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(value))
		return err
	})
}

func (rs readers) pointer(t reflect.Type) reader {
	element := rs.of(t.Elem())
	return func(r *reading, into reflect.Value) error {
		if r.null() {
			into.SetZero()
			return nil
		}
		v := reflect.New(t.Elem())
		into.Set(v)
		return element(r, v.Elem())
	}
}

func (rs readers) slice(t reflect.Type) reader {
	element := rs.of(t.Elem())
	return func(r *reading, into reflect.Value) error {
		if r.null() {
			into.SetZero()
			return nil
		}
		into.Set(reflect.MakeSlice(t, 0, 4))
		return r.each(']', func() error {
			n := into.Len()
			if n == into.Cap() {
				into.Grow(n)
			}
			into.SetLen(n + 1)
			return element(r, into.Index(n))
		})
	}
}

// field is where a property goes; quoted numbers are left to encoding/json.
type field struct {
	index  []int
	quoted bool
	read   reader
}

// object reads properties into fields. What can be expanded may be an id instead.
func (rs readers) object(t reflect.Type, expandable bool) reader {
	fields := map[string]*field{}
	for _, f := range reflect.VisibleFields(t) {
		name, option, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || !f.IsExported() || name == "-" || t == eventData && f.Name != "Raw" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields[name] = &field{index: f.Index, quoted: option == "string", read: rs.of(f.Type)}
	}
	var id []int
	if expandable {
		id = fields["id"].index
	}
	return func(r *reading, into reflect.Value) error {
		if r.null() {
			return nil
		}
		if expandable && r.text[r.at] == '"' {
			s, err := r.string()
			into.FieldByIndex(id).SetString(s)
			return err
		}
		return r.each('}', func() error {
			key, err := r.key()
			f := fields[key]
			switch {
			case err != nil:
				return err
			case f == nil:
				r.skip()
				return nil
			case f.quoted:
				return readQuoted(r, into.FieldByIndex(f.index))
			}
			return f.read(r, into.FieldByIndex(f.index))
		})
	}
}

func readQuoted(r *reading, into reflect.Value) error {
	if r.null() {
		return nil
	}
	s, err := r.string()
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(s), into.Addr().Interface())
}

// null reads null, if that is what comes.
func (r *reading) null() bool {
	r.space()
	null := strings.HasPrefix(r.text[r.at:], "null")
	if null {
		r.at += len("null")
	}
	return null
}

func (r *reading) space() {
	for r.at < len(r.text) && r.text[r.at] <= ' ' {
		r.at++
	}
}

// each reads an array or an object up to its end, of which it is at the beginning.
func (r *reading) each(end byte, element func() error) error {
	r.space()
	r.at++
	for r.space(); r.text[r.at] != end; r.space() {
		if r.text[r.at] == ',' {
			r.at++
		}
		r.space()
		if err := element(); err != nil {
			return err
		}
	}
	r.at++
	return nil
}

// key reads a property's name and its colon.
func (r *reading) key() (string, error) {
	key, err := r.string()
	r.space()
	r.at++
	r.space()
	return key, err
}

func (r *reading) string() (s string, err error) {
	from := r.at
	r.quoted()
	s = r.text[from+1 : r.at-1]
	if strings.IndexByte(s, '\\') >= 0 {
		err = json.Unmarshal(r.raw[from:r.at], &s)
	}
	return s, err
}

// quoted goes over a string.
func (r *reading) quoted() {
	for {
		r.at += 1 + strings.IndexByte(r.text[r.at+1:], '"')
		escapes := 0
		for r.text[r.at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			r.at++
			return
		}
	}
}

// ends are where a number or a word ends.
var ends = []byte(",]} \n\r\t")

// skip goes over any value.
func (r *reading) skip() {
	for depth := 0; ; {
		switch r.text[r.at] {
		case '"':
			r.quoted()
		case '{', '[':
			depth++
			r.at++
		case '}', ']':
			depth--
			r.at++
		case ',', ':', ' ', '\n', '\t', '\r':
			r.at++
			continue
		default:
			for r.at < len(r.text) && !slices.Contains(ends, r.text[r.at]) {
				r.at++
			}
		}
		if depth == 0 {
			return
		}
	}
}
