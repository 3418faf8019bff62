package billing

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func builtin(t *testing.T, name string) *Catalog {
	t.Helper()
	c, err := Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func parse(t *testing.T, src string) *Catalog {
	t.Helper()
	c, err := ParseCatalog("test.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The figures are those of the published API, so they are written out here once more.
func TestFlatFigures(t *testing.T) {
	t.Parallel()
	c := builtin(t, "flat")
	prices := []int64{0, 1900, 4900}
	checkPlans(t, c, []string{"free", "pro", "scale"}, []string{"Free", "Pro", "Scale"}, prices)
	for _, row := range []struct {
		id, one, many string
		kind          ResourceKind
		caps          [3]int64
	}{
		{"agents", "agent", "agents", Gauge, [3]int64{3, 10, 30}},
		{"members", "member", "members", Gauge, [3]int64{6, 20, 60}},
		{"workspaces", "workspace", "workspaces", Gauge, [3]int64{20, 200, 1000}},
		{"rows", "row", "rows", Gauge, [3]int64{500, 5000, 50000}},
		{"api_calls", "API call", "API calls", Counter, [3]int64{10_000, 100_000, 1_000_000}},
		{"webhooks", "webhook", "webhooks", Counter, [3]int64{1000, 10_000, 100_000}},
	} {
		checkResource(t, c, row.id, row.one, row.many, row.kind)
		for i, want := range row.caps {
			if got := c.Plans[i].Cap(row.id); got != (Limit{Value: want}) {
				t.Errorf("%s of %s = %v, want %d", row.id, c.Plans[i].ID, got, want)
			}
		}
	}
	if len(c.Resources) != 6 || c.Capacity != nil {
		t.Errorf("%d resources, capacity %v", len(c.Resources), c.Capacity)
	}
}

func TestCapacityFigures(t *testing.T) {
	t.Parallel()
	c := builtin(t, "capacity")
	checkPlans(t, c, []string{"free", "solo", "team"}, []string{"Free", "Solo", "Team"}, []int64{0, 299, 4900})
	for i, want := range []Units{
		1: {Included: 3, MaxAdditional: 99, Price: Price{Money{100, "usd"}, "month", "solo_unit_month"}},
		2: {Included: 10, MaxAdditional: 99, Price: Price{Money{400, "usd"}, "month", "team_unit_month"}},
	} {
		got, trial := c.Plans[i].Units, c.Plans[i].Trial
		if i == 0 {
			if got != nil || trial != nil {
				t.Error("the free plan has units or a trial")
			}
			continue
		}
		if got.Included != want.Included || got.MaxAdditional != want.MaxAdditional || got.Price != want.Price {
			t.Errorf("units of %s = %+v, want %+v", c.Plans[i].ID, got, want)
		}
		if *trial != (TrialOffer{Days: 30}) {
			t.Errorf("trial of %s = %+v", c.Plans[i].ID, trial)
		}
	}
	for _, row := range []struct {
		id, one, many       string
		kind                ResourceKind
		unit, free, s3, t10 int64 // s3: Solo with its 3 units, t10: Team with its 10
	}{
		{"monthly_bundle_requests", "bundle request", "bundle requests", Counter, 500, 250, 1500, 5000},
		{"monthly_raw_ingested_events", "raw ingested event", "raw ingested events", Counter, 7000, 3500, 21000, 70000},
		{"retained_bundle_cap", "retained bundle", "retained bundles", Gauge, 300, 150, 900, 3000},
		{"monthly_remote_activations", "remote activation", "remote activations", Counter, 50, 25, 150, 500},
		{"monthly_alert_deliveries", "alert delivery", "alert deliveries", Counter, 150, 75, 450, 1500},
		{"monthly_webhook_deliveries", "webhook delivery", "webhook deliveries", Counter, 500, 250, 1500, 5000},
	} {
		checkResource(t, c, row.id, row.one, row.many, row.kind)
		got := []int64{c.Capacity.PerUnit[row.id]}
		for _, p := range c.Plans {
			got = append(got, p.Cap(row.id).Value)
		}
		if want := []int64{row.unit, row.free, row.s3, row.t10}; !slices.Equal(got, want) {
			t.Errorf("%s: unit, free, solo, team = %v, want %v", row.id, got, want)
		}
	}
	checkResource(t, c, ResourceActiveProjects, "active project", "active projects", Gauge)
	for _, p := range c.Plans { // counted and never limited
		if !p.Cap(ResourceActiveProjects).Unlimited || c.InUnits(ResourceActiveProjects) {
			t.Errorf("%s limits active projects", p.ID)
		}
	}
	if len(c.Resources) != 7 || len(c.Capacity.PerUnit) != 6 {
		t.Errorf("%d resources, %d per unit", len(c.Resources), len(c.Capacity.PerUnit))
	}
}

func checkPlans(t *testing.T, c *Catalog, ids, names []string, prices []int64) {
	t.Helper()
	if c.Currency != "usd" || c.DefaultPlan != "free" || len(c.Plans) != len(ids) {
		t.Fatalf("currency %q, default plan %q, %d plans", c.Currency, c.DefaultPlan, len(c.Plans))
	}
	for rank, p := range c.Plans {
		want := Price{Money{prices[rank], "usd"}, "month", ids[rank] + "_month"}
		if rank == 0 {
			want = Price{}
		}
		if p.ID != ids[rank] || p.Name != names[rank] || p.Rank != rank || p.Price != want || p.Paid() != (rank > 0) {
			t.Errorf("plan %d = %+v, want %s %q at %v", rank, p, ids[rank], names[rank], want)
		}
	}
}

func checkResource(t *testing.T, c *Catalog, id, one, many string, kind ResourceKind) {
	t.Helper()
	want := Resource{ID: id, Kind: kind, Singular: one, Plural: many}
	if kind == Counter {
		want.Resets = ResetsCalendarMonth
	}
	if got, ok := c.Resource(id); !ok || got != want {
		t.Errorf("resource %s = %+v, want %+v", id, got, want)
	}
}

func TestCap(t *testing.T) {
	t.Parallel()
	c := parse(t, goodCatalog)
	for _, row := range []struct {
		plan, resource string
		additional     int64
		want           Limit
	}{
		{"free", "jobs", 0, Limit{Value: 5}},
		{"free", "jobs", 4, Limit{Value: 5}},                    // no units, whatever is said of them
		{"pro", "calls", 0, Limit{Unlimited: true}},             //
		{"team", "jobs", 0, Limit{Value: 500}},                  // 50 × 10
		{"team", "jobs", 2, Limit{Value: 600}},                  // 50 × (10 + 2)
		{"team", "jobs", 150, Limit{Value: 8000}},               // bought past the maximum elsewhere: paid for, so allowed
		{"team", "jobs", -3, Limit{Value: 500}},                 // never less than what the plan includes
		{"team", "agents", 2, Limit{Value: 30}},                 // not sold by the unit
		{"team", "seats", 2, Limit{}},                           // not in the catalogue: nothing is allowed
		{"team", "jobs", math.MaxInt64, Limit{Value: maxLimit}}, //
	} {
		p, ok := c.Plan(row.plan)
		if got := p.With(row.additional).Cap(row.resource); !ok || got != row.want {
			t.Errorf("%s of %s with %d more = %+v, want %+v", row.resource, row.plan, row.additional, got, row.want)
		}
	}
}

func TestCatalogLookups(t *testing.T) {
	t.Parallel()
	c := parse(t, goodCatalog)
	for _, row := range []struct {
		key, plan string
		unit, ok  bool
	}{
		{"pro_month", "pro", false, true},
		{"team_month", "team", false, true},
		{"unit_month", "team", true, true},
		{"other_month", "", false, false},
		{"", "", false, false}, // the free plan has no key
	} {
		plan, unit, ok := c.ByLookupKey(row.key)
		if plan.ID != row.plan || unit != row.unit || ok != row.ok {
			t.Errorf("ByLookupKey(%q) = %q, %v, %v", row.key, plan.ID, unit, ok)
		}
	}
	free, pro, team := c.Plans[0], c.Plans[1], c.Plans[2]
	if got := c.Free(); got.ID != "free" {
		t.Errorf("Free() = %s", got.ID)
	}
	if got, ok := c.FirstPaid(); !ok || got.ID != "pro" {
		t.Errorf("FirstPaid() = %s, %v", got.ID, ok)
	}
	if got, ok := c.NextPlanAbove(pro); !ok || got.ID != "team" {
		t.Errorf("NextPlanAbove(pro) = %s, %v", got.ID, ok)
	}
	if _, ok := c.NextPlanAbove(team); ok {
		t.Error("there is a plan above the top one")
	}
	if !team.Above(pro) || pro.Above(pro) || free.Above(pro) {
		t.Error("ranks do not compare")
	}
	if _, ok := c.Plan("none"); ok {
		t.Error("an unknown plan was found")
	}
	if _, ok := c.Resource("none"); ok {
		t.Error("an unknown resource was found")
	}
	agents := c.Resources[0]
	for n, want := range map[int64]string{0: "agents", 1: "agent", 2: "agents"} {
		if got := agents.Label(n); got != want {
			t.Errorf("Label(%d) = %s", n, got)
		}
	}
}

func TestFreeOnlyCatalog(t *testing.T) {
	t.Parallel()
	c := parse(t, "version: 1\ncurrency: jpy\ndefault_plan: free\nresources: {}\nplans: {free: {name: Free}}\n")
	if _, ok := c.FirstPaid(); ok || c.Free().ID != "free" {
		t.Errorf("first paid %v, free %q", ok, c.Free().ID)
	}
}

// The version is a promise to stored data: it follows what the file says, and only that.
func TestCatalogVersion(t *testing.T) {
	t.Parallel()
	const flat = "sha256:9fa111af859ce474ad30bf29e3a5c699ce80b68f66c8c5c028234cb72a1dc551"
	if got := builtin(t, "flat").Version; got != flat {
		t.Errorf("version of flat = %s, want %s: stored versions would no longer be found", got, flat)
	}
	version := parse(t, goodCatalog).Version
	same := "# a comment\n" + strings.NewReplacer("\n", "\r\n", "[agent, agents]", `["agent",   'agents']`).Replace(goodCatalog)
	if got := parse(t, same); got.Version != version || string(got.Source) != same {
		t.Error("another layout is another version, or the source was not kept")
	}
	for _, change := range [][2]string{
		{"usd", "eur"},
		{"agents: 10", "agents: 11"},
		{"calls: unlimited, jobs", "calls: 0, jobs"},
		{`"19.00"`, `"19.01"`},
		{"pro_month", "pro_monthly"},
		{"name: Pro", "name: Professional"},
		{"[job, jobs]", "[job, Jobs]"},
		{"calendar_month", "billing_period"},
		{"days: 30", "days: 14"},
		{"card: false", "card: true"},
		{"included: 10", "included: 11"},
		{"max_additional: 99", "max_additional: 9"},
		{`"4.00"`, `"5.00"`},
		{"{jobs: 50}", "{jobs: 51}"},
		{"  pro:", "  prof:"},
	} {
		if parse(t, strings.Replace(goodCatalog, change[0], change[1], 1)).Version == version {
			t.Errorf("%q instead of %q is no new version", change[1], change[0])
		}
	}
}

func TestLoadCatalog(t *testing.T) {
	t.Parallel()
	files := map[string]string{"plans.yaml": goodCatalog, "./flat": goodCatalog, "bad.yaml": "version: 2"}
	read := func(path string) ([]byte, error) {
		if src, ok := files[path]; ok {
			return []byte(src), nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}
	for _, row := range []struct{ in, name, err string }{
		{"flat", "flat", ""},
		{"capacity", "capacity", ""},
		{"plans.yaml", "plans.yaml", ""},
		{"./flat", "./flat", ""},
		{"bad.yaml", "", "bad.yaml:1:10: version must be 1, not 2"},
		{"flatt", "", `no built-in catalogue "flatt" (there are flat and capacity) and no such file: open flatt: file does not exist`},
		{"no.yaml", "", "catalogue: open no.yaml: file does not exist"},
	} {
		c, err := LoadCatalog(row.in, read)
		switch {
		case row.err == "" && (err != nil || c.Name != row.name):
			t.Errorf("%s: %v, %v", row.in, c, err)
		case row.err != "" && (err == nil || err.Error() != row.err):
			t.Errorf("%s: error is %v, want %s", row.in, err, row.err)
		}
	}
	if _, err := LoadCatalog("no.yaml", read); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
	if _, err := Builtin("plans.yaml"); err == nil {
		t.Error("a path is a built-in catalogue")
	}
}

// The schema that editors get accepts what the program accepts, and refuses what
// a schema can see.
func TestCatalogSchema(t *testing.T) {
	t.Parallel()
	schema, err := jsonschema.NewCompiler().Compile("catalogs/catalog.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(src []byte) error {
		asJSON, err := yaml.YAMLToJSON(src)
		if err != nil {
			return err
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			return err
		}
		return schema.Validate(doc)
	}
	for _, src := range [][]byte{builtin(t, "flat").Source, builtin(t, "capacity").Source, []byte(goodCatalog)} {
		if err := validate(src); err != nil {
			t.Errorf("a good catalogue: %v", err)
		}
	}
	seen := 0
	for _, m := range mistakes {
		if validate([]byte(strings.Replace(goodCatalog, m.old, m.new, 1))) != nil {
			seen++
		}
	}
	if least := len(mistakes) / 2; seen < least {
		t.Errorf("the schema sees %d of %d mistakes; at least %d are expected", seen, len(mistakes), least)
	}
}

// Each property that the schema knows is one that the parser knows, and the other
// way round: the parser names them all when it meets an unknown one.
func TestCatalogSchemaKeys(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("catalogs/catalog.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Properties map[string]json.RawMessage
		Defs       map[string]object `json:"$defs"`
	}
	var schema object
	if err := json.Unmarshal(src, &schema); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]object{"the file": schema, "plan": schema.Defs["plan"], "resource": schema.Defs["resource"], "price": schema.Defs["price"]} {
		inFile := map[string][2]string{
			"the file": {"version: 1", "zzzzzz: 1\nversion: 1"},
			"plan":     {"name: Pro", "zzzzzz: 1\n    name: Pro"},
			"resource": {"kind: gauge", "zzzzzz: 1, kind: gauge"},
			"price":    {"amount:", "zzzzzz: 1, amount:"},
		}[name]
		_, err := ParseCatalog("x", []byte(strings.Replace(goodCatalog, inFile[0], inFile[1], 1)))
		_, list, _ := strings.Cut(err.Error(), "; use ")
		got := strings.FieldsFunc(strings.ReplaceAll(list, " or ", ", "), func(r rune) bool { return r == ',' || r == ' ' })
		if want := slices.Sorted(maps.Keys(o.Properties)); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
			t.Errorf("%s: the parser knows %v, the schema %v", name, got, want)
		}
	}
}
