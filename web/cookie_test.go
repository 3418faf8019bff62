package web

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/securecookie"
)

// TestCookieToken: a cookie is read as the library reads it, whatever somebody
// makes of it.
func TestCookieToken(t *testing.T) {
	ours, others := newCookies([]byte("a key of the server's own"), false), newCookies([]byte("another key"), false)
	agree := func(name, value string) (carried string) {
		t.Helper()
		values := map[any]any{}
		want := ""
		err := securecookie.DecodeMulti(name, value, &values, ours.Codecs...)
		if err == nil {
			want, _ = values[tokenKey].(string)
		}
		got, ok := ours.token(name, value, time.Now())
		if got != want || ok != (err == nil) {
			t.Fatalf("%q: %q %v, the library says %q %v", value, got, ok, want, err)
		}
		return got
	}
	for _, token := range []string{"", "css_1", strings.Repeat("x|", 200), strings.Repeat("long", 2000)} {
		for _, store := range []*cookies{ours, others} {
			c, err := sessionCookie(store, "cs_session", token)
			if err != nil && len(token) < 4000 {
				t.Fatal(err)
			}
			if got := agree(c.Name, c.Value); store == ours && err == nil && got != token {
				t.Errorf("%q carries %q", token, got)
			}
			agree("other", c.Value)
			for i := range min(len(c.Value), 400) {
				for _, put := range []string{"", "A", "=", "|", "\n"} {
					agree(c.Name, c.Value[:i]+put+c.Value[i+1:])
				}
			}
			raw, _ := base64.URLEncoding.DecodeString(c.Value)
			for _, cut := range []int{0, 1, 11, 20, len(raw) - 32, len(raw) - 1} {
				agree(c.Name, base64.URLEncoding.EncodeToString(raw[:max(0, min(cut, len(raw)))]))
			}
			agree(c.Name, base64.URLEncoding.EncodeToString(bytes.Replace(raw, []byte("|"), nil, 1)))
			agree(c.Name, c.Value+"=")
			agree(c.Name, c.Value+strings.Repeat("A", 5000))
		}
	}
}

func TestCookieEndsInTime(t *testing.T) {
	store := newCookies([]byte("a key of the server's own"), false)
	c, err := sessionCookie(store, "cs_session", "css_1")
	if err != nil {
		t.Fatal(err)
	}
	const life = sessionDays * 24 * time.Hour
	for after, want := range map[time.Duration]bool{0: true, life - time.Minute: true, life + time.Minute: false} {
		if _, ok := store.token(c.Name, c.Value, time.Now().Add(after)); ok != want {
			t.Errorf("after %v: %v", after, ok)
		}
	}
}
