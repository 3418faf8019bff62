package views

import (
	"context"
	"io"
	"strconv"
)

// action draws a press: the button of a form, or a link.
type action Action

// Render implements templ.Component.
func (a action) Render(_ context.Context, w io.Writer) error { return drawn(w, a) }

func (a action) draw(k *ink) {
	class := ` class="btn btn-outline"`
	if a.Primary {
		class = ` class="btn btn-primary"`
	}
	if a.Form == nil {
		k.html(`<a href="`, link(a.Href), `"`, class)
		k.inPlace(a.Href, a.Into)
		k.html(`>`, escaped(a.Label))
		about(a.About).draw(k)
		k.html(`</a>`)
		return
	}
	k.html(`<form method="post" action="`, link(a.Form.URL), `" class="contents"`)
	if !a.Form.Away {
		k.html(` hx-post="`, escaped(a.Form.URL), `"`)
	}
	k.html(`>`)
	hidden(*a.Form).draw(k)
	k.html(`<button type="submit"`, class, `>`, escaped(a.Label))
	about(a.About).draw(k)
	k.html(`</button></form>`)
}

// inPlace draws the attributes of the function of that name.
func (k *ink) inPlace(url, id string) {
	if id = escaped(id); id != "" {
		k.html(` hx-get="`, escaped(url), `" hx-target="#`, id, `" hx-select="#`, id, `" hx-sync="#`, id, `:replace"`)
	}
}

// tab is an entry of a navigation.
type tab struct {
	href, label string
	current     bool
	waiting     int // for the reader
}

// navLink is a tab.
func navLink(href, label string, current bool, waiting int) tab {
	return tab{href, label, current, waiting}
}

// Render implements templ.Component.
func (t tab) Render(_ context.Context, w io.Writer) error { return drawn(w, t) }

func (t tab) draw(k *ink) {
	k.html(`<a href="`, link(t.href), `"`)
	if t.current {
		k.html(` aria-current="page"`)
	}
	k.html(`>`, escaped(t.label))
	if t.waiting > 0 {
		k.html(` <span class="chip num px-2" data-tone="accent"><span class="sr-only">, </span>`, strconv.Itoa(t.waiting),
			`<span class="sr-only">`, copyWaiting, `</span></span>`)
	}
	k.html(`</a>`)
}

// list draws its elements one after the other, where they are: they are large.
type list[T any] struct {
	all []T
	one func(v *T, k *ink)
}

// Render implements templ.Component.
func (l list[T]) Render(_ context.Context, w io.Writer) error { return drawn(w, l) }

func (l list[T]) draw(k *ink) {
	for i := range l.all {
		l.one(&l.all[i], k)
	}
}

// invoiceRows are the rows of the table of invoices.
func invoiceRows(all []InvoiceRow) list[InvoiceRow] {
	return list[InvoiceRow]{all, func(v *InvoiceRow, k *ink) { (*invoiceRow)(v).draw(k) }}
}

// invoiceRow is a row on a wide screen and on paper, a small grid on a phone.
type invoiceRow InvoiceRow

func (r *invoiceRow) draw(k *ink) {
	const next = `</td><td role="cell">`
	k.html(`<tr role="row"><th scope="row" role="rowheader">`, escaped(r.Number), `</th><td role="cell">`)
	r.Date.draw(k)
	k.html(next, escaped(r.Description), next, escaped(r.Amount), next)
	r.Chip.draw(k)
	k.html(next, `<div>`)
	if r.Pay != nil {
		action(*r.Pay).draw(k)
	}
	if r.Hosted != "" {
		k.html(`<a href="`, link(r.Hosted), `">`, copyView)
		about(r.Number).draw(k)
		k.html(`</a> `)
	}
	if r.PDF != "" {
		k.html(`<a href="`, link(r.PDF), `">PDF`)
		about(r.Number).draw(k)
		k.html(`</a>`)
	}
	k.html(`</div></td></tr>`)
}

// usageBar shows the use for the eye, and what the figure does not say in words.
type usageBar UsageRow

func (u *usageBar) draw(k *ink) {
	k.html(`<div class="usage-bar">`)
	if (*UsageRow)(u).metered() {
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
			(*window)(u).draw(k)
		}
		k.html(`</p>`)
	}
	k.html(`</div>`)
}

// usageFigure says the use in words.
type usageFigure UsageRow

func (u *usageFigure) draw(k *ink) {
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
}

// plotLink opens the plot of a resource.
type plotLink UsageRow

func (u *plotLink) draw(k *ink) {
	k.html(`<div class="plot-row"><a href="`, link(u.PlotURL), `" class="plot-toggle" aria-expanded="false" hx-get="`, escaped(u.PlotURL),
		`" hx-target="closest .plot-row" hx-select="details.plot-row">`, copyPlot)
	about(u.Label).draw(k)
	k.html(`</a></div>`)
}
