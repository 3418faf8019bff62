package web

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// shape is what the tags of a struct demand of an object (see package api).
type shape struct {
	fields   map[string]*field
	required []*field
}

type field struct {
	name  string
	index int    // in the struct
	bit   uint64 // its own, to tell which were seen
	rule
}

// rule is what a value has to be.
type rule struct {
	of      reflect.Type
	raw     bool   // anything
	object  *shape // of a struct
	elem    *rule  // of a slice
	enum    []string
	bounded bool
	low     int64
	high    int64
}

// shapes remembers what was found out about a type, which never changes.
var shapes sync.Map

func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{fields: make(map[string]*field, t.NumField())}
	for f := range t.Fields() {
		name, optional, _ := strings.Cut(f.Tag.Get("json"), ",")
		at := len(s.fields)
		known := &field{name: name, index: at, bit: 1 << at, rule: ruleOf(f.Type, f.Tag)}
		if s.fields[name] = known; optional != "omitempty" {
			s.required = append(s.required, known)
		}
	}
	shapes.Store(t, s)
	return s
}

func ruleOf(t reflect.Type, tag reflect.StructTag) rule {
	if t.Kind() == reflect.Pointer { // for what may be absent
		t = t.Elem()
	}
	r := rule{of: t, raw: t == reflect.TypeFor[json.RawMessage]()}
	switch {
	case r.raw:
	case t.Kind() == reflect.Struct:
		r.object = shapeOf(t)
	case t.Kind() == reflect.Slice:
		elem := ruleOf(t.Elem(), tag)
		r.elem = &elem
	}
	if enum := tag.Get("enum"); enum != "" {
		r.enum = strings.Split(enum, ",")
	}
	if low, high := tag.Get("min"), tag.Get("max"); low != "" && high != "" {
		r.bounded = true
		r.low, _ = strconv.ParseInt(low, 10, 64)
		r.high, _ = strconv.ParseInt(high, 10, 64)
	}
	return r
}

func (r *rule) setString(into reflect.Value, v, at string) error {
	if v == "" {
		return badField(at, "must not be empty")
	}
	if strings.ContainsRune(v, 0) {
		return badField(at, "must not contain a NUL character")
	}
	if r.enum != nil && !slices.Contains(r.enum, v) {
		return badField(at, "must be one of: "+strings.Join(r.enum, ", "))
	}
	into.SetString(v)
	return nil
}

func (r *rule) setInt(into reflect.Value, v, at string) error {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || v == "-0" /* no whole number: some readers make a float of it */ || r.bounded && (n < r.low || n > r.high) || into.OverflowInt(n) {
		return badField(at, "must be "+r.words())
	}
	into.SetInt(n)
	return nil
}

// words say what kind of value it has to be.
func (r *rule) words() string {
	if r.bounded {
		return "a whole number from " + strconv.FormatInt(r.low, 10) + " to " + strconv.FormatInt(r.high, 10)
	}
	switch r.of.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number"
	}
	return "of another type"
}
