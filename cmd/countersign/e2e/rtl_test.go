package e2e

import "testing"

// signLast lists the sums, made negative, whose sign does not stand before them:
// where the text runs from right to left it would be taken for a dash behind.
const signLast = `(() => {
	const at = (node, i) => { const r = document.createRange(); r.setStart(node, i); r.setEnd(node, i + 1); return r.getBoundingClientRect() }
	const sums = [...document.querySelectorAll('.invoices td:nth-child(4), .plot-table td, #review span.num, main dd .num')].filter(e => e.checkVisibility() && /^[−$\d.,]+$/.test(e.textContent))
	for (const e of sums) e.textContent = '−' + e.textContent.replace('−', '')
	const last = sums.filter(e => { const t = e.firstChild; return at(t, 0).left > at(t, t.length - 1).left })
	return sums.length < 3 ? ['only ' + sums.length + ' sums'] : last.map(e => e.closest('[class]').className + ' ' + e.textContent)
})()`

// toggles lists what the targets that open plots lie over.
const toggles = `[...document.querySelectorAll('.plot-toggle')].filter(t => t.checkVisibility()).flatMap(t => {
	const a = t.getBoundingClientRect()
	return [...t.closest('li, section').querySelectorAll('a, summary, button, p, h2, h3, td, .meter')].filter(e => {
		const b = e.getBoundingClientRect()
		return !e.contains(t) && !t.contains(e) && Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1
	}).map(e => t.textContent.trim() + ' over ' + e.textContent.slice(0, 30))
})`

// TestRightToLeft: in a page that is read from right to left a sum keeps its sign
// before it, its column keeps its edge, and nothing lies over what can be pressed.
func TestRightToLeft(t *testing.T) {
	t.Parallel()
	j := arrive(t, flat, true)
	j.signIn(ada)
	for _, path := range []string{"/settings/billing?spend=months", "/settings/billing?plot=agents", "/settings/billing/review?plan=scale"} {
		for _, width := range []int64{320, 390, 1280} {
			for _, dir := range []string{"ltr", "rtl"} {
				j.onPhone(width, windowHeight)
				j.open(j.demo.url + path)
				eval[bool](j.tab, `document.documentElement.dir = '`+dir+`'; document.querySelectorAll('details').forEach(d => d.open = true); true`)
				for _, sum := range eval[[]string](j.tab, signLast) {
					t.Errorf("%s at %d px, %s: the sign is behind: %s", path, width, dir, sum)
				}
				for _, over := range eval[[]string](j.tab, toggles) {
					t.Errorf("%s at %d px, %s: %s", path, width, dir, over)
				}
			}
		}
	}
	j.open(j.demo.url + "/settings/billing")
	if edges := eval[[]float64](j.tab, `document.documentElement.dir = 'rtl', ['th', 'td'].map(c => { const r = document.createRange(); r.selectNodeContents(document.querySelector('.invoices ' + c + ':nth-child(4)')); return r.getBoundingClientRect().left })`); edges[0] != edges[1] {
		t.Errorf("the sums begin at %g, their heading at %g", edges[1], edges[0])
	}
}
