package mcp

import (
	"encoding/json"
	"strings"

	"github.com/countersignhq/countersign/api"
)

// schemas are those of the API's own description, by name.
type schemas map[string]json.RawMessage

func described() schemas {
	var doc struct {
		Components struct {
			Schemas schemas `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(api.OpenAPI(), &doc); err != nil {
		panic("mcp: the API's description: " + err.Error())
	}
	return doc.Components.Schemas
}

// output is the schema of a tool's structured content: any of the named ones,
// with everything that they refer to.
func (s schemas) output(names ...string) map[string]any {
	defs := map[string]any{}
	var refs []any
	for _, name := range names {
		s.collect(defs, name)
		refs = append(refs, map[string]any{"$ref": "#/$defs/" + name})
	}
	root := map[string]any{"type": "object", "$defs": defs}
	if len(refs) == 1 {
		root["$ref"] = "#/$defs/" + names[0]
	} else {
		root["anyOf"] = refs
	}
	return root
}

// collect puts a schema and those that it refers to into defs.
func (s schemas) collect(defs map[string]any, name string) {
	if _, done := defs[name]; done {
		return
	}
	var schema any
	if err := json.Unmarshal(s[name], &schema); err != nil {
		panic("mcp: the API's description has no " + name)
	}
	defs[name] = nil // a schema may refer to itself
	defs[name] = localized(schema, func(ref string) { s.collect(defs, ref) })
}

// localized makes references into the API's description references to $defs.
func localized(v any, found func(name string)) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if ref, ok := value.(string); ok && key == "$ref" {
				name := strings.TrimPrefix(ref, "#/components/schemas/")
				found(name)
				v[key] = "#/$defs/" + name
				continue
			}
			v[key] = localized(value, found)
		}
	case []any:
		for i := range v {
			v[i] = localized(v[i], found)
		}
	}
	return v
}
