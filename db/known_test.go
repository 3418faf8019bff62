package db

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

// TestKnown: what is read by hand is what the library reads, and everything that
// json.Marshal does not write is the library's to read or refuse.
func TestKnown(t *testing.T) {
	next := billing.NextInvoice{Date: t0, Amount: billing.Money{Amount: -1900, Currency: "usd"}}
	lines := next
	lines.Date = t0.Add(time.Millisecond)
	lines.Lines = []billing.Line{{Description: "1 × Pro", Amount: 1900}, {Amount: -1, Proration: true}}
	escaped := next
	escaped.Lines = []billing.Line{{Description: "a \"b\" <c> \u2028\n"}}
	for _, tc := range []struct {
		v      any
		byHand bool
	}{
		{billing.Card{Brand: "visa", Last4: "4242", ExpMonth: 12, ExpYear: 2031}, true},
		{billing.Card{}, true},
		{billing.BoughtUnits{Additional: 5, ItemID: "si_1"}, true},
		{billing.BoughtUnits{Additional: 5, ItemID: "si_1", ReduceTo: 1, ReduceAt: t0}, false},
		{billing.BoughtUnits{Additional: 5}, false},
		{billing.Quote{}, true},
		{billing.Quote{Change: billing.Change{Action: "a", Plan: "b", Units: 3}, Lines: lines.Lines, EffectiveAt: t0}, true},
		{everyMember(), true},
		{billing.Quote{Currency: "\"usd"}, false},
		{next, true},
		{lines, true},
		{escaped, false},
	} {
		raw, err := json.Marshal(tc.v)
		must(t, err)
		alike(t, string(raw), tc.byHand)
	}
	for _, raw := range []string{
		`null`, `{}`, ``, `{"brand":"visa"}`, `{"last4":"4242","brand":"visa","exp_month":1,"exp_year":2}`,
		`{"brand":"visa","last4":"4242","exp_month":1,"exp_year":2} `, `{"brand":"visa","last4":"4242","exp_month":1,"exp_year":2`,
		`{"brand":"visa","last4":"4242","exp_month":1-1,"exp_year":2}`, `{"brand":"vi` + "\n" + `sa","last4":"","exp_month":1,"exp_year":2}`,
		`{"date":"2026-03-01T00:00:00+01:00","amount":{"amount":1,"currency":"usd"}}`, `{"date":"soon","amount":{"amount":1,"currency":"usd"}}`,
		`{"date":"2026-03-01T00:00:00Z","amount":{"amount":1,"currency":"usd"},"lines":[]}`,
		`{"date":"2026-03-01T00:00:00Z","amount":{"amount":1,"currency":"usd"},"lines":[{"description":"","amount":1},]}`,
	} {
		alike(t, raw, false)
	}
}

// alike reads the text as either type, by hand where that is possible.
func alike(t *testing.T, raw string, byHand bool) {
	t.Helper()
	read := as[*billing.Card](t, raw)
	read = as[*billing.NextInvoice](t, raw) || read
	read = as[billing.Quote](t, raw) || read
	if read = as[billing.BoughtUnits](t, raw) || read; read != byHand {
		t.Errorf("%s: by hand %v", raw, read)
	}
}

// everyMember has a value in each member that a quote has now, or is given.
func everyMember() (q billing.Quote) {
	var fill func(v reflect.Value)
	fill = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			if v.Type() == reflect.TypeFor[time.Time]() {
				v.Set(reflect.ValueOf(t0))
				return
			}
			for i := range v.NumField() {
				fill(v.Field(i))
			}
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			fill(v.Index(0))
		case reflect.String:
			v.SetString("x")
		case reflect.Bool:
			v.SetBool(true)
		default:
			v.SetInt(7)
		}
	}
	fill(reflect.ValueOf(&q).Elem())
	return q
}

func as[T any](t *testing.T, raw string) bool {
	var got, want T
	if !known(&got, raw) {
		return false
	}
	must(t, json.Unmarshal([]byte(raw), &want))
	same(t, raw, got, want)
	return true
}
