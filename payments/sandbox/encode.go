package sandbox

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// encoder writes what answers are made of as encoding/json does, without going
// through reflection.
type encoder map[shape][]string

// shape tells objects apart that have the same properties. An encoder keeps the
// sorted properties that it saw last of each.
type shape struct {
	object string
	n      int
}

// manyKeys is from where on the order of properties is worth keeping.
const manyKeys = 8

func (e encoder) append(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case string:
		return appendString(b, v)
	case obj:
		return e.object(b, v)
	case map[string]string:
		return appendMap(b, v, appendString)
	case []obj:
		return appendArray(b, v, e.object)
	case []any:
		return appendArray(b, v, e.append)
	case []string:
		return appendArray(b, v, appendString)
	case json.RawMessage: // only ever what came from here
		return append(b, v...), nil
	}
	rest, err := json.Marshal(v)
	return append(b, rest...), err
}

func (e encoder) object(b []byte, o obj) ([]byte, error) {
	if len(o) < manyKeys {
		return appendMap(b, o, e.append)
	}
	name, _ := o["object"].(string)
	kind := shape{name, len(o)}
	known := e[kind]
	for _, key := range known {
		if _, same := o[key]; !same {
			known = nil
			break
		}
	}
	if known == nil {
		known = sorted(nil, o)
		e[kind] = known
	}
	return appendKeys(b, known, o, e.append)
}

func sorted[T any](keys []string, o map[string]T) []string {
	for key := range o {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func appendMap[T any](b []byte, o map[string]T, value func([]byte, T) ([]byte, error)) ([]byte, error) {
	if o == nil {
		return append(b, "null"...), nil
	}
	var room [manyKeys]string
	return appendKeys(b, sorted(room[:0], o), o, value)
}

func appendKeys[T any](b []byte, keys []string, o map[string]T, value func([]byte, T) ([]byte, error)) (_ []byte, err error) {
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendString(b, key); err != nil {
			return nil, err
		}
		if b, err = value(append(b, ':'), o[key]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendArray[T any](b []byte, list []T, value func([]byte, T) ([]byte, error)) (_ []byte, err error) {
	if list == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = value(b, v); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// appendString leaves what needs an escape to encoding/json.
func appendString(b []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			rest, err := json.Marshal(s)
			return append(b, rest...), err
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"'), nil
}
