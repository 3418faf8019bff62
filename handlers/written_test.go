package handlers

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/countersignhq/countersign/api"
)

// TestWritten: what is written by hand is what the library writes, whatever is
// in the types now or is added to them.
func TestWritten(t *testing.T) {
	words := []string{"", "pro", `a "quoted" \ <b>&`, "Åsa\u2028", "bad \xff utf-8", "line\nend\x7f"}
	for n := range 400 {
		r := rand.New(rand.NewPCG(1, uint64(n)))
		var s api.Summary
		fill(reflect.ValueOf(&s).Elem(), r, words)
		sameJSON(t, s, writeSummary)
		var v api.V1Billing
		fill(reflect.ValueOf(&v).Elem(), r, words)
		sameJSON(t, v, writeV1)
		var a api.Allowance
		fill(reflect.ValueOf(&a).Elem(), r, words)
		sameJSON(t, a, writeAllowance)
	}
	long := api.Summary{NextInvoice: &api.NextInvoice{Date: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}}
	if _, err := writeSummary(&long); err == nil {
		t.Error("a date that JSON does not have was written")
	}
}

func sameJSON[T any](t *testing.T, v T, write func(*T) ([]byte, error)) {
	t.Helper()
	want, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := write(&v); err != nil || string(got) != string(want)+"\n" {
		t.Fatalf("%v\n%s\nwant\n%s", err, got, want)
	}
}

// fill gives every member a value, or leaves it out where it may be.
func fill(v reflect.Value, r *rand.Rand, words []string) {
	absent := r.IntN(3) == 0
	switch v.Kind() {
	case reflect.Pointer:
		if !absent {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), r, words)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			zone := []*time.Location{time.UTC, time.FixedZone("", 3600)}[r.IntN(2)]
			v.Set(reflect.ValueOf(time.Unix(r.Int64N(1e10), r.Int64N(2)*r.Int64N(1e9)).In(zone)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), r, words)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(3), 2))
		for i := range v.Len() {
			fill(v.Index(i), r, words)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for i := range r.IntN(4) {
			e := reflect.New(v.Type().Elem()).Elem()
			fill(e, r, words)
			v.SetMapIndex(reflect.ValueOf(fmt.Sprint(words[r.IntN(len(words)-2)], i)), e)
		}
	case reflect.String:
		v.SetString(words[r.IntN(len(words))])
	case reflect.Bool:
		v.SetBool(!absent)
	case reflect.Int, reflect.Int64:
		v.SetInt(r.Int64N(1e6) - 1e5)
	default:
		panic("a " + v.Kind().String() + " is new here")
	}
}
