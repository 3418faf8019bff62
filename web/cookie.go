package web

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"hash"
	"strconv"
	"sync"
	"time"

	"github.com/gorilla/sessions"
)

// cookies makes session cookies with the library and reads them by hand, a few
// times as fast: every page comes with one. A test holds both to the same answer.
type cookies struct {
	*sessions.CookieStore
	macs sync.Pool // of *cookieMAC
}

// cookieMAC is an HMAC-SHA256 with the key, and room for a cookie and its sum.
type cookieMAC struct {
	hash.Hash
	text, sum []byte
}

// maxCookie is how long a cookie's value may be.
const maxCookie = 4096

// token is what a cookie of ours carries: in base64 "date|token|sum", the token
// in base64 again, and the sum that of "name|date|token". A cookie that is not of
// our making, or too old, carries nothing.
func (c *cookies) token(name, value string, now time.Time) (token string, ok bool) {
	if len(value) > maxCookie {
		return "", false
	}
	m := c.macs.Get().(*cookieMAC)
	defer c.macs.Put(m)
	m.text = append(append(m.text[:0], name...), '|')
	from := len(m.text)
	var err error
	if m.text, err = base64.URLEncoding.AppendDecode(m.text, []byte(value)); err != nil {
		return "", false
	}
	date, rest, _ := bytes.Cut(m.text[from:], []byte("|"))
	body, sum, ok := bytes.Cut(rest, []byte("|"))
	if !ok || !m.made(m.text[:len(m.text)-len(sum)-1], sum) {
		return "", false
	}
	made, err := strconv.ParseInt(string(date), 10, 64)
	if err != nil || made < now.Unix()-int64(c.Options.MaxAge) {
		return "", false
	}
	out, err := base64.URLEncoding.AppendDecode(nil, body)
	return string(out), err == nil
}

// made reports whether the sum is ours.
func (m *cookieMAC) made(text, sum []byte) bool {
	m.Reset()
	_, _ = m.Write(text) // a hash never fails
	m.sum = m.Sum(m.sum[:0])
	return hmac.Equal(m.sum, sum)
}
