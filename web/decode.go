package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// mediaType returns the content type, if it is one and nothing but UTF-8.
func mediaType(r *http.Request) (string, bool) {
	values := r.Header.Values("Content-Type")
	if len(values) != 1 || r.Header.Get("Content-Encoding") != "" {
		return "", false
	}
	media, params, err := mime.ParseMediaType(values[0])
	if err != nil {
		return "", false
	}
	for name, v := range params {
		if name != "charset" || !strings.EqualFold(v, "utf-8") {
			return "", false
		}
	}
	return media, true
}

// Decode reads the body into the struct that dst points to. It takes exactly one
// JSON object, and refuses whatever two readers could understand differently:
// see DecodeStrict. No body at all reads as an empty object.
func (r *Request) Decode(dst any) error { return r.DecodeUpTo(maxBody, dst) }

// DecodeUpTo is Decode for a body of at most limit bytes.
func (r *Request) DecodeUpTo(limit int64, dst any) error {
	r.Body = http.MaxBytesReader(r.w, r.Body, limit)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return bodyError(err, errBody)
	}
	if len(body) == 0 {
		body = []byte("{}")
	} else if media, ok := mediaType(r.Request); !ok || media != "application/json" {
		return errMediaType
	}
	return DecodeStrict(body, dst)
}

// RawBody returns the raw body of at most limit bytes.
func (r *Request) RawBody(limit int64) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(r.w, r.Body, limit))
	if err != nil {
		return nil, bodyError(err, errBody)
	}
	return body, nil
}

// maxDepth bounds how far arrays and objects nest.
const maxDepth = 8

// DecodeStrict reads one JSON object into the struct that dst points to.
// Unlike encoding/json it refuses unknown, repeated and differently spelled
// names, null, a byte order mark, broken UTF-8 and surrogates, and NUL; and it
// holds the values to the struct's tags (see package api). An error names the
// field in its details.
func DecodeStrict(body []byte, dst any) error {
	if !utf8.Valid(body) || !json.Valid(body) || brokenEscape(body) {
		return errJSON
	}
	w := walker{dec: json.NewDecoder(bytes.NewReader(body))}
	w.dec.UseNumber()
	if err := w.object(reflect.TypeOf(dst).Elem(), "", 1); err != nil {
		return err
	}
	if err := json.Unmarshal(body, dst); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return badField(wrong.Field, "must be "+kindWords(wrong.Type))
		}
		return errJSON
	}
	return nil
}

// walker reads the tokens of a document that is valid JSON.
type walker struct{ dec *json.Decoder }

// next returns the next token; a valid document does not end inside of a value.
func (w walker) next() json.Token {
	t, _ := w.dec.Token()
	return t
}

// object walks an object whose names are those of the struct type.
func (w walker) object(t reflect.Type, at string, depth int) error {
	if w.next() != json.Delim('{') {
		if at == "" {
			return errJSON
		}
		return badField(strings.TrimSuffix(at, "."), "must be an object")
	}
	fields := fieldsOf(t)
	seen := make(map[string]bool, len(fields))
	for w.dec.More() {
		name, _ := w.next().(string)
		f, known := fields[name]
		full := at + name
		if !known {
			return errUnknownField.With("field", short(full)).Say("The field %q is not known here.", short(full))
		}
		if seen[name] {
			return errDuplicateField.With("field", full).Say("The field %q is given more than once.", full)
		}
		seen[name] = true
		if err := w.value(f.Type, f.Tag, full, depth+1); err != nil {
			return err
		}
	}
	w.next()
	return missing(t, seen, at)
}

// missing finds the first field of the struct that is required and not there.
func missing(t reflect.Type, seen map[string]bool, at string) error {
	for f := range t.Fields() {
		name, optional, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !seen[name] && optional != "omitempty" {
			return MissingField(at + name)
		}
	}
	return nil
}

var rawMessage = reflect.TypeFor[json.RawMessage]()

// value walks the value of a field. Types are left to Unmarshal, save those
// that it would let pass.
func (w walker) value(t reflect.Type, tag reflect.StructTag, at string, depth int) error {
	if depth > maxDepth+1 {
		return errJSON.Say("The body is nested too deeply.")
	}
	switch {
	case t == rawMessage:
		var whole json.RawMessage
		return w.dec.Decode(&whole) // the handler's to read
	case t.Kind() == reflect.Struct:
		return w.object(t, at+".", depth)
	case t.Kind() == reflect.Slice:
		return w.array(t.Elem(), tag, at, depth)
	}
	switch v := w.next().(type) {
	case nil:
		return badField(at, "must not be null; leave it out instead")
	case json.Delim:
		return badField(at, "must be "+kindWords(t))
	case string:
		return checkString(v, tag, at)
	case json.Number:
		return checkNumber(v, tag, at)
	}
	return nil
}

func (w walker) array(elem reflect.Type, tag reflect.StructTag, at string, depth int) error {
	if w.next() != json.Delim('[') {
		return badField(at, "must be an array")
	}
	for i := 0; w.dec.More(); i++ {
		if err := w.value(elem, tag, at+"["+strconv.Itoa(i)+"]", depth+1); err != nil {
			return err
		}
	}
	w.next()
	return nil
}

func checkString(v string, tag reflect.StructTag, at string) error {
	if v == "" {
		return badField(at, "must not be empty")
	}
	if strings.ContainsRune(v, 0) {
		return badField(at, "must not contain a NUL character")
	}
	enum := tag.Get("enum")
	if enum == "" {
		return nil
	}
	for _, allowed := range strings.Split(enum, ",") {
		if v == allowed {
			return nil
		}
	}
	return badField(at, "must be one of: "+strings.ReplaceAll(enum, ",", ", "))
}

func checkNumber(v json.Number, tag reflect.StructTag, at string) error {
	low, high := tag.Get("min"), tag.Get("max")
	if low == "" || high == "" {
		return nil
	}
	lowest, _ := strconv.ParseInt(low, 10, 64)
	highest, _ := strconv.ParseInt(high, 10, 64)
	n, err := strconv.ParseInt(v.String(), 10, 64)
	if err != nil || n < lowest || n > highest {
		return badField(at, "must be a whole number from "+low+" to "+high)
	}
	return nil
}

// fieldsOf returns the fields of a struct by their name in JSON.
func fieldsOf(t reflect.Type) map[string]reflect.StructField {
	fields := make(map[string]reflect.StructField, t.NumField())
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = f
	}
	return fields
}

func kindWords(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	}
	return "of another type"
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
