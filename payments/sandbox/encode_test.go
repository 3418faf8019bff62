package sandbox

import (
	"encoding/json"
	"testing"
)

// TestAppendJSON: what is written by hand is what encoding/json writes.
func TestAppendJSON(t *testing.T) {
	var none []obj
	for name, v := range map[string]any{
		"scalars": obj{"a": 1, "b": int64(-9007199254740993), "c": true, "d": nil, "e": "x", "f": 1.5, "g": ""},
		"strings": []any{"plain", "ü", `"quoted"`, `\`, "a\nb", "<b>&</b>", "\u2028", "\x7f", "\xff"},
		"nested":  obj{"list": []obj{{"id": "sub_1", "items": obj{"data": []any{}}}, {}}, "none": none, "raw": json.RawMessage(`{"z":[1,2]}`)},
		"others":  obj{"map": map[string]string{"k": "v"}, "ids": []string{"a"}, "nothing": obj(nil), "": obj{}},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			got, err := appendJSON(nil, v)
			if err != nil || string(got) != string(want) {
				t.Errorf("%s %v, want %s", got, err, want)
			}
		})
	}
}
