package views

import (
	"fmt"
	"sync/atomic"

	"github.com/countersignhq/countersign/billing"
)

// catalogWords is a catalogue in the words of a locale. They are the same on every
// page, so that they are put together once; nothing in them is about an org.
type catalogWords struct {
	of        *billing.Catalog
	plans     map[string]planWords
	resources map[string]resourceWords
}

// planWords is a plan as it is offered.
type planWords struct {
	price, per string
	points     []string // "10 agents"; shared
}

// resourceWords is a resource in the list of what is used.
type resourceWords struct{ label, plotURL, askID string }

// keptWords are those of the catalogue that was asked for last.
type keptWords = atomic.Pointer[catalogWords]

// catalogWords are those of a locale that keeps them, see Locales; else nil.
func (in Locale) catalogWords(c *billing.Catalog) *catalogWords {
	if in.kept == nil {
		return nil
	}
	w := in.kept.Load()
	if w == nil || w.of != c {
		w = in.wordsOf(c)
		in.kept.Store(w)
	}
	return w
}

func (in Locale) wordsOf(c *billing.Catalog) *catalogWords {
	w := &catalogWords{c, make(map[string]planWords, len(c.Plans)), make(map[string]resourceWords, len(c.Resources))}
	for i := range c.Plans {
		w.plans[c.Plans[i].ID] = in.planWords(c, &c.Plans[i])
	}
	for _, r := range c.Resources {
		w.resources[r.ID] = wordsOfResource(r)
	}
	return w
}

// plan is the words of a plan without additional units.
func (w *catalogWords) plan(p *billing.Plan) (planWords, bool) {
	if w == nil || p.Additional != 0 {
		return planWords{}, false
	}
	words, ok := w.plans[p.ID]
	return words, ok
}

func (w *catalogWords) resource(r billing.Resource) resourceWords {
	if w != nil {
		if words, ok := w.resources[r.ID]; ok {
			return words
		}
	}
	return wordsOfResource(r)
}

func wordsOfResource(r billing.Resource) resourceWords {
	return resourceWords{label: capital(r.Plural), plotURL: pathPlot + r.ID, askID: "ask-" + r.ID}
}

// pathPlot is Settings → Billing with the plot of the resource opened whose id
// follows.
const pathPlot = "/settings/billing?plot="

func (in Locale) planWords(c *billing.Catalog, p *billing.Plan) planWords {
	w := planWords{price: in.money(p.Price.Amount, c.Currency), per: "a month", points: make([]string, 0, len(c.Resources)+1)}
	if p.Paid() {
		w.per = per(p.Price.Interval)
	}
	if u := p.Units; u != nil {
		w.points = append(w.points, fmt.Sprintf("%s, more at %s each", in.unitsWords(u.Included), in.price(u.Price.Amount, c.Currency, u.Price.Interval)))
	}
	for _, r := range c.Resources {
		w.points = append(w.points, in.limitOf(r, p.Cap(r.ID)))
	}
	return w
}
