package web

import (
	"net/http"
	"strings"
)

// securityHeaders are sent with every answer, JSON and files too: an answer that
// a browser can be made to render has to be as harmless as a page.
//
// The host application's own calls are the exception, see bareHeaders.
func securityHeaders(tls bool, formTargets []string) http.Header {
	forms := strings.Join(append([]string{"'self'"}, formTargets...), " ")
	h := http.Header{}
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "+
		"connect-src 'self'; form-action "+forms+"; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	if tls {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	return h
}

// bareHeaders are those of answers that only a program gets, by its host key:
// what a browser could still do with one, and no more. An answer with at most
// eight headers is made in half the time.
func bareHeaders(tls bool) http.Header {
	h := http.Header{}
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cache-Control", "no-store")
	if tls {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	return h
}
