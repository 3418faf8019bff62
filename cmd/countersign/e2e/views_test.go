package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// view is another way of looking at a page: what the browser is told, and what
// has to hold then besides that nothing leaves the page or lies over something
// else.
type view struct {
	name   string
	width  int64
	media  string
	prefer map[string]string
	before string // JavaScript
	after  string
	holds  map[string]string
}

// views are those beside the looks. At 200 % a window of 1280 px is one of 640.
var views = []view{
	{name: "zoom-200", width: 640, holds: map[string]string{"every target is large enough": smallTargets + `.length === 0`}},
	{name: "zoom-400", width: 320, holds: map[string]string{"every target is large enough": smallTargets + `.length === 0`}},
	{name: "motion", width: 1280, prefer: map[string]string{"prefers-reduced-motion": "reduce"}, before: addSpinner, after: dropSpinner, holds: map[string]string{
		"nothing moves": moving + ` === 0`,
	}},
	{name: "motion-full", width: 1280, prefer: map[string]string{"prefers-reduced-motion": "no-preference"}, before: addSpinner, after: dropSpinner, holds: map[string]string{
		"a spinner turns": moving + ` > 0`,
	}},
	{name: "forced-colors", width: 1280, prefer: map[string]string{"forced-colors": "active"}, holds: map[string]string{
		"a button has an edge": `[...document.querySelectorAll('main .btn')].filter(e => e.checkVisibility()).every(e => parseFloat(getComputedStyle(e).borderTopWidth) >= 1)`,
	}},
	{name: "print", width: 794, media: "print", prefer: map[string]string{"prefers-color-scheme": "dark"}, holds: map[string]string{
		"no button is printed":   `![...document.querySelectorAll('button, nav, .btn')].some(e => e.checkVisibility({visibilityProperty: true}))`,
		"the words are dark":     `luminance(getComputedStyle(document.querySelector('main h1')).color) < 0.4`,
		"the paper is not black": `['html', 'body', 'main'].every(s => { const c = getComputedStyle(document.querySelector(s)).backgroundColor; return c === 'rgba(0, 0, 0, 0)' || luminance(c) > 0.8 })`,
	}},
	{name: "rtl", width: 1280, before: `document.documentElement.dir = 'rtl'`, after: `document.documentElement.dir = 'ltr'`, holds: map[string]string{
		"the heading begins at the right": `(() => { const w = document.createRange(); w.selectNodeContents(document.querySelector('main h1')); const h = w.getBoundingClientRect(), m = document.querySelector('main').getBoundingClientRect(); return m.right - h.right < h.left - m.left })()`,
	}},
	{name: "rtl-320", width: 320, before: `document.documentElement.dir = 'rtl'`, after: `document.documentElement.dir = 'ltr'`},
}

const (
	addSpinner  = `document.querySelector('main').append(Object.assign(document.createElement('span'), {className: 'spinner'}))`
	dropSpinner = `document.querySelector('main').lastElementChild.remove()`
	moving      = `document.getAnimations().filter(a => a.playState === 'running' && a.effect.getComputedTiming().duration > 1).length`
	luminance   = `window.luminance = c => { const x = document.createElement('canvas').getContext('2d', {willReadFrequently: true}); x.fillStyle = c; x.fillRect(0, 0, 1, 1); const [r, g, b] = x.getImageData(0, 0, 1, 1).data; return (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255 }`
)

// overlaps lists words that lie over other words, and words that leave the window.
const overlaps = `(() => {
	const boxes = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange()
	for (let n; n = walk.nextNode();) {
		const e = n.parentElement
		if (!n.data.trim() || !e.checkVisibility({visibilityProperty: true, opacityProperty: true}) || e.closest('.sr-only, .skip, noscript, script')) continue
		if ([...ancestors(e)].some(a => ['sticky', 'fixed'].includes(getComputedStyle(a).position))) continue
		range.selectNodeContents(n)
		for (const r of range.getClientRects()) if (r.width > 2 && r.height > 2) boxes.push({r, text: n.data.trim().slice(0, 40), clipped: [...ancestors(e)].some(a => getComputedStyle(a).overflowX !== 'visible')})
	}
	const found = boxes.filter(b => !b.clipped && (b.r.right > innerWidth + 1 || b.r.left < -1)).map(b => 'leaves the window: ' + b.text)
	for (let i = 0; i < boxes.length; i++) for (let k = i + 1; k < boxes.length; k++) {
		const a = boxes[i].r, b = boxes[k].r
		const x = Math.min(a.right, b.right) - Math.max(a.left, b.left), y = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
		if (x > 3 && y > Math.min(a.height, b.height) / 2 && !boxes[i].clipped && !boxes[k].clipped) found.push(boxes[i].text + ' over ' + boxes[k].text)
	}
	return found
	function* ancestors(e) { for (; e; e = e.parentElement) yield e }
})()`

