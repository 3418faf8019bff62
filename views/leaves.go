package views

import (
	"context"
	"io"
	"strings"
	"sync"

	"github.com/a-h/templ"
)

// The smallest parts are drawn by hand, and so are those that Settings → Billing
// repeats most (rows_page.go, plans_page.go): a page has a hundred of them, and
// templ spends several times as long on each.

// ink is HTML that is being drawn. Nothing goes wrong until it is written.
type ink struct{ b []byte }

// html draws what is HTML already.
func (k *ink) html(parts ...string) {
	b := k.b
	for _, p := range parts {
		b = append(b, p...)
	}
	k.b = b
}

// template draws what templ knows; that fails only where the writing does.
func (k *ink) template(c templ.Component) { _ = c.Render(context.Background(), k) }

// Write is for templates.
func (k *ink) Write(p []byte) (int, error) {
	k.b = append(k.b, p...)
	return len(p), nil
}

// part is drawn by hand; its Render gives it a place in templates as well.
type part interface{ draw(k *ink) }

// inks are used again.
var inks = sync.Pool{New: func() any { return new(ink) }}

// drawn writes a part in one piece.
func drawn[P part](w io.Writer, p P) error {
	k := inks.Get().(*ink)
	defer inks.Put(k)
	k.b = k.b[:0]
	if p.draw(k); len(k.b) == 0 {
		return nil
	}
	_, err := w.Write(k.b)
	return err
}

// still is what is the same on every page: it is drawn once.
func still(c templ.Component) templ.Component {
	html := sync.OnceValue(func() []byte {
		var k ink
		k.template(c)
		return k.b
	})
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		_, err := w.Write(html())
		return err
	})
}

// special has what escaped is for.
var special = [256]bool{'"': true, '&': true, '\'': true, '<': true, '>': true}

// long is a text, such as a sealed quote, in which five searches are faster than
// a look at each byte.
const long = 200

func harmless(s string) bool {
	return strings.IndexByte(s, '"') < 0 && strings.IndexByte(s, '&') < 0 && strings.IndexByte(s, '\'') < 0 &&
		strings.IndexByte(s, '<') < 0 && strings.IndexByte(s, '>') < 0
}

// escaped is templ.EscapeString, for texts that mostly have nothing to escape.
func escaped[T ~string](s T) string {
	if len(s) > long && harmless(string(s)) {
		return string(s)
	}
	for i := range len(s) {
		if special[s[i]] {
			return templ.EscapeString(s)
		}
	}
	return string(s)
}

// words are what { } writes, for what is repeated.
type words string

// Render implements templ.Component.
func (s words) Render(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, escaped(s))
	return err
}

// about completes a label for those who hear it out of its context.
type about string

// Render implements templ.Component.
func (s about) Render(_ context.Context, w io.Writer) error { return drawn(w, s) }

func (s about) draw(k *ink) {
	if s != "" {
		k.html(`<span class="sr-only">, `, escaped(s), `</span>`)
	}
}

// Render draws the state; an empty one is nothing.
func (c Chip) Render(_ context.Context, w io.Writer) error { return drawn(w, c) }

func (c Chip) draw(k *ink) {
	if c.Text != "" {
		k.html(`<span class="chip" data-tone="`, escaped(c.Tone), `">`, escaped(c.Text), `</span>`)
	}
}

// Render draws the moment, and how far away it is if that is known.
func (t Time) Render(_ context.Context, w io.Writer) error { return drawn(w, t) }

func (t Time) draw(k *ink) {
	if absolute(t).draw(k); !t.IsZero() && t.Relative != "" {
		k.html(` <span class="text-muted">(`, escaped(t.Relative), `)</span>`)
	}
}

// absolute is a moment without its distance.
type absolute Time

// Render implements templ.Component.
func (t absolute) Render(_ context.Context, w io.Writer) error { return drawn(w, t) }

func (t absolute) draw(k *ink) {
	if !Time(t).IsZero() {
		k.html(`<time datetime="`, escaped(t.ISO), `">`, escaped(t.Text), `</time>`)
	}
}

// window is the span that a counter counts in.
type window UsageRow

func (u *window) draw(k *ink) {
	k.html(`<span class="sr-only">`, copyWindow, ` </span>`)
	absolute(u.Since).draw(k)
	k.html(` – `)
	absolute(u.Resets).draw(k)
	k.html(copyResets)
}

// hidden is what a form carries along.
type hidden Form

// Render implements templ.Component.
func (f hidden) Render(_ context.Context, w io.Writer) error { return drawn(w, f) }

func (f hidden) draw(k *ink) {
	for _, field := range f.Fields {
		k.html(`<input type="hidden" name="`, escaped(field.Name), `" value="`, escaped(field.Value), `">`)
	}
}

// link is an address as an attribute's value. Of most it can be seen at once that
// they lead to where a link may lead.
func link(url string) string {
	if strings.HasPrefix(url, "/") || strings.HasPrefix(url, "https://") {
		return escaped(url)
	}
	return escaped(templ.URL(url))
}

// dated is a sentence with its date.
type dated Dated

// Render implements templ.Component.
func (d dated) Render(_ context.Context, w io.Writer) error { return drawn(w, d) }

func (d dated) draw(k *ink) {
	k.html(escaped(d.Before))
	if !d.At.IsZero() {
		k.html(" ")
		d.At.draw(k)
	}
	if d.After != "" {
		k.html(escaped(joint(d.After)))
	}
}
