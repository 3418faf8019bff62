package views

import (
	"context"
	"io"

	"github.com/a-h/templ"
)

// planOption is a plan of the catalogue with its one button.
type planOption PlanOption

// Render implements templ.Component.
func (o planOption) Render(c context.Context, w io.Writer) error {
	k, class := &ink{c: c, w: w}, `card plan`
	if o.Current {
		class = `card plan plan-current`
	}
	k.html(`<li class="`, class, `"><div class="plan-name"><h3>`, escaped(o.Name), `</h3>`)
	k.done(o.Chip.Render(c, w))
	k.html(`</div><p class="price">`, escaped(o.Price))
	if o.Per != "" {
		k.html(` <span>`, escaped(o.Per), `</span>`)
	}
	k.html(`</p><ul class="points">`)
	for _, point := range o.Points {
		k.html(`<li>`, escaped(point), `</li>`)
	}
	k.html(`</ul><div class="plan-foot">`)
	o.foot(k)
	k.html(`</div></li>`)
	return k.err
}

func (o planOption) foot(k *ink) {
	switch {
	case o.Button != nil:
		k.done(action(*o.Button).Render(k.c, k.w))
	case o.Current:
		k.html(`<p class="plan-mark">`, copyPlan, `</p>`)
	}
	if o.Trial != nil {
		k.done(action(*o.Trial).Render(k.c, k.w))
	}
	if o.Button == nil && o.Trial == nil && !o.Current {
		return
	}
	k.html(`<div class="plan-note">`)
	if o.Note != "" {
		k.html(`<span>`, escaped(o.Note), `</span> `)
	}
	if o.Review != "" && o.Button != nil {
		k.html(`<a href="`, link(o.Review), `" class="link-row"`)
		k.done(templ.RenderAttributes(k.c, k.w, inPlace(o.Review, "review")))
		k.html(`>`, copyDetails)
		k.done(about(o.Button.Label).Render(k.c, k.w))
		k.html(`</a>`)
	}
	k.html(`</div>`)
}

// usageItem shows the use twice: the meter repeats for the eye what the figure
// beside it says in words.
type usageItem UsageRow

// Render implements templ.Component.
func (u usageItem) Render(c context.Context, w io.Writer) error {
	k := &ink{c: c, w: w}
	k.html(`<li data-level="`, escaped(u.Level), `"><h3>`, escaped(u.Label), `</h3>`)
	k.done(usageBar(u).Render(c, w))
	k.done(usageFigure(u).Render(c, w))
	if len(u.Actions) > 0 || u.Ask != nil || u.Asked != nil {
		k.html(`<div class="usage-more">`)
		if u.Asked != nil {
			k.done(askedStatus(*u.Asked).Render(c, w))
		}
		for _, a := range u.Actions {
			k.done(action(a).Render(c, w))
		}
		if u.Ask != nil {
			k.done(askForMore(*u.Ask).Render(c, w))
		}
		k.html(`</div>`)
	}
	if u.Plot != nil {
		k.done(usagePlot(*u.Plot).Render(c, w))
	} else if u.PlotURL != "" {
		k.done(plotLink(u).Render(c, w))
	}
	k.html(`</li>`)
	return k.err
}

// askForMore is the small form beside a limit that is nearly reached.
type askForMore AskForMore

// Render implements templ.Component.
func (a askForMore) Render(c context.Context, w io.Writer) error {
	k, id, about := &ink{c: c, w: w}, escaped(a.ID), escaped(a.About)
	k.html(`<details><summary class="btn btn-outline w-fit">`, copyAskMore, `<span class="sr-only">, `, about, `</span></summary>`,
		`<form method="post" action="`, link(a.Form.URL), `" class="ask" hx-post="`, escaped(a.Form.URL), `">`)
	k.done(hidden(a.Form).Render(c, w))
	k.html(`<div><label for="`, id, `-desired">`, copyAskDesired, `</label> <input id="`, id, `-desired" class="field num" type="number" name="desired" min="`,
		escaped(a.Min), `" max="9007199254740991" step="1" inputmode="numeric"></div>`,
		`<div><label for="`, id, `-reason">`, copyAskReason, `</label> <input id="`, id,
		`-reason" class="field" type="text" name="reason" maxlength="500" autocomplete="off"></div>`,
		`<button type="submit" class="btn btn-primary">`, copyAskButton, `<span class="sr-only">, `, about, `</span></button></form></details>`)
	return k.err
}
