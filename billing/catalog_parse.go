package billing

import (
	"bytes"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Bounds of a catalogue. They keep every number that is computed from one within
// what JSON readers hold exactly, and every page readable.
const (
	maxLimit      = 1<<53 - 1
	maxPerUnit    = 1_000_000_000_000
	maxIncluded   = 1000
	maxAdditional = 99 // the API's targets are 0 to 99
	maxTrialDays  = 730
	maxAmount     = 999_999_999_999 // minor units; the processor takes twelve digits
	maxResources  = 100
	maxPlans      = 50
)

// catalogReader reads one file. What it has read is complete only if it found no
// problem.
type catalogReader struct {
	problems
	catalog   Catalog
	decimals  int               // of the currency; catalog.Currency is empty while it is unknown
	resources bool              // all of them could be read, so that ids can be looked up
	perUnit   map[string]int64  // nil if there is no capacity section that could be read
	plans     []planInFile      // in the order of the file
	lost      bool              // not all plans could be read
	lookups   map[string]string // lookup key → the price that has it
}

// ParseCatalog reads a catalogue file; name is what messages call it. The error
// is a *CatalogError with every mistake in the file.
func ParseCatalog(name string, src []byte) (*Catalog, error) {
	r := &catalogReader{
		catalog:  Catalog{Name: name, Source: bytes.Clone(src)},
		decimals: 2, // for examples, until the currency is known
		lookups:  map[string]string{},
	}
	if body := readYAML(src, &r.problems); body != nil {
		r.file(body)
	}
	if err := r.err(name); err != nil {
		return nil, err
	}
	r.catalog.Version = r.catalog.hash()
	return &r.catalog, nil
}

func (r *catalogReader) file(body ast.Node) {
	s := r.section(body, "the file", start(), nodePosition(body),
		"version", "currency", "default_plan", "resources", "plans", "capacity")
	if s.broken || !r.version(s) {
		return
	}
	r.readCurrency(s)
	r.readResources(s)
	r.readCapacity(s)
	r.readPlans(s)
	r.checkDefault(s)
	for _, p := range r.plans {
		r.checkLimits(p)
		r.catalog.Plans = append(r.catalog.Plans, p.Plan)
	}
	r.checkCapacity(s)
}

// version reports whether the file is in the format that this program reads. In
// any other one, unknown keys may well be right.
func (r *catalogReader) version(s section) bool {
	f, ok := r.require(s, "version")
	if !ok {
		return true
	}
	v, ok := asInteger(f.value)
	if !ok || v != 1 {
		r.add(f.position(), "version must be 1, not %s", found(f.value))
	}
	return !ok || v == 1
}

func (r *catalogReader) readCurrency(s section) {
	f, ok := r.require(s, "currency")
	if !ok {
		return
	}
	code, _ := asText(f.value)
	decimals, known := currencyDecimals(code)
	_, lower := currencyDecimals(strings.ToLower(code))
	switch {
	case !known && lower:
		r.add(f.position(), "unknown currency %q; did you mean %q?", code, strings.ToLower(code))
	case !known:
		r.add(f.position(), "unknown currency %s; write an ISO 4217 code in lower case, as in usd", found(f.value))
	case !priceable(code, decimals):
		r.add(f.position(), "currency %q cannot be used: payment processors count its minor units differently", code)
	default:
		r.catalog.Currency, r.decimals = code, decimals
	}
}

// priceable reports whether the processor's minor units are those of ISO 4217.
// They are not for isk, ugx (two decimals there, none here) and mga (none there,
// two here): a price would be charged a hundredfold, or a hundredth of it.
func priceable(code string, decimals int) bool {
	return code != "isk" && code != "ugx" && code != "mga" && decimals <= 3
}

func (r *catalogReader) readResources(s section) {
	f, ok := r.require(s, "resources")
	if !ok {
		return
	}
	m := r.mapping(f.value, "resources", f.position())
	r.resources = m.ok && !m.unread
	for i, f := range m.fields {
		if i == maxResources {
			r.add(f.at, "more than %d resources", maxResources)
			r.resources = false
			return
		}
		r.catalog.Resources = append(r.catalog.Resources, r.resource(f))
	}
}

func (r *catalogReader) resource(f field) Resource {
	if !r.checkID("resource", f) {
		r.resources = false // the limits may use another id, and be right
	}
	res := Resource{ID: f.key}
	s := r.section(f.value, "resource "+quote(f.key), f.at, f.position(), "kind", "label", "resets")
	res.Kind = ResourceKind(r.word(s, "kind", string(Gauge), string(Counter)))
	res.Singular, res.Plural = r.label(s)
	resets, there := s.fields["resets"]
	switch {
	case res.Kind == Gauge && there:
		r.add(resets.at, "%s is a gauge and never resets; remove %q", s.name, "resets")
	case res.Kind == Counter && !s.has("resets"):
		r.add(s.at, "%s is a counter and has no %q; %s", s.name, "resets", use([]string{ResetsCalendarMonth, ResetsBillingPeriod}))
	case there && res.Kind != Gauge:
		res.Resets = r.word(s, "resets", ResetsCalendarMonth, ResetsBillingPeriod)
	}
	return res
}

func (r *catalogReader) label(s section) (singular, plural string) {
	f, ok := r.require(s, "label")
	if !ok {
		return "", ""
	}
	if list, ok := unwrap(f.value).(*ast.SequenceNode); ok && len(list.Values) == 2 {
		one, ok1 := asText(list.Values[0])
		many, ok2 := asText(list.Values[1])
		if ok1 && ok2 && isLabel(one) && isLabel(many) {
			return one, many
		}
	}
	r.add(f.position(), "%q in %s must be a list of two texts of 1 to 60 characters, as in [agent, agents]", "label", s.name)
	return "", ""
}

func (r *catalogReader) readCapacity(s section) {
	s, ok := r.sub(s, "capacity", "capacity", "per_unit")
	if !ok {
		return
	}
	f, ok := r.require(s, "per_unit")
	if !ok {
		return
	}
	m := r.mapping(f.value, "per_unit of capacity", f.position())
	if m.ok && len(m.fields) == 0 && !m.unread {
		r.add(f.position(), "per_unit of capacity is empty; write what one unit allows of a resource")
	}
	if len(m.fields) == 0 || m.unread {
		return
	}
	r.perUnit = map[string]int64{}
	for _, f := range m.fields {
		if id, ok := r.resourceID(f, m.fields, "per_unit of capacity"); ok {
			r.perUnit[id] = r.figure(f)
		}
	}
	r.catalog.Capacity = &Capacity{PerUnit: r.perUnit}
}

// figure reads what one unit allows of a resource.
func (r *catalogReader) figure(f field) int64 {
	n, ok := asInteger(f.value)
	if !alias(f.value) && (!ok || n < 0 || n > maxPerUnit) {
		r.add(f.position(), "%s in per_unit of capacity must be a whole number from 0 to %d, not %s", quote(f.key), int64(maxPerUnit), found(f.value))
	}
	return n
}

// resourceID returns the resource that a key names or, misspelled, is taken for.
// It is not ok if there is nothing to read for it; the mistake is reported.
func (r *catalogReader) resourceID(f field, all []field, where string) (id string, ok bool) {
	if _, known := r.catalog.Resource(f.key); known || !r.resources {
		return f.key, true
	}
	var absent, known []string
	for _, res := range r.catalog.Resources {
		known = append(known, res.ID)
		if !hasKey(all, res.ID) {
			absent = append(absent, res.ID)
		}
	}
	if meant := suggest(f.key, absent); meant != "" {
		r.add(f.at, "unknown resource %s in %s; did you mean %q?", quote(f.key), where, meant)
		return meant, true
	}
	r.add(f.at, "unknown resource %s in %s; %s", quote(f.key), where, use(known))
	return "", false
}

func hasKey(list []field, key string) bool {
	for _, f := range list {
		if f.key == key {
			return true
		}
	}
	return false
}

// checkID reports an id that cannot be one. "other" is what a request for a
// higher limit says when it means none of the resources.
func (r *catalogReader) checkID(kind string, f field) bool {
	switch {
	case !isID(f.key):
		r.add(f.at, "%s id %s must be 1 to 64 of a-z, 0-9 and _", kind, quote(f.key))
	case kind == "resource" && f.key == "other":
		r.add(f.at, `resource id "other" is reserved; choose another`)
	default:
		return true
	}
	return false
}
