package billing

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestSealedJSON: what is written by hand is what the library writes, whatever is
// in a quote now or is added to it.
func TestSealedJSON(t *testing.T) {
	for n := range 400 {
		var v sealedQuote
		anything(reflect.ValueOf(&v).Elem(), rand.New(rand.NewPCG(1, uint64(n))))
		want, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.appendJSON(nil); string(got) != string(want) {
			t.Fatalf("%s\nwant\n%s", got, want)
		}
	}
}

// anything gives every member a value, or leaves it out.
func anything(v reflect.Value, r *rand.Rand) {
	words := []string{"", "pro", `a "quoted" \ <b>&`, "Åsa\u2028", "bad \xff utf-8", "line\nend\x7f"}
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			zone := []*time.Location{time.UTC, time.FixedZone("", 3600)}[r.IntN(2)]
			v.Set(reflect.ValueOf([]time.Time{{}, time.Unix(r.Int64N(1e10), r.Int64N(2)*r.Int64N(1e9)).In(zone)}[r.IntN(2)]))
			return
		}
		for i := range v.NumField() {
			anything(v.Field(i), r)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 2))
		for i := range v.Len() {
			anything(v.Index(i), r)
		}
	case reflect.String:
		v.SetString(words[r.IntN(len(words))])
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	default:
		v.SetInt(r.Int64N(3) * (r.Int64N(2000) - 1000))
	}
}

// TestSeal: a seal opens for its purpose and holder, within its life, and not
// when a bit of it is another one; seals that are made at once do not mix.
func TestSeal(t *testing.T) {
	s, at := newSealer([]byte("the server's own secret")), time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	v := sealedQuote{Purpose: "change:org_1", Holder: "ses_1", Until: at.Add(time.Minute), Quote: Quote{ToPlan: "scale", DueNow: 2100, Lines: []Line{{Description: "a"}}}}
	sealed := s.seal(&v)
	if q, ok := s.open(sealed, v.Purpose, v.Holder, at); !ok || !reflect.DeepEqual(q, v.Quote) {
		t.Errorf("%v %+v", ok, q)
	}
	other := v
	other.Quote.DueNow = 1
	if s.seal(&other) == sealed || s.seal(&v) != sealed {
		t.Error("a seal depends on what was sealed before")
	}
	_, sum, _ := strings.Cut(sealed, ".")
	body, _, _ := strings.Cut(s.seal(&other), ".")
	for name, refused := range map[string][4]any{
		"another purpose": {sealed, "change:org_2", v.Holder, at},
		"another holder":  {sealed, v.Purpose, "ses_2", at},
		"too late":        {sealed, v.Purpose, v.Holder, at.Add(time.Hour)},
		"another sum":     {body + "." + sum, v.Purpose, v.Holder, at},
		"no sum":          {body, v.Purpose, v.Holder, at},
		"nothing":         {"", v.Purpose, v.Holder, at},
		"another key":     {newSealer([]byte("other")).seal(&v), v.Purpose, v.Holder, at},
	} {
		if _, ok := s.open(refused[0].(string), refused[1].(string), refused[2].(string), refused[3].(time.Time)); ok {
			t.Errorf("%s: opened", name)
		}
	}
}
