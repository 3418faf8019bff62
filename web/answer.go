package web

import (
	"bytes"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// JSON answers with a value.
func (r *Request) JSON(status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	r.send(status, "application/json", append(body, '\n'))
	return nil
}

// Raw answers with a document that is ready.
func (r *Request) Raw(status int, contentType string, body []byte) error {
	r.send(status, contentType, body)
	return nil
}

// Styled answers with an HTML document that brings its own styles. It may do
// nothing else.
func (r *Request) Styled(document []byte) error {
	r.w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	r.send(http.StatusOK, "text/html; charset=utf-8", document)
	return nil
}

// Attachment answers with a file to be saved under the name.
func (r *Request) Attachment(name, contentType string, body []byte) error {
	r.w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	r.send(http.StatusOK, contentType, body)
	return nil
}

// Page answers with a page. It is drawn to its end before anything is sent, so
// that one that fails half-way becomes an error and not half a page.
func (r *Request) Page(status int, page templ.Component) error {
	buf := r.rt.buffers.Get().(*bytes.Buffer)
	defer r.rt.buffers.Put(buf)
	buf.Reset()
	if err := page.Render(r.Context(), buf); err != nil {
		return err
	}
	r.send(status, "text/html; charset=utf-8", buf.Bytes())
	return nil
}

// NoContent says that it is done and there is nothing to show.
func (r *Request) NoContent() error {
	r.w.WriteHeader(http.StatusNoContent)
	return nil
}

// Redirect leads to one of our own pages, with the query as name and value in
// turn. The path comes from the program, never from a request, save through
// OwnPath.
func (r *Request) Redirect(path string, query ...string) error {
	q := url.Values{}
	for i := 0; i+1 < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return r.Away(path)
}

// Away leads to another site, whose address we made or were given by Stripe.
func (r *Request) Away(target string) error {
	if r.HTMX() { // a script would follow a 303 without the browser
		r.w.Header().Set("HX-Redirect", target)
		r.w.WriteHeader(http.StatusOK)
		return nil
	}
	r.w.Header().Set("Location", target)
	r.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// ComeBack says when to ask again for an answer that is not the last word.
func (r *Request) ComeBack(in time.Duration) { r.w.Header().Set("Retry-After", seconds(in)) }

// Replayed says that the answer is that of an earlier, identical request.
func (r *Request) Replayed() { r.w.Header().Set("Idempotent-Replayed", "true") }

// OwnPath returns a path to one of our own pages as somebody else gave it, or
// otherwise if it leads, or could be read as leading, anywhere else.
func OwnPath(p, otherwise string) string {
	if !strings.HasPrefix(p, "/") || strings.HasPrefix(p, "//") || strings.ContainsAny(p, "\\") || !clean(p) || len(p) > 300 {
		return otherwise
	}
	u, err := url.Parse(p)
	if err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(u.Path, "//") || strings.Contains(u.Path, "\\") || !clean(u.Path) {
		return otherwise
	}
	return p
}

func (r *Request) send(status int, contentType string, body []byte) {
	h := r.w.Header()
	h["Content-Type"] = []string{contentType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	r.w.WriteHeader(status)
	r.together(body)
	_, _ = r.w.Write(body) // nobody is left to tell when the caller has gone
}
