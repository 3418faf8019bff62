package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/countersignhq/countersign"

// A room is a folder with everything below it that has no room of its own.
type room struct {
	uses  string // the rooms that it may import
	never string // packages that it may not import
	deep  string // packages that must not be linked into it at all
}

// house is the plan: an import may only go down. Test files are free, so that
// tests can use real parts.
var house = map[string]room{
	// floor 5
	"cmd/countersign": {uses: "handlers mcp web db payments payments/sandbox views billing api static"},
	// floor 4
	"handlers": {uses: "web views billing api static"},
	"mcp":      {uses: "api"},
	// floor 3
	"web": {uses: "billing api views"},
	// floor 2
	"db":       {uses: "billing", never: "net/http"},
	"payments": {uses: "billing"},
	"views":    {uses: "billing static", never: "net/http"},
	// floor 1
	"billing":          {deep: "net/http database/sql"},
	"api":              {},
	"static":           {},
	"payments/sandbox": {}, // a stranger with an address
	// for readers: an application that installed the product
	"docs/examples/host": {uses: "api"},
	// for test files only
	"db/dbtest":                  {},
	"cmd/countersign/worldtest":  {uses: "db db/dbtest payments payments/sandbox billing"},
	"cmd/countersign/simulation": {uses: "handlers db payments payments/sandbox billing"},
}

// owners says which rooms alone may import a foreign package, or one below it.
var owners = map[string]string{
	"github.com/stripe/stripe-go":     "payments cmd/countersign/simulation", // whose backend has no network
	"database/sql":                    "db db/dbtest cmd/countersign/worldtest cmd/countersign/simulation",
	"github.com/jmoiron/sqlx":         "db",
	"github.com/lib/pq":               "db db/dbtest",
	"modernc.org/sqlite":              "db",
	"modernc.org/libc":                "db",
	"github.com/pressly/goose":        "db",
	"github.com/gorilla":              "web",
	"github.com/a-h/templ":            "views web handlers payments/sandbox",
	"github.com/modelcontextprotocol": "mcp",
	"github.com/spf13/cobra":          "cmd/countersign",
	"testing":                         "db/dbtest cmd/countersign/worldtest",
}

// topLevel names the folders and files at the top; docs/development.md says what each is for.
const topLevel = `cmd handlers mcp web db payments views billing api static docs .ci
	README.md CHANGELOG.md LICENSE Makefile go.mod go.sum
	package.json package-lock.json tailwind.config.js .npmrc .gitignore .gitattributes`

func TestImportsOnlyGoDown(t *testing.T) {
	for _, pkg := range packages(t) {
		path := strings.TrimPrefix(pkg.ImportPath, module+"/")
		name := roomOf(path)
		if name == "" {
			t.Errorf("%s: not a room of the house", path)
			continue
		}
		here := house[name]
		for _, imported := range pkg.Imports {
			if ours, ok := strings.CutPrefix(imported, module+"/"); ok {
				if to := roomOf(ours); to != name && !has(here.uses, to) {
					t.Errorf("%s imports %s: %s may only import %q of ours", path, ours, name, here.uses)
				}
			}
			if has(here.never, imported) {
				t.Errorf("%s imports %s: never in %s", path, imported, name)
			}
			for foreign, rooms := range owners {
				if within(imported, foreign) && !has(rooms, name) {
					t.Errorf("%s imports %s: only %s may", path, imported, rooms)
				}
			}
		}
		for _, linked := range pkg.Deps {
			if has(here.deep, linked) {
				t.Errorf("%s links %s: never in %s, nor in what it imports", path, linked, name)
			}
		}
	}
}

func TestTopLevelIsListed(t *testing.T) {
	look(t, "../..")
	out := run(t, "git", "-C", "../..", "ls-files", "--cached", "--others", "--exclude-standard")
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		top, _, _ := strings.Cut(strings.TrimSpace(line), "/")
		if !has(topLevel, top) && !seen[top] {
			t.Errorf("%s: nothing new at the top without a line in docs/development.md and here", top)
		}
		seen[top] = true
	}
	if !seen["cmd"] {
		t.Error("git lists no cmd folder: this test sees nothing")
	}
}

type goPackage struct {
	ImportPath, Dir string
	Imports, Deps   []string
}

func packages(t *testing.T) (all []goPackage) {
	t.Helper()
	out := json.NewDecoder(bytes.NewReader(run(t, "go", "list", "-json=ImportPath,Dir,Imports,Deps", module+"/...")))
	for {
		var pkg goPackage
		switch err := out.Decode(&pkg); {
		case errors.Is(err, io.EOF):
			if len(all) == 0 {
				t.Fatal("go list names no package: this test sees nothing")
			}
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, pkg)
		look(t, pkg.Dir)
	}
}

// look makes the result depend on the folder: go test reuses the last result
// while nothing changed that the test itself, not a command, looked at.
func look(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.ReadDir(dir); err != nil {
		t.Fatal(err)
	}
}

// roomOf finds the innermost room that a package is in.
func roomOf(path string) (name string) {
	for candidate := range house {
		if within(path, candidate) && len(candidate) > len(name) {
			name = candidate
		}
	}
	return name
}

// within also takes a major version's path: stripe-go/v76 is within stripe-go.
func within(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, folder+"/")
}

func has(list, name string) bool { return slices.Contains(strings.Fields(list), name) }

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return out
}
