package jsontext

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// TestAppend: what is appended is what the library writes, behind what was there.
func TestAppend(t *testing.T) {
	t.Parallel()
	for c := range 0x180 {
		same(t, AppendString([]byte("x"), "a"+string(rune(c))), "a"+string(rune(c)))
	}
	for _, s := range []string{"", "plain", "\xff", "\u2028", "naïve", strings.Repeat("long ", 100)} {
		same(t, AppendString([]byte("x"), s), s)
	}
	at := time.Date(2026, 11, 23, 23, 59, 59, 120_000_000, time.UTC)
	for _, at := range []time.Time{{}, at, at.Truncate(time.Second), at.In(time.FixedZone("", 3600)), at.Local()} {
		got, err := AppendTime([]byte("x"), at)
		if err != nil {
			t.Error(err)
		}
		same(t, got, at)
	}
	for _, year := range []int{-1, 10_000} {
		if got, err := AppendTime([]byte("x"), time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)); err == nil || string(got) != "x" {
			t.Errorf("the year %d: %s, %v", year, got, err)
		}
	}
}

func same(t *testing.T, got []byte, v any) {
	t.Helper()
	want, err := json.Marshal(v)
	if err != nil || string(got) != "x"+string(want) {
		t.Errorf("%s, want x%s (%v)", got, want, err)
	}
}
