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
			got, err := encoder{}.append(nil, v)
			if err != nil || string(got) != string(want) {
				t.Errorf("%s %v, want %s", got, err, want)
			}
		})
	}
}

// TestAlike: of two objects with as many properties and the same name, each has
// its own.
func TestAlike(t *testing.T) {
	one, e := obj{"object": "x"}, encoder{}
	for _, key := range []string{"z", "a", "c", "b", "d", "f", "e", "g"} {
		one[key] = key
	}
	other := obj{"h": nil}
	for key, v := range one {
		other[key] = v
	}
	delete(other, "a")
	for _, o := range []obj{one, other, one, {"object": "x"}} {
		want, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		if got := e.encode(nil, o); string(got) != string(want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
