package db

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/countersignhq/countersign/billing"
)

type lineRow struct {
	id    string
	word  billing.Role
	n     int64
	small int
	yes   bool
	maybe string
	at    time.Time
	card  *billing.Card
}

func (r *lineRow) fields() line {
	return line{&r.id, &r.word, &r.n, &r.small, &r.yes, (*text)(&r.maybe), (*stamp)(&r.at), asJSON(&r.card)}
}

// TestLine: what both engines put together is taken apart as it was, with
// everything there and with all that can be missing missing.
func TestLine(t *testing.T) {
	eachEngine(t, func(t *testing.T, s fixture) {
		at := t0.Add(123456 * time.Microsecond)
		for _, want := range []lineRow{
			{},
			{id: "a,b|'\n%s", word: billing.RoleOwner, n: -1 << 62, small: 3, yes: true, maybe: "é", at: at, card: &billing.Card{Brand: "visa\x1f\"", ExpYear: 2030}},
		} {
			got, err := one(t.Context(), s.queries, func(r *lineRow) []any { return []any{r.fields()} },
				`SELECT `+lineOf(`CAST($1 AS TEXT), (SELECT CAST($2 AS TEXT)), CAST($3 AS BIGINT), COALESCE(CAST($4 AS BIGINT), 0), CAST($5 AS INTEGER) = 1,
				CAST($6 AS TEXT), CAST($7 AS {time}), CAST($8 AS TEXT)`),
				want.id, string(want.word), want.n, want.small, map[bool]int{true: 1}[want.yes], text(want.maybe), stamp(want.at), asJSON(&want.card))
			must(t, err)
			same(t, "row", got, want)
		}
	})
}

func TestLineOfAnotherLength(t *testing.T) {
	for _, src := range []any{nil, "", "a", "a\x1f1\x1f2", 7} {
		var r lineRow
		if err := (line{&r.id, &r.n}).Scan(src); err == nil {
			t.Errorf("%q: no error", src)
		}
	}
	for _, odd := range []any{new(float64), "no pointer"} {
		if err := (line{odd}).Scan("1"); err == nil {
			t.Errorf("%T: no error", odd)
		}
	}
	var r lineRow
	if err := (line{&r.n}).Scan("x"); err == nil {
		t.Error("a number that is none")
	}
}

func TestScopes(t *testing.T) {
	for text, want := range map[string]scopes{
		`[]`: {}, `["a"]`: {"a"}, `["billing:read","billing:request"]`: {"billing:read", "billing:request"},
		`["a", "b"]`: {"a", "b"}, `["a\"","b\u0031"]`: {`a"`, "b1"}, `[""]`: {""},
	} {
		var got scopes
		if err := got.read(text); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v %v", text, got, err)
		}
	}
	for _, bad := range []string{`["a",1]`, `["a]`, `x`} {
		if err := new(scopes).read(bad); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// TestPlainTime: the fast way and the library's say the same.
func TestPlainTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		"2026-11-23T07:08:09.123456Z": time.Date(2026, 11, 23, 7, 8, 9, 123456000, time.UTC), "0001-01-01T00:00:00.000000Z": {},
		"0001-01-01 00:00:00+00": {}, "2026-11-23 07:08:09.1+00": time.Date(2026, 11, 23, 7, 8, 9, 1e8, time.UTC),
		"2024-02-29 23:59:59+00": time.Date(2024, 2, 29, 23, 59, 59, 0, time.UTC), "2026-11-23T07:08:09.123456789Z": time.Date(2026, 11, 23, 7, 8, 9, 123456789, time.UTC),
	} {
		got, ok := plainTime(text)
		if slow, err := parseTime(text); !ok || !got.Equal(want) || err != nil || !slow.Equal(want) {
			t.Errorf("%s: %v %v %v", text, got, ok, err)
		}
	}
	for _, bad := range []string{
		"", "2026-11-23", "2026-11-23T07:08:09", "2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T07:60:09Z",
		"2026-11-23T07:08:60Z", "2026-11-2xT07:08:09Z", "2026-11-23T07:08:09.12+01", "2026-11-23T07:08:09Zz", "2026-00-23T07:08:09Z", "x026-11-23T07:08:09Z", "2 26-11-23T07:08:09Z", "20/6-11-23T07:08:09Z", "202:-11-23T07:08:09Z",
		"2026--1-23T07:08:09Z", "2026-11-00T07:08:09Z",
	} {
		if got, ok := plainTime(bad); ok {
			t.Errorf("%s is %v", bad, got)
		}
	}
	if got, err := parseTime("2026-11-23T07:08:09+01:00"); err != nil || !got.Equal(time.Date(2026, 11, 23, 6, 8, 9, 0, time.UTC)) {
		t.Errorf("another zone: %v %v", got, err)
	}
}

// TestMoment: the fast way and the library's write the same, in one width.
func TestMoment(t *testing.T) {
	for _, at := range []time.Time{
		{},
		t0, t0.Add(123456789), time.Date(2024, 2, 29, 23, 59, 59, 999999999, time.FixedZone("", 5*3600+1800)),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		same(t, "moment", moment(at), at.UTC().Format(layout))
	}
}

// TestSlots: what was read is not kept, and the fields are those of the slot.
func TestSlots(t *testing.T) {
	kind := slotsOf(func(r *lineRow) []any { return r.fields() })
	for range 3 {
		s, back := kind.lend()
		same(t, "empty", s.v, lineRow{})
		must(t, line(s.fields).take("a\x1fb\x1f1\x1f2\x1f1\x1fc\x1f\x1f"))
		same(t, "id", s.v.id, "a")
		back()
		same(t, "after", s.v, lineRow{})
	}
}

// TestNeverNull: a column that is said to be never NULL is so.
func TestNeverNull(t *testing.T) {
	s := openAt(t, newURL(t, sqliteEngine), Options{})
	for _, l := range []struct{ table, alias, columns string }{
		{"orgs", "o.", orgLine},
		{"subscriptions", "s.", subscriptionColumns},
		{"sessions", "e.", sessionLine},
		{"credentials", "c.", keyLine},
		{"users", "u.", sessionLine},
		{"members", "m.", sessionLine},
		{"invoices", "", invoiceLine},
		{"limit_requests", "", limitRequestLine},
		{"approvals", "", approvalLine},
	} {
		known := 0
		for _, c := range apart(l.columns) {
			name, never := strings.CutSuffix(c, "{!}")
			name, own := strings.CutPrefix(name, l.alias)
			if !never || !own || strings.ContainsAny(name, ".(") {
				continue
			}
			known++
			var notNull bool
			if err := s.writer.Get(&notNull, `SELECT "notnull" FROM pragma_table_info($1) WHERE name = $2`, l.table, name); err != nil || !notNull {
				t.Errorf("%s.%s may be NULL: %v", l.table, name, err)
			}
		}
		if known == 0 {
			t.Errorf("%s has no column that is never NULL", l.table)
		}
	}
}
