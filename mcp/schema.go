package mcp

import (
	"encoding/json"

	"github.com/countersignhq/countersign/api"
)

// outputOf is the schema of a tool's structured content: the one that the API's
// own description has for the same object, with everything that it refers to.
func outputOf(names ...string) json.RawMessage {
	var doc struct {
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(api.OpenAPI(), &doc); err != nil {
		panic("mcp: the API's description: " + err.Error())
	}
	defs := map[string]any{}
	var refs []any
	for _, name := range names {
		collect(defs, doc.Components.Schemas, name)
		refs = append(refs, map[string]any{"$ref": "#/$defs/" + name})
	}
	root := map[string]any{"type": "object", "$defs": defs}
	if len(refs) == 1 {
		root["$ref"] = "#/$defs/" + names[0]
	} else {
		root["anyOf"] = refs
	}
	raw, err := json.Marshal(root)
	if err != nil {
		panic("mcp: schema: " + err.Error())
	}
	return raw
}

const componentPrefix = "#/components/schemas/"

// collect puts a schema and those that it refers to into defs.
func collect(defs map[string]any, all map[string]json.RawMessage, name string) {
	if _, done := defs[name]; done {
		return
	}
	var schema any
	if err := json.Unmarshal(all[name], &schema); err != nil {
		panic("mcp: the API's description has no " + name)
	}
	defs[name] = nil // a schema may refer to itself
	defs[name] = localized(schema, func(ref string) { collect(defs, all, ref) })
}

// localized makes references into the API's description references to $defs.
func localized(v any, found func(name string)) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if ref, ok := value.(string); ok && key == "$ref" {
				name := ref[len(componentPrefix):]
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
