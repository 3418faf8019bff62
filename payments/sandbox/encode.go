package sandbox

import (
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf8"
)

// appendJSON appends v as encoding/json writes it, without going through
// reflection for what answers are made of.
func appendJSON(b []byte, v any) ([]byte, error) {
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
		return appendObject(b, v)
	case []obj:
		return appendArray(b, v)
	case []any:
		return appendArray(b, v)
	case json.RawMessage: // only ever what came from here
		return append(b, v...), nil
	}
	rest, err := json.Marshal(v)
	return append(b, rest...), err
}

func appendObject(b []byte, o obj) (_ []byte, err error) {
	if o == nil {
		return append(b, "null"...), nil
	}
	var room [64]string
	keys := room[:0]
	for key := range o {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	b = append(b, '{')
	for i, key := range keys {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendString(b, key); err != nil {
			return nil, err
		}
		if b, err = appendJSON(append(b, ':'), o[key]); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendArray[T any](b []byte, list []T) (_ []byte, err error) {
	if list == nil {
		return append(b, "null"...), nil
	}
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendJSON(b, v); err != nil {
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
