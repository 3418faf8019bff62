package e2e

import (
	"strconv"
	"testing"

	"github.com/chromedp/chromedp"
)

// phones are windows of phones that people have, in px.
var phones = []struct{ width, height int64 }{{320, 568}, {360, 740}, {390, 844}}

// onPhone looks at the page in a window of a phone.
func (b *tab) onPhone(width, height int64) {
	b.t.Helper()
	b.must(b.ctx, chromedp.EmulateViewport(width, height))
}

const (
	// tabsRows counts the rows that the tabs of the settings stand in.
	tabsRows = `new Set([...document.querySelectorAll('.tabs a')].map(a => a.getBoundingClientRect().top)).size`
	// currentTab is whether the tab of the page that is open is wholly to be seen.
	currentTab = `(() => { const r = document.querySelector('.tabs [aria-current]').getBoundingClientRect(); return r.left >= 0 && r.right <= innerWidth })()`
	// focusedTab is whether most of the one that has the focus is: browsers do not
	// scroll for the rest.
	focusedTab = `(() => { const r = document.activeElement.getBoundingClientRect(); return Math.min(r.right, innerWidth) - Math.max(r.left, 0) > r.width / 2 })()`
	// shifts is by how much what was drawn has moved since, scrolled by how much the page has.
	scrolled = `new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(scrollY))))`
	shifts   = `new Promise(done => { let sum = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) sum += e.value }).observe({type: 'layout-shift', buffered: true}); setTimeout(() => done(sum), 100) })`
)

// TestTabs: the tabs are one row on every phone, with scripts and without. The one
// that is open is in view, nothing moves to bring it there, and the keyboard comes
// to all of them.
func TestTabs(t *testing.T) {
	t.Parallel()
	for _, scripts := range []bool{true, false} {
		j := arrive(t, flat, scripts)
		j.byKeys()
		j.signIn(hana)
		for _, p := range phones {
			j.onPhone(p.width, p.height)
			for _, page := range []string{"billing", "approvals", "members", "activity"} {
				at := page + " at " + strconv.FormatInt(p.width, 10) + " px"
				j.open(j.demo.url + "/settings/" + page)
				if rows := eval[int](j.tab, tabsRows); rows != 1 {
					t.Errorf("%s: the tabs stand in %d rows", at, rows)
				}
				if !eval[bool](j.tab, currentTab) {
					t.Errorf("%s: the tab of the page is not in view", at)
				}
				if scripts && j.promised(shifts) > 0 {
					t.Errorf("%s: the layout shifts", at)
				}
			}
			for _, label := range []string{"Billing", "Approvals", "Agents", "Members", "Activity"} {
				j.reach(label, `[...document.querySelectorAll('.tabs a')].find(a => a.innerText.startsWith('`+label+`'))`)
				j.until(label+" to be in view", focusedTab)
			}
		}
	}
}

// promised waits for the number that the page promises.
func (b *tab) promised(promise string) float64 {
	b.t.Helper()
	ctx, cancel := b.within()
	defer cancel()
	sum, err := chromedp.Run(ctx, chromedp.Evaluate[float64](promise, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatal(err)
	}
	return sum
}

// TestApproveOnOneScreen: on a phone, with a browser's bars above and below, all that
// a person decides by is to be seen at once: the question, what it costs, who asks, the
// check code and both answers.
func TestApproveOnOneScreen(t *testing.T) {
	t.Parallel()
	for _, scripts := range []bool{true, false} {
		j := arrive(t, flat, scripts)
		j.signIn(hana)
		j.onPhone(390, 664)
		request1("Waiting")(j)
		j.see("Check that your agent shows the same code")
		for _, p := range []struct{ width, height int64 }{{360, 640}, {390, 664}} {
			j.onPhone(p.width, p.height)
			for _, what := range []string{"main h1", "main .due b", "#asker-title", "main .check-code", ".decide-bar [value=deny]", ".decide-bar [value=approve]"} {
				if !eval[bool](j.tab, inView(what)) {
					t.Errorf("scripts %v: %s is not on the first screen of %d × %d px", scripts, what, p.width, p.height)
				}
			}
		}
		j.picture("phone-approve-waiting")
	}
}

// TestPagesOpenAtTheirTop: what a row is scrolled to must not move the page.
func TestPagesOpenAtTheirTop(t *testing.T) {
	t.Parallel()
	j := arrive(t, flat, true)
	j.signIn(hana)
	for _, width := range []int64{320, 1280} {
		j.onPhone(width, 480)
		for _, page := range []string{"billing", "approvals", "approvals?state=denied", "agents", "members", "activity"} {
			j.open(j.demo.url + "/settings/" + page)
			if y := j.promised(scrolled); y != 0 {
				t.Errorf("%s at %d px opens %v px below its top", page, width, y)
			}
		}
	}
}

// TestStateStandsBesideWhatItIsOf: in the lists of the settings, on the narrowest
// phone and on a wide screen.
func TestStateStandsBesideWhatItIsOf(t *testing.T) {
	t.Parallel()
	j := arrive(t, flat, true)
	j.signIn(hana)
	for _, width := range []int64{320, 1280} {
		j.onPhone(width, 800)
		for _, page := range []string{"approvals", "agents", "members"} {
			j.open(j.demo.url + "/settings/" + page)
			if n := eval[int](j.tab, `document.querySelectorAll('.entry > .chip').length`); n == 0 {
				t.Errorf("%s at %d px: no state is shown", page, width)
			}
			if n := eval[int](j.tab, apart); n > 0 {
				t.Errorf("%s at %d px: %d states are not beside their names", page, width, n)
			}
		}
	}
}

// TestOverviewIsOneRow: the plan, the next charge and the card stand beside each
// other on a wide screen, on the first screen, and what can be done on one line.
func TestOverviewIsOneRow(t *testing.T) {
	t.Parallel()
	j := arrive(t, flat, true)
	j.signIn(ada)
	j.onPhone(1280, 800)
	if tops := eval[int](j.tab, lines(".overview > section")); tops != 1 {
		t.Errorf("the overview has %d rows", tops)
	}
	if tops := eval[int](j.tab, lines(".overview .btn")); tops != 1 {
		t.Errorf("the buttons of the overview stand on %d lines", tops)
	}
	if !eval[bool](j.tab, inView("#card-title")) || !eval[bool](j.tab, inView(".overview .btn")) {
		t.Error("the overview is not on the first screen")
	}
}

// lines counts on how many lines elements stand.
func lines(selector string) string {
	return `new Set([...document.querySelectorAll(` + quote(selector) + `)].map(e => Math.round(e.getBoundingClientRect().top))).size`
}

// apart counts the states that do not begin where the first line of their entry
// does, or that lie on its name.
const apart = `[...document.querySelectorAll('.entry')].filter(e => {
	const name = e.querySelector('h2, h3').getBoundingClientRect(), state = e.querySelector(':scope > .chip').getBoundingClientRect()
	return Math.abs(name.top - state.top) > 4 || state.left < name.right
}).length`

// inView is whether the whole of an element is to be seen, and nothing lies over it.
func inView(selector string) string {
	return `(() => {
		const e = document.querySelector(` + quote(selector) + `), r = e.getBoundingClientRect()
		const on = (x, y) => { const top = document.elementFromPoint(x, y); return top && (e.contains(top) || top.contains(e)) }
		return r.top >= 0 && r.bottom <= innerHeight && on(r.left + 2, r.top + 2) && on(r.right - 2, r.bottom - 2)
	})()`
}
