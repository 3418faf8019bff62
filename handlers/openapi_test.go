package handlers_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/countersignhq/countersign/api"
	"github.com/countersignhq/countersign/cmd/countersign/worldtest"
	"github.com/countersignhq/countersign/web"
)

// described is the OpenAPI description as the suite uses it.
type described struct {
	doc      document
	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
}

// document is the part of it that is not JSON Schema.
type document struct {
	Paths map[string]map[string]operation `json:"paths"`
}

type operation struct {
	Responses   map[string]response `json:"responses"`
	RequestBody *struct {
		Required bool `json:"required"`
	} `json:"requestBody"`
	Parameters []struct {
		Name string `json:"name"`
		In   string `json:"in"`
	} `json:"parameters"`
	Security []map[string][]string `json:"security"`
}

type response struct {
	Ref     string                     `json:"$ref"`
	Content map[string]json.RawMessage `json:"content"`
}

var contract = sync.OnceValue(func() *described {
	d := &described{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	whole, err := jsonschema.UnmarshalJSON(strings.NewReader(string(api.OpenAPI())))
	if err == nil {
		err = d.compiler.AddResource("openapi.json", whole)
	}
	if err == nil {
		err = json.Unmarshal(api.OpenAPI(), &d.doc)
	}
	if err != nil {
		panic(err)
	}
	d.compiler.AssertFormat()
	return d
})

// schema compiles the schema at a JSON pointer into the document.
func (d *described) schema(t testing.TB, pointer ...string) *jsonschema.Schema {
	t.Helper()
	at := "openapi.json#"
	for _, p := range pointer {
		at += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(p)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.schemas[at]; s != nil {
		return s
	}
	s, err := d.compiler.Compile(at)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	d.schemas[at] = s
	return s
}

// check fails the test if the JSON answer is not one that the description
// promises: its status, its content type, each of its fields.
func (d *described) check(t testing.TB, c call, a answer) {
	t.Helper()
	path, _, _ := strings.Cut(c.path, "?")
	path = d.find(path)
	op, known := d.doc.Paths[path][strings.ToLower(c.method)]
	media, _, _ := strings.Cut(a.header.Get("Content-Type"), ";")
	switch {
	case c.method == http.MethodHead || a.status == http.StatusNoContent:
		return
	case path == "/mcp": // a protocol of its own, with its own description
		return
	case !known && media == jsonKind:
		d.hold(t, a, "components", "schemas", "Error")
		return
	case !known:
		return
	}
	word := statusWord(a.status)
	res, ok := op.Responses[word]
	if !ok {
		t.Errorf("%s: status %d is not described: %.300s", a.what, a.status, a.body)
		return
	}
	where := []string{"paths", path, strings.ToLower(c.method), "responses", word}
	if name, isRef := strings.CutPrefix(res.Ref, "#/components/responses/"); isRef {
		where = []string{"components", "responses", name}
	} else if _, ok = res.Content[media]; !ok {
		t.Errorf("%s: content type %q is not described", a.what, media)
		return
	}
	if media != jsonKind { // text is not JSON Schema's
		return
	}
	d.hold(t, a, append(where, "content", media, "schema")...)
	if a.status < 300 && c.body != "" && c.kind == jsonKind {
		d.holdRequest(t, c, path, op)
	}
}

// find returns the described path that an address belongs to, or the address.
func (d *described) find(path string) string {
	if _, ok := d.doc.Paths[path]; ok {
		return path
	}
	parts := strings.Split(path, "/")
	for known := range d.doc.Paths {
		pattern := strings.Split(known, "/")
		if slices.EqualFunc(pattern, parts, func(p, part string) bool { return p == part || strings.HasPrefix(p, "{") && part != "" }) {
			return known
		}
	}
	return path
}

func (d *described) hold(t testing.TB, a answer, pointer ...string) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(a.body))
	if err == nil {
		err = d.schema(t, pointer...).Validate(v)
	}
	if err != nil {
		t.Errorf("%s: %d is not as described: %v\n%.600s", a.what, a.status, err, a.body)
	}
}

