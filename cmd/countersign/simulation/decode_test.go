package simulation

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/stripe/stripe-go/v76"
)

// TestReadersAgree: what answers say is what encoding/json says that they do.
func TestReadersAgree(t *testing.T) {
	types := map[reflect.Type]int{}
	workers(t, 1, func(w *World) (bool, error) {
		w.answers.check = func(raw []byte, have any) {
			want := reflect.New(reflect.TypeOf(have).Elem()).Interface()
			if err := json.Unmarshal(raw, want); err != nil {
				t.Fatal(err)
			}
			if e, ok := want.(*stripe.Event); ok { // that of an event's data which the product reads
				e.Data.Object, e.Data.PreviousAttributes = nil, nil
			}
			if types[reflect.TypeOf(have)]++; !reflect.DeepEqual(have, want) {
				t.Fatalf("%T differs\n%s\n%+v\n%+v", have, raw, have, want)
			}
		}
		for seed := range uint64(12) {
			if _, err := w.Run(t.Context(), NewPlan(seed+1), nil, nil); err != nil {
				return false, err
			}
		}
		return false, nil
	})
	for _, v := range []any{&stripe.Customer{}, &stripe.Subscription{}, &stripe.Invoice{}, &stripe.Event{}} {
		if types[reflect.TypeOf(v)] == 0 {
			t.Errorf("no %T was read", v)
		}
	}
}

// TestReadersOfText: escapes, spaces, quoted numbers and what may be an id.
func TestReadersOfText(t *testing.T) {
	for _, raw := range []string{
		`{"id":"a\"b\\","unit_amount_decimal":"12.5","metadata":{"k\n":"é\\\""},"product":"prod_1","active":true,"created":-7}`,
		"{ \"id\" : null,\n\t\"product\" : { \"id\" : \"p\", \"images\" : [ \"a\" , \"b\" ] } , \"unknown\" : [ { \"a\" : [ 1e3 ] } ] , \"metadata\" : { } }",
		`{"metadata":null,"product":null,"tiers":[],"recurring":{"interval":"month","interval_count":12}}`,
		`"price_1"`,
	} {
		var have, want stripe.Price
		if err := newAnswers().read([]byte(raw), reflect.ValueOf(&have).Elem()); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(raw), &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(have, want) {
			t.Errorf("%s\n%+v\n%+v", raw, have, want)
		}
	}
}
