package billing

import (
	"embed"
	"fmt"
	"strings"
)

// Catalog is what can be bought: the resources that are counted and the plans
// that limit them. It comes from one file (see docs/catalog.md) and never changes
// once read.
type Catalog struct {
	Version     string     // "sha256:" and the hash of what the file says; comments and layout do not count
	Name        string     // the built-in catalogue's name, or the file's path
	Currency    string     // lower-case ISO 4217 code of every price
	DefaultPlan string     // id of the free plan, which is always Plans[0]
	Resources   []Resource // in the order of the file
	Plans       []Plan     // in the order of the file, which is their rank
	Capacity    *Capacity  // nil when no plan is sold in units
	Source      []byte     // the file, byte for byte
}

// ResourceKind says how the use of a resource is measured.
type ResourceKind string

// The kinds of resource.
const (
	Gauge   ResourceKind = "gauge"   // how many there are now
	Counter ResourceKind = "counter" // how many were used since the last reset
)

// The moments at which a counter starts again at zero.
const (
	ResetsCalendarMonth = "calendar_month" // the first of the month, 00:00 UTC
	ResetsBillingPeriod = "billing_period" // the renewal of the subscription
)

// Resource is something that plans limit.
type Resource struct {
	ID       string
	Kind     ResourceKind
	Singular string // "API call"
	Plural   string // "API calls"
	Resets   string // ResetsCalendarMonth or ResetsBillingPeriod for a counter, "" for a gauge
}

// Plan is one column of the price list.
type Plan struct {
	ID     string
	Name   string
	Rank   int              // 0 for the free plan; a higher rank is an upgrade
	Price  Price            // for the free plan: no amount and no lookup key
	Limits map[string]Limit // by resource id; without those that Units sets
	Units  *Units           // nil unless the plan is sold in capacity units
	Trial  *TrialOffer      // nil unless the plan can be tried
	// Additional is how many units an org has bought on top of the plan that it is
	// on. In the catalogue itself it is 0.
	Additional int64
}

// Price is a recurring charge.
type Price struct {
	Money
	Interval  string // "month" or "year"
	LookupKey string // finds the price at the payment processor
}

// Limit is the most that a plan allows of a resource.
type Limit struct {
	Value     int64 // meaningless when Unlimited
	Unlimited bool
}

// Units is the capacity that a plan is sold in.
type Units struct {
	Included      int64            // part of the plan's own price
	MaxAdditional int64            // the most that can be bought on top
	Price         Price            // of one additional unit
	PerUnit       map[string]int64 // what one unit allows; shared with Catalog.Capacity
}

// Capacity is what one unit allows of each resource, in every plan with units.
type Capacity struct {
	PerUnit map[string]int64 // by resource id
}

// TrialOffer is how a plan can be tried.
type TrialOffer struct {
	Days int
	Card bool // a card has to be entered first
}

// Paid reports whether the plan costs anything.
func (p Plan) Paid() bool { return p.Price.LookupKey != "" }

// Above reports whether p ranks higher than o.
func (p Plan) Above(o Plan) bool { return p.Rank > o.Rank }

// With returns the plan as an org has it that has bought so many units on top.
func (p Plan) With(additional int64) Plan {
	p.Additional = additional
	return p
}

// TotalUnits is how many capacity units the plan gives: included and additional.
func (p Plan) TotalUnits() int64 {
	if p.Units == nil {
		return 0
	}
	return p.Units.Included + max(p.Additional, 0)
}

// Cap returns what the plan allows of a resource: its own limit, or what a unit
// allows times all units. It allows nothing of a resource that the catalogue does
// not know.
func (p Plan) Cap(resource string) Limit {
	if p.Units != nil {
		if perUnit, ok := p.Units.PerUnit[resource]; ok {
			return Limit{Value: saturatingProduct(perUnit, p.Units.Included, max(p.Additional, 0))}
		}
	}
	return p.Limits[resource]
}

