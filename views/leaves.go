package views

import (
	"context"
	"io"

	"github.com/a-h/templ"
)

// The smallest parts are drawn by hand: a page has a hundred of them, and templ
// spends several times as long on each.

// escaped is templ.EscapeString, for texts that mostly have nothing to escape.
func escaped[T ~string](s T) string {
	const special = 1<<'"' | 1<<'&' | 1<<'\'' | 1<<'<' | 1<<'>'
	for _, c := range []byte(s) {
		if c < 64 && uint64(special)>>c&1 != 0 {
			return templ.EscapeString(s)
		}
	}
	return string(s)
}

// words are what { } writes, for what is repeated.
type words string

// Render implements templ.Component.
func (s words) Render(_ context.Context, w io.Writer) error {
	return write(w, escaped(s))
}

// about completes a label for those who hear it out of its context.
type about string

// Render implements templ.Component.
func (s about) Render(_ context.Context, w io.Writer) error {
	if s == "" {
		return nil
	}
	return write(w, `<span class="sr-only">, `, escaped(s), `</span>`)
}

// Render draws the state; an empty one is nothing.
func (c Chip) Render(_ context.Context, w io.Writer) error {
	if c.Text == "" {
		return nil
	}
	return write(w, `<span class="chip" data-tone="`, escaped(c.Tone), `">`, escaped(c.Text), `</span>`)
}

// Render draws the moment, and how far away it is if that is known.
func (t Time) Render(c context.Context, w io.Writer) error {
	if err := absolute(t).Render(c, w); err != nil || t.IsZero() || t.Relative == "" {
		return err
	}
	return write(w, ` <span class="text-muted">(`, escaped(t.Relative), `)</span>`)
}

// absolute is a moment without its distance.
type absolute Time

// Render implements templ.Component.
func (t absolute) Render(_ context.Context, w io.Writer) error {
	if Time(t).IsZero() {
		return nil
	}
	return write(w, `<time datetime="`, escaped(t.ISO), `">`, escaped(t.Text), `</time>`)
}

// window is the span that a counter counts in.
type window UsageRow

// Render implements templ.Component.
func (u window) Render(c context.Context, w io.Writer) error {
	if err := write(w, `<span class="sr-only">`, copyWindow, ` </span>`); err != nil {
		return err
	}
	if err := absolute(u.Since).Render(c, w); err != nil {
		return err
	}
	if err := write(w, ` – `); err != nil {
		return err
	}
	if err := absolute(u.Resets).Render(c, w); err != nil {
		return err
	}
	return write(w, copyResets)
}

// hidden is what a form carries along.
type hidden Form

// Render implements templ.Component.
func (f hidden) Render(_ context.Context, w io.Writer) error {
	for _, field := range f.Fields {
		if err := write(w, `<input type="hidden" name="`, escaped(field.Name), `" value="`, escaped(field.Value), `">`); err != nil {
			return err
		}
	}
	return nil
}

func write(w io.Writer, parts ...string) error {
	to, ok := w.(io.StringWriter)
	for _, p := range parts {
		var err error
		if ok {
			_, err = to.WriteString(p)
		} else {
			_, err = io.WriteString(w, p)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
