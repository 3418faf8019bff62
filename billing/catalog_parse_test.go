package billing

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestCatalogMistakes(t *testing.T) {
	t.Parallel()
	parse(t, goodCatalog)
	for _, m := range mistakes {
		if !strings.Contains(goodCatalog, m.old) {
			t.Errorf("%s: %q is not in the good file", m.name, m.old)
		}
		_, err := ParseCatalog("flat.yaml", []byte(strings.Replace(goodCatalog, m.old, m.new, 1)))
		if err == nil || err.Error() != m.want {
			t.Errorf("%s:\n got %v\nwant %s", m.name, err, m.want)
		}
	}
}

// The manual's table has every message that a mistake can give, word for word.
func TestCatalogMistakesInManual(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../docs/catalog.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mistakes {
		message := strings.SplitN(m.want, ": ", 2)[1]
		if !strings.Contains(string(manual), "| `"+strings.ReplaceAll(message, "|", `\|`)+"` |") {
			t.Errorf("%s is not in docs/catalog.md: %s", m.name, message)
		}
	}
}

// Mistakes of the file as a whole, and such that need a file of their own.
func TestCatalogFileMistakes(t *testing.T) {
	t.Parallel()
	kuwaiti := strings.NewReplacer("usd", "kwd", `"19.00"`, `"19.005"`, `"49.00"`, `"49.000"`, `"4.00"`, `"4.000"`).Replace(goodCatalog)
	yen := strings.NewReplacer("usd", "jpy", `"19.00"`, "1900", `"49.00"`, `"4900"`, `"4.00"`, `"400"`).Replace(goodCatalog)
	for _, c := range []struct{ name, src, want string }{
		{"empty", "", "f:1:1: the file is empty"},
		{"blank", " \n\n", "f:1:1: the file is empty"},
		{"byte order mark only", "\ufeff", "f:1:1: the file is empty"},
		{"comments only", "# nothing\n# here\n", "f:1:1: the file is empty"},
		{"empty document", "---\n", "f:1:1: the file is empty"},
		{"list", "- a\n- b\n", "f:1:1: the file must be a map, not a list"},
		{"text", "hello\n", `f:1:1: the file must be a map, not "hello"`},
		{"number", "7\n", "f:1:1: the file must be a map, not 7"},
		{"second document after an end", goodCatalog + "...\nversion: 1\n", "f:25:1: a second document; write one catalogue in a file"},
		{"second document, empty", goodCatalog + "---\n", "f:24:1: a second document; write one catalogue in a file"},
		{"empty plans", "version: 1\ncurrency: usd\ndefault_plan: a\nresources: {}\nplans: {}\n", "f:5:8: plans is empty; write at least the default plan"},
		{"last digit of three decimals", kuwaiti, `f:14:21: amount "19.005" in price of plan "pro": payment processors take kwd only with 0 as the last digit`},
		{"no quotes in a currency without decimals", yen, `f:14:21: amount 1900 in price of plan "pro" has no quotes; write the amount in quotes, as in "1900"`},
		{"too large", "# " + strings.Repeat("x", maxCatalogBytes), "f:1:1: the file has 262146 bytes; at most 262144 are allowed"},
		{"too many keys", strings.Repeat("a: 1\n", maxKeys+1), "f:8001:2: cannot be read: too many keys"},
		{"too many resources", manyResources(101), "f:105:3: more than 100 resources"},
		{
			"long names are cut", strings.Replace(goodCatalog, "name: Pro", "name: "+strings.Repeat("é", 61), 1),
			`f:13:11: "name" in plan "pro" must be a text of 1 to 60 characters, not "` + strings.Repeat("é", 40) + `…"`,
		},
	} {
		if _, err := ParseCatalog("f", []byte(c.src)); err == nil || err.Error() != c.want {
			t.Errorf("%s:\n got %v\nwant %s", c.name, err, c.want)
		}
	}
	for name, src := range map[string]string{
		"one document with a start":         "---\n" + goodCatalog,
		"one document with an end":          goodCatalog + "...\n",
		"byte order mark":                   "\ufeff" + goodCatalog,
		"Windows line ends":                 strings.ReplaceAll(goodCatalog, "\n", "\r\n"),
		"unlimited in quotes":               strings.Replace(goodCatalog, "calls: unlimited", `calls: "unlimited"`, 1),
		"accents":                           strings.Replace(goodCatalog, "name: Pro", "name: Équipe", 1),
		"as many resources as there may be": manyResources(100),
	} {
		if _, err := ParseCatalog("f", []byte(src)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func manyResources(n int) string {
	var resources, limits strings.Builder
	for i := range n {
		fmt.Fprintf(&resources, "  r%d: {kind: gauge, label: [a, b]}\n", i)
		fmt.Fprintf(&limits, "      r%d: %d\n", i, i)
	}
	return "version: 1\ncurrency: usd\ndefault_plan: free\nresources:\n" + resources.String() +
		"plans:\n  free:\n    name: Free\n    limits:\n" + limits.String()
}

// All mistakes of a file are reported at once, in its order, each once.
func TestCatalogAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	src := strings.NewReplacer(
		"default_plan: free", "default_plan: fre",
		"label: [job, jobs]", "label: job",
		"agents: 3,", "agents: -3,",
		`amount: "19.00", per: month`, "amount: 19.00, per: weekly",
		"limits: {agents: 10, calls: unlimited, jobs: 50}", "limts: {agents: 10}",
		"days: 30", "days: soon",
		"{jobs: 50}", "{jbos: 50}",
	).Replace(goodCatalog)
	_, err := ParseCatalog("plans.yaml", []byte(src))
	want := `plans.yaml:3:15: default_plan "fre" is not a plan; did you mean "free"?
plans.yaml:7:30: "label" in resource "jobs" must be a list of two texts of 1 to 60 characters, as in [agent, agents]
plans.yaml:11:22: "agents" in limits of plan "free" is negative; write 0 or more, or unlimited
plans.yaml:14:21: amount 19.00 in price of plan "pro" has no quotes; write the amount in quotes, as in "19.00"
plans.yaml:14:33: "per" in price of plan "pro" cannot be "weekly"; use month or year
plans.yaml:15:5: unknown key "limts" in plan "pro"; did you mean "limits"?
plans.yaml:21:19: "days" in trial of plan "team" must be a whole number from 1 to 730, not "soon"
plans.yaml:23:14: unknown resource "jbos" in per_unit of capacity; did you mean "jobs"?`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
	var catalogErr *CatalogError
	if !errors.As(err, &catalogErr) || catalogErr.Name != "plans.yaml" || len(catalogErr.Problems) != 8 ||
		catalogErr.Problems[5] != (CatalogProblem{15, 5, `unknown key "limts" in plan "pro"; did you mean "limits"?`}) {
		t.Errorf("the error does not carry its problems: %#v", err)
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	known := []string{"name", "limits", "per", "max_additional"}
	for word, want := range map[string]string{
		"limts": "limits", "limit": "limits", "limist": "limits", "LIMITS": "limits", "xlimits": "limits",
		"nmae": "name", "nam": "name", "pre": "per", "maxaditional": "max_additional",
		"": "", "x": "", "foo": "", "price": "", "periods": "", "limerick": "",
	} {
		if got := suggest(word, known); got != want {
			t.Errorf("suggest(%q) = %q, want %q", word, got, want)
		}
	}
}

// No input makes the parser panic or report nothing, and what it accepts is whole.
func FuzzParseCatalog(f *testing.F) {
	f.Add([]byte(goodCatalog))
	for _, m := range mistakes {
		f.Add([]byte(strings.Replace(goodCatalog, m.old, m.new, 1)))
	}
	for _, src := range []string{"", "a", "[", "{", "- - -", "? a\n: b", "&a [*a]", "a: &0\n*0:", "!!map {", "a: |", "a: 'b", "<<:", "%", "...", "---\n---"} {
		f.Add([]byte(src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := ParseCatalog("f", src)
		if err == nil {
			checkWhole(t, c)
			return
		}
		var catalogErr *CatalogError
		if !errors.As(err, &catalogErr) || len(catalogErr.Problems) == 0 {
			t.Fatalf("not a *CatalogError with problems: %#v", err)
		}
		lines := bytes.Count(src, []byte("\n")) + 1
		for i, p := range catalogErr.Problems {
			if p.Line < 1 || p.Line > lines+1 || p.Column < 1 || p.Message == "" || slices.Contains(catalogErr.Problems[:i], p) {
				t.Fatalf("problem %d of %+v in a file of %d lines", i, catalogErr.Problems, lines)
			}
		}
	})
}

// checkWhole holds an accepted catalogue against what the rest of the program relies on.
func checkWhole(t *testing.T, c *Catalog) {
	t.Helper()
	if c.Free().ID != c.DefaultPlan || c.Free().Paid() || c.Currency == "" || len(c.Version) != len("sha256:")+64 {
		t.Fatalf("%+v", c)
	}
	for rank, p := range c.Plans {
		if p.Rank != rank || p.Paid() != (rank > 0) || p.Paid() && (p.Price.Amount <= 0 || p.Price.Currency != c.Currency) {
			t.Fatalf("plan %+v", p)
		}
		for _, r := range c.Resources {
			_, own := p.Limits[r.ID]
			unit := p.Units != nil && c.Capacity != nil
			if unit {
				_, unit = c.Capacity.PerUnit[r.ID]
			}
			if own == unit {
				t.Fatalf("plan %s says nothing of %s, or says it twice", p.ID, r.ID)
			}
		}
	}
}
