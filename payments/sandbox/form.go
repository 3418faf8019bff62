package sandbox

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// node is one level of a form-encoded body: a[b][0]=x is a tree.
type node struct {
	val  string
	leaf bool
	seen bool
	kids map[string]*node
}

func (n *node) child(key string) *node {
	if n.kids == nil {
		n.kids = map[string]*node{}
	}
	k := n.kids[key]
	if k == nil {
		k = &node{}
		n.kids[key] = k
	}
	return k
}

// parseForm builds the tree. A key that does not parse is kept whole, so that
// it is reported as unknown.
func parseForm(v url.Values) *node {
	root := &node{}
	for key, vals := range v {
		for _, val := range vals {
			n := root
			for _, part := range splitKey(key) {
				if part == "" {
					part = strconv.Itoa(len(n.kids))
				}
				n = n.child(part)
			}
			n.val, n.leaf = val, true
		}
	}
	return root
}

func splitKey(key string) []string {
	head, rest, ok := strings.Cut(key, "[")
	if !ok || head == "" || !strings.HasSuffix(rest, "]") {
		return []string{key}
	}
	return append([]string{head}, strings.Split(strings.TrimSuffix(rest, "]"), "][")...)
}

// params reads one level of the tree. The first mistake is kept in *err, so
// that a handler reads everything and then asks once.
type params struct {
	n    *node
	path string
	err  **apiError
}

func (p params) name(key string) string {
	if p.path == "" {
		return key
	}
	return p.path + "[" + key + "]"
}

func (p params) fail(e *apiError) {
	if *p.err == nil {
		*p.err = e
	}
}

// has reports whether the parameter was sent, empty or not.
func (p params) has(key string) bool { return p.n.kids[key] != nil }

// str returns a scalar, "" if it was not sent.
func (p params) str(key string) string {
	k := p.n.kids[key]
	if k == nil {
		return ""
	}
	k.seen = true
	if !k.leaf {
		p.fail(invalid("", p.name(key), "Invalid string: {}"))
	}
	return k.val
}

// need is str for a required parameter.
func (p params) need(key string) string {
	v := p.str(key)
	switch {
	case !p.has(key):
		p.fail(required(p.name(key)))
	case v == "":
		p.fail(invalid("parameter_invalid_empty", p.name(key), "You passed an empty string for '%s'. We assume empty values are an attempt to unset a parameter; however '%s' cannot be unset. You should remove '%s' from your request or supply a non-empty value.", p.name(key), p.name(key), p.name(key)))
	}
	return v
}

func (p params) int(key string) int64 {
	v := p.str(key)
	if !p.has(key) {
		return 0
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		p.fail(invalid("parameter_invalid_integer", p.name(key), "Invalid integer: %s", v))
	}
	return n
}

func (p params) bool(key string) bool {
	v := p.str(key)
	if p.has(key) && v != "true" && v != "false" {
		p.fail(invalid("", p.name(key), "Invalid boolean: %s", v))
	}
	return v == "true"
}

// enum returns the parameter or, if it was not sent, the first choice.
func (p params) enum(key string, choices ...string) string {
	if !p.has(key) {
		return choices[0]
	}
	v := p.str(key)
	if !slices.Contains(choices, v) {
		p.fail(invalid("", p.name(key), "Invalid %s: must be one of %s", p.name(key), strings.Join(choices, ", ")))
	}
	return v
}

// sub returns a nested hash; an absent one reads as empty.
func (p params) sub(key string) params {
	k := p.n.kids[key]
	if k == nil {
		return params{&node{}, p.name(key), p.err}
	}
	if k.leaf && k.val == "" {
		k.seen = true
	} else if k.leaf {
		k.seen = true
		p.fail(invalid("", p.name(key), "Invalid hash"))
	}
	return params{k, p.name(key), p.err}
}

// list returns the elements of an array of hashes in the order of their indexes.
func (p params) list(key string) []params {
	arr := p.sub(key)
	var out []params
	for _, k := range arr.indexes() {
		out = append(out, arr.sub(k))
	}
	return out
}

// strs returns an array of scalars.
func (p params) strs(key string) []string {
	arr := p.sub(key)
	var out []string
	for _, k := range arr.indexes() {
		out = append(out, arr.str(k))
	}
	return out
}

func (p params) indexes() []string {
	keys := make([]string, 0, len(p.n.kids))
	for k := range p.n.kids {
		if _, err := strconv.Atoi(k); err != nil {
			p.fail(invalid("", p.path, "Invalid array"))
			continue
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int {
		i, _ := strconv.Atoi(a)
		j, _ := strconv.Atoi(b)
		return i - j
	})
	return keys
}

// patch is a change of metadata: keys are merged, an empty value removes one,
// an empty hash removes all.
type patch struct {
	sent, clear bool
	set         map[string]string
}

func (p params) metadata() patch {
	if !p.has("metadata") {
		return patch{}
	}
	m := p.sub("metadata")
	out := patch{sent: true, clear: m.n.leaf, set: map[string]string{}}
	for k := range m.n.kids {
		v := m.str(k)
		switch {
		case len(k) > 40:
			p.fail(invalid("", m.name(k), "Metadata keys can have up to 40 characters, but you passed one with %d characters", len(k)))
		case len(v) > 500:
			p.fail(invalid("", m.name(k), "Metadata values can have up to 500 characters, but you passed one with %d characters", len(v)))
		}
		out.set[k] = v
	}
	if len(out.set) > 50 {
		p.fail(invalid("", "metadata", "You can only have 50 metadata keys"))
	}
	return out
}

func (m patch) apply(old map[string]string) map[string]string {
	out := map[string]string{}
	if !m.clear {
		for k, v := range old {
			out[k] = v
		}
	}
	for k, v := range m.set {
		if v == "" {
			delete(out, k)
		} else {
			out[k] = v
		}
	}
	return out
}

// unknown returns the name of a sent parameter that nothing read, or "".
func (n *node) unknown(path string) string {
	keys := make([]string, 0, len(n.kids))
	for k := range n.kids {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		name := params{path: path}.name(k)
		kid := n.kids[k]
		if kid.leaf && !kid.seen {
			return name
		}
		if found := kid.unknown(name); found != "" {
			return found
		}
	}
	return ""
}
