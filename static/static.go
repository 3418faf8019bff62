// Package static owns the files that browsers fetch: the built stylesheet,
// htmx, our few lines of script, the font and the icon. It gives each a name
// with a hash of its content, so that a browser may keep it for ever, and
// serves them. It knows no page.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strings"
	"sync"
)

// Prefix is where the files are served.
const Prefix = "/static/"

//go:embed app.css app.js htmx.min.js inter.woff2 favicon.svg
var embedded embed.FS

// order has app.css last: its text carries the hashed names of the others.
var order = [...]string{"inter.woff2", "favicon.svg", "htmx.min.js", "app.js", "app.css"}

type file struct {
	url         string
	contentType string
	body        []byte
	gzipped     []byte // nil where it does not pay
}

// files is read once, at the first page, and never written again.
var files = sync.OnceValue(load)

// Path returns the URL of a file, as in Path("app.css") = "/static/app.1f3a….css".
// A name that is not embedded is a programmer's mistake and panics.
func Path(name string) string {
	f, ok := files()[name]
	if !ok {
		panic("static: no file " + name)
	}
	return f.url
}

// Text returns what a file holds, as it is served.
func Text(name string) string {
	return string(files()[name].body)
}

// Handler serves the hashed names under Prefix. Anything else, a stale hash
// too, is 404: a wrong file under an immutable name would stay wrong.
func Handler() http.Handler {
	byURL := make(map[string]file, len(order))
	for _, f := range files() {
		byURL[f.url] = f
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := byURL[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		f.serve(w, r)
	})
}

func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	body := f.body
	if f.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			h.Set("Content-Encoding", "gzip")
			body = f.gzipped
		}
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // the browser hung up: nobody is left to tell
}

func load() map[string]file {
	out := make(map[string]file, len(order))
	for _, name := range order {
		body, err := embedded.ReadFile(name)
		if err != nil {
			panic("static: " + err.Error()) // the embed directive above names it
		}
		if name == "app.css" {
			body = rewrite(body, out)
		}
		out[name] = newFile(name, body)
	}
	return out
}

// rewrite puts hashed names in the place of the plain ones in url(…).
func rewrite(css []byte, done map[string]file) []byte {
	for name, f := range done {
		for _, quote := range []string{"", `"`, "'"} {
			css = bytes.ReplaceAll(css,
				[]byte("url("+quote+name+quote+")"), []byte(`url("`+f.url+`")`))
		}
	}
	return css
}

func newFile(name string, body []byte) file {
	sum := sha256.Sum256(body)
	ext := path.Ext(name)
	f := file{
		url:         Prefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext,
		contentType: contentTypes[ext],
		body:        body,
	}
	if ext != ".woff2" { // compressed already
		f.gzipped = compress(body)
	}
	return f
}

var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

func compress(body []byte) []byte {
	var buf bytes.Buffer
	z, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // a constant level cannot fail
	_, _ = z.Write(body)                                    // nor can a buffer
	_ = z.Close()
	return buf.Bytes()
}