// saturatingProduct returns perUnit × (included + additional), none of them
// negative, or maxLimit where that would be more. The number of additional units
// comes from outside and may be anything.
func saturatingProduct(perUnit, included, additional int64) int64 {
	if perUnit == 0 {
		return 0
	}
	if additional > maxLimit || included+additional > maxLimit/perUnit {
		return maxLimit
	}
	return perUnit * (included + additional)
}

// ResourceActiveProjects is the gauge that the second published API shows beside
// the allowances, in catalogues that have it.
const ResourceActiveProjects = "active_projects"

// InUnits reports whether the resource is one that capacity units allow.
func (c *Catalog) InUnits(resource string) bool {
	if c.Capacity == nil {
		return false
	}
	_, ok := c.Capacity.PerUnit[resource]
	return ok
}

// Label returns the resource's name for a number of them: "agent" or "agents".
func (r Resource) Label(n int64) string {
	if n == 1 {
		return r.Singular
	}
	return r.Plural
}

// Plan returns the plan with the id.
func (c *Catalog) Plan(id string) (Plan, bool) {
	for _, p := range c.Plans {
		if p.ID == id {
			return p, true
		}
	}
	return Plan{}, false
}

// Resource returns the resource with the id.
func (c *Catalog) Resource(id string) (Resource, bool) {
	for _, r := range c.Resources {
		if r.ID == id {
			return r, true
		}
	}
	return Resource{}, false
}

// Free returns the default plan, the one of every org without a subscription.
func (c *Catalog) Free() Plan { return c.Plans[0] }

// FirstPaid returns the lowest paid plan; there may be none.
func (c *Catalog) FirstPaid() (Plan, bool) { return c.NextPlanAbove(c.Free()) }

// NextPlanAbove returns the plan that ranks just above p; there may be none.
func (c *Catalog) NextPlanAbove(p Plan) (Plan, bool) {
	if p.Rank+1 >= len(c.Plans) {
		return Plan{}, false
	}
	return c.Plans[p.Rank+1], true
}

// ByLookupKey returns the plan that a price belongs to, and whether the price is
// that of an additional unit.
func (c *Catalog) ByLookupKey(key string) (plan Plan, unit, ok bool) {
	if key == "" { // the free plan's
		return Plan{}, false, false
	}
	for _, p := range c.Plans {
		if p.Price.LookupKey == key {
			return p, false, true
		}
		if p.Units != nil && p.Units.Price.LookupKey == key {
			return p, true, true
		}
	}
	return Plan{}, false, false
}

//go:embed catalogs/flat.yaml catalogs/capacity.yaml
var builtinCatalogs embed.FS

// builtinNames are the catalogues that need no file, for messages and look-ups.
const builtinNames = "flat and capacity"

// Builtin returns the catalogue that comes with the program under the name,
// "flat" or "capacity".
func Builtin(name string) (*Catalog, error) {
	if name != "flat" && name != "capacity" {
		return nil, fmt.Errorf("no built-in catalogue %q; there are %s", name, builtinNames)
	}
	src, err := builtinCatalogs.ReadFile("catalogs/" + name + ".yaml")
	if err != nil {
		return nil, err
	}
	return ParseCatalog(name, src)
}

// LoadCatalog returns the built-in catalogue of the name, or else the one in the
// file at the path, which readFile (os.ReadFile) reads. A file called like a
// built-in catalogue needs its folder in the path: "./flat".
func LoadCatalog(nameOrPath string, readFile func(string) ([]byte, error)) (*Catalog, error) {
	if c, err := Builtin(nameOrPath); err == nil {
		return c, nil
	}
	src, err := readFile(nameOrPath)
	if err != nil {
		if !strings.ContainsAny(nameOrPath, `./\`) {
			return nil, fmt.Errorf("no built-in catalogue %q (there are %s) and no such file: %w", nameOrPath, builtinNames, err)
		}
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	return ParseCatalog(nameOrPath, src)
}
