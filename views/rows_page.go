package views

import (
	"context"
	"io"
	"strconv"

	"github.com/a-h/templ"
)

// The parts that Settings → Billing repeats most are drawn by hand, as the
// smallest are (leaves.go).

// ink writes the pieces of one part. Its first error stays, and ends the writing.
type ink struct {
	c   context.Context
	w   io.Writer
	err error
}

// html writes what is HTML already.
func (k *ink) html(parts ...string) {
	if k.err == nil {
		k.err = write(k.w, parts...)
	}
}

// done tells how a smaller part went.
func (k *ink) done(err error) {
	if k.err == nil {
		k.err = err
	}
}

// link is an address as an attribute's value.
func link(url string) string { return escaped(templ.URL(url)) }

// dated is a sentence with its date.
type dated Dated

// Render implements templ.Component.
func (d dated) Render(c context.Context, w io.Writer) error {
	if err := write(w, escaped(d.Before)); err != nil {
		return err
	}
	if !d.At.IsZero() {
		if err := write(w, " "); err != nil {
			return err
		}
		if err := d.At.Render(c, w); err != nil {
			return err
		}
	}
	if d.After == "" {
		return nil
	}
	return write(w, escaped(joint(d.After)))
}

// action draws a press: the button of a form, or a link.
type action Action

// Render implements templ.Component.
func (a action) Render(c context.Context, w io.Writer) error {
	k, class := &ink{c: c, w: w}, ` class="btn btn-outline"`
	if a.Primary {
		class = ` class="btn btn-primary"`
	}
	if a.Form == nil {
		k.html(`<a href="`, link(a.Href), `"`, class)
		if a.Into != "" {
			k.done(templ.RenderAttributes(c, w, inPlace(a.Href, a.Into)))
		}
		k.html(`>`, escaped(a.Label))
		k.done(about(a.About).Render(c, w))
		k.html(`</a>`)
		return k.err
	}
	k.html(`<form method="post" action="`, link(a.Form.URL), `" class="contents"`)
	if !a.Form.Away {
		k.html(` hx-post="`, escaped(a.Form.URL), `"`)
	}
	k.html(`>`)
	k.done(hidden(*a.Form).Render(c, w))
	k.html(`<button type="submit"`, class, `>`, escaped(a.Label))
	k.done(about(a.About).Render(c, w))
	k.html(`</button></form>`)
	return k.err
}

// invoiceRow is a row on a wide screen and on paper, a small grid on a phone.
type invoiceRow InvoiceRow

// Render implements templ.Component.
func (r invoiceRow) Render(c context.Context, w io.Writer) error {
	const next = `</td><td role="cell">`
	k := &ink{c: c, w: w}
	k.html(`<tr role="row"><th scope="row" role="rowheader">`, escaped(r.Number), `</th><td role="cell">`)
	k.done(r.Date.Render(c, w))
	k.html(next, escaped(r.Description), next, escaped(r.Amount), next)
	k.done(r.Chip.Render(c, w))
	k.html(next, `<div>`)
	if r.Pay != nil {
		k.done(action(*r.Pay).Render(c, w))
	}
	if r.Hosted != "" {
		k.html(`<a href="`, link(r.Hosted), `" rel="noreferrer">`, copyView)
		k.done(about(r.Number).Render(c, w))
		k.html(`</a> `)
	}
	if r.PDF != "" {
		k.html(`<a href="`, link(r.PDF), `" rel="noreferrer">PDF`)
		k.done(about(r.Number).Render(c, w))
		k.html(`</a>`)
	}
	k.html(`</div></td></tr>`)
	return k.err
}

// usageBar shows the use for the eye, and what the figure does not say in words.
type usageBar UsageRow

// Render implements templ.Component.
func (u usageBar) Render(c context.Context, w io.Writer) error {
	k := &ink{c: c, w: w}
	k.html(`<div class="usage-bar">`)
	if UsageRow(u).metered() {
		k.html(`<svg class="meter" aria-hidden="true"><rect></rect> `)
		if u.Percent > 0 {
			k.html(`<rect class="meter-fill" width="`, strconv.Itoa(u.Percent), `%" rx="4"></rect>`)
		}
		k.html(`</svg> `)
	}
	if u.Note != "" || !u.Resets.IsZero() {
		k.html(`<p>`)
		if u.Note != "" {
			k.html(`<span>`, escaped(u.Note), `</span> `)
		}
		if !u.Resets.IsZero() {
			k.done(window(u).Render(c, w))
		}
		k.html(`</p>`)
	}
	k.html(`</div>`)
	return k.err
}

// usageFigure says the use in words.
type usageFigure UsageRow

// Render implements templ.Component.
func (u usageFigure) Render(_ context.Context, w io.Writer) error {
	k := &ink{w: w}
	k.html(`<p class="usage-figure">`)
	switch u.Level {
	case UsageUnknown:
		k.html(copyNotReported)
	case UsageUnlimited:
		k.html(`<b>`, escaped(u.Used), `</b> · `, copyUnlimited)
	default:
		k.html(`<b>`, escaped(u.Used), `</b>`, " "+copyOf+" ", escaped(u.Limit), " ")
		if u.PerUnit != "" {
			k.html(`<span class="detail">`, escaped(u.PerUnit), `</span>`)
		}
	}
	k.html(`</p>`)
	return k.err
}

// plotLink opens the plot of a resource.
type plotLink UsageRow

// Render implements templ.Component.
func (u plotLink) Render(c context.Context, w io.Writer) error {
	k := &ink{c: c, w: w}
	k.html(`<div class="plot-row"><a href="`, link(u.PlotURL), `" class="plot-toggle" aria-expanded="false" hx-get="`, escaped(u.PlotURL),
		`" hx-target="closest .plot-row" hx-select="details.plot-row">`, copyPlot)
	k.done(about(u.Label).Render(c, w))
	k.html(`</a></div>`)
	return k.err
}
