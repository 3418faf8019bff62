// Package contract holds what we say to Stripe, and what our sandbox says in
// Stripe's place, against Stripe's own OpenAPI description (version
// 2023-10-16, carried by the stripe-mock module). It owns the comparison and
// no behaviour. It is a module of its own because stripe-mock drags old
// dependencies along.
package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"sort"
	"strings"
	"sync"

	"github.com/lestrrat-go/jsval"
	"github.com/stripe/stripe-mock/embedded"
	"github.com/stripe/stripe-mock/server"
	"github.com/stripe/stripe-mock/spec"
)

// Spec is Stripe's description, ready to compare. It is safe for concurrent use.
type Spec struct {
	spec       *spec.Spec
	components *spec.ComponentsForValidation
	routes     []route

	mu         sync.Mutex
	validators map[*spec.Schema]*jsval.JSVal
}

// route is one path of the description.
type route struct {
	path    string
	pattern *regexp.Regexp
	params  int
	verbs   map[spec.HTTPVerb]*spec.Operation
}

// Load reads the description that the stripe-mock module embeds.
func Load() (*Spec, error) {
	s, err := server.LoadSpec(embedded.OpenAPISpec, "")
	if err != nil {
		return nil, err
	}
	out := &Spec{spec: s, components: spec.GetComponentsForValidation(&s.Components), validators: map[*spec.Schema]*jsval.JSVal{}}
	param := regexp.MustCompile(`\\\{\w+\\\}`)
	for path, verbs := range s.Paths {
		quoted := regexp.QuoteMeta(string(path))
		out.routes = append(out.routes, route{
			path: string(path), verbs: verbs, params: strings.Count(string(path), "{"),
			pattern: regexp.MustCompile("^" + param.ReplaceAllString(quoted, `[^/]+`) + "$"),
		})
	}
	sort.Slice(out.routes, func(i, j int) bool { return out.routes[i].params < out.routes[j].params })
	return out, nil
}

// Version is the API version that the description is of.
func (s *Spec) Version() string { return s.spec.Info.Version }

// Operation finds the description of a call and its path with the parameters
// named, as in "GET /v1/customers/{customer}"; nil if Stripe has no such call.
func (s *Spec) Operation(method, path string) (*spec.Operation, string) {
	for _, r := range s.routes {
		if !r.pattern.MatchString(path) {
			continue
		}
		if op := r.verbs[spec.HTTPVerb(strings.ToLower(method))]; op != nil {
			return op, method + " " + r.path
		}
	}
	return nil, ""
}

// Response compares an answer with the description: types, required and
// unknown properties, and the same for the object that an event carries.
func (s *Spec) Response(method, path string, status int, body []byte) error {
	op, name := s.Operation(method, path)
	if op == nil {
		return fmt.Errorf("%s %s: Stripe has no such call", method, path)
	}
	code := spec.StatusCode("200")
	if status != http.StatusOK {
		code = "default"
	}
	schema := op.Responses[code].Content["application/json"].Schema
	if err := s.validate(schema, body); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, body)
	}
	return nil
}

// Event compares a webhook's payload with the description.
func (s *Spec) Event(payload []byte) error {
	if err := s.validate(s.spec.Components.Schemas["event"], payload); err != nil {
		return fmt.Errorf("event: %w\n%s", err, payload)
	}
	return nil
}

func (s *Spec) validate(schema *spec.Schema, body []byte) error {
	if schema == nil {
		return errors.New("the description has no schema for it")
	}
	v, err := s.validator(schema)
	if err != nil {
		return err
	}
	var data any
	if err := json.Unmarshal(body, &data); err != nil {
		return err
	}
	if err := v.Validate(data); err != nil {
		return err
	}
	return s.closed(schema, data, "")
}

func (s *Spec) validator(schema *spec.Schema) (*jsval.JSVal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.validators[schema]; v != nil {
		return v, nil
	}
	v, err := spec.GetValidatorForOpenAPI3Schema(schema, s.components)
	if err == nil {
		s.validators[schema] = v
	}
	return v, err
}

func (s *Spec) resolve(schema *spec.Schema) *spec.Schema {
	for schema != nil && schema.Ref != "" {
		schema = s.spec.Components.Schemas[strings.TrimPrefix(schema.Ref, "#/components/schemas/")]
	}
	return schema
}

// closed reports a property that the description does not know, and one that
// is null or missing against it: the validator lets both pass in places.
func (s *Spec) closed(schema *spec.Schema, data any, at string) error {
	schema = s.resolve(schema)
	if schema == nil {
		return nil
	}
	switch data := data.(type) {
	case []any:
		for i, el := range data {
			if err := s.closed(schema.Items, el, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case map[string]any:
		if len(schema.AnyOf) > 0 {
			return s.anyOf(schema, data, at)
		}
		return s.closedObject(schema, data, at)
	case nil:
		if schema.Type != "" && !schema.Nullable {
			return fmt.Errorf("%s must not be null", at)
		}
	}
	return nil
}

func (s *Spec) anyOf(schema *spec.Schema, data map[string]any, at string) error {
	var errs []error
	for _, variant := range schema.AnyOf {
		v := s.resolve(variant)
		if v.Type != spec.TypeObject && len(v.Properties) == 0 && len(v.AnyOf) == 0 {
			continue
		}
		if kind := v.Properties["object"]; kind != nil && len(kind.Enum) > 0 && kind.Enum[0] != data["object"] {
			continue
		}
		err := s.closed(v, data, at)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return fmt.Errorf("%s: an object is none of the variants", at)
	}
	return errors.Join(errs...)
}

func (s *Spec) closedObject(schema *spec.Schema, data map[string]any, at string) error {
	for _, key := range schema.Required {
		if _, ok := data[key]; !ok {
			return fmt.Errorf("%s.%s is required", at, key)
		}
	}
	if len(schema.Properties) == 0 { // a free hash: metadata, or an event's object
		kind, _ := data["object"].(string)
		if inner := s.spec.Components.Schemas[kind]; inner != nil {
			return s.inner(inner, data, at+"<"+kind+">")
		}
		return nil
	}
	for key, val := range data {
		prop := schema.Properties[key]
		if prop == nil {
			return fmt.Errorf("%s.%s is not known to Stripe", at, key)
		}
		if err := s.closed(prop, val, at+"."+key); err != nil {
			return err
		}
	}
	return nil
}

// inner compares the object that an event carries as if it were an answer.
func (s *Spec) inner(schema *spec.Schema, data map[string]any, at string) error {
	v, err := s.validator(schema)
	if err != nil {
		return err
	}
	if err := v.Validate(data); err != nil {
		return fmt.Errorf("%s: %w", at, err)
	}
	return s.closed(schema, data, at)
}
