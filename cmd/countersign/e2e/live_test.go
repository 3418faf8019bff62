package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// before runs a script in every page that the tab opens from now on.
func (b *tab) before(script string) {
	b.t.Helper()
	b.must(b.ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	}))
}

// said waits until the words have been said aloud.
func (b *tab) said(words string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%q to be said", words), `document.getElementById('said').textContent.includes(`+quote(words)+`)`)
}

// streams waits until the page listens.
func (b *tab) streams() {
	b.t.Helper()
	b.until("a stream", `window.listening > 0`)
}

// hold keeps the page as it is, whatever happens elsewhere, as if somebody typed
// into it.
func (b *tab) hold() {
	b.t.Helper()
	eval[string](b, `document.getElementById('main').dataset.touched = ''`)
}

// countStreams lets a page tell whether it has an open stream.
const countStreams = `window.listening = 0
const Source = window.EventSource
window.EventSource = class extends Source {
	constructor(url) { super(url); this.addEventListener('open', () => window.listening++) }
	close() { if (this.readyState === 1) window.listening--; super.close() }
}`

// noStreams is a browser in a network that lets no stream through.
const noStreams = `window.EventSource = class extends EventTarget {
	constructor(url) { super(); this.url = url; this.readyState = 2 }
	close() {}
}`

// cancel withdraws a request.
func (a *agent) cancel(r request) {
	a.t.Helper()
	var s status
	a.must(http.MethodPost, a.base+"/api/web-approve/cancel", fmt.Sprintf(`{"request":%q}`, r.ID), &s)
}

// TestLive: what happens elsewhere is seen on a page that is open, without a
// reload, with a stream and without.
func TestLive(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{"stream": countStreams, "polling": noStreams, "no EventSource": `delete window.EventSource`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t)
			j := journey{newTab(t, true), d}
			j.signIn(ada)
			r := d.agent().upgrade(d.top.id)
			settings, watched := journey{j.sibling(), d}, journey{j.sibling(), d}
			for _, b := range []journey{settings, watched} {
				b.before(script)
			}
			settings.open(d.url + "/settings/billing")
			settings.see(r.Code)
			watched.open(r.URL)
			watched.see("Nothing has changed yet")
			for _, b := range []journey{settings, watched} {
				if b.mark(); name == "stream" {
					b.streams()
				}
			}
			j.open(r.URL)
			j.press("Approve, pay $")
			j.see("Acme is on " + d.top.name)
			j.said("Acme is on " + d.top.name)
			watched.see("Acme is on " + d.top.name)
			watched.said("Acme is on " + d.top.name)
			watched.inPlace()
			watched.lacks("Approve, pay")
			settings.until("the request to be gone", `!`+words+`.includes(`+quote(r.Code)+`)`)
			settings.inPlace()
			for _, b := range []journey{settings, watched} {
				b.until("nothing to follow", `!document.querySelector('[data-live]')`)
				if name == "stream" {
					b.until("the stream to be closed", `window.listening === 0`)
				}
			}
		})
	}
}

// TestLiveWaitsForPeople: what somebody types is not taken away, and they are told
// that there is news.
func TestLiveWaitsForPeople(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	j := journey{newTab(t, true), d}
	j.signIn(ada)
	r := d.agent().upgrade(d.top.id)
	j.before(countStreams)
	j.open(r.URL)
	j.see("Nothing has changed yet")
	j.streams()
	j.fill("Note to the agent", "After the audit.")
	d.agent().cancel(r)
	j.see("Something has changed meanwhile")
	j.said("Something has changed meanwhile")
	if got := eval[string](j.tab, `document.querySelector('[name=note]').value`); got != "After the audit." {
		t.Errorf("the note is %q", got)
	}
	j.mark()
	j.press("Show what has changed")
	j.see("Withdrawn by")
	j.inPlace()
	j.lacks("Something has changed meanwhile", "Approve, pay")
}

// TestLiveKeepsResults: the result of a press stays while the page goes on.
func TestLiveKeepsResults(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	j := journey{newTab(t, true), d}
	j.signIn(ada)
	r := d.agent().upgrade(d.top.id)
	j.before(countStreams)
	j.billing()
	j.see(r.Code)
	j.press("Upgrade, pay $")
	j.see("Acme is on " + d.top.name)
	j.said("Acme is on " + d.top.name)
	j.focusOn("Acme is on " + d.top.name)
	j.streams()
	j.mark()
	d.agent().cancel(r)
	j.until("the request to be gone", `!`+words+`.includes(`+quote(r.Code)+`)`)
	j.inPlace()
	j.see("was charged")
	j.focusOn("Acme is on " + d.top.name)
}

// TestBusy: what was pressed cannot be pressed again, whoever sends the form.
func TestBusy(t *testing.T) {
	t.Parallel()
	d := startDemo(t)
	j := journey{newTab(t, true), d}
	j.signIn(ada)
	for name, stay := range map[string]string{
		"sent by htmx":        `document.addEventListener('htmx:before:request', e => { e.detail.ctx.fetch = () => new Promise(() => {}) }, {capture: true, once: true})`,
		"sent by the browser": `document.addEventListener('submit', e => { window.stop(); setTimeout(() => window.stop()) }, {once: true})`,
	} {
		j.billing()
		eval[bool](j.tab, stay+` ?? true`)
		label := map[string]string{"sent by htmx": "Upgrade, pay $", "sent by the browser": "Manage in Stripe"}[name]
		button := find + `(` + quote(label) + `, 'body')`
		eval[bool](j.tab, `Boolean(window.button = `+button+`)`)
		j.press(label)
		j.until("a button that is busy: "+name, `button.disabled && getComputedStyle(button, '::before').content !== 'none' && button.closest('.htmx-request')`)
	}
}
