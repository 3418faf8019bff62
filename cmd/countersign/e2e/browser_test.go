package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// patience is how long a page may take to show what is waited for. Nothing
// waits that long when all is well.
const patience = 20 * time.Second

const windowHeight = 900

// startBrowser starts the one Chromium that all tests share.
func startBrowser(ctx context.Context) (context.Context, context.CancelFunc, error) {
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, windowHeight),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
	)
	alloc, stop := chromedp.NewExecAllocator(ctx, options...)
	browser, cancel := chromedp.NewContext(alloc)
	if err := chromedp.Do(browser); err != nil {
		cancel()
		stop()
		return nil, nil, fmt.Errorf("chromium does not start: %w", err)
	}
	return browser, func() { cancel(); stop() }, nil
}

// tab is a browser tab. Its cookies are shared with its siblings only.
type tab struct {
	t       *testing.T
	ctx     context.Context
	scripts bool
	watch   *watch
	scheme  string
	width   int64
	pressed spot
	keys    bool // nothing is done with the mouse
}

// newTab opens a tab with a cookie jar of its own. With scripts off it is a
// browser in which JavaScript is switched off.
func newTab(t *testing.T, scripts bool) *tab {
	return openTab(t, scripts, chromedp.WithNewBrowserContext())
}

// sibling opens another tab of the same person.
func (b *tab) sibling() *tab {
	return openTab(b.t, b.scripts, chromedp.WithExistingBrowserContext(chromedp.FromContext(b.ctx).BrowserContextID))
}

func openTab(t *testing.T, scripts bool, option chromedp.ContextOption) *tab {
	t.Helper()
	w := &watch{}
	ctx, cancel := chromedp.NewContext(browser, option, chromedp.WithListener(w.see))
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx, scripts: scripts, watch: w}
	b.must(ctx, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !scripts})
		if err != nil {
			return err
		}
		_, err = cdp.Call(ctx, t, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: reportViolations})
		return err
	}))
	b.look("light", 1280)
	t.Cleanup(func() {
		if w.provoked {
			return
		}
		for _, problem := range w.problems() {
			t.Errorf("browser: %s", problem)
		}
	})
	return b
}

// must runs browser actions that cannot fail but by a defect of the test.
func (b *tab) must(ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// within limits the steps of a test in time.
func (b *tab) within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(b.ctx, patience)
}

// look sets the colour scheme and the width of the window.
func (b *tab) look(scheme string, width int64) {
	b.t.Helper()
	b.scheme, b.width = scheme, width
	b.must(b.ctx, chromedp.EmulateViewport(width, windowHeight), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	}))
}

// open goes to an address and waits until it has loaded.
func (b *tab) open(address string) {
	b.t.Helper()
	ctx, cancel := b.within()
	defer cancel()
	err := chromedp.Do(ctx, chromedp.Navigate(address))
	for try := 1; try < 3 && err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED"); try++ {
		// A form that was sent right before ends after all, and takes its place.
		err = chromedp.Do(ctx, chromedp.Navigate(address))
	}
	if err != nil {
		b.t.Fatalf("open %s: %v", address, err)
	}
}

// until waits for an expression of JavaScript to become true. The debugger
// evaluates it even where the page itself may run no script.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	if err := b.await(expression); err != nil {
		b.picture("failed-" + strings.ReplaceAll(b.t.Name(), "/", "-"))
		b.t.Fatalf("waited for %s (last error: %v) at %s\n%.1500s", what, err, b.location(), b.text())
	}
}

func (b *tab) await(expression string) error {
	ctx, cancel := b.within()
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && ok {
			return nil
		}
		select {
		case <-tick.C: // between two pages there is nothing to evaluate in
		case <-ctx.Done():
			return cmp.Or(err, ctx.Err())
		}
	}
}

const words = `(document.body?.innerText ?? '').replace(/\s+/g, ' ').toLowerCase()`

// see waits until the page shows the text. Case does not count, since a style
// may change it.
func (b *tab) see(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("%q", text), words+`.includes(`+quote(strings.ToLower(text))+`)`)
}

// lacks fails if the page shows one of the texts now.
func (b *tab) lacks(texts ...string) {
	b.t.Helper()
	shown := strings.ToLower(b.text())
	for _, text := range texts {
		if strings.Contains(shown, strings.ToLower(text)) {
			b.t.Errorf("the page shows %q:\n%s", text, shown)
		}
	}
}

// text is what the page shows.
func (b *tab) text() string {
	return eval[string](b, `(document.body?.innerText ?? '').replace(/[^\S\n]+/g, ' ')`)
}

func (b *tab) location() string { return eval[string](b, `location.href`) }

// eval evaluates in the page that is there now.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	ctx, cancel := b.within()
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Errorf("evaluate %.80s: %v", expression, err)
	}
	return v
}

// spot is where something is on the screen, and its words.
type spot struct {
	X, Y float64
	Text string
}

// find finds what can be pressed by its words.
const find = `((label, scope) => {
	const words = e => e.innerText.replace(/\s+/g, ' ').trim()
	const all = [...document.querySelectorAll(scope + ' :is(a[href], button, summary)')].filter(e => e.checkVisibility() && !e.disabled)
	return all.find(e => words(e) === label) ?? all.find(e => words(e).startsWith(label))
})`

