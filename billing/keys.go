package billing

import (
	"crypto/sha256"
	"crypto/subtle"
	"hash/crc32"
	"math/big"
	"strings"
)

// The prefixes of keys and tokens: secret scanners and people can tell them apart.
const (
	prefixAgent   = "csa_"
	prefixMember  = "csm_"
	prefixHost    = "csh_"
	prefixConsent = "csc_"
	prefixSignIn  = "csl_"
	prefixSession = "css_"
)

const (
	base62     = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	bodyLen    = 43 // 32 bytes in base 62
	checkLen   = 6  // a CRC-32 in base 62
	shownChars = 8  // of a key, to recognise it by
)

// newSecret makes a key: prefix, 32 random bytes in base 62, and a checksum, so
// that a typo is refused without a look at the database.
func (s *Service) newSecret(prefix string) string {
	var raw [32]byte
	s.read(raw[:])
	return keyFrom(prefix, raw[:])
}

// secretFor makes the key that a request is given. A repeat of the request is
// given the same one, though only its hash is kept: it is made of the server's
// own secret and of what names the request.
func (s *Service) secretFor(prefix, requestKey string) string {
	return keyFrom(prefix, s.sealer.mac("countersign/key/v1", prefix+"\x00"+requestKey))
}

func keyFrom(prefix string, raw []byte) string {
	body := prefix + encode62(new(big.Int).SetBytes(raw), bodyLen)
	return body + checksum(body)
}

// wellFormed reports whether the text is a key with one of the prefixes and a
// checksum that fits.
func wellFormed(key string, prefixes ...string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(key, p) && len(key) == len(p)+bodyLen+checkLen {
			body := key[:len(p)+bodyLen]
			return subtle.ConstantTimeCompare([]byte(checksum(body)), []byte(key[len(body):])) == 1
		}
	}
	return false
}

func checksum(body string) string {
	var out [checkLen]byte
	sum := crc32.ChecksumIEEE([]byte(body))
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = base62[sum%62]
		sum /= 62
	}
	return string(out[:])
}

// encode62 writes n with exactly width digits.
func encode62(n *big.Int, width int) string {
	out := make([]byte, width)
	base, digit := big.NewInt(62), new(big.Int)
	n = new(big.Int).Set(n)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		out[i] = base62[digit.Int64()]
	}
	return string(out)
}

// hashOf is what is stored of a secret. The secrets have 256 random bits, so a
// plain hash is enough.
func hashOf(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}
