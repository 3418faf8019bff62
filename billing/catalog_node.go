package billing

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// field is one "key: value" of the file.
type field struct {
	key   string
	at    position // of the key
	value ast.Node
}

// position returns where the value is, or the key if there is none.
func (f field) position() position {
	if n, null := f.value.(*ast.NullNode); f.value == nil || null && n.Token.Type == token.ImplicitNullType {
		return f.at
	}
	return nodePosition(f.value)
}

// mapping is a map of the file.
type mapping struct {
	fields   []field // in the order of the file
	ok       bool    // it is a map
	unread   bool    // it has keys that cannot be read, so that nothing can be said to be missing
	repeated bool    // it has repeated keys, of which fields has the first
}

// mapping reads a map and reports what is no map, keys that are no text, and
// repeated keys.
func (r *catalogReader) mapping(n ast.Node, name string, at position) mapping {
	node, ok := unwrap(n).(*ast.MappingNode)
	if !ok {
		if !alias(n) {
			r.add(at, "%s must be a map, not %s", name, found(n))
		}
		return mapping{}
	}
	m := mapping{ok: true}
	first := make(map[string]position, len(node.Values))
	for _, v := range node.Values {
		key, ok := r.key(v.Key, name)
		at := positionOf(v.Key.GetToken())
		before, repeated := first[key]
		switch {
		case !ok:
			m.unread = true
		case repeated:
			m.repeated = true
			r.add(at, "key %s is repeated in %s; it is already on line %d", quote(key), name, before.line)
		default:
			first[key] = at
			m.fields = append(m.fields, field{key: key, at: at, value: v.Value})
		}
	}
	return m
}

// key reads the key of a map.
func (r *catalogReader) key(n ast.MapKeyNode, name string) (string, bool) {
	if _, composed := n.(*ast.MappingKeyNode); composed || n.IsMergeKey() || alias(n) {
		return "", false // reported by refuseFeatures
	}
	text, ok := asText(n)
	if !ok {
		r.add(positionOf(n.GetToken()), "key %s in %s is not text; write it in quotes", found(n), name)
	}
	return text, ok
}

// section is a map of the file whose keys are known, together with the words to
// speak of it.
type section struct {
	name   string // `plan "pro"`
	at     position
	fields map[string]field
	meant  map[string]bool // known keys that were misspelled: present, but not read
	broken bool            // not a map, or not wholly read: whatever is not there may well be
}

// has reports whether the key is there or may be.
func (s section) has(key string) bool {
	_, ok := s.fields[key]
	return ok || s.meant[key] || s.broken
}

// section reads a map with known keys and reports the unknown ones.
func (r *catalogReader) section(n ast.Node, name string, at, valueAt position, known ...string) section {
	s := section{name: name, at: at, fields: map[string]field{}, meant: map[string]bool{}}
	m := r.mapping(n, name, valueAt)
	s.broken = !m.ok || m.unread
	var unknown []field
	for _, f := range m.fields {
		if slices.Contains(known, f.key) {
			s.fields[f.key] = f
		} else {
			unknown = append(unknown, f)
		}
	}
	for _, f := range unknown {
		absent := slices.DeleteFunc(slices.Clone(known), func(k string) bool { return s.fields[k].key != "" })
		if meant := suggest(f.key, absent); meant != "" {
			s.meant[meant] = true
			r.add(f.at, "unknown key %s in %s; did you mean %q?", quote(f.key), name, meant)
		} else {
			r.add(f.at, "unknown key %s in %s; %s", quote(f.key), name, use(known))
		}
	}
	return s
}

// sub reads the map under a key of s. It is not ok if the key is not there.
func (r *catalogReader) sub(s section, key, name string, known ...string) (section, bool) {
	f, ok := s.fields[key]
	if !ok {
		return section{}, false
	}
	return r.section(f.value, name, f.at, f.position(), known...), true
}

