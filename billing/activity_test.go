package billing_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
)

func TestActivityIsForManagers(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c, other := w.NewCast("acme", "pro", visa), w.NewCast("zebra", "pro", visa)
	asked(t, w.Service, c.Agent, onWeb(upgrade("scale")))
	for _, p := range []billing.Principal{c.Owner, c.Admin} {
		list, err := w.Service.Activity(ctx, p, billing.ActivityFilter{Limit: 100, Group: billing.GroupAgent})
		if noError(t, err); len(list) != 1 || list[0].Event != "approval.requested" {
			t.Errorf("%+v", list)
		}
	}
	for _, p := range []billing.Principal{c.Member, c.Agent, hostApp(w)} {
		_, err := w.Service.Activity(ctx, p, billing.ActivityFilter{Limit: 100})
		fails(t, err, billing.ErrNoActivity)
	}
	_, err := w.Service.Activity(ctx, c.Owner, billing.ActivityFilter{Limit: 100, Group: "nobody"})
	fails(t, err, billing.ErrInvalid)
	list, err := w.Service.Activity(ctx, other.Owner, billing.ActivityFilter{Limit: 100, Group: billing.GroupAgent})
	if noError(t, err); len(list) != 0 {
		t.Errorf("another org's: %+v", list)
	}
}

func TestTeam(t *testing.T) {
	w := worldtest.New(t, worldtest.Options{})
	c := w.NewCast("acme", "pro", visa)
	w.NewCast("zebra", "pro", visa)
	for _, p := range []billing.Principal{c.Owner, c.Member} {
		team, err := w.Service.Team(ctx, p)
		noError(t, err)
		seen := 0
		for _, m := range team {
			if !m.SeenAt.IsZero() {
				seen++
			}
			if m.OrgID != c.Org.ID {
				t.Errorf("%+v is of another org", m)
			}
		}
		if len(team) != 3 || (seen > 0) != (p.Role == billing.RoleOwner) {
			t.Errorf("%s sees %d members, %d with a time", p.Role, len(team), seen)
		}
	}
	for _, p := range []billing.Principal{c.Agent, hostApp(w)} {
		_, err := w.Service.Team(ctx, p)
		fails(t, err, billing.ErrForbidden)
	}
}

// TestAuditEvents holds the list of events against the calls that write them.
func TestAuditEvents(t *testing.T) {
	listed, written := billing.AuditEvents(), auditedEvents(t)
	for _, name := range written {
		prefix, open := strings.CutSuffix(name, "*")
		found := slices.Contains(listed, name) || open && slices.ContainsFunc(listed, func(l string) bool { return strings.HasPrefix(l, prefix) })
		if !found {
			t.Errorf("%s is written and not listed", name)
		}
	}
	for _, name := range listed {
		if family, _, _ := strings.Cut(name, "."); !slices.Contains(written, name) && !slices.Contains(written, family+".*") {
			t.Errorf("%s is listed and never written", name)
		}
	}
	if len(written) < 30 {
		t.Errorf("found only %d", len(written))
	}
}

// auditedEvents finds the events that package billing writes: texts, constants,
// variables with texts, and "change.*" where the rest is worked out.
func auditedEvents(t *testing.T) (names []string) {
	t.Helper()
	files, err := parser.ParseDir(token.NewFileSet(), ".", func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0) //nolint:staticcheck // types are not needed
	noError(t, err)
	consts := map[string]string{}
	text := func(e ast.Expr) (string, bool) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return "", false
		}
		s, err := strconv.Unquote(lit.Value)
		return s, err == nil
	}
	each := func(visit func(ast.Node) bool) {
		for _, f := range files["billing"].Files {
			ast.Inspect(f, visit)
		}
	}
	each(func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && len(v.Values) == len(v.Names) {
			for i, name := range v.Names {
				if s, ok := text(v.Values[i]); ok {
					consts[name.Name] = s
				}
			}
		}
		return true
	})
	each(func(n ast.Node) bool {
		f, ok := n.(*ast.FuncDecl)
		if !ok || f.Body == nil || f.Name.Name == "audit" {
			return true
		}
		for _, event := range eventsOf(f) {
			switch e := event.(type) {
			case *ast.BinaryExpr:
				if s, ok := text(e.X); ok {
					names = append(names, s+"*")
				}
			case *ast.Ident:
				if s, ok := consts[e.Name]; ok {
					names = append(names, s)
					continue
				}
				names = append(names, assigned(f, e.Name, text)...)
			default:
				if s, ok := text(event); ok {
					names = append(names, s)
				}
			}
		}
		return true
	})
	return names
}

// eventsOf are the events in a function's calls of audit and auditTerms.
func eventsOf(f *ast.FuncDecl) (events []ast.Expr) {
	at := map[string]int{"audit": 4, "auditTerms": 2}
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if to, ok := call.Fun.(*ast.SelectorExpr); ok && at[to.Sel.Name] > 0 {
				events = append(events, call.Args[at[to.Sel.Name]])
			}
		}
		return true
	})
	return events
}

// assigned are the texts that a variable is given in a function.
func assigned(f *ast.FuncDecl, name string, text func(ast.Expr) (string, bool)) (out []string) {
	ast.Inspect(f.Body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == len(a.Rhs) {
			for i, to := range a.Lhs {
				if id, ok := to.(*ast.Ident); ok && id.Name == name {
					if s, ok := text(a.Rhs[i]); ok {
						out = append(out, s)
					}
				}
			}
		}
		return true
	})
	return out
}
