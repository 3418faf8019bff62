package views

import (
	"context"
	"io"
)

// planOptions are the plans of the catalogue.
func planOptions(all []PlanOption) list[PlanOption] {
	return list[PlanOption]{all, func(v *PlanOption, k *ink) { (*planOption)(v).draw(k) }}
}

// planOption is a plan of the catalogue with its one button.
type planOption PlanOption

func (o *planOption) draw(k *ink) {
	class := `card plan`
	if o.Current {
		class = `card plan plan-current`
	}
	k.html(`<li class="`, class, `"><div class="plan-name"><h3>`, escaped(o.Name), `</h3>`)
	o.Chip.draw(k)
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
}

func (o *planOption) foot(k *ink) {
	switch {
	case o.Button != nil:
		action(*o.Button).draw(k)
	case o.Current:
		k.html(`<p class="plan-mark">`, copyPlan, `</p>`)
	}
	if o.Trial != nil {
		action(*o.Trial).draw(k)
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
		k.inPlace(o.Review, "review")
		k.html(`>`, copyDetails)
		about(o.Button.Label).draw(k)
		k.html(`</a>`)
	}
	k.html(`</div>`)
}

// usageItems are the rows of what is used.
func usageItems(all []UsageRow) list[UsageRow] {
	return list[UsageRow]{all, func(v *UsageRow, k *ink) { (*usageItem)(v).draw(k) }}
}

// usageItem shows the use twice: the meter repeats for the eye what the figure
// beside it says in words.
type usageItem UsageRow

func (u *usageItem) draw(k *ink) {
	k.html(`<li data-level="`, escaped(u.Level), `"><h3>`, escaped(u.Label), `</h3>`)
	(*usageBar)(u).draw(k)
	(*usageFigure)(u).draw(k)
	if len(u.Actions) > 0 || u.Ask != nil || u.Asked != nil {
		k.html(`<div class="usage-more">`)
		if u.Asked != nil {
			askedStatus(*u.Asked).draw(k)
		}
		for _, a := range u.Actions {
			action(a).draw(k)
		}
		if u.Ask != nil {
			askForMore(*u.Ask).draw(k)
		}
		k.html(`</div>`)
	}
	if u.Plot != nil {
		k.template(usagePlot(*u.Plot))
	} else if u.PlotURL != "" {
		(*plotLink)(u).draw(k)
	}
	k.html(`</li>`)
}

// askForMore is the small form beside a limit that is nearly reached.
type askForMore AskForMore

func (a askForMore) draw(k *ink) {
	id, about := escaped(a.ID), escaped(a.About)
	k.html(`<details><summary class="btn btn-outline w-fit">`, copyAskMore, `<span class="sr-only">, `, about, `</span></summary>`,
		`<form method="post" action="`, link(a.Form.URL), `" class="ask" hx-post="`, escaped(a.Form.URL), `">`)
	hidden(a.Form).draw(k)
	k.html(`<div><label for="`, id, `-desired">`, copyAskDesired, `</label> <input id="`, id, `-desired" class="field num" type="number" name="desired" min="`,
		escaped(a.Min), `" max="9007199254740991" step="1" inputmode="numeric"></div>`,
		`<div><label for="`, id, `-reason">`, copyAskReason, `</label> <input id="`, id,
		`-reason" class="field" type="text" name="reason" maxlength="500" autocomplete="off"></div>`,
		`<button type="submit" class="btn btn-primary">`, copyAskButton, `<span class="sr-only">, `, about, `</span></button></form></details>`)
}

// askedStatus says where a request for a higher limit stands.
type askedStatus AskedLine

// Render implements templ.Component.
func (a askedStatus) Render(_ context.Context, w io.Writer) error { return drawn(w, a) }

func (a askedStatus) draw(k *ink) {
	k.html(`<div class="asked flex w-full min-w-0 flex-wrap items-baseline gap-x-3 gap-y-1 text-sm">`)
	a.Chip.draw(k)
	k.html(`<p class="min-w-0">`)
	dated(a.What).draw(k)
	if !a.Until.IsZero() {
		k.html(`, `, copyUntil, ` `)
		a.Until.draw(k)
	}
	if a.Reason != "" {
		k.html(`<span class="text-muted"> · `, escaped(a.Reason), `</span>`)
	}
	k.html(`</p></div>`)
}
