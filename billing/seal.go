package billing

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash"
	"strings"
	"sync"
	"time"
)

// sealer signs what a form carries, so that a quote which comes back is one
// that we showed to this person for this purpose. What else is made of the
// server's own secret comes from it too.
type sealer struct{ macs *sync.Pool } // of *mac

// mac is an HMAC-SHA256 with the key, and room for a text and its sum.
type mac struct {
	hash.Hash
	text, sum []byte
}

func newSealer(key []byte) sealer {
	return sealer{&sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, key)} }}}
}

// begin writes the use that a text is for, which keeps it from passing for
// another one's.
func (m *mac) begin(use string) { m.text = append(append(m.text[:0], use...), 0) }

// end is the sum of the text.
func (m *mac) end() []byte {
	m.Reset()
	m.Write(m.text)
	m.sum = m.Sum(m.sum[:0])
	return m.sum
}

// mac is the HMAC-SHA256 of a text for a use.
func (s sealer) mac(use, text string) []byte {
	m := s.macs.Get().(*mac)
	defer s.macs.Put(m)
	m.begin(use)
	m.text = append(m.text, text...)
	return bytes.Clone(m.end())
}

// useQuote is for quotes in forms.
const useQuote = "countersign/quote/v1"

// sealedQuote is the content of a form's hidden field.
type sealedQuote struct {
	Purpose string    `json:"p"` // "approve:apr_…" or "change:org_…"
	Holder  string    `json:"h"` // the session it was shown in
	Until   time.Time `json:"u"`
	Quote   Quote     `json:"q"`
}

// seal is the quote as JSON and its sum, both in base64.
func (s sealer) seal(v *sealedQuote) string {
	m := s.macs.Get().(*mac)
	defer s.macs.Put(m)
	m.begin(useQuote)
	from := len(m.text)
	m.text = v.appendJSON(m.text)
	sum, raw, to := m.end(), m.text[from:], base64.RawURLEncoding
	out := make([]byte, to.EncodedLen(len(raw))+1+to.EncodedLen(len(sum)))
	dot := to.EncodedLen(len(raw))
	to.Encode(out, raw)
	out[dot] = '.'
	to.Encode(out[dot+1:], sum)
	return string(out)
}

// open returns the quote if the seal is ours, for this purpose and holder, and
// not older than its life; else ok is false.
func (s sealer) open(sealed, purpose, holder string, now time.Time) (Quote, bool) {
	body, sig, found := strings.Cut(sealed, ".")
	if !found {
		return Quote{}, false
	}
	raw, err1 := base64.RawURLEncoding.DecodeString(body)
	mac, err2 := base64.RawURLEncoding.DecodeString(sig)
	if err1 != nil || err2 != nil || !hmac.Equal(mac, s.mac(useQuote, string(raw))) {
		return Quote{}, false
	}
	var v sealedQuote
	if json.Unmarshal(raw, &v) != nil || v.Purpose != purpose || v.Holder != holder || now.After(v.Until) {
		return Quote{}, false
	}
	return v.Quote, true
}
