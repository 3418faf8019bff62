package static_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/countersignhq/countersign/static"
)

func get(t *testing.T, method, url, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, url, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, r)
	return w.Result()
}

func TestFiles(t *testing.T) {
	for name, want := range map[string]string{
		"app.css":     "text/css; charset=utf-8",
		"app.js":      "text/javascript; charset=utf-8",
		"htmx.min.js": "text/javascript; charset=utf-8",
		"inter.woff2": "font/woff2",
		"favicon.svg": "image/svg+xml",
	} {
		url := static.Path(name)
		if !regexp.MustCompile(`^/static/[a-z.]+\.[0-9a-f]{12}\.[a-z0-9]+$`).MatchString(url) {
			t.Errorf("%s: URL %q has no hash", name, url)
		}
		res := get(t, "GET", url, "")
		body, _ := io.ReadAll(res.Body)
		if res.StatusCode != 200 || len(body) == 0 {
			t.Errorf("%s: status %d, %d bytes", name, res.StatusCode, len(body))
		}
		if got := res.Header.Get("Content-Type"); got != want {
			t.Errorf("%s: Content-Type %q, want %q", name, got, want)
		}
		if got := res.Header.Get("Cache-Control"); !strings.Contains(got, "immutable") {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
	}
}

func TestGzipHoldsTheSameBytes(t *testing.T) {
	url := static.Path("htmx.min.js")
	plain, _ := io.ReadAll(get(t, "GET", url, "").Body)
	res := get(t, "GET", url, "br, gzip")
	if res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("headers %v", res.Header)
	}
	z, err := gzip.NewReader(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if unpacked, _ := io.ReadAll(z); string(unpacked) != string(plain) {
		t.Error("gzip and plain differ")
	}
}

func TestStylesheetNamesTheHashedFont(t *testing.T) {
	css, _ := io.ReadAll(get(t, "GET", static.Path("app.css"), "").Body)
	if !strings.Contains(string(css), static.Path("inter.woff2")) {
		t.Error("app.css does not name the hashed font")
	}
	if strings.Contains(string(css), "url(inter.woff2)") {
		t.Error("app.css still names the plain font")
	}
}

func TestOnlyHashedNamesAreServed(t *testing.T) {
	for _, url := range []string{
		"/static/", "/static/app.css", "/static/app.000000000000.css",
		"/static/../static.go", "/static/static.go",
	} {
		if res := get(t, "GET", url, ""); res.StatusCode != 404 {
			t.Errorf("GET %s: %d, want 404", url, res.StatusCode)
		}
	}
	if body, _ := io.ReadAll(get(t, "HEAD", static.Path("app.css"), "").Body); len(body) != 0 {
		t.Error("HEAD has a body")
	}
}
