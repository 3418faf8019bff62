package billing

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// planInFile is a plan together with what is needed to check it against the
// rest of the file.
type planInFile struct {
	Plan
	file   section
	limits map[string]bool // resources with a limit, even a wrong one
	whole  bool            // the limits could be read, so that a missing one is missing
}

// free reports whether the file means the plan to cost nothing.
func (p planInFile) free() bool { return !p.file.has("price") }

func (r *catalogReader) readPlans(s section) {
	f, ok := r.require(s, "plans")
	if !ok {
		return
	}
	m := r.mapping(f.value, "plans", f.position())
	if m.ok && len(m.fields) == 0 && !m.unread {
		r.add(f.position(), "plans is empty; write at least the default plan")
	}
	r.lost = m.unread || m.repeated
	for rank, f := range m.fields {
		if rank == maxPlans {
			r.add(f.at, "more than %d plans", maxPlans)
			r.lost = true
			return
		}
		r.plans = append(r.plans, r.plan(f, rank))
	}
}

func (r *catalogReader) plan(f field, rank int) planInFile {
	r.checkID("plan", f)
	s := r.section(f.value, "plan "+quote(f.key), f.at, f.position(), "name", "price", "limits", "units", "trial")
	p := planInFile{Plan: Plan{ID: f.key, Rank: rank, Limits: map[string]Limit{}}, file: s, limits: map[string]bool{}}
	p.Name = r.text(s, "name")
	p.Price = r.price(s, s.name)
	r.readLimits(&p)
	p.Units = r.units(p)
	p.Trial = r.trial(s)
	return p
}

// price reads the price under s, if there is one.
func (r *catalogReader) price(s section, of string) Price {
	name := "price of " + of
	s, ok := r.sub(s, "price", name, "amount", "per", "lookup_key")
	if !ok {
		return Price{}
	}
	return Price{
		Money:     Money{Amount: r.amount(s), Currency: r.catalog.Currency},
		Interval:  r.word(s, "per", "month", "year"),
		LookupKey: r.lookupKey(s),
	}
}

// amount reads a decimal in quotes. Without quotes YAML makes a number of it, and
// from there 19.00 has been read as 19 cents.
func (r *catalogReader) amount(s section) int64 {
	f, ok := r.require(s, "amount")
	if !ok {
		return 0
	}
	if !quoted(f.value) {
		r.amountWithoutQuotes(s, f)
		return 0
	}
	text, _ := asText(f.value)
	if r.catalog.Currency == "" {
		return 0 // unknown, hence nothing can be said about the decimals
	}
	amount, reason := parseDecimal(text, r.catalog.Currency, r.decimals)
	switch {
	case reason != "":
	case amount == 0:
		reason = "a price is above zero"
	case amount > maxAmount:
		reason = "too large"
	case r.decimals == 3 && amount%10 != 0:
		reason = "payment processors take " + r.catalog.Currency + " only with 0 as the last digit"
	default:
		return amount
	}
	r.add(f.position(), "amount %s in %s: %s", quote(text), s.name, reason)
	return 0
}

func (r *catalogReader) amountWithoutQuotes(s section, f field) {
	example := exampleAmount(r.decimals)
	n := unwrap(f.value)
	if _, scalar := n.(ast.ScalarNode); !scalar || found(n) == "nothing" {
		r.add(f.position(), `"amount" in %s must be an amount in quotes, as in %q, not %s`, s.name, example, found(n))
		return
	}
	raw := n.GetToken().Value
	if _, reason := parseDecimal(raw, r.catalog.Currency, r.decimals); reason == "" {
		example = raw
	}
	r.add(f.position(), "amount %s in %s has no quotes; write the amount in quotes, as in %q", strings.Trim(quote(raw), `"`), s.name, example)
}

// lookupKey reads the name of the price at the payment processor. No two prices
// may share one, or a subscription could not be traced back to its plan.
func (r *catalogReader) lookupKey(s section) string {
	f, ok := r.require(s, "lookup_key")
	if !ok {
		return ""
	}
	key, ok := asText(f.value)
	visible := strings.IndexFunc(key, func(c rune) bool { return c <= ' ' || c > '~' }) < 0
	if !ok || key == "" || len(key) > 200 || !visible {
		r.add(f.position(), "%q in %s must be a text of 1 to 200 visible ASCII characters, not %s", "lookup_key", s.name, found(f.value))
		return ""
	}
	if owner, taken := r.lookups[key]; taken {
		r.add(f.position(), "lookup_key %s in %s is already used in %s", quote(key), s.name, owner)
		return key
	}
	r.lookups[key] = s.name
	return key
}

// readLimits reads the limits that a plan sets itself.
func (r *catalogReader) readLimits(p *planInFile) {
	f, ok := p.file.fields["limits"]
	if !ok {
		return
	}
	name := "limits of " + p.file.name
	m := r.mapping(f.value, name, f.position())
	p.whole = m.ok && !m.unread
	_, inUnits := p.file.fields["units"]
	for _, f := range m.fields {
		id, ok := r.resourceID(f, m.fields, name)
		if !ok {
			continue
		}
		p.limits[id] = true
		if _, perUnit := r.perUnit[f.key]; perUnit && inUnits && !p.free() {
			r.add(f.at, "%q in %s is set by per_unit of capacity; remove it", f.key, name)
			continue
		}
		p.Limits[id] = r.limit(f, name)
	}
}

