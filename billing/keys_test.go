package billing

import (
	"bytes"
	"strings"
	"testing"
)

var allPrefixes = []string{prefixAgent, prefixMember, prefixHost, prefixConsent, prefixSignIn, prefixSession, prefixOperatorLink, prefixOperator}

// FuzzKeys holds the parser of keys to its promises: whatever is made is taken,
// for its own kind only; whatever is taken is of the one form; and no taken key
// becomes another one by a wrong character or two changed about.
func FuzzKeys(f *testing.F) {
	for _, p := range allPrefixes {
		f.Add(keyFrom(p, bytes.Repeat([]byte{7}, 32)), []byte(p), uint8(4), byte('x'))
	}
	for _, text := range []string{"", "csa_", "csa_\x00", "csa_" + strings.Repeat("0", 49), "csa_" + strings.Repeat("é", 24) + "0", strings.Repeat("csa_", 13) + "c"} {
		f.Add(text, bytes.Repeat([]byte{0xff}, 32), uint8(52), byte(0))
	}
	f.Fuzz(func(t *testing.T, text string, raw []byte, at uint8, c byte) {
		for i, p := range allPrefixes {
			key := keyFrom(p, raw[:min(len(raw), 32)])
			if len(key) != len(p)+bodyLen+checkLen || !wellFormed(key, p) || !wellFormed(key, allPrefixes...) {
				t.Fatalf("%q is made and not taken", key)
			}
			if others := append(append([]string{}, allPrefixes[:i]...), allPrefixes[i+1:]...); wellFormed(key, others...) {
				t.Fatalf("%q is taken for another kind", key)
			}
			noTypo(t, key, int(at)%len(key), c)
		}
		if !wellFormed(text, allPrefixes...) {
			return
		}
		if body := text[:len(text)-checkLen]; len(text) != 4+bodyLen+checkLen || body+checksum(body) != text {
			t.Fatalf("took %q", text)
		}
		noTypo(t, text, int(at)%len(text), c)
	})
}

func noTypo(t *testing.T, key string, at int, c byte) {
	wrong := []byte(key)
	wrong[at] = c
	about := []byte(key)
	about[at], about[max(at-1, 0)] = about[max(at-1, 0)], about[at]
	for _, typo := range []string{string(wrong), string(about), key[:at] + key[at+1:], key + string(c)} {
		if typo != key && wellFormed(typo, allPrefixes...) {
			t.Fatalf("%q is taken after %q", typo, key)
		}
	}
}