// locate scrolls what it finds into the window and makes sure that nothing lies
// over it.
const locate = `((label, scope) => {
	const words = e => e.innerText.replace(/\s+/g, ' ').trim()
	const e = ` + find + `(label, scope)
	if (!e) return null
	e.scrollIntoView({block: 'center', behavior: 'instant'})
	const r = e.getBoundingClientRect(), x = r.x + r.width / 2, y = r.y + r.height / 2
	return e.contains(document.elementFromPoint(x, y)) ? {X: x, Y: y, Text: words(e)} : null
})`

// press clicks the button or link with these words, or that begins with them,
// and returns its words.
func (b *tab) press(label string) string { b.t.Helper(); return b.pressIn("body", label) }

// pressIn does the same inside the element that a selector names.
func (b *tab) pressIn(scope, label string) string {
	b.t.Helper()
	here := `(` + quote(label) + `, ` + quote(scope) + `)`
	b.until(fmt.Sprintf("something to press: %q in %s", label, scope), `document.readyState === 'complete' && `+locate+here)
	if b.keys {
		return b.enter(label, find+here)
	}
	at := eval[*spot](b, locate+here)
	if at == nil {
		b.t.Fatalf("%q is gone", label)
	}
	b.pressed = *at
	b.pressAgain()
	return at.Text
}

// pressAgain clicks where the last press was, whatever is there now.
func (b *tab) pressAgain() {
	b.t.Helper()
	ctx, cancel := b.within()
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.MouseClickXY(b.pressed.X, b.pressed.Y)); err != nil {
		b.t.Fatalf("press %q: %v", b.pressed.Text, err)
	}
}

// can reports whether there is something to press that begins with the words.
func (b *tab) can(label string) bool {
	b.t.Helper()
	return eval[*spot](b, locate+`(`+quote(label)+`, 'body')`) != nil
}

// fill types into the field with this label.
func (b *tab) fill(label, value string) { b.t.Helper(); b.fillIn("body", label, value) }

// fillIn does the same inside the element that a selector names.
func (b *tab) fillIn(scope, label, value string) {
	b.t.Helper()
	field := `[...document.querySelectorAll(` + quote(scope+" label") + `)].find(l => l.innerText.trim().startsWith(` + quote(label) + `))?.control`
	b.until(fmt.Sprintf("a field %q", label), field)
	if b.keys {
		b.write(label, field, value)
		return
	}
	ctx, cancel := b.within()
	defer cancel()
	b.must(ctx, chromedp.Evaluate[chromedp.Void](field+`.focus(), `+field+`.select()`), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: value})
		return err
	}))
}

// mark leaves a trace that a swap in place keeps and a new page does not.
func (b *tab) mark() { eval[bool](b, `window.marked = true`) }

// inPlace checks what became of the mark: with scripts the page was not left,
// without them it was.
func (b *tab) inPlace() {
	b.t.Helper()
	if got := eval[bool](b, `window.marked === true`); got != b.scripts {
		b.t.Errorf("swapped in place: %v; scripts: %v", got, b.scripts)
	}
}

// focusOn checks that the keyboard is at the element with the words, which a
// swap has brought.
func (b *tab) focusOn(text string) {
	b.t.Helper()
	b.until(fmt.Sprintf("the focus on %q", text),
		`document.activeElement !== document.body && document.activeElement.innerText.replace(/\s+/g, ' ').includes(`+quote(text)+`) && document.activeElement.id !== 'main'`)
}

// shot keeps a picture of the whole page, for people to look at. A page without
// scripts looks the same, so it is kept only where it is asked for by failure.
func (b *tab) shot(state string) {
	b.t.Helper()
	if b.scripts {
		b.picture(state)
	}
}

func (b *tab) picture(state string) {
	b.t.Helper()
	b.until("the page to be loaded", `document.readyState === 'complete'`)
	name := pictureName(state, b.scheme, b.width)
	if !b.scripts {
		name += "-noscript"
	}
	var err error
	for range 3 { // a capture that meets the change to another page never ends
		var picture []byte
		if picture, err = b.capture(); err == nil {
			err = os.WriteFile(filepath.Join(artifacts, name+".png"), picture, 0o600)
			break
		}
	}
	if err != nil {
		b.t.Errorf("picture of %s: %v", name, err)
	}
}

func pictureName(state, scheme string, width int64) string {
	return fmt.Sprintf("%s-%s-%d", state, scheme, width)
}

// capture makes the window as high as the page first, so that what sticks to the
// window's edge is where it belongs.
func (b *tab) capture() ([]byte, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience/3)
	defer cancel()
	height, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`Math.max(document.documentElement.scrollHeight, 200)`))
	if err != nil {
		return nil, err
	}
	if err = chromedp.Do(ctx, chromedp.EmulateViewport(b.width, height)); err != nil {
		return nil, err
	}
	fast := true
	r, err := chromedp.Call(ctx, page.CaptureScreenshot, page.CaptureScreenshotParams{OptimizeForSpeed: &fast})
	return r.Data, errors.Join(err, chromedp.Do(b.ctx, chromedp.EmulateViewport(b.width, windowHeight)))
}

// quote writes a string of JavaScript.
func quote(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be written
	}
	return string(raw)
}