// viewed are the states that are looked at in every view.
var viewed = []string{"billing-waiting", "billing-long", "billing-past-due", "approve-waiting", "approvals"}

// TestViews looks at a few states as people do who changed something in their
// browser or in their system, or who print.
func TestViews(t *testing.T) {
	t.Parallel()
	p := inDemo(flat)(t)
	for _, s := range states {
		if !slices.Contains(viewed, s.name) {
			continue
		}
		j := p(s.who)
		if s.do != nil {
			s.do(j)
		}
		s.proven(j.tab)
		for _, v := range views {
			j.seen(s.name, v)
		}
		j.look("light", 1280)
	}
}

// TestViewsNotice: what the views look for is found where it is.
func TestViewsNotice(t *testing.T) {
	t.Parallel()
	b := newTab(t, true)
	b.open("data:text/html,<main id=main style='background:black'><h1 style='color:%23eee'>title</h1><button class=btn style='border:0'>press</button>" +
		"<p style='position:absolute;top:200px'>under</p><p style='position:absolute;top:204px'>over</p><p style='white-space:nowrap;margin-left:1200px'>far away from here</p></main>")
	found := strings.Join(eval[[]string](b, overlaps), "; ")
	for _, part := range []string{"under over over", "leaves the window: far away"} {
		if !strings.Contains(found, part) {
			t.Errorf("found %q and not %q", found, part)
		}
	}
	for _, v := range views {
		b.emulate(v.width, v.media, v.prefer)
		eval[bool](b, luminance+`; true`)
		for what, expression := range v.holds {
			if eval[bool](b, expression) && v.name != "motion" {
				t.Errorf("%s: holds here, too: %s", v.name, what)
			}
		}
	}
}

// seen looks at the page that is open in a view, and keeps a picture.
func (b *tab) seen(state string, v view) {
	b.t.Helper()
	b.emulate(v.width, v.media, v.prefer)
	eval[bool](b, luminance+`; true`)
	if v.before != "" {
		eval[bool](b, v.before+`; true`)
	}
	for what, expression := range v.holds {
		if !eval[bool](b, expression) {
			b.t.Errorf("%s, %s: it does not hold that %s", state, v.name, what)
		}
	}
	if over := eval[int](b, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
		b.t.Errorf("%s, %s: %d px wider than the window", state, v.name, over)
	}
	for _, o := range eval[[]string](b, overlaps) {
		b.t.Errorf("%s, %s: %s", state, v.name, o)
	}
	if v.media == "print" {
		b.printed(state)
	}
	picture, err := b.capture()
	err = errors.Join(err, os.WriteFile(filepath.Join(artifacts, "view-"+v.name+"-"+state+".png"), picture, 0o600))
	if err != nil {
		b.t.Error(err)
	}
	if v.after != "" {
		eval[bool](b, v.after+`; true`)
	}
}

// printed prints the page on A4.
func (b *tab) printed(state string) {
	b.t.Helper()
	ctx, cancel := b.within()
	defer cancel()
	r, err := chromedp.Call(ctx, page.PrintToPDF, page.PrintToPDFParams{PaperWidth: 8.27, PaperHeight: 11.69})
	if err == nil && !bytes.HasPrefix(r.Data, []byte("%PDF")) {
		err = errors.New("no PDF")
	}
	if err = errors.Join(err, os.WriteFile(filepath.Join(artifacts, "view-print-"+state+".pdf"), r.Data, 0o600)); err != nil {
		b.t.Errorf("%s is not printed: %v", state, err)
	}
}

// emulate sets the window's width and what the browser says of its user.
func (b *tab) emulate(width int64, media string, prefer map[string]string) {
	b.t.Helper()
	b.width = width
	params := emulation.SetEmulatedMediaParams{Media: media}
	for name, value := range prefer {
		params.Features = append(params.Features, &emulation.MediaFeature{Name: name, Value: value})
	}
	b.must(b.ctx, chromedp.EmulateViewport(width, windowHeight), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, params)
		return err
	}))
}