func (r *catalogReader) limit(f field, where string) Limit {
	n, isNumber := asInteger(f.value)
	text, _ := asText(f.value)
	switch {
	case isNumber && n >= 0 && n <= maxLimit:
		return Limit{Value: n}
	case text == "unlimited":
		return Limit{Unlimited: true}
	case alias(f.value):
	case isNumber && n < 0:
		r.add(f.position(), "%s in %s is negative; write 0 or more, or unlimited", quote(f.key), where)
	case isNumber:
		r.add(f.position(), "%s in %s is above %d; write unlimited", quote(f.key), where, int64(maxLimit))
	case digits(text) && quoted(f.value):
		r.add(f.position(), "%s in %s is in quotes; write the number without them", quote(f.key), where)
	default:
		hint := ""
		if suggest(text, []string{"unlimited"}) != "" {
			hint = `; did you mean "unlimited"?`
		}
		r.add(f.position(), "%s in %s must be a whole number or unlimited, not %s%s", quote(f.key), where, found(f.value), hint)
	}
	return Limit{}
}

func (r *catalogReader) units(p planInFile) *Units {
	s, ok := r.sub(p.file, "units", "units of "+p.file.name, "included", "max_additional", "price")
	if !ok {
		return nil
	}
	r.require(s, "price")
	u := &Units{
		Included:      r.integer(s, "included", 1, maxIncluded),
		MaxAdditional: r.integer(s, "max_additional", 1, maxAdditional),
		Price:         r.price(s, s.name),
		PerUnit:       r.perUnit,
	}
	if of, own := u.Price.Interval, p.Price.Interval; of != "" && own != "" && of != own {
		r.add(s.fields["price"].position(), "price of %s is per %s and that of the plan per %s; one subscription needs one interval", s.name, of, own)
	}
	return u
}

func (r *catalogReader) trial(s section) *TrialOffer {
	s, ok := r.sub(s, "trial", "trial of "+s.name, "days", "card")
	if !ok {
		return nil
	}
	return &TrialOffer{Days: int(r.integer(s, "days", 1, maxTrialDays)), Card: r.boolean(s, "card")}
}

// checkDefault checks that the default plan is the one free plan, and the lowest.
func (r *catalogReader) checkDefault(s section) {
	f, ok := r.require(s, "default_plan")
	if !ok || len(r.plans) == 0 {
		return
	}
	id, _ := asText(f.value)
	rank := slices.IndexFunc(r.plans, func(p planInFile) bool { return p.ID == id })
	switch {
	case rank < 0 && r.lost:
		return
	case rank < 0:
		r.add(f.position(), "default_plan %s is not a plan%s", found(f.value), instead(id, r.planIDs()))
		return
	case r.plans[rank].file.broken:
		return
	case !r.plans[rank].free():
		r.add(f.position(), "default_plan %q has a price; the default plan is free", id)
		return
	case rank > 0:
		r.add(f.position(), "default_plan %q is not the first plan; the order of plans is their rank and the free one is the lowest", id)
	}
	r.catalog.DefaultPlan = id
	for _, p := range r.plans {
		r.checkPrice(p, p.ID == id)
	}
}

func (r *catalogReader) planIDs() []string {
	ids := make([]string, len(r.plans))
	for i, p := range r.plans {
		ids[i] = p.ID
	}
	return ids
}

// checkPrice checks what only paid plans have.
func (r *catalogReader) checkPrice(p planInFile, isDefault bool) {
	if !isDefault {
		if p.free() {
			r.add(p.file.at, "%s has no \"price\"; only the default plan is free", p.file.name)
		}
		return
	}
	for _, key := range []string{"units", "trial"} {
		if f, there := p.file.fields[key]; there {
			r.add(f.at, "%s is free and cannot have %q", p.file.name, key)
		}
	}
}

// checkLimits checks that the plan says something about every resource: a
// forgotten limit must not mean "none" to one reader and "no limit" to another.
func (r *catalogReader) checkLimits(p planInFile) {
	inUnits := p.file.has("units")
	if p.file.broken || !r.resources || inUnits && r.perUnit == nil {
		return
	}
	var gaps []string
	for _, res := range r.catalog.Resources {
		if _, perUnit := r.perUnit[res.ID]; !p.limits[res.ID] && !(perUnit && inUnits) {
			gaps = append(gaps, res.ID)
		}
	}
	switch {
	case len(gaps) > 0 && !p.file.has("limits"):
		r.add(p.file.at, "%s has no %q", p.file.name, "limits")
	case p.whole:
		for _, id := range gaps {
			r.add(p.file.fields["limits"].at, "limits of %s has nothing for %q; write a number or unlimited", p.file.name, id)
		}
	}
}

// checkCapacity checks that units and what one unit allows come together.
func (r *catalogReader) checkCapacity(s section) {
	used := len(r.plans) == 0 || r.lost
	for _, p := range r.plans {
		used = used || p.file.has("units")
		if units, there := p.file.fields["units"]; there && !s.has("capacity") {
			r.add(units.at, `%s has "units" but the file has no "capacity"`, p.file.name)
		}
	}
	if f, there := s.fields["capacity"]; there && !used {
		r.add(f.at, `capacity is used by no plan; give a plan "units" or remove it`)
	}
}
