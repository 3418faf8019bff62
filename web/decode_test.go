package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/billing"
)

// order has every kind of field that the decoder knows rules for.
type order struct {
	ID    string   `json:"id"`
	Plan  string   `json:"plan,omitempty"`
	Mode  string   `json:"mode,omitempty" enum:"chat,web"`
	Units int      `json:"units,omitempty" min:"0" max:"99"`
	Any   int      `json:"any,omitempty"`
	Yes   bool     `json:"yes,omitempty"`
	Items []item   `json:"items,omitempty"`
	Tags  []string `json:"tags,omitempty"`
	Maybe *int     `json:"maybe,omitempty" min:"0" max:"9"`
	Some  *[]item  `json:"some,omitempty"`

	Raw []json.RawMessage `json:"raw,omitempty"`
}

type item struct {
	Key string `json:"key"`
	N   int64  `json:"n,omitempty"`
}

func TestDecodeStrict(t *testing.T) {
	for name, c := range map[string]struct{ body, code, field string }{
		"empty":                       {"", "invalid_json", ""},
		"spaces":                      {"  ", "invalid_json", ""},
		"not JSON":                    {"plan=pro", "invalid_json", ""},
		"cut short":                   {`{"id":"a"`, "invalid_json", ""},
		"trailing comma":              {`{"id":"a",}`, "invalid_json", ""},
		"single quotes":               {`{'id':'a'}`, "invalid_json", ""},
		"comment":                     {`{"id":"a"}//`, "invalid_json", ""},
		"NaN":                         {`{"id":"a","units":NaN}`, "invalid_json", ""},
		"second document":             {`{"id":"a"}{"id":"b"}`, "invalid_json", ""},
		"trailing text":               {`{"id":"a"} x`, "invalid_json", ""},
		"null":                        {`null`, "invalid_json", ""},
		"array":                       {`[{"id":"a"}]`, "invalid_json", ""},
		"string":                      {`"id"`, "invalid_json", ""},
		"number":                      {`1`, "invalid_json", ""},
		"byte order mark":             {"\ufeff" + `{"id":"a"}`, "invalid_json", ""},
		"broken UTF-8":                {"{\"id\":\"\xff\"}", "invalid_json", ""},
		"UTF-8 surrogate":             {"{\"id\":\"\xed\xa0\x80\"}", "invalid_json", ""},
		"lone high surrogate":         {`{"id":"\ud83d"}`, "invalid_json", ""},
		"lone low surrogate":          {`{"id":"\ude00"}`, "invalid_json", ""},
		"surrogates in disorder":      {`{"id":"\ude00\ud83d"}`, "invalid_json", ""},
		"high surrogate and text":     {`{"id":"\ud83dxxxxxx"}`, "invalid_json", ""},
		"two high surrogates":         {`{"id":"\ud83d\ud83d"}`, "invalid_json", ""},
		"raw control character":       {"{\"id\":\"a\nb\"}", "invalid_json", ""},
		"missing":                     {`{}`, "missing_field", "id"},
		"unknown":                     {`{"id":"a","nope":1}`, "unknown_field", "nope"},
		"unknown before missing":      {`{"nope":1}`, "unknown_field", "nope"},
		"other case":                  {`{"ID":"a"}`, "unknown_field", "ID"},
		"Kelvin sign":                 {`{"id":"a","items":[{"` + "\u212a" + `ey":"x"}]}`, "unknown_field", "items[0].\u212aey"},
		"empty name":                  {`{"id":"a","":1}`, "unknown_field", ""},
		"__proto__":                   {`{"id":"a","__proto__":{}}`, "unknown_field", "__proto__"},
		"twice":                       {`{"id":"a","id":"a"}`, "duplicate_field", "id"},
		"twice by escape":             {`{"id":"a","\u0069d":"b"}`, "duplicate_field", "id"},
		"null field":                  {`{"id":null}`, "invalid_field", "id"},
		"number for string":           {`{"id":5}`, "invalid_field", "id"},
		"array for string":            {`{"id":["a"]}`, "invalid_field", "id"},
		"object for string":           {`{"id":{"a":1}}`, "invalid_field", "id"},
		"bool for string":             {`{"id":true}`, "invalid_field", "id"},
		"deep for string":             {`{"id":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, "invalid_field", "id"},
		"too deep to read":            {`{"id":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + `}`, "invalid_json", ""},
		"empty string":                {`{"id":""}`, "invalid_field", "id"},
		"NUL":                         {`{"id":"a\u0000"}`, "invalid_field", "id"},
		"not in enum":                 {`{"id":"a","mode":"sms"}`, "invalid_field", "mode"},
		"enum in other case":          {`{"id":"a","mode":"Web"}`, "invalid_field", "mode"},
		"enum list itself":            {`{"id":"a","mode":"chat,web"}`, "invalid_field", "mode"},
		"string for number":           {`{"id":"a","units":"5"}`, "invalid_field", "units"},
		"below":                       {`{"id":"a","units":-1}`, "invalid_field", "units"},
		"above":                       {`{"id":"a","units":100}`, "invalid_field", "units"},
		"fraction":                    {`{"id":"a","units":5.5}`, "invalid_field", "units"},
		"5.0":                         {`{"id":"a","units":5.0}`, "invalid_field", "units"},
		"-0":                          {`{"id":"a","any":-0}`, "invalid_field", "any"},
		"5e0":                         {`{"id":"a","any":5e0}`, "invalid_field", "any"},
		"2^63":                        {`{"id":"a","any":9223372036854775808}`, "invalid_field", "any"},
		"10^400":                      {`{"id":"a","any":1` + strings.Repeat("0", 400) + `}`, "invalid_field", "any"},
		"number for bool":             {`{"id":"a","yes":1}`, "invalid_field", "yes"},
		"object for list":             {`{"id":"a","items":{}}`, "invalid_field", "items"},
		"text in list of objects":     {`{"id":"a","items":["x"]}`, "invalid_field", "items[0]"},
		"missing in list":             {`{"id":"a","items":[{"key":"x"},{}]}`, "missing_field", "items[1].key"},
		"twice in list":               {`{"id":"a","items":[{"key":"x","key":"y"}]}`, "duplicate_field", "items[0].key"},
		"null in list":                {`{"id":"a","tags":["x",null]}`, "invalid_field", "tags[1]"},
		"wrong type in list":          {`{"id":"a","items":[{"key":"x","n":true}]}`, "invalid_field", "items[0].n"},
		"null for what may be absent": {`{"id":"a","maybe":null}`, "invalid_field", "maybe"},
		"too much of it":              {`{"id":"a","maybe":10}`, "invalid_field", "maybe"},
		"an object for a list":        {`{"id":"a","some":{}}`, "invalid_field", "some"},
		"minimal":                     {`{"id":"a"}`, "", ""},
		"white space":                 {" \n{ \"id\" :\t\"a\" }\r\n", "", ""},
		"everything":                  {`{"id":"a","plan":"pro","mode":"web","units":99,"any":-1,"yes":true,"items":[{"key":"k","n":7}],"tags":[]}`, "", ""},
		"escaped pair":                {`{"id":"\ud83d\ude00"}`, "", ""},
		"escaped backslash then u":    {`{"id":"\\ud83d"}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got order
			err := DecodeStrict([]byte(c.body), &got)
			if c.code == "" {
				if err != nil || got.ID == "" {
					t.Fatalf("got %+v, %v", got, err)
				}
				return
			}
			e, ok := errors.AsType[*billing.Error](err)
			if !ok || e.Code != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
			if field, _ := e.Details["field"].(string); field != c.field {
				t.Errorf("names the field %q, want %q", field, c.field)
			}
		})
	}
}

func TestDecodeStrictReads(t *testing.T) {
	var got order
	if err := DecodeStrict([]byte(`{"id":"\u00e9\ud83d\ude00","units":7,"items":[{"key":"k","n":-9223372036854775808}]}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != "é😀" || got.Units != 7 || len(got.Items) != 1 || got.Items[0].N != -1<<63 || got.Maybe != nil || got.Tags != nil {
		t.Errorf("got %+v", got)
	}
	raw := []string{`{"a": [1, "}]", {"b":null}] }`, `null`, `-1.5e3`, `"\\"`, `[ ]`, `[[],{}]`, `true`}
	got = order{}
	body := `{"raw":[ ` + strings.Join(raw, " , ") + ` ],"id":"a","maybe":0,"some":[],"tags":["x","y"]}`
	if err := DecodeStrict([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if *got.Maybe != 0 || got.Some == nil || len(*got.Some) != 0 || !slices.Equal(got.Tags, []string{"x", "y"}) || got.Items != nil {
		t.Errorf("got %+v", got)
	}
	for i, r := range got.Raw {
		if string(r) != raw[i] {
			t.Errorf("raw %d is %s, want %s", i, r, raw[i])
		}
	}
	if len(got.Raw) != len(raw) {
		t.Errorf("%d raw values", len(got.Raw))
	}
}

// FuzzDecodeStrict holds the decoder to its promises: it never panics; it only
// ever fails with an error of ours; what it takes, encoding/json reads as the
// same value; and one unknown or repeated name more makes it refuse.
func FuzzDecodeStrict(f *testing.F) {
	for _, s := range []string{
		`{"id":"a"}`, `{"id":"\ud83d\ude00","units":5}`, `{"id":"a","items":[{"key":"x","n":-9223372036854775808}]}`, `{"id":"\`, "\ufeff{}", `{"id":"\ud83d\u"}`,
		` {"plan":"\u0000","id":"a"} `, `{"id":"a","mode":"web","yes":true,"tags":["","\"\\"],"maybe":0,"some":[]}`, `{"id":"a","raw":[ {"a": [1, "}]", null]} , -1.5e3,"\\" ]}`,
		`{"id":"a","id":"b"}`, `{"ID":"a"}`, `{"id":null}`, `{"id":"a","units":1e1}`, `{"id":"a","any":9007199254740993}`, `{"id":"a"}{"id":"b"}`, `[[[[[[[[[[`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var got, std order
		err := DecodeStrict(body, &got)
		if err != nil {
			if _, ours := errors.AsType[*billing.Error](err); !ours {
				t.Fatalf("foreign error %v", err)
			}
			return
		}
		if err = json.Unmarshal(body, &std); err != nil || !reflect.DeepEqual(got, std) {
			t.Fatalf("%q is %+v, encoding/json says %+v, %v", body, got, std, err)
		}
		if got.ID == "" || strings.ContainsRune(got.ID, 0) || got.Units < 0 || got.Units > 99 || got.Mode != "" && got.Mode != "chat" && got.Mode != "web" {
			t.Fatalf("took %q as %+v", body, got)
		}
		rest := strings.TrimLeft(string(body), " \t\r\n")[1:]
		for more, code := range map[string]string{`{"none of ours":1,`: "unknown_field", `{"id":"a",`: "duplicate_field"} {
			var e *billing.Error
			if err := DecodeStrict([]byte(more+rest), new(order)); !errors.As(err, &e) || e.Code != code {
				t.Fatalf("%q: %v, want %s", more+rest, err, code)
			}
		}
	})
}

// A body is bounded whether or not its length is said, and one that is shorter
// than it says is not read as if it were whole.
func TestDecodeBounds(t *testing.T) {
	for _, c := range []struct {
		what   string
		body   string
		length int64
		err    error
	}{
		{"as long as it says", `{"resource":"rows"}`, 19, nil},
		{"of unknown length", `{"resource":"rows"}`, -1, nil},
		{"too long, and says so", `{"resource":"rowsrowsrows"}`, 27, errTooLarge},
		{"too long, and does not say so", `{"resource":"rowsrowsrows"}`, -1, errTooLarge},
		{"shorter than it says", `{"resource":"`, 19, errBody},
	} {
		req := httptest.NewRequest("POST", "/", io.NopCloser(strings.NewReader(c.body)))
		req.ContentLength = c.length
		req.Header.Set("Content-Type", "application/json")
		r := &Request{Request: req, w: &recorder{ResponseWriter: httptest.NewRecorder()}}
		var in struct {
			Resource string `json:"resource"`
		}
		err := r.DecodeUpTo(19, &in)
		if (err == nil) != (c.err == nil) || billing.CodeOf(err) != billing.CodeOf(c.err) || err == nil && in.Resource != "rows" {
			t.Errorf("%s: %v, %+v", c.what, err, in)
		}
	}
}

// A part reads as the same document does alone, whatever is written in escapes.
func TestDecodePart(t *testing.T) {
	for _, c := range []struct{ part, id, plan, code string }{
		{`{"id":"a","plan":"pro"}`, "a", "pro", ""},
		{`{"\u0069d":"\u0061","pl\u0061n":"p\"ro"}`, "a", `p"ro`, ""},
		{`{"id":"a","id":"b"}`, "", "", "duplicate_field"},
		{`{"id":"a","\u0069d":"b"}`, "", "", "duplicate_field"},
		{`{"id":"a","of\u0066":1}`, "", "", "unknown_field"},
		{`{"plan":"pro"}`, "", "", "missing_field"},
		{`["id"]`, "", "", "invalid_json"},
	} {
		var whole struct {
			Parts []json.RawMessage `json:"parts"`
		}
		if err := DecodeStrict([]byte(`{"parts":[ `+c.part+` , {"a\\\"":[{}]}]}`), &whole); err != nil || len(whole.Parts) != 2 || string(whole.Parts[0]) != c.part {
			t.Fatalf("%s: %v, %q", c.part, err, whole.Parts)
		}
		var part, alone order
		err, err2 := DecodePart(whole.Parts[0], &part), DecodeStrict([]byte(c.part), &alone)
		if c.code == "" && (err != nil || err2 != nil || part.ID != c.id || part.Plan != c.plan) || c.code != "" && (err == nil || billing.CodeOf(err) != c.code) ||
			billing.CodeOf(err) != billing.CodeOf(err2) || err == nil && !reflect.DeepEqual(part, alone) {
			t.Errorf("%s: %v and %v, %+v and %+v", c.part, err, err2, part, alone)
		}
	}
}