// require returns the field of the key, and reports it if it is missing.
func (r *catalogReader) require(s section, key string) (field, bool) {
	f, ok := s.fields[key]
	if !ok && !s.has(key) {
		r.add(s.at, "%s has no %q", s.name, key)
	}
	return f, ok && !alias(f.value)
}

// text reads a name for people to read.
func (r *catalogReader) text(s section, key string) string {
	f, ok := r.require(s, key)
	if !ok {
		return ""
	}
	v, ok := asText(f.value)
	if !ok || !isLabel(v) {
		r.add(f.position(), "%q in %s must be a text of 1 to 60 characters, not %s", key, s.name, found(f.value))
		return ""
	}
	return v
}

// word reads one of a few words.
func (r *catalogReader) word(s section, key string, words ...string) string {
	f, ok := r.require(s, key)
	if !ok {
		return ""
	}
	v, _ := asText(f.value)
	if slices.Contains(words, v) {
		return v
	}
	r.add(f.position(), "%q in %s cannot be %s%s", key, s.name, found(f.value), instead(v, words))
	return ""
}

// integer reads a whole number within bounds.
func (r *catalogReader) integer(s section, key string, least, most int64) int64 {
	f, ok := r.require(s, key)
	if !ok {
		return 0
	}
	v, ok := asInteger(f.value)
	if !ok || v < least || v > most {
		r.add(f.position(), "%q in %s must be a whole number from %d to %d, not %s", key, s.name, least, most, found(f.value))
		return 0
	}
	return v
}

// boolean reads true or false.
func (r *catalogReader) boolean(s section, key string) bool {
	f, ok := r.require(s, key)
	if !ok {
		return false
	}
	v, ok := unwrap(f.value).(*ast.BoolNode)
	if !ok {
		r.add(f.position(), "%q in %s must be true or false, not %s", key, s.name, found(f.value))
		return false
	}
	return v.Value
}

// asText returns the text of a scalar that YAML reads as text.
func asText(n ast.Node) (string, bool) {
	v, ok := unwrap(n).(*ast.StringNode)
	if !ok {
		return "", false
	}
	return v.Value, true
}

// asInteger returns a number that is written in plain digits. YAML's octal, hex
// and underscore forms are read differently by different programs.
func asInteger(n ast.Node) (int64, bool) {
	v, ok := unwrap(n).(*ast.IntegerNode)
	if !ok {
		return 0, false
	}
	raw := v.Token.Value
	i, err := strconv.ParseInt(raw, 10, 64)
	return i, err == nil && strconv.FormatInt(i, 10) == raw
}

// quoted reports whether the scalar is text in quotes.
func quoted(n ast.Node) bool {
	v, ok := unwrap(n).(*ast.StringNode)
	return ok && (v.Token.Type == token.DoubleQuoteType || v.Token.Type == token.SingleQuoteType)
}

// isLabel reports whether s can be shown as a name.
func isLabel(s string) bool {
	n := utf8.RuneCountInString(s)
	return n >= 1 && n <= 60 && s == strings.TrimSpace(s) && strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
}

// isID reports whether s can be an id of a plan or resource.
func isID(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// unwrap returns the value behind an anchor or a tag, which are reported by
// refuseFeatures, so that the mistakes within are found too.
func unwrap(n ast.Node) ast.Node {
	for {
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.TagNode:
			n = v.Value
		default:
			return n
		}
	}
}

// alias reports whether the value cannot be known for a feature that is refused
// and reported already.
func alias(n ast.Node) bool {
	switch unwrap(n).(type) {
	case *ast.AliasNode, *ast.LiteralNode:
		return true
	}
	return false
}

// found describes a value for the end of a message.
func found(n ast.Node) string {
	switch v := unwrap(n).(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case *ast.MappingNode:
		return "a map"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode:
		return quote(v.Value)
	default:
		return strings.Trim(quote(v.GetToken().Value), `"`)
	}
}