// holdRequest: what the server takes is what the description allows.
func (d *described) holdRequest(t testing.TB, c call, path string, op operation) {
	t.Helper()
	if op.RequestBody == nil {
		t.Errorf("%s %s took a body that is not described", c.method, path)
		return
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(c.body))
	if err == nil {
		err = d.schema(t, "paths", path, strings.ToLower(c.method), "requestBody", "content", jsonKind, "schema").Validate(v)
	}
	if err != nil {
		t.Errorf("%s %s took a body that is not described: %v\n%s", c.method, path, err, c.body)
	}
}

func statusWord(n int) string {
	return string([]byte{'0' + byte(n/100), '0' + byte(n/10%10), '0' + byte(n%10)})
}

func TestOpenAPIIsValid(t *testing.T) {
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromData(api.OpenAPI())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1.") {
		t.Errorf("the document is OpenAPI %s", doc.OpenAPI)
	}
	if err = doc.Validate(context.Background(), openapi3.IsOpenAPI31OrLater()); err != nil {
		t.Error(err)
	}
	s := newSite(t, worldtest.Options{})
	if a := s.get(nobody, "/openapi.json"); a.status != 200 || a.body != string(api.OpenAPI()) {
		t.Errorf("the server serves another document: %d", a.status)
	}
}

// TestOpenAPIHasTheRoutes: each call of the route table is described, nothing
// else is, and a description says who may call.
func TestOpenAPIHasTheRoutes(t *testing.T) {
	var here, there []string
	for _, r := range newSite(t, worldtest.Options{}).routes {
		if r.Door == web.DoorAPI || r.Door == web.DoorMachine && !strings.HasPrefix(r.Path, "/static/") {
			here = append(here, r.Method+" "+r.Path)
		}
		op, ok := contract().doc.Paths[r.Path][strings.ToLower(r.Method)]
		if !ok || r.Door != web.DoorAPI {
			continue
		}
		one := strings.HasPrefix(r.Path, "/api/host/") || rules[r.Method+" "+r.Path].need == needBrowser
		if want := map[bool]int{true: 1, false: 2}[one]; len(op.Security) != want {
			t.Errorf("%s %s: security %v", r.Method, r.Path, op.Security)
		}
		for _, status := range []string{"400", "401", "403", "500", "503"} {
			if _, ok := op.Responses[status]; !ok {
				t.Errorf("%s %s: %s is not described", r.Method, r.Path, status)
			}
		}
	}
	for path, ops := range contract().doc.Paths {
		for method := range ops {
			there = append(there, strings.ToUpper(method)+" "+path)
		}
	}
	slices.Sort(here)
	slices.Sort(there)
	if !slices.Equal(here, there) {
		t.Errorf("routes    %v\ndescribed %v", here, there)
	}
}

// TestContractCanFail: the check that every other test relies on does refuse.
func TestContractCanFail(t *testing.T) {
	ok := http.Header{"Content-Type": {jsonKind}}
	summary := call{method: http.MethodGet, path: "/api/billing"}
	for name, tc := range map[string]struct {
		call call
		answer
	}{
		"a field that is not described":  {call{method: "GET", path: "/healthz"}, answer{status: 200, header: ok, body: `{"status":"ok","more":1}`}},
		"a status that is not described": {summary, answer{status: 418, header: ok, body: `{}`}},
		"another content type":           {summary, answer{status: 200, header: http.Header{"Content-Type": {"text/html"}}, body: `{}`}},
		"a field that is missing":        {summary, answer{status: 200, header: ok, body: `{"plan":"pro"}`}},
		"an error of another shape":      {call{method: "GET", path: "/api/none"}, answer{status: 404, header: ok, body: `{"error":"not_found"}`}},
		"no JSON":                        {call{method: "GET", path: "/healthz"}, answer{status: 200, header: ok, body: `{`}},
		"a request that is not described": {
			call{method: "POST", path: "/api/billing/portal", kind: jsonKind, body: `{"a":1}`},
			answer{status: 200, header: ok, body: `{"url":"https://billing.stripe.com/p"}`},
		},
	} {
		probe := &recorder{TB: t}
		contract().check(probe, tc.call, tc.answer)
		if !probe.failed {
			t.Errorf("%s passed", name)
		}
	}
}

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Helper()               {}
